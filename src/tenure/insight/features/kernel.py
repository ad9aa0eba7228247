"""The compiled pass: rows of whole persons and a list of dates in, one number for each person, date and term out.

Each row is looked at once a term: the dates it counts at are a run of the sorted dates, found by a look-up, and its
value goes to just those. Nothing is grouped, sorted or joined for a date.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tenure.insight.compiled import compiled
from tenure.insight.features.terms import Fixed, Made, Over, Term

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

_NEVER = 2**63 - 1  # in `since`: never known; in `until`: never over
_DAY = 86_400_000_000  # microseconds
_YEAR_DAYS = 365.25
_SPOT_BITS = 12  # so many stretches that few hold a date, so few that they stay at hand


@compiled
def _places(instants: Any, later: int, cuts: Any, spot: Any, width: int) -> Any:
    """Of each instant, so much later: the place of the first date after it; the number of dates where there is none.

    spot: between the first date and the last, the least such place in each stretch of 2 to the `width` microseconds.
    """
    dates = len(cuts)
    found = np.empty(len(instants), np.uint16)
    if not dates:
        found[:] = 0
        return found
    begin, end = cuts[0], cuts[dates - 1]
    for row in range(len(instants)):
        instant = instants[row]
        if instant == _NEVER:
            found[row] = dates
            continue
        instant += later
        if instant < begin:
            found[row] = 0
        elif instant >= end:
            found[row] = dates
        else:
            near = spot[(instant - begin) >> width]
            # A stretch is so short that this is rarely so.
            while cuts[near] <= instant:
                near += 1
            found[row] = near
    return found


def _spots(cuts: Longs) -> tuple[NDArray[np.uint16], int]:
    """A list to look places up in, and the width of its stretches."""
    span = int(cuts[-1] - cuts[0]) if len(cuts) else 0
    width = max(span.bit_length() - _SPOT_BITS, 0)
    begins = (np.arange((span >> width) + 1) << width) + (cuts[0] if len(cuts) else 0)
    return np.searchsorted(cuts, begins, side="right").astype(np.uint16), width


@compiled
def _counted(starts: Any, first: Any, last: Any, there: Any, out: Any) -> None:
    dates = out.shape[1]
    change = np.empty(dates + 1, np.int64)
    for person in range(len(starts) - 1):
        change[:] = 0
        for row in range(starts[person], starts[person + 1]):
            if first[row] < last[row] and (not len(there) or there[row]):
                change[first[row]] += 1
                change[last[row]] -= 1
        so_far = 0
        for date in range(dates):
            so_far += change[date]
            out[person, date] = so_far


@compiled
def _totalled_whole(starts: Any, first: Any, last: Any, values: Any, out: Any) -> None:
    """The same of whole numbers without a null among them, which can be taken away again to the last digit."""
    dates = out.shape[1]
    change, rows = np.empty(dates + 1, np.int64), np.empty(dates + 1, np.int64)
    for person in range(len(starts) - 1):
        change[:] = 0
        rows[:] = 0
        for row in range(starts[person], starts[person + 1]):
            if first[row] < last[row]:
                change[first[row]] += values[row]
                change[last[row]] -= values[row]
                rows[first[row]] += 1
                rows[last[row]] -= 1
        so_far, there = 0, 0
        for date in range(dates):
            so_far += change[date]
            there += rows[date]
            if there:
                out[person, date] = so_far


@compiled
def _totalled(starts: Any, first: Any, last: Any, values: Any, out: Any) -> None:
    """`out` comes full of NaN: a date with no value stays unknown. Only ever added to, so that nothing leaves a crumb."""
    dates = out.shape[1]
    lasting = np.empty(dates, np.float64)
    for person in range(len(starts) - 1):
        here = out[person]
        lasting[:] = np.nan
        for row in range(starts[person], starts[person + 1]):
            value = values[row]
            if value == value and first[row] < dates:
                # What is never over is put down once, and carried on below.
                if last[row] == dates:
                    date = first[row]
                    lasting[date] = lasting[date] + value if lasting[date] == lasting[date] else value
                else:
                    for date in range(first[row], last[row]):
                        here[date] = here[date] + value if here[date] == here[date] else value
        so_far = np.nan
        for date in range(dates):
            if lasting[date] == lasting[date]:
                so_far = so_far + lasting[date] if so_far == so_far else lasting[date]
            if so_far == so_far:
                here[date] = here[date] + so_far if here[date] == here[date] else so_far


@compiled
def _highest(starts: Any, first: Any, last: Any, values: Any, sign: float, out: Any) -> None:
    """sign: 1.0, or -1.0 for the lowest, which is the highest upside down."""
    dates = out.shape[1]
    lasting = np.empty(dates, np.float64)
    for person in range(len(starts) - 1):
        here = out[person]
        lasting[:] = -np.inf
        for row in range(starts[person], starts[person + 1]):
            value = sign * values[row]
            if value == value and first[row] < dates:
                if last[row] == dates:
                    lasting[first[row]] = max(lasting[first[row]], value)
                else:
                    for date in range(first[row], last[row]):
                        if not here[date] >= value:
                            here[date] = value
        so_far = -np.inf
        for date in range(dates):
            so_far = max(so_far, lasting[date])
            if so_far > -np.inf and not here[date] >= so_far:
                here[date] = so_far


@compiled
def _newest(starts: Any, first: Any, last: Any, out: Any) -> None:
    """The place of the last row, rows lying in the family's order; -1 where there is none."""
    for person in range(len(starts) - 1):
        for row in range(starts[person], starts[person + 1]):
            for date in range(first[row], last[row]):
                out[person, date] = row


@compiled
def _distinct(starts: Any, first: Any, last: Any, codes: Any, out: Any) -> None:
    """codes: whole numbers that stand for the values, below 0 for null."""
    dates = out.shape[1]
    met = np.full(dates, -1, np.int64)
    for person in range(len(starts) - 1):
        begin, end = starts[person], starts[person + 1]
        ordered = True
        for row in range(begin + 1, end):
            if codes[row] < codes[row - 1]:
                ordered = False
                break
        places = np.arange(begin, end) if ordered else begin + np.argsort(codes[begin:end])
        met[:] = -1
        for place in places:
            code = codes[place]
            if code >= 0:
                for date in range(first[place], last[place]):
                    if met[date] != code:
                        met[date] = code
                        out[person, date] += 1


class Kernel:
    """The rows of whole persons, lying together, and what terms say of them at each date.

    rows: person_id (int64, never null), all rows of a person one after another, in the family's order.
    moment: the column a window is measured by unless the term names another.
    """

    def __init__(self, rows: pa.Table, dates: Sequence[datetime], moment: str) -> None:
        self.rows = rows
        self.moment = moment
        self.dates = sorted(dates)
        self._cuts = np.array([microseconds(date) for date in self.dates], np.int64)
        self._spots, self._width = _spots(self._cuts)
        person = rows["person_id"].to_numpy()
        edges = np.flatnonzero(person[1:] != person[:-1]) + 1 if len(person) else np.empty(0, np.int64)
        self._starts = np.concatenate([[0], edges, [len(person)]]) if len(person) else np.zeros(1, np.int64)
        self.people = person[self._starts[:-1]]
        self._instants: dict[str, Longs] = {}
        self._read: dict[str, Floats] = {}
        self._flags: dict[str, NDArray[np.bool_]] = {}
        self._found: dict[Over, Floats] = {}
        self._kept: dict[tuple[Any, ...], Any] = {}

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.people), len(self.dates)

    def value(self, term: Term) -> Floats:
        """The term for each person (in order of `people`) and date (sorted); NaN is unknown."""
        if isinstance(term, Over):
            return self._over(term)
        if isinstance(term, Fixed):
            return np.full(self.shape, float(term.value))
        assert isinstance(term, Made)
        with np.errstate(all="ignore"):
            return self._made(term.how, [self.value(part) for part in term.of])

    def text(self, term: Over) -> pa.Array:
        """What the newest rows say in words, person by person and date by date."""
        place = self._newest(term).ravel()
        return self.rows[term.column].combine_chunks().take(pa.array(place, pa.int64(), mask=place < 0))

    def known(self) -> NDArray[np.bool_]:
        """Whether any row of the person was known at the date."""
        return np.asarray(self.value(Over("count")) > 0)

    def _made(self, how: str, of: list[Floats]) -> Floats:
        one, other = of[0], of[-1]
        if how == "plus":
            return one + other
        if how == "minus":
            return one - other
        if how == "over":
            return np.where(other == 0, np.nan, one / np.where(other == 0, np.nan, other))
        if how == "floor":
            return np.asarray(np.floor(one))
        if how == "size":
            return np.abs(one)
        if how == "or_zero":
            return np.where(np.isnan(one), 0.0, one)
        if how == "change":
            one, other = np.where(np.isnan(one), 0.0, one), np.where(np.isnan(other), 0.0, other)
            whole = np.abs(one) + np.abs(other)
            return (one - other) / np.where(whole == 0, np.nan, whole)
        if how == "days_since":
            return np.asarray(np.floor((self._cuts - one) / _DAY))
        if how == "days_until":
            return np.asarray(np.floor((one - self._cuts) / _DAY))
        if how == "years_since":
            days = np.array([date.date().toordinal() for date in self.dates]) - np.datetime64(0, "D").item().toordinal()
            return np.asarray(np.floor((days - one) / _YEAR_DAYS))
        raise ValueError(f"no kernel for {how}")

    def _over(self, term: Over) -> Floats:
        found = self._found.get(term)
        if found is None:
            found = self._found[term] = self._worked_out(term)
        return found

    def _worked_out(self, term: Over) -> Floats:
        if term.how == "newest":
            place = self._newest(term)
            values = self._numbers(term.column or "")
            return np.where(place < 0, np.nan, values[place]) if len(values) else np.full(self.shape, np.nan)
        first, last = self._spans(term)
        if term.how in ("count", "distinct"):
            out = np.zeros(self.shape)
            if term.how == "count":
                _counted(self._starts, first, last, self._there(term.column), out)
            else:
                _distinct(self._starts, first, last, self._codes(term.column or ""), out)
            return out
        out = np.full(self.shape, np.nan)
        column = self.rows[term.column]
        if term.how == "total" and pa.types.is_integer(column.type) and not column.null_count:
            _totalled_whole(self._starts, first, last, column.cast(pa.int64()).to_numpy(), out)
            return out
        values = self._numbers(term.column or "")
        if term.how == "total":
            _totalled(self._starts, first, last, values, out)
        else:
            _highest(self._starts, first, last, values, 1.0 if term.how == "highest" else -1.0, out)
        return -out if term.how == "lowest" else out

    def _newest(self, term: Over) -> Longs:
        out = np.full(self.shape, -1, np.int64)
        first, last = self._spans(term)
        _newest(self._starts, first, last, out)
        return out

    def _spans(self, term: Over) -> tuple[Any, Any]:
        """From which date on and up to before which each row counts, as places in the sorted dates.

        A date is counted at when since < date <= until and by + back < date <= by + back + window.
        """
        key = (term.since, term.until, term.by, term.where, term.window, term.back)
        if key not in self._kept:
            first, last = self._placed(term.since), None
            if term.window:
                by = term.by or self.moment
                first = np.maximum(first, self._placed(by, term.back))
                last = self._placed(by, term.back + term.window)
            if term.until:
                over = self._placed(term.until)
                last = over if last is None else np.minimum(last, over)
            if term.where:
                first = np.where(self._flag(term.where), first, np.uint16(len(self.dates)))
            last = np.full(len(first), len(self.dates), np.uint16) if last is None else last
            self._kept[key] = first, last
        found: tuple[Any, Any] = self._kept[key]
        return found

    def _placed(self, name: str, days: int = 0) -> Any:
        if (name, days) not in self._kept:
            self._kept[name, days] = _places(self._instant(name), days * _DAY, self._cuts, self._spots, self._width)
        return self._kept[name, days]

    def _instant(self, name: str) -> Longs:
        if name not in self._instants:
            column = self.rows[name].cast(pa.timestamp("us", tz="UTC"), safe=False).cast(pa.int64())
            column = pc.fill_null(column, _NEVER) if column.null_count else column
            self._instants[name] = column.to_numpy()
        return self._instants[name]

    def _flag(self, name: str) -> NDArray[np.bool_]:
        if name not in self._flags:
            self._flags[name] = pc.fill_null(self.rows[name], False).to_numpy()
        return self._flags[name]

    def _there(self, name: str | None) -> NDArray[np.bool_]:
        return pc.is_valid(self.rows[name]).to_numpy() if name else np.empty(0, np.bool_)

    def _numbers(self, name: str) -> Floats:
        """A column as floats: instants in microseconds, days in days, both since 1970; exact up to 2 to the 53rd."""
        if name in self._read:
            return self._read[name]
        column = self.rows[name]
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False).cast(pa.int64())
        elif pa.types.is_date32(column.type):
            column = column.cast(pa.int32())
        self._read[name] = np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), np.float64)
        return self._read[name]

    def _codes(self, name: str) -> Longs:
        column = self.rows[name]
        if pa.types.is_date32(column.type):
            column = column.cast(pa.int32())
        elif not pa.types.is_integer(column.type):
            column = column.combine_chunks().dictionary_encode()
            column = column.indices if isinstance(column, pa.DictionaryArray) else column.combine_chunks().indices
        return np.asarray(pc.fill_null(column.cast(pa.int64()), -1).to_numpy(zero_copy_only=False), np.int64)


def microseconds(instant: datetime) -> int:
    """The instant in microseconds since 1970, exactly. Raises ValueError for a time without a zone."""
    if instant.tzinfo is None:
        raise ValueError(f"as_of must carry a zone, so that it names one instant; found {instant.isoformat()}")
    scalar: int = pa.scalar(instant, pa.timestamp("us", tz="UTC")).value
    return scalar


def worked_out(
    rows: pa.Table, dates: Sequence[datetime], moment: str, terms: Mapping[str, tuple[Term, bool]], schema: pa.Schema
) -> pa.Table:
    """What the terms say of each person at each date any of their rows was known at.

    terms: by name, each with whether it is text. schema: person_id, as_of (UTC), then the terms, in this order.
    """
    kernel = Kernel(rows, dates, moment)
    known = kernel.known().ravel()
    columns: list[Any] = [
        np.repeat(kernel.people, len(kernel.dates))[known],
        pa.array(np.tile(kernel._cuts, len(kernel.people))[known]).cast(schema.field("as_of").type),
    ]
    kept = None if known.all() else pa.array(known)
    for term, is_text in terms.values():
        if is_text:
            assert isinstance(term, Over)
            said = kernel.text(term)
            columns.append(said if kept is None else said.filter(kept))
        else:
            value = kernel.value(term).ravel()
            value = value if kept is None else value[known]
            columns.append(pa.array(value, from_pandas=True))
    return pa.table(columns, schema=schema)
