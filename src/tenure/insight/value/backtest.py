"""How well a forecast of value came true: deciles, total, order, chances, and who moved since the last time."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenure.insight.frames import to_numbers
from tenure.insight.value.base import Numbers
from tenure.insight.value.checks import NotEnoughDataError, same_length
from tenure.language import tr

Z = 1.959963984540054  # two-sided 95 %
SPAN_SHARE = 0.8  # of the customers of a tenth come out within its span


@dataclass(frozen=True)
class Interval:
    """An estimate and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Tenth:
    """A tenth of the customers by forecast, 10 the highest. foretold, happened: means a customer."""

    decile: int
    customers: int
    foretold: float
    happened: Interval


@dataclass(frozen=True)
class Bin:
    """Customers whose chance was told alike. foretold: their mean chance; happened: the share it came true for."""

    customers: int
    foretold: float
    happened: Interval


@dataclass(frozen=True)
class Backtest:
    """A forecast against what happened. bias: total foretold over total happened, less 1; None where nothing happened.

    spearman: rank correlation. gini: how much of the inequality of what happened the order of the forecast catches, 1 all
    of it, 0 none. explained: see there. mae, rmse: a customer, in the unit of the forecast. deciles: the highest first.
    """

    customers: int
    foretold: float
    happened: float
    bias: Interval | None
    spearman: Interval | None
    pearson: float | None
    gini: float | None
    explained: float | None
    mae: float
    rmse: float
    deciles: tuple[Tenth, ...]


def backtest(foretold: Any, happened: Any) -> Backtest:
    """Hold a forecast against what happened, one row a customer, both in one unit.

    Intervals are over customers: how far the figure would stray had others of their kind been seen. A correlation is None
    where either side is the same for all.

    Raises ValueError for columns that are not finite numbers of one length, NotEnoughDataError for fewer than ten rows.
    """
    told, came = to_numbers(foretold, "foretold"), to_numbers(happened, "happened")
    same_length({"foretold": told, "happened": came})
    if not (np.isfinite(told).all() and np.isfinite(came).all()):
        raise ValueError("foretold and happened must be finite numbers in every row; drop the rows without one first")
    n = len(told)
    if n < 10:
        raise NotEnoughDataError(
            tr(
                "Not enough data to test a forecast, because only {count} customers are known; ten are the least.",
                count=n,
            )
        )
    return Backtest(
        customers=n,
        foretold=float(told.sum()),
        happened=float(came.sum()),
        bias=_bias(told, came),
        spearman=_rank_correlation(told, came),
        pearson=_correlation(told, came),
        gini=ordered_gini(told, came),
        explained=explained(told, came),
        mae=float(np.abs(told - came).mean()),
        rmse=float(np.sqrt(((told - came) ** 2).mean())),
        deciles=_tenths(told, came),
    )


def calibration(chance: Any, happened: Any, bins: int = 10) -> tuple[Bin, ...]:
    """Customers in bins of equal size by the chance told, and the share it came true for (Wilson's interval).

    chance: 0 to 1. happened: 0 or 1. Equal chances share a bin, so there may be fewer bins.
    """
    told, came = to_numbers(chance, "chance"), to_numbers(happened, "happened")
    same_length({"chance": told, "happened": came})
    edges = np.unique(np.quantile(told, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, told, side="left")
    found = []
    for one in range(len(edges) + 1):
        mine = place == one
        if mine.any():
            found.append(
                Bin(int(mine.sum()), float(told[mine].mean()), wilson(float(came[mine].sum()), int(mine.sum())))
            )
    return tuple(found)


def wilson(times: float, of: int) -> Interval:
    """A share with Wilson's 95 % interval (1927), which stays within 0 to 1."""
    share = times / of
    middle = (share + Z**2 / (2 * of)) / (1 + Z**2 / of)
    half = Z / (1 + Z**2 / of) * np.sqrt(share * (1 - share) / of + Z**2 / (4 * of**2))
    return Interval(share, max(0.0, float(middle - half)), min(1.0, float(middle + half)))


def deciles(value: Any) -> NDArray[np.int64]:
    """Tenths of the customers by value, 10 the highest; equal values share the higher tenth."""
    numbers = to_numbers(value, "value")
    if not len(numbers):
        return np.empty(0, np.int64)
    share_at_or_below = np.searchsorted(np.sort(numbers), numbers, side="right") / len(numbers)
    return np.ceil(share_at_or_below * 10 - 1e-9).astype(np.int64)


@dataclass(frozen=True)
class Span:
    """Between which multiples of the forecast most customers of one tenth came out. decile: 10 the highest."""

    decile: int
    customers: int
    low: float
    high: float


def spans(foretold: Any, happened: Any, share: float = SPAN_SHARE) -> tuple[Span, ...]:
    """For each tenth by forecast, the span that holds at least `share` of one more customer's outcomes of that kind.

    Split conformal prediction (Vovk, Gammerman & Shafer 2005) within tenths: the k-th smallest and k-th largest of what
    came as a multiple of what was foretold, k = floor((n + 1) (1 - share) / 2). It asks nothing of the model but that the
    next customer is drawn as these were. A tenth of too few customers for that, or with nothing foretold, has none.
    """
    told, came = to_numbers(foretold, "foretold"), to_numbers(happened, "happened")
    same_length({"foretold": told, "happened": came})
    tenth, found = deciles(told), []
    for one in range(1, 11):
        mine = (tenth == one) & (told > 0)
        n = int(mine.sum())
        k = int(np.floor((n + 1) * (1 - share) / 2 + 1e-9))
        if k:
            times = np.sort(came[mine] / told[mine])
            found.append(Span(one, n, float(times[k - 1]), float(times[n - k])))
    return tuple(found)


def moves(before: Any, after: Any) -> NDArray[np.int64]:
    """How many customers went from each decile (row, 1 first) to each (column); whoever lacks either is left out."""
    old, new = to_numbers(before, "before"), to_numbers(after, "after")
    same = np.isfinite(old) & np.isfinite(new)
    place = (old[same].astype(int) - 1) * 10 + new[same].astype(int) - 1
    return np.bincount(place, minlength=100).reshape(10, 10)


def simple_value(
    purchases: Any, age: Any, mean_value: Any, silence: Any, *, horizon: float, remaining: float | None = None
) -> Numbers:
    """The back-of-an-envelope forecast: how often a year, times worth, times the time left.

    purchases: all of a customer's; age: time since the first; mean_value: of one; silence: time since the last; horizon:
    how far ahead counts; remaining: the life left to somebody who still buys, in the same unit, the horizon where left out.
    Whoever has been silent for longer than twice their own mean interval is taken to have left.
    """
    count, since, each, quiet = (
        to_numbers(column, name)
        for column, name in ((purchases, "purchases"), (age, "age"), (mean_value, "mean_value"), (silence, "silence"))
    )
    interval = since / np.maximum(count, 1)
    gone = (count > 1) & (quiet > 2 * interval)
    # Somebody who has just come has no rhythm yet: one purchase a horizon is the most that is credited.
    often = np.minimum(count / np.maximum(since, 1e-9), np.where(count > 1, np.inf, 1 / horizon))
    found: Numbers = np.where(gone, 0.0, often * np.maximum(each, 0) * min(horizon, remaining or horizon))
    return found


def ordered_gini(foretold: Any, happened: Any) -> float | None:
    """How much of the inequality of what happened the order of the forecast catches: 1 all, 0 none, below 0 the wrong way."""
    told, came = np.asarray(foretold, float), np.maximum(np.asarray(happened, float), 0)
    if not came.sum() or (came == came[0]).all():
        return None
    from scipy.stats import rankdata  # loads slowly; most who load this rank nothing

    # Equal forecasts share their place, so that the order rows came in decides nothing.
    place, best = rankdata(told), rankdata(came)
    n = len(told)

    def area(rank: Numbers) -> float:
        return float((2 * rank - n - 1) @ came / (n * came.sum()))

    return area(place) / area(best)


def explained(foretold: Any, happened: Any) -> float | None:
    """The share of the Poisson deviance that the forecast explains: 1 all, 0 no more than the mean of all, below 0 less.

    Least deviance goes to the true mean, as least squared error does, but a few huge customers do not decide it alone.
    What is below nothing counts as nothing; a forecast below a thousandth of the mean counts as that much.
    """
    came = np.maximum(np.asarray(happened, float), 0)
    mean = came.mean()
    if not mean or (came == came[0]).all():
        return None

    from scipy.special import xlogy

    def deviance(told: Numbers) -> float:
        return float((xlogy(came, came / told) - came + told).sum())

    told = np.maximum(np.asarray(foretold, float), mean / 1000)
    return 1 - deviance(told) / deviance(np.full(len(came), mean))


def _bias(told: Numbers, came: Numbers) -> Interval | None:
    total = came.sum()
    if total <= 0:
        return None
    ratio = told.sum() / total
    error = np.sqrt(len(told)) * np.std(told - ratio * came, ddof=1) / total
    return Interval(float(ratio - 1), float(ratio - 1 - Z * error), float(ratio - 1 + Z * error))


def _correlation(told: Numbers, came: Numbers) -> float | None:
    if (told == told[0]).all() or (came == came[0]).all():
        return None
    return float(np.corrcoef(told, came)[0, 1])


def _rank_correlation(told: Numbers, came: Numbers) -> Interval | None:
    from scipy.stats import rankdata

    found = _correlation(rankdata(told), rankdata(came))
    if found is None:
        return None
    # Fisher's z with the variance of Bonett & Wright (2000).
    inside = float(np.clip(found, -1 + 1e-12, 1 - 1e-12))
    half = Z * np.sqrt((1 + inside**2 / 2) / max(len(told) - 3, 1))
    return Interval(found, float(np.tanh(np.arctanh(inside) - half)), float(np.tanh(np.arctanh(inside) + half)))


def _tenths(told: Numbers, came: Numbers) -> tuple[Tenth, ...]:
    tenth = deciles(told)
    found = []
    for decile in range(10, 0, -1):
        mine = tenth == decile
        count = int(mine.sum())
        if count:
            mean = float(came[mine].mean())
            half = Z * float(came[mine].std(ddof=1)) / np.sqrt(count) if count > 1 else 0.0
            found.append(Tenth(decile, count, float(told[mine].mean()), Interval(mean, mean - half, mean + half)))
    return tuple(found)
