"""Who leaves when, as a chance for each step of tenure: groups compared, and each customer's expected remaining life.

Discrete-time hazard on person-period counts: P. D. Allison (1982), Sociological Methodology 13, 61-98; J. D. Singer,
J. B. Willett (1993). Log-rank test of several groups: N. Mantel (1966); R. Peto, J. Peto (1972).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tenure.insight.frames import to_numbers
from tenure.insight.survival import NotEnoughLivesError
from tenure.language import tr

EDGES_DAYS = (0, 30, 60, 90, 180, 365, 730, 1095, 1825)
Numbers = NDArray[np.float64]
Z = 1.959963984540054
_PULL = 2.0  # the width, in log-odds, within which groups are expected to differ


@dataclass(frozen=True)
class Compared:
    """Whether groups leave at the same pace. statistic: chi-square with `degrees`; p: its chance were there no difference.

    observed, expected: leavers of each group, and how many it would have had at the pace of all.
    """

    names: tuple[str, ...]
    statistic: float
    degrees: int
    p: float
    observed: Numbers
    expected: Numbers


def compare(lasted: Any, ended: Any, groups: Any, weights: Any = None) -> Compared:
    """The log-rank test: do groups leave at the same pace, over all of tenure?

    lasted, ended, weights: as for `kaplan_meier`. groups: the name of each row's group; rows without one are left out.
    Where many ways to split are tried, one in twenty looks different at .05 by chance alone: see `holm`.

    Raises NotEnoughLivesError where fewer than two groups, or nobody who left, is there.
    """
    time, gone, weight, codes, names = _read(lasted, ended, groups, weights)
    if len(names) < 2 or not (gone * weight).sum():
        raise NotEnoughLivesError(
            tr("Not enough data to compare groups, because there are {groups} with anybody in them, and {left:,.0f} left.",
               groups=len(names), left=float((gone * weight).sum()))
        )  # fmt: skip
    moments, place = np.unique(time, return_inverse=True)
    shape = (len(moments), len(names))
    out, left = np.zeros(shape), np.zeros(shape)
    np.add.at(out, (place, codes), weight)
    np.add.at(left, (place, codes), weight * gone)
    at_risk = out[::-1].cumsum(axis=0)[::-1]
    some = left.sum(axis=1) > 0
    at_risk, left = at_risk[some], left[some]
    n, d = at_risk.sum(axis=1), left.sum(axis=1)
    share = at_risk / n[:, None]
    expected = share * d[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.where(n > 1, d * (n - d) / (n - 1), 0.0)
    variance = np.diag((share * spread[:, None]).sum(axis=0)) - share.T @ (share * spread[:, None])
    difference = (left - expected).sum(axis=0)
    # The differences add up to nothing, so one group is told by the others.
    statistic = float(difference[1:] @ np.linalg.pinv(variance[1:, 1:]) @ difference[1:])
    from scipy.stats import chi2

    degrees = len(names) - 1
    return Compared(
        names, statistic, degrees, float(chi2.sf(statistic, degrees)), left.sum(axis=0), expected.sum(axis=0)
    )


def holm(chances: Sequence[float]) -> list[float]:
    """The same chances after so many looks: no more than 1 in 20 finds anything at .05 where nothing is (S. Holm 1979)."""
    order = np.argsort(chances, kind="stable")
    count = len(chances)
    raised = np.maximum.accumulate([(count - rank) * chances[place] for rank, place in enumerate(order)])
    found = np.empty(count)
    found[order] = np.minimum(raised, 1.0)
    return [float(value) for value in found]


class DiscreteHazard:
    """The chance to leave within each step of tenure, for each group, from counts alone: a million customers is a moment.

    A logistic model on person-periods: one level for each step, and one for each group (proportional odds), pulled gently
    to none so that small groups borrow from all. edges: of the steps, from 0 on, in the unit of the lives.
    Customers who were last seen within a step count half of it.

    Fitted: `levels_` (log-odds of leaving in each step for the middle of the groups), `effects_` (of each group),
    `names_`, `covariance_`, `seen_until_` (the end of the last step anybody was in).
    """

    levels_: Numbers
    effects_: Numbers
    names_: tuple[str, ...]
    covariance_: Numbers
    seen_until_: float

    def __init__(self, edges: Sequence[float], pull: float = _PULL) -> None:
        self.edges = edges
        self.pull = pull

    def fit(self, lasted: Any, ended: Any, groups: Any = None, weights: Any = None) -> "DiscreteHazard":
        """Learn from how long each was seen, and whether they left then. Rows may stand for many (`weights`).

        Raises ValueError for edges that do not rise from 0, NotEnoughLivesError without anybody who left.
        """
        edges = np.asarray(self.edges, dtype=np.float64)
        if len(edges) < 2 or edges[0] != 0 or not (np.diff(edges) > 0).all():
            raise ValueError("edges must rise from 0: the steps of tenure that are told apart")
        if groups is None:
            groups = np.full(len(to_numbers(lasted, "lasted")), "")
        time, gone, weight, codes, self.names_ = _read(lasted, ended, groups, weights)
        if not (gone * weight).sum():
            raise NotEnoughLivesError(tr("Not enough data for a pace of leaving, because nobody left."))
        steps = len(edges) - 1
        left, stayed = np.zeros((steps, len(self.names_))), np.zeros((steps, len(self.names_)))
        # A life ends in the step it reaches into; one that ends on an edge ends the step before it.
        last = np.clip(np.searchsorted(edges, time, side="left") - 1, 0, steps - 1)
        beyond = time > edges[-1]
        for step in range(steps):
            here, through = (last == step) & ~beyond, (last > step) | beyond
            np.add.at(left[step], codes[here], (weight * gone)[here])
            # Whoever was last seen inside the step was at risk for part of it.
            part = np.clip((time[here] - edges[step]) / (edges[step + 1] - edges[step]), 0, 1)
            np.add.at(stayed[step], codes[here], (weight * (1 - gone))[here] * part)
            np.add.at(stayed[step], codes[through], weight[through])
        there = (left + stayed).sum(axis=1) > 0
        used = int(np.flatnonzero(there)[-1]) + 1
        self.seen_until_ = float(edges[used])
        self._steps = edges[: used + 1]
        self._solve(left[:used], stayed[:used])
        return self

    def _solve(self, left: Numbers, stayed: Numbers) -> None:
        """Newton's steps to the penalised likelihood; twenty are plenty for a concave one."""
        steps, groups = left.shape
        rows = left + stayed
        design = np.zeros((steps, groups, steps + groups))
        design[np.arange(steps), :, np.arange(steps)] = 1
        design[:, np.arange(groups), steps + np.arange(groups)] = 1
        flat, seen, gone = design.reshape(-1, steps + groups), rows.ravel(), left.ravel()
        # A step nobody left in stays finite; groups are drawn to each other.
        hold = np.append(np.full(steps, 1e-4), np.full(groups, 1.0 / self.pull**2))
        overall = float(np.log((gone.sum() + 0.5) / (seen.sum() - gone.sum() + 0.5)))
        middle = np.append(np.full(steps, overall), np.zeros(groups))
        found = middle.copy()
        for _ in range(50):
            chance = 1 / (1 + np.exp(-flat @ found))
            slope = flat.T @ (gone - seen * chance) - hold * (found - middle)
            self.covariance_ = np.linalg.inv((flat * (seen * chance * (1 - chance))[:, None]).T @ flat + np.diag(hold))
            move = self.covariance_ @ slope
            found = found + np.clip(move, -2, 2)
            if np.abs(move).max() < 1e-10:
                break
        self.levels_, self.effects_ = found[:steps], found[steps:]

    def chances(self, group: str = "") -> Numbers:
        """The chance to leave in each step for somebody of this group there at its start; of no known group: the middle."""
        effect = self.effects_[self.names_.index(group)] if group in self.names_ else 0.0
        return np.asarray(1 / (1 + np.exp(-(self.levels_ + effect))), dtype=np.float64)

    def remaining_life(self, tenure: Any, groups: Any = None, *, within: float) -> Numbers:
        """Mean time still to come for each customer, up to `within` from now, in the unit of the lives.

        tenure: how long each has been a customer. Within a step the pace is even; beyond the last step seen its pace is taken to go on.
        """
        now = to_numbers(tenure, "tenure")
        if not (np.isfinite(now) & (now >= 0)).all():
            raise ValueError("tenure must be a finite number not below 0 in every row")
        names = np.full(len(now), "") if groups is None else np.asarray(groups, dtype=object)
        found = np.empty(len(now))
        for name in set(names.tolist()):
            mine = names == name
            found[mine] = self._life(now[mine], self.chances(str(name)), within)
        return found

    def mean_remaining_life(
        self, tenure: Any, group: str, weights: Any = None, *, within: float, draws: int = 100
    ) -> tuple[float, float, float]:
        """The mean time still to come of customers of one group, with its 95 % interval: (mean, low, high).

        The interval is that of the pace learned (its coefficients drawn again from their own spread), not of the luck of
        these customers.
        """
        now = to_numbers(tenure, "tenure")
        weight = np.ones(len(now)) if weights is None else to_numbers(weights, "weights")
        steps, place = len(self.levels_), len(self.levels_)
        row = np.zeros((steps, len(self.covariance_)))
        row[np.arange(steps), np.arange(steps)] = 1
        if group in self.names_:
            row[:, place + self.names_.index(group)] = 1
        middle = row @ np.append(self.levels_, self.effects_)
        spread = row @ self.covariance_ @ row.T
        drawn = np.random.default_rng(0).multivariate_normal(middle, spread, size=draws, method="svd")
        means = [
            float(np.average(self._life(now, 1 / (1 + np.exp(-each)), within), weights=weight))
            for each in (middle, *drawn)
        ]
        low, high = np.quantile(means[1:], (0.025, 0.975))
        return means[0], float(low), float(high)

    def _life(self, now: Numbers, chance: Numbers, within: float) -> Numbers:
        pace = -np.log1p(-np.minimum(chance, 1 - 1e-9)) / np.diff(self._steps)
        # The area under the curve from the start to any time, exactly, since the pace is constant within a step.
        times = np.append(self._steps[:-1], np.inf)
        gone = np.append(0.0, np.cumsum(pace[:-1] * np.diff(self._steps)[:-1]))
        heights = np.exp(-gone)
        span = np.diff(self._steps)[:-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            pieces = np.where(
                pace[:-1] > 0, heights[:-1] * -np.expm1(-pace[:-1] * span) / pace[:-1], heights[:-1] * span
            )
        areas = np.append(0.0, np.cumsum(pieces))

        def until(time: Numbers) -> tuple[Numbers, Numbers]:
            """Area under the curve to a time, and its height there."""
            step = np.clip(np.searchsorted(times, time, side="right") - 1, 0, len(pace) - 1)
            into = time - times[step]
            rate = pace[step]
            with np.errstate(divide="ignore", invalid="ignore"):
                more = np.where(rate > 0, -np.expm1(-rate * into) / rate, into)
            return areas[step] + heights[step] * more, heights[step] * np.exp(-rate * into)

        begun, there = until(now)
        ends, _ = until(now + within)
        # At a height too small to divide by, the pace of the last step is all there is to go by.
        last = pace[-1]
        flat = -np.expm1(-last * within) / last if last > 0 else within
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(there > 1e-9, (ends - begun) / there, flat)

    def ratios(self) -> list[tuple[str, float, float, float]]:
        """Each group's odds of leaving in any step against the middle of the groups: (name, ratio, low, high), 95 %."""
        steps, count = len(self.levels_), len(self.names_)
        # Against the mean of the groups: how they lie to each other, whatever the pull.
        turn = np.eye(count) - 1.0 / count
        spread = np.sqrt(np.diag(turn @ self.covariance_[steps:, steps:] @ turn.T))
        told = turn @ self.effects_
        return [
            (name, float(np.exp(e)), float(np.exp(e - Z * s)), float(np.exp(e + Z * s)))
            for name, e, s in zip(self.names_, told, spread, strict=True)
        ]


def days_ahead(lives: pa.Table, within: float) -> pa.Array:
    """How many of the next days each customer is expected to stay, by the pace of those who came the same way.

    lives: as `survival.lives` gives them. Null for whoever has left, and for all where nobody has.
    """
    time = lives["days"].to_numpy().astype(np.float64)
    gone = lives["ended"].to_numpy().astype(np.float64)
    kinds, plans = lives["kind"].to_pylist(), lives["plan"].to_pylist()
    groups = np.array([f"{kind}/{plan or ''}" for kind, plan in zip(kinds, plans, strict=True)], dtype=object)
    try:
        model = DiscreteHazard(EDGES_DAYS).fit(time, gone, groups)
    except NotEnoughLivesError:
        return pa.nulls(lives.num_rows, pa.float64())
    return pa.array(model.remaining_life(time, groups, within=within), mask=gone > 0)


def _read(
    lasted: Any, ended: Any, groups: Any, weights: Any
) -> tuple[Numbers, Numbers, Numbers, NDArray[np.int64], tuple[str, ...]]:
    time, gone = to_numbers(lasted, "lasted"), to_numbers(ended, "ended")
    weight = np.ones(len(time)) if weights is None else to_numbers(weights, "weights")
    names = np.asarray(groups, dtype=object)
    if not len(time) == len(gone) == len(weight) == len(names):
        raise ValueError(
            "lasted, ended, groups and weights must have one row each; "
            f"found {len(time)}, {len(gone)}, {len(names)}, {len(weight)}"
        )
    if not (np.isfinite(time).all() and (time >= 0).all()) or not np.isin(gone, (0, 1)).all():
        raise ValueError("lasted must be finite and not below 0, and ended 0 or 1, in every row")
    known = np.array([name is not None and name == name for name in names.tolist()], dtype=bool) & (weight > 0)
    time, gone, weight = time[known], gone[known], weight[known]
    labels, codes = np.unique(
        np.array([str(name) for name in names[known].tolist()], dtype=object), return_inverse=True
    )
    return time, gone, weight, codes.astype(np.int64), tuple(str(label) for label in labels)
