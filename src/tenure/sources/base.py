"""What a source is: how one kind of file becomes chunks of columns with physical row numbers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tenure.language import Words

ROWS_PER_CHUNK = 65_536


@dataclass(frozen=True)
class Fault:
    """Why a cell or a row can't be taken, and what its owner can do about it; `{value}` is filled where it is shown."""

    reason: Words
    remedy: Words


@dataclass(frozen=True)
class Broken:
    """A row that has no columns to speak of: its number, what can be made out of it, and what is wrong with it."""

    row: int
    cells: tuple[str, ...]
    fault: Fault


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file, in its order.

    batch: one column for each of the reader's headers, in their order; text, or typed where the file is typed.
    rows: int64, the physical number of each row of the batch, from 1, the header not counted.
    broken: rows that are no rows; their numbers are missing from `rows`.
    blank: rows without any cell filled that were passed over.
    """

    batch: pa.RecordBatch
    rows: NDArray[np.int64]
    broken: tuple[Broken, ...] = ()
    blank: int = 0


@dataclass(frozen=True)
class Options:
    """What a person may say about a file that can't be told from it. None: find out."""

    encoding: str | None = None
    sheet: str | None = None
    delimiter: str | None = None
    header_row: int | None = None  # from 1, as a spreadsheet numbers its rows


@dataclass(frozen=True)
class Glance:
    """What the first part of a file shows, before anyone decides to read all of it.

    cells: its first rows below the header, as text, blank ones left out. rows: how many there are in all; `estimated`
    where that follows from the file's size. header_row: from 1. notes: what is odd, in the current language.
    """

    headers: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    rows: int
    estimated: bool = False
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    sheets: tuple[str, ...] = ()
    header_row: int = 1
    notes: tuple[str, ...] = ()


class Reader(Protocol):
    """A file that is ready to be read, any number of times.

    headers: names of its columns, no two alike (a repeated one carries its count: `total (2)`).
    rows: how many rows it has, by a count that doesn't depend on how `chunks` reads them: good, broken and blank.
    encoding, delimiter, sheet: what was found, where it applies. header_row: the row that names the columns, from 1.
    from_1904: whether day numbers count from 1904, as some workbooks do, and not from 1900.
    """

    headers: tuple[str, ...]
    rows: int
    header_row: int
    from_1904: bool
    encoding: str | None
    delimiter: str | None
    sheet: str | None

    def chunks(self, only: Sequence[str] | None = None) -> Iterator[Chunk]:
        """Every row of the file from its start; `only` limits the columns, for a look ahead."""


@dataclass(frozen=True)
class Source:
    """One kind of input. suffixes: the endings of its files, lower case. open, glance: raise TenureError for a file of no use."""

    name: str
    suffixes: tuple[str, ...]
    words: Words
    open: Callable[[Path, Options], Reader]
    glance: Callable[[Path, Options], Glance]


def distinct(headers: Sequence[str]) -> tuple[str, ...]:
    """Names without two alike: the second `total` is `total (2)`; a blank one is named by its place."""
    taken: set[str] = set()
    names = []
    for place, header in enumerate(headers, start=1):
        name = stem = header.strip() or f"column {place}"
        count = 1
        while name in taken:
            count += 1
            name = f"{stem} ({count})"
        taken.add(name)
        names.append(name)
    return tuple(names)


def without_blank_rows(batch: pa.RecordBatch, rows: NDArray[np.int64]) -> tuple[pa.RecordBatch, NDArray[np.int64], int]:
    """Drop rows in which no cell is filled, and say how many there were."""
    if not batch.num_columns or not batch.num_rows:
        return batch, rows, 0
    filled = np.zeros(batch.num_rows, dtype=bool)
    for column in batch.columns:
        if not column.null_count:
            return batch, rows, 0
        filled |= column.is_valid().to_numpy(zero_copy_only=False)
    blank = int((~filled).sum())
    if not blank:
        return batch, rows, 0
    return batch.filter(pa.array(filled)), rows[filled], blank
