"""The analyst's door takes any pandas, Polars or Arrow input; this is where it becomes arrays."""

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def to_arrow(frame: Any) -> pa.Table:
    """Any eager pandas, Polars, Arrow or other narwhals-supported frame as an Arrow table.

    Raises TypeError, naming what was given, for anything else.
    """
    if isinstance(frame, pa.Table):
        return frame
    if isinstance(frame, pa.RecordBatch):
        return pa.Table.from_batches([frame])
    return nw.from_native(frame, eager_only=True).to_arrow()


def to_numbers(values: Any, name: str) -> NDArray[np.float64]:
    """A one-dimensional column (series, Arrow array, list, NumPy array) as floats, nulls as NaN.

    Raises ValueError, naming the column, where it is not one-dimensional or not made of numbers.
    """
    if isinstance(values, pa.Array | pa.ChunkedArray):
        values = values.to_pandas()
    elif hasattr(values, "to_numpy"):
        values = values.to_numpy()
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be numbers; found {np.asarray(values).dtype} that can't be read as such"
        ) from error
    if array.ndim != 1:
        raise ValueError(f"{name} must have one dimension; found shape {array.shape}")
    return array


def like(given: Any, table: pa.Table) -> Any:
    """An Arrow table as the kind of frame that was given: pandas, Polars, Arrow or what narwhals knows."""
    if isinstance(given, pa.Table):
        return table
    if isinstance(given, pa.RecordBatch):
        return table.combine_chunks()
    return nw.from_arrow(table, backend=nw.get_native_namespace(given)).to_native()
