"""Any figure by period carried forward, with an interval that was tried on the past, and the periods that surprised.

    >>> from tenure.insight.forecast import forecast
    >>> forecast(revenue_by_month, season=12, horizon=6).to_table()

The method is whichever was nearest when each of the last periods was forecast from those before it alone: the last value
again, the value a season ago, simple or damped exponential smoothing, Holt–Winters, or Theta.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tenure.insight.frames import to_numbers
from tenure.language import Words

Numbers: TypeAlias = NDArray[np.float64]

LEAST = 12
"""Values in a row that a forecast takes: fewer can't be split into what is learned from and what it is tried on."""
ORIGINS = 24  # the past periods each method is tried from, at most
FIRST = 6  # values a method is given at least, and times it is tried at least
SHORTEST_TRIED = 6
MARGIN = 0.05  # a method that takes more to be told must be so much nearer than a simpler one

METHODS: Mapping[str, Words] = {
    "naive": Words("The last value again", "沿用上期值"),
    "seasonal": Words("The value a season ago", "沿用去年同期值"),
    "smoothing": Words("Exponential smoothing", "指数平滑"),
    "trend": Words("Exponential smoothing with a damped trend", "阻尼趋势指数平滑"),
    "theta": Words("Theta", "Theta 方法"),
    "winters": Words("Exponential smoothing with trend and season", "趋势与季节指数平滑（Holt–Winters）"),
}
"""From the simplest to the one that takes most to be told."""


class NotEnoughData(ValueError):  # noqa: N818 - said to people as it is
    """Why nothing can be foretold. why: in both languages, "Not enough data, because …"."""

    def __init__(self, why: Words) -> None:
        super().__init__(why.en)
        self.why = why


@dataclass(frozen=True, slots=True)
class Tried:
    """How a method did on the past: the mean absolute error of its forecasts, over all tried periods and horizons."""

    method: str
    error: float
    forecasts: int


@dataclass(frozen=True, slots=True)
class Surprise:
    """A value outside what the values before it let expect. place: its index in the values; low, high: what was expected."""

    place: int
    value: float
    expected: float
    low: float
    high: float


@dataclass(frozen=True)
class Forecast:
    """What comes next, and how far that may be off.

    expected, low, high: the next `horizon` values and the interval that holds each with probability `level`.
    method: a key of METHODS; tried: every method on the same past, nearest first. covered, counted: of `counted` forecasts
    of the past, each with an interval from the errors known by then, `covered` lay within theirs; both 0 where the past is
    too short to tell. surprises: see `surprises`; tested: how many values were looked at for them, false_rate: the part of
    those that is flagged though nothing happened. used: how many of the newest values were used.
    """

    expected: Numbers
    low: Numbers
    high: Numbers
    level: float
    method: str
    tried: list[Tried]
    covered: int
    counted: int
    surprises: list[Surprise] = field(default_factory=list)
    tested: int = 0
    false_rate: float = 0.0
    used: int = 0

    @property
    def coverage(self) -> float | None:
        """The share of past forecasts within their interval; None where too few could be tried."""
        return self.covered / self.counted if self.counted else None

    def to_table(self) -> pa.Table:
        """ahead (1 is the next period), expected, low, high."""
        ahead = np.arange(1, len(self.expected) + 1)
        return pa.table({"ahead": ahead, "expected": self.expected, "low": self.low, "high": self.high})


def forecast(
    values: Any,
    *,
    season: int = 12,
    horizon: int = 6,
    level: float = 0.9,
    one_false_in: int = 100,
    lowest: float | None = None,
    highest: float | None = None,
) -> Forecast:
    """The next `horizon` values of a figure by period, with an interval of the given level, and its past surprises.

    values: one for each period in a row, oldest first (list, array, column); NaN or None where a period has no figure:
    what lies before the newest such gap is not used. season: periods until a pattern repeats (12 for months, 7 for days, 1
    for none). level: how much of what comes the interval is to hold. one_false_in: of so many values without any
    surprise, one is flagged all the same. lowest, highest: limits the figure can't pass (0 for a number of things).

    The interval is made of the errors the method made on the past, so it needs no word on how they are spread; how often
    it held there is told with it (`covered` of `counted`).

    Raises NotEnoughData with fewer than 12 values in a row, or where all are the same.
    """
    numbers = to_numbers(values, "values")
    known = _newest_run(numbers)
    _check(numbers, known)
    whole = len(numbers) - len(known)
    # An isolated value that nothing before or after it bears out would pull the forecast towards itself.
    first = _runs(known, season, horizon)
    chosen, tried = _choose(known, first)
    found = _surprises(known, first[chosen].ahead_of_one, 1 / one_false_in)
    mended = _mended(known, found)
    if mended is not None:
        again = _runs(mended, season, horizon)
        chosen, tried = _choose(mended, again)
        found = _surprises(known, again[chosen].ahead_of_one, 1 / one_false_in)
        first = again
    run, truth = first[chosen], known if mended is None else mended
    expected = run.next
    half, covered, counted = _interval(truth, run, horizon, level)
    low, high = expected - half, expected + half
    if lowest is not None:
        expected, low, high = (np.maximum(one, lowest) for one in (expected, low, high))
    if highest is not None:
        expected, low, high = (np.minimum(one, highest) for one in (expected, low, high))
    least, most = -math.inf if lowest is None else lowest, math.inf if highest is None else highest
    surprises = [Surprise(s.place + whole, s.value, s.expected, max(s.low, least), min(s.high, most)) for s in found]
    tested = int(np.isfinite(run.ahead_of_one).sum())
    return Forecast(
        expected, low, high, level, chosen, tried, covered, counted, surprises, tested, 1 / one_false_in, len(known)
    )


def _newest_run(values: Numbers) -> Numbers:
    """The newest values in a row without a gap."""
    gaps = np.flatnonzero(~np.isfinite(values))
    return values[gaps[-1] + 1 :] if len(gaps) else values


def _check(values: Numbers, known: Numbers) -> None:
    if len(known) < LEAST:
        n, gap = len(known), len(values) > len(known)
        since = (
            Words(" since the newest one without a figure", "（自最近一个无数据的期间之后）") if gap else Words("", "")
        )
        raise NotEnoughData(
            Words(
                f"Not enough data, because there are {n} periods in a row with a figure{since.en}, and a forecast takes {LEAST}.",
                f"数据不足：连续有数据的期间只有 {n} 个{since.zh}，预测至少需要 {LEAST} 个。",
            )
        )
    if np.ptp(known) <= 1e-12 * max(1.0, float(np.abs(known).max())):
        n = len(known)
        raise NotEnoughData(
            Words(
                f"Not enough data, because the figure was the same in all {n} periods: nothing tells how far it may move.",
                f"数据不足：{n} 个期间的数值完全相同，无法判断其可能的变动幅度。",
            )
        )


# How each method does on the past


@dataclass(frozen=True)
class _Run:
    """A method over a series. paths: for each origin (values known by then) the forecasts of what follows; next: of what
    comes after the last value."""

    paths: dict[int, Numbers]
    next: Numbers
    n: int

    @property
    def ahead_of_one(self) -> Numbers:
        """The forecast of each value from those before it; NaN where there is none."""
        told = np.full(self.n, np.nan)
        for origin, path in self.paths.items():
            if origin < self.n:
                told[origin] = path[0]
        return told


def _runs(values: Numbers, season: int, horizon: int) -> dict[str, _Run]:
    """Every method that has enough values, from every origin it can be tried from."""
    n = len(values)
    needs = {"naive": FIRST, "smoothing": FIRST, "trend": FIRST, "theta": FIRST}
    if season > 1:
        # A pattern that was seen once may be none; seen twice it can be learned.
        needs |= {"seasonal": season, "winters": 2 * season}
    runs = {}
    for name in METHODS:
        if name in needs and n - needs[name] >= SHORTEST_TRIED:
            origins = list(range(max(needs[name], n - 3 * ORIGINS), n + 1))
            paths = _METHODS[name](values, origins, season, horizon)
            runs[name] = _Run({o: p for o, p in paths.items() if o < n}, paths[n], n)
    return runs


def _choose(values: Numbers, runs: Mapping[str, _Run]) -> tuple[str, list[Tried]]:
    """The method that was nearest on the same periods as what it is held against; a simpler one where that is nearly so.

    Methods that can be tried from the same period on are compared first; one that needs more values then has to beat the
    best of them on the fewer periods it can be tried on, and by the more, the fewer these are: chance alone decides much.
    """
    n = len(values)
    begins = {name: min(run.paths) for name, run in runs.items()}
    best = ""
    for begin in sorted(set(begins.values())):
        group = [name for name in runs if begins[name] == begin]
        start = max(begin, n - ORIGINS)
        for name in group:
            if not best:
                best = name
                continue
            margin = MARGIN + (1 / (n - start) if begins[best] < begin else 0)
            if _error(values, runs[name], start)[0] < _error(values, runs[best], start)[0] * (1 - margin):
                best = name
    whole = max(max(begins.values()), n - ORIGINS)
    tried = [Tried(name, *_error(values, run, whole)) for name, run in runs.items()]
    return best, sorted(tried, key=lambda one: (one.error, list(METHODS).index(one.method)))


def _error(values: Numbers, run: _Run, start: int) -> tuple[float, int]:
    """The mean absolute error of all forecasts from `start` on, and how many they are."""
    n = len(values)
    wrong = [np.abs(p[: n - o] - values[o : o + len(p)]) for o, p in run.paths.items() if o >= start]
    errors = np.concatenate(wrong)
    return float(errors.mean()), len(errors)


def _interval(values: Numbers, run: _Run, horizon: int, level: float) -> tuple[Numbers, int, int]:
    """Half the width for each period ahead, and how often such an interval, made of errors known by then, held."""
    n = len(values)
    wrong = {
        origin: np.abs(path[: n - origin] - values[origin : origin + len(path)]) for origin, path in run.paths.items()
    }
    half = _half({o: errors for o, errors in wrong.items() if o >= n - ORIGINS}, horizon, level)
    covered = counted = 0
    for origin in sorted(wrong):
        # By the time of this origin, an error k periods ahead of an earlier one is known once its period is over.
        earlier = {o: errors[: origin - o] for o, errors in wrong.items() if origin - ORIGINS <= o < origin}
        if sum(len(errors) > 0 for errors in earlier.values()) < FIRST:
            continue
        then = _half(earlier, horizon, level)
        mine = wrong[origin]
        covered += int((mine <= then[: len(mine)]).sum())
        counted += len(mine)
    return half, covered, counted


def _half(wrong: Mapping[int, Numbers], horizon: int, level: float) -> Numbers:
    """The level-quantile of the errors made k periods ahead, for each k, never less than for a nearer period.

    Errors k ahead are few, and fewer the further: each is held against the size usual that far ahead, and the quantile is
    taken of all together.
    """
    by_ahead = [np.array([e[k] for e in wrong.values() if len(e) > k]) for k in range(horizon)]
    sizes = np.empty(horizon)
    last = 0.0
    for k, errors in enumerate(by_ahead):
        # Where few reach so far ahead, the size goes on growing as a random walk's would.
        grown = last * math.sqrt((k + 1) / k) if k else 0.0
        told = float(np.sqrt(np.mean(errors**2))) if len(errors) else grown
        trust = len(errors) / (len(errors) + 4.0)
        last = max(last, trust * told + (1 - trust) * max(grown, told))
        sizes[k] = last
    if last == 0:
        return sizes
    pooled = np.concatenate([e / s for e, s in zip(by_ahead, sizes, strict=True) if s > 0])
    # One more than there are, as if the next error were the largest yet: the correction of split conformal intervals.
    rank = min(1.0, math.ceil((len(by_ahead[0]) + 1) * level) / len(by_ahead[0]))
    return sizes * float(np.quantile(pooled, rank))


# Surprises


def _surprises(values: Numbers, told: Numbers, rate: float) -> list[Surprise]:
    """The values whose error, beside all other errors of the same method, is larger than all but `rate` would be.

    The scale of the others is that of their middle (so that one surprise does not hide the next), the quantile Student's
    with as many degrees of freedom as there are errors less one.
    """
    from scipy.stats import t as student

    places = np.flatnonzero(np.isfinite(told))
    errors = values[places] - told[places]
    found = []
    for at, place in enumerate(places):
        others = np.delete(errors, at)
        if len(others) < FIRST:
            break
        reach = _scale(others) * float(student.ppf(1 - rate / 2, _freedom(len(others))))
        if abs(errors[at]) > reach and reach > 0:
            expected = float(told[place])
            found.append(Surprise(int(place), float(values[place]), expected, expected - reach, expected + reach))
    return found


def _scale(errors: Numbers) -> float:
    """The standard deviation of errors around nothing, without the tenth that is largest, put right for leaving it out."""
    from scipy.stats import norm

    size = np.sort(np.abs(errors))
    kept = size[: max(1, math.ceil(len(size) * 0.9))]
    share = len(kept) / len(size)
    edge = float(norm.ppf(0.5 + share / 2)) if share < 1 else math.inf
    shrink = 1.0 if share == 1 else 1 - 2 * edge * float(norm.pdf(edge)) / share
    return float(np.sqrt(np.mean(kept**2) / shrink))


def _freedom(n: int) -> float:
    return max(2.0, n - 1)


def _mended(values: Numbers, found: Sequence[Surprise]) -> Numbers | None:
    """The series with lone surprises replaced by what was expected; None where there are none.

    A surprise that the next value stays with is a new level and no accident: it is kept.
    """
    mended, any_ = values.copy(), False
    for one in found:
        after = one.place + 1
        if after < len(values) and abs(values[after] - one.expected) < abs(values[after] - one.value):
            mended[one.place], any_ = one.expected, True
    return mended if any_ else None


# The methods: each gives, for each origin asked, the forecasts from the values before it alone


def _naive(values: Numbers, origins: Sequence[int], season: int, horizon: int) -> dict[int, Numbers]:
    return {o: np.full(horizon, values[o - 1]) for o in origins}


def _seasonal(values: Numbers, origins: Sequence[int], season: int, horizon: int) -> dict[int, Numbers]:
    ahead = np.arange(horizon) % season
    return {o: values[o - season + ahead] for o in origins}


def _smoothing(values: Numbers, origins: Sequence[int], season: int, horizon: int) -> dict[int, Numbers]:
    return _smoothed(values, origins, horizon, _grid(alpha=_ALPHAS), season=1)


def _trend(values: Numbers, origins: Sequence[int], season: int, horizon: int) -> dict[int, Numbers]:
    grid = _grid(alpha=_FEW, beta=(0.02, 0.05, 0.1, 0.2, 0.4), phi=(0.8, 0.9, 0.95, 0.98))
    return _smoothed(values, origins, horizon, grid, season=1)


def _winters(values: Numbers, origins: Sequence[int], season: int, horizon: int) -> dict[int, Numbers]:
    grid = _grid(alpha=_FEW, beta=(0.0, 0.05, 0.2), gamma=(0.02, 0.1, 0.3, 0.6), phi=(0.9, 0.98))
    return _smoothed(values, origins, horizon, grid, season=season)


def _theta(values: Numbers, origins: Sequence[int], season: int, horizon: int) -> dict[int, Numbers]:
    """Assimakopoulos and Nikolopoulos (2000), as Hyndman and Billah (2003) show it: smoothing with half the line's drift.

    Where a season is plain (Kendall's test on the autocorrelation, at 90 %), it is taken out first and put back.
    """
    paths = {}
    for origin in origins:
        known = values[:origin]
        pattern = _pattern(known, season)
        bare = known - pattern[np.arange(origin) % season] if pattern is not None else known
        smooth = _smoothed(bare, [origin], 1, _grid(alpha=_ALPHAS), season=1, state=True)
        level, alpha = smooth[origin]
        slope = float(np.polyfit(np.arange(origin), bare, 1)[0])
        ahead = np.arange(horizon)
        path = level + slope / 2 * (ahead + (1 - (1 - alpha) ** origin) / alpha)
        paths[origin] = path + (pattern[(origin + ahead) % season] if pattern is not None else 0.0)
    return paths


def _pattern(values: Numbers, season: int) -> Numbers | None:
    """What each place of the season adds, in order of place; None where two seasons were not seen, or it is not plain."""
    n = len(values)
    if season < 2 or n < 2 * season or np.ptp(values) == 0:
        return None
    centred = values - values.mean()
    spread = float((centred**2).sum())
    lags = np.array([float((centred[k:] * centred[:-k]).sum()) / spread for k in range(1, season + 1)])
    if abs(lags[-1]) <= 1.645 * math.sqrt((1 + 2 * float((lags[:-1] ** 2).sum())) / n):
        return None
    return _classical(values, season)


def _classical(values: Numbers, season: int) -> Numbers:
    """The mean distance of each place of the season from the centred moving average, adding up to nothing."""
    weights = np.ones(season) if season % 2 else np.array([0.5, *([1.0] * (season - 1)), 0.5])
    around = np.convolve(values, weights / season, mode="valid")
    start = len(weights) // 2
    off = values[start : start + len(around)] - around
    place = (np.arange(len(around)) + start) % season
    means = np.array([off[place == k].mean() for k in range(season)])
    return np.asarray(means - means.mean())


_ALPHAS = tuple(np.round(np.arange(0.01, 1.0, 0.01), 2))
_FEW = (0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 0.95)


def _grid(
    alpha: Sequence[float],
    beta: Sequence[float] = (0.0,),
    gamma: Sequence[float] = (0.0,),
    phi: Sequence[float] = (0.0,),
) -> Numbers:
    """Every combination of the smoothing parameters, one a row: alpha, beta, gamma, phi."""
    return np.array(list(product(alpha, beta, gamma, phi)))


def smooth(
    values: Numbers, parameters: Numbers, season: int, start: tuple[float, float, Numbers]
) -> tuple[Any, Any, Any, Any]:
    """Additive exponential smoothing with these parameters (rows of alpha, beta, gamma, phi), side by side.

    start: level, trend and seasonal pattern before the first value. Gives one-step errors (values × rows), and level,
    trend and pattern after each value. level ← alpha (value - season) + (1 - alpha)(level + phi trend); trend ← beta
    (change of level) + (1 - beta) phi trend; season ← gamma (value - former level - phi trend) + (1 - gamma) season.
    """
    alpha, beta, gamma, phi = parameters.T
    n, rows = len(values), len(parameters)
    level, trend = np.full(rows, start[0]), np.full(rows, start[1])
    pattern = np.repeat(start[2][:, None], rows, axis=1)
    errors, levels, trends = np.empty((n, rows)), np.empty((n, rows)), np.empty((n, rows))
    patterns = np.empty((n, season, rows)) if season > 1 else np.zeros((n, 1, 1))
    for t in range(n):
        damped = phi * trend
        here = pattern[t % season]
        base = level + damped
        errors[t] = values[t] - base - here
        new = alpha * (values[t] - here) + (1 - alpha) * base
        if season > 1:
            pattern = pattern.copy()
            pattern[t % season] = gamma * (values[t] - base) + (1 - gamma) * here
            patterns[t] = pattern
        trend = beta * (new - level) + (1 - beta) * damped
        level = new
        levels[t], trends[t] = level, trend
    return errors, levels, trends, patterns


def _smoothed(
    values: Numbers, origins: Sequence[int], horizon: int, grid: Numbers, *, season: int, state: bool = False
) -> dict[int, Any]:
    """Forecasts from each origin with the parameters that were nearest one step ahead up to it.

    Where it starts from is told by the first values alone, which every origin knows, so one pass serves all of them.
    state: the level and alpha instead of forecasts.
    """
    start = _start(values, season, trending=bool(grid[:, 3].any()))
    errors = smooth(values, grid, season, start)[0]
    sums = np.cumsum(errors**2, axis=0)
    best = {origin: int(sums[origin - 1].argmin()) for origin in origins}
    rows = sorted(set(best.values()))
    _, levels, trends, patterns = smooth(values, grid[rows], season, start)
    found: dict[int, Any] = {}
    for origin in origins:
        row = rows.index(best[origin])
        phi = grid[best[origin], 3]
        level, trend = levels[origin - 1, row], trends[origin - 1, row]
        if state:
            found[origin] = (float(level), float(grid[best[origin], 0]))
            continue
        ahead = np.arange(1, horizon + 1)
        path = level + trend * np.cumsum(phi**ahead)
        if season > 1:
            path = path + patterns[origin - 1, (origin + ahead - 1) % season, row]
        found[origin] = path
    return found


def _start(values: Numbers, season: int, *, trending: bool) -> tuple[float, float, Numbers]:
    if season > 1:
        first, second = values[:season].mean(), values[season : 2 * season].mean()
        trend = float(second - first) / season
        pattern = _classical(values[: 2 * season], season)
        # The first season's mean stands at its middle; the level wanted is the one before its first value.
        return float(first) - trend * (season + 1) / 2, trend, pattern
    few = values[: max(3, FIRST - 1)]
    trend = float(np.polyfit(np.arange(len(few)), few, 1)[0]) if trending else 0.0
    return float(few.mean() - trend * (len(few) + 1) / 2), trend, np.zeros(1)


_METHODS: Mapping[str, Any] = {
    "naive": _naive, "seasonal": _seasonal, "smoothing": _smoothing, "trend": _trend, "theta": _theta, "winters": _winters,
}  # fmt: skip


__all__ = ["LEAST", "METHODS", "Forecast", "NotEnoughData", "Surprise", "Tried", "forecast", "smooth"]
