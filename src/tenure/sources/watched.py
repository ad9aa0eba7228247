"""A file that must not change while it is read, and what the system says of it in words a person can act on."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from tenure.errors import TenureError
from tenure.language import tr


class FileChangedError(TenureError):
    """The file is not what it was when the import began; nothing of the batch is kept."""


@dataclass(frozen=True)
class FileMark:
    """What tells a file from another one in its place, without reading it."""

    device: int
    inode: int
    size: int
    changed: int

    @classmethod
    def of(cls, path: Path) -> "FileMark":
        stat = path.stat()
        return cls(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)

    def still_holds(self, path: Path) -> bool:
        try:
            return FileMark.of(path) == self
        except OSError:
            return False

    def check(self, path: Path, fingerprint: str) -> None:
        """Raises FileChangedError unless the file still is, byte for byte, what it was."""
        if not self.still_holds(path) or digest_of(path) != fingerprint or not self.still_holds(path):
            raise _changed(path)


def _changed(path: Path) -> FileChangedError:
    return FileChangedError(
        tr(
            "{name} changed while it was read, so nothing of it was imported. Wait until whatever writes it is done, "
            "then import it again.",
            name=path.name,
        )
    )


@contextmanager
def said_plainly(path: Path, mark: FileMark) -> Iterator[None]:
    """Turn what the system reports into what a person can do about it."""
    try:
        yield
    except FileChangedError:
        raise
    except Exception as error:
        if full := _is_full(error):
            raise TenureError(
                tr(
                    "The disk is full ({error}). Nothing of {name} was imported; free some space and import it again.",
                    name=path.name,
                    error=full,
                )
            ) from error
        if not mark.still_holds(path):
            raise _changed(path) from error
        if isinstance(error, TenureError | KeyboardInterrupt) or not isinstance(error, pa.ArrowException | OSError):
            raise
        raise TenureError(
            tr("{name} can't be read: {error}", name=path.name, error=str(error).splitlines()[0])
        ) from error


def _is_full(error: BaseException | None) -> str | None:
    """What the system says where the disk, a quota or a limit on file size stands behind an error, however wrapped."""
    codes = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    while error is not None:
        for code in codes:
            if (isinstance(error, OSError) and error.errno == code) or os.strerror(code) in str(error):
                return os.strerror(code)
        error = error.__cause__ or error.__context__
    return None


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
