"""Reading a backup: what it says of itself, and whether every byte of it is what was written."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from tenure.backup.locks import Lock
from tenure.backup.members import Sink, read_members
from tenure.backup.sealed import PartReader, read_head
from tenure.errors import TenureError
from tenure.language import tr

MAIN, VAULT = 0, 1
Progress = Callable[[int, int], None]
OpenSink = Callable[[str], tuple[Sink, Callable[[], None]] | None]


@dataclass(frozen=True)
class Checked:
    """A backup found whole. vault: whether it has the vault's part. manifest: what it holds, by member."""

    path: Path
    made_at: datetime
    tenure: str
    vault_until: datetime | None
    vault: bool
    manifest: dict[str, Any]

    @property
    def members(self) -> int:
        return len(self.manifest["members"])

    @property
    def rows(self) -> int:
        return sum(self.manifest["desk"]["tables"].values())


def verify(path: Path, lock: Lock, *, progress: Progress | None = None) -> Checked:
    """Read a backup from its first byte to its last, and hold everything against its checksums.

    Raises TenureError, naming the member where that is known, for anything that is not as it was written.
    """
    return read(path, lock, lambda name: None, progress=progress)


def read(
    path: Path, lock: Lock, open_sink: OpenSink, *, vault: bool = True, progress: Progress | None = None
) -> Checked:
    """Read a backup, giving each member where `open_sink` says; `vault` False passes that part over unread."""
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        head, digest = read_head(file, path.name)
        told = _Telling(file, size, progress)
        main = PartReader(told, MAIN, lock.open(head["keys"][0], path.name), digest, path.name)  # type: ignore[arg-type]
        manifest = read_members(main, open_sink)
        until = datetime.fromisoformat(head["vault_until"]) if head["vault_until"] else None
        # The vault's part may have been cut off since, when its time was over.
        has_vault = until is not None and file.tell() < size
        if has_vault and vault:
            part = PartReader(told, VAULT, lock.open(head["keys"][1], path.name), digest, path.name)  # type: ignore[arg-type]
            read_members(part, open_sink)
        if (vault or not has_vault) and file.tell() < size:
            raise TenureError(
                tr("{name} goes on for {n:,} bytes after its end, which no backup does. Use another backup.",
                   name=path.name, n=size - file.tell())
            )  # fmt: skip
    made_at = datetime.fromisoformat(head["made_at"])
    return Checked(path, made_at, str(head["tenure"]), until, has_vault, manifest)


def head_of(path: Path) -> dict[str, Any]:
    """What a backup says of itself without a key. Raises TenureError."""
    with opened(path) as file:
        return read_head(file, path.name)[0]


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise TenureError(
            tr("{path} can't be read: {error}. Name the file of a backup.", path=path, error=error.strerror)
        ) from error
    with file:
        yield file


@contextmanager
def said_plainly(what: str) -> Iterator[None]:
    """A full disk or a folder one may not write to, in a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise TenureError(
                tr(
                    "The disk is full ({error}). {what} Free some room, then try again.",
                    error=error.strerror,
                    what=what,
                )
            ) from error
        raise TenureError(
            tr("{path} can't be written: {error}. {what}", path=error.filename, error=error.strerror, what=what)
        ) from error


class _Telling:
    """A file that says how far it has been read."""

    def __init__(self, file: BinaryIO, size: int, progress: Progress | None) -> None:
        self._file, self._size, self._progress = file, size, progress
        self.tell = file.tell

    def read(self, size: int) -> bytes:
        found = self._file.read(size)
        if self._progress and size > 64:
            self._progress(self._file.tell(), self._size)
        return found
