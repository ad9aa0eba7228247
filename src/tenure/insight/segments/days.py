"""What each customer bought by day, read once, and what follows from it at any number of earlier dates."""

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tenure.insight.lifecycle import DEFAULT_RHYTHM_DAYS, PACE_RHYTHMS, POPULATION_GAPS
from tenure.insight.segments.rfm import A_UNTIL, B_UNTIL, CELLS, cell_of

Whole = NDArray[np.int64]
Real = NDArray[np.float64]

_EPOCH = date(1970, 1, 1).toordinal()
# The name of a cell by 36·r + 6·f + m, as its place among CELLS.
_PLACES = {name: place for place, name in enumerate(CELLS)}
_CELL_AT = np.zeros(216, np.int8)
for _r in range(1, 6):
    for _f in range(1, 6):
        for _m in range(1, 6):
            _CELL_AT[36 * _r + 6 * _f + _m] = _PLACES[cell_of(_r, _f, _m)]


class PurchaseDays:
    """Every customer's days with us, in arrays: RFM and buying rhythm at many dates for one reading of the orders.

    rows: what `insight.purchases.person_days` gives, in any order. A date `day` below means the morning of that
    business day: days from it on are not looked at, so a later record changes nothing at an earlier date.
    """

    def __init__(self, rows: pa.Table) -> None:
        person = rows["person_id"].to_numpy().astype(np.int64, copy=False)
        day = rows["ordered_on"].cast(pa.int32()).to_numpy().astype(np.int32, copy=False)
        order = np.lexsort((day, person))
        person, self._day = person[order], day[order]
        self._bought = rows["bought"].to_numpy(zero_copy_only=False).astype(bool)[order]
        net = rows["net_base_minor"].fill_null(0).to_numpy()[order]
        self._net_until = np.concatenate([[0], np.cumsum(net, dtype=np.int64)])
        self.people: Whole = np.unique(person)
        self._starts = np.searchsorted(person, self.people)
        self._ends = np.append(self._starts[1:], len(person))
        # Visits alone, each with the gap to the one before it (0: the first), and once more by size of the gap.
        visits = np.flatnonzero(self._bought)
        self._visit_of = np.searchsorted(self.people, person[visits]).astype(np.int32)
        self._visit_day = self._day[visits]
        gap = np.zeros(len(visits), np.int32)
        same = self._visit_of[1:] == self._visit_of[:-1]
        gap[1:][same] = (self._visit_day[1:] - self._visit_day[:-1])[same]
        held = np.flatnonzero(gap)
        held = held[np.lexsort((gap[held], self._visit_of[held]))]
        self._gap, self._gap_of, self._gap_day = gap[held], self._visit_of[held], self._visit_day[held]

    def before(self, day: date) -> list[NDArray[Any]]:
        """All there is of the days before a morning: what everything said of that morning comes from."""
        early = self._day < day.toordinal() - _EPOCH
        whose = np.repeat(self.people, self._ends - self._starts)
        return [whose[early], self._day[early], self._bought[early], np.diff(self._net_until)[early]]

    def rfm(self, day: date) -> pa.Table:
        """RFM scores, cells and ABC classes on a morning: the columns and rules of `segments.rfm`, sorted by person."""
        today = day.toordinal() - _EPOCH
        frequency, last = self._visits(today)
        there = np.flatnonzero(frequency)
        frequency, recency = frequency[there], today - last[there].astype(np.int64)
        money = self.net(None, day)[there]
        r, f, m = _fifth(-recency), _fifth(frequency), _fifth(money)
        return pa.table(
            {
                "person_id": self.people[there],
                "recency_days": recency,
                "frequency": frequency,
                "monetary_base_minor": money,
                "r": r,
                "f": f,
                "m": m,
                "cell": _named(_CELL_AT[36 * r + 6 * f + m], tuple(CELLS)),
                "abc": _named(_abc(money), ("A", "B", "C")),
                "abc_frequency": _named(_abc(frequency), ("A", "B", "C")),
            }
        )

    def net(self, since: date | None, until: date) -> Whole:
        """What each of `people` paid less what was given back from one morning to another, in minor units."""
        end = self._net_until[self._place(until.toordinal() - _EPOCH)]
        start = self._starts if since is None else self._place(since.toordinal() - _EPOCH)
        return end - self._net_until[start]  # type: ignore[no-any-return]

    def visits(self, since: date, until: date) -> Whole:
        """The days with a purchase of each of `people` from one morning to another."""
        inside = (self._visit_day >= since.toordinal() - _EPOCH) & (self._visit_day < until.toordinal() - _EPOCH)
        return np.bincount(self._visit_of[inside], minlength=len(self.people))

    def rhythms(self, day: date) -> pa.Table:
        """How each customer who bought before a morning buys: see `lifecycle.stages` for the columns and the rhythm."""
        today = day.toordinal() - _EPOCH
        n, last = self._visits(today)
        first = np.full(len(self.people), today, np.int64)
        early = self._visit_day < today
        whose = self._visit_of[early]
        opening = np.flatnonzero(np.diff(whose, prepend=-1))
        first[whose[opening]] = self._visit_day[early][opening]

        before = self._gap_day < today
        gaps = self._gap[before].astype(np.float64)
        each = np.bincount(self._gap_of[before], minlength=len(self.people))
        begin = np.concatenate([[0], np.cumsum(each)[:-1]])
        has = each > 0
        own = np.zeros(len(self.people))
        # By size within each person, so the median is the mean of the two in the middle.
        own[has] = (gaps[begin[has] + (each[has] - 1) // 2] + gaps[begin[has] + each[has] // 2]) / 2
        usual = float(np.median(own[has])) if has.any() else DEFAULT_RHYTHM_DAYS

        there = np.flatnonzero(n)
        rhythm = (each * own + POPULATION_GAPS * usual) / (each + POPULATION_GAPS)
        silent = today - self._visit_day[early].astype(np.int64)
        pace = PACE_RHYTHMS * rhythm[whose]
        recent = np.bincount(whose[silent <= pace], minlength=len(self.people))
        earlier = np.bincount(whose[(silent > pace) & (silent <= 2 * pace)], minlength=len(self.people))
        return pa.table(
            {
                "person_id": self.people[there],
                "purchase_days": n[there],
                "since_last_days": (today - last.astype(np.int64))[there],
                "since_first_days": (today - first)[there],
                "rhythm_days": rhythm[there],
                "recent_days": recent[there],
                "earlier_days": earlier[there],
            }
        )

    def _visits(self, today: int) -> tuple[Whole, NDArray[np.int32]]:
        """The days with a purchase before today, and the last of them (0 where there is none), of each of `people`."""
        early = self._visit_day < today
        whose = self._visit_of[early]
        last = np.zeros(len(self.people), np.int32)
        last[whose] = self._visit_day[early]  # rising within a person: the last one written is the latest
        return np.bincount(whose, minlength=len(self.people)), last

    def _place(self, day: int) -> Whole:
        """Where in each person's rows the first day from `day` on is."""
        early = np.concatenate([[0], np.cumsum(self._day < day)])
        # Days rise within a person, so those before `day` are the first of its rows.
        return self._starts + early[self._ends] - early[self._starts]  # type: ignore[no-any-return]


def _fifth(values: Whole) -> Whole:
    """1 to 5 by where the middle of the customer's equals stands among all: whole numbers only, so no tie is split."""
    if not len(values):
        return np.zeros(0, np.int64)
    _each, place, equal = np.unique(values, return_inverse=True, return_counts=True)
    below = np.concatenate([[0], np.cumsum(equal)[:-1]])
    return (((2 * below + equal) * 5) // (2 * len(values)) + 1)[place]


def _abc(values: Whole) -> NDArray[np.int8]:
    """0, 1, 2 for A, B, C: by the share of everything that those strictly better brought; equals share a class."""
    each, place, equal = np.unique(values, return_inverse=True, return_counts=True)
    brought = np.maximum(each, 0) * equal
    total = brought.sum()
    if not total:
        return np.full(len(values), 2, np.int8)
    better = (total - np.cumsum(brought)) / total
    found = np.where(each <= 0, 2, np.where(better < A_UNTIL, 0, np.where(better < B_UNTIL, 1, 2)))
    return found.astype(np.int8)[place]


def _named(codes: NDArray[np.int8], names: tuple[str, ...]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), list(names)).cast(pa.string())
