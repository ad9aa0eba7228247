"""Which model values buyers best: each foretells a stretch already known, and the one that explains most is taken."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from tenure.insight.value.backtest import Backtest, Bin, backtest, calibration, simple_value
from tenure.insight.value.base import Numbers
from tenure.insight.value.bgnbd import BGNBD
from tenure.insight.value.checks import NotEnoughDataError
from tenure.insight.value.gamma_gamma import GammaGamma
from tenure.insight.value.hybrid import HybridCLV
from tenure.insight.value.log import PurchaseLog, happened_in
from tenure.insight.value.mbgnbd import MBGNBD
from tenure.insight.value.pareto import ParetoNBD

UNIT_DAYS = 7
MOST_TESTED = 60_000  # customers of a back-test: past it, intervals are narrower than any choice needs


@dataclass(frozen=True)
class Forecast:
    """What a model foretells of each customer of a log, in its order. card: what was learned, for the record."""

    p_alive: Numbers
    p_buy: Numbers
    purchases: Numbers
    value: Numbers
    card: dict[str, Any]


@dataclass(frozen=True)
class Tried:
    """How a model foretold the stretch held out."""

    result: Backtest
    calibration: tuple[Bin, ...]


@dataclass(frozen=True)
class Choice:
    """The model taken, and how all did. best: its name; tried: by name; refused: why a model could not be tried.

    reach_days: how long the stretch held out was. simple: the back-of-an-envelope formula on the same stretch.
    """

    best: str
    tried: dict[str, Tried]
    refused: dict[str, str]
    reach_days: float
    simple: Backtest | None


def by_habit(kind: Any) -> Callable[[PurchaseLog, float, float], Forecast]:
    """Foretell with one of the models of habits, and what a purchase is worth with gamma-gamma."""

    def foretell(log: PurchaseLog, end: float, horizon_days: float) -> Forecast:
        x, t_x, T = log.histories(end)
        t_x, T = t_x / UNIT_DAYS, T / UNIT_DAYS
        rhythm = kind().fit(x, t_x, T)
        purchases = rhythm.expected_purchases(horizon_days / UNIT_DAYS, x, t_x, T)
        alive = rhythm.p_alive(x, t_x, T)
        each, spending = worth_of_each(log)
        shape = rhythm.r_ + x
        chance = -alive * np.expm1(-shape * np.log1p(purchases / np.maximum(alive, 1e-12) / shape))
        card: dict[str, Any] = {"rhythm": {**rhythm.parameters_, "log_likelihood": rhythm.log_likelihood_}}
        if spending is not None:
            card["gamma_gamma"] = {**spending.parameters_, "log_likelihood": spending.log_likelihood_}
        return Forecast(alive, chance.clip(0, 1), purchases, purchases * each, card)

    return foretell


def by_hybrid(log: PurchaseLog, end: float, horizon_days: float) -> Forecast:
    """Foretell with habits corrected by trees."""
    rows = {"person_id": log.people[log.person], "when": log.when, "value": log.value}
    model = HybridCLV(horizon_days).fit(rows, end)
    found = model.predict(rows, end)
    card = {
        "scale": model.scale_,
        "scales": list(model.scales_),
        "cuts": len(model.cuts_),
        "rhythm": model.habits_.parameters_,
    }
    return Forecast(found["p_alive"], found["p_buy"], found["expected_purchases"], found["expected_value"], card)


MODELS: dict[str, Callable[[PurchaseLog, float, float], Forecast]] = {
    "bgnbd": by_habit(BGNBD),
    "mbgnbd": by_habit(MBGNBD),
    "pareto": by_habit(ParetoNBD),
    "hybrid": by_hybrid,
}


Foretold: TypeAlias = Callable[[str, PurchaseLog, float, float], Forecast]


def foretold(name: str, log: PurchaseLog, end: float, horizon_days: float) -> Forecast:
    """What the model of that name foretells; the same of the same."""
    return MODELS[name](log, end, horizon_days)


def choose(log: PurchaseLog, end: float, horizon_days: float, foretell: Foretold = foretold) -> Choice:
    """Set everybody back, foretell what is known by now, and take the model that explains most of the value that came.

    The stretch held out is one horizon, or half of what was seen where that is less. What is explained is deviance (see
    `explained`), most for the mean, which is what value is added up from; absolute error would favour forecasts that are
    too low, and squared error leaves the choice to a handful of customers.

    foretell: gives what a model foretells of the past, worked out or known from before: new purchases change what came
    of it, and not what could be told.

    Raises NotEnoughDataError where no model can be tried.
    """
    start = float(log.when.min()) if len(log.when) else end
    reach = min(float(horizon_days), float(np.floor((end - start) / 2)))
    cut = end - reach
    past = some_of(log.before(cut), MOST_TESTED)
    tried: dict[str, Tried] = {}
    refused: dict[str, str] = {}
    bought, spent = happened_in(log, past, cut, end)
    for name in MODELS:
        try:
            found = foretell(name, past, cut, reach)
            tried[name] = Tried(backtest(found.value, spent), calibration(found.p_buy, bought > 0))
        except NotEnoughDataError as error:
            refused[name] = error.args[0]
        except ValueError as error:  # an empty past, or one no model of habits can be put to
            refused[name] = str(error)
    if not tried:
        # Nothing to choose by: the plainest model, which says itself why if it can't be fitted either.
        return Choice("bgnbd", {}, refused, reach, None)
    best = max(tried, key=lambda name: tried[name].result.explained or -np.inf)
    simple = backtest(envelope(past, cut, reach), spent)
    return Choice(best, tried, refused, reach, simple)


def envelope(log: PurchaseLog, end: float, horizon_days: float) -> Numbers:
    """The back-of-an-envelope value of each customer of a log."""
    x, t_x, T = log.histories(end)
    total = np.bincount(log.person, log.value, minlength=len(x))
    return simple_value(x + 1, T + 1, total / (x + 1), T - t_x, horizon=horizon_days)


def worth_of_each(log: PurchaseLog) -> tuple[Numbers, GammaGamma | None]:
    """What a purchase of each customer is expected to be worth; whoever has not bought again spends like the average.

    Where all spend alike, or hardly anyone spends, the average is the best forecast, and nothing if nobody does.
    """
    x = (log.last - log.first).astype(float)
    worth = log.later() / np.maximum(x, 1)
    again = (x > 0) & (worth > 0)
    try:
        spending = GammaGamma().fit(x[again], worth[again]) if again.any() else None
    except NotEnoughDataError:
        spending = None
    if spending is None:
        return np.full(len(x), worth[again].mean() if again.any() else 0.0), None
    return spending.expected_value(np.where(again, x, 0.0), np.where(again, worth, 1.0)), spending


def some_of(log: PurchaseLog, most: int) -> PurchaseLog:
    """The log of at most so many of its people, drawn the same way each time."""
    if len(log.first) <= most:
        return log
    drawn = np.zeros(len(log.first), bool)
    drawn[np.random.default_rng(0).choice(len(log.first), most, replace=False)] = True
    return log.of_people(drawn)
