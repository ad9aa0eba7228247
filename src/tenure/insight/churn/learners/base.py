"""What all learners of churn share: one interface, how a frame is read, cross-fitted calibration, and how they are kept."""

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tenure.errors import TenureError
from tenure.insight.churn import files, guards
from tenure.insight.churn.attribution import shapley
from tenure.insight.churn.chances import platt, sigmoid
from tenure.insight.churn.columns import (
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
from tenure.insight.churn.drivers import CODES, by_driver
from tenure.insight.churn.estimator import Estimator
from tenure.insight.churn.folds import spread
from tenure.insight.churn.reasons import written_out
from tenure.insight.churn.telling import MOST_COLUMNS, Telling
from tenure.language import Words, tr

_ENOUGH_LEAVERS = 1_000  # where a sample would hold fewer, those who left are all kept
USUAL = 4  # made-up customers that scores are taken apart against
MOST_SCORINGS = 3_000_000  # for the reasons of one table: seconds for most learners
_MOVED_ROWS = 100
_SETTINGS = ("folds", "most_rows", "allow", "seed")


class Learner(Protocol):
    """Learns who leaves from one row a customer, as scikit-learn's classifiers do, and is kept as text."""

    classes_: NDArray[Any]
    feature_names_in_: NDArray[Any]
    n_features_in_: int
    dropped_: dict[str, Words]

    def fit(self, X: Any, y: Any, groups: Any = None, latest: Any = None) -> Any: ...
    def calibrate(self, X: Any, y: Any) -> Any: ...
    def predict_proba(self, X: Any) -> Floats: ...
    def get_params(self, deep: bool = True) -> dict[str, Any]: ...
    def save(self, folder: Path | str) -> Path: ...


class Champion(Learner, Protocol):
    """A learner that can stand as champion: every score of it can be taken apart, column by column."""

    seed: int
    allow: Sequence[str]

    def __hash__(self) -> int: ...
    @property
    def baseline_(self) -> float: ...
    @property
    def readings(self) -> tuple[Reading, ...]: ...
    def decision_function(self, X: Any) -> Floats: ...
    def contributions(self, X: Any) -> Floats: ...
    def explained(self, rows: int) -> int: ...
    def opened(self, X: Any, top: int = 3, *, currency: str = "") -> tuple[Floats, list[str], Floats]: ...
    def drivers(self, top: int = 10) -> list[dict[str, Any]]: ...


@dataclass(frozen=True)
class Kind:
    """One way to learn who leaves.

    words, when: its name, and one line on when to use it. make: the learner, from settings. load: what `save` wrote.
    quick: cheap enough to be tried at each refresh. needs: a module that is not always installed, and the extra it is in.
    """

    name: str
    words: Words
    when: Words
    make: Callable[..., Learner]
    load: Callable[[Path | str], Learner]
    quick: bool = False
    needs: tuple[str, str] | None = None

    def lacking(self) -> Words | None:
        """Why it can't be used here; None where it can."""
        if self.needs is None or find_spec(self.needs[0]) is not None:
            return None
        return Words(
            'Not tried: {module} is not installed. Install it with: pip install "tenure[{extra}]"',
            '未参与比较：未安装 {module}。安装方法：pip install "tenure[{extra}]"',
        ).format(module=self.needs[0], extra=self.needs[1])


class Part(Protocol):
    """What was learned: a score a row, higher for whom likelier leaves, and the texts it is kept as."""

    def score(self, given: "Given") -> Floats: ...
    def to_texts(self) -> dict[str, str]: ...


@dataclass(frozen=True)
class Given:
    """Rows ready to be learned from or scored.

    linear: one-hot categories and piecewise-linear numbers, no blanks. trees: numbers as they are, NaN where blank.
    linear_from, trees_from: the reading each column of them is of. table: the columns as they came. groups: whose row each is, where that is known.
    """

    linear: Floats
    trees: Floats
    linear_from: NDArray[np.int64]
    trees_from: NDArray[np.int64]
    table: pa.Table
    readings: Sequence[Reading]
    groups: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.linear)


T = TypeVar("T", bound="Tabular")


class Tabular(Estimator):
    """A learner of one row a customer. Any frame, columns of any type, blanks and unseen categories allowed.

    Its own score is learned on all rows; on each fold of them it is learned anew, how columns are read with it, and the
    shift and stretch that turn scores into chances are learned from the scores of the rows left out (Platt 1999): a row
    never vouches for itself. Of more than MOST_COLUMNS columns, those are kept that alone tell most of the rows learned
    from, one for every ten rows, chosen anew in each fold too. The same rows, settings and seed give the same learner.

    folds: of that calibration. most_rows: beyond it a random sample is learned from, in which rare leavers are
    all kept and the level is put right. allow: columns let past the guard
    against disguised outcomes.

    Raises TenureError where the outcome has one value, there is too little data, a column is the outcome in disguise,
    or nothing usable is left.
    """

    NAME: ClassVar[str]
    OWN: ClassVar[tuple[str, ...]] = ()  # the settings a learner has beside the shared ones
    MOST: ClassVar[int] = 60_000

    classes_: NDArray[Any]
    feature_names_in_: NDArray[Any]
    n_features_in_: int
    dropped_: dict[str, Words]
    _effects: list[float] | None

    def __init__(
        self, *, folds: int = 3, most_rows: int | None = None, allow: Sequence[str] = (), seed: int = 0
    ) -> None:
        self.folds = folds
        self.most_rows = most_rows or self.MOST
        self.allow = allow
        self.seed = seed

    @abstractmethod
    def _learn(self, given: Given, y: Floats) -> Part:
        """What these rows teach."""

    @classmethod
    @abstractmethod
    def _part(cls, texts: Mapping[str, str]) -> Part:
        """What `Part.to_texts` wrote."""

    def _names(self) -> tuple[str, ...]:
        return (*self.OWN, *_SETTINGS)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_kept")

    # -- learning ----------------------------------------------------------------------------------------------------

    def fit(self: T, X: Any, y: Any, groups: Any = None, latest: Any = None) -> T:
        """Learn who leaves. X: one row a customer; y: whether each left; groups: whose row each is, and latest: which rows
        are of the latest date, as in ChurnModel.
        """
        from threadpoolctl import threadpool_limits

        table = to_table(X)
        y01, self.classes_ = guards.outcome(y)
        if len(y01) != table.num_rows:
            raise ValueError(f"X has {table.num_rows} rows and y has {len(y01)}; they must be the same customers")
        guards.enough(y01)
        self.feature_names_in_ = np.asarray(table.column_names, dtype=object)
        self.n_features_in_ = table.num_columns
        of = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
        rarer, now = 0.0, np.ones(len(y01), bool) if latest is None else np.asarray(latest, dtype=bool)
        if len(y01) > self.most_rows:
            kept, rarer = _sample(y01, self.most_rows, self.seed)
            table, y01, now = table.take(pa.array(kept)), y01[kept], now[kept]
            of = None if of is None else np.unique(of[kept], return_inverse=True)[1]
            guards.enough(y01)
        folds = spread(y01, self.folds, self.seed, of)
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
        reader = Reader(table, y01, of, self.seed)
        # Matrices this small are sooner multiplied by one than shared between two that wait on each other.
        with threadpool_limits(1):
            told, self._readings = reader.learned(np.ones(len(y01), bool))
            self._kept = self._learn(told, y01)
            outside = self._outside(reader, y01, folds)
            self._usual = usual(told.table, self._readings, self.seed)
            self._level = float(self._kept.score(_given(self._usual, self._readings)).mean())
            some = np.random.default_rng(self.seed).permutation(table.num_rows)[:_MOVED_ROWS]
            self._some, self._effects = told.table.take(pa.array(np.sort(some))), None
        self._shift, self._stretch = platt(outside[now], y01[now])
        self._shift -= rarer
        return self

    def _outside(self, reader: "Reader", y: Floats, folds: NDArray[np.int64]) -> Floats:
        """The score of each row, learned anew without its fold."""
        outside = np.zeros(len(y))
        for fold in range(int(folds.max()) + 1):
            inside = folds != fold
            told, readings = reader.learned(inside)
            outside[~inside] = self._learn(told, y[inside]).score(reader.given(readings, ~inside))
        return outside

    def calibrate(self: T, X: Any, y: Any) -> T:
        """Bring the chances to the level and spread of later rows, which `fit` must not have seen."""
        y01, _ = guards.outcome(y)
        guards.enough(y01)
        shift, stretch = platt(self.decision_function(X), y01)
        self._shift, self._stretch = shift + stretch * self._shift, stretch * self._stretch
        return self

    # -- scoring -----------------------------------------------------------------------------------------------------

    def decision_function(self, X: Any) -> Floats:
        """The score of each row, in log-odds."""
        return self._shift + self._stretch * self._kept.score(self._given(X))

    def predict_proba(self, X: Any) -> Floats:
        """The chance that each stays and that each leaves: shape (n, 2)."""
        p = sigmoid(self.decision_function(X))
        return np.column_stack([1.0 - p, p])

    def predict(self, X: Any) -> NDArray[Any]:
        """The likelier of both, in the outcome's own words."""
        return cast(NDArray[Any], self.classes_[(self.decision_function(X) > 0).astype(int)])

    def _given(self, X: Any) -> Given:
        if not self.__sklearn_is_fitted__():
            raise TenureError(tr("This churn model has learned nothing yet: call fit(X, y) first."))
        table = to_table(X)
        names = [reading.name for reading in self._readings]
        missing = [name for name in names if name not in table.column_names]
        if missing:
            raise TenureError(
                tr(
                    "The rows to score lack columns the model learned from: {missing}. They have: {present}.",
                    missing=", ".join(missing),
                    present=", ".join(table.column_names),
                )
            )
        return _given(table.select(names), self._readings)

    # -- reasons -----------------------------------------------------------------------------------------------------

    @property
    def readings(self) -> tuple[Reading, ...]:
        """How each column that is learned from is read."""
        return tuple(self._readings)

    @property
    def baseline_(self) -> float:
        """The mean score of the usual customers, in log-odds: what columns add is counted from it."""
        return self._shift + self._stretch * self._level

    def contributions(self, X: Any) -> Floats:
        """What each column adds to each row's score, in log-odds: shape (n, columns of X as fitted).

        `baseline_ + contributions(X).sum(axis=1)` is the score, as with ChurnModel; see `attribution.shapley`.
        """
        parts = self._parts(self._given(X))
        found = np.zeros((len(parts), len(self.feature_names_in_)))
        places = {name: place for place, name in enumerate(self.feature_names_in_)}
        for number, reading in enumerate(self._readings):
            found[:, places[reading.name]] = parts[:, number]
        return found

    def explained(self, rows: int) -> int:
        """Of so many rows, how many are told reasons: the riskiest, for each costs scorings of its own."""
        return min(rows, max(1, MOST_SCORINGS // (2 * USUAL * max(1, len(self._readings)))))

    def reasons(self, X: Any, top: int = 3, *, currency: str = "") -> list[list[dict[str, Any]]]:
        """What raises each row's risk most, strongest first, as ChurnModel gives it."""
        return [json.loads(each) for each in self.told(X, top, currency=currency)[1]]

    def told(self, X: Any, top: int = 3, *, currency: str = "") -> tuple[Floats, list[str]]:
        """The chance of leaving of each row, and its reasons as JSON."""
        chance, said, _ = self.opened(X, top, currency=currency)
        return chance, said

    def opened(self, X: Any, top: int = 3, *, currency: str = "") -> tuple[Floats, list[str], Floats]:
        """What `told` gives, and what each driver adds to each score in log-odds; of more rows than `explained`, the others
        have no reasons and noughts."""
        table = to_table(X)
        given = self._given(table)
        score = self._shift + self._stretch * self._kept.score(given)
        names = [reading.name for reading in self._readings]
        some = np.sort(np.argsort(-score, kind="stable")[: self.explained(len(score))])
        rows = given.table.take(pa.array(some))
        parts = self._parts(_given(rows, self._readings))
        said = np.full(len(score), "[]", dtype=object)
        said[some] = written_out(parts, rows, self._readings, top, currency=currency)
        effects = np.zeros((len(score), len(CODES)))
        effects[some] = by_driver(parts, names)
        return sigmoid(score), said.tolist(), effects

    def drivers(self, top: int = 10) -> list[dict[str, Any]]:
        """The columns that move scores most on some of the rows learned from, as ChurnModel gives them."""
        ordered = sorted(
            zip((r.name for r in self._readings), self._moved, strict=True), key=lambda pair: (-pair[1], pair[0])
        )
        return [{"feature": name, "effect": effect} for name, effect in ordered[:top] if effect > 0]

    @property
    def _moved(self) -> list[float]:
        """How far each reading moves scores on some of the rows learned from; worked out where somebody asks."""
        if self._effects is None:
            parts = self._parts(_given(self._some, self._readings))
            self._effects = [float(effect) for effect in np.abs(parts - parts.mean(axis=0)).mean(axis=0)]
        return self._effects

    def _parts(self, given: Given) -> Floats:
        """What each reading adds to each row's score above the baseline: shape (n, readings)."""
        if not len(given):
            return np.zeros((0, len(self._readings)))
        usual = _given(self._usual, self._readings)

        def mixed(own: NDArray[np.bool_], reference: int) -> Floats:
            return self._kept.score(_mixed(given, usual, own, reference))

        columns = len(self._readings)
        return self._stretch * shapley(mixed, len(given), columns, self._usual.num_rows, self.seed)

    # -- keeping -----------------------------------------------------------------------------------------------------

    def save(self, folder: Path | str) -> Path:
        """Write the learner into a folder as text and JSON with a checksum for each file; returns the folder."""
        kept = {
            "kind": self.NAME,
            "version": 1,
            "settings": {**self.get_params(), "allow": list(self.allow)},
            "classes": self.classes_.tolist(),
            "columns": [str(name) for name in self.feature_names_in_],
            "dropped": {name: [why.en, why.zh] for name, why in self.dropped_.items()},
            "readings": [reading.to_json() for reading in self._readings],
            "shift": self._shift,
            "stretch": self._stretch,
            "usual": self._usual.to_pydict(),
            "level": self._level,
            "moved": self._moved,
        }
        texts = self._kept.to_texts()
        return files.write(Path(folder), {"model.json": json.dumps(kept, ensure_ascii=False, indent=1)} | texts)

    @classmethod
    def load(cls: type[T], folder: Path | str) -> T:
        """The learner that `save` wrote. Raises TenureError where a file is missing or is not as it was written."""
        contents = files.read(Path(folder))
        kept = json.loads(contents["model.json"])
        model = cls(**kept["settings"])
        model.classes_ = np.asarray(kept["classes"])
        model.feature_names_in_ = np.asarray(kept["columns"], dtype=object)
        model.n_features_in_ = len(kept["columns"])
        model.dropped_ = {name: Words(*why) for name, why in kept["dropped"].items()}
        model._readings = [Reading.from_json(reading) for reading in kept["readings"]]
        model._shift, model._stretch = kept["shift"], kept["stretch"]
        model._kept = cls._part(contents)
        kinds = {reading.name: pa.string() if reading.kind == "text" else pa.float64() for reading in model._readings}
        model._usual = pa.table({name: pa.array(kept["usual"][name], kind) for name, kind in kinds.items()})
        model._level, model._effects = kept["level"], kept["moved"]
        return model


def usual(table: pa.Table, readings: Sequence[Reading], seed: int) -> pa.Table:
    """A few made-up customers: each column of each is some customer's, drawn by itself, so that none of them is anybody."""
    random = np.random.default_rng(seed)
    columns: dict[str, pa.Array] = {}
    for reading in readings:
        drawn = table[reading.name].take(pa.array(random.integers(0, table.num_rows, USUAL)))
        if reading.kind == "text":
            columns[reading.name] = pa.array(texts(drawn).to_pylist(), pa.string())
        else:
            columns[reading.name] = pa.array(
                [None if x != x else float(x) for x in numbers(drawn).tolist()], pa.float64()
            )
    return pa.table(columns)


def _mixed(given: Given, usual: Given, own: NDArray[np.bool_], reference: int) -> Given:
    """The rows, but for the columns that are not their own: those are one usual customer's."""
    theirs = ~own
    linear, trees = given.linear.copy(), given.trees.copy()
    at, there = theirs[given.linear_from], theirs[given.trees_from]
    linear[:, at] = usual.linear[reference, at]
    trees[:, there] = usual.trees[reference, there]
    table = {}
    for place, reading in enumerate(given.readings):
        column = given.table[reading.name]
        if theirs[place]:
            column = pa.repeat(usual.table[reading.name][reference], len(given))
        table[reading.name] = column
    return Given(linear, trees, given.linear_from, given.trees_from, pa.table(table), given.readings)


def _sample(y: Floats, most: int, seed: int) -> tuple[NDArray[np.int64], float]:
    """The rows of a random sample, and by how much leavers' log-odds are higher in it than among all rows.

    Where leavers are rare they are all kept: they are what there is to learn from, and the level is put right after it.
    """
    random, left = np.random.default_rng(seed).permutation(len(y)), int(y.sum())
    if left * most / len(y) >= min(left, _ENOUGH_LEAVERS):
        return np.sort(random[:most]), 0.0
    leavers, stayed = random[y[random] == 1], random[y[random] == 0]
    leavers = leavers[: max(_ENOUGH_LEAVERS, most // 10)]
    others = stayed[: most - len(leavers)]
    rarer = np.log(len(leavers) / left) - np.log(len(others) / len(stayed))
    return np.sort(np.concatenate([leavers, others])), float(rarer)


class Reader:
    """Reads some of the rows, having learned how from those rows alone."""

    def __init__(self, table: pa.Table, y: Floats, groups: NDArray[np.int64] | None, seed: int) -> None:
        self._table, self._y, self._groups, self._seed = table, y, groups, seed
        self._kinds = {name: kind_of(table[name]) for name in table.column_names}
        self._telling = Telling(table, self._kinds, seed) if table.num_columns > MOST_COLUMNS else None

    @property
    def chooses(self) -> bool:
        """Whether columns are chosen: then only a reader that did not see a row can vouch for its score."""
        return self._telling is not None

    def learned(self, inside: NDArray[np.bool_]) -> tuple[Given, list[Reading]]:
        """The rows to learn from, in which no row's own outcome is told by its category; and how they are read."""
        y = self._y[inside]
        names = self._telling.most(self._y, inside) if self._telling else self._table.column_names
        table = self._table.select(names).filter(pa.array(inside))
        readings, own = [], {}
        for name in names:
            column = table[name]
            if self._kinds[name] == "number" and np.isnan(numbers(column)).all():
                continue  # blank in all of a fold's rows
            reading = Reading.learn(name, self._kinds[name], column, y)
            readings.append(reading)
            if reading.rates:
                levels = list(reading.rates)
                own[name] = out_of_fold_rates(code(texts(column), levels), y, len(levels), spread(y, 5, self._seed + 1))
        return self._told(table, readings, inside, own), readings

    def given(self, readings: Sequence[Reading], rows: NDArray[np.bool_]) -> Given:
        """Rows to score."""
        names = [reading.name for reading in readings]
        return self._told(self._table.select(names).filter(pa.array(rows)), readings, rows)

    def _told(
        self,
        table: pa.Table,
        readings: Sequence[Reading],
        rows: NDArray[np.bool_],
        own: dict[str, Floats] | None = None,
    ) -> Given:
        return _given(table, readings, own, None if self._groups is None else self._groups[rows])


def _given(
    table: pa.Table,
    readings: Sequence[Reading],
    own: dict[str, Floats] | None = None,
    groups: NDArray[np.int64] | None = None,
) -> Given:
    matrices = design(table, list(readings), own)
    return Given(matrices.linear, matrices.trees, matrices.linear_from, matrices.trees_from, table, readings, groups)


def arrays(**named: Any) -> str:
    """Arrays as JSON, every number with the digits that give it back."""
    return json.dumps({name: np.asarray(value).tolist() for name, value in named.items()})


def from_arrays(text: str) -> dict[str, NDArray[Any]]:
    return {name: np.asarray(value) for name, value in json.loads(text).items()}
