"""The churn model: a blend of a linear and a tree learner whose every score can be taken apart column by column."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tenure.errors import TenureError
from tenure.insight.churn import files, guards, wholes
from tenure.insight.churn.blending import among_latest, level, stretched, weights_of
from tenure.insight.churn.boosting import Boosting
from tenure.insight.churn.chances import platt
from tenure.insight.churn.columns import (
    Design,
    Floats,
    Reading,
    design,
    kind_of,
    numbers,
    ordered_rates,
    rates,
    to_table,
)
from tenure.insight.churn.drivers import by_driver
from tenure.insight.churn.estimator import Estimator
from tenure.insight.churn.folds import spread
from tenure.insight.churn.linear import Logistic, logistic, signed
from tenure.insight.churn.reasons import written_out
from tenure.insight.churn.scores import auc
from tenure.insight.churn.telling import MOST_COLUMNS, Telling
from tenure.insight.trees import Forest
from tenure.language import Words, tr

_DRIVER_ROWS = 2_000
_CHOICES = 3  # times columns are chosen among very many, so that the choice is seen from outside
LESS = Words("of so many columns, others tell more", "列过多，其他列更有信息")
_SETTINGS = (
    "folds", "rounds", "leaves", "rate", "tree_seeds", "strength", "most_rows", "allow", "monotone", "seed",
)  # fmt: skip


class ChurnModel(Estimator):
    """The chance that a customer leaves, with the columns that raise it, from any table with one row a customer.

    `fit(X, y)`: X is a pandas, Polars or Arrow frame or a NumPy array, columns of any type, blanks allowed; y says
    who left (booleans, 0/1, Yes/No). Columns nothing can be learned from are dropped (`dropped_`); a category not
    seen in training counts as none.

    The score is `a + b * linear + c * trees` in log-odds: a regularised logistic regression on one-hot categories and
    piecewise-linear numbers, and gradient-boosted trees of a few leaves (LightGBM), a, b and c ≥ 0 learned from
    out-of-fold scores of the training rows, so the blend is calibrated without touching any other row; `outside_` has
    them, in log-odds (not kept with a saved model). How long the trees grow is chosen by the same folds. The same rows,
    settings and seed give the same model.

    Many categories, and whole numbers that turn out to be codes (`is_code` of columns.py), are also read by how often
    each left: a row learned from by the rows before it in a random order, a row scored by all of them. Columns that by
    their names are parts of one whole are also read as their sum, where it tells more (`wholes.py`). Of more than
    MOST_COLUMNS columns it learns from those that alone tell most (`telling.py`).

    folds: of the cross-fitting inside `fit`. rounds: of boosting at most. leaves, rate: of each tree.
    tree_seeds: how many boosted models are averaged. strength: of the linear part's penalty, smaller is stronger.
    most_rows: beyond it a random sample is learned from.
    allow: columns let past the guard against disguised outcomes. monotone: for numbers of which the sign is known, 1
    where more may only raise the risk, -1 where it may only lower it; other columns it names are passed over. Blanks
    are neither more nor less.

    Raises TenureError where the outcome has one value, there is too little data, a column is the outcome in disguise,
    or nothing usable is left.
    """

    classes_: NDArray[Any]
    feature_names_in_: NDArray[Any]
    n_features_in_: int
    dropped_: dict[str, Words]
    rounds_: int
    baseline_: float
    outside_: Floats

    def __init__(
        self,
        *,
        folds: int = 5,
        rounds: int = 1000,
        leaves: int = 7,
        rate: float = 0.02,
        tree_seeds: int = 1,
        strength: float = 1.0,
        most_rows: int = 200_000,
        allow: Sequence[str] = (),
        monotone: Mapping[str, int] | None = None,
        seed: int = 0,
    ) -> None:
        self.folds = folds
        self.rounds = rounds
        self.leaves = leaves
        self.rate = rate
        self.tree_seeds = tree_seeds
        self.strength = strength
        self.most_rows = most_rows
        self.allow = allow
        self.monotone = monotone
        self.seed = seed

    def _names(self) -> tuple[str, ...]:
        return _SETTINGS

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "baseline_")

    # -- learning ----------------------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any, groups: Any = None, latest: Any = None) -> "ChurnModel":
        """Learn who leaves. X: one row a customer; y: whether each left.

        groups: where customers come several times (at several dates), whose row each is: all rows of one customer
        go into the same fold, so that nobody is predicted from another row of their own.
        latest: which rows are of the latest date, to whose level and spread the chances are brought, by the scores those
        rows got when they were left out. Two outcomes must be among them.
        """
        table = to_table(X)
        if table.num_columns > MOST_COLUMNS:
            return self._fit_some_columns(table, y, groups, latest)
        for name, sign in (self.monotone or {}).items():
            if sign not in (-1, 0, 1):
                raise ValueError(f"monotone: {name} has {sign!r}; 1, -1 or 0 was expected")
        y01, self.classes_ = guards.outcome(y)
        if len(y01) != table.num_rows:
            raise ValueError(f"X has {table.num_rows} rows and y has {len(y01)}; they must be the same customers")
        guards.enough(y01)
        self.feature_names_in_ = np.asarray(table.column_names, dtype=object)
        self.n_features_in_ = table.num_columns
        groups = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
        kept = self._sample(len(y01))
        if kept is not None:
            table, y01 = table.take(pa.array(kept)), y01[kept]
            groups = None if groups is None else np.unique(groups[kept], return_inverse=True)[1]
            guards.enough(y01)
        now = among_latest(latest, len(y01), kept)
        folds = spread(y01, self._fold_count(len(y01)), self.seed, groups)
        self.dropped_ = guards.unusable(table)
        table = table.drop_columns(list(self.dropped_))
        guards.refuse(guards.suspects(table, y01, folds, self.allow))
        if not table.num_columns:
            raise guards.UnfitDataError(
                tr(
                    "No column is left to learn from: {columns}.",
                    columns="; ".join(f"{name}: {why}" for name, why in self.dropped_.items()) or tr("there was none"),
                )
            )
        kinds = {name: kind_of(table[name]) for name in table.column_names}

        # How columns are read is learned once: but for the rates of categories, and for which numbers are codes, outcomes
        # have no say in it.
        self._readings, learned = self._read(table, kinds, y01, folds, groups)
        rated = any(reading.rates for reading in self._readings)
        whole = self._linear(learned, y01)
        boosting = Boosting(
            self.leaves, self.rate, self.rounds, self.seed,
            [sign for reading in self._readings for sign in reading.tree_signs],
        )  # fmt: skip
        data = boosting.binned(learned.trees, y01)
        linear, trees = np.zeros(len(y01)), np.zeros(len(y01))
        grown = []
        for fold in range(int(folds.max()) + 1):
            inside = folds != fold
            seen = self._told_by(inside, table, learned, y01, groups) if rated else learned
            linear[~inside] = self._linear(seen, y01, among=inside, near=whole).score(seen.linear[~inside])
            grown.append((fold, *boosting.tried(boosting.binned(seen.trees, y01) if rated else data, inside), seen))
        self.rounds_ = int(np.median([best for _, _, best, _ in grown]))
        for fold, booster, _, seen in grown:
            trees[folds == fold] = boosting.outside(booster, seen.trees[folds == fold], self.rounds_)
        del grown

        self._coefficients = whole.coefficients
        self._centre = learned.linear.mean(axis=0)
        self._trees = [boosting.grown(data, self.rounds_, number) for number in range(self.tree_seeds)]
        # The level is learned last, from the centred parts, so that it is right for the model that is kept.
        self._weights = weights_of(linear, trees, y01)
        if now is not None:
            stretch = stretched(self._weights[0] * linear[now] + self._weights[1] * trees[now], y01[now])[1]
            self._weights = (self._weights[0] * stretch, self._weights[1] * stretch)
        self.baseline_ = 0.0
        # A row is scored by what all rows told of its categories, itself among them: not as it was learned from.
        given = design(table, self._readings) if rated else learned
        self.baseline_, self.outside_ = level(self._score(given), linear, trees, self._weights, y01, now)
        some = np.random.default_rng(self.seed).permutation(len(y01))[:_DRIVER_ROWS]
        parts = self._parts(given.among(some))
        effect = np.abs(parts - parts.mean(axis=0)).mean(axis=0)
        self._drivers = [float(value) for value in effect]
        return self

    def _fit_some_columns(self, table: pa.Table, y: Any, groups: Any, latest: Any) -> "ChurnModel":
        """Learn from those of very many columns that alone tell most.

        They are chosen anew on each fold, and the level and spread of the chances learned from the rows left out, so
        that columns which only seem to tell are not believed.
        """
        left, _ = guards.outcome(y)
        if len(left) != table.num_rows:
            raise ValueError(f"X has {table.num_rows} rows and y has {len(left)}; they must be the same customers")
        guards.enough(left)
        kept = self._sample(len(left))
        some, told = (table, left) if kept is None else (table.take(pa.array(kept)), left[kept])
        guards.enough(told)
        dropped = guards.unusable(some)
        usable = some.drop_columns(list(dropped))
        of = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
        of = of if of is None or kept is None else np.unique(of[kept], return_inverse=True)[1]
        folds = spread(told, _CHOICES, self.seed, of)
        telling = Telling(usable, {name: kind_of(usable[name]) for name in usable.column_names}, self.seed)
        outside = np.zeros(len(told))
        for fold in range(int(folds.max()) + 1):
            inside = folds != fold
            chosen = usable.select(telling.most(told, inside))
            mine = None if of is None else of[inside]
            model = ChurnModel(**self.get_params())
            model.fit(chosen.filter(pa.array(inside)), told[inside].astype(int), mine)
            outside[~inside] = model.decision_function(chosen.filter(pa.array(~inside)))
        names = telling.most(told, np.ones(len(told), bool))
        self.fit(table.select(names), y, groups)
        self.dropped_ = dropped | {name: LESS for name in usable.column_names if name not in names} | self.dropped_
        self.feature_names_in_ = np.asarray(table.column_names, dtype=object)
        self.n_features_in_ = table.num_columns
        now = among_latest(latest, len(told), kept)
        shift, stretch = platt(outside, told) if now is None else platt(outside[now], told[now])
        self.baseline_ = shift + stretch * self.baseline_
        self._weights = (self._weights[0] * stretch, self._weights[1] * stretch)
        self.outside_ = shift + stretch * outside
        return self

    def calibrate(self, X: Any, y: Any) -> "ChurnModel":
        """Bring the probabilities to the level and spread of later rows, which `fit` must not have seen.

        The order of customers and their reasons stay as they are.
        """
        y01, _ = guards.outcome(y)
        guards.enough(y01)
        shift, stretch = stretched(self.decision_function(X), y01)
        self.baseline_ = shift + stretch * self.baseline_
        self._weights = (self._weights[0] * stretch, self._weights[1] * stretch)
        return self

    def _sample(self, rows: int) -> NDArray[np.int64] | None:
        if rows <= self.most_rows:
            return None
        return np.sort(np.random.default_rng(self.seed).permutation(rows)[: self.most_rows])

    def _fold_count(self, rows: int) -> int:
        return self.folds if rows <= 20_000 else min(self.folds, 3)

    def _read(
        self, table: pa.Table, kinds: dict[str, Any], y: Floats, folds: NDArray[np.int64],
        groups: NDArray[np.int64] | None,
    ) -> tuple[list[Reading], Design]:  # fmt: skip
        """Learn how to read each column, and the matrices of the rows learned from."""
        readings, own = [], {}
        for name in table.column_names:
            column = table[name]
            # A column may be blank in all of a fold's rows, though not in all rows.
            if kinds[name] == "number" and np.isnan(numbers(column)).all():
                continue
            sign = (self.monotone or {}).get(name, 0) if kinds[name] == "number" else 0
            reading = Reading.learn(name, kinds[name], column, y, sign=sign, folds=folds)
            readings.append(reading)
            if reading.rates:
                own[name] = ordered_rates(reading.codes(column), y, len(reading.rates), self.seed + 1, groups)
        amounts = [reading.name for reading in readings if reading.kind == "number" and not reading.rates]
        readings += wholes.telling(table, y, folds, self.monotone or {}, amounts)
        return readings, design(table, readings, own)

    def _linear(self, learned: Design, y: Floats, **how: Any) -> Logistic:
        from threadpoolctl import threadpool_limits

        # Matrices this small are sooner multiplied by one than shared between two that wait on each other.
        with threadpool_limits(1, user_api="blas"):
            found = logistic(learned.linear, y, self.strength, **how)
            signs = learned.sloped(self._readings)
            if (found.coefficients[signs] < 0).any():
                rows = how.get("among", np.ones(len(y), bool))
                found = signed(found, learned.linear, y, self.strength, rows, signs)
            return found

    def _told_by(
        self, inside: NDArray[np.bool_], table: pa.Table, learned: Design, y: Floats, groups: NDArray[np.int64] | None
    ) -> Design:
        """The matrices with each category's rate as the rows inside tell it: those by each other, the rest by them all."""
        own = {}
        people = None if groups is None else groups[inside]
        for reading in self._readings:
            if reading.rates:
                codes = reading.codes(table[reading.name])
                told = np.append(rates(codes[inside], y[inside], len(reading.rates)), 0.0)[codes]
                told[inside] = ordered_rates(codes[inside], y[inside], len(reading.rates), self.seed + 1, people)
                own[reading.name] = told
        return learned.rated(own, self._readings)

    # -- scoring -----------------------------------------------------------------------------------------------------

    def decision_function(self, X: Any) -> Floats:
        """The score of each row, in log-odds."""
        return self._score(design(self._given(X), self._readings))

    def _score(self, given: Design) -> Floats:
        linear = (given.linear - self._centre) @ self._coefficients
        trees = np.mean([forest.score(given.trees) - forest.level for forest in self._forests()], axis=0)
        return np.asarray(self.baseline_ + self._weights[0] * linear + self._weights[1] * trees, dtype=np.float64)

    def predict_proba(self, X: Any) -> Floats:
        """The chance of staying and of leaving, one row a customer: shape (n, 2)."""
        leaving = 1.0 / (1.0 + np.exp(-self.decision_function(X)))
        return np.column_stack([1.0 - leaving, leaving])

    def predict(self, X: Any) -> NDArray[Any]:
        """The likelier outcome of each row, as `y` was written."""
        leaves = self.decision_function(X) > 0
        return np.asarray(self.classes_[leaves.astype(int)])

    def score(self, X: Any, y: Any) -> float:
        """The AUC on these rows: where few leave, the share told right is high for whoever says that nobody does."""
        return auc(guards.outcome(y)[0], self.decision_function(X))

    def contributions(self, X: Any) -> Floats:
        """What each column adds to each row's score, in log-odds: shape (n, columns of X as fitted).

        `baseline_ + contributions(X).sum(axis=1)` is the score. The linear part is exact against the average
        customer, the trees' part is their Shapley values; a dropped column adds nothing.
        """
        parts = self._parts(design(self._given(X), self._readings))
        found = np.zeros((len(parts), len(self.feature_names_in_)))
        places = {name: place for place, name in enumerate(self.feature_names_in_)}
        for number, reading in enumerate(self.readings):
            found[:, places[reading.name]] = parts[:, number]
        return found

    def explained(self, rows: int) -> int:
        """Of so many rows, how many are told reasons: all, for scores are taken apart as they are made."""
        return rows

    def reasons(self, X: Any, top: int = 3, *, currency: str = "") -> list[list[dict[str, Any]]]:
        """What raises each row's risk most, strongest first: dicts of feature, driver, effect (log-odds,
        above 0), en, zh.

        currency: of money; without it, money is written with two digits and no sign.
        """
        return [json.loads(each) for each in self.told(X, top, currency=currency)[1]]

    def told(self, X: Any, top: int = 3, *, currency: str = "") -> tuple[Floats, list[str]]:
        """The chance of leaving of each row, and its reasons as `reasons` gives them, as JSON: both in one look.

        Raises TenureError where a column learned from is missing.
        """
        chance, said, _ = self.opened(X, top, currency=currency)
        return chance, said

    def opened(self, X: Any, top: int = 3, *, currency: str = "") -> tuple[Floats, list[str], Floats]:
        """What `told` gives, and what each driver adds to each score in log-odds: shape (n, `drivers.CODES`).

        `baseline_` and the drivers of a row add up to its score.
        """
        table = self._given(X)
        given = design(table, self._readings)
        parts = self._parts(given)
        chance = 1.0 / (1.0 + np.exp(-self._score(given)))
        said = written_out(parts, table, list(self.readings), top, currency=currency)
        return chance, said, by_driver(parts, [reading.name for reading in self.readings])

    @property
    def readings(self) -> tuple[Reading, ...]:
        """How each column that is learned from is read, sums of several left out."""
        return tuple(reading for reading in self._readings if not reading.parts)

    def drivers(self, top: int = 10) -> list[dict[str, Any]]:
        """The columns that move scores most on the rows learned from: feature and mean absolute effect in log-odds.

        They say what the model reads, not what causes anyone to leave.
        """
        pairs = zip((reading.name for reading in self.readings), self._drivers, strict=True)
        ordered = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
        return [{"feature": name, "effect": effect} for name, effect in ordered[:top] if effect > 0]

    def _given(self, X: Any) -> pa.Table:
        """The rows to score, with the columns learned from; others are passed over."""
        if not self.__sklearn_is_fitted__():
            raise guards.not_learned()
        table = to_table(X)
        if not hasattr(X, "columns") and table.num_columns != self.n_features_in_:
            # Columns without names are known by their place alone.
            raise ValueError(
                f"X has {table.num_columns} features, but ChurnModel is expecting {self.n_features_in_} features as input"
            )
        missing = [reading.name for reading in self.readings if reading.name not in table.column_names]
        if missing:
            raise TenureError(
                tr(
                    "The rows to score lack columns the model learned from: {missing}. They have: {present}.",
                    missing=", ".join(missing),
                    present=", ".join(table.column_names),
                )
            )
        return table

    def _parts(self, given: Design) -> Floats:
        """What each column adds to each row's score, what a sum adds split between its parts: shape (n, `readings`)."""
        linear = (given.linear - self._centre) * self._coefficients * self._weights[0]
        shapley = np.mean([forest.shapley(given.trees) for forest in self._forests()], axis=0)
        found = np.zeros((len(linear), len(self._readings)))
        _gather(found, linear, given.linear_from)
        _gather(found, shapley * self._weights[1], given.trees_from)
        columns = [reading.name for reading in self.readings]  # sums come after them
        for place, shares in given.shares.items():
            for part, share in zip(self._readings[place].parts, shares.T, strict=True):
                found[:, columns.index(part)] += share * found[:, place]
        return found[:, : len(columns)]

    def _forests(self) -> list[Forest]:
        if not hasattr(self, "_planted"):
            self._planted = [Forest(text) for text in self._trees]
        return self._planted

    # -- keeping -----------------------------------------------------------------------------------------------------

    def save(self, folder: Path | str) -> Path:
        """Write the model into a folder as text and JSON with a checksum for each file; returns the folder."""
        return files.write(Path(folder), self.to_texts())

    def to_texts(self) -> dict[str, str]:
        """What `save` writes: the files' names and what is in them."""
        kept = {
            "kind": "tenure churn model",
            "version": 1,
            "settings": {
                **self.get_params(),
                "allow": list(self.allow),
                "monotone": dict(self.monotone) if self.monotone else None,
            },
            "classes": self.classes_.tolist(),
            "columns": [str(name) for name in self.feature_names_in_],
            "dropped": {name: [why.en, why.zh] for name, why in self.dropped_.items()},
            "rounds": self.rounds_,
            "readings": [reading.to_json() for reading in self._readings],
            "coefficients": self._coefficients.tolist(),
            "centre": self._centre.tolist(),
            "weights": list(self._weights),
            "baseline": self.baseline_,
            "drivers": self._drivers,
            "trees": [f"trees-{number}.txt" for number in range(len(self._trees))],
        }
        contents = {"model.json": json.dumps(kept, ensure_ascii=False, indent=1)}
        return contents | dict(zip(kept["trees"], self._trees, strict=True))

    @classmethod
    def load(cls, folder: Path | str) -> "ChurnModel":
        """The model that `save` wrote. Raises TenureError where a file is missing or is not as it was written."""
        return cls.from_texts(files.read(Path(folder)))

    @classmethod
    def from_texts(cls, contents: Mapping[str, str]) -> "ChurnModel":
        """The model of which `to_texts` wrote this."""
        kept = json.loads(contents["model.json"])
        model = cls(**kept["settings"])
        model.classes_ = np.asarray(kept["classes"])
        model.feature_names_in_ = np.asarray(kept["columns"], dtype=object)
        model.n_features_in_ = len(kept["columns"])
        model.dropped_ = {name: Words(*why) for name, why in kept["dropped"].items()}
        model.rounds_ = kept["rounds"]
        model._readings = [Reading.from_json(reading) for reading in kept["readings"]]
        model._coefficients = np.asarray(kept["coefficients"], dtype=np.float64)
        model._centre = np.asarray(kept["centre"], dtype=np.float64)
        model._weights = (kept["weights"][0], kept["weights"][1])
        model._drivers = kept["drivers"]
        model._trees = [contents[name] for name in kept["trees"]]
        model.baseline_ = kept["baseline"]
        return model


def suspects(X: Any, y: Any, *, allow: Sequence[str] = (), seed: int = 0) -> dict[str, Words]:
    """The columns `fit` would refuse as the outcome in disguise, each with what gives it away; empty where none is.

    For those who would rather leave them out, and say so, than stop.
    """
    table = to_table(X)
    y01, _ = guards.outcome(y)
    guards.enough(y01)
    usable = table.drop_columns(list(guards.unusable(table)))
    return guards.suspects(usable, y01, spread(y01, 5, seed), allow)


def _gather(into: Floats, parts: Floats, origin: NDArray[np.int64]) -> None:
    """Add up the parts of each reading, which lie side by side."""
    if len(origin):
        starts = np.flatnonzero(np.append(True, origin[1:] != origin[:-1]))
        into[:, origin[starts]] += np.add.reduceat(parts, starts, axis=1)
