"""Making a workspace of a backup: checked from end to end first, built beside its place, and then put there at once.

Killed at any instant there is either nothing in the place (or what was there before), or the whole workspace. A desk
on PostgreSQL can't be renamed together with a folder, so it is written in one transaction that also leaves a claim;
a restore cut short between the two finds the claim and the finished folder, and ends what was begun.
"""

import ctypes
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tenure.backup import desk
from tenure.backup.checking import Checked, read, said_plainly, verify
from tenure.backup.events import WorkspaceRestored
from tenure.backup.locks import Lock
from tenure.backup.making import LAST_FILE, Watcher
from tenure.desk.migrating import lay, uncollected, up_to_date
from tenure.errors import TenureError
from tenure.home import settle, vault_path
from tenure.language import tr
from tenure.vault import take_tombstones

MARK = ".restoring"  # in a folder that is being built; holds the token of the restore
_DUMPS = ".desk"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@dataclass(frozen=True)
class Restored:
    """A workspace made of a backup.

    aside: where the one that stood there before is kept. broken_off: imports under way when the backup was taken.
    erased: subjects whose keys were destroyed since, and now here too. changed: cells whose text PostgreSQL can't hold
    as it was. finished_earlier: this call only ended a restore that had been cut short.
    """

    home: Path
    checked: Checked
    aside: Path | None = None
    broken_off: int = 0
    erased: int = 0
    changed: int = 0
    vault: bool = False
    finished_earlier: bool = False


def restore(
    path: Path,
    home: Path,
    *,
    lock: Lock,
    now: datetime,
    database_url: str | None = None,
    replace_old: bool = False,
    with_vault: bool = True,
    expired_vault: bool = False,
    erased_since: Path | None = None,
    keys: Path | None = None,
    watch: Watcher = lambda stage, done, total: None,
) -> Restored:
    """Make the workspace `home` of a backup: whole, or not at all.

    database_url: a PostgreSQL database for its desk, whatever the backup came from; an SQLite file in `home` unless
    given. replace_old: a workspace that is there is put aside, not deleted. expired_vault: take the vault although its
    time is over. erased_since: a home folder or vault whose destroyed keys are destroyed here too; those of the home
    being replaced are in any case. keys: the keyring's file, put into its place in `home`.

    Must be called before Django is set up, since it is set up here for the new workspace. Raises TenureError.
    """
    from django.apps import apps

    if apps.ready:
        raise RuntimeError("a restore sets Django up for the workspace it makes: call it in a process of its own")
    home = home.expanduser().absolute()
    url = database_url if database_url and not database_url.startswith("sqlite") else None
    checked = verify(path, lock, progress=lambda done, total: watch(tr("Checking the backup"), done, total))
    ended = _ended_earlier(home, url)
    if ended is not None:
        return Restored(home, checked, aside=ended[0], finished_earlier=True)
    _check_place(home, replace_old)
    vault = _vault_wanted(checked, with_vault, expired_vault, now)
    token = secrets.token_hex(8)
    building = home.with_name(f".{home.name}.restoring-{token}")
    with said_plainly(tr("Nothing was restored.")):
        home.parent.mkdir(parents=True, exist_ok=True)
        _clear_torsos(home)
        building.mkdir(mode=0o700)
        try:
            (building / MARK).write_text(token, encoding="utf-8")
            _extract(path, lock, building, vault, watch)
            erased = _erase_again(building, home, erased_since) if vault else 0
            broken_off = _end_imports(building, now)
            _put_keys(building, home, keys)
            with _desk_of(building, url, checked, token, replace_old, now, path.name, watch) as filled:
                _fsync_tree(building)
                changed = filled()
            aside = _put_in_place(building, home, now)
        except BaseException:
            # What stands in the place by now is whole; what never got there is nothing.
            if (building / MARK).exists():
                shutil.rmtree(building, ignore_errors=True)
            raise
        _finish(home, url)
    return Restored(home, checked, aside, broken_off, erased, changed, vault)


def _check_place(home: Path, replace_old: bool) -> None:
    if home.exists() and not home.is_dir():
        raise TenureError(tr("{home} is a file. Give a folder that is not there yet.", home=home))
    if not replace_old and home.exists() and _occupied(home):
        raise TenureError(
            tr(
                "{home} is not empty, and a restore never writes over a workspace. Give another folder, or say "
                "--replace: what is there is then kept aside.",
                home=home,
            )
        )


def _occupied(home: Path) -> bool:
    """Whether there is anything but the keyring's folder, which may have been put there beforehand."""
    return any(one.name != "keys" for one in home.iterdir())


def _vault_wanted(checked: Checked, wanted: bool, expired: bool, now: datetime) -> bool:
    if not wanted or checked.vault_until is None:
        return False
    if not checked.vault:
        raise TenureError(
            tr(
                "The vault's part was cut off {name} when its time was over, on {day}. What is sealed stays unreadable "
                "without a vault; to restore the rest all the same, say --without-vault.",
                name=checked.path.name, day=f"{checked.vault_until:%Y-%m-%d}",
            )
        )  # fmt: skip
    if checked.vault_until <= now and not expired:
        raise TenureError(
            tr(
                "The vault in {name} was to be used until {day}: people erased since would come back. Say "
                "--expired-vault to use it (with --erased-since, so that they are erased again), or --without-vault.",
                name=checked.path.name, day=f"{checked.vault_until:%Y-%m-%d}",
            )
        )  # fmt: skip
    return True


def _clear_torsos(home: Path) -> None:
    """Remove what restores that were killed left half built: only folders that still bear the mark."""
    for torso in home.parent.glob(f".{home.name}.restoring-*"):
        if (torso / MARK).exists():
            shutil.rmtree(torso, ignore_errors=True)


def _extract(path: Path, lock: Lock, building: Path, vault: bool, watch: Watcher) -> None:
    """Write every member to its place below `building`; checked once more on the way."""
    made: set[Path] = set()

    def sink(name: str) -> tuple[Callable[[bytes], None], Callable[[], None]]:
        place = building / (f"{_DUMPS}/{name.removeprefix('desk/')}" if name.startswith("desk/") else name)
        if place.parent not in made:
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            made.add(place.parent)
        secret = name == "secret.key" or name.startswith("vault/") or name == "sign-in.txt"
        file = os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if secret else 0o644), "wb")

        def write(data: bytes) -> None:
            file.write(data)

        return write, file.close

    read(path, lock, sink, vault=vault, progress=lambda done, total: watch(tr("Writing the files"), done, total))


def _end_imports(building: Path, now: datetime) -> int:
    """Imports that were under way write somewhere else now: here they are broken off."""
    from tenure.lake import Lake

    folder = building / "lake"
    return len(Lake(folder).sweep(now=now, restored=True)) if folder.is_dir() else 0


def _put_keys(building: Path, home: Path, keys: Path | None) -> None:
    """The keyring stays what it was: put there beforehand, given with the call, or named by TENURE_KEYS."""
    named = os.environ.get("TENURE_KEYS")
    if named and keys in (None, Path(named).expanduser().absolute()):
        return  # kept apart from the home folder on purpose
    source = keys or home / "keys" / "master.json"
    if source.is_file():
        (building / "keys").mkdir(mode=0o700, exist_ok=True)
        with os.fdopen(
            os.open(building / "keys" / "master.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
        ) as file:
            file.write(source.read_bytes())


# The desk


@contextmanager
def _desk_of(
    building: Path,
    url: str | None,
    checked: Checked,
    token: str,
    replace_old: bool,
    now: datetime,
    name: str,
    watch: Watcher,
) -> Iterator[Callable[[], int]]:
    """Build the desk; what is given commits it and says how many cells had to be changed. Left before, nothing is there."""
    os.environ["TENURE_HOME"] = str(building)
    os.environ.pop("DATABASE_URL", None)
    if url:
        os.environ["DATABASE_URL"] = url
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tenure.settings")
    import django
    from django.db import connection, transaction
    from django.db.utils import Error

    django.setup()
    if not url and Path(connection.settings_dict["NAME"]) != building / "desk.sqlite3":
        raise RuntimeError("the settings were read before the place was known; nothing was touched")
    try:
        if connection.vendor == "postgresql":
            with transaction.atomic():
                with connection.cursor() as cursor:
                    # Constraints are checked at once, so that migrations may change tables they have just filled.
                    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                aside = _make_way(replace_old, now)
                changed = _filled(building, checked, now, name, watch)
                _claim(token, aside)
                yield lambda: changed
        else:
            changed = _filled(building, checked, now, name, watch)
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.close()
            yield lambda: changed
    except Error as error:
        raise TenureError(
            tr("The database does not take the desk of {name}: {error} Nothing was restored.", name=name, error=error)
        ) from error
    finally:
        connection.close()


def _filled(building: Path, checked: Checked, now: datetime, name: str, watch: Watcher) -> int:
    """The tables as the backup's version had them, filled, then brought up to this version's."""
    from django.db import connection, transaction

    _migrate_to(checked)
    about = {line["name"].removeprefix("desk/"): line for line in checked.manifest["members"] if "kinds" in line}
    changed = 0
    connection.disable_constraint_checking()
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for place, (table, line) in enumerate(sorted(about.items())):
            with (building / _DUMPS / table).open("rb") as source:
                rows, altered = desk.load(table, source, line["numbers"], line["kinds"])
            if rows != line["rows"]:
                raise TenureError(
                    tr("{table} has {rows:,} rows of {wanted:,}.", table=table, rows=rows, wanted=line["rows"])
                )
            changed += altered
            watch(tr("Desk"), place + 1, len(about))
        connection.check_constraints()
    connection.enable_constraint_checking()
    shutil.rmtree(building / _DUMPS)
    up_to_date(filled=True)
    _record(checked, name, now)
    return changed


def _migrate_to(checked: Checked) -> None:
    """Make the tables of the very version the backup was taken from. Raises TenureError where that is a newer one."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    applied = {(app, name) for app, name in checked.manifest["desk"]["migrations"]}
    graph = executor.loader.graph
    known = set(graph.nodes)
    # A migration that was squashed or renamed since stands under another name; one of an app there is not, is newer.
    if unknown := sorted(f"{app}.{name}" for app, name in applied - known):
        raise TenureError(
            tr(
                "{name} was made by Tenure {theirs}, whose desk has what this one does not know: {unknown}. Restore it "
                "with that version or a newer one.",
                name=checked.path.name, theirs=checked.tenure, unknown=", ".join(unknown[:5]),
            )
        )  # fmt: skip
    last = [
        key
        for key in applied
        if not any(child.key in applied and child.key[0] == key[0] for child in graph.node_map[key].children)
    ]
    if lay(applied):
        executor.loader.build_graph()
    if executor.migration_plan(last):
        with uncollected():
            executor.migrate(last)


def _make_way(replace_old: bool, now: datetime) -> str:
    """See that the database has no desk; one to be replaced is moved into a schema of its own, whose name is returned."""
    from django.db import connection

    ours = {table.name for table in desk.tables()} | desk.LEFT_OUT | {desk.MIGRATIONS, desk.CLAIM}
    with connection.cursor() as cursor:
        there = sorted(ours & set(connection.introspection.table_names(cursor)))
        if not there:
            return ""
        if not replace_old:
            raise TenureError(
                tr(
                    "The database {name} already holds a desk. Give an empty one, or say --replace: what is there is "
                    "then kept in a schema of its own.",
                    name=connection.settings_dict["NAME"],
                )
            )
        schema = f"before_restore_{now:%Y%m%d_%H%M%S}"
        cursor.execute(f'CREATE SCHEMA "{schema}"')
        for table in there:
            cursor.execute(f'ALTER TABLE "{table}" SET SCHEMA "{schema}"')
    return schema


def _claim(token: str, schema: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {desk.CLAIM} (token text NOT NULL, schema text NOT NULL)")
        cursor.execute(f"INSERT INTO {desk.CLAIM} VALUES (%s, %s)", [token, schema])


def _record(checked: Checked, name: str, now: datetime) -> None:
    from django.db import transaction

    from tenure.desk.events import announce
    from tenure.desk.governance import audit

    with transaction.atomic():
        audit.record("restore", "workspace", name[:100], actor=None, now=now, made_at=checked.made_at.isoformat(),
                     members=checked.members, rows=checked.rows)  # fmt: skip
        announce(WorkspaceRestored(name))


# Erasures since


def _erase_again(building: Path, home: Path, since: Path | None) -> int:
    """Destroy here what was destroyed there since the backup: erasing is for good, restores included."""
    sources = []
    if since is not None:
        since = since.expanduser().absolute()
        sources.append(vault_path(since) if since.is_dir() else since)
        if not sources[0].is_file():
            raise TenureError(
                tr("There is no vault at {path}. Give a home folder, or the vault's file in it.", path=sources[0])
            )
    if home.is_dir() and vault_path(home).is_file():
        sources.append(vault_path(home))
    return sum(take_tombstones(vault_path(building), source) for source in sources)


# Into place


def _put_in_place(building: Path, home: Path, now: datetime) -> Path | None:
    """Put the finished folder where it belongs, in one step; what stood there is kept under another name."""
    if not home.exists() or not any(home.iterdir()):
        os.rename(building, home)  # over an empty folder too
        settle(home.parent)
        return None
    keys_alone = not _occupied(home)
    _exchange(building, home)
    settle(home.parent)
    # `building` now names what stood there before.
    if keys_alone and _same_keys(building, home):
        shutil.rmtree(building)
        return None
    return _named_aside(building, home, now)


def _same_keys(old: Path, home: Path) -> bool:
    """Whether the keyring put there beforehand is the one that is there now; another one is never thrown away."""
    one, other = old / "keys" / "master.json", home / "keys" / "master.json"
    return one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes()


def _named_aside(old: Path, home: Path, now: datetime) -> Path:
    aside = home.with_name(f"{home.name}.before-restore-{now:%Y%m%dT%H%M%SZ}")
    while aside.exists():
        aside = aside.with_name(aside.name + "-1")
    os.rename(old, aside)
    settle(home.parent)
    return aside


def _exchange(one: Path, other: Path) -> None:
    """Swap two folders' names in one step, so that there is no instant without either."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if not hasattr(libc, "renameat2") or libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE):
        raise TenureError(
            tr(
                "This file system can't swap two folders at once, so {home} is left as it is. Move it away yourself, "
                "then restore without --replace.",
                home=other,
            )
        )


def _finish(home: Path, url: str | None) -> None:
    """Take the marks off: the workspace stands."""
    (home / MARK).unlink(missing_ok=True)
    (home / LAST_FILE).unlink(missing_ok=True)
    if url:
        with desk.server(url) as server:
            server.execute(f"DROP TABLE IF EXISTS {desk.CLAIM}")


def _ended_earlier(home: Path, url: str | None) -> tuple[Path | None] | None:
    """End a restore that was killed after its desk was committed; None where there is none."""
    if not url:
        return None
    with desk.server(url) as server:
        if server.execute("SELECT to_regclass(%s)", [desk.CLAIM]).fetchone()[0] is None:
            return None
        token = server.execute(f"SELECT token FROM {desk.CLAIM}").fetchone()[0]
    building = home.with_name(f".{home.name}.restoring-{token}")
    if _token(home) == token:  # it stands already, only its marks were left
        _finish(home, url)
        return (None,)
    if _token(building) != token:
        return None
    aside = _put_in_place(building, home, datetime.fromtimestamp(building.stat().st_mtime).astimezone())
    _finish(home, url)
    return (aside,)


def _token(folder: Path) -> str | None:
    try:
        return (folder / MARK).read_text(encoding="utf-8")
    except OSError:
        return None


def _fsync_tree(folder: Path) -> None:
    """Everything on the disk before anything has its name."""
    for place, _folders, files in os.walk(folder):
        for name in [*files, ""]:
            descriptor = os.open(os.path.join(place, name), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
