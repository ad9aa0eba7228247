"""Commands that bring records in, and take them back."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from tenure.cli import opened, show
from tenure.cli.show import Format
from tenure.contracts import contract_named
from tenure.errors import TenureError
from tenure.language import tr
from tenure.pipeline.clock import start_of


def import_(
    file: Annotated[Path, typer.Argument(help=tr("CSV, Excel, Parquet or JSON Lines."))],
    contract: Annotated[str, typer.Option("--as", help=tr("What the rows are; see: tenure list contracts"))],
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="COLUMN=FIELD", help=tr("Read this column of the file as this field; may be repeated.")
        ),
    ] = None,
    source: Annotated[str, typer.Option(help=tr("Name of the system the file is from."))] = "main",
    ids_of: Annotated[
        str | None,
        typer.Option("--ids-of", help=tr("The source whose customer numbers the file uses, if not its own.")),
    ] = None,
    id_column: Annotated[
        str | None, typer.Option("--id", metavar="COLUMN", help=tr("The column that holds the customer's number."))
    ] = None,
    outcome: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN=VALUE", help=tr("For a snapshot: the column and value that mean yes, such as Churn=Yes.")
        ),
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help=tr("Leave out rows of before this day."))
    ] = None,
    before: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help=tr("Leave out rows of this day and after."))
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help=tr("The file's encoding, where it is not told by itself."))
    ] = None,
    date_order: Annotated[
        str | None, typer.Option("--date-order", help=tr("How to read 01/03/2026: dmy or mdy."))
    ] = None,
    sheet: Annotated[
        str | None, typer.Option(help=tr("Sheet of a workbook; to be said where several have rows."))
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=tr("Read and check everything; keep only the file of rejected rows."))
    ] = False,
) -> None:
    """Bring a file of records in, whole or not at all."""
    from tenure.sources.importing import import_file

    here = opened.workspace()
    zone = here.zone_info
    with show.progress() as bar:
        task = bar.add_task(file.name, total=None)
        report = import_file(
            opened.lake(here),
            file,
            contract,
            mapping=_pairs(mapping or []),
            source=source,
            ids_of=ids_of,
            id_column=id_column,
            outcome=outcome,
            since=start_of(since.date(), zone) if since else None,
            before=start_of(before.date(), zone) if before else None,
            encoding=encoding,
            date_order=date_order,
            sheet=sheet,
            dry_run=dry_run,
            zone=here.zone,
            currency=here.currency,
            rejects_folder=here.rejects_folder,
            now=opened.now(),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    for line in report.summary():
        show.out.print(line, markup=False)
    for twin in opened.lake(here).batches(report.contract):
        if twin.state == "committed" and twin.fingerprint == report.fingerprint and twin.batch != report.batch:
            show.out.print(
                tr("This very file is in already, as batch {batch}; rows with one key count once. Take one back with: tenure undo {batch}", batch=twin.batch),
                markup=False,
            )  # fmt: skip
    if not dry_run:
        show.hint(tr("Next: tenure refresh"))


import_.__doc__ = tr("Bring a file of records in, whole or not at all.")


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = {}
    for text in given:
        column, equals, field = text.partition("=")
        if not (column and equals and field):
            raise TenureError(
                tr('--map takes COLUMN=FIELD, for example --map order_date=ordered_at; found "{text}".', text=text)
            )
        pairs[column] = field
    return pairs


def template(contract: Annotated[str, typer.Argument(help=tr("Name of the contract."))]) -> None:
    typer.echo(contract_named(contract).template, nl=False)


template.__doc__ = tr("Print a CSV file to fill in: the headings of a contract, and one example row.")


def batches(format: Annotated[Format, typer.Option("--format", help=tr("table, json or csv"))] = Format.table) -> None:
    found = [
        {
            "batch": b.batch,
            "contract": b.contract,
            "state": b.state,
            "at": b.at,
            "source": b.source,
            "file": b.file,
            "rows": b.rows,
        }
        for b in opened.lake().batches()
    ]
    # A table is read from the left, and a narrow screen cuts on the right.
    headings = {"batch": tr("Batch"), "rows": tr("Rows"), "state": tr("State"), "at": tr("When"), "file": tr("File"),
                "source": tr("Source"), "contract": tr("Contract")}  # fmt: skip
    show.rows(found, format, headings=headings)
    if not found:
        show.hint(tr("Nothing was imported yet. Begin with: tenure import FILE --as CONTRACT"))


batches.__doc__ = tr("List what was imported, batch by batch.")


def undo(batch: Annotated[str, typer.Argument(help=tr("The batch, as tenure batches lists it."))]) -> None:
    info = opened.lake().undo(batch, now=opened.now())
    show.out.print(
        tr("{rows} rows of {contract} no longer count.", rows=info.rows, contract=info.contract), markup=False
    )
    show.hint(tr("Next: tenure refresh"))


undo.__doc__ = tr("Take a batch back as a whole.")
