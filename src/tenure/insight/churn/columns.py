"""From any frame to arrays a model can read, and how each column is turned into them."""

import math
from dataclasses import asdict, dataclass, field
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


@dataclass
class Reading:
    """How one column becomes numbers: learned from the training rows, written out as JSON.

    median, mean, scale, low, high, knots: for numbers. levels: the categories with a column of their own.
    rates: for many categories, each one's log-odds against the overall ones.
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

    @classmethod
    def learn(cls, name: str, kind: Kind, column: Any, y: Floats) -> "Reading":
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
                learned = rates(code(values, often), y, len(often))
                reading.rates = dict(zip(often, learned.tolist(), strict=True))
            return reading
        x = numbers(column)
        given = x[~np.isnan(x)]
        low, high = (float(v) for v in np.quantile(given, (0.005, 0.995)))
        clipped = np.clip(given, low, high)
        if clipped.std() == 0:  # nearly everyone alike: the few who differ are all there is to learn from
            low, high, clipped = float(given.min()), float(given.max()), given
        inner = np.unique(np.quantile(clipped, KNOTS))
        knots = inner[(inner > clipped.min()) & (inner < clipped.max())].tolist() if len(np.unique(given)) > 2 else []
        return cls(
            name, kind, bool(np.isnan(x).any()), float(np.median(given)), float(clipped.mean()),
            float(clipped.std()) or 1.0, low, high, knots,
        )  # fmt: skip

    def read(self, column: Any, own_rates: Floats | None = None) -> tuple[list[Floats], list[Floats]]:
        """The column's part of the linear design, and of the trees' one."""
        if self.kind == "number":
            x = numbers(column)
            unknown = np.isnan(x)
            filled = np.clip(np.where(unknown, self.median, x), self.low, self.high)
            linear = [(filled - self.mean) / self.scale]
            linear += [np.maximum(filled - knot, 0.0) / self.scale for knot in self.knots]
            if self.missing:
                linear.append(unknown.astype(float))
            return linear, [x]
        values = texts(column)
        codes = code(values, self.levels)
        flags = [(codes == i).astype(float) for i in range(len(self.levels))]
        if self.missing:
            flags.append(np.asarray(values.is_null()).astype(float))
        if self.rates:
            learned = np.append(np.fromiter(self.rates.values(), float), 0.0)
            flags.append(learned[code(values, list(self.rates))] if own_rates is None else own_rates)
        return flags, flags

    def to_json(self) -> dict[str, Any]:
        kept = asdict(self)
        return {**kept, "low": _finite(self.low), "high": _finite(self.high)}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Reading":
        low, high = kept["low"], kept["high"]
        return cls(**{**kept, "low": -math.inf if low is None else low, "high": math.inf if high is None else high})


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def code(values: pa.Array, levels: list[str]) -> NDArray[np.int64]:
    """The position of each value among the levels; -1 for null and for what is not among them."""
    found = pc.index_in(values, value_set=pa.array(levels, pa.string()))
    # A null among the values must not match anything, and the level set holds none.
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), dtype=np.int64)


@dataclass
class Design:
    """The matrices of both learners, and which column each of their columns came from."""

    linear: Floats
    trees: Floats
    linear_from: NDArray[np.int64]
    trees_from: NDArray[np.int64]

    def among(self, rows: NDArray[np.int64]) -> "Design":
        """Some of the rows."""
        return Design(self.linear[rows], self.trees[rows], self.linear_from, self.trees_from)

    def rated(self, own_rates: dict[str, Floats], readings: list[Reading]) -> "Design":
        """The same with other rates for the categories of some columns."""
        found = Design(self.linear.copy(), self.trees.copy(), self.linear_from, self.trees_from)
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
        one, other = reading.read(table[reading.name], (own_rates or {}).get(reading.name))
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
    )
