"""Commands for the master keys."""

from typing import Annotated

import typer

from tenure.cli import manners, opened, show
from tenure.language import tr

app = typer.Typer(cls=manners.Group, help=tr("The master keys personal data is sealed under."), no_args_is_help=True)


@app.command("show", cls=manners.Command, help=tr("List the master keys, and what lies under each."))
def show_(
    format: show.Tell = show.Format.table,
) -> None:
    opened.desk()
    from tenure.desk.governance import master_keys

    here = opened.workspace()
    found = [
        {
            "key": use.key,
            "made": use.made,
            "state": tr("seals now") if use.current else tr("free") if use.is_free else tr("in use"),
            "subjects": use.subjects,
            "rows": use.rows,
        }
        for use in master_keys.uses()
    ]
    headings = {
        "key": tr("Key"),
        "made": tr("Made"),
        "state": tr("State"),
        "subjects": tr("Subjects"),
        "rows": tr("Rows of the desk"),
    }
    show.rows(found, format, headings=headings)
    show.hint(tr("The keyring is {path}. Keep a copy of it apart from the backups of the data.", path=here.keys_path))
    if master_keys.is_due():
        show.hint(tr("Some lie under an older key; move them with: tenure keys rotate"))


@app.command(
    "rotate",
    cls=manners.Command,
    help=tr("Make a new master key and move everything sealed under it, while people go on working."),
)
def rotate() -> None:
    opened.desk()
    from tenure.desk.governance import master_keys
    from tenure.keyring import keyring

    if master_keys.is_due():
        show.err.print(tr("Going on with the change of keys that was stopped half way."))
    else:
        master_keys.make_key(actor=None, now=opened.now())
    with show.progress() as bar:
        tasks = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(tr("Vault") if what == "vault" else what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        moved = master_keys.move_to_current(tell)
    show.out.print(
        tr("Key {key} seals now; {moved:,} were moved under it.", key=keyring().current, moved=moved), markup=False
    )
    show.hint(tr("Older keys are kept for older backups. Forget one with: tenure keys retire KEY"))


@app.command(
    "retire",
    cls=manners.Command,
    help=tr("Forget an older key nothing lies under: backups and signed links made under it open no more."),
)
def retire(
    key: Annotated[str, typer.Argument(help=tr("The key's id, as tenure keys show lists it."))],
    yes: Annotated[bool, typer.Option("--yes", help=tr("Do not ask."))] = False,
) -> None:
    opened.desk()
    from tenure.desk.governance import master_keys

    if not yes:
        typer.confirm(
            tr("Backups made under key {key} can't be read any more after this. Forget it?", key=key), abort=True
        )
    master_keys.retire_key(key, actor=None, now=opened.now())
    show.out.print(tr("Key {key} is forgotten.", key=key), markup=False)
