"""What a part holds: members, each a name and its bytes, then the manifest that lists them all.

A member's length need not be known when it begins (a table streams out of the database), so it comes in pieces; its
SHA-256 follows it, and stands again in the manifest. The reader holds the one against the other.
"""

import hashlib
import json
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import RawIOBase
from typing import IO, Any

from tenure.backup.sealed import PartReader, PartWriter
from tenure.errors import TenureError
from tenure.language import tr

PIECE = 1 << 18
_RECORD = struct.Struct(">cI")
_MEMBER, _DATA, _END, _MANIFEST = b"M", b"D", b"E", b"F"
_MOST = 1 << 28  # a manifest of half a million files stays below this

Progress = Callable[[int], None]
"""Called with the bytes just done."""


@dataclass(frozen=True)
class Written:
    """One member as the manifest lists it."""

    name: str
    size: int
    sha256: str
    about: dict[str, Any] = field(default_factory=dict)

    def line(self) -> dict[str, Any]:
        return {"name": self.name, "size": self.size, "sha256": self.sha256, **self.about}


class MembersWriter:
    """Writes members into a part, one after the other, and keeps the list of them."""

    def __init__(self, part: PartWriter, progress: Progress | None = None) -> None:
        self._part = part
        self.progress = progress
        self.written: list[Written] = []

    @contextmanager
    def member(self, name: str) -> Iterator["MemberFile"]:
        """A file to write the member's bytes to; what is put into its `about` goes into the manifest."""
        self._record(_MEMBER, json.dumps({"name": name}).encode())
        file = MemberFile(self._piece)
        yield file
        digest = file.digest.hexdigest()
        self._record(_END, json.dumps({"size": file.size, "sha256": digest}).encode())
        self.written.append(Written(name, file.size, digest, file.about))

    def copy(self, name: str, file: IO[bytes]) -> None:
        """A member from an open file, piece by piece."""
        with self.member(name) as member:
            while piece := file.read(PIECE):
                member.write(piece)
                if self.progress:
                    self.progress(len(piece))

    def manifest(self, content: dict[str, Any]) -> None:
        """Write the manifest; nothing may follow it."""
        members = [written.line() for written in self.written]
        self._record(_MANIFEST, json.dumps({**content, "members": members}, ensure_ascii=False).encode())

    def _piece(self, data: bytes) -> None:
        self._record(_DATA, data)

    def _record(self, kind: bytes, data: bytes) -> None:
        self._part.write(_RECORD.pack(kind, len(data)))
        self._part.write(data)


class MemberFile(RawIOBase):
    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self.size = 0
        self.digest = hashlib.sha256()
        self.about: dict[str, Any] = {}

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        for start in range(0, len(view := memoryview(data).cast("B")), PIECE):
            piece = bytes(view[start : start + PIECE])
            self.digest.update(piece)
            self.size += len(piece)
            self._take(piece)
        return len(view)


Sink = Callable[[bytes], None]


def read_members(
    part: PartReader, open_sink: Callable[[str], "tuple[Sink, Callable[[], None]] | None"]
) -> dict[str, Any]:
    """Read a whole part and return its manifest, having held every member against it.

    open_sink: given a member's name, where its pieces go and what to call at its end; None to check and let go.
    Raises DamagedError, naming the member.
    """
    found: dict[str, tuple[int, str]] = {}
    while True:
        kind, data = _read(part)
        if kind == _MANIFEST:
            break
        name = _checked_name(json.loads(data)["name"]) if kind == _MEMBER else ""
        if not name or name in found:
            raise part.damaged(0)
        part.where = name
        opened = open_sink(name)
        size, digest = 0, hashlib.sha256()
        try:
            while (record := _read(part))[0] == _DATA:
                size += len(record[1])
                digest.update(record[1])
                if opened:
                    opened[0](record[1])
        finally:
            if opened:
                opened[1]()
        if record[0] != _END or json.loads(record[1]) != {"size": size, "sha256": digest.hexdigest()}:
            raise part.damaged(0)
        found[name] = (size, digest.hexdigest())
        part.where = ""
    part.where = tr("the manifest")
    manifest: dict[str, Any] = json.loads(data)
    part.finish()
    listed = {line["name"]: (line["size"], line["sha256"]) for line in manifest["members"]}
    if listed != found:
        part.where = ", ".join(sorted(name for name in {*listed, *found} if listed.get(name) != found.get(name)))
        raise part.damaged(0)
    return manifest


def _read(part: PartReader) -> tuple[bytes, bytes]:
    kind, length = _RECORD.unpack(part.exactly(_RECORD.size))
    if length > _MOST:
        raise part.damaged(0)
    return kind, part.exactly(length)


def _checked_name(name: str) -> str:
    """A member's name is a path below the new home, and never leads out of it."""
    parts = name.split("/")
    if name.startswith("/") or any(part in {"", ".", ".."} or "\x00" in part for part in parts):
        raise TenureError(tr('The backup names a member "{name}", which is no place in a workspace.', name=name))
    return name
