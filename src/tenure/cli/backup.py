"""Commands that put the whole workspace into one sealed file, and make one of it again."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress, TaskID

from tenure.backup import ByKeyring, ByPassphrase, Checked, Lock, back_up, verify
from tenure.backup import restore as run_restore
from tenure.cli import opened, show
from tenure.errors import TenureError
from tenure.home import trace
from tenure.language import tr
from tenure.workspace import home_folder, open_workspace

_PASSPHRASE = tr("Lock with a passphrase instead of the workspace's keys; asked for unless TENURE_PASSPHRASE has it.")
_JSON = tr("Say how it went as JSON.")


class _Bars:
    """One bar for each stage."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int, /) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._bar.add_task(stage, total=total)
        self._bar.update(self._tasks[stage], completed=done, total=total)


def backup(
    dest: Annotated[
        Path | None, typer.Argument(help=tr("Folder or file to write; the home folder's backups unless given."))
    ] = None,
    check: Annotated[
        Path | None, typer.Option("--verify", metavar="FILE", help=tr("Make none; read this one and check every byte."))
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option("--keep", metavar="N", help=tr("Then let go of all but the newest N of this workspace there.")),
    ] = None,
    without_vault: Annotated[
        bool, typer.Option("--without-vault", help=tr("Leave the keys of sealed records out."))
    ] = False,
    vault_days: Annotated[
        int,
        typer.Option(
            "--vault-days",
            envvar="TENURE_BACKUP_DAYS",
            min=1,
            help=tr("Days for which those keys may be restored from it."),
        ),
    ] = 30,
    passphrase: Annotated[bool, typer.Option("--passphrase", help=_PASSPHRASE)] = False,
    keys: Annotated[
        Path | None, typer.Option("--keys", metavar="FILE", help=tr("With --verify: the file of keys that opens it."))
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_JSON)] = False,
) -> None:
    if check is not None:
        lock = _lock(passphrase, keys)
        with show.progress() as bar:
            bars = _Bars(bar)
            checked = verify(check, lock, progress=lambda done, total: bars(tr("Checking"), done, total))
        if as_json:
            _say(_facts(checked))
        else:
            show.out.print(_whole(checked), markup=False)
        return
    here = opened.workspace()
    if not here.home.is_dir():
        raise TenureError(tr("{home} holds no workspace. Make one with: tenure init", home=here.home))
    opened.desk(here)
    with show.progress() as bar:
        made = back_up(
            here, dest, lock=_lock(passphrase, None, confirm=True), now=opened.now(), with_vault=not without_vault,
            vault_days=vault_days, keep=keep, watch=_Bars(bar),
        )  # fmt: skip
    if as_json:
        _say(
            _facts(made.checked)
            | {
                "file": str(made.path), "bytes": made.size, "sha256": made.sha256, "seconds": round(made.seconds, 2),
                "removed": [str(path) for path in made.removed], "vault_cut_off": [str(path) for path in made.cut],
                "keep_elsewhere": str(here.keys_path) if here.keys_path.exists() else None,
            }
        )  # fmt: skip
        return
    show.out.print(
        tr("{file}: {size:.1f} MB, read back whole, in {seconds:.1f} s.",
           file=made.path, size=made.size / 1e6, seconds=made.seconds),
        markup=False, soft_wrap=True,
    )  # fmt: skip
    show.out.print(_holds(made.checked), markup=False)
    if left_out := made.checked.manifest["desk"]["left_out"]:
        show.out.print(
            tr("Tables that are not Tenure's were left out: {tables}.", tables=", ".join(left_out)), markup=False
        )
    if made.checked.vault_until:
        show.out.print(
            tr("The keys of sealed records are in it until {day}; after that it restores without them.",
               day=f"{made.checked.vault_until:%Y-%m-%d}"), markup=False,
        )  # fmt: skip
    for path in made.removed:
        show.out.print(tr("Let go of {file}.", file=path), markup=False)
    for path in made.cut:
        show.out.print(tr("Cut the keys of sealed records off {file}: their time was over.", file=path), markup=False)
    if here.keys_path.exists():
        show.out.print(
            tr("The master keys are NOT in it. Without {keys} it can't be used: keep a copy of that file in another place.",
               keys=here.keys_path), markup=False, soft_wrap=True,
        )  # fmt: skip


backup.__doc__ = tr("Put the whole workspace into one sealed file, while it runs, and read it back.")


def restore(
    file: Annotated[Path, typer.Argument(help=tr("A file that tenure backup made."))],
    home: Annotated[Path, typer.Option("--home", help=tr("Folder of the workspace to make."))],
    database_url: Annotated[
        str | None,
        typer.Option("--database-url", help=tr("PostgreSQL for its desk; an SQLite file in the folder unless given.")),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help=tr("Put aside the workspace that is there, once the new one stands."))
    ] = False,
    keys: Annotated[
        Path | None,
        typer.Option("--keys", metavar="FILE", help=tr("The file of master keys of the workspace it was made from.")),
    ] = None,
    passphrase: Annotated[bool, typer.Option("--passphrase", help=_PASSPHRASE)] = False,
    without_vault: Annotated[
        bool, typer.Option("--without-vault", help=tr("Leave the keys of sealed records out."))
    ] = False,
    expired_vault: Annotated[
        bool, typer.Option("--expired-vault", help=tr("Use those keys although their time is over."))
    ] = False,
    erased_since: Annotated[
        Path | None,
        typer.Option(
            "--erased-since", metavar="HOME", help=tr("A home folder, or its vault: who was erased there stays erased.")
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_JSON)] = False,
) -> None:
    home = home.expanduser().absolute()
    keys = None if passphrase and keys is None else _keys_for(home, keys)
    with show.progress() as bar:
        made = run_restore(
            file, home, lock=_lock(passphrase, keys), now=opened.now(), database_url=database_url, replace_old=replace,
            with_vault=not without_vault, expired_vault=expired_vault, erased_since=erased_since, keys=keys,
            watch=_Bars(bar),
        )  # fmt: skip
    if as_json:
        _say(
            _facts(made.checked)
            | {
                "home": str(made.home), "aside": str(made.aside) if made.aside else None, "vault": made.vault,
                "imports_broken_off": made.broken_off, "erased_again": made.erased, "cells_changed": made.changed,
                "finished_earlier": made.finished_earlier,
            }
        )  # fmt: skip
        return
    if made.finished_earlier:
        show.out.print(
            tr("An earlier restore had been cut short at its last step; that step is done now."), markup=False
        )
    show.out.print(
        tr("{home} is as it was on {at:%Y-%m-%d %H:%M}.", home=made.home, at=made.checked.made_at.astimezone()),
        markup=False, soft_wrap=True,
    )  # fmt: skip
    show.out.print(_holds(made.checked), markup=False)
    if made.aside:
        show.out.print(tr("What was there before is kept in {aside}.", aside=made.aside), markup=False, soft_wrap=True)
    if made.broken_off:
        show.out.print(
            tr("{n} imports were under way then; they are broken off here.", n=made.broken_off), markup=False
        )
    if made.erased:
        show.out.print(
            tr("{n} subjects were erased since; their keys are destroyed here too.", n=made.erased), markup=False
        )
    if made.changed:
        show.out.print(
            tr("{n} texts held a NUL character, which PostgreSQL has no room for; it was left out.", n=made.changed),
            markup=False,
        )
    if made.checked.vault_until and not made.vault:
        show.out.print(
            tr(
                "The keys of sealed records were left out: phones, addresses and free text stay unreadable without them."
            ),
            markup=False,
        )
    keyring = open_workspace(made.home).keys_path
    if trace(made.home).get("key") and not keyring.exists():
        show.out.print(
            tr("Put the workspace's file of master keys at {path} before it is used.", path=keyring),
            markup=False, soft_wrap=True,
        )  # fmt: skip
    where = f"DATABASE_URL={database_url} " if database_url else ""
    show.hint(tr("Next: {command}", command=f"{where}tenure --home {made.home} refresh"))


restore.__doc__ = tr("Make a workspace of a backup: whole, or not at all.")


def _lock(passphrase: bool, keys: Path | None, *, confirm: bool = False) -> Lock:
    if not passphrase:
        return ByKeyring(keys)
    given = os.environ.get("TENURE_PASSPHRASE")
    if given is None:
        given = typer.prompt(tr("Passphrase"), hide_input=True, confirmation_prompt=confirm, err=True)
    return ByPassphrase(given)


def _keys_for(home: Path, given: Path | None) -> Path | None:
    """The key file a restore is to use: the one given, named by TENURE_KEYS, put in place, or this workspace's own."""
    if given is not None:
        return given.expanduser().absolute()
    candidates = [open_workspace(home).keys_path, open_workspace(home_folder()).keys_path]
    return next((path for path in candidates if path.is_file()), candidates[-1])


def _facts(checked: Checked) -> dict[str, Any]:
    return {
        "file": str(checked.path), "made_at": checked.made_at.isoformat(), "tenure": checked.tenure,
        "company": checked.manifest["company"], "members": checked.members, "rows": checked.rows,
        "tables": checked.manifest["lake"],
        "vault_until": checked.vault_until.isoformat() if checked.vault_until else None, "has_vault": checked.vault,
    }  # fmt: skip


def _whole(checked: Checked) -> str:
    return tr("{file} is whole: made {at:%Y-%m-%d %H:%M} by Tenure {tenure}.", file=checked.path,
              at=checked.made_at.astimezone(), tenure=checked.tenure) + " " + _holds(checked)  # fmt: skip


def _holds(checked: Checked) -> str:
    return tr("It holds {members:,} files: {tables} tables of the lake, {rows:,} rows of the desk.",
              members=checked.members, tables=len(checked.manifest["lake"]), rows=checked.rows)  # fmt: skip


def _say(found: dict[str, Any]) -> None:
    print(json.dumps(found, ensure_ascii=False, indent=1))
