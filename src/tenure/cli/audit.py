"""Commands over the audit trail: look at it, verify it, take its signed head away."""

import json
import time
from dataclasses import asdict
from typing import Annotated

import typer

from tenure.cli import manners, opened, show
from tenure.language import tr

app = typer.Typer(cls=manners.Group, help=tr("Who did what, and proof that nobody changed it."), no_args_is_help=True)


@app.command(
    "verify",
    cls=manners.Command,
    help=tr("Work every link of the audit chain out again and name the first row that was changed, if one was."),
)
def verify(
    head: Annotated[
        list[str] | None,
        typer.Option(help=tr("A signed head kept elsewhere (a line of: tenure audit head) to hold the chain against.")),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=tr("Say it as JSON, for programs."))] = False,
) -> None:
    opened.desk()
    from django.db import DatabaseError

    from tenure.desk.governance import heads, services, verifying

    kept = [heads.parse(line) for line in head or []]
    begun = time.perf_counter()
    with show.progress() as progress:
        bar = progress.add_task(tr("Verifying"), total=None)
        found = verifying.verify(
            kept=kept, progress=lambda done, all_: progress.update(bar, completed=done, total=all_)
        )
    seconds = time.perf_counter() - begun
    if as_json:
        print(json.dumps({"ok": found.ok, **asdict(found), "seconds": round(seconds, 2)}, ensure_ascii=False, indent=1))
    else:
        _say(found, seconds)
    try:
        services.record_verification(found, actor=None, now=opened.now())
    except DatabaseError:  # a copy that can only be read; the verdict stands all the same
        show.hint(tr("This verification was not written down: the database can't be written to."))
    if not found.ok:
        raise typer.Exit(1)


def _say(found: "verifying.Verdict", seconds: float) -> None:  # type: ignore[name-defined] # noqa: F821
    if found.first is None:
        show.out.print(
            tr("The audit chain is whole: {n:,} entries, {seconds:.1f} s.", n=found.sealed, seconds=seconds),
            markup=False,
        )
    else:
        show.complain(tr("The audit chain is broken."))
        show.complain(found.first.told)
        if found.breaks > 1:
            show.complain(tr("That is the first of {n:,} breaks.", n=found.breaks))
    show.facts(
        [
            (tr("Sealed"), found.sealed),
            (tr("Not sealed yet"), found.unsealed),
            (tr("Signed up to position"), found.signed_to),
            (tr("Signed heads held against it"), found.heads),
            (tr("Heads under a retired key, not checked"), found.unchecked or None),
            (tr("Last hash"), found.hash),
        ]
    )


@app.command("show", cls=manners.Command, help=tr("The newest entries of the audit trail."))
def show_(
    limit: Annotated[int, typer.Option(help=tr("How many entries."), min=1)] = 20,
    verb: Annotated[str, typer.Option(help=tr("Only this verb, such as export."))] = "",
    format: Annotated[show.Format, typer.Option(help=tr("table, json or csv"))] = show.Format.table,
) -> None:
    opened.desk()
    from tenure.desk.governance import trail

    found = list(trail.entries(trail.Asked(verb=verb))[:limit])
    teller = trail.Teller(found)
    for_people = format is show.Format.table
    rows = [
        {
            "entry": str(entry.pk),
            "at": entry.at,
            "actor": entry.actor.username if entry.actor else (teller.actor(entry) if for_people else None),
            "verb": teller.verb(entry) if for_people else entry.verb,
            "object": teller.object(entry) if for_people else f"{entry.object_type} {entry.object_id}",
            "position": str(entry.link.position) if hasattr(entry, "link") else None,
            "detail": "; ".join(f"{name}: {text}" for name, text in teller.details(entry))
            if for_people
            else entry.detail,
        }
        for entry in found
    ]
    headings = {
        "entry": tr("Entry"), "at": tr("When"), "actor": tr("Who"), "verb": tr("What"), "object": tr("On"),
        "position": tr("Sealed as"), "detail": tr("Details"),
    }  # fmt: skip
    show.rows(rows, format, headings=headings)


@app.command(
    "head",
    cls=manners.Command,
    help=tr(
        "Seal what waits, sign the end of the chain, and print it: keep the line where nobody of this machine can."
    ),
)
def head() -> None:
    opened.desk()
    from tenure.desk.governance import chain, heads

    chain.seal(thorough=True)
    found = heads.sign(now=opened.now(), at_once=True) or heads.newest()
    if found is None:
        show.hint(tr("Nothing is written in the audit trail yet."))
        raise typer.Exit(1)
    print(found)
    show.hint(tr("Later: tenure audit verify --head '{line}'", line=found))
