"""The file of rows that were not taken: why, what to do, and the row as it was, ready to mend and import again."""

import csv
import glob
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TextIO

ABOUT = ("reject_row", "reject_column", "reject_value", "reject_reason", "reject_remedy")
"""Columns in front of the file's own; an import passes over them, so a mended file goes in as it is."""

# A spreadsheet runs what begins like this as a formula; a plain number is none.
_FORMULA = re.compile(r"^[=+\-@\t\r]")
_PLAIN_NUMBER = re.compile(r"^[+-]?\d[\d,.]*$")
SHIELDED = r"^'([=+\-@\t\r])"


@dataclass(frozen=True)
class Reject:
    """A row that was not taken. row: from 1, below the column names; line: its row in the file as a spreadsheet counts."""

    row: int
    line: int
    column: str
    value: str
    reason: str
    remedy: str


class RejectFile:
    """Written row by row under a temporary name; it takes its own name once the import has said what became of it.

    UTF-8 with a byte order mark, so that spreadsheets read Chinese right. path: None keeps no file. above: rows of the
    original up to its column names. first: the first of the rejects, at most `kept`.
    """

    def __init__(self, path: Path | None, headers: Sequence[str], *, above: int = 0, kept: int = 100) -> None:
        self.path = path
        self.count = 0
        self.first: list[Reject] = []
        self._headers = headers
        self._above = above
        self._kept = kept
        self._unfinished = path and path.with_name(f".{path.name}.{os.getpid()}")
        self._file: TextIO | None = None
        if path is not None:
            # Left by a process that died at the same import; nobody else writes under this name.
            for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
                left.unlink(missing_ok=True)

    def add(self, row: int, column: str, value: str, reason: str, remedy: str, cells: Sequence[str | None]) -> None:
        """Note one rejected row."""
        self.count += 1
        if len(self.first) < self._kept:
            self.first.append(Reject(row, row + self._above, column, value, reason, remedy))
        if self.path is None or self._unfinished is None:
            return
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._unfinished.open("w", encoding="utf-8-sig", newline="")
            self._writer = csv.writer(self._file)
            self._writer.writerow([*ABOUT, *self._headers])
        about = [str(row), column, value, reason, remedy]
        self._writer.writerow([_shielded(cell) for cell in (*about, *cells)])

    def finish(self) -> Path | None:
        """Put the file in its place; None where there was nothing to write."""
        if self._file is None or self.path is None or self._unfinished is None:
            return None
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._file = None
        self._unfinished.replace(self.path)
        return self.path

    def __enter__(self) -> "RejectFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None and self._unfinished is not None:
            # On a full disk even closing fails; what is left of the file goes all the same.
            with suppress(OSError):
                self._file.close()
            self._unfinished.unlink(missing_ok=True)


def _shielded(cell: str | None) -> str:
    if not cell:
        return ""
    return "'" + cell if _FORMULA.match(cell) and not _PLAIN_NUMBER.match(cell) else cell
