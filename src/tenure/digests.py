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
_TEXT_STEP, _TEXT_MIX = np.uint64(0x9FB21C651E98DF25), np.uint64(0xD6E8FEB86659FD93)
_TEXTS = 16_384  # looked at together: their bytes fit beside the processor
# The lowest 0 to 7 bytes of eight.
_OF_REST = np.array([(1 << 8 * some) - 1 for some in range(8)], np.uint64)


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
    missing = column.is_null().to_numpy(**_copied(column))
    if pa.types.is_null(column.type):
        return np.full(len(column), _NOTHING)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        some = [_of_texts(chunk.slice(at, _TEXTS)) for chunk in chunks for at in range(0, len(chunk), _TEXTS)]
        found = np.concatenate(some) if some else np.zeros(0, np.uint64)
    elif pa.types.is_floating(column.type):
        found = pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy(**_copied(column)).view(np.uint64)
    else:
        whole = column.cast(pa.int32()) if pa.types.is_date32(column.type) else column
        found = pc.fill_null(whole.cast(pa.int64()), 0).to_numpy(**_copied(column)).view(np.uint64)
    return np.where(missing, _NOTHING, found)


def _copied(column: pa.Array | pa.ChunkedArray) -> dict[str, bool]:
    """Several chunks are copied together in any case; one says whether it may."""
    return {} if isinstance(column, pa.ChunkedArray) else {"zero_copy_only": False}


def _of_texts(texts: pa.Array) -> NDArray[np.uint64]:
    """64 bits of each text, eight bytes at a time over all texts at once: the longest first, so that those left are the
    first so many. What is missing comes out as anything."""
    rows = len(texts)
    _validity, offsets, data = texts.buffers()
    if not rows or offsets is None:
        return np.zeros(rows, np.uint64)
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    ends = np.frombuffer(offsets, width)[texts.offset : texts.offset + rows + 1].astype(np.int64)
    first, last = int(ends[0]), int(ends[-1])
    padded = np.zeros(last - first + 8, np.uint8)
    if data is not None:
        padded[:-8] = np.frombuffer(data, np.uint8)[first:last]
    eight: NDArray[np.uint64] = np.ndarray((len(padded) - 7,), "<u8", padded, strides=(1,))
    length = np.diff(ends)
    whole = length >> 3
    longest = np.argsort(-whole, kind="stable")
    start = (ends[:-1] - first)[longest]
    state = (length[longest] + 1).view(np.uint64) * _TEXT_STEP
    # How many texts have more whole words than 0, 1, 2, …
    left = rows - np.cumsum(np.bincount(whole))
    for word, some in enumerate(left.tolist()):
        _mix_in(state[:some], eight[start[:some] + 8 * word])
    rest = (length & 7)[longest]
    _mix_in(state, eight[start + (whole[longest] << 3)] & _OF_REST[rest])
    found = np.empty(rows, np.uint64)
    found[longest] = state
    return found


def _mix_in(state: NDArray[np.uint64], words: NDArray[np.uint64]) -> None:
    state ^= words
    state *= _TEXT_MIX
    state ^= state >> np.uint64(32)
