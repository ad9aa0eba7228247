"""Making a backup: what is taken, in which order, and what is kept of older ones.

The order is what makes it one moment, though nothing stands still. First what the refresh says it has done; then the
desk, in one snapshot; then the lake, `batches` before what was received; last the vault. So:
- an import that commits meanwhile is in whole, or its commit was not seen and none of its rows count;
- the cards of the lake are the very version the desk's pointer names, taken from the table's history where a refresh
  is already further; what else that refresh has done, it does again, since the backup does not know it as done;
- a key is in the vault before anything is sealed under it, so a vault taken last opens all that was taken before.
"""

import fcntl
import hashlib
import io
import json
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BufferedRandom
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import tenure
from tenure.backup import desk
from tenure.backup.checking import MAIN, VAULT, Checked, head_of, said_plainly, verify
from tenure.backup.events import BackupMade
from tenure.backup.locks import Lock
from tenure.backup.members import MembersWriter
from tenure.backup.sealed import start_of_part, write_head, writing_part
from tenure.errors import TenureError
from tenure.home import settle
from tenure.lake import copies
from tenure.lake.store import read_document, write_document
from tenure.language import tr
from tenure.workspace import Workspace

SUFFIX = ".tenure"
FOLDER = "backups"  # in the home folder, unless another place is given
LAST_FILE = "last-backup.json"
VAULT_DAYS = 30
CARDS = "scores/customers"
# In the home folder, but no part of the workspace's copy: taken in their own way, made anew, or (the keys) kept apart
# on purpose: whoever finds the backup must not find the key with it.
_APART = frozenset({"lake", "vault", "keys", FOLDER, LAST_FILE})
_MODEL_TRIES = 40


class Watcher(Protocol):
    """Is told how it goes: which stage, how much is done, how much there is."""

    def __call__(self, stage: str, done: int, total: int, /) -> None: ...


def _quietly(stage: str, done: int, total: int, /) -> None: ...


@dataclass(frozen=True)
class Made:
    """A backup made and read back. removed: older ones let go. cut: older ones whose vault's time was over."""

    path: Path
    size: int
    sha256: str
    made_at: datetime
    checked: Checked
    seconds: float
    removed: tuple[Path, ...]
    cut: tuple[Path, ...]


@dataclass(frozen=True)
class Last:
    """The last backup of a workspace, as it remembers it."""

    at: datetime
    path: Path


def last_backup(here: Workspace) -> Last | None:
    """When this workspace was last backed up, and where to; None for never."""
    found = read_document(here.home / LAST_FILE)
    return Last(datetime.fromisoformat(found["at"]), Path(found["file"])) if found else None


def back_up(
    here: Workspace,
    dest: Path | None,
    *,
    lock: Lock,
    now: datetime,
    with_vault: bool = True,
    vault_days: int = VAULT_DAYS,
    keep: int | None = None,
    watch: Watcher = _quietly,
) -> Made:
    """Write the whole workspace into one sealed file while it runs, and read it back.

    dest: a folder, or the file's own name; the home's `backups` unless given. The file takes its name only once it has
    been read back whole. keep: afterwards let go of all but the newest `keep` backups of this workspace in that folder.
    vault_days: how long the vault's part may be used; those past it are cut off older backups in that folder.
    The desk must be prepared. Raises TenureError; whatever is raised, no new file is there and no old one is gone.
    """
    began = time.perf_counter()
    if not here.home.is_dir():
        raise TenureError(tr("{home} holds no workspace. Make one with: tenure init", home=here.home))
    if keep is not None and keep < 1:
        raise TenureError(tr("--keep {n} would keep no backup. Give 1 or more.", n=keep))
    path = _destination(here, dest, now)
    until = now + timedelta(days=vault_days) if with_vault and here.vault_path.exists() else None
    unfinished = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    with said_plainly(tr("No backup was made.")):
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear_torsos(path.parent)
        try:
            with os.fdopen(os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # freed by the system however this process ends
                _write(here, file, lock, now, until, watch)
                file.flush()
                os.fsync(file.fileno())
                sha256 = _digest(file)
            checked = verify(unfinished, lock, progress=lambda done, total: watch(tr("Reading it back"), done, total))
            os.link(unfinished, path)  # never over another file, whoever made it meanwhile
        finally:
            unfinished.unlink(missing_ok=True)
        settle(path.parent)
    size = path.stat().st_size
    _record(path, size, sha256, checked, now)
    write_document(here.home / LAST_FILE, {"at": now.isoformat(), "file": str(path.absolute()), "bytes": size})
    mine = _own(path.parent, _identity(here))
    removed = _let_go(mine, keep)
    cut = _cut_vaults([found for found in mine if found not in removed], now)
    return Made(path, size, sha256, now, checked, time.perf_counter() - began, removed, cut)


def _destination(here: Workspace, dest: Path | None, now: datetime) -> Path:
    dest = (dest or here.home / FOLDER).expanduser()
    if dest.is_dir() or not dest.suffix:
        dest = dest / f"tenure-{now:%Y%m%dT%H%M%SZ}{SUFFIX}"
    if dest.exists():
        raise TenureError(tr("{path} is there already, and a backup replaces nothing. Give another name.", path=dest))
    return dest


def _clear_torsos(folder: Path) -> None:
    """Remove what backups that were killed left half written."""
    for torso in folder.glob(f".*{SUFFIX}.*-*"):
        with suppress(OSError), torso.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            torso.unlink()


def _identity(here: Workspace) -> str:
    """What tells this workspace's backups from another's; says nothing of it."""
    secret = here.home / "secret.key"
    known = secret.read_bytes() if secret.exists() else str(here.home).encode()
    return hashlib.sha256(b"tenure backup of " + known).hexdigest()[:16]


def _write(here: Workspace, file: BinaryIO, lock: Lock, now: datetime, until: datetime | None, watch: Watcher) -> None:
    keys = [secrets.token_bytes(32), secrets.token_bytes(32)]
    head = write_head(
        file,
        {
            "made_at": now.isoformat(), "tenure": tenure.__version__, "workspace": _identity(here),
            "vault_until": until.isoformat() if until else None,
            "keys": [lock.lock(key) for key in keys[: 2 if until else 1]],
        },
    )  # fmt: skip
    with copies.copying(here.lake_folder) as copy:
        with writing_part(file, MAIN, keys[0], head) as part:
            members = MembersWriter(part)
            # Before the desk: a head of a later end would make the restored chain look cut.
            heads = _heads(here).read_bytes() if _heads(here).exists() else b""
            documents = [copy.hold(name) for name in _below(here.lake_folder, "documents")]
            with desk.snapshot(here.database_url) as snapshot:
                shown = _shown(snapshot)
                tables = copy.tables({CARDS: shown["lake_version"]} if shown else {})
                models = list(_models(here.lake_folder, copy))
                vault = _vault(here, copy) if until else None
                rows = _desk(snapshot, members, watch)
                about_desk = {
                    "database": snapshot.database, "tables": rows, "shown": shown, "migrations": _migrations(snapshot),
                    "left_out": sorted(snapshot.there() - set(rows) - desk.NOT_OURS),
                }  # fmt: skip
            _files(here, members)
            if heads:
                members.copy(str(_heads(here).relative_to(here.home)), io.BytesIO(heads))
            held = [*documents, *models, *(one for table in tables for one in table.files)]
            members.progress = _summing(watch, tr("Lake"), sum(one.size for one in held))
            for one in held:
                with one.path.open("rb") as content:
                    members.copy(f"lake/{one.name}", content)
            members.manifest(
                {
                    "tenure": tenure.__version__, "made_at": now.isoformat(), "company": here.company,
                    "zone": here.zone, "currency": here.currency, "demo": here.demo, "desk": about_desk,
                    "lake": {table.name: table.version for table in tables},
                    "vault_until": until.isoformat() if until else None,
                }
            )  # fmt: skip
        if vault is not None and until is not None:
            with writing_part(file, VAULT, keys[1], head) as part:
                members = MembersWriter(part)
                with vault.open("rb") as content:
                    members.copy("vault/vault.sqlite3", content)
                members.manifest({"until": until.isoformat()})


def _summing(watch: Watcher, stage: str, total: int) -> Callable[[int], None]:
    done = 0

    def tell(count: int) -> None:
        nonlocal done
        done += count
        watch(stage, done, max(total, done))

    return tell


def _below(folder: Path, name: str) -> Iterator[str]:
    """The finished files below `folder/name`, as paths below `folder`; what begins with a dot is still being written."""
    for place, folders, files in os.walk(folder / name):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        yield from (str((Path(place) / one).relative_to(folder)) for one in sorted(files) if not one.startswith("."))


def _models(lake: Path, copy: copies.Copy) -> Iterator[copies.Held]:
    """The models' files. They are written in their place, so each folder is copied as one, whole by its checksums."""
    for number, place in enumerate(sorted({str(Path(name).parent) for name in _below(lake, "models")})):
        for _ in range(_MODEL_TRIES):
            content = {f.name: f.read_bytes() for f in sorted((lake / place).glob("[!.]*")) if f.is_file()}
            sums = content.get("checksums.json", b"")
            try:
                whole = all(
                    hashlib.sha256(content[name]).hexdigest() == wanted for name, wanted in json.loads(sums).items()
                )
            except (ValueError, KeyError):
                whole = False
            if whole:
                break
            time.sleep(0.05)  # a refresh is writing it; one that was killed there left it so, and so it is taken
        for name, data in content.items():
            path = copy.room_for(f"model-{number}-{name}")
            path.write_bytes(data)
            yield copies.Held(f"{place}/{name}", path, len(data))


def _vault(here: Workspace, copy: copies.Copy) -> Path:
    """A copy of the vault at one moment; its keys are wrapped by the keyring there as here."""
    path = copy.room_for("vault.sqlite3")
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with (
        closing(sqlite3.connect(f"file:{here.vault_path}?mode=ro", uri=True, timeout=20)) as source,
        closing(sqlite3.connect(path)) as target,
    ):
        source.backup(target, pages=2_000)
    return path


def _heads(here: Workspace) -> Path:
    """The signed ends of the audit chain."""
    return here.home / "audit" / "heads.txt"


def _files(here: Workspace, members: MembersWriter) -> None:
    """What lies in the home folder besides: settings, secret, rejected rows, whatever a later version puts there."""
    apart = {here.keys_path, here.lake_folder, here.vault_path, _heads(here)}
    for top in sorted(here.home.iterdir()):
        if top.name.startswith(".") or top.name in _APART or top in apart or top.name.startswith("desk.sqlite3"):
            continue
        for name in [top.name] if top.is_file() else _below(here.home, top.name):
            if here.home / name in apart or name.endswith(SUFFIX):
                continue
            try:
                with (here.home / name).open("rb") as content:
                    members.copy(name, content)
            except FileNotFoundError:  # somebody has just tidied it away
                continue


def _shown(snapshot: desk.Snapshot) -> dict[str, Any] | None:
    """What the desk shows: its pointer, and the version of the lake's cards that it was made from."""
    found = snapshot.ask("SELECT generation, rows, lake_version FROM customers_publication WHERE id = 1")
    return dict(zip(("generation", "rows", "lake_version"), found[0], strict=True)) if found else None


def _migrations(snapshot: desk.Snapshot) -> list[list[str]]:
    rows = snapshot.ask(f"SELECT app, name FROM {desk.MIGRATIONS} ORDER BY app, name")
    return [[str(app), str(name)] for app, name in rows]


def _desk(snapshot: desk.Snapshot, members: MembersWriter, watch: Watcher) -> dict[str, int]:
    known = desk.tables()
    rows = {}
    for place, table in enumerate(known):
        with members.member(f"desk/{table.name}") as file:
            rows[table.name] = desk.dump(snapshot, table, file)  # type: ignore[arg-type]
            file.about.update(
                rows=rows[table.name],
                numbers=snapshot.numbers(table),
                kinds={column.name: column.kind for column in table.columns},
            )
        watch(tr("Desk"), place + 1, len(known))
    return rows


def _digest(file: BufferedRandom) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def _record(path: Path, size: int, sha256: str, checked: Checked, now: datetime) -> None:
    """Every customer left the workspace in one file: that is evidence to keep."""
    from django.db import transaction

    from tenure.desk.events import announce
    from tenure.desk.governance import audit

    with transaction.atomic():
        audit.record("backup", "workspace", path.name[:100], actor=None, now=now, bytes=size, sha256=sha256,
                     members=checked.members, rows=checked.rows, vault=checked.vault)  # fmt: skip
        announce(BackupMade(path.name, size))


def _own(folder: Path, workspace: str) -> list[Path]:
    """This workspace's backups in a folder, newest first."""
    found = []
    for path in folder.glob(f"[!.]*{SUFFIX}"):
        try:
            head = head_of(path)
        except TenureError:
            continue  # not one of ours to judge
        if head.get("workspace") == workspace:
            found.append((datetime.fromisoformat(head["made_at"]), path))
    return [path for _, path in sorted(found, reverse=True)]


def _let_go(own: list[Path], keep: int | None) -> tuple[Path, ...]:
    old = own[keep:] if keep else []
    for path in old:
        path.unlink(missing_ok=True)
    return tuple(old)


def _cut_vaults(own: list[Path], now: datetime) -> tuple[Path, ...]:
    """Cut the vault's part off backups whose time for it is over: what was erased since is then beyond reach there too."""
    cut = []
    for path in own:
        until = head_of(path).get("vault_until")
        if until and datetime.fromisoformat(until) <= now:
            start = start_of_part(path, VAULT)
            if start is not None:
                with path.open("r+b") as file:
                    file.truncate(start)
                    os.fsync(file.fileno())
                cut.append(path)
    return tuple(cut)


__all__ = ["SUFFIX", "Last", "Made", "back_up", "last_backup"]
