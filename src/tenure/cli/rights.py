"""Commands for what people may ask about their own data: consents, requests, retention."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from tenure.cli import manners, opened, show
from tenure.cli.show import Format, Tell
from tenure.errors import TenureError
from tenure.lake import SYSTEM, Lake
from tenure.language import tr

app = typer.Typer(cls=manners.Group, help=tr("What people ask about their own data."), no_args_is_help=True)
retention = typer.Typer(cls=manners.Group, help=tr("How long records are kept."), no_args_is_help=True)
consent = typer.Typer(cls=manners.Group, help=tr("What customers agreed to."), no_args_is_help=True)

_PERSON = typer.Argument(metavar="PERSON", help=tr("The customer's number in a source."))
_REQUEST = typer.Argument(metavar="REQUEST", help=tr("The request, as tenure rights list shows it."))


@app.command("list", cls=manners.Command, help=tr("List the requests, the newest first."))
def list_(format: Tell = Format.table) -> None:
    opened.desk()
    from tenure.desk.governance.models import SubjectRequest

    found = [
        {
            "request": one.pk, "kind": one.kind, "person": one.person_id, "state": one.state, "due_on": one.due_on,
            "done_at": one.done_at,
        }
        for one in SubjectRequest.objects.all()
    ]  # fmt: skip
    headings = {"request": tr("Request"), "kind": tr("Kind"), "person": tr("Person"), "state": tr("State"),
                "due_on": tr("Due"), "done_at": tr("Done")}  # fmt: skip
    show.rows(found, format, headings=headings)


@app.command("export", cls=manners.Command, help=tr("Put everything about a person into one package."))
def export(
    person: Annotated[str, _PERSON],
    to: Annotated[
        Path | None, typer.Option("--to", help=tr("The file to write; package-NUMBER.zip unless given."))
    ] = None,
) -> None:
    opened.desk()
    from tenure.desk.governance import package

    here = opened.workspace()
    lake = opened.lake(here)
    path = to or Path(f"package-{_safe(person)}.zip")
    pieces = package.package_of(
        _person(lake, person), lake=lake, scope=SYSTEM, actor=None, now=opened.now(), company=here.company
    )
    unfinished = path.with_name(f".{path.name}.part")
    try:
        with unfinished.open("wb") as file:
            for piece in pieces:
                file.write(piece)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    show.out.print(tr("Everything about {person} is in {path}.", person=person, path=path), markup=False)


@app.command("erase", cls=manners.Command, help=tr("Erase a person from desk and lake."))
def erase(
    person: Annotated[str, _PERSON],
    yes: Annotated[bool, typer.Option("--yes", help=tr("Do not ask again."))] = False,
) -> None:
    _take_away("erase", person, yes)


@app.command("anonymise", cls=manners.Command, help=tr("Forget who a person is; what happened stays, as nobody's."))
def anonymise(
    person: Annotated[str, _PERSON],
    yes: Annotated[bool, typer.Option("--yes", help=tr("Do not ask again."))] = False,
) -> None:
    _take_away("anonymise", person, yes)


@app.command("resume", cls=manners.Command, help=tr("Carry an erasure to its end that was begun or only asked for."))
def resume(request: Annotated[int, _REQUEST]) -> None:
    opened.desk()
    _carry_out(request)


@app.command("certificate", cls=manners.Command, help=tr("Print the certificate of an erasure."))
def certificate(request: Annotated[int, _REQUEST]) -> None:
    opened.desk()
    from tenure.desk.governance.certificates import as_text
    from tenure.desk.governance.models import SubjectRequest

    found = SubjectRequest.objects.filter(pk=request).first()
    if found is None or not found.certificate:
        raise TenureError(tr("Request {id} has no certificate. List the requests with: tenure rights list", id=request))
    typer.echo(as_text(found.certificate))


@app.command("verify-certificate", cls=manners.Command, help=tr("Say whether a certificate is whole and ours."))
def verify_certificate(file: Annotated[Path, typer.Argument(help=tr("The certificate's file."))]) -> None:
    opened.desk()
    from tenure.desk.governance import certificates

    try:
        found = certificates.verify_certificate(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise TenureError(tr("{name} can't be read: {error}", name=file, error=error)) from error
    show.out.print(
        tr("The certificate is whole and signed here: request {id}, done {day}.", id=found["request"],
           day=str(found["done_at"])[:10]),
        markup=False,
    )  # fmt: skip


@retention.command("list", cls=manners.Command, help=tr("Say what would go now; nothing is changed."))
def due(format: Tell = Format.table) -> None:
    opened.desk()
    from tenure.desk.governance import retention as rules

    found = [
        {"contract": one.schedule.contract, "months": one.schedule.months, "what": one.schedule.what,
         "before": f"{one.before:%Y-%m-%d}", "rows": one.rows}
        for one in rules.due(opened.lake(), now=opened.now())
    ]  # fmt: skip
    headings = {"contract": tr("Contract"), "months": tr("Months"), "what": tr("Then"), "before": tr("Older than"),
                "rows": tr("Rows to go")}  # fmt: skip
    show.rows(found, format, headings=headings)
    if not found:
        show.hint(tr("Everything is kept for ever. Change that with: tenure retention set CONTRACT --months N"))


@retention.command("set", cls=manners.Command, help=tr("Say how long the records of a contract are kept."))
def set_(
    contract: Annotated[str, typer.Argument(help=tr("Name of the contract."))],
    months: Annotated[int, typer.Option(help=tr("How many months."))],
    then: Annotated[str, typer.Option(help=tr("delete or anonymise"))] = "anonymise",
) -> None:
    opened.desk()
    from tenure.desk.governance import retention as rules

    rules.set_retention(contract, months=months, what=then, actor=None, now=opened.now())
    show.hint(tr("Next: tenure retention list, then tenure retention run"))


@retention.command("drop", cls=manners.Command, help=tr("Keep the records of a contract for ever again."))
def drop(contract: Annotated[str, typer.Argument(help=tr("Name of the contract."))]) -> None:
    opened.desk()
    from tenure.desk.governance import retention as rules

    rules.drop_retention(contract, actor=None, now=opened.now())


@retention.command("run", cls=manners.Command, help=tr("Let go of what is older than its time."))
def run() -> None:
    opened.desk()
    from tenure.desk.governance import retention as rules

    went = rules.run(opened.lake(), actor=None, now=opened.now())
    show.out.print(tr("{rows} rows went.", rows=sum(went.values())), markup=False)
    show.hint(tr("Next: tenure refresh"))


@consent.command("link", cls=manners.Command, help=tr("Make a link by which a person changes their own consents."))
def link(
    person: Annotated[str, _PERSON],
    days: Annotated[int, typer.Option(help=tr("How many days it works."))] = 90,
    base: Annotated[str, typer.Option(help=tr("Address of the pages."))] = "http://127.0.0.1:8000",
) -> None:
    opened.desk()
    from django.urls import reverse

    from tenure.desk.governance import preferences

    token = preferences.issue_link(_person(opened.lake(), person), actor=None, now=opened.now(), days=days)
    typer.echo(base.rstrip("/") + reverse("preferences", args=[token]))


def _take_away(kind: str, person: str, yes: bool) -> None:
    opened.desk()
    from django.conf import settings

    from tenure.desk.governance import rights

    here = opened.workspace()
    found = _person(opened.lake(here), person)
    if not yes:
        typer.confirm(tr("This can't be undone. Go on?"), abort=True)
    request = rights.open_request(
        kind, found, actor=None, now=opened.now(), zone=here.zone_info, usual_days=settings.TENURE_REQUEST_DAYS
    )
    _carry_out(request.pk)


def _carry_out(request_id: int) -> None:
    from tenure.desk.governance import rights
    from tenure.desk.governance.models import SubjectRequest

    here = opened.workspace()
    if not SubjectRequest.objects.filter(pk=request_id).exists():
        raise TenureError(tr("There is no request {id}. List them with: tenure rights list", id=request_id))
    show.hint(tr("Request {id}. If it is cut off, go on with: tenure rights resume {id}", id=request_id))
    with Progress(console=show.err, transient=True) as bar:
        line = bar.add_task("", total=len(rights.STEPS))

        def watcher(step: Any, done: bool) -> None:
            bar.update(line, description=str(step.words), advance=1 if done else 0)

        rights.carry_out(
            request_id, lake=opened.lake(here), workspace=here, actor=None, now=opened.now(), watcher=watcher
        )
    show.out.print(tr("Done. The certificate: tenure rights certificate {id}", id=request_id), markup=False)
    show.hint(tr("Next: tenure refresh"))


def _person(lake: Lake, number: str) -> int:
    """The person behind a customer number. Raises TenureError where nobody or several persons have it."""
    links = lake.read("identity/links", actor=SYSTEM)
    found = sorted(set(lake.to_arrow(links.filter(links.customer_id == number))["person_id"].to_pylist()))
    if len(found) == 1:
        return int(found[0])
    if found:
        raise TenureError(
            tr(
                '"{number}" is the number of several persons in different sources: give a number only one has.',
                number=number,
            )
        )
    raise TenureError(tr('There is no customer "{customer}". List some with: tenure show value', customer=number))


def _safe(text: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in text)[:60]
