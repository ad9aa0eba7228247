"""What was met before in a file, of ten million rows, in bounded memory: a table of 64-bit hashes in two arrays."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

_FREE = np.uint64(0)
_WORD = 8  # bytes in a number


def hashes(columns: list[pa.Array], onto: Hashes | None = None) -> Hashes:
    """One 64-bit hash a row over several columns of any of a contract's types; blank cells count as equal.

    onto: hashes of columns that go before these.

    Of ten million different keys, two share a hash about once in four hundred thousand files.
    """
    total = np.full(len(columns[0]), np.uint64(0x9E3779B97F4A7C15)) if onto is None else onto
    for column in columns:
        each = _of_text(column) if pa.types.is_string(column.type) else _of_numbers(column)
        total = _mixed(total * np.uint64(31) + each)
    total[total == _FREE] = np.uint64(1)
    return total


class Seen:
    """A growing map from hash to one number, looked up and added to by whole columns (open addressing, at most half full)."""

    def __init__(self, size: int = 1 << 16) -> None:
        self._keys = np.zeros(size, dtype=np.uint64)
        self._values = np.zeros(size, dtype=np.int64)
        self._count = 0  # may be too high where keys came twice at once, until it grows

    @classmethod
    def ready_for(cls, keys: int) -> "Seen":
        """One that takes so many keys without growing; memory is used as it fills."""
        return cls(1 << max(16, (2 * min(keys, 1 << 27)).bit_length()))

    def __len__(self) -> int:
        return self._count

    def places(self, keys: Hashes) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Where each key is kept, and whether it is new; a new key that occurs several times is new each time."""
        while 2 * (self._count + len(keys)) > len(self._keys):
            self._grow()
        mask = np.uint64(len(self._keys) - 1)
        place = (keys & mask).astype(np.int64)
        new = np.zeros(len(keys), dtype=bool)
        pending = np.arange(len(keys))
        while len(pending):
            at = place[pending]
            wanted = keys[pending]
            free = self._keys[at] == _FREE
            # Several keys may want one free place: all write, one stays, the others look on.
            self._keys[at[free]] = wanted[free]
            found = self._keys[at] == wanted
            new[pending[found & free]] = True
            pending = pending[~found]
            place[pending] = (place[pending] + 1) & np.int64(mask)
        self._count += int(new.sum())
        return place, new

    def find(self, keys: Hashes) -> NDArray[np.int64]:
        """Where each key is kept, -1 where it is not; nothing is added, and keys may be alike."""
        mask = np.uint64(len(self._keys) - 1)
        place = (keys & mask).astype(np.int64)
        pending = np.arange(len(keys))
        while len(pending):
            there = self._keys[place[pending]]
            missing = there == _FREE
            found = there == keys[pending]
            on = pending[~(missing | found)]
            place[pending[missing]] = -1
            place[on] = (place[on] + 1) & np.int64(mask)
            pending = on
        return place

    def value(self, place: NDArray[np.int64]) -> NDArray[np.int64]:
        return self._values[place]

    def put(self, place: NDArray[np.int64], values: NDArray[np.int64]) -> None:
        self._values[place] = values

    def _grow(self) -> None:
        kept = self._keys != _FREE
        keys, values = self._keys[kept], self._values[kept]
        self._keys = np.zeros(2 * len(self._keys), dtype=np.uint64)
        self._values = np.zeros(len(self._keys), dtype=np.int64)
        self._count = 0
        place, _ = self.places(keys)
        self._values[place] = values


def number_within(groups: Hashes, seen: Seen) -> NDArray[np.int64]:
    """Number each row within its group, from 1 in order of appearance, going on from what `seen` counted before."""
    distinct, group, counts = np.unique(groups, return_inverse=True, return_counts=True)
    place, _ = seen.places(distinct)
    before = seen.value(place)
    seen.put(place, before + counts)
    order = np.argsort(group, kind="stable")
    starts = np.cumsum(counts) - counts
    numbers = np.empty(len(groups), dtype=np.int64)
    numbers[order] = np.arange(len(groups)) - np.repeat(starts, counts) + 1
    return numbers + before[group]


def first_rows(keys: Hashes, rows: NDArray[np.int64], seen: Seen) -> NDArray[np.int64]:
    """For each row the number of the first row with its key: its own number where it is the first itself."""
    place, new = seen.places(keys)
    # Written backwards, so that of rows with one key the first has the last word.
    seen.put(place[new][::-1], rows[new][::-1])
    return seen.value(place)


def _of_numbers(column: pa.Array) -> Hashes:
    blank = column.is_null().to_numpy(zero_copy_only=False)
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        values = column.cast(pa.int64())
    elif pa.types.is_timestamp(kind):
        values = column.view(pa.int64())
    elif pa.types.is_floating(kind):
        # Adding nothing makes one of the two zeros.
        values = pc.add(column.cast(pa.float64()), 0.0).view(pa.int64())
    elif pa.types.is_decimal(kind):
        halves = np.frombuffer(column.buffers()[1], dtype=np.int64)  # the lower half of each says it all: 18 digits
        values = pa.array(halves[2 * column.offset : 2 * (column.offset + len(column)) : 2])
    else:
        values = column.cast(pa.int32()).cast(pa.int64())
    numbers = values.fill_null(0).to_numpy(zero_copy_only=False).astype(np.uint64)
    hashed = _mixed(numbers + np.uint64(0xD1B54A32D192ED03))
    hashed[blank] = np.uint64(0x5851F42D4C957F2D)
    return hashed


def _of_text(column: pa.Array) -> Hashes:
    """Eight bytes at a time, each eight mixed with what went before them."""
    _, offset_buffer, data_buffer = column.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    begins, left = (offsets[:-1] - offsets[0]).astype(np.int64), np.diff(offsets)
    hashed = _mixed(left.astype(np.uint64) + np.uint64(0x2545F4914F6CDD1D))
    if begins.size and offsets[-1] > offsets[0]:
        data = np.zeros(int(offsets[-1] - offsets[0]) + _WORD, dtype=np.uint8)
        data[:-_WORD] = np.frombuffer(data_buffer, dtype=np.uint8)[offsets[0] : offsets[-1]]
        words = np.ndarray(len(data) - _WORD + 1, dtype="<u8", buffer=data, strides=(1,))  # what begins at each byte
        rows = np.flatnonzero(left)
        while rows.size:
            # What belongs to the next text is shifted out.
            beyond = np.maximum(_WORD - left[rows], 0).astype(np.uint64) * np.uint64(8)
            hashed[rows] = _mixed(hashed[rows] * np.uint64(31) + (words[begins[rows]] << beyond))
            begins, left = begins + _WORD, left - _WORD
            rows = rows[left[rows] > 0]
    if column.null_count:
        hashed[column.is_null().to_numpy(zero_copy_only=False)] = np.uint64(0x5851F42D4C957F2D)
    return hashed


def _mixed(values: Hashes) -> Hashes:
    """Spread every bit over all the others (the finaliser of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
