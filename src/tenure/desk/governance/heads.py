"""Signed heads: where the chain ended at a moment, written outside the database and signed with a key kept apart.

Somebody with the database alone can cut the chain's end off, or rewrite it and every hash in it; they can't make it fit
the heads. A head is one line of text, so one can also be kept where nobody of this machine reaches it.
"""

import hmac
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tenure.desk.governance import chain
from tenure.errors import TenureError
from tenure.keyring import keyring
from tenure.language import tr
from tenure.workspace import open_workspace

EVERY = timedelta(minutes=1)  # a busy chain is signed this often: an end younger than this can be cut off unseen
MARK = "tenure-head"


@dataclass(frozen=True, slots=True)
class Head:
    """The chain ended here at this moment."""

    position: int
    hash: str
    at: str
    key: str  # id of the master key it was signed under
    mac: str

    def __str__(self) -> str:
        return f"{MARK} {self.position} {self.hash} {self.at} {self.key} {self.mac}"

    @property
    def is_checkable(self) -> bool:
        """Whether the keyring still holds the key. A retired one's heads say nothing more; newer ones cover them."""
        return self.key in keyring().ids

    @property
    def is_ours(self) -> bool:
        """Whether this workspace's keys signed it."""
        return hmac.compare_digest(self.mac, _mac(self.position, self.hash, self.at, self.key))


def path() -> Path:
    return open_workspace().home / "audit" / "heads.txt"


def sign(*, now: datetime, at_once: bool = False) -> Head | None:
    """Write the chain's end down, signed, where it has moved since the last head; None where nothing was written.

    Not more often than every few seconds, unless `at_once`. Signed anew when the master key changes.
    """
    last, end, key = newest(), chain.head(), keyring().current
    if end.position == 0 or (last and (last.position, last.hash, last.key) == (end.position, end.hash, key)):
        return None
    if last and not at_once and timedelta(0) <= now - datetime.fromisoformat(last.at) < EVERY:
        return None
    at = now.astimezone(UTC).isoformat(timespec="seconds")
    head = Head(end.position, end.hash, at, key, _mac(end.position, end.hash, at, key))
    _append(path(), str(head))
    return head


def newest() -> Head | None:
    """The head written last; a line cut short by a crash is passed over."""
    try:
        with path().open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 1024))
            lines = file.read().decode("ascii", "replace").splitlines()
    except FileNotFoundError:
        return None
    for line in reversed(lines):
        try:
            return parse(line)
        except TenureError:
            continue
    return None


def every() -> Iterator[tuple[int, str]]:
    """The lines of the file, numbered from 1, without one that a crash cut short; the reader judges what they say."""
    try:
        with path().open(encoding="ascii", errors="replace", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                if line.strip() and line.endswith("\n"):
                    yield number, line.strip()
    except FileNotFoundError:
        return


def parse(line: str) -> Head:
    """A head from its line. Raises TenureError for text that is none."""
    parts = line.split()
    if len(parts) == 6 and parts[0] == MARK and parts[1].isdigit():
        try:
            if datetime.fromisoformat(parts[3]).tzinfo is not None:
                return Head(int(parts[1]), parts[2], parts[3], parts[4], parts[5])
        except ValueError:
            pass
    raise TenureError(tr('"{line}" is no signed head. One is a line as `tenure audit head` prints it.', line=line[:80]))


def _append(file: Path, line: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(handle).st_size
        # After a line that a crash cut short, a new one begins.
        begin = "" if size == 0 or os.pread(handle, 1, size - 1) == b"\n" else "\n"
        os.write(handle, f"{begin}{line}\n".encode("ascii"))
        os.fsync(handle)
    finally:
        os.close(handle)


def _mac(position: int, hash: str, at: str, key: str) -> str:
    return keyring().mac("audit-head", f"{position}\n{hash}\n{at}".encode(), under=key).hex()
