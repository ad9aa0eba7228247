"""The backup file: one or two sealed parts, cut into chunks that can be neither changed, dropped, swapped nor added.

    magic · format version · length of the head · head (JSON, in clear) · SHA-256 of the head · chunks

Each part has a key of its own, drawn for this file alone; the head holds it locked (`locks.py`). A chunk is
AES-256-GCM: the nonce is made of part, number and a mark on the last one, and every chunk vouches for the head. So a
chunk opens only in its own place of its own file, and a part that has lost its end is known to have lost it.
The head says nothing of what is inside but when it was made, by which Tenure, for which workspace, and until when its
vault may be used.
"""

import hashlib
import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tenure.errors import TenureError
from tenure.language import tr

MAGIC = b"TENUREBK"
FORMAT = 1
CHUNK = 1 << 20  # bytes of content a chunk: small enough to hold, large enough that its tag weighs nothing
_TAG = 16
_HEAD = struct.Struct(">HI")
_FRAME = struct.Struct(">BI")
_MOST_HEAD = 1 << 16


def write_head(file: BinaryIO, head: dict[str, Any]) -> bytes:
    """Write everything before the chunks; the digest that each chunk is bound to."""
    text = json.dumps(head, ensure_ascii=False, sort_keys=True).encode()
    digest = hashlib.sha256(MAGIC + _HEAD.pack(FORMAT, len(text)) + text).digest()
    file.write(MAGIC + _HEAD.pack(FORMAT, len(text)) + text + digest)
    return digest


def read_head(file: BinaryIO, name: str) -> tuple[dict[str, Any], bytes]:
    """The head and its digest. Raises TenureError for what is no backup, is newer, or is damaged there."""
    if file.read(len(MAGIC)) != MAGIC:
        raise TenureError(tr("{name} is not a backup of Tenure. Give a file that tenure backup has made.", name=name))
    start = file.read(_HEAD.size)
    version, length = _HEAD.unpack(start) if len(start) == _HEAD.size else (FORMAT, _MOST_HEAD + 1)
    if version > FORMAT:
        raise TenureError(
            tr(
                "{name} has format {version}; this Tenure reads up to {known}. It was made by a newer Tenure, or its "
                "first bytes are damaged. Try it with the newest Tenure.",
                name=name, version=version, known=FORMAT,
            )
        )  # fmt: skip
    text = file.read(length) if length <= _MOST_HEAD else b""
    digest = hashlib.sha256(MAGIC + start + text).digest()
    if version < 1 or file.read(len(digest)) != digest:
        raise TenureError(
            tr(
                "The head of {name} is damaged or cut short, so nothing in it can be opened. Use another backup.",
                name=name,
            )
        )
    head: dict[str, Any] = json.loads(text)
    return head, digest


class PartWriter(BufferedIOBase):
    """Takes the bytes of one part and writes them as sealed chunks; `close` writes the last one, with its mark."""

    def __init__(self, file: BinaryIO, part: int, key: bytes, head: bytes) -> None:
        self._file, self._part, self._cipher, self._bound = file, part, AESGCM(key), head
        self._number = 0
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._held += data
        while len(self._held) > CHUNK:
            self._seal(bytes(self._held[:CHUNK]), last=False)
            del self._held[:CHUNK]
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._seal(bytes(self._held), last=True)
            self._held.clear()
        super().close()

    def abandon(self) -> None:
        """Close without the last chunk: what was written stays a torso that nothing opens."""
        self._held.clear()
        super().close()

    def _seal(self, content: bytes, *, last: bool) -> None:
        sealed = self._cipher.encrypt(_nonce(self._part, self._number, last), content, self._bound)
        self._file.write(_FRAME.pack(self._part, len(sealed)) + sealed)
        self._number += 1


@contextmanager
def writing_part(file: BinaryIO, part: int, key: bytes, head: bytes) -> Iterator[PartWriter]:
    """A part to write to; it gets its end only where the block ends well."""
    writer = PartWriter(file, part, key, head)
    try:
        yield writer
    except BaseException:
        writer.abandon()
        raise
    writer.close()


class DamagedError(TenureError):
    """The file is not what was written: bytes were changed, cut off, added or put elsewhere."""


class PartReader:
    """Gives the bytes of one part, each only after its chunk has been found whole and in its place."""

    def __init__(self, file: BinaryIO, part: int, key: bytes, head: bytes, name: str) -> None:
        self._file, self._part, self._cipher, self._bound, self._name = file, part, AESGCM(key), head, name
        self._number = 0
        self._held = b""
        self._place = 0
        self._ended = False
        self.where = ""  # what is being read, to be named where it is damaged

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes, fewer only at the end of the part. Raises DamagedError."""
        found = self._held[self._place : self._place + size]
        self._place += len(found)
        while len(found) < size and not self._ended:
            self._open()
            more = self._held[: size - len(found)]
            self._place = len(more)
            found += more
        return found

    def exactly(self, size: int) -> bytes:
        found = self.read(size)
        if len(found) != size:
            raise self.damaged(self._file.tell())
        return found

    def finish(self) -> None:
        """Make sure that nothing is left over."""
        if self.read(1):
            raise self.damaged(self._file.tell())

    def damaged(self, at: int) -> DamagedError:
        what = f"{self._name}: {self.where}" if self.where else self._name
        return DamagedError(
            tr(
                "{what} is damaged: the bytes from {at:,} on are not what was written. Use another backup.",
                what=what, at=at,
            )
        )  # fmt: skip

    def _open(self) -> None:
        at = self._file.tell()
        frame = self._file.read(_FRAME.size)
        part, length = _FRAME.unpack(frame) if len(frame) == _FRAME.size else (None, 0)
        sealed = self._file.read(length) if length <= CHUNK + _TAG else b""
        if part is None or (len(sealed) < length <= CHUNK + _TAG):
            what = f"{self._name}: {self.where}" if self.where else self._name
            raise DamagedError(
                tr("{what} is cut short: the file ends at byte {at:,}. Use another backup.",
                   what=what, at=at + len(frame) + len(sealed))
            )  # fmt: skip
        if part != self._part or length > CHUNK + _TAG:
            raise self.damaged(at)
        for last in (False, True):
            try:
                # Only a full chunk can be other than the last, so most are tried once.
                if not last and length != CHUNK + _TAG:
                    continue
                self._held = self._cipher.decrypt(_nonce(self._part, self._number, last), sealed, self._bound)
            except InvalidTag:
                continue
            self._number, self._place, self._ended = self._number + 1, 0, last
            return
        raise self.damaged(at)


def _nonce(part: int, number: int, last: bool) -> bytes:
    # The key is of this part of this file alone, so a number never meets the same key twice.
    return struct.pack(">BBxxQ", part, last, number)


def start_of_part(path: Path, wanted: int) -> int | None:
    """Where the first chunk of a part stands, from the lengths of the chunks alone; None where there is none."""
    with path.open("rb") as file:
        read_head(file, path.name)
        while len(frame := file.read(_FRAME.size)) == _FRAME.size:
            part, length = _FRAME.unpack(frame)
            if part == wanted:
                return file.tell() - _FRAME.size
            file.seek(length, 1)
    return None
