"""Rows in memory, read as a file's rows are."""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from tenure.sources.base import ROWS_PER_CHUNK, Chunk, distinct


class TableReader:
    """An Arrow table as a reader: its columns keep their types, its rows are numbered from 1."""

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    from_1904 = False
    header_row = 0

    def __init__(self, rows: pa.Table) -> None:
        self.headers = distinct(rows.column_names)
        self.rows = rows.num_rows
        self._table = rows.rename_columns(list(self.headers))

    @property
    def fingerprint(self) -> str:
        """A digest of the rows, by their content and types."""
        whole = hashlib.sha256()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self._table.schema) as stream:
            stream.write_table(self._table.combine_chunks())
        whole.update(sink.getvalue())
        return whole.hexdigest()

    def chunks(self, only: Sequence[str] | None = None) -> Iterator[Chunk]:
        table = self._table if only is None else self._table.select(list(only))
        start = 1
        for batch in table.combine_chunks().to_batches(max_chunksize=ROWS_PER_CHUNK):
            yield Chunk(batch, np.arange(start, start + batch.num_rows, dtype=np.int64))
            start += batch.num_rows
