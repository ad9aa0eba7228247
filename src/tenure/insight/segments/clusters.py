"""Customers alike in many ways at once, whatever the ways are made of: groups with names that say what sets them apart."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tenure.insight.enough import NotEnoughDataError
from tenure.insight.frames import to_arrow
from tenure.language import Words, tr

Real = NDArray[np.float64]
Whole = NDArray[np.int64]

LEAST_ROWS = 40
# Fewer than this share of the rows make no group worth a name.
LEAST_SHARE = 0.02
MOST_LEVELS = 8
# A category counts half of what a number does, else groups are the categories over again.
CATEGORY_WEIGHT = 0.5
FITTED_ON, JUDGED_ON = 60_000, 3_000
# Another number of groups than last time must be better by as much, else names would change for nothing.
BETTER_BY = 0.02
TELLING = 0.35
_UNSAID = Words("", "")


@dataclass(frozen=True)
class Said:
    """How a column is spoken of: what a group high or low in it is called, or its categories, where they are codes."""

    words: Words
    high: Words = _UNSAID
    low: Words = _UNSAID
    levels: Mapping[str, Words] = field(default_factory=dict)


@dataclass(frozen=True)
class Trait:
    """One thing that sets a group apart. score: the distance of its mean from everybody's, in standard deviations.

    level: the category, where the column is one; then here and among are shares (0 to 1), else medians in the column's
    own unit.
    """

    column: str
    level: str | None
    score: float
    here: float
    among: float


@dataclass(frozen=True)
class Group:
    """One group: its lasting number, how many it has, what sets it apart (strongest first), and its name."""

    number: int
    rows: int
    traits: tuple[Trait, ...]
    name: Words


class MixedClusters:
    """Groups of customers alike in numbers and categories together, like a scikit-learn estimator.

    k: how many groups; None tries 3 to `most_k` and takes the best by silhouette. seed: the same gives the same.
    said: how columns are spoken of, by name; others are spoken of by their names.

    Numbers that are skewed are taken by their logarithm, all are scaled to a standard deviation of 1 and cut at ±3;
    what is unknown stands in the middle. A category becomes one column a level (the 8 most frequent, the rest together),
    together as wide as half a number. k-means over that; with a sample of 60,000 rows where there are more.

    After `fit`: labels_ (the lasting number of each row's group), groups_, k_, silhouette_, tried_ (k → silhouette),
    left_out_ (column → why), kept_share_ (of the rows known before, the share whose group kept its number; None: none
    were known before).
    """

    def __init__(
        self, k: int | None = None, *, most_k: int = 7, seed: int = 7, said: Mapping[str, Said] | None = None
    ) -> None:
        self.k = k
        self.most_k = most_k
        self.seed = seed
        self.said = said

    def fit(self, frame: Any, *, before: Any = None, names: Mapping[int, Words] | None = None) -> "MixedClusters":
        """Find the groups in the rows of a frame (pandas, Polars or Arrow; numbers, booleans and text).

        before: the number of each row's group last time, null for a row not known then; groups are matched to those they
        share most rows with (Hungarian assignment), so a number keeps its meaning. names: what those groups were called;
        a group called something that still fits goes on being called so.

        Raises NotEnoughDataError where there are too few rows or no column that tells rows apart, and ValueError for
        another length of `before`, or fewer than two groups asked for.
        """
        table = to_arrow(frame)
        if self.k is not None and self.k < 2:
            raise ValueError(f"k must be at least 2; found {self.k}")
        least = max(LEAST_ROWS, 5 * (self.k or 0))
        if table.num_rows < least:
            raise NotEnoughDataError(
                tr("Not enough data, because groups need at least {least} customers; there are {rows}.",
                   least=least, rows=table.num_rows)
            )  # fmt: skip
        self.left_out_: dict[str, str] = {}
        self._scales: list[_Number | _Category] = []
        blocks = [block for name in table.column_names if (block := self._block(name, table[name])) is not None]
        if not blocks:
            raise NotEnoughDataError(
                tr("Not enough data, because nothing tells the customers apart: every column is the same in all rows.")
            )
        space = np.hstack([block.wide for block in blocks])
        if len(np.unique(space[:: max(1, len(space) // 20_000)].round(6), axis=0)) < max(self.k or 3, 3):
            raise NotEnoughDataError(tr("Not enough data, because there are fewer different customers than groups."))
        last = None if before is None else _last(before, table.num_rows)
        found = self._settled(space, last)
        self.labels_, self.kept_share_ = _lasting(found, last)
        self._numbers = np.zeros(len(self._centres), np.int64)
        self._numbers[found] = self.labels_
        numbers, rows = np.unique(self.labels_, return_counts=True)
        groups = [
            (int(n), int(many), _traits(blocks, self.labels_ == n)) for n, many in zip(numbers, rows, strict=True)
        ]
        self.groups_ = self._named(groups, names or {})
        self.k_ = len(groups)
        return self

    def _block(self, name: str, column: pa.ChunkedArray) -> "_Block | None":
        """A column as it takes part; None, and why, where it can't."""
        kind = column.type
        if column.null_count == len(column):
            self.left_out_[name] = tr("nothing is known")
            return None
        scale: _Number | _Category
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            values = _Number(name, False, 0, 0, 1).read(column)
            if np.isnan(values).all() or np.nanmin(values) == np.nanmax(values):
                self.left_out_[name] = tr("the same in all rows")
                return None
            scale = _Number.of(name, values)
            self._scales.append(scale)
            return scale.block(values)
        plain = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not (pa.types.is_string(plain) or pa.types.is_large_string(plain) or pa.types.is_boolean(plain)):
            raise TypeError(f"{name} must be numbers, booleans or text; found {plain}")
        texts = _as_text(column)
        if pc.count_distinct(texts, mode="all").as_py() < 2:
            self.left_out_[name] = tr("the same in all rows")
            return None
        scale = _Category.of(name, texts)
        self._scales.append(scale)
        return scale.block(scale.read(texts))

    def place(self, frame: Any) -> Whole:
        """The lasting number of the group each row is nearest to, by groups that were found before; nothing is learned.

        The frame has the columns the groups were found by, others are passed over.
        """
        table = to_arrow(frame)
        space = np.hstack([scale.block(scale.read(table[scale.name])).wide for scale in self._scales])
        apart = (self._centres**2).sum(1) - 2 * (space @ self._centres.T)
        found: Whole = self._numbers[np.argmin(apart, axis=1)]
        return found

    def as_document(self) -> dict[str, Any]:
        """All that `place` needs, as plain values."""
        return {
            "numbers": self._numbers.tolist(), "centres": self._centres.tolist(),
            "scales": [[type(scale).__name__, asdict(scale)] for scale in self._scales],
        }  # fmt: skip

    @classmethod
    def of_document(cls, told: Mapping[str, Any]) -> "MixedClusters":
        """Groups to place rows in, as `as_document` told them."""
        made = cls()
        made._numbers, made._centres = np.array(told["numbers"], np.int64), np.array(told["centres"], np.float64)
        kinds: dict[str, Any] = {kind.__name__: kind for kind in (_Number, _Category)}
        made._scales = [
            kinds[kind](**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})
            for kind, fields in told["scales"]
        ]
        return made

    def _settled(self, space: Real, last: Whole | None) -> Whole:
        """The group of each row, from 0: with the number of groups asked for, or the best."""
        from sklearn.cluster import KMeans, MiniBatchKMeans
        from sklearn.metrics import silhouette_score

        rng = np.random.default_rng(self.seed)
        sample = space if len(space) <= FITTED_ON else space[np.sort(rng.choice(len(space), FITTED_ON, replace=False))]
        some = np.sort(rng.choice(len(sample), min(JUDGED_ON, len(sample)), replace=False))
        # Starts found once, among the rows the choice is judged on; the whole sample then only moves them.
        fits: dict[int, Any] = {}
        self.tried_: dict[int, float] = {}
        for k in [self.k] if self.k else range(3, self.most_k + 1):
            fitted = KMeans(k, n_init=4, random_state=self.seed).fit(sample[some])
            rows = np.bincount(fitted.labels_, minlength=k)
            if len(np.unique(fitted.labels_)) < 2 or (not self.k and rows.min() < LEAST_SHARE * len(some)):
                continue
            fits[k], self.tried_[k] = fitted, float(silhouette_score(sample[some], fitted.labels_))
        if not fits:  # every number leaves somebody nearly alone
            k = self.k or 3
            fits[k] = KMeans(k, n_init=4, random_state=self.seed).fit(sample[some])
            self.tried_[k] = 0.0
        best = max(self.tried_, key=lambda k: (round(self.tried_[k], 6), -k))
        was = None if last is None else len(np.unique(last[last >= 0]))
        if was in self.tried_ and self.tried_[best] - self.tried_[was] < BETTER_BY:
            best = was
        self.silhouette_ = self.tried_[best]
        start = fits[best].cluster_centers_
        kind = KMeans if len(sample) <= 20_000 else MiniBatchKMeans
        model = kind(best, init=start, n_init=1, random_state=self.seed, max_iter=60).fit(sample)
        found = np.asarray(model.predict(space), np.int64)
        # One that nobody is nearest to is no group.
        there = np.unique(found)
        self._centres = np.asarray(model.cluster_centers_, np.float64)[there]
        return np.searchsorted(there, found)

    def _named(self, groups: Sequence[tuple[int, int, tuple[Trait, ...]]], names: Mapping[int, Words]) -> list[Group]:
        taken: Counter[str] = Counter()
        made = []
        for number, rows, traits in groups:
            said = [self._said(trait) for trait in traits]
            name, before = self._name(traits[:3]), names.get(number)
            # A name given before goes on while two of the three things it says are still among the four most telling.
            if before and sum(words.zh in before.zh for words in said[:4]) >= 2:
                name = before
            if taken[name.zh] and len(said) > 3:
                name = self._name(traits[:4])
            taken[name.zh] += 1
            if taken[name.zh] > 1:
                name = Words(f"{name.en} ({taken[name.zh]})", f"{name.zh}（{taken[name.zh]}）")
            made.append(Group(number, rows, traits, name))
        return sorted(made, key=lambda group: (-group.rows, group.number))

    def _name(self, traits: Sequence[Trait]) -> Words:
        if not traits:
            return Words("Like most customers", "与多数客户相近")
        # What they do, then where: numbers before categories, each the most telling first.
        said = [self._said(trait) for trait in sorted(traits, key=lambda trait: trait.level is not None)]
        en, zh = ", ".join(words.en for words in said), "、".join(words.zh for words in said)
        return Words(en[:1].upper() + en[1:], zh)

    def _said(self, trait: Trait) -> Words:
        spoken = (self.said or {}).get(trait.column)
        if trait.level is not None:
            if trait.level in ("true", "false"):
                told = spoken and (spoken.high if trait.level == "true" else spoken.low)
                return told or Words(f"{trait.column} {trait.level}", f"{trait.column} {trait.level}")
            return (spoken.levels if spoken else {}).get(trait.level) or Words(trait.level, trait.level)
        if spoken:
            return spoken.high if trait.score > 0 else spoken.low
        return Words(f"high {trait.column}", f"{trait.column} 高") if trait.score > 0 else Words(
            f"low {trait.column}", f"{trait.column} 低")  # fmt: skip


@dataclass(frozen=True)
class _Block:
    """A column as it takes part. wide: what rows are compared by. plain: the values themselves (a number), or one
    column a level, 0 or 1. levels: of a category; the last may be all others ("")."""

    name: str
    wide: Real
    plain: Real
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Number:
    """How a column of numbers is brought to the size of all others. logs: by their logarithm; middle: for what is unknown."""

    name: str
    logs: bool
    middle: float
    mean: float
    spread: float

    @classmethod
    def of(cls, name: str, values: Real) -> "_Number":
        known = values[~np.isnan(values)]
        spread = known.std()
        logs = bool(spread and ((known - known.mean()) ** 3).mean() / spread**3 > 1 and known.min() >= 0)
        plain = cls(name, logs, 0.0, 0.0, 1.0)._known(values)
        middle = float(np.nanmedian(plain))
        filled = np.where(np.isnan(plain), middle, plain)
        mean = float(filled.mean())
        return cls(name, logs, middle, mean, float((filled - mean).std()) or 1.0)

    def _known(self, values: Real) -> Real:
        return np.log1p(np.maximum(values, 0)) if self.logs else values

    def read(self, column: pa.ChunkedArray) -> Real:
        values = np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
        return np.where(np.isfinite(values), values, np.nan)

    def block(self, values: Real) -> _Block:
        wide = self._known(values)
        wide = (np.where(np.isnan(wide), self.middle, wide) - self.mean) / self.spread
        return _Block(self.name, np.clip(wide, -3, 3)[:, None], values[:, None])


@dataclass(frozen=True)
class _Category:
    """How a column of categories is compared. levels: those with a column of their own; rest: all others have one.

    shares: of each column among the rows learned from.
    """

    name: str
    levels: tuple[str, ...]
    rest: bool
    shares: tuple[float, ...]

    @classmethod
    def of(cls, name: str, column: pa.ChunkedArray) -> "_Category":
        counts = pc.value_counts(column).to_pylist()
        ranked = sorted((row for row in counts if row["values"] is not None), key=lambda r: (-r["counts"], r["values"]))
        levels = tuple(row["values"] for row in ranked[:MOST_LEVELS])
        each = [row["counts"] for row in ranked[:MOST_LEVELS]]
        rest = len(column) - sum(each)
        shares = (many / len(column) for many in ([*each, rest] if rest else each))
        return cls(name, levels, bool(rest), tuple(shares))

    def read(self, column: pa.ChunkedArray) -> Real:
        return self._plain(_as_text(column))

    def _plain(self, column: pa.ChunkedArray) -> Real:
        """One column a level, 0 or 1, those of no level in the last."""
        levels = pa.array(self.levels, pa.string())
        codes = pc.index_in(column, value_set=levels).fill_null(len(levels)).to_numpy()
        plain: Real = (codes[:, None] == np.arange(len(levels) + self.rest)[None]).astype(float)
        return plain

    def block(self, plain: Real) -> _Block:
        shares = np.array(self.shares)
        width = np.sqrt((shares * (1 - shares)).sum()) or 1.0
        named = (*self.levels, "") if self.rest else self.levels
        return _Block(self.name, (plain - shares) / width * CATEGORY_WEIGHT, plain, named)


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return (column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column).cast(pa.string())


def _traits(blocks: Sequence[_Block], inside: NDArray[np.bool_]) -> tuple[Trait, ...]:
    """What sets the rows inside apart from all rows, strongest first; only what is at least a third of a deviation away."""
    found = []
    for block in blocks:
        if not block.levels:
            wide = block.wide[:, 0]
            score = float((wide[inside].mean() - wide.mean()) / (wide.std() or 1.0))
            values = block.plain[:, 0]
            here = values[inside]
            if np.isnan(here).all():
                continue
            found.append(Trait(block.name, None, score, float(np.nanmedian(here)), float(np.nanmedian(values))))
            continue
        for place, level in enumerate(block.levels):
            share, among = block.plain[inside, place].mean(), block.plain[:, place].mean()
            # Being something is said of a group that mostly is, never what it is not.
            if level and share > among and share >= 0.4:
                score = (share - among) / np.sqrt(among * (1 - among) or 1.0)
                found.append(Trait(block.name, level, float(score), float(share), float(among)))
    telling = [trait for trait in found if abs(trait.score) >= TELLING]
    return tuple(sorted(telling, key=lambda trait: (-abs(trait.score), trait.column, trait.level or "")))


def _last(before: Any, rows: int) -> Whole:
    """The numbers of last time as an array, -1 for a row not known then."""
    column = (
        before
        if isinstance(before, pa.Array | pa.ChunkedArray)
        else pa.array(list(before), pa.int64(), from_pandas=True)
    )
    found = column.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    if len(found) != rows:
        raise ValueError(f"before has {len(found)} rows and the frame {rows}; give one number a row, or null")
    return np.asarray(found, np.int64)


def _lasting(found: Whole, last: Whole | None) -> tuple[Whole, float | None]:
    """The groups by the numbers they had last time, as far as they are the same; others get numbers never given before."""
    from scipy.optimize import linear_sum_assignment

    k = int(found.max()) + 1
    if last is None or not (last >= 0).any():
        # Numbered by size, so that the first fit does not depend on where its starts lay.
        order = np.argsort(-np.bincount(found, minlength=k), kind="stable")
        number = np.empty(k, np.int64)
        number[order] = np.arange(1, k + 1)
        return number[found], None
    known = last >= 0
    old = np.unique(last[known])
    shared = np.zeros((k, len(old)))
    np.add.at(shared, (found[known], np.searchsorted(old, last[known])), 1)
    number = np.zeros(k, np.int64)
    for new, place in zip(*linear_sum_assignment(-shared), strict=True):
        if shared[new, place]:
            number[new] = old[place]
    fresh = number == 0
    number[fresh] = old.max() + 1 + np.arange(fresh.sum())
    labels = number[found]
    return labels, float((labels[known] == last[known]).mean())
