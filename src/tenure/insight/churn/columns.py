"""From any frame to arrays a model can read, and how each column is turned into them."""

import math
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tenure.insight.frames import to_arrow

Floats: TypeAlias = NDArray[np.float64]
Kind: TypeAlias = Literal["number", "text"]

KNOTS = np.linspace(0.1, 0.9, 7)
MOST_LEVELS = 30  # more categories than this are also read by how often each one churned
FEWEST_ROWS = 5  # a category seen less often is too rare to learn from
_FEWEST_CODES = 8  # fewer values than this are told apart by a few turns of a tree, or a knot for each
_PULL = 20.0  # rows' worth of the overall rate mixed into each category's own


def to_table(X: Any) -> pa.Table:
    """Any pandas, Polars or Arrow frame, or a two-dimensional array or list of rows (columns x0, x1 …), as an Arrow table."""
    if isinstance(X, list | tuple) or (hasattr(X, "__array__") and not hasattr(X, "columns")):
        X = np.asarray(X)
    if isinstance(X, np.ndarray):
        if X.ndim != 2:
            raise ValueError(f"X must have two dimensions; found shape {X.shape}")
        return pa.table({f"x{i}": _loose(X[:, i]) for i in range(X.shape[1])})
    try:
        table = to_arrow(X)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        # pandas lets one column mix numbers and text; Arrow does not.
        return pa.table({str(name): _loose(np.asarray(X[name], dtype=object)) for name in X.columns})
    return table.select([name for name in table.column_names if not name.startswith("__index_level_")])


def _loose(values: Any) -> pa.Array:
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if v is None or v != v else str(v) for v in values], pa.string())


def kind_of(column: pa.ChunkedArray) -> Kind:
    """Number, or text: text whose non-blank values all read as numbers is a number."""
    column = plain(column)
    if not is_text(column.type):
        return "number"
    given = column.drop_null()
    return "number" if len(given) and as_float(given).null_count == 0 else "text"


def is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_))


_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


def as_float(texts: Any) -> Any:
    """Text as float64; what does not read as a number is null."""
    return pc.cast(pc.if_else(pc.match_substring_regex(texts, _NUMBER), texts, None), pa.float64())


def plain(column: Any) -> pa.ChunkedArray:
    """A column as numbers, or as trimmed text with blanks as null; dates become days since 1970."""
    if isinstance(column, pa.Array):
        column = pa.chunked_array([column])
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if is_text(kind):
        text = pc.utf8_trim_whitespace(column.cast(pa.string()))
        return pc.if_else(pc.equal(text, ""), None, text)
    if pa.types.is_boolean(kind) or pa.types.is_decimal(kind) or pa.types.is_integer(kind):
        return column.cast(pa.float64(), safe=False)
    if pa.types.is_date(kind):
        return column.cast(pa.date32()).cast(pa.int32()).cast(pa.float64())
    if pa.types.is_timestamp(kind):
        micros = column.cast(pa.timestamp("us", tz=kind.tz), safe=False).cast(pa.int64())
        return pc.divide(micros.cast(pa.float64()), 86_400e6)
    if pa.types.is_null(kind) or pa.types.is_floating(kind):
        return column.cast(pa.float64())
    return column.cast(pa.string())


def numbers(column: Any) -> Floats:
    """A column as floats; null, infinite and unreadable values are NaN."""
    column = plain(column)
    if is_text(column.type):
        column = as_float(column)
    values = np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def texts(column: Any) -> pa.Array:
    """A column as text, null where blank; whole numbers are written without a point."""
    column = plain(column)
    if pa.types.is_floating(column.type):
        values = [None if v is None or v != v else f"{v:.15g}" for v in column.to_pylist()]
        return pa.array(values, pa.string())
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _logit(p: Any) -> Any:
    return np.log(p) - np.log1p(-p)


def rates(codes: NDArray[np.int64], y: Floats, levels: int) -> Floats:
    """How each category's log-odds differ from the overall ones, pulled towards none where it has few rows."""
    mean = float(np.clip(y.mean(), 1e-6, 1 - 1e-6))
    known = codes >= 0
    rows = np.bincount(codes[known], minlength=levels).astype(float)
    events = np.bincount(codes[known], weights=y[known], minlength=levels)
    return np.asarray(_logit((events + _PULL * mean) / (rows + _PULL)) - _logit(mean), dtype=np.float64)


def out_of_fold_rates(codes: NDArray[np.int64], y: Floats, levels: int, folds: NDArray[np.int64]) -> Floats:
    """Each row's category rate learned from the other folds only, so a row never tells its own outcome."""
    found = np.zeros(len(y))
    for fold in np.unique(folds):
        inside = folds == fold
        learned = np.append(rates(codes[~inside], y[~inside], levels), 0.0)
        found[inside] = learned[codes[inside]]
    return found


def ordered_rates(
    codes: NDArray[np.int64], y: Floats, levels: int, seed: int, groups: NDArray[np.int64] | None = None
) -> Floats:
    """Each row's category rate from the rows before it in a random order: a row never tells its own outcome.

    Ordered target statistics (Prokhorenkova et al. 2018), as log-odds against the overall ones. One order only: the
    mean over many orders nears what all other rows tell, and by that a row's own outcome can be read off.
    groups: numbers from 0; the rows of a group take one place in the order and tell each other nothing. A code of -1 is
    no category and has no rate of its own. The overall rate is that of all rows: it is the same for each of them.
    """
    mean = float(np.clip(y.mean(), 1e-6, 1 - 1e-6))
    count = len(y) if groups is None else int(groups.max()) + 1
    turn = np.random.default_rng(seed).permutation(count)
    turn = turn if groups is None else turn[groups]
    by = np.lexsort((turn, codes))
    first = _starts(codes[by])
    own = np.maximum(first, _starts(turn[by]))  # where the rows of this category and group begin
    told = np.append(0.0, np.cumsum(y[by]))
    events, rows = told[own] - told[first], (own - first).astype(float)
    found = np.empty(len(y))
    found[by] = _logit((events + _PULL * mean) / (rows + _PULL)) - _logit(mean)
    found[codes < 0] = 0.0
    return found


def _starts(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each place, where the run of its value begins."""
    begins = np.append(True, values[1:] != values[:-1])
    return np.asarray(np.maximum.accumulate(np.where(begins, np.arange(len(values)), 0)), dtype=np.int64)


def is_code(x: Floats, y: Floats, folds: NDArray[np.int64]) -> bool:
    """Whether whole numbers are names of categories rather than amounts, as far as these rows can tell.

    The rows of the other folds foretell each row twice: by the rate of its number, and by the rate of the sixteenth it
    falls in when the numbers are put in order. A code is what its own rate foretells better, by more than three
    standard errors. Numbers with many values, each rarely met, are amounts without asking.
    """
    given = x[~np.isnan(x)]
    if not len(given) or (given != np.round(given)).any():
        return False
    met, codes = np.unique(np.where(np.isnan(x), -np.inf, x), return_inverse=True)
    if not _FEWEST_CODES <= len(met) <= len(given) / (2 * FEWEST_ROWS):
        return False
    mean = float(np.clip(y.mean(), 1e-6, 1 - 1e-6))
    edges = np.unique(np.quantile(given, np.linspace(0, 1, 17)[1:-1]))
    parts = np.where(np.isnan(x), 0, 1 + np.searchsorted(edges, x))
    alone = out_of_fold_rates(codes.astype(np.int64), y, len(met), folds)
    inline = out_of_fold_rates(parts.astype(np.int64), y, len(edges) + 2, folds)
    one, other = (np.logaddexp(0.0, score) - y * score for score in (alone + _logit(mean), inline + _logit(mean)))
    gain = other - one
    return bool(gain.mean() > 3.0 * gain.std() / np.sqrt(len(gain)) > 0)


@dataclass
class Reading:
    """How one column becomes numbers: learned from the training rows, written out as JSON.

    median, mean, scale, low, high, knots: for numbers. levels: the categories with a column of their own.
    rates: for many categories, and for numbers that are codes, each one's log-odds against the overall ones.
    sign: 1 where more of a number may only raise the risk, -1 where it may only lower it, 0 where it may do either.
    parts: where it reads the sum of other columns, those and the mean of each.
    """

    name: str
    kind: Kind
    missing: bool
    median: float = 0.0
    mean: float = 0.0
    scale: float = 1.0
    low: float = -math.inf
    high: float = math.inf
    knots: list[float] = field(default_factory=list)
    levels: list[str] = field(default_factory=list)
    rates: dict[str, float] = field(default_factory=dict)
    sign: int = 0
    parts: dict[str, float] = field(default_factory=dict)

    @classmethod
    def learn(
        cls, name: str, kind: Kind, column: Any, y: Floats, *, sign: int = 0, folds: NDArray[np.int64] | None = None
    ) -> "Reading":
        """folds: by which it is found out whether whole numbers are codes; without them, they are amounts."""
        if kind == "text":
            values = texts(column)
            counts = values.drop_null().value_counts()
            ordered = sorted(
                zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True),
                key=lambda pair: (-pair[1], pair[0]),
            )
            often = [level for level, rows in ordered if rows >= FEWEST_ROWS]
            reading = cls(name, kind, values.null_count > 0, levels=often[:MOST_LEVELS])
            if len(often) > MOST_LEVELS:
                reading._rated(values, often, y)
            return reading
        x = numbers(column)
        given = x[~np.isnan(x)]
        low, high = (float(v) for v in np.quantile(given, (0.005, 0.995)))
        clipped = np.clip(given, low, high)
        if clipped.std() == 0:  # nearly everyone alike: the few who differ are all there is to learn from
            low, high, clipped = float(given.min()), float(given.max()), given
        inner = np.unique(np.quantile(clipped, KNOTS))
        knots = inner[(inner > clipped.min()) & (inner < clipped.max())].tolist() if len(np.unique(given)) > 2 else []
        reading = cls(
            name, kind, bool(np.isnan(x).any()), float(np.median(given)), float(clipped.mean()),
            float(clipped.std()) or 1.0, low, high, knots, sign=sign,
        )  # fmt: skip
        # A code has no more and less of it, so nothing that may only go one way is one.
        if not sign and folds is not None and is_code(x, y, folds):
            met, rows = np.unique(given, return_counts=True)
            reading._rated(_codes(x), _written(met[rows >= FEWEST_ROWS]), y)
        return reading

    def _rated(self, values: pa.Array, levels: list[str], y: Floats) -> None:
        self.rates = dict(zip(levels, rates(code(values, levels), y, len(levels)).tolist(), strict=True))

    def codes(self, column: Any) -> NDArray[np.int64]:
        """Which of the rated categories each row has; -1 where none."""
        return code(_codes(numbers(column)) if self.kind == "number" else texts(column), list(self.rates))

    def read(self, column: Any, own_rates: Floats | None = None) -> tuple[list[Floats], list[Floats]]:
        """The column's part of the linear design, and of the trees' one."""
        if self.kind == "number":
            x = numbers(column)
            unknown = np.isnan(x)
            filled = np.clip(np.where(unknown, self.median, x), self.low, self.high)
            if self.sign:
                # Slopes between the knots, each with a coefficient of its own that the sign can be asked of.
                ends = [self.low, *self.knots, self.high]
                linear = [self.sign * (np.clip(filled, a, b) - a) / self.scale for a, b in pairwise(ends)]
            else:
                linear = [(filled - self.mean) / self.scale]
                linear += [np.maximum(filled - knot, 0.0) / self.scale for knot in self.knots]
            if self.missing:
                linear.append(unknown.astype(float))
            trees = [x]
            if self.rates:
                rated = self._rate(column, own_rates)
                linear, trees = [*linear, rated], [*trees, rated]
            return linear, trees
        values = texts(column)
        codes = code(values, self.levels)
        flags = [(codes == i).astype(float) for i in range(len(self.levels))]
        if self.missing:
            flags.append(np.asarray(values.is_null()).astype(float))
        if self.rates:
            flags.append(self._rate(column, own_rates))
        return flags, flags

    def _rate(self, column: Any, own_rates: Floats | None) -> Floats:
        if own_rates is not None:
            return own_rates
        learned = np.append(np.fromiter(self.rates.values(), float), 0.0)
        return np.asarray(learned[self.codes(column)], dtype=np.float64)

    def column(self, table: pa.Table) -> Any:
        """What it reads of a table; a sum is unknown where any of its parts is."""
        if not self.parts:
            return table[self.name]
        return pa.chunked_array([pa.array(np.sum([numbers(table[part]) for part in self.parts], axis=0))])

    def shares(self, table: pa.Table) -> Floats:
        """Which part of what a sum adds to each row's score is each of its parts' doing: shape (n, parts), adding up to 1.

        By how far each lies from its own mean in the direction in which their sum lies from its; what pulls the other way
        has none. All alike where a part is unknown.
        """
        off = np.column_stack([numbers(table[part]) - mean for part, mean in self.parts.items()])
        off = np.nan_to_num(np.maximum(off * np.sign(off.sum(axis=1, keepdims=True)), 0.0))
        total = off.sum(axis=1, keepdims=True)
        return np.asarray(np.where(total > 0, off / np.where(total > 0, total, 1.0), 1.0 / len(self.parts)))

    @property
    def slopes(self) -> int:
        """How many of the linear columns, from the first on, may have no coefficient below nought."""
        return len(self.knots) + 1 if self.sign else 0

    @property
    def tree_signs(self) -> list[int]:
        """For each of the trees' columns of it, which way it may go."""
        flags = len(self.levels) + self.missing if self.kind == "text" else 1
        return [self.sign] * flags + [0] * bool(self.rates)

    def to_json(self) -> dict[str, Any]:
        kept = asdict(self)
        return {**kept, "low": _finite(self.low), "high": _finite(self.high)}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Reading":
        low, high = kept["low"], kept["high"]
        return cls(**{**kept, "low": -math.inf if low is None else low, "high": math.inf if high is None else high})


def _codes(x: Floats) -> pa.Array:
    """Whole numbers as text, null where unknown."""
    met, places = np.unique(x, return_inverse=True)
    names = pa.array(
        [None if value != value else text for value, text in zip(met, _written(met), strict=True)], pa.string()
    )
    return names.take(pa.array(places))


def _written(values: Floats) -> list[str]:
    return [f"{value:.15g}" for value in values.tolist()]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def code(values: pa.Array, levels: list[str]) -> NDArray[np.int64]:
    """The position of each value among the levels; -1 for null and for what is not among them."""
    found = pc.index_in(values, value_set=pa.array(levels, pa.string()))
    # A null among the values must not match anything, and the level set holds none.
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), dtype=np.int64)


@dataclass
class Design:
    """The matrices of both learners, and which reading each of their columns came from.

    shares: for each reading of a sum, which part of its effect is each of its parts' doing.
    """

    linear: Floats
    trees: Floats
    linear_from: NDArray[np.int64]
    trees_from: NDArray[np.int64]
    shares: dict[int, Floats] = field(default_factory=dict)

    def among(self, rows: NDArray[np.int64]) -> "Design":
        """Some of the rows."""
        shares = {place: share[rows] for place, share in self.shares.items()}
        return Design(self.linear[rows], self.trees[rows], self.linear_from, self.trees_from, shares)

    def sloped(self, readings: list[Reading]) -> NDArray[np.bool_]:
        """Which of the linear columns may have no coefficient below nought."""
        found = np.zeros(self.linear.shape[1], bool)
        for place, reading in enumerate(readings):
            if reading.slopes:
                found[np.flatnonzero(self.linear_from == place)[: reading.slopes]] = True
        return found

    def rated(self, own_rates: dict[str, Floats], readings: list[Reading]) -> "Design":
        """The same with other rates for the categories of some columns."""
        found = Design(self.linear.copy(), self.trees.copy(), self.linear_from, self.trees_from, self.shares)
        for place, reading in enumerate(readings):
            if reading.name in own_rates:  # a reading's rate is the last of its columns
                found.linear[:, np.flatnonzero(self.linear_from == place)[-1]] = own_rates[reading.name]
                found.trees[:, np.flatnonzero(self.trees_from == place)[-1]] = own_rates[reading.name]
        return found


def design(table: pa.Table, readings: list[Reading], own_rates: dict[str, Floats] | None = None) -> Design:
    """Both matrices for the rows of a table."""
    linear: list[Floats] = []
    trees: list[Floats] = []
    linear_from: list[int] = []
    trees_from: list[int] = []
    for place, reading in enumerate(readings):
        one, other = reading.read(reading.column(table), (own_rates or {}).get(reading.name))
        linear += one
        trees += other
        linear_from += [place] * len(one)
        trees_from += [place] * len(other)
    rows = table.num_rows
    return Design(
        np.column_stack(linear) if linear else np.zeros((rows, 0)),
        np.column_stack(trees) if trees else np.zeros((rows, 0)),
        np.asarray(linear_from, dtype=np.int64),
        np.asarray(trees_from, dtype=np.int64),
        {place: reading.shares(table) for place, reading in enumerate(readings) if reading.parts},
    )
