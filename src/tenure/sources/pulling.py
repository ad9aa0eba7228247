"""A pull: what is new in a table since last time, streamed to a file of our own, and imported from there as one batch.

The file stands between the two on purpose. The database's snapshot is held no longer than its rows take to travel;
should it go away in the middle, nothing was begun; and the import counts, looks twice at a column and resumes as it
does with any file.
"""

import base64
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from tenure.errors import TenureError
from tenure.language import tr
from tenure.sources.importing import import_file
from tenure.sources.parse import as_text
from tenure.sources.pull import Asked, Database, Dsn, Mark, Range, open_database
from tenure.sources.pull.base import broke_off
from tenure.sources.report import ImportReport

if TYPE_CHECKING:
    from tenure.lake import Lake

OVERLAP = 3600
"""How far back a pull looks again unless told: an hour of time, or so many units of a number."""
MOST_KNOWN = 500_000  # rows remembered within the overlap; 16 bytes each


@dataclass(frozen=True)
class Kept:
    """What one run leaves for the next: how far it came, and which rows it has of the stretch that is looked at again.

    seen: keyed digests of whole rows, which tell nothing to whoever finds them without the key.
    """

    mark: Mark | None = None
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    seen: frozenset[bytes] = frozenset()

    def as_document(self) -> dict[str, Any]:
        """As JSON can keep it."""
        mark = None if self.mark is None else [self.mark.column, self.mark.order, self.mark.value]
        seen = base64.b64encode(b"".join(sorted(self.seen))).decode()
        return {"mark": mark, "key": self.key.hex(), "seen": seen}

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> "Kept":
        if not document:
            return cls()
        raw = base64.b64decode(document["seen"])
        mark = Mark(*document["mark"]) if document["mark"] else None
        return cls(mark, bytes.fromhex(document["key"]), frozenset(raw[n : n + 16] for n in range(0, len(raw), 16)))


@dataclass(frozen=True)
class Fetched:
    """What a look at the database brought. path: None where nothing was new. known: rows received before, left out.

    read = rows + known. unmarked: rows without a value in the watermark's column, which only the first run reads.
    """

    path: Path | None
    rows: int
    known: int
    kept: Kept
    unmarked: int = 0
    crowded: bool = False

    @property
    def read(self) -> int:
        return self.rows + self.known


def fetch(
    dsn: Dsn | str,
    asked: Asked,
    folder: Path,
    *,
    stem: str,
    watermark: str = "",
    kept: Kept | None = None,
    overlap: int = OVERLAP,
    progress: Callable[[int], None] | None = None,
) -> Fetched:
    """Stream what is new into `folder`, from one snapshot of the database.

    watermark: the column that grows when a row is new or changes. Read is everything from `overlap` before the highest
    value of last time, that value included: rows that tie with it, and rows committed late under an earlier value, are
    not lost; those of them already received, every cell alike, are left out. Without a watermark all is read, and what
    is as it was the last time is left out. progress: told how many rows have come, and may raise to end it.

    Raises TenureError where the database can't be reached, breaks off, or gives another number of rows than it counts.
    """
    kept = kept or Kept()
    with open_database(dsn) as database:
        top = database.highest(asked, watermark) if watermark else None
        since = kept.mark if kept.mark and kept.mark.column == watermark else None
        if watermark and top is None and since is None and database.count(asked) == 0:
            return Fetched(None, 0, 0, kept)
        wanted = asked
        if since is not None:
            wanted = replace(asked, ranges=(*asked.ranges, _from(since.back(overlap))))
        path = folder / f"{_file_name(stem)}.parquet"
        try:
            rows, known, unmarked, seen = _spooled(database, wanted, path, kept, watermark, progress)
            if asked.most is None and (there := database.count(wanted)) != rows + known:
                told = tr("{there:,} rows by its own count, {read:,} came", there=there, read=rows + known)
                raise broke_off(database.dsn, told)
            if top is not None:
                again = replace(asked, ranges=(*asked.ranges, _from(top.back(overlap))))
                for batch in database.stream(again):
                    seen.update(_digests(batch, kept.key))
                    if len(seen) > MOST_KNOWN:
                        break
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    if not rows:
        path.unlink(missing_ok=True)
    crowded = len(seen) > MOST_KNOWN
    after = Kept(top or since, kept.key, frozenset() if crowded else frozenset(seen))
    return Fetched(path if rows else None, rows, known, after, unmarked if since is None else 0, crowded)


@dataclass(frozen=True)
class Pulled:
    """A run. report: of the batch; None where nothing was new."""

    fetched: Fetched
    report: ImportReport | None

    def summary(self) -> list[str]:
        """The run in sentences, in the current language."""
        lines = list(self.report.summary()) if self.report else [tr("Nothing is new.")]
        if self.fetched.known:
            lines.append(tr("{count:,} rows were received before and have not changed.", count=self.fetched.known))
        if self.fetched.unmarked:
            lines.append(
                tr(
                    "{count:,} rows have nothing in the watermark's column; later runs will not see them again.",
                    count=self.fetched.unmarked,
                )
            )
        if self.fetched.crowded:
            lines.append(
                tr(
                    "Too many rows lie within the overlap to remember each; they come again next time and count once "
                    "by their key. Choose a smaller overlap."
                )
            )
        return lines


def pull(
    lake: "Lake | None",
    dsn: Dsn | str,
    asked: Asked,
    contract: str,
    *,
    folder: Path,
    watermark: str = "",
    kept: Kept | None = None,
    overlap: int = OVERLAP,
    begun: Callable[[Fetched, str], None] | None = None,
    fetching: Callable[[int], None] | None = None,
    **importing: Any,
) -> Pulled:
    """Fetch what is new and bring it in as one batch; see `fetch` and `import_file`, which takes what is not named here.

    folder: where the rows lie meanwhile, a private one. begun: told what was fetched and the file's fingerprint before
    the import begins, so that a caller that dies in between can tell afterwards whether the batch was committed.

    Raises TenureError. Whatever is raised, nothing of the run is to be seen, and the next one reads it again.
    """
    stem = f"{importing.get('source', 'main')}.{asked.table or contract}"
    fetched = fetch(dsn, asked, folder, stem=stem, watermark=watermark, kept=kept, overlap=overlap, progress=fetching)
    if fetched.path is None:
        return Pulled(fetched, None)
    try:
        if begun is not None:
            with fetched.path.open("rb") as file:
                begun(fetched, hashlib.file_digest(file, "sha256").hexdigest())
        # What is new was told row by row already; that the same bytes came before (and were undone) is no reason against.
        return Pulled(fetched, import_file(lake, fetched.path, contract, again=True, **importing))
    finally:
        fetched.path.unlink(missing_ok=True)


def _from(mark: Mark) -> Range:
    return Range(mark.column, mark.order, at_least=mark.value)


def _spooled(
    database: Database,
    asked: Asked,
    path: Path,
    kept: Kept,
    watermark: str,
    progress: Callable[[int], None] | None,
) -> tuple[int, int, int, set[bytes]]:
    rows = known = unmarked = 0
    seen: set[bytes] = set()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    writer: pa.parquet.ParquetWriter | None = None
    # Rows of people lie in it for as long as the import takes: for nobody else's eyes.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        try:
            for batch in database.stream(asked):
                marks = list(_digests(batch, kept.key)) if kept.seen or not watermark else []
                if not watermark and len(seen) <= MOST_KNOWN:
                    seen.update(marks)
                fresh = _without_known(batch, marks, kept)
                known += batch.num_rows - fresh.num_rows
                rows += fresh.num_rows
                if watermark in batch.schema.names:
                    unmarked += batch.column(batch.schema.get_field_index(watermark)).null_count
                if writer is None:
                    writer = pa.parquet.ParquetWriter(file, fresh.schema, compression="zstd")
                writer.write_batch(fresh)
                if progress is not None:
                    progress(rows + known)
        finally:
            if writer is not None:
                writer.close()
    return rows, known, unmarked, seen


def _without_known(batch: pa.RecordBatch, marks: list[bytes], kept: Kept) -> pa.RecordBatch:
    if not kept.seen or not batch.num_rows:
        return batch
    new = np.fromiter((mark not in kept.seen for mark in marks), bool, batch.num_rows)
    return batch if new.all() else batch.filter(pa.array(new))


def _digests(batch: pa.RecordBatch, key: bytes) -> Iterator[bytes]:
    """One keyed digest a row, over every cell and which of them are blank."""
    cells = []
    for column in batch.columns:
        text = as_text(column)
        length = pc.cast(pc.binary_length(text), pa.string())  # so that no cell can pass for two
        cells.append(pc.fill_null(pc.binary_join_element_wise(length, text, "="), "-"))
    for text in pc.binary_join_element_wise(*cells, " ").to_pylist():
        yield hashlib.blake2b(text.encode(), key=key, digest_size=16).digest()


def _file_name(stem: str) -> str:
    return re.sub(r"[^\w.-]+", "-", stem).strip("-.")[:80] or "pull"


def slices(dsn: Dsn | str, asked: Asked, column: str, count: int) -> list[Range]:
    """Half-open ranges of a column that cut what is asked for into about equal parts, and together hold every row.

    Raises TenureError where some rows have no value in the column, since they would lie in no part.
    """
    with open_database(dsn) as database:
        top = database.highest(asked, column)
        total = database.count(asked)
        if top is None:
            raise TenureError(
                tr("{what} has no rows with a {column}; there is nothing to cut.", what=asked.what, column=column)
            )
        name, source = database.quoted(column), database.source(asked)
        cuts: list[str] = []
        for part in range(1, max(1, count)):
            offset = part * total // count
            value = database.one(f"SELECT {name} AS cut FROM {source} ORDER BY {name} LIMIT 1 OFFSET {offset}")
            if value is not None and value not in cuts:
                cuts.append(value)
        ranges = [
            Range(column, top.order, at_least, below)
            for at_least, below in zip([None, *cuts], [*cuts, None], strict=True)
        ]
        if len(ranges) > 1 and total != sum(database.count(replace(asked, ranges=(one,))) for one in ranges):
            raise TenureError(
                tr("Some rows of {what} have no {column}, so they lie in no slice. Cut by another column.",
                   what=asked.what, column=column)
            )  # fmt: skip
        return ranges if len(ranges) > 1 else []


def sweep(folder: Path) -> int:
    """Delete what a pull that was killed left behind; call it before a run. Returns how many files went."""
    count = 0
    for path in folder.glob("*.parquet") if folder.is_dir() else ():
        path.unlink(missing_ok=True)
        count += 1
    return count
