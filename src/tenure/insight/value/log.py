"""Purchases by person and day, and what could be known of each person at a cut."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenure.insight.value.base import Numbers, column, columns
from tenure.insight.value.checks import NotEnoughDataError
from tenure.insight.value.gamma_gamma import GammaGamma
from tenure.insight.value.mbgnbd import MBGNBD
from tenure.insight.value.pareto import ParetoNBD

RECENT = (0.1, 0.2, 1 / 3)  # of a horizon before the cut: how often a customer bought lately


@dataclass(frozen=True)
class Habits:
    """How a base buys. typical: the mean value of a purchase, in which values are told."""

    pareto: ParetoNBD
    coins: MBGNBD
    spending: GammaGamma | None
    typical: float

    def as_document(self) -> dict[str, Any]:
        """The same as plain values, for `of_document`."""
        return {
            "pareto": self.pareto.parameters_,
            "coins": self.coins.parameters_,
            "spending": self.spending.given() if self.spending else None,
            "typical": self.typical,
        }

    @classmethod
    def of_document(cls, told: Mapping[str, Any]) -> "Habits":
        """Habits as `as_document` told them."""
        spending = told["spending"]
        return cls(
            ParetoNBD.of(**told["pareto"]), MBGNBD.of(**told["coins"]), spending and GammaGamma.of(*spending), told["typical"]
        )  # fmt: skip


@dataclass(frozen=True)
class Known:
    """What is known of each customer at a cut. foretold: purchases by habit; each: value of one of them."""

    features: Numbers
    foretold: Numbers
    each: Numbers
    p_alive: Numbers

    def some(self, rows: NDArray[np.intp]) -> "Known":
        return Known(self.features[rows], self.foretold[rows], self.each[rows], self.p_alive[rows])


@dataclass(frozen=True)
class PurchaseLog:
    """Purchases by person and time. first: where each person's begin; people: whose they are."""

    person: NDArray[np.intp]
    when: Numbers
    value: Numbers
    first: NDArray[np.intp]
    people: Any

    @classmethod
    def of(cls, log: Any, end: float) -> "PurchaseLog":
        if isinstance(log, PurchaseLog):
            return log if not len(log.when) or log.when.max() < end else log.before(end)
        when, value = columns(log, ("when", "value"))
        who = np.asarray(column(log, "person_id"))
        if not np.isfinite(when).all():
            raise ValueError("when must be a finite number in every row; drop the rows without a time first")
        if not np.isfinite(value).all():
            raise ValueError("value must be a finite number in every row; fill or drop the rows without one first")
        when = np.floor(when)
        seen = when < end
        who, when, value = who[seen], when[seen], value[seen]
        if not _in_order(who, when):
            order = np.lexsort((when, who))
            who, when, value = who[order], when[order], value[order]
        people, person = _numbered(who)
        new = np.ones(len(person), bool)
        new[1:] = (person[1:] != person[:-1]) | (when[1:] != when[:-1])
        at = np.flatnonzero(new)
        value = np.add.reduceat(value, at) if len(at) else value
        return cls._made(person[at], when[at], value, people)

    @classmethod
    def in_order(cls, person: Any, day: Any, value: Any) -> "PurchaseLog":
        """Of purchases known to lie by person and day, one a day."""
        people, place = _numbered(person)
        return cls._made(place, day.astype(np.float64), value.astype(np.float64), people)

    @classmethod
    def _made(cls, person: NDArray[np.intp], when: Numbers, value: Numbers, people: Any) -> "PurchaseLog":
        return cls(person, when, value, np.flatnonzero(np.diff(person, prepend=-1)), people)

    def before(self, cut: float) -> "PurchaseLog":
        past = self.when < cut
        there, person = _numbered(self.person[past])
        return self._made(person, self.when[past], self.value[past], self.people[there])

    def of_people(self, wanted: NDArray[np.bool_]) -> "PurchaseLog":
        """The same of some people, marked in the order of `people`."""
        kept = wanted[self.person]
        renumbered = np.cumsum(wanted) - 1
        return self._made(renumbered[self.person[kept]], self.when[kept], self.value[kept], self.people[wanted])

    @property
    def last(self) -> NDArray[np.intp]:
        return np.append(self.first[1:], len(self.when)) - 1

    def histories(self, cut: float) -> tuple[Numbers, Numbers, Numbers]:
        """x, t_x and T of each person at the cut; the last day seen is the one before it."""
        begun = self.when[self.first]
        return (self.last - self.first).astype(float), self.when[self.last] - begun, np.maximum(cut - 1 - begun, 0)

    def habits(self, cut: float) -> Habits:
        x, t_x, T = self.histories(cut)
        later = self.later()
        used = (x > 0) & (later > 0)
        try:
            spending = GammaGamma().fit(x[used], later[used] / x[used]) if used.sum() > 1 else None
        except NotEnoughDataError:
            spending = None
        typical = max(float(self.value.mean()), 1e-9)
        return Habits(ParetoNBD().fit(x, t_x, T), MBGNBD().fit(x, t_x, T), spending, typical)

    def later(self) -> Numbers:
        """What each person's purchases after the first were worth."""
        total = np.bincount(self.person, self.value, minlength=len(self.first))
        return np.asarray(total - self.value[self.first])

    def known(self, cut: float, horizon: float, habits: Habits | None = None) -> Known:
        """Features at the cut, with times in horizons and values in those of the average purchase.

        habits: how the base buys, known from before; learned at the cut where left out.
        """
        habits = habits or self.habits(cut)
        x, t_x, T = self.histories(cut)
        pareto = habits.pareto.expected_purchases(horizon, x, t_x, T)
        coins = habits.coins.expected_purchases(horizon, x, t_x, T)
        p_alive = habits.pareto.p_alive(x, t_x, T)
        typical = habits.typical
        later = self.later()
        if habits.spending is not None:
            again = (x > 0) & (later > 0)
            each = habits.spending.expected_value(np.where(again, x, 0), np.where(again, later / np.maximum(x, 1), 1))
        else:
            each = np.full(len(x), max(typical, 0.0))
        size = np.maximum(self.value, 0) / typical
        gap = np.diff(self.when, prepend=0)[self.last]
        recent = [np.bincount(self.person[self.when >= cut - share * horizon], minlength=len(x)) for share in RECENT]
        features = np.column_stack(
            [
                x, T / horizon, t_x / np.maximum(T, 1e-9), np.where(x > 0, gap / np.maximum(T, 1e-9), np.nan), *recent,
                p_alive, np.log(np.maximum(pareto, 1e-12)), habits.coins.p_alive(x, t_x, T), np.log(np.maximum(coins, 1e-12)),
                np.log1p(np.bincount(self.person, size, minlength=len(x)) / (x + 1)),
                np.log1p(size[self.first]), np.log1p(np.maximum.reduceat(size, self.first)), np.log(np.maximum(each, 1e-9) / typical),
            ]
        )  # fmt: skip
        return Known(features, np.maximum(pareto, 1e-12), np.maximum(each, 0), p_alive)


def _in_order(who: Any, when: Numbers) -> bool:
    same = who[1:] == who[:-1]
    return bool(((who[1:] > who[:-1]) | (same & (when[1:] >= when[:-1]))).all())


def _numbered(who: Any) -> tuple[Any, NDArray[np.intp]]:
    """Those there are, of a column that has each one's rows together, and the place of each row's among them."""
    new = np.ones(len(who), bool)
    new[1:] = who[1:] != who[:-1]
    return who[new], np.cumsum(new) - 1


def happened_in(seen: PurchaseLog, past: PurchaseLog, since: float, until: float) -> tuple[Numbers, Numbers]:
    """Purchases, and what they were worth, of the past's people from `since` to before `until`."""
    within = (seen.when >= since) & (seen.when < until)
    place = np.searchsorted(past.people, seen.people)
    place = np.where(np.append(past.people, past.people[:1])[place] == seen.people, place, -1)[seen.person[within]]
    known = place >= 0
    count = len(past.people)
    bought = np.bincount(place[known], minlength=count).astype(float)
    return bought, np.bincount(place[known], seen.value[within][known], minlength=count).astype(float)
