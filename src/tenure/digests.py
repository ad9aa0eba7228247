"""Digests of the rows of a table, a column at a time: to tell which rows are as they were, without keeping the rows."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Column: TypeAlias = NDArray[Any] | pa.Array | pa.ChunkedArray

# Odd constants of splitmix64 and its kin: two digests of a row that share none of them.
_MIXES = ((0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9), (0xD1342543DE82EF95, 0x94D049BB133111EB))
_NOTHING = np.uint64(0xA5A5_5A5A_0F0F_F0F0)


def row_digests(columns: Sequence[Column]) -> NDArray[np.uint64]:
    """128 bits of each row of these columns (rows × 2): equal rows alike, others by chance never.

    columns: arrays of 64-bit values, or Arrow columns of numbers, dates, booleans or text. The same on every machine.
    """
    bits = [_bits(column) for column in columns]
    found = np.zeros((len(bits[0]) if bits else 0, 2), np.uint64)
    with np.errstate(over="ignore"):
        for at, (step, mix) in enumerate(_MIXES):
            state = np.full(len(found), step, np.uint64)
            for column in bits:
                state = (state ^ column) * np.uint64(mix)
                state ^= state >> np.uint64(29)
                state += np.uint64(step)
            state = (state ^ (state >> np.uint64(32))) * np.uint64(mix)
            found[:, at] = state ^ (state >> np.uint64(29))
    return found


def _bits(column: Column) -> NDArray[np.uint64]:
    if isinstance(column, np.ndarray):
        return np.ascontiguousarray(column).view(np.uint64)
    flat = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    missing = flat.is_null().to_numpy(zero_copy_only=False)
    if pa.types.is_null(flat.type):
        return np.full(len(flat), _NOTHING)
    if pa.types.is_string(flat.type) or pa.types.is_large_string(flat.type):
        from pandas.util import hash_array

        texts = flat.dictionary_encode()
        of_text = hash_array(texts.dictionary.to_numpy(zero_copy_only=False).astype(object), categorize=False)
        places = pc.fill_null(texts.indices, 0).to_numpy(zero_copy_only=False)
        found = of_text[places] if len(of_text) else np.zeros(len(flat), np.uint64)
    elif pa.types.is_floating(flat.type):
        found = pc.fill_null(flat.cast(pa.float64()), 0.0).to_numpy(zero_copy_only=False).view(np.uint64)
    else:
        whole = flat.cast(pa.int32()) if pa.types.is_date32(flat.type) else flat
        found = pc.fill_null(whole.cast(pa.int64()), 0).to_numpy(zero_copy_only=False).view(np.uint64)
    return np.where(missing, _NOTHING, found)
