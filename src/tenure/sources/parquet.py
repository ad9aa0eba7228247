"""Parquet: typed columns, read as they are."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from tenure.errors import TenureError
from tenure.language import Words, tr
from tenure.sources.base import ROWS_PER_CHUNK, Chunk, Glance, Options, Source, distinct
from tenure.sources.parse import as_text

_SAMPLES = 50


class ParquetReader:
    """A Parquet file; its columns keep their types."""

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    from_1904 = False
    header_row = 0

    def __init__(self, path: Path, options: Options) -> None:
        self._path = path
        try:
            with pa.parquet.ParquetFile(path) as file:
                self._names = file.schema_arrow.names
                self.rows = file.metadata.num_rows
        except (pa.ArrowException, OSError) as error:
            raise TenureError(
                tr(
                    "{name} can't be read as Parquet: {error}. Write the file again, and let it finish.",
                    name=path.name,
                    error=str(error).splitlines()[0].rstrip("."),
                )
            ) from error
        self.headers = distinct(self._names)

    def chunks(self, only: Sequence[str] | None = None) -> Iterator[Chunk]:
        start = 1
        with pa.parquet.ParquetFile(self._path) as file:
            for batch in file.iter_batches(batch_size=ROWS_PER_CHUNK):
                batch = batch.rename_columns(self.headers)
                if only is not None:
                    batch = batch.select(list(only))
                yield Chunk(batch, np.arange(start, start + batch.num_rows, dtype=np.int64))
                start += batch.num_rows


def glance(path: Path, options: Options) -> Glance:
    """The columns, the first rows, and how many there are."""
    reader = ParquetReader(path, options)
    with pa.parquet.ParquetFile(path) as file:
        first = next(file.iter_batches(batch_size=_SAMPLES), None)
    columns = [as_text(column).to_pylist() for column in first.columns] if first is not None else []
    cells = tuple(tuple(cell or "" for cell in row) for row in zip(*columns, strict=True))
    return Glance(reader.headers, cells, reader.rows, header_row=0)


source = Source(
    name="parquet",
    suffixes=(".parquet", ".pq"),
    words=Words("Parquet", "Parquet 列式文件"),
    open=ParquetReader,
    glance=glance,
)
