"""Which model values buyers best: each foretells a stretch already known, and the one that explains most is taken."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias

import numpy as np

from tenure.insight.value.backtest import Backtest, Bin, Span, backtest, calibration, simple_value, spans
from tenure.insight.value.base import Numbers
from tenure.insight.value.bgnbd import BGNBD
from tenure.insight.value.checks import NotEnoughDataError
from tenure.insight.value.gamma_gamma import GammaGamma
from tenure.insight.value.hybrid import HybridCLV, Recall, anew
from tenure.insight.value.log import PurchaseLog, happened_in
from tenure.insight.value.mbgnbd import MBGNBD
from tenure.insight.value.noncontractual import Buying
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
    spans: tuple[Span, ...]


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


class Learned(Protocol):
    """A model of what customers will buy and spend, learned from a log; tells of any later state of the same base."""

    def foretell(self, log: PurchaseLog, end: float, horizon_days: float, recall: Recall = anew) -> Forecast:
        """What it foretells of each customer of the log. recall: as HybridCLV takes it."""

    def as_document(self) -> dict[str, Any]:
        """What was learned, as plain values JSON can hold."""


@dataclass(frozen=True)
class Habit:
    """One of the models of habits, and gamma-gamma for what a purchase is worth.

    spending: None where all spend alike, or hardly anyone spends; a purchase is then worth `each`, the average, or nothing
    if nobody spends.
    """

    rhythm: Buying
    spending: GammaGamma | None
    each: float
    log_likelihoods: tuple[float, float | None]

    @classmethod
    def learn(cls, kind: type[Buying], log: PurchaseLog, end: float, horizon_days: float) -> "Habit":
        x, t_x, T = log.histories(end)
        rhythm = kind().fit(x, t_x / UNIT_DAYS, T / UNIT_DAYS)
        worth = log.later() / np.maximum(x, 1)
        again = (x > 0) & (worth > 0)
        try:
            spending = GammaGamma().fit(x[again], worth[again]) if again.any() else None
        except NotEnoughDataError:
            spending = None
        each = float(worth[again].mean()) if again.any() else 0.0
        return cls(rhythm, spending, each, (rhythm.log_likelihood_, spending.log_likelihood_ if spending else None))

    def foretell(self, log: PurchaseLog, end: float, horizon_days: float, recall: Recall = anew) -> Forecast:
        x, t_x, T = log.histories(end)
        t_x, T = t_x / UNIT_DAYS, T / UNIT_DAYS
        purchases = self.rhythm.expected_purchases(horizon_days / UNIT_DAYS, x, t_x, T)
        alive = self.rhythm.p_alive(x, t_x, T)
        shape = self.rhythm.parameters_["r"] + x
        chance = -alive * np.expm1(-shape * np.log1p(purchases / np.maximum(alive, 1e-12) / shape))
        told, spent = self.log_likelihoods
        card: dict[str, Any] = {"rhythm": {**self.rhythm.parameters_, "log_likelihood": told}}
        if self.spending is not None:
            card["gamma_gamma"] = {**self.spending.parameters_, "log_likelihood": spent}
        return Forecast(alive, chance.clip(0, 1), purchases, purchases * self._worth(log), card)

    def _worth(self, log: PurchaseLog) -> Numbers:
        """What a purchase of each customer is expected to be worth; whoever has not bought again spends like the average."""
        x = (log.last - log.first).astype(float)
        if self.spending is None:
            return np.full(len(x), self.each)
        worth = log.later() / np.maximum(x, 1)
        again = (x > 0) & (worth > 0)
        return self.spending.expected_value(np.where(again, x, 0.0), np.where(again, worth, 1.0))

    def as_document(self) -> dict[str, Any]:
        return {
            "rhythm": self.rhythm.parameters_, "each": self.each, "log_likelihoods": list(self.log_likelihoods),
            "spending": self.spending.given() if self.spending else None,
        }  # fmt: skip

    @classmethod
    def of_document(cls, kind: type[Buying], told: Mapping[str, Any]) -> "Habit":
        rhythm, spent = kind._with(list(told["rhythm"].values())), told["log_likelihoods"]
        spending = told["spending"] and GammaGamma.of(*told["spending"])
        return cls(rhythm, spending, told["each"], (spent[0], spent[1]))


@dataclass(frozen=True)
class Corrected:
    """Habits corrected by trees."""

    model: HybridCLV

    @classmethod
    def learn(cls, log: PurchaseLog, end: float, horizon_days: float) -> "Corrected":
        return cls(HybridCLV(horizon_days).fit(log, end))

    def foretell(self, log: PurchaseLog, end: float, horizon_days: float, recall: Recall = anew) -> Forecast:
        found = self.model.foretell(log, end, recall)
        card = {
            "scale": self.model.scale_,
            "scales": list(self.model.scales_),
            "cuts": len(self.model.cuts_),
            "rhythm": self.model.habits_.parameters_,
        }
        return Forecast(found["p_alive"], found["p_buy"], found["expected_purchases"], found["expected_value"], card)

    def as_document(self) -> dict[str, Any]:
        return self.model.as_document()

    @classmethod
    def of_document(cls, told: Mapping[str, Any]) -> "Corrected":
        return cls(HybridCLV.of_document(told))


_HABITS: dict[str, type[Buying]] = {"bgnbd": BGNBD, "mbgnbd": MBGNBD, "pareto": ParetoNBD}

MODELS: dict[str, Callable[[PurchaseLog, float, float], Learned]] = {
    **{name: partial(Habit.learn, kind) for name, kind in _HABITS.items()},
    "hybrid": Corrected.learn,
}


def of_document(name: str, told: Mapping[str, Any]) -> Learned:
    """A model of that name, of what its `as_document` told."""
    return Habit.of_document(_HABITS[name], told) if name in _HABITS else Corrected.of_document(told)


Foretold: TypeAlias = Callable[[str, PurchaseLog, float, float], Forecast]


def foretold(name: str, log: PurchaseLog, end: float, horizon_days: float) -> Forecast:
    """What the model of that name foretells; the same of the same."""
    return MODELS[name](log, end, horizon_days).foretell(log, end, horizon_days)


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
            tried[name] = Tried(
                backtest(found.value, spent), calibration(found.p_buy, bought > 0), spans(found.value, spent)
            )
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


def some_of(log: PurchaseLog, most: int) -> PurchaseLog:
    """The log of at most so many of its people, drawn the same way each time."""
    if len(log.first) <= most:
        return log
    drawn = np.zeros(len(log.first), bool)
    drawn[np.random.default_rng(0).choice(len(log.first), most, replace=False)] = True
    return log.of_people(drawn)
