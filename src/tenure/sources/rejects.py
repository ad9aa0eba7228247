"""The file of rows that were not taken: why, what to do, and the row as it was, ready to mend and import again."""

import csv
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TextIO

ABOUT = ("reject_row", "reject_column", "reject_value", "reject_reason", "reject_remedy")
"""Columns in front of the file's own; an import passes over them, so a mended file goes in as it is."""

# A spreadsheet runs what begins like this as a formula; a plain number is none.
_FORMULA = re.compile(r"^[=+\-@\t\r]")
_PLAIN_NUMBER = re.compile(r"^[+-]?\d[\d,.]*$")
SHIELDED = r"^'([=+\-@\t\r])"


class RejectFile:
    """Written row by row under a temporary name; it takes its own name once the import has said what became of it.

    UTF-8 with a byte order mark, so that spreadsheets read Chinese right.
    """

    def __init__(self, path: Path, headers: Sequence[str]) -> None:
        self.path = path
        self.count = 0
        self._headers = headers
        self._unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        self._file: TextIO | None = None

    def add(self, row: int, column: str, value: str, reason: str, remedy: str, cells: Sequence[str | None]) -> None:
        """Note one rejected row."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._unfinished.open("w", encoding="utf-8-sig", newline="")
            self._writer = csv.writer(self._file)
            self._writer.writerow([*ABOUT, *self._headers])
        about = [str(row), column, value, reason, remedy]
        self._writer.writerow([_shielded(cell) for cell in (*about, *cells)])
        self.count += 1

    def finish(self) -> Path | None:
        """Put the file in its place; None where there was nothing to write."""
        if self._file is None:
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
        if self._file is not None:
            # On a full disk even closing fails; what is left of the file goes all the same.
            with suppress(OSError):
                self._file.close()
            self._unfinished.unlink(missing_ok=True)


def _shielded(cell: str | None) -> str:
    if not cell:
        return ""
    return "'" + cell if _FORMULA.match(cell) and not _PLAIN_NUMBER.match(cell) else cell
