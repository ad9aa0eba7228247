"""Discrete-time hazard: the chance of leaving in a period of those still there, by how long they have been."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenure.errors import TenureError
from tenure.insight.churn.columns import Floats, numbers
from tenure.insight.churn.learners.base import Given, Kind, Part, Tabular, arrays, from_arrays
from tenure.language import Words, tr

# The time a customer has been with the company, most telling first.
_TIMES = ("subscription_age_days", "joined_days", "order_age_days")
_NAMED = re.compile(r"tenure|account[ _]?(length|weeks|age)|months?[ _]on[ _]book|在网时长|入网时长", re.IGNORECASE)
_PERIODS = 60
_STRETCHES = 8


@dataclass(frozen=True)
class _Hazard:
    """log(-log(1 - h)) = level of the stretch of time + weighted sum of the linear matrix without the time itself."""

    time: str
    edges: Floats  # the last time of each stretch but the last
    levels: Floats  # one a stretch, the last for those whose time is not known
    weights: Floats  # of the whole linear matrix, nought where a column is of the time

    def score(self, given: Given) -> Floats:
        eta = given.linear @ self.weights + self.levels[_stretch(numbers(given.table[self.time]), self.edges)]
        risk = np.exp(np.clip(eta, -30, 3))
        return np.asarray(np.log(-np.expm1(-risk)) + risk, dtype=np.float64)  # the log-odds of 1 - exp(-risk)

    def to_texts(self) -> dict[str, str]:
        kept = arrays(edges=self.edges, levels=self.levels, weights=self.weights)
        return {"hazard.json": kept, "time.txt": self.time}


def _stretch(time: Floats, edges: Floats) -> NDArray[np.int64]:
    return np.where(np.isnan(time), len(edges) + 1, np.searchsorted(edges, np.nan_to_num(time)))


class DiscreteHazard(Tabular):
    """Complementary log-log regression on person-periods (Prentice & Gloeckler 1978; Allison 1982).

    A row is a person-period: a customer as of a date, and whether they left in the period after it. With lives, a row is a
    whole life instead: a customer with the time they were seen for, whether or not they left long ago. It stands for all
    its periods, in all but the last of which it stayed; they are counted, not written out, and its other columns are taken
    as they are now, so they should be such as change little.

    time: the column with how long each has been a customer; found by its name unless given. strength: of the penalty.
    Raises TenureError where there is no such column.
    """

    NAME = "hazard"
    OWN = ("time", "lives", "strength")

    def __init__(self, *, time: str | None = None, lives: bool = False, strength: float = 0.3, **shared: Any) -> None:
        super().__init__(**shared)
        self.time = time
        self.lives = lives
        self.strength = strength

    def _learn(self, given: Given, y: Floats) -> Part:
        from scipy.optimize import minimize

        name = self._time(given)
        time = np.maximum(numbers(given.table[name]), 0.0)
        known = time[~np.isnan(time)]
        edges = np.unique(np.floor(np.quantile(known, np.linspace(0, 1, _STRETCHES + 1)[1:-1])))
        edges = edges[(edges >= known.min()) & (edges < known.max())]
        spent = _spent(time, edges) if self.lives else _once(time, edges)
        spent[y == 1] -= _once(time, edges)[y == 1]  # the period they left in was not survived
        spent = np.maximum(spent, 0.0)
        ended = np.flatnonzero(y == 1)
        at = _stretch(time, edges)[ended]
        others = given.linear.copy()
        others[:, given.linear_from == [reading.name for reading in given.readings].index(name)] = 0.0
        size, stretches = others.shape[1], spent.shape[1]

        def loss(p: Floats) -> tuple[float, Floats]:
            weights, levels = p[:size], p[size:]
            level = np.exp(np.clip(levels, -30, 30))
            lean = np.exp(np.clip(others @ weights, -30, 30))
            stayed = lean * (spent @ level)
            risk = np.maximum(lean[ended] * level[at], 1e-12)
            pull = risk / np.expm1(np.minimum(risk, 500.0))
            steps = np.diff(levels)
            total = stayed.sum() - np.log(-np.expm1(-risk)).sum()
            total += 0.5 * float(weights @ weights) / self.strength + 0.05 * float(steps @ steps)
            slope = stayed @ others - pull @ others[ended] + weights / self.strength
            rise = (lean @ spent) * level - np.bincount(at, weights=pull, minlength=stretches)
            rise[1:] += 0.1 * steps
            rise[:-1] -= 0.1 * steps
            return float(total), np.append(slope, rise)

        start = np.append(np.zeros(size), np.full(stretches, np.log(len(ended) / max(spent.sum(), 1.0))))
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500, "maxcor": 20})
        return _Hazard(name, edges, found.x[size:], found.x[:size])

    def _time(self, given: Given) -> str:
        there = [reading.name for reading in given.readings if reading.kind == "number"]
        named = [name for name in there if _NAMED.search(name)]
        for name in (self.time,) if self.time else (*_TIMES, *named):
            if name in there:
                return str(name)
        raise TenureError(
            tr(
                "A hazard needs a column of numbers that says how long each has been a customer; found: {present}. "
                "Name it with time=.",
                present=", ".join(there) or tr("none"),
            )
        )

    @classmethod
    def _part(cls, texts: Mapping[str, str]) -> Part:
        kept = from_arrays(texts["hazard.json"])
        return _Hazard(texts["time.txt"], kept["edges"].astype(np.float64), kept["levels"], kept["weights"])


def _once(time: Floats, edges: Floats) -> Floats:
    """One period each, in the stretch their time is in."""
    return np.asarray(np.eye(len(edges) + 2)[_stretch(time, edges)])


def _spent(time: Floats, edges: Floats) -> Floats:
    """How many periods each customer spent in each stretch up to now; one where the time is not known.

    Long times are counted in about sixty periods: their number moves the level of all, not who is likelier to leave.
    """
    width = max(1.0, float(np.nanmax(time)) / _PERIODS) if np.nanmax(time) > 2 * _PERIODS else 1.0
    begins = np.append(0.0, edges)
    ends = np.append(edges, np.inf)
    inside = np.clip(np.nan_to_num(time)[:, None], begins, ends) - begins
    found = np.column_stack([inside / width, np.zeros(len(time))])
    short = found.sum(axis=1) < 1.0  # whoever was seen at all was seen for a period
    found[short] = _once(time, edges)[short]
    return found


KIND = Kind(
    "hazard",
    Words("Discrete-time hazard", "离散时间风险模型"),
    Words(
        "When, and not only whether: how the risk runs with time as a customer", "关注何时流失：风险如何随在网时长变化"
    ),
    DiscreteHazard,
    DiscreteHazard.load,
)
