"""What a standard form is made of: how one value is read, what can be wrong with it, and examples worked by hand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.language import Words

FINE = ""  # nothing to say of the value
_MOST = 5  # times a value is read again; each makes it shorter or plainer

Column: TypeAlias = pa.Array | pa.ChunkedArray
Read: TypeAlias = tuple[str | None, str]
"""The standard of a value and the code of what is to be said of it; FINE where nothing is."""


@dataclass(frozen=True)
class Fault:
    """Something to be said of a value. wrong: it has no standard form; else it has one, and this is how it was got."""

    words: Words
    remedy: Words
    wrong: bool = True


@dataclass(frozen=True)
class Example:
    """A value as people write it, and what becomes of it."""

    given: str
    standard: str | None
    fault: str = FINE


@dataclass(frozen=True)
class Standard:
    """One form for what people write in many.

    read: one text, not blank, to its standard and a code of `faults`. quick: a whole column to the standard of those
    values that need no more thought, null for the others, which are then read one by one, each distinct text once.
    A value has a standard exactly where it is not blank and its fault is not a wrong one.
    """

    name: str
    words: Words
    meaning: Words
    source: Words
    faults: Mapping[str, Fault]
    examples: tuple[Example, ...]
    read: Callable[[str], Read]
    quick: Callable[[pa.Array], pa.Array] | None = None

    def both(self, column: Column) -> tuple[pa.Array, pa.Array]:
        """The standard of each value, and the code of its fault: null where it is blank, "" where it has none."""
        given = flat(column)
        blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(given), ""), True)
        known = self.quick(given) if self.quick else pa.nulls(len(given), pa.string())
        if known.null_count:
            known = pc.if_else(blank, None, known)
        fault = pc.if_else(blank, pa.scalar(None, pa.string()), FINE)
        left = pc.and_(pc.invert(blank), pc.is_null(known))
        if not pc.any(left).as_py():
            return known, fault
        slow = given.filter(left).dictionary_encode()
        read = [self._settled(text) for text in slow.dictionary.to_pylist()]
        places = np.flatnonzero(left.to_numpy(zero_copy_only=False))
        return (
            _put(known, places, pa.array([one for one, _code in read], pa.string()).take(slow.indices)),
            _put(fault, places, pa.array([code for _one, code in read], pa.string()).take(slow.indices)),
        )

    def _settled(self, text: str) -> Read:
        """What a text is read as; what is read as something else again is not yet in standard form."""
        standard, fault = self.read(text)
        for _again in range(_MOST):
            if standard is None or (further := self.read(standard))[0] == standard:
                break
            standard, fault = further[0], further[1] if further[0] is None else fault or further[1]
        return standard, fault

    def standard(self, column: Column) -> pa.Array:
        """The standard of each value; null where it is blank or can't be read."""
        return self.both(column)[0]

    def fault(self, column: Column) -> pa.Array:
        """The code of what is to be said of each value: null where it is blank, "" where there is nothing to say."""
        return self.both(column)[1]

    @property
    def file(self) -> str:
        """The file that says so: of a form that two share (province and city) the one that reads both."""
        return self.read.__module__.rpartition(".")[2]

    @property
    def wrong(self) -> tuple[str, ...]:
        """The codes of faults that leave a value without a standard."""
        return tuple(code for code, fault in self.faults.items() if fault.wrong)


def each(column: Column, read: Callable[[str], str | None]) -> pa.Array:
    """`read` over a column of text, each distinct value once; null stays null."""
    coded = flat(column).dictionary_encode()
    return pa.array([read(text) for text in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)


def flat(column: Column) -> pa.Array:
    """The column in one piece, as text."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return whole if whole.type == pa.string() else whole.cast(pa.string())


def _put(column: pa.Array, places: np.ndarray, values: pa.Array) -> pa.Array:
    """The column with these values in these places."""
    at = np.arange(len(column))
    at[places] = len(column) + np.arange(len(places))
    return pa.concat_arrays([column, values]).take(pa.array(at))
