"""Commands for what comes in by itself: feeds, a single pull, and the move from another system."""

import json
from typing import Annotated, Any

import typer

from tenure.cli import manners, opened, show
from tenure.cli.records import _pairs
from tenure.cli.show import Format, Tell
from tenure.errors import TenureError
from tenure.language import tr

app = typer.Typer(
    cls=manners.Group, help=tr("Databases and folders that records come from by themselves."), no_args_is_help=True
)
migrate = typer.Typer(
    cls=manners.Group,
    help=tr("Move from another system: in slices, compared, rolled back as a whole."),
    no_args_is_help=True,
)

Dsn = Annotated[
    str,
    typer.Argument(
        metavar="DSN", help=tr("Address of the database; - asks for it unseen, so that no history keeps its password.")
    ),
]
As = Annotated[str, typer.Option("--as", help=tr("What the rows are; see: tenure list contracts"))]
Map = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="COLUMN=FIELD", help=tr("Read this column as this field; may be repeated.")),
]
Source = Annotated[str, typer.Option(help=tr("Name of the system the rows are from."))]
Query = Annotated[str, typer.Option(help=tr("One SELECT to read instead of a table."))]
Watermark = Annotated[str, typer.Option(help=tr("The column that grows when a row is new or changes."))]
Overlap = Annotated[int, typer.Option(help=tr("How far back to look again: seconds of a time, units of a number."))]
Name = Annotated[str, typer.Argument(help=tr("Name of the feed."))]
Migration = Annotated[str, typer.Argument(help=tr("Name of the migration."))]


def pull(
    dsn: Dsn,
    contract: As,
    table: Annotated[str | None, typer.Argument(help=tr("Table to read."))] = None,
    query: Query = "",
    mapping: Map = None,
    source: Source = "main",
    limit: Annotated[int | None, typer.Option(help=tr("Only so many rows, as a sample."))] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=tr("Read and check everything; keep only the file of rejected rows."))
    ] = False,
) -> None:
    import tempfile
    from pathlib import Path

    from tenure.sources.pull import Asked
    from tenure.sources.pulling import pull as bring

    here = opened.workspace()
    if bool(table) == bool(query):
        raise TenureError(tr("Choose one: a table, or a query."))
    with tempfile.TemporaryDirectory(prefix="tenure-pull-") as folder, show.progress() as bar:
        task = bar.add_task(table or tr("the query"), total=None)
        pulled = bring(
            opened.lake(here), _address(dsn), Asked(table or "", query, most=limit), contract, folder=Path(folder),
            fetching=lambda rows: bar.update(task, completed=rows), mapping=_pairs(mapping or []), source=source,
            dry_run=dry_run, zone=here.zone, currency=here.currency, rejects_folder=here.rejects_folder,
            now=opened.now(), progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    for line in pulled.summary():
        show.out.print(line, markup=False)
    if not dry_run:
        show.hint(tr("Next: tenure refresh"))


pull.__doc__ = tr("Bring a table of a database in, once.")


@app.command("tables", cls=manners.Command, help=tr("List the tables of a database, and what they look like."))
def tables(dsn: Dsn, format: Tell = Format.table) -> None:
    from tenure.sources.pull import open_database
    from tenure.sources.trade import shapes

    known = shapes(opened.lake())
    with open_database(_address(dsn)) as database:
        found = [
            {
                "table": table.name, "columns": ", ".join(column.name for column in table.columns),
                "looks_like": next((name for name, _ in table.guesses(known)), ""),
                "watermark": next(iter(table.watermarks), ""),
            }
            for table in database.tables()
        ]  # fmt: skip
    headings = {
        "table": tr("Table"),
        "looks_like": tr("Looks like"),
        "watermark": tr("Watermark"),
        "columns": tr("Columns"),
    }
    show.rows(found, format, headings=headings)


@app.command("add", cls=manners.Command, help=tr("Have a database or a folder brought in by itself from now on."))
def add(
    name: Name,
    contract: As,
    dsn: Annotated[
        str,
        typer.Option(help=tr("Address of the database; - asks for it unseen, so that no history keeps its password.")),
    ] = "",
    table: Annotated[str, typer.Option(help=tr("Table to read."))] = "",
    query: Query = "",
    folder: Annotated[str, typer.Option(help=tr("Folder to watch, instead of a database."))] = "",
    move: Annotated[
        bool, typer.Option("--move", help=tr("Move files that were taken to the folder's own folder done."))
    ] = False,
    mapping: Map = None,
    source: Source = "main",
    watermark: Watermark = "",
    overlap: Overlap = 3600,
    every: Annotated[int | None, typer.Option(metavar="MINUTES", help=tr("Run every so many minutes."))] = None,
    daily: Annotated[str, typer.Option(metavar="HH:MM", help=tr("Run daily at this time of the business zone."))] = "",
    zone: Annotated[str, typer.Option(help=tr("Zone of times without one, where it is not the workspace's."))] = "",
) -> None:
    opened.desk()
    from tenure.desk.work import feeds

    wished = feeds.Wished(
        name=name, contract=contract, source=source, dsn=_address(dsn) if dsn else "", table=table, query=query,
        folder=folder, move=move, mapping=_pairs(mapping or []), watermark=watermark, overlap=overlap,
        every_minutes=every, daily_at=daily, zone=zone,
    )  # fmt: skip
    found = feeds.add_feed(wished, actor=None, now=opened.now())
    show.out.print(tr('Feed "{name}" reads {where}.', name=found.name, where=found.where), markup=False)
    show.hint(tr('Next: tenure feed run "{name}", or let tenure worker do it by its schedule', name=found.name))


@app.command("list", cls=manners.Command, help=tr("List the feeds, when they run and what the last run brought."))
def list_(format: Tell = Format.table) -> None:
    opened.desk()
    from tenure.desk.work.models import Feed

    found = []
    for one in Feed.objects.kept():
        last = one.runs.first()
        found.append(
            {
                "feed": one.name, "state": one.get_state_display() if format is Format.table else one.state,
                "reads": one.where, "records": one.contract, "next": one.next_at,
                "last": last and (last.get_state_display() if format is Format.table else last.state),
                "rows": last and last.accepted, "why": last.why if last else "",
            }
        )  # fmt: skip
    headings = {"feed": tr("Feed"), "state": tr("State"), "last": tr("Last run"), "rows": tr("Rows"), "next": tr("Next run"),
                "records": tr("Records"), "reads": tr("Reads"), "why": tr("Why")}  # fmt: skip
    show.rows(found, format, headings=headings)
    if not found:
        show.hint(tr("There are no feeds yet. Begin with: tenure feed tables DSN, then tenure feed add"))


@app.command("run", cls=manners.Command, help=tr("Run a feed now, and wait for it."))
def run(name: Name) -> None:
    found, feeds = _feed(name)
    job = feeds.run_now(found.pk, actor=None, now=opened.now())
    _worked_off([job])
    for one in found.runs.filter(job=job).order_by("pk"):
        said = one.why or tr(
            "{rows:,} rows taken, {rejected:,} rejected, {known:,} received before. Batch {batch}.",
            rows=one.accepted, rejected=one.rejected, known=one.known, batch=one.batch or "–",
        )  # fmt: skip
        show.out.print(f"{one.file}: {said}" if one.file else said, markup=False)
    for one in feeds.suspects_of(_fresh(found)):
        show.hint(
            tr(
                'Column {column}: "{value}" in {rows:,} rows is likely "{better}". Mend it: tenure feed mend',
                **_as_told(one),
            )
        )


@app.command("pause", cls=manners.Command, help=tr("Pause a feed, or let a paused one go on."))
def pause(name: Name, go_on: Annotated[bool, typer.Option("--go-on", help=tr("Let it go on."))] = False) -> None:
    found, feeds = _feed(name)
    feeds.set_state(found.pk, "on" if go_on else "paused", actor=None, now=opened.now())
    show.out.print(
        tr('Feed "{name}" goes on.', name=name) if go_on else tr('Feed "{name}" is paused.', name=name), markup=False
    )


@app.command("remove", cls=manners.Command, help=tr("End a feed and forget its address; what it brought stays."))
def remove(name: Name) -> None:
    found, feeds = _feed(name)
    feeds.remove_feed(found.pk, actor=None, now=opened.now())
    show.out.print(tr('Feed "{name}" is removed.', name=name), markup=False)


@app.command(
    "mend",
    cls=manners.Command,
    help=tr("Show values that are likely misspelt; with --column and --value, mend one for all rows."),
)
def mend(
    name: Name,
    column: Annotated[str, typer.Option(help=tr("The column to mend in."))] = "",
    value: Annotated[str, typer.Option(help=tr("The misspelt value."))] = "",
    to: Annotated[str, typer.Option(help=tr("What is meant; what was suggested, unless said."))] = "",
    every: Annotated[bool, typer.Option("--all", help=tr("Mend everything that is suggested."))] = False,
    format: Tell = Format.table,
) -> None:
    found, feeds = _feed(name)
    from tenure.sources.spelling import corrections_of

    suspects = feeds.suspects_of(found)
    if not (every or value):
        headings = {
            "column": tr("Column"),
            "value": tr("Value"),
            "rows": tr("Rows"),
            "better": tr("Likely meant"),
            "of": tr("Found in"),
        }
        show.rows([{**_as_told(one), "of": one.of or one.column} for one in suspects], format, headings=headings)
        return
    suggested = next((one for one in suspects if (one.column, one.value) == (column, value)), None)
    meant = to or (suggested.better if suggested else "")
    if not every and not (column and meant):
        raise TenureError(tr("Say what is meant: --column COLUMN --value VALUE --to VALUE."))
    agreed = corrections_of(suspects) if every else {column: {value: meant}}
    feeds.correct_feed(found.pk, agreed, actor=None, now=opened.now())
    show.out.print(
        tr("From the next run on these are mended in every row; that run reads all of them once more."), markup=False
    )
    show.hint(tr('Next: tenure feed run "{name}"', name=name))


# Migration


@migrate.command("begin", cls=manners.Command, help=tr("Plan a migration; nothing is brought in yet."))
def begin(
    name: Migration,
    dsn: Dsn,
    tables: Annotated[
        list[str],
        typer.Option("--table", metavar="TABLE=CONTRACT", help=tr("A table and what its rows are; may be repeated.")),
    ],
    source: Source = "main",
    mapping: Map = None,
    cut: Annotated[
        list[str] | None,
        typer.Option(
            "--cut", metavar="TABLE:COLUMN:SLICES", help=tr("Cut a table by a column into slices; may be repeated.")
        ),
    ] = None,
    watermark: Watermark = "",
    every: Annotated[int | None, typer.Option(metavar="MINUTES", help=tr("Run every so many minutes."))] = 15,
) -> None:
    opened.desk()
    from tenure.desk.work import migration
    from tenure.desk.work.feeds import Wished

    address = _address(dsn)
    pairs = _pairs(mapping or [])
    wanted = [
        Wished(name="", contract=contract, source=source, dsn=address, table=table, watermark=watermark, mapping=pairs,
               every_minutes=every)
        for table, contract in _pairs(tables).items()
    ]  # fmt: skip
    made = migration.begin(name, wanted, actor=None, now=opened.now(), cut=_cuts(cut or []))
    for one in made.feeds.all():
        show.out.print(one.name, markup=False)
    show.hint(tr('Next: tenure migrate sample "{name}", then tenure migrate open "{name}"', name=name))


@migrate.command("sample", cls=manners.Command, help=tr("Bring a few rows of each table, to look at."))
def sample(name: Migration, rows: Annotated[int, typer.Option(help=tr("How many of each table."))] = 200) -> None:
    found, migration = _migration(name)
    _worked_off(migration.sample(found.pk, actor=None, now=opened.now(), most=rows))
    _tell(found)


@migrate.command(
    "open", cls=manners.Command, help=tr("Bring the next slice in, or all that are left; open slices are kept in step.")
)
def open_(
    name: Migration, every: Annotated[bool, typer.Option("--all", help=tr("All that are left."))] = False
) -> None:
    found, migration = _migration(name)
    closed = list(found.feeds.kept().filter(state="paused").order_by("pk"))
    jobs = [migration.open_slice(one.pk, actor=None, now=opened.now()) for one in (closed if every else closed[:1])]
    _worked_off(jobs)
    _tell(found)


@migrate.command("show", cls=manners.Command, help=tr("Show the slices of a migration and what they brought."))
def show_(name: Migration) -> None:
    _tell(_migration(name)[0])


@migrate.command("compare", cls=manners.Command, help=tr("Hold both systems against each other, row by row."))
def compare(
    name: Migration,
    archive: Annotated[bool, typer.Option("--archive", help=tr("Archive what the old system no longer has."))] = False,
    format: Tell = Format.table,
) -> None:
    found, migration = _migration(name)
    _worked_off([migration.start_comparison(found.pk, actor=None, now=opened.now(), archiving=archive)])
    compared: dict[str, Any] = _fresh(found).compared
    if format is Format.json:
        typer.echo(json.dumps(compared, ensure_ascii=False, indent=1))
        return
    names = ("old", "new", "missing", "gone", "archived", "differing", "unreadable", "same")
    rows = [
        {"what": what, **{name: one[name] for name in names}, "file": one.get("file", "")}
        for what, one in compared.items()
    ]
    headings = {"what": tr("Table"), "old": tr("Old system"), "new": tr("Here"), "missing": tr("Missing here"),
                "gone": tr("Gone there"), "archived": tr("Archived"), "differing": tr("Differing"),
                "unreadable": tr("Refused"), "same": tr("Same"), "file": tr("Differences")}  # fmt: skip
    show.rows(rows, format, headings=headings)


@migrate.command("roll-back", cls=manners.Command, help=tr("Take every batch of a migration back, all at once."))
def roll_back(name: Migration, yes: Annotated[bool, typer.Option("--yes", help=tr("Do not ask."))] = False) -> None:
    found, migration = _migration(name)
    if not yes:
        typer.confirm(tr('Take back everything that "{name}" brought?', name=name), abort=True)
    count = migration.roll_back(found.pk, actor=None, now=opened.now())
    show.out.print(tr("{count:,} batches no longer count.", count=count), markup=False)
    show.hint(tr("Next: tenure refresh"))


@migrate.command("finish", cls=manners.Command, help=tr("Say that the old system is done with."))
def finish(name: Migration) -> None:
    found, migration = _migration(name)
    migration.finish(found.pk, actor=None, now=opened.now())
    show.out.print(tr('"{name}" is finished; what it brought stays.', name=name), markup=False)


def _address(dsn: str) -> str:
    return typer.prompt(tr("Address of the database"), hide_input=True) if dsn == "-" else dsn


def _cuts(texts: list[str]) -> dict[str, tuple[str, int]]:
    cuts = {}
    for text in texts:
        table, _, rest = text.partition(":")
        column, _, count = rest.rpartition(":")
        if not (table and column and count.isdigit()):
            raise TenureError(
                tr('--cut takes TABLE:COLUMN:SLICES, for example --cut orders:order_id:4; found "{text}".', text=text)
            )
        cuts[table] = column, int(count)
    return cuts


def _feed(name: str) -> tuple[Any, Any]:
    opened.desk()
    from tenure.desk.work import feeds
    from tenure.desk.work.models import Feed

    found = Feed.objects.kept().filter(name=name).first()
    if found is None:
        known = ", ".join(Feed.objects.kept().values_list("name", flat=True)) or "–"
        raise TenureError(tr('There is no feed "{name}". There are: {known}.', name=name, known=known))
    return found, feeds


def _migration(name: str) -> tuple[Any, Any]:
    opened.desk()
    from tenure.desk.work import migration
    from tenure.desk.work.models import Migration

    found = Migration.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(Migration.objects.values_list("name", flat=True)) or "–"
        raise TenureError(tr('There is no migration "{name}". There are: {known}.', name=name, known=known))
    return found, migration


def _worked_off(jobs: list[int]) -> None:
    """Do what was asked for here and now; a worker that has it already is waited for. Raises TenureError where one failed."""
    from tenure.desk.work.api import work_off
    from tenure.desk.work.models import Job

    with show.progress() as bar:
        task = bar.add_task(tr("Working"), total=None)
        while Job.objects.alive().filter(pk__in=jobs).exists():
            if not work_off(opened.now, most=1):
                bar.update(task)
                import time

                time.sleep(0.5)
    failed = Job.objects.filter(pk__in=jobs, status=Job.Status.FAILED).first()
    if failed is not None:
        raise TenureError(failed.error_words)


def _fresh(found: Any) -> Any:
    found.refresh_from_db()
    return found


def _tell(found: Any) -> None:
    rows = [
        {"slice": one.name, "state": one.get_state_display(),
         "rows": sum(run.accepted for run in one.runs.filter(state="done")),
         "last": (last := one.runs.first()) and last.get_state_display(), "why": last.why if last else ""}
        for one in found.feeds.kept().order_by("pk")
    ]  # fmt: skip
    headings = {
        "slice": tr("Slice"),
        "state": tr("State"),
        "rows": tr("Rows"),
        "last": tr("Last run"),
        "why": tr("Why"),
    }
    show.rows(rows, Format.table, headings=headings)


def _as_told(one: Any) -> dict[str, Any]:
    return {"column": one.column, "value": one.value, "rows": one.rows, "better": one.better}
