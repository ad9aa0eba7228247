"""The Parquet files of a table: written beside those there are, for a commit to name; and what their footers tell.

A file nobody's commit names is no part of the table: a writer that dies leaves one behind, and tidying takes it away.
"""

import json
import secrets
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

# Few enough rows to pass over those a question is not about, enough to be packed well.
_ROWS_A_GROUP = 262_144
_GROUPS_A_FILE = 4
# Two files are packed at once, and so many row groups at most are in memory for it.
_PACKERS, _GROUPS_AT_ONCE = 2, 6
# Of so many rows, a column with more different values than this share is written as it is: a list of them saves nothing.
_LOOKED_AT, _MANY = 32_768, 0.25


def write_parts(folder: Path, rows: pa.RecordBatchReader, schema: pa.Schema) -> list[AddAction]:
    """Write the rows, in their order, to new files in the folder; returns what a commit says of them.

    schema: what readers find, whatever a column's values are packed as here. What is said of a file is how many rows
    it has and nothing more: the log of changes must hold no values. While rows are drawn, those before are packed: each
    file by one thread from its first row to its last, two files beside each other.
    """
    parts: list[_Part] = []
    closed: list[Future[AddAction]] = []
    packing: set[Future[Any]] = set()
    repeating: list[str] = []
    try:
        with ExitStack() as stack:
            packers = [stack.enter_context(ThreadPoolExecutor(1, f"pack-{at}")) for at in range(_PACKERS)]

            def close() -> None:
                part = parts[-1]
                closed.append(packers[(len(parts) - 1) % _PACKERS].submit(copy_context().run, part.close))

            for place, group in enumerate(_groups(rows)):
                if place % _GROUPS_A_FILE == 0:
                    if parts:
                        close()
                    else:
                        repeating = _repeating(group.slice(0, _LOOKED_AT))
                    parts.append(_Part(folder, schema, repeating))
                packer = packers[(len(parts) - 1) % _PACKERS]
                packing.add(packer.submit(copy_context().run, parts[-1].write, group))
                if len(packing) >= _GROUPS_AT_ONCE:
                    done, packing = wait(packing, return_when=FIRST_COMPLETED)
                    for one in done:
                        one.result()
            for one in packing:
                one.result()
            if parts:
                close()
            return [one.result() for one in closed]
    except BaseException:
        for part in parts:
            part.drop()
        raise


def read_parts(files: Sequence[str], schema: pa.Schema) -> pa.Table:
    """The rows of these files, in the order they lie in. Raises FileNotFoundError for a file that has not all columns."""
    if not files:
        return schema.empty_table()
    found = [pq.read_table(file, columns=schema.names, partitioning=None) for file in files]
    if lacking := {*schema.names}.difference(*(table.column_names for table in found[:1])):
        raise FileNotFoundError(f"{files[0]} has no {sorted(lacking)}")
    return pa.concat_tables([table.select(schema.names).cast(schema) for table in found])


def alike(files: Sequence[str], schema: pa.Schema) -> dict[str, pa.Scalar]:
    """The columns that hold one value in all rows of these files, or nothing in any, by what the footers say.

    Columns whose footers say nothing are left out, and so are long texts, of which footers may keep the beginning only.
    """
    found = {field.name: _Span() for field in schema}
    for file in files:
        footer = pq.read_metadata(file)
        there = {footer.schema.column(at).path: at for at in range(footer.num_columns)}
        for name, span in found.items():
            if not span.varies:
                span.add(footer, there.get(name))
    return {
        field.name: pa.scalar(found[field.name].value, field.type)
        for field in schema
        if not found[field.name].varies and (found[field.name].value is None or _plain(field.type))
    }


class _Part:
    """One file on its way. repeating: the columns packed by a list of their values."""

    def __init__(self, folder: Path, schema: pa.Schema, repeating: Sequence[str]) -> None:
        self.path = folder / f"part-{secrets.token_hex(16)}.zstd.parquet"
        self.rows = 0
        self._schema = schema
        self._sink = pa.OSFile(str(self.path), "wb")
        # Without Arrow's own note of its types: a column is what the table's schema says, however it was packed.
        self._file = pq.ParquetWriter(
            self._sink,
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=list(repeating),
            store_schema=False,
        )

    def write(self, rows: pa.Table) -> None:
        self._file.write_table(rows.cast(self._schema), row_group_size=_ROWS_A_GROUP)
        self.rows += rows.num_rows

    def close(self) -> AddAction:
        self._file.close()
        self._sink.close()
        return AddAction(
            path=self.path.name,
            size=self.path.stat().st_size,
            partition_values={},
            modification_time=int(time.time() * 1000),
            data_change=True,
            stats=json.dumps({"numRecords": self.rows}),
        )

    def drop(self) -> None:
        # On a full disk neither may end well; the file goes all the same.
        with suppress(Exception):
            self._file.close()
        with suppress(Exception):
            self._sink.close()
        self.path.unlink(missing_ok=True)


def _repeating(rows: pa.Table) -> list[str]:
    """The columns in which values come again and again."""
    return [
        name
        for name, column in zip(rows.column_names, rows.columns, strict=True)
        if pa.types.is_nested(column.type) or pc.count_distinct(column).as_py() <= rows.num_rows * _MANY
    ]


def _groups(rows: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """The rows in tables of about one row group each."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in rows:
        waiting.append(batch)
        count += batch.num_rows
        if count >= _ROWS_A_GROUP:
            yield pa.Table.from_batches(waiting)
            waiting, count = [], 0
    if count:
        yield pa.Table.from_batches(waiting)


class _Span:
    """The one value of a column as far as was read, and whether there is more than one."""

    def __init__(self) -> None:
        self.value: object = None
        self.varies = False
        self._some = False

    def add(self, footer: pq.FileMetaData, column: int | None) -> None:
        for at in range(footer.num_row_groups):
            group = footer.row_group(at)
            if not group.num_rows:
                continue
            if column is None:
                self._note(None)
                continue
            said = group.column(column).statistics
            if said is None or not said.has_null_count or (said.null_count < group.num_rows and not said.has_min_max):
                self.varies = True
            elif said.null_count == group.num_rows:
                self._note(None)
            elif said.null_count or said.min != said.max:
                self.varies = True
            else:
                self._note(said.min)
            if self.varies:
                return

    def _note(self, value: object) -> None:
        self.varies = self._some and value != self.value
        self.value, self._some = value, True


def _plain(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_int64(kind) or pa.types.is_timestamp(kind))
