"""The churn model: a blend of a linear and a tree learner whose every score can be taken apart column by column."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tenure.errors import TenureError
from tenure.insight.churn import files, guards
from tenure.insight.churn.columns import (
    Design,
    Floats,
    Reading,
    code,
    design,
    kind_of,
    numbers,
    out_of_fold_rates,
    texts,
    to_table,
)
from tenure.insight.churn.reasons import sentence
from tenure.language import Words, tr

_PATIENCE = 60
_DRIVER_ROWS = 2_000
_SETTINGS = ("folds", "rounds", "leaves", "rate", "tree_seeds", "strength", "most_rows", "allow", "seed")


class ChurnModel:
    """The chance that a customer leaves, with the columns that raise it, from any table with one row a customer.

    `fit(X, y)`: X is a pandas, Polars or Arrow frame or a NumPy array, columns of any type, blanks allowed; y says
    who left (booleans, 0/1, Yes/No). Columns nothing can be learned from are dropped (`dropped_`); a category not
    seen in training counts as none.

    The score is `a + b * linear + c * trees` in log-odds: a regularised logistic regression on one-hot categories and
    piecewise-linear numbers, and gradient-boosted trees of a few leaves (LightGBM), a, b and c ≥ 0 learned from
    out-of-fold scores of the training rows, so the blend is calibrated without touching any other row. How long the
    trees grow is chosen by the same folds. The same rows, settings and seed give the same model.

    folds: of the cross-fitting inside `fit`. rounds: of boosting at most. leaves, rate: of each tree.
    tree_seeds: how many boosted models are averaged. strength: of the linear part's penalty, smaller is stronger.
    most_rows: beyond it a random sample is learned from. allow: columns let past the guard against disguised outcomes.

    Raises TenureError where the outcome has one value, there is too little data, a column is the outcome in disguise,
    or nothing usable is left.
    """

    classes_: NDArray[Any]
    feature_names_in_: NDArray[Any]
    n_features_in_: int
    dropped_: dict[str, Words]
    rounds_: int
    baseline_: float

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
        self.seed = seed

    def __repr__(self) -> str:
        return f"ChurnModel({', '.join(f'{name}={getattr(self, name)!r}' for name in _SETTINGS)})"

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _SETTINGS}

    def set_params(self, **params: Any) -> "ChurnModel":
        for name, value in params.items():
            if name not in _SETTINGS:
                raise ValueError(f"ChurnModel has no setting {name!r}; it has: {', '.join(_SETTINGS)}")
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True, one_d_labels=True),
            classifier_tags=ClassifierTags(multi_class=False),
            input_tags=InputTags(categorical=True, string=True, allow_nan=True),
        )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "baseline_")

    # -- learning ----------------------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any, groups: Any = None) -> "ChurnModel":
        """Learn who leaves. X: one row a customer; y: whether each left.

        groups: where customers come several times (at several dates), whose row each is: all rows of one customer
        go into the same fold, so that nobody is predicted from another row of their own.
        """
        table = to_table(X)
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
        folds = spread(y01, self._fold_count(len(y01)), self.seed, groups)
        self.dropped_ = guards.unusable(table)
        table = table.drop_columns(list(self.dropped_))
        guards.refuse(guards.suspects(table, y01, folds, self.allow))
        if not table.num_columns:
            raise TenureError(
                tr(
                    "No column is left to learn from: {columns}.",
                    columns="; ".join(f"{name}: {why}" for name, why in self.dropped_.items()) or tr("there was none"),
                )
            )
        kinds = {name: kind_of(table[name]) for name in table.column_names}

        linear, trees = np.zeros(len(y01)), np.zeros(len(y01))
        grown = []
        for fold in range(int(folds.max()) + 1):
            inside = folds != fold
            readings, learned = self._read(table.filter(pa.array(inside)), kinds, y01[inside])
            held = design(table.filter(pa.array(~inside)), readings)
            coefficients, intercept = self._linear(learned.linear, y01[inside])
            linear[~inside] = held.linear @ coefficients + intercept
            grown.append((fold, self._grow(learned, y01[inside], self.rounds, 0, (held, y01[~inside])), held))
        self.rounds_ = int(np.median([booster.best_iteration for _, booster, _ in grown]))
        for fold, booster, held in grown:
            trees[folds == fold] = booster.predict(
                held.trees, raw_score=True, num_iteration=self.rounds_, num_threads=_threads(len(held.trees))
            )

        self._readings, learned = self._read(table, kinds, y01)
        self._coefficients, _ = self._linear(learned.linear, y01)
        self._centre = learned.linear.mean(axis=0)
        boosters = [self._grow(learned, y01, self.rounds_, number) for number in range(self.tree_seeds)]
        self._trees = [booster.model_to_string(num_iteration=self.rounds_) for booster in boosters]
        self._boosters = boosters
        # The level is learned last, from the centred parts, so that it is right for the model that is kept.
        self._weights = _blend(linear, trees, y01)
        self.baseline_ = 0.0
        self.baseline_ = _level(self.decision_function(table), linear, trees, self._weights, y01)
        some = np.random.default_rng(self.seed).permutation(len(y01))[:_DRIVER_ROWS]
        parts = self._parts(table.take(pa.array(some)))
        effect = np.abs(parts - parts.mean(axis=0)).mean(axis=0)
        self._drivers = [float(value) for value in effect]
        return self

    def calibrate(self, X: Any, y: Any) -> "ChurnModel":
        """Bring the probabilities to the level and spread of later rows, which `fit` must not have seen.

        The order of customers and their reasons stay as they are.
        """
        y01, _ = guards.outcome(y)
        guards.enough(y01)
        shift, stretch = _platt(self.decision_function(X), y01)
        self.baseline_ = shift + stretch * self.baseline_
        self._weights = (self._weights[0] * stretch, self._weights[1] * stretch)
        return self

    def _sample(self, rows: int) -> NDArray[np.int64] | None:
        if rows <= self.most_rows:
            return None
        return np.sort(np.random.default_rng(self.seed).permutation(rows)[: self.most_rows])

    def _fold_count(self, rows: int) -> int:
        return self.folds if rows <= 20_000 else min(self.folds, 3)

    def _read(self, table: pa.Table, kinds: dict[str, Any], y: Floats) -> tuple[list[Reading], Design]:
        """Learn how to read each column, and the matrices of the rows learned from."""
        readings, own = [], {}
        for name in table.column_names:
            column = table[name]
            # A column may be blank in all of a fold's rows, though not in all rows.
            if kinds[name] == "number" and np.isnan(numbers(column)).all():
                continue
            reading = Reading.learn(name, kinds[name], column, y)
            readings.append(reading)
            if reading.rates:
                folds = spread(y, 5, self.seed + 1)
                levels = list(reading.rates)
                own[name] = out_of_fold_rates(code(texts(column), levels), y, len(levels), folds)
        return readings, design(table, readings, own)

    def _linear(self, matrix: Floats, y: Floats) -> tuple[Floats, float]:
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        # Knots of one column are nearly collinear: Newton steps need a handful of looks where gradients need hundreds.
        learner = LogisticRegression(C=self.strength, solver="newton-cholesky", tol=1e-6)
        with threadpool_limits(_threads(len(y)), user_api="blas"):
            fitted = learner.fit(matrix, y)
        return np.asarray(fitted.coef_[0], dtype=np.float64), float(fitted.intercept_[0])

    def _grow(
        self, learned: Design, y: Floats, rounds: int, number: int, held: tuple[Design, Floats] | None = None
    ) -> Any:
        import lightgbm

        settings = {
            "objective": "binary",
            "num_leaves": self.leaves,
            "learning_rate": self.rate,
            "feature_fraction": 0.5,
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
            "min_data_in_leaf": int(np.clip(len(y) // 100, 5, 30)),
            "lambda_l2": 5.0,
            "max_bin": 255,
            "num_threads": _threads(len(y)),
            "deterministic": True,
            "force_row_wise": True,
            "seed": self.seed * 1000 + number,
            "verbosity": -1,
        }
        data = lightgbm.Dataset(learned.trees, y, free_raw_data=False)
        if held is None:
            return lightgbm.train(settings, data, rounds)
        watched = lightgbm.Dataset(held[0].trees, held[1], reference=data, free_raw_data=False)
        stop = lightgbm.early_stopping(_PATIENCE, first_metric_only=True, verbose=False)
        return lightgbm.train({**settings, "metric": "binary_logloss"}, data, rounds, [watched], callbacks=[stop])

    # -- scoring -----------------------------------------------------------------------------------------------------

    def decision_function(self, X: Any) -> Floats:
        """The score of each row, in log-odds."""
        given = design(self._given(X), self._readings)
        linear = (given.linear - self._centre) @ self._coefficients
        trees = self._boosted(given.trees) - self._tree_level()
        return np.asarray(self.baseline_ + self._weights[0] * linear + self._weights[1] * trees, dtype=np.float64)

    def predict_proba(self, X: Any) -> Floats:
        """The chance of staying and of leaving, one row a customer: shape (n, 2)."""
        leaving = 1.0 / (1.0 + np.exp(-self.decision_function(X)))
        return np.column_stack([1.0 - leaving, leaving])

    def predict(self, X: Any) -> NDArray[Any]:
        """The likelier outcome of each row, as `y` was written."""
        return np.asarray(self.classes_[(self.decision_function(X) > 0).astype(int)])

    def contributions(self, X: Any) -> Floats:
        """What each column adds to each row's score, in log-odds: shape (n, columns of X as fitted).

        `baseline_ + contributions(X).sum(axis=1)` is the score. The linear part is exact against the average
        customer, the trees' part is their Shapley values; a dropped column adds nothing.
        """
        parts = self._parts(self._given(X))
        found = np.zeros((len(parts), len(self.feature_names_in_)))
        places = {name: place for place, name in enumerate(self.feature_names_in_)}
        for number, reading in enumerate(self._readings):
            found[:, places[reading.name]] = parts[:, number]
        return found

    def reasons(self, X: Any, top: int = 3, *, minor_digits: int = 2) -> list[list[dict[str, Any]]]:
        """What raises each row's risk most, strongest first: dicts of feature, effect (log-odds, above 0), en, zh.

        minor_digits: how many digits of the reporting currency's minor unit money is written with.
        """
        table = self._given(X)
        parts = self._parts(table)
        strongest = np.argsort(-parts, axis=1, kind="stable")[:, :top]
        values: list[list[Any]] = [
            numbers(table[r.name]).tolist() if r.kind == "number" else texts(table[r.name]).to_pylist()
            for r in self._readings
        ]
        known: dict[tuple[int, Any], Words] = {}
        found = []
        for row, places in enumerate(strongest.tolist()):
            mine = []
            for place in places:
                effect = float(parts[row, place])
                if effect <= 0:
                    break
                value = values[place][row]
                key = (place, value if value == value else None)
                if key not in known:
                    known[key] = sentence(self._readings[place], value, minor_digits=minor_digits)
                words = known[key]
                mine.append({"feature": self._readings[place].name, "effect": effect, "en": words.en, "zh": words.zh})
            found.append(mine)
        return found

    def drivers(self, top: int = 10) -> list[dict[str, Any]]:
        """The columns that move scores most on the rows learned from: feature and mean absolute effect in log-odds.

        They say what the model reads, not what causes anyone to leave.
        """
        pairs = zip((reading.name for reading in self._readings), self._drivers, strict=True)
        ordered = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
        return [{"feature": name, "effect": effect} for name, effect in ordered[:top] if effect > 0]

    def _given(self, X: Any) -> pa.Table:
        """The rows to score, with the columns learned from; others are passed over."""
        if not self.__sklearn_is_fitted__():
            raise TenureError(tr("This churn model has learned nothing yet: call fit(X, y) first."))
        table = to_table(X)
        missing = [reading.name for reading in self._readings if reading.name not in table.column_names]
        if missing:
            raise TenureError(
                tr(
                    "The rows to score lack columns the model learned from: {missing}. They have: {present}.",
                    missing=", ".join(missing),
                    present=", ".join(table.column_names),
                )
            )
        return table

    def _parts(self, table: pa.Table) -> Floats:
        """What each reading adds to each row's score: shape (n, readings)."""
        given = design(table, self._readings)
        linear = (given.linear - self._centre) * self._coefficients * self._weights[0]
        shapley = self._boosted(given.trees, pred_contrib=True)[:, :-1]
        found = np.zeros((table.num_rows, len(self._readings)))
        _gather(found, linear, given.linear_from)
        _gather(found, shapley * self._weights[1], given.trees_from)
        return found

    def _boosted(self, matrix: Floats, **how: Any) -> Floats:
        """The mean of what the boosted models say, in log-odds."""
        threads = _threads(len(matrix))
        said = [b.predict(matrix, raw_score=True, num_threads=threads, **how) for b in self._loaded()]
        return np.asarray(np.mean(said, axis=0), dtype=np.float64)

    def _tree_level(self) -> float:
        """The trees' expected value, which Shapley values are counted from."""
        if not hasattr(self, "_expected"):
            # It does not depend on the row, so one row of blanks tells it.
            blank = np.full((1, self._loaded()[0].num_feature()), np.nan)
            self._expected = float(self._boosted(blank, pred_contrib=True)[0, -1])
        return self._expected

    def _loaded(self) -> list[Any]:
        if not hasattr(self, "_boosters"):
            import lightgbm

            self._boosters = [lightgbm.Booster(model_str=text) for text in self._trees]
        return self._boosters

    # -- keeping -----------------------------------------------------------------------------------------------------

    def save(self, folder: Path | str) -> Path:
        """Write the model into a folder as text and JSON with a checksum for each file; returns the folder."""
        kept = {
            "kind": "tenure churn model",
            "version": 1,
            "settings": {**self.get_params(), "allow": list(self.allow)},
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
        contents |= dict(zip(kept["trees"], self._trees, strict=True))
        return files.write(Path(folder), contents)

    @classmethod
    def load(cls, folder: Path | str) -> "ChurnModel":
        """The model that `save` wrote. Raises TenureError where a file is missing or is not as it was written."""
        contents = files.read(Path(folder))
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


def _threads(rows: int) -> int:
    """Threads for so many rows: two only where there is enough for each, for waiting on each other costs more."""
    return 2 if rows >= 50_000 else 1


def spread(y: Floats, folds: int, seed: int, groups: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """A fold number for each row, both outcomes spread evenly over the folds; a group stays together.

    groups: numbers from 0, one for each row. A group counts as leaving where any of its rows does.
    """
    if groups is not None:
        leaves = np.zeros(int(groups.max()) + 1)
        np.maximum.at(leaves, groups, y)
        return spread(leaves, folds, seed)[groups]
    # Where too few are of one kind to have one in each fold (or, by group, none is), fewer folds do.
    fewest = int(min(y.sum(), len(y) - y.sum())) or folds
    folds = max(2, min(folds, fewest))
    shuffled = np.random.default_rng(seed).permutation(len(y))
    order = shuffled[np.argsort(y[shuffled], kind="stable")]
    numbered = np.empty(len(y), dtype=np.int64)
    numbered[order] = np.arange(len(y)) % folds
    return numbered


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
    for place in np.unique(origin):
        into[:, place] += parts[:, origin == place].sum(axis=1)


def _logistic_loss(score: Floats, y: Floats) -> tuple[float, Floats]:
    loss = float(np.sum(np.logaddexp(0.0, score) - y * score))
    return loss, 1.0 / (1.0 + np.exp(-score)) - y


def _blend(linear: Floats, trees: Floats, y: Floats) -> tuple[float, float]:
    """The weights of both learners that predict best out of fold, never negative, pulled gently to a half each."""
    from scipy.optimize import minimize

    def loss(p: Floats) -> tuple[float, Floats]:
        total, slope = _logistic_loss(p[0] + p[1] * linear + p[2] * trees, y)
        pull = p[1:] - 0.5
        gradient = np.array([slope.sum(), slope @ linear, slope @ trees]) + np.append(0.0, 2 * _PRIOR * pull)
        return total + _PRIOR * float(pull @ pull), gradient

    found = minimize(
        loss, np.array([0.0, 0.5, 0.5]), jac=True, method="L-BFGS-B", bounds=[(None, None), (0, 2), (0, 2)]
    )
    return float(found.x[1]), float(found.x[2])


_PRIOR = 10.0  # how firmly blend and stretch are held where the rows say little


def _level(kept: Floats, linear: Floats, trees: Floats, weights: tuple[float, float], y: Floats) -> float:
    """The constant that makes the mean probability right.

    Learned on the out-of-fold scores, whose spread is that of rows not learned from; then moved to the scores of the
    kept model, which are counted from the average customer.
    """
    outside = weights[0] * linear + weights[1] * trees
    return float(_intercept(outside, y) + outside.mean() - kept.mean())


def _intercept(score: Floats, y: Floats) -> float:
    from scipy.optimize import brentq

    def excess(shift: float) -> float:
        return float((1.0 / (1.0 + np.exp(-(score + shift)))).mean() - y.mean())

    return float(brentq(excess, -50.0, 50.0))


def _platt(score: Floats, y: Floats) -> tuple[float, float]:
    """The shift and stretch of a score that fit later outcomes best; the stretch stays above 0 and near 1."""
    from scipy.optimize import minimize

    def loss(p: Floats) -> tuple[float, Floats]:
        total, slope = _logistic_loss(p[0] + p[1] * score, y)
        gradient = np.array([slope.sum(), slope @ score + 2 * _PRIOR * (p[1] - 1.0)])
        return total + _PRIOR * float((p[1] - 1.0) ** 2), gradient

    found = minimize(loss, np.array([0.0, 1.0]), jac=True, method="L-BFGS-B", bounds=[(None, None), (0.05, 3.0)])
    return float(found.x[0]), float(found.x[1])
