"""A whole file at once, for a look that keeps nothing: no contract, no lake, the columns as they stand."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

import tenure.sources as sources
from tenure.errors import TenureError
from tenure.language import tr
from tenure.sources.base import Options
from tenure.sources.dates import Order, OrderEvidence, day
from tenure.sources.parse import as_text


@dataclass(frozen=True)
class Whole:
    """table: every good row; text, or typed where the file is typed. broken: rows that are no rows, passed over."""

    table: pa.Table
    broken: int


def whole(path: Path, options: Options) -> Whole:
    """Read every row of a CSV, Excel, Parquet or JSON Lines file.

    Raises TenureError for a file of no use.
    """
    if not path.is_file():
        raise TenureError(tr("There is no file {path}. Check the name and the folder you are in.", path=path))
    reader = sources.source_for(path).open(path, options)
    chunks = list(reader.chunks())
    batches = [pa.Table.from_batches([chunk.batch]) for chunk in chunks if chunk.batch.num_rows]
    if not batches:
        table = pa.table({name: pa.array([], pa.string()) for name in reader.headers})
    else:
        try:
            table = pa.concat_tables(batches, promote_options="permissive")
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            # A column may hold numbers in one part of the file and words in another.
            table = pa.concat_tables(
                pa.table([pa.chunked_array([as_text(c.combine_chunks())]) for c in batch.columns], batch.column_names)
                for batch in batches
            )
    return Whole(table.combine_chunks(), sum(len(chunk.broken) for chunk in chunks))


def with_dates(table: pa.Table, name: str, order: Order | None) -> pa.Table:
    """The table with one column read as calendar days, however they are written; what can't be read is blank."""
    column = table[name].combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.string())

    def decide() -> Order:
        if order:
            return order
        evidence = OrderEvidence()
        evidence.look(as_text(column))
        return evidence.decide(name)

    parsed = day(column, decide)
    values = pc.if_else(pa.array(~parsed.bad), parsed.values, None) if parsed.bad is not None else parsed.values
    return table.set_column(table.column_names.index(name), name, values)
