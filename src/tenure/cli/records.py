"""Commands that bring records in, and take them back."""

from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli import opened, show
from tenure.cli.file_options import DateOrder, Delimiter, Encoding, HeaderRow, IdColumn, Sheet
from tenure.cli.show import Format, Tell
from tenure.contracts import CONTRACTS, contract_named
from tenure.errors import TenureError
from tenure.language import tr
from tenure.workspace import Workspace

if TYPE_CHECKING:
    from tenure.desk.customers.objects.models import OwnObject


def import_(
    file: Annotated[Path | None, typer.Argument(help=tr("CSV, Excel, Parquet or JSON Lines."))] = None,
    contract: Annotated[
        str | None,
        typer.Option("--as", help=tr("What the rows are: see tenure list contracts, or an own kind of record.")),
    ] = None,
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
    id_column: IdColumn = None,
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
    encoding: Encoding = None,
    date_order: DateOrder = None,
    sheet: Sheet = None,
    delimiter: Delimiter = None,
    header_row: HeaderRow = None,
    mode: Annotated[
        str, typer.Option(help=tr("upsert takes every row; create refuses known records, update unknown ones."))
    ] = "upsert",
    match_on: Annotated[
        list[str] | None,
        typer.Option(
            "--match-on",
            metavar="FIELD",
            help=tr("Find the record by this field, such as phone, not by its number; may be repeated."),
        ),
    ] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="BATCH", help=tr("Go on with an import that was killed, as it was begun."))
    ] = None,
    again: Annotated[bool, typer.Option("--again", help=tr("Import the file though it is in already."))] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=tr("Read and check everything; keep only the file of rejected rows."))
    ] = False,
) -> None:
    """Bring a file of records in, whole or not at all."""
    from tenure.sources.importing import import_file, resume_import

    here = opened.workspace()
    if file is not None and contract is not None and not resume and (kind := _own_kind(here, contract)) is not None:
        _bring_own(here, kind, file, mapping=_pairs(mapping or []), source=source, ids_of=ids_of, dry_run=dry_run)
        return
    zone = here.zone_info
    with show.progress() as bar:
        task = bar.add_task(file.name if file else resume or "", total=None)

        def told(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        if resume:
            report = resume_import(
                opened.lake(here),
                resume,
                path=file,
                rejects_folder=here.rejects_folder,
                now=opened.now(),
                progress=told,
            )
        elif file is None or contract is None:
            raise TenureError(
                tr("Name a file and what its rows are, for example: tenure import orders.csv --as orders")
            )
        else:
            report = import_file(
                opened.lake(here),
                file,
                contract,
                mapping=_pairs(mapping or []),
                source=source,
                ids_of=ids_of,
                id_column=id_column,
                outcome=outcome,
                since=datetime.combine(since.date(), time(), zone) if since else None,
                before=datetime.combine(before.date(), time(), zone) if before else None,
                encoding=encoding,
                date_order=date_order,
                sheet=sheet,
                delimiter=delimiter,
                header_row=header_row,
                mode=mode,  # type: ignore[arg-type]  # an unknown one is told with those there are
                match_on=match_on,
                again=again,
                dry_run=dry_run,
                zone=here.zone,
                currency=here.currency,
                rejects_folder=here.rejects_folder,
                now=opened.now(),
                progress=told,
            )
    for line in report.summary():
        show.out.print(line, markup=False)
    if not dry_run:
        show.hint(tr("Next: tenure refresh"))


import_.__doc__ = tr("Bring a file of records in, whole or not at all.")


def _own_kind(here: Workspace, name: str) -> "OwnObject | None":
    """The company's own kind of record of this name or code; None for a contract, and where there is none."""
    if name in CONTRACTS:
        return None
    opened.desk(here)
    from tenure.desk.customers.objects import definitions

    return definitions.find(name)


def _bring_own(
    here: Workspace, kind: "OwnObject", file: Path, *, mapping: dict[str, str], source: str, ids_of: str | None,
    dry_run: bool,
) -> None:  # fmt: skip
    """Bring records of an own kind in, and say what came of every row."""
    from tenure.desk.customers.objects import bringing
    from tenure.lake import SYSTEM

    if not file.is_file():
        raise TenureError(tr('There is no file "{name}".', name=file))
    report = bringing.bring(
        kind, file, lake=opened.lake(here), scope=SYSTEM, actor=None, now=opened.now(), source=source, ids_of=ids_of,
        mapping=mapping, dry_run=dry_run,
    )  # fmt: skip
    show.out.print(
        tr(
            "{rows:,} rows: {made:,} new, {changed:,} changed, {same:,} as they were, {rejected:,} rejected.",
            rows=report.rows, made=report.made, changed=report.changed, same=report.same, rejected=report.rejected,
        ),
        markup=False,
    )  # fmt: skip
    for row, column, value, why in report.rejects:
        show.out.print(f"  {row}  {column}: {value}  {why}", markup=False)
    if report.plan.unread:
        show.out.print(tr("Not read: {columns}", columns=", ".join(report.plan.unread)), markup=False)
    if report.batch is not None:
        show.hint(tr("To take it back, open the records' page, Import, and Undo."))


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
    shape = contract_named(contract)
    # The desk is opened only for a company that has fields of its own: a template needs no workspace.
    own = opened.lake().custom(shape.name)
    if own:
        opened.desk()
        from tenure.desk.customers.api import template_of
    typer.echo(template_of(shape.name) if own else shape.template, nl=False)


template.__doc__ = tr(
    "Print a CSV file to fill in: the headings of a contract and the company's own fields, and one example row."
)


def batches(format: Tell = Format.table) -> None:
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
    from tenure.sources.undoing import undo as take_back

    for line in take_back(opened.lake(), batch, opened.now()).summary():
        show.out.print(line, markup=False)
    show.hint(tr("Next: tenure refresh"))


undo.__doc__ = tr("Take a batch back as a whole.")


def look(
    file: Annotated[Path, typer.Argument(help=tr("CSV, Excel, Parquet or JSON Lines."))],
    contract: Annotated[
        str | None, typer.Option("--as", help=tr("What the rows are; see: tenure list contracts"))
    ] = None,
) -> None:
    from tenure.sources.looking import look as look_at
    from tenure.sources.trade import shapes

    seen = look_at(file, contract=contract, contracts=shapes(opened.lake()))
    rows = tr("about {rows:,} rows", rows=seen.rows) if seen.estimated else tr("{rows:,} rows", rows=seen.rows)
    parts = [seen.kind, rows, seen.encoding, seen.sheet]
    show.out.print(", ".join(part for part in parts if part), markup=False)
    fits = ", ".join(f"{name} {fit:.0%}" for name, fit in seen.contracts[:3])
    show.out.print(tr("May be: {fits}.", fits=fits), markup=False)
    for header in seen.headers:
        field = next((field for field, column in seen.fields.items() if column == header), "—")
        show.out.print(f"  {header} → {field}   {' | '.join(seen.samples.get(header, ())[:3])}", markup=False)
    for note in (*seen.notes, *seen.missing):
        show.out.print(note, markup=False)
    show.hint(tr("Next: tenure import {file} --as {contract} --dry-run", file=file, contract=seen.contract))


look.__doc__ = tr("Say what a file seems to hold, before importing it.")
