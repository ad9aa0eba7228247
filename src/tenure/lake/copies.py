"""A copy of the lake as it was at one moment, taken while others write: which files it is made of, and a hold on them.

Files of a Delta table are never changed, only added and, long after, removed. So a table at one version is a list of
files, and a second name for each (a hard link) keeps it there whatever is vacuumed meanwhile.
"""

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tenure.errors import TenureError
from tenure.lake.batches import TABLE as BATCHES
from tenure.lake.store import Store
from tenure.language import tr

FOLDER = ".backup"
_LOG = re.compile(r"^(\d{20})\.(json|checkpoint(\.[\w.-]+)?\.parquet)$")
_TRIES = 5


@dataclass(frozen=True)
class Held:
    """One file of the copy. name: its path below the lake's folder. path: where its bytes can be read until the end."""

    name: str
    path: Path
    size: int


@dataclass(frozen=True)
class Table:
    """One table of the copy, at the version it was found at."""

    name: str
    version: int
    files: tuple[Held, ...]


class Copy:
    """Holds files of a lake until it is closed. Made by `copying`."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder
        self._held = 0

    def tables(self, at: Mapping[str, int | None] | None = None) -> list[Table]:
        """Every table, `batches` first: a batch it calls committed has all its rows in what is looked at later.

        at: tables wanted at an older version; where that is gone, or None, the newest.
        """
        names = [name for name in self._store.names() if not name.startswith(FOLDER)]
        names.sort(key=lambda name: (name != BATCHES, not name.startswith("received/"), name))
        return [self._table(name, (at or {}).get(name)) for name in names]

    def hold(self, name: str) -> Held:
        """One file of the lake that is only ever replaced as a whole. Raises FileNotFoundError."""
        path = self._store.folder / name
        self._held += 1
        link = self._folder / f"{self._held:08}"
        try:
            os.link(path, link, follow_symlinks=True)
        except FileNotFoundError:
            raise
        except OSError:  # this file system has no links, or the file is somebody else's: read it where it is
            link = path
        return Held(name, link, link.stat().st_size)

    def room_for(self, name: str) -> Path:
        """A place for a file of one's own, gone with the copy."""
        return self._folder / name

    def _table(self, name: str, version: int | None) -> Table:
        for _ in range(_TRIES):
            try:
                return self._at(name, version)
            except FileNotFoundError:
                version = None  # removed while we looked, or long ago: what stands now is whole
            except Exception:  # deltalake's own for a version there never was
                if version is None:
                    raise
                version = None
        raise TenureError(
            tr("The files of {table} vanish faster than they can be held. Try again when no vacuum runs.", table=name)
        )

    def _at(self, name: str, version: int | None) -> Table:
        files, found = self._store.files(name, version)
        folder = self._store.path(name)
        log = folder / "_delta_log"
        held = []
        for path in sorted(log.iterdir()):
            match = _LOG.match(path.name)
            if match and int(match[1]) <= found:
                held.append(self.hold(f"{name}/_delta_log/{path.name}"))
        for file in sorted(files):
            held.append(self.hold(f"{name}/{Path(file).relative_to(folder.resolve())}"))
        return Table(name, found, tuple(held))


@contextmanager
def copying(folder: Path) -> Iterator[Copy]:
    """A copy of the lake in `folder`; what it holds is let go at the end, or by the next copy where this one is killed."""
    holds = folder / FOLDER
    holds.mkdir(parents=True, exist_ok=True)
    let_go(folder)
    own = holds / f"{os.getpid()}-{secrets.token_hex(4)}"
    own.mkdir(mode=0o700)
    with (own / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield Copy(Store(folder), own)
        finally:
            shutil.rmtree(own, ignore_errors=True)


def let_go(folder: Path) -> None:
    """Let go of what killed copies of the lake in `folder` still hold: the system freed their locks with them."""
    for own in (folder / FOLDER).glob("*"):
        try:
            with (own / "lock").open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(own, ignore_errors=True)
        except (FileNotFoundError, NotADirectoryError):
            # One that has no lock yet is just being made, unless its process is gone.
            pid = own.name.split("-")[0]
            if pid.isdigit() and not Path(f"/proc/{pid}").exists():
                shutil.rmtree(own, ignore_errors=True)
        except BlockingIOError:
            pass
