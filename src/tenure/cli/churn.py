"""The churn report of one file, outside of any workspace."""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli import churn_definitions, manners, opened, show
from tenure.cli.file_options import DateOrder, Delimiter, Encoding, HeaderRow, IdColumn, Sheet
from tenure.errors import TenureError
from tenure.language import current, tr

if TYPE_CHECKING:
    from tenure.insight.churn.profit import Campaign

app = typer.Typer(
    cls=manners.Group, help=tr("What counts as leaving, and who leaves, told from one file."), no_args_is_help=True
)


def report(
    file: Annotated[Path, typer.Argument(help=tr("CSV, Excel, Parquet or JSON Lines, one row a customer."))],
    outcome: Annotated[
        str, typer.Option(metavar="COLUMN=VALUE", help=tr("Who left: the column, and what it says of them: Churn=Yes."))
    ],
    out: Annotated[Path, typer.Option(help=tr("Where the page is written."))] = Path("churn-report.html"),
    id_column: IdColumn = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option("--leave-out", metavar="COLUMN", help=tr("Don't learn from this column; may be repeated.")),
    ] = None,
    date_column: Annotated[
        str | None,
        typer.Option("--date", metavar="COLUMN", help=tr("The date that orders customers: tried on the latest.")),
    ] = None,
    tenure_column: Annotated[
        str | None,
        typer.Option(
            "--tenure", metavar="COLUMN", help=tr("How long each has been a customer, where not found by name.")
        ),
    ] = None,
    left_on: Annotated[
        str | None,
        typer.Option(
            "--left-on", metavar="COLUMN", help=tr("The day each left: with --date, how long before it was told.")
        ),
    ] = None,
    learners: Annotated[
        str,
        typer.Option(
            metavar="quick|all|NAME,…",
            help=tr("Which other learners are tried beside the model; see tenure list learners."),
        ),
    ] = "quick",
    value: Annotated[
        float, typer.Option(help=tr("What a customer who is kept is worth; 1 counts in such values."))
    ] = 1.0,
    offer: Annotated[
        float | None,
        typer.Option(help=tr("What an offer to stay costs, in the same unit; 5 % of the value unless said.")),
    ] = None,
    contact: Annotated[
        float | None, typer.Option(help=tr("What reaching one customer costs; 0.5 % of the value unless said."))
    ] = None,
    accepting: Annotated[float, typer.Option(help=tr("The mean share of leavers who stay when made an offer."))] = 0.3,
    customers: Annotated[
        int, typer.Option(min=0, max=1000, help=tr("List so many of the riskiest by number, with reasons; needs --id."))
    ] = 0,
    folds: Annotated[int, typer.Option(min=2, max=20, help=tr("Parts the file is tried in."))] = 5,
    language: Annotated[str | None, typer.Option("--language", help=tr("Language of the page: en or zh."))] = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    sheet: Sheet = None,
    header_row: HeaderRow = None,
    date_order: DateOrder = None,
) -> None:
    from tenure.insight.churn.customer_file import Asked, nearest
    from tenure.insight.churn.leaderboard import chosen
    from tenure.insight.churn.report import page
    from tenure.insight.churn.study import study
    from tenure.language import Words
    from tenure.sources.base import Options
    from tenure.sources.dates import order_named
    from tenure.sources.whole import whole, with_dates

    column, sign, said = (part.strip() for part in outcome.partition("="))
    if not (column and sign and said):
        raise TenureError(
            tr('Can\'t read the outcome "{outcome}". Write column=value: --outcome Churn=Yes.', outcome=outcome)
        )
    if language is not None and language.casefold() not in ("en", "zh", "zh-hans"):
        raise TenureError(tr('There is no language "{language}". Give en or zh.', language=language))
    if customers and id_column is None:
        raise TenureError(tr("To list customers, say which column holds their number: --id COLUMN."))
    others, campaign = chosen(learners), _campaign(value, offer, contact, accepting)
    _writable(out, file)
    today = opened.now().date()
    found = whole(file, Options(encoding=encoding, sheet=sheet, delimiter=delimiter, header_row=header_row))
    table = found.table
    if date_column is not None:
        if date_column not in table.column_names:
            near = nearest(date_column, table.column_names)
            raise TenureError(tr('The file has no column "{name}". {nearest}', name=date_column, nearest=near))
        table = with_dates(table, date_column, order_named(date_order))
    if left_on is not None and left_on in table.column_names:
        table = with_dates(table, left_on, order_named(date_order))
    asked = Asked(
        column, said, id_column, date_column, tenure_column, tuple(leave_out or ()), folds, customers, file.name, left_on,
        others, campaign,
    )  # fmt: skip
    with show.progress() as bar:
        task = bar.add_task(tr("Learning who leaves"), total=None)
        result = study(
            table, asked, today=today, tell=lambda done, total: bar.update(task, completed=done, total=total)
        )
    if found.broken:
        result.findings.insert(
            0,
            Words("{rows} rows are broken and were passed over", "{rows} 行已损坏，已跳过").format(
                rows=f"{found.broken:,}"
            ),
        )
    _write(out, page(result, language=language or current(), made_on=today))
    m = result.metrics
    show.out.print(
        tr(
            "{rows:,} customers, {left:,} left. AUC {auc:.3f} ({low:.3f} to {high:.3f}), lift of the riskiest tenth {lift:.2f}.",
            rows=result.rows, left=result.left, auc=m["auc"], low=m["auc_low"], high=m["auc_high"], lift=m["top_decile_lift"],
        ),
        markup=False,
    )  # fmt: skip
    if result.leaderboard is not None:
        show.out.print(str(result.leaderboard.said), markup=False)
        for entry in result.leaderboard.entries:
            if entry.skipped is not None:
                show.out.print(f"{entry.words}: {entry.skipped}", markup=False)
    for name, why in result.refused.items():
        show.out.print(tr("Refused as the outcome in disguise: {name} ({why})", name=name, why=why), markup=False)
    for words in result.findings:
        show.out.print(str(words), markup=False)
    show.hint(tr("Written: {out}. Open it in a browser.", out=out))


report.__doc__ = tr("Learn who leaves from one file, and write what was found as one page that needs nothing else.")
app.command("report", cls=manners.Command)(report)


def _campaign(value: float, offer: float | None, contact: float | None, accepting: float) -> "Campaign":
    """What is assumed of a campaign. Raises TenureError where it can't be."""
    from tenure.insight.churn.profit import Campaign

    usual = Campaign()
    sure = usual.alpha + usual.beta
    try:
        return Campaign(
            alpha=sure * accepting, beta=sure * (1 - accepting), value=value,
            offer=usual.offer if offer is None else offer / value, contact=usual.contact if contact is None else contact / value,
        )  # fmt: skip
    except (ValueError, ZeroDivisionError):
        raise TenureError(
            tr(
                "A campaign can't be reckoned with --value {value:g}, --offer {offer}, --contact {contact}, --accepting "
                "{accepting:g}. The value must be above 0, an offer below it, costs not below 0 and not both 0, the share "
                "accepting between 0 and 1.",
                value=value, offer="–" if offer is None else f"{offer:g}", contact="–" if contact is None else f"{contact:g}",
                accepting=accepting,
            )
        ) from None  # fmt: skip


def _writable(out: Path, file: Path) -> None:
    if out.is_dir():
        raise TenureError(tr("{out} is a folder. Name the file to write, such as report.html.", out=out))
    if not out.absolute().parent.is_dir():
        raise TenureError(tr("There is no folder {folder}. Make it, or write elsewhere.", folder=out.absolute().parent))
    if out.exists() and file.exists() and out.samefile(file):
        raise TenureError(tr("The page would replace the file it is made from. Name another with --out."))


def _write(out: Path, text: str) -> None:
    """Whole or not at all: beside its place first, then into it."""
    handle, beside = tempfile.mkstemp(dir=out.absolute().parent, prefix=f".{out.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        mask = os.umask(0)
        os.umask(mask)
        Path(beside).chmod(0o666 & ~mask)
        Path(beside).replace(out)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


app.command("definitions", cls=manners.Command, help=tr("The definitions of churn there are, and those in force."))(
    churn_definitions.definitions
)
app.command(
    "preview",
    cls=manners.Command,
    help=tr("Who would have counted as leaving last year, by a definition not yet in force."),
)(churn_definitions.preview)
