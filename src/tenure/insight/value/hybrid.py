"""What customers will buy and spend, foretold by a model of buying habits and corrected by what its forecasts missed.

The customers are set back to earlier cuts; there the habits (BTYD, "buy till you die") foretell, and gradient-boosted
trees learn from what then happened: will they buy at all, how much if they do, and at what value.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from tenure.insight.value.base import Numbers, ValueModel, columns, frame_like
from tenure.insight.value.checks import NotEnoughDataError
from tenure.insight.value.gamma_gamma import GammaGamma
from tenure.insight.value.mbgnbd import MBGNBD
from tenure.insight.value.pareto import ParetoNBD
from tenure.language import tr

LEAST_CUSTOMERS = 200
LEAST_BUYERS = 50
MOST_ROWS = 60_000  # of each cut that the trees learn from; past it they hardly learn more
RECENT = (0.1, 0.2, 1 / 3)  # of a horizon before the cut: how often a customer bought lately


class HybridCLV(ValueModel):
    """Foretells purchases and value over a horizon, learning from earlier cuts what habits alone get wrong.

    horizon: how far to foretell, in the unit of `when`. rounds, leaves, rate, seeds: of the boosted trees; seeds are
    averaged. most_rows: customers of a cut that the trees learn from.

    `fit(log, end)`: one row a purchase: person_id, when (a number in any unit of time; two purchases in one period are
    one), value (money). end: the end of what was seen. Nothing at or after `end` is read.

    Cuts: the latest is one horizon before `end`; where less than two horizons were seen, half of what was seen is
    foretold from the other half (`learned_horizon_`), and times are told in horizons, so that forecast and lesson look
    alike. Earlier cuts follow while at least as much was seen before them as after. Scale, trees and habits all come from
    these cuts.

    `predict(log, end)` gives a row a customer, of the kind of frame the log is: person_id, p_alive, p_buy (at least one
    purchase), expected_purchases, expected_value, likely_purchases.

    Two forecasts, for two uses: expected_* are means, to add up and to weigh spending by. likely_purchases is the whole
    number with the least absolute error among forecasts that add up to the same total: each customer's quantile at one
    level common to all, 0 for most who bought once.

    Fitted: cuts_, learned_horizon_, scale_ (what happened over what habits foretold, at the latest cut), scales_ (the
    same at every cut), habits_ (the ParetoNBD at `end`).
    """

    COLUMNS: ClassVar[tuple[str, ...]] = ("person_id", "when", "value")

    def __init__(
        self, horizon: float = 365, *, rounds: int = 90, leaves: int = 3, rate: float = 0.03, seeds: int = 3,
        most_rows: int = MOST_ROWS,
    ) -> None:  # fmt: skip
        self.horizon = horizon
        self.rounds = rounds
        self.leaves = leaves
        self.rate = rate
        self.seeds = seeds
        self.most_rows = most_rows

    def fit(self, log: Any, end: float) -> "HybridCLV":
        """Learn from the purchases before `end`.

        Raises NotEnoughDataError (also a ValueError) where too few customers bought before the latest cut or after it.
        """
        if not (np.isfinite(self.horizon) and self.horizon > 0):
            raise ValueError(f"horizon must be above 0, in the unit of `when`; found {self.horizon}")
        seen = _Log.of(log, end)
        start = float(seen.when.min()) if len(seen.when) else end
        reach = min(float(self.horizon), np.floor((end - start) / 2))
        _enough(len(seen.first), reach)
        cuts, rows = [], []
        cut = end - reach
        while not cuts or cut - start >= reach:
            past = seen.before(cut)
            _enough(len(past.first), reach)
            lesson = _Lesson.of(past, cut, reach, _happened(seen, past, cut, cut + reach))
            if len(cuts) and lesson.buyers < LEAST_BUYERS:
                break
            _enough_buyers(lesson.buyers, past, reach)
            cuts.append(cut)
            rows.append(lesson.thinned(self.most_rows))
            cut -= reach / 2
        self.cuts_, self.learned_horizon_ = tuple(cuts), reach
        self.scales_ = tuple(lesson.scale for lesson in rows)
        self.scale_ = self.scales_[0]
        self._learn(rows)
        self.habits_ = seen.habits(end).pareto
        return self

    def predict(self, log: Any, end: float) -> Any:
        """Each customer's forecast after `end`, from the purchases before it; one row a customer, in order of person_id.

        Raises ValueError for a log that can't be, NotEnoughDataError where nobody bought again.
        """
        if not hasattr(self, "scale_"):
            raise ValueError("this model has learned nothing yet; call fit(log, end) first")
        past = _Log.of(log, end)
        known = past.known(end, float(self.horizon))
        buys = expit(_raw(self._buys, known.features))
        purchases = known.foretold * self.scale_ * np.exp(_raw(self._purchases, known.features))
        value = known.each * np.exp(_raw(self._values, known.features)) if self._values else known.each
        # Nobody is likelier to buy than the purchases expected of them allow.
        buys = np.clip(np.minimum(buys, purchases), 1e-9, 1 - 1e-9)
        return frame_like(
            log,
            {
                "person_id": past.people,
                "p_alive": known.p_alive,
                "p_buy": buys,
                "expected_purchases": purchases,
                "expected_value": purchases * value,
                "likely_purchases": least_absolute_error(buys, purchases),
            },
        )

    def _learn(self, lessons: list["_Lesson"]) -> None:
        features = np.concatenate([lesson.known.features for lesson in lessons])
        bought = np.concatenate([lesson.bought for lesson in lessons])
        spent = np.concatenate([lesson.spent for lesson in lessons])
        # Foretold by habits and scaled by what the latest cut saw: the trees only tell customers from each other.
        foretold = np.log(np.concatenate([lesson.known.foretold * lesson.scale for lesson in lessons]))
        each = np.concatenate([lesson.known.each for lesson in lessons])
        logit(np.concatenate([lesson.known.chance(lesson.scale) for lesson in lessons]))
        self._buys = self._trees("binary", features, (bought > 0).astype(float), rounds=3 * self.rounds)
        self._purchases = self._trees("poisson", features, bought, offset=foretold)
        worth = (bought > 0) & (spent > 0) & (each > 0)
        self._values = (
            self._trees(
                "gamma", features[worth], spent[worth] / bought[worth], offset=np.log(each[worth]), weight=bought[worth]
            )
            if worth.sum() >= LEAST_BUYERS
            else []
        )

    def _trees(
        self, objective: str, features: Numbers, label: Numbers, *, offset: Numbers | None = None,
        weight: Numbers | None = None, rounds: int | None = None,
    ) -> list[Any]:  # fmt: skip
        import lightgbm

        settings = {
            "objective": objective, "learning_rate": self.rate, "num_leaves": self.leaves, "lambda_l2": 10,
            "min_data_in_leaf": max(20, min(300, len(label) // 40)), "feature_fraction": 0.6, "bagging_fraction": 0.7,
            "bagging_freq": 1, "verbose": -1, "deterministic": True, "force_row_wise": True,
        }  # fmt: skip
        found = []
        for seed in range(self.seeds):
            data = lightgbm.Dataset(features, label, init_score=offset, weight=weight, free_raw_data=True)
            found.append(lightgbm.train(settings | {"seed": seed}, data, rounds or self.rounds))
        return found

    def _likeness(self) -> str:
        return f"{len(self.cuts_)} cuts, scale {self.scale_:.4g}" if hasattr(self, "scale_") else ""


def least_absolute_error(p_buy: Any, expected: Any, total: float | None = None) -> Numbers:
    """Whole-number forecasts with the least absolute error among those that add up to `total`.

    p_buy: chance of at least one purchase. expected: mean purchases; past the first, purchases are taken as geometric.
    total: the sum of `expected` where left out.

    Minimising Σ E|y - f| for a given Σ f makes P(y ≤ f) the same for everyone (the multiplier of the constraint), so f
    is each customer's quantile at one common level, which is searched for.
    """
    buy, mean = np.asarray(p_buy, float), np.asarray(expected, float)
    wanted = float(mean.sum()) if total is None else total
    if wanted <= 0:
        return np.zeros(len(mean))
    again = np.log(np.clip(1 - buy / np.maximum(mean, 1e-300), 1e-9, None))  # ln P(one more | one more reached)
    log_buy = np.log(np.maximum(buy, 1e-300))

    def at(log_beyond: float) -> Numbers:
        """The largest k with P(y ≥ k) above e^log_beyond."""
        found: Numbers = np.where(log_buy > log_beyond, np.ceil((log_beyond - log_buy) / again), 0)
        return found

    low, high = -700.0, 0.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if at(middle).sum() > wanted else (low, middle)
    return at(high)


@dataclass(frozen=True)
class _Habits:
    pareto: ParetoNBD
    coins: MBGNBD
    spending: GammaGamma | None


@dataclass(frozen=True)
class _Known:
    """What is known of each customer at a cut. foretold: purchases by habit; each: value of one of them."""

    features: Numbers
    foretold: Numbers
    each: Numbers
    p_alive: Numbers
    shape: Numbers

    def some(self, rows: NDArray[np.intp]) -> "_Known":
        return _Known(self.features[rows], self.foretold[rows], self.each[rows], self.p_alive[rows], self.shape[rows])

    def chance(self, scale: float) -> Numbers:
        """Chance of at least one purchase by habit: of those still active, with their rate known as gamma of this shape."""
        if_active = np.log1p(self.foretold * scale / (self.p_alive.clip(1e-12) * self.shape))
        chance: Numbers = (-self.p_alive * np.expm1(-self.shape * if_active)).clip(1e-9, 1 - 1e-9)
        return chance


@dataclass(frozen=True)
class _Log:
    """Purchases by person and time. first: where each person's begin; people: whose they are."""

    person: NDArray[np.intp]
    when: Numbers
    value: Numbers
    first: NDArray[np.intp]
    people: Any

    @classmethod
    def of(cls, log: Any, end: float) -> "_Log":
        when, value = columns(log, ("when", "value"))
        who = np.asarray(log["person_id"])
        if not np.isfinite(when).all():
            raise ValueError("when must be a finite number in every row; drop the rows without a time first")
        if not np.isfinite(value).all():
            raise ValueError("value must be a finite number in every row; fill or drop the rows without one first")
        when = np.floor(when)
        seen = when < end
        people, person = np.unique(who[seen], return_inverse=True)
        order = np.lexsort((when[seen], person))
        person, when, value = person[order], when[seen][order], value[seen][order]
        new = np.ones(len(person), bool)
        new[1:] = (person[1:] != person[:-1]) | (when[1:] != when[:-1])
        at = np.flatnonzero(new)
        value = np.add.reduceat(value, at) if len(at) else value
        return cls._made(person[at], when[at], value, people)

    @classmethod
    def _made(cls, person: NDArray[np.intp], when: Numbers, value: Numbers, people: Any) -> "_Log":
        return cls(person, when, value, np.flatnonzero(np.diff(person, prepend=-1)), people)

    def before(self, cut: float) -> "_Log":
        past = self.when < cut
        there, person = np.unique(self.person[past], return_inverse=True)
        return self._made(person, self.when[past], self.value[past], self.people[there])

    @property
    def _last(self) -> NDArray[np.intp]:
        return np.append(self.first[1:], len(self.when)) - 1

    def histories(self, cut: float) -> tuple[Numbers, Numbers, Numbers]:
        """x, t_x and T of each person at the cut; the last day seen is the one before it."""
        begun = self.when[self.first]
        return (self._last - self.first).astype(float), self.when[self._last] - begun, np.maximum(cut - 1 - begun, 0)

    def habits(self, cut: float) -> _Habits:
        x, t_x, T = self.histories(cut)
        later = self._later()
        used = (x > 0) & (later > 0)
        try:
            spending = GammaGamma().fit(x[used], later[used] / x[used]) if used.sum() > 1 else None
        except NotEnoughDataError:
            spending = None
        return _Habits(ParetoNBD().fit(x, t_x, T), MBGNBD().fit(x, t_x, T), spending)

    def _later(self) -> Numbers:
        """What each person's purchases after the first were worth."""
        total = np.bincount(self.person, self.value, minlength=len(self.first))
        return np.asarray(total - self.value[self.first])

    def known(self, cut: float, horizon: float) -> _Known:
        """Features at the cut, with times in horizons and values in those of the average purchase."""
        habits = self.habits(cut)
        x, t_x, T = self.histories(cut)
        pareto = habits.pareto.expected_purchases(horizon, x, t_x, T)
        coins = habits.coins.expected_purchases(horizon, x, t_x, T)
        p_alive = habits.pareto.p_alive(x, t_x, T)
        typical = max(float(self.value.mean()), 1e-9)
        later = self._later()
        if habits.spending is not None:
            again = (x > 0) & (later > 0)
            each = habits.spending.expected_value(np.where(again, x, 0), np.where(again, later / np.maximum(x, 1), 1))
        else:
            each = np.full(len(x), max(typical, 0.0))
        size = np.maximum(self.value, 0) / typical
        gap = np.diff(self.when, prepend=0)[self._last]
        recent = [np.bincount(self.person[self.when >= cut - share * horizon], minlength=len(x)) for share in RECENT]
        features = np.column_stack(
            [
                x, T / horizon, t_x / np.maximum(T, 1e-9), np.where(x > 0, gap / np.maximum(T, 1e-9), np.nan), *recent,
                p_alive, np.log(pareto), habits.coins.p_alive(x, t_x, T), np.log(coins),
                np.log1p(np.bincount(self.person, size, minlength=len(x)) / (x + 1)),
                np.log1p(size[self.first]), np.log1p(np.maximum.reduceat(size, self.first)), np.log(np.maximum(each, 1e-9) / typical),
            ]
        )  # fmt: skip
        return _Known(features, np.maximum(pareto, 1e-12), np.maximum(each, 0), p_alive, habits.pareto.r_ + x)


@dataclass(frozen=True)
class _Lesson:
    """A cut's customers: what was known of them, and what they then bought and spent within the horizon.

    scale: what happened over what habits foretold.
    """

    known: _Known
    bought: Numbers
    spent: Numbers
    scale: float

    @classmethod
    def of(cls, past: _Log, cut: float, reach: float, happened: tuple[Numbers, Numbers]) -> "_Lesson":
        known = past.known(cut, reach)
        return cls(known, *happened, float(happened[0].sum() / known.foretold.sum()))

    @property
    def buyers(self) -> int:
        return int((self.bought > 0).sum())

    def thinned(self, most: int) -> "_Lesson":
        if len(self.bought) <= most:
            return self
        some = np.sort(np.random.default_rng(0).choice(len(self.bought), most, replace=False))
        return _Lesson(self.known.some(some), self.bought[some], self.spent[some], self.scale)


def _happened(seen: _Log, past: _Log, since: float, until: float) -> tuple[Numbers, Numbers]:
    """Purchases, and what they were worth, of the past's people from `since` to before `until`."""
    within = (seen.when >= since) & (seen.when < until)
    place = np.searchsorted(past.people, seen.people)
    place = np.where(np.append(past.people, past.people[:1])[place] == seen.people, place, -1)[seen.person[within]]
    known = place >= 0
    count = len(past.people)
    bought = np.bincount(place[known], minlength=count).astype(float)
    return bought, np.bincount(place[known], seen.value[within][known], minlength=count)


def _enough(customers: int, reach: float) -> None:
    if customers < LEAST_CUSTOMERS or reach <= 0:
        raise NotEnoughDataError(
            tr(
                "Not enough data to learn from earlier forecasts, because only {count} customers had bought by the date "
                "learned from; {least} are the least. Use a model of habits alone, or wait.",
                count=customers,
                least=LEAST_CUSTOMERS,
            )
        )


def _enough_buyers(buyers: int, past: _Log, reach: float) -> None:
    if buyers < LEAST_BUYERS:
        raise NotEnoughDataError(
            tr(
                "Not enough data to learn from earlier forecasts, because only {buyers} of {count} customers bought "
                "again in the stretch learned from; {least} are the least. Use a model of habits alone, or wait.",
                buyers=buyers,
                count=len(past.first),
                least=LEAST_BUYERS,
            )
        )


def _raw(trees: list[Any], features: Numbers) -> Numbers:
    found: Numbers = np.mean([one.predict(features, raw_score=True) for one in trees], axis=0)
    return found
