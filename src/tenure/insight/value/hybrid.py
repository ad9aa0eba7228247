"""What customers will buy and spend, foretold by a model of buying habits and corrected by what its forecasts missed.

The customers are set back to earlier cuts; there the habits (BTYD, "buy till you die") foretell, and gradient-boosted
trees learn from what then happened: will they buy at all, how much if they do, and at what value.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from scipy.special import expit

from tenure.insight.trees import MANY, Forest
from tenure.insight.value.base import Numbers, ValueModel, frame_like
from tenure.insight.value.checks import NotEnoughDataError
from tenure.insight.value.log import Habits, Known, PurchaseLog, happened_in
from tenure.language import tr

LEAST_CUSTOMERS = 200
LEAST_BUYERS = 50
MOST_ROWS = 60_000  # of each cut that the trees learn from; past it they hardly learn more

Recall: TypeAlias = Callable[[Numbers, Callable[[Numbers], Numbers]], Numbers]


def anew(features: Numbers, work_out: Callable[[Numbers], Numbers]) -> Numbers:
    """Works every row out."""
    return work_out(features)


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
        seen = PurchaseLog.of(log, end)
        start = float(seen.when.min()) if len(seen.when) else end
        reach = min(float(self.horizon), np.floor((end - start) / 2))
        _enough(len(seen.first), reach)
        cuts: list[float] = []
        rows: list[_Lesson] = []
        cut = end - reach
        while not cuts or cut - start >= reach:
            past = seen.before(cut)
            _enough(len(past.first), reach)
            lesson = _Lesson.of(past, cut, reach, happened_in(seen, past, cut, cut + reach))
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
        self._habits = seen.habits(end)
        self.habits_ = self._habits.pareto
        return self

    def predict(self, log: Any, end: float) -> Any:
        """Each customer's forecast after `end`, from the purchases before it; one row a customer, in order of person_id.

        Raises ValueError for a log that can't be, NotEnoughDataError where nobody bought again.
        """
        past = PurchaseLog.of(log, end)
        found = self.foretell(past, end)
        likely = least_absolute_error(found["p_buy"], found["expected_purchases"])
        return frame_like(log, {"person_id": past.people, **found, "likely_purchases": likely})

    def foretell(self, past: PurchaseLog, end: float, recall: Recall = anew) -> dict[str, Numbers]:
        """What `predict` says of each customer of a log, but for likely_purchases, by name.

        The habits are those of the end it was fitted at: customers are told by how the base bought then.
        recall: given features (rows × features) and what works out three numbers of each row from them, gives those
        numbers; it may know rows from before.
        """
        if not hasattr(self, "scale_"):
            raise ValueError("this model has learned nothing yet; call fit(log, end) first")
        known = past.known(end, float(self.horizon), self._habits)
        buying, purchasing, valued = recall(known.features, self._corrections).T
        buys = expit(buying)
        purchases = known.foretold * self.scale_ * np.exp(purchasing)
        value = known.each * np.exp(valued)
        # Nobody is likelier to buy than the purchases expected of them allow.
        buys = np.clip(np.minimum(buys, purchases), 1e-9, 1 - 1e-9)
        return {
            "p_alive": known.p_alive, "p_buy": buys, "expected_purchases": purchases, "expected_value": purchases * value,
        }  # fmt: skip

    def _corrections(self, features: Numbers) -> Numbers:
        """What the trees say of each row: log-odds to buy, log of the correction to purchases and to their value."""
        said = [_raw(trees, features) if trees else np.zeros(len(features)) for trees in self._trees_of.values()]
        return np.column_stack(said)

    @property
    def _trees_of(self) -> dict[str, list[Any]]:
        return {"buys": self._buys, "purchases": self._purchases, "values": self._values}

    def as_document(self) -> dict[str, Any]:
        """What was learned as plain values, for `of_document`: numbers, and trees as LightGBM writes them."""
        return {
            "settings": self.get_params(), "cuts": list(self.cuts_), "scales": list(self.scales_),
            "learned_horizon": self.learned_horizon_, "habits": self._habits.as_document(),
            "trees": {name: [one.model_to_string() for one in trees] for name, trees in self._trees_of.items()},
        }  # fmt: skip

    @classmethod
    def of_document(cls, told: Mapping[str, Any]) -> "HybridCLV":
        """The model `as_document` told of."""
        import lightgbm

        model = cls(**told["settings"])
        model.cuts_, model.scales_ = tuple(told["cuts"]), tuple(told["scales"])
        model.scale_, model.learned_horizon_ = model.scales_[0], told["learned_horizon"]
        model._habits = Habits.of_document(told["habits"])
        model.habits_ = model._habits.pareto
        trees = {name: [lightgbm.Booster(model_str=one) for one in texts] for name, texts in told["trees"].items()}
        model._buys, model._purchases, model._values = (trees[name] for name in ("buys", "purchases", "values"))
        return model

    def _learn(self, lessons: list["_Lesson"]) -> None:
        features = np.concatenate([lesson.known.features for lesson in lessons])
        bought = np.concatenate([lesson.bought for lesson in lessons])
        spent = np.concatenate([lesson.spent for lesson in lessons])
        # Foretold by habits and scaled by what the latest cut saw: the trees only tell customers from each other.
        foretold = np.log(np.concatenate([lesson.known.foretold * lesson.scale for lesson in lessons]))
        each = np.concatenate([lesson.known.each for lesson in lessons])
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
class _Lesson:
    """A cut's customers: what was known of them, and what they then bought and spent within the horizon.

    scale: what happened over what habits foretold.
    """

    known: Known
    bought: Numbers
    spent: Numbers
    scale: float

    @classmethod
    def of(cls, past: PurchaseLog, cut: float, reach: float, happened: tuple[Numbers, Numbers]) -> "_Lesson":
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


def _enough_buyers(buyers: int, past: PurchaseLog, reach: float) -> None:
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
    many = len(features) >= MANY
    said = [
        Forest(one.model_to_string()).score(features) if many else one.predict(features, raw_score=True)
        for one in trees
    ]
    found: Numbers = np.mean(said, axis=0)
    return found
