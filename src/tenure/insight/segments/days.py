"""What each customer bought by day, read once, and what follows from it at any number of earlier dates."""

from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
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
    """Every customer's days with us, in arrays: RFM, buying rhythm and purchases at many dates for one reading of the orders.

    rows: what `insight.purchases.person_days` gives, in any order; what several rows say of one person's day adds up. A
    date `day` below means the morning of that business day: days from it on are not looked at, so a later record
    changes nothing at an earlier date.
    """

    def __init__(self, rows: pa.Table) -> None:
        person = rows["person_id"].to_numpy().astype(np.int64, copy=False)
        day = rows["ordered_on"].cast(pa.int32()).to_numpy().astype(np.int32, copy=False)
        bought = rows["bought"].to_numpy(zero_copy_only=False).astype(bool, copy=False)
        net = pc.fill_null(rows["net_base_minor"], 0).to_numpy().astype(np.int64, copy=False)
        key = _paired(person, day)
        if not (key[1:] > key[:-1]).all():
            # Sorted runs one after another, as they are kept, are merged rather than sorted.
            order = np.argsort(key, kind="stable")
            key, person, day, bought, net = key[order], person[order], day[order], bought[order], net[order]
            first = np.flatnonzero(np.diff(key, prepend=key[0] - 1))
            if len(first) < len(key):
                net, bought = np.add.reduceat(net, first), np.logical_or.reduceat(bought, first)
                person, day = person[first], day[first]
        self._day, self._bought = day, bought
        self._net_until = np.concatenate([[0], np.cumsum(net, dtype=np.int64)])
        self._starts = np.flatnonzero(np.diff(person, prepend=person[0] - 1)) if len(person) else np.zeros(0, np.int64)
        self._ends = np.append(self._starts[1:], len(person)) if len(person) else np.zeros(0, np.int64)
        self.people: Whole = person[self._starts]
        # Visits alone: of each person those from `_visit_starts` to before `_visit_ends`, by day.
        until = np.concatenate([[0], np.cumsum(bought)])
        self._visit_starts, self._visit_ends = until[self._starts], until[self._ends]
        self._visit_day = day[bought]
        self._said: dict[date, list[NDArray[Any]]] = {}

    @cached_property
    def _visit_of(self) -> NDArray[np.int32]:
        """Whose each visit is, as a place in `people`."""
        each = self._visit_ends - self._visit_starts
        return np.repeat(np.arange(len(self.people), dtype=np.int32), each)

    @cached_property
    def _gaps(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
        """The days between each visit and the one before it, by person and size; whose they are, and when they ended."""
        same = self._visit_of[1:] == self._visit_of[:-1]
        gap = np.diff(self._visit_day)[same]
        whose, ended = self._visit_of[1:][same], self._visit_day[1:][same]
        order = np.argsort(_paired(whose, gap), kind="stable")
        return gap[order], whose[order], ended[order]

    def as_table(self) -> pa.Table:
        """What there is, as it is given: one row a person and day, by person and day."""
        return pa.table(
            {
                "person_id": np.repeat(self.people, self._ends - self._starts),
                "ordered_on": pa.array(self._day, pa.int32()).cast(pa.date32()),
                "bought": self._bought,
                "net_base_minor": np.diff(self._net_until),
            }
        )

    def before(self, day: date) -> list[NDArray[Any]]:
        """All there is of the days before a morning: what everything said of that morning comes from."""
        if day not in self._said:
            early = self._day < day.toordinal() - _EPOCH
            each = self._place(day.toordinal() - _EPOCH) - self._starts
            there = each > 0
            self._said[day] = [self.people[there], each[there], self._day[early], self._bought[early], np.diff(self._net_until)[early]]  # fmt: skip
        return self._said[day]

    def purchases(self, day: date) -> tuple[Whole, NDArray[np.int32], Whole]:
        """Each purchase before a morning, as `value.summary.purchases` tells them: person_id, day and worth in minor units.

        By person and day. What is given back lowers the worth of the latest purchase up to its day.
        """
        today = day.toordinal() - _EPOCH
        early = self._day < today
        number = np.concatenate([[0], np.cumsum(self._bought)])
        each = self._ends - self._starts
        counts = early & (number[1:] > np.repeat(number[self._starts], each))
        begins = np.flatnonzero(self._bought[counts])
        worth = np.diff(self._net_until)[counts]
        made = self._bought & early
        whose = np.repeat(self.people, each)[made]
        return whose, self._day[made], np.add.reduceat(worth, begins) if len(begins) else worth

    def known(self, day: date) -> NDArray[np.bool_]:
        """Of each of `people`, whether anything was before a morning."""
        return self._place(day.toordinal() - _EPOCH) > self._starts

    def gaps(self, day: date) -> NDArray[np.int32]:
        """The days between visits that followed one another before a morning, in no order that matters."""
        gap, _whose, ended = self._gaps
        return gap[ended < day.toordinal() - _EPOCH]

    def spans(self, day: date) -> pa.Table:
        """The first and the last day of each who bought before a morning: person_id, first, last (dates)."""
        today = day.toordinal() - _EPOCH
        n, last = self._visits(today)
        there = np.flatnonzero(n)
        dates = (self._visit_day[self._visit_starts[there]], last[there])
        first, last = (pa.array(days, pa.int32()).cast(pa.date32()) for days in dates)
        return pa.table({"person_id": self.people[there], "first": first, "last": last})

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
        return self._visit_place(until.toordinal() - _EPOCH) - self._visit_place(since.toordinal() - _EPOCH)

    def rhythms(self, day: date) -> pa.Table:
        """How each customer who bought before a morning buys: see `lifecycle.stages` for the columns and the rhythm."""
        today = day.toordinal() - _EPOCH
        n, last = self._visits(today)
        there = np.flatnonzero(n)
        first = np.full(len(self.people), today, np.int64)
        first[there] = self._visit_day[self._visit_starts[there]]

        sizes, whose, ended = self._gaps
        before = ended < today
        gaps = sizes[before].astype(np.float64)
        each = np.maximum(n - 1, 0)
        begin = np.concatenate([[0], np.cumsum(each)[:-1]])
        has = each > 0
        own = np.zeros(len(self.people))
        # By size within each person, so the median is the mean of the two in the middle.
        own[has] = (gaps[begin[has] + (each[has] - 1) // 2] + gaps[begin[has] + each[has] // 2]) / 2
        usual = float(np.median(own[has])) if has.any() else DEFAULT_RHYTHM_DAYS

        rhythm = (each * own + POPULATION_GAPS * usual) / (each + POPULATION_GAPS)
        early = self._visit_day < today
        whose = self._visit_of[early]
        silent = today - self._visit_day[early].astype(np.int64)
        pace = (PACE_RHYTHMS * rhythm)[whose]
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
        until = self._visit_place(today)
        n = until - self._visit_starts
        last = np.zeros(len(self.people), np.int32)
        last[n > 0] = self._visit_day[until[n > 0] - 1]
        return n, last

    def _visit_place(self, day: int) -> Whole:
        """Where in each person's visits the first from `day` on is."""
        early = np.concatenate([[0], np.cumsum(self._visit_day < day)])
        return self._visit_starts + early[self._visit_ends] - early[self._visit_starts]  # type: ignore[no-any-return]

    def _place(self, day: int) -> Whole:
        """Where in each person's rows the first day from `day` on is."""
        early = np.concatenate([[0], np.cumsum(self._day < day)])
        # Days rise within a person, so those before `day` are the first of its rows.
        return self._starts + early[self._ends] - early[self._starts]  # type: ignore[no-any-return]


def _paired(one: NDArray[Any], other: NDArray[np.int32]) -> Whole:
    """Two whole numbers as one that is sorted as the pair is: numbers minted for people are far below 2 to the 31st."""
    return (one.astype(np.int64) << 32) + (other.astype(np.int64) + 2**31)


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
