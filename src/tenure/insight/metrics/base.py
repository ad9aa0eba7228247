"""What a metric is: its words, its formula, its lines, and how it is measured."""

import math
from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from typing import Any, ClassVar, Literal, TypeAlias
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa

from tenure.contracts import CONTRACTS, Contract
from tenure.in_memory import in_memory
from tenure.language import Words

Better: TypeAlias = Literal["higher", "lower", "neither"]
Level: TypeAlias = Literal["below", "at", "excellent", "breach"]
Tables: TypeAlias = Mapping[str, ibis.Table]

DAYS_A_MONTH = 365.25 / 12
_EARNING = {"orders", "subscriptions"}

UNITS: dict[str, Words] = {
    "share": Words("share, 0 to 1", "比例（0 到 1）"),
    "money": Words("minor units of the reporting currency", "本币最小单位"),
    "customers": Words("customers", "位客户"),
    "orders": Words("orders", "笔订单"),
    "points": Words("points", "分"),
    "number": Words("a plain number", "数值"),
    "hours": Words("hours", "小时"),
    "days": Words("days", "天"),
    "minutes": Words("minutes", "分钟"),
}

# The chapters of the catalogue, in its order.
GROUPS: dict[str, Words] = {
    "customers": Words("Customers", "客户"),
    "revenue": Words("Revenue", "收入"),
    "satisfaction": Words("Satisfaction", "满意度"),
    "service": Words("Service", "服务"),
    "sales": Words("Sales", "销售"),
    "marketing": Words("Marketing", "营销"),
    "operations": Words("Operations", "运营"),
}

MEASURED = pa.schema(
    [
        pa.field("metric", pa.string()),
        pa.field("period_start", pa.date32()),
        pa.field("period_end", pa.date32()),
        pa.field("segment", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("numerator", pa.float64()),
        pa.field("denominator", pa.float64()),
        pa.field("count", pa.int64()),
        pa.field("needs", pa.string()),
    ]
)


@dataclass(frozen=True, order=True)
class Period:
    """Business days from `start` up to, not including, `end`; `zone` says when those days begin.

    Raises ValueError where it would hold no day.
    """

    start: date
    end: date
    zone: str = "UTC"

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"a period ends after it starts; found {self.start} to {self.end}")

    @classmethod
    def month(cls, year: int, month: int, zone: str = "UTC") -> "Period":
        return cls.months(date(year, month, 1), 1, zone)[0]

    @classmethod
    def months(cls, start: date, n: int, zone: str = "UTC") -> "list[Period]":
        """`n` months in a row, the first from `start` on. A day a month lacks is its last: 31 January, 28 February …"""
        return [cls(_months_later(start, i), _months_later(start, i + 1), zone) for i in range(n)]

    def before(self) -> "Period":
        """The period of the same length just before: as many months where it is whole months, else as many days."""
        months = self._whole_months
        start = _months_later(self.start, -months) if months else self.start - (self.end - self.start)
        return Period(start, self.start, self.zone)

    def year_before(self) -> "Period":
        """The same period a year before: the same months where it is whole months, else the same weekdays 52 weeks back."""
        if self._whole_months:
            return Period(_months_later(self.start, -12), _months_later(self.end, -12), self.zone)
        return Period(self.start - timedelta(weeks=52), self.end - timedelta(weeks=52), self.zone)

    def holds(self, column: Any) -> Any:
        """Whether a column (business dates, or instants) lies within. Null is not within."""
        if column.type().is_timestamp():
            return (column >= self.starts_at) & (column < self.ends_at)
        return (column >= ibis.literal(self.start)) & (column < ibis.literal(self.end))

    @property
    def starts_at(self) -> Any:
        """The first instant of the period, as a literal."""
        return ibis.literal(self.first_instant, type="timestamp('UTC', 6)")

    @property
    def ends_at(self) -> Any:
        """The first instant after the period, as a literal."""
        return ibis.literal(self.end_instant, type="timestamp('UTC', 6)")

    @property
    def first_instant(self) -> datetime:
        return self._midnight(self.start)

    @property
    def end_instant(self) -> datetime:
        return self._midnight(self.end)

    @property
    def a_year_back(self) -> date:
        """Where the twelve months up to its end begin."""
        return _months_later(self.end, -12)

    @property
    def length_months(self) -> float:
        """Its length in months: whole for whole months, else days by the mean month of 30.4375."""
        return float(self._whole_months or (self.end - self.start).days / DAYS_A_MONTH)

    @property
    def _whole_months(self) -> int:
        n = (self.end.year - self.start.year) * 12 + self.end.month - self.start.month
        return n if n > 0 and _months_later(self.start, n) == self.end else 0

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), tzinfo=ZoneInfo(self.zone)).astimezone(UTC)


@dataclass(frozen=True)
class Line:
    """A level to hold a figure against, and whose it is."""

    value: float
    source: Words


@dataclass(frozen=True)
class Example:
    """A few records and the figure they come to, worked by hand: shown in the documentation, run by the suite."""

    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    period: Period
    value: float
    count: int
    numerator: float | None = None
    denominator: float | None = None


@dataclass(frozen=True, eq=False)
class Metric:
    """A number that anyone reports, defined once.

    group: a key of GROUPS. unit: a key of UNITS. reads: names of the contracts it is made from, in the order `compute`
    takes them. columns: those it can't do without beyond person and time, as `contract.column`.
    each: the contract whose records it counts one by one; "" where it counts customers. made_of: the metrics to look at
    where the figure is no sum over customers or records (a rank, a quotient of two figures). amounts: whether it tells
    of money, though it may be no money itself. heavy: one period takes as long as twenty of another metric.
    count: what the sample size counts. total: a sum or a number of things, of which a period may truly hold none, so that
    it is 0 there and not unknown. benchmark, excellent: lines to reach; limit: a line whose crossing warns.
    compute(*tables, period) gives one row for each segment: segment, numerator, denominator, and where they differ from
    the plain case, value (default numerator ÷ denominator × scale) and count (default denominator).
    """

    name: str
    group: str
    words: Words
    meaning: Words
    formula: Words
    unit: str
    better: Better
    reads: tuple[str, ...]
    count: Words
    source: Words
    example: Example
    compute: Callable[..., Any] = field(repr=False)
    module: str
    scale: float = 1.0
    total: bool = False
    columns: tuple[str, ...] = ()
    each: str = ""
    made_of: tuple[str, ...] = ()
    amounts: bool = False
    heavy: bool = False
    benchmark: Line | None = None
    excellent: Line | None = None
    limit: Line | None = None

    # A page shows a metric's words; a template would call whatever can be called.
    do_not_call_in_templates: ClassVar[bool] = True

    def __call__(self, *tables: Any, period: Period) -> Any:
        return self.compute(*tables, period)


@dataclass(frozen=True)
class Verdict:
    """Where a figure stands: below, at or excellent against its benchmark; breach beyond its limit."""

    level: Level
    words: Words


@dataclass(frozen=True)
class Change:
    """From one figure to another, in both ways people say it.

    relative: part of the former figure (0.15 is +15 %); None from zero. absolute: in the metric's unit (a share's points
    are hundredths: 0.12 is 12 points).
    """

    before: float
    after: float
    unit: str

    @property
    def absolute(self) -> float:
        return self.after - self.before

    @property
    def relative(self) -> float | None:
        return self.absolute / abs(self.before) if self.before else None

    @property
    def words(self) -> Words:
        """Says which of the two it is: "+15 % relative (+12 points)"."""
        if self.unit == "share":
            moved = _number(self.absolute * 100, signed=True)
            points = Words(f"{moved} points", f"{moved} 个百分点")
        else:
            points = figure(self.unit, self.absolute, signed=True)
        if self.relative is None:
            return points
        part = _number(self.relative * 100, signed=True)
        return Words(f"{part} % relative ({points.en})", f"相对变化 {part}%（{points.zh}）")


def metric(
    *,
    group: str,
    words: tuple[str, str],
    meaning: tuple[str, str],
    formula: tuple[str, str],
    unit: str,
    better: Better,
    reads: Contract | Sequence[Contract],
    count: tuple[str, str],
    source: tuple[str, str],
    example: Example,
    scale: float = 1.0,
    total: bool = False,
    columns: Sequence[str] = (),
    each: Contract | None = None,
    made_of: Sequence[str] = (),
    amounts: bool = False,
    heavy: bool = False,
    benchmark: Line | None = None,
    excellent: Line | None = None,
    limit: Line | None = None,
) -> Callable[[Callable[..., Any]], Metric]:
    """Makes a metric of the function it stands on; the function's name is the metric's.

    Raises ValueError for a unit that UNITS does not know, a group that GROUPS does not, or a column no contract has.
    """
    if group not in GROUPS:
        raise ValueError(f"group {group!r} is unknown; there are: {', '.join(GROUPS)}")
    if unit not in UNITS:
        raise ValueError(f"unit {unit!r} is unknown; there are: {', '.join(UNITS)}")
    contracts = (reads,) if isinstance(reads, Contract) else tuple(reads)
    by_name = {contract.name: contract for contract in contracts}
    for column in columns:
        contract, __, name = column.partition(".")
        if contract not in by_name or name not in by_name[contract]:
            raise ValueError(f"{column!r} is no column of what the metric reads: {', '.join(by_name)}")

    def wrap(compute: Callable[..., Any]) -> Metric:
        return Metric(
            name=compute.__name__,
            group=group,
            words=Words(*words),
            meaning=Words(*meaning),
            formula=Words(*formula),
            unit=unit,
            better=better,
            reads=tuple(contract.name for contract in contracts),
            count=Words(*count),
            source=Words(*source),
            example=example,
            compute=compute,
            module=compute.__module__,
            scale=scale,
            total=total,
            columns=tuple(columns),
            each=each.name if each else "",
            made_of=tuple(made_of),
            amounts=amounts or unit == "money" or any(column.endswith("_minor") for column in columns),
            heavy=heavy,
            benchmark=benchmark,
            excellent=excellent,
            limit=limit,
        )

    return wrap


def measure(
    metric: Metric,
    tables: Tables,
    periods: Period | Iterable[Period],
    segment: ibis.Table | str | None = None,
) -> pa.Table:
    """The metric over each period: one row for each period and segment, of schema MEASURED, in order of both.

    tables: records by contract name, with `records_schema`; a contract that is missing counts as empty. segment: a table
    (person_id, segment), one row a person, that puts each in one; or the name of a text column of the records ("region"); without
    it, a `segment` column the records already have; else everyone together, under a null segment.

    value: the figure in the metric's unit, null where there is nothing to make it of, never NaN; numerator, denominator:
    what it was made of; count: the sample size, 0 where there is none; needs: where the value is null, the contracts
    whose records would light it up, comma-separated, or where those are there, the columns in which nothing stands
    (`orders.cost_minor`). A total over records that hold nothing for the period is 0.
    """
    wanted = [periods] if isinstance(periods, Period) else list(periods)
    if not wanted:
        return MEASURED.empty_table()
    prepared = [segmented(tables.get(name), name, segment) for name in metric.reads]
    parts = [_figures(metric, prepared, period, number) for number, period in enumerate(wanted)]
    found = ibis.union(*parts).to_pyarrow() if len(parts) > 1 else parts[0].to_pyarrow()
    together = segment is None and not any("segment" in tables[name].columns for name in metric.reads if name in tables)
    return _complete(metric, prepared, wanted, found.to_pylist(), together)


def judge(metric: Metric, value: float | None) -> Verdict | None:
    """Where the value stands against the metric's lines; None where there is no value or no line.

    A value on a line has reached it; the limit is breached only beyond it (5.0 % keeps a 5 % limit, 5.1 % breaches it).
    """
    if value is None or math.isnan(value):
        return None

    def say(level: Level, line: Line, en: str, zh: str) -> Verdict:
        places = _places_to_tell_apart(metric.unit, value, line.value)
        shown, at = (figure(metric.unit, number, places=places) for number in (value, line.value))
        return Verdict(level, Words(en.format(value=shown.en, line=at.en), zh.format(value=shown.zh, line=at.zh)))

    if metric.limit and not _reaches(metric, value, metric.limit):
        return say("breach", metric.limit, "{value}: beyond the limit of {line}", "{value}：超出 {line} 的警戒线")
    if metric.excellent and _reaches(metric, value, metric.excellent):
        return say("excellent", metric.excellent, "{value}: excellent ({line})", "{value}：优秀（{line}）")
    if metric.benchmark:
        if _reaches(metric, value, metric.benchmark):
            return say("at", metric.benchmark, "{value}: at the benchmark of {line}", "{value}：达到基准 {line}")
        return say("below", metric.benchmark, "{value}: short of the benchmark of {line}", "{value}：未达基准 {line}")
    if metric.limit:
        return say("at", metric.limit, "{value}: within the limit of {line}", "{value}：在 {line} 的警戒线以内")
    return None


def figure(unit: str, value: float, *, signed: bool = False, places: int = 2, decimals: int = 2) -> Words:
    """A figure as people write it: 5.1 %, 48 h, 45.

    places: decimals shown at most. decimals: how many the currency has, for money; it is given in whole currency units.
    """
    if unit == "share":
        text = _number(value * 100, places, signed)
        return Words(f"{text} %", f"{text}%")
    if unit == "money":
        text = f"{value / 10**decimals:{'+' if signed else ''},.{decimals}f}"
        return Words(text, text)
    text = _number(value, places, signed)
    after = {
        "hours": Words("{n} h", "{n} 小时"), "days": Words("{n} days", "{n} 天"), "minutes": Words("{n} min", "{n} 分钟"),
    }.get(unit, Words("{n}", "{n}"))  # fmt: skip
    return after.format(n=text)


def _number(value: float, places: int = 2, signed: bool = False) -> str:
    text = f"{value:,.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    if text in ("0", "-0"):
        return "0"
    return f"+{text}" if signed and not text.startswith("-") else text


def _places_to_tell_apart(unit: str, value: float, line: float) -> int:
    # 5.004 % must not be shown as 5 % beside "beyond the limit of 5 %".
    for places in range(2, 7):
        if value == line or figure(unit, value, places=places) != figure(unit, line, places=places):
            return places
    return 6


def _reaches(metric: Metric, value: float, line: Line) -> bool:
    # A mean of shares can miss its line by a rounding of the last bit; that is no miss.
    near = math.isclose(value, line.value, rel_tol=1e-12)
    return near or (value <= line.value if metric.better == "lower" else value >= line.value)


def _months_later(day: date, n: int) -> date:
    month = day.year * 12 + day.month - 1 + n
    year, month = divmod(month, 12)
    if day.day > 28:
        return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
    return date(year, month + 1, day.day)


def segmented(table: Any, name: str, segment: Any) -> Any:
    """The records with a `segment` column, whatever `measure` was given."""
    if table is None:
        table = in_memory(CONTRACTS[name].records_schema.empty_table())
    if isinstance(segment, str):
        found = table[segment].cast("string") if segment in table.columns else ibis.null("string")
        return table.mutate(segment=found)
    if segment is not None:
        who = segment.select(member=segment.person_id, segment=segment.segment.cast("string"))
        bare = table.drop("segment") if "segment" in table.columns else table
        return bare.left_join(who, bare.person_id == who.member).drop("member")
    return table if "segment" in table.columns else table.mutate(segment=ibis.null("string"))


def _figures(metric: Metric, prepared: Sequence[Any], period: Period, number: int) -> Any:
    rows = metric.compute(*prepared, period)
    # Null, not zero, where nothing was summed; counts are what they are.
    numerator = rows.numerator.cast("float64")
    denominator = rows.denominator.cast("float64")
    value = rows.value.cast("float64") if "value" in rows.columns else numerator / denominator.nullif(0) * metric.scale
    return rows.select(
        number=ibis.literal(number, type="int64"),
        segment=rows.segment,
        value=value,
        numerator=numerator,
        denominator=denominator,
        count=(rows["count"] if "count" in rows.columns else rows.denominator).fill_null(0).cast("int64"),
    )


def _complete(
    metric: Metric,
    prepared: Sequence[Any],
    periods: Sequence[Period],
    rows: Sequence[Mapping[str, Any]],
    together: bool,
) -> pa.Table:
    """Every period has a row for every segment there is; a missing value says what it needs."""
    found = {(row["number"], row["segment"]): row for row in rows}
    segments = (
        [None]
        if together
        else sorted({row["segment"] for row in rows} or {None}, key=lambda name: (name is None, name or ""))
    )
    nothing = {"value": None, "numerator": None, "denominator": None, "count": 0}
    # A column nothing stands in would make a number of nothing: no case found to be our fault is not "no errors".
    lacks = lacking(metric, dict(zip(metric.reads, prepared, strict=True))) if metric.columns else None
    if lacks and set(lacks) & set(metric.columns):
        found = {}
    final = []
    for number, segment in product(range(len(periods)), segments):
        row = found.get((number, segment), nothing)
        value, needs = row["value"], None
        if value is not None and not math.isfinite(value):
            value = None
        if not row["count"]:
            if lacks is None:
                lacks = lacking(metric, dict(zip(metric.reads, prepared, strict=True)))
            if not metric.total or set(lacks) & set(metric.columns) or set(lacks) >= set(metric.reads):
                value, needs = None, ", ".join(lacks or metric.reads)
            else:
                value = 0.0
        period = periods[number]
        final.append(
            {
                **{name: row[name] for name in ("numerator", "denominator", "count")},
                "metric": metric.name,
                "segment": segment,
                "period_start": period.start,
                "period_end": period.end,
                "value": value,
                "needs": needs,
            }
        )
    return pa.Table.from_pylist(final, schema=MEASURED)


def lacking(metric: Metric, tables: Tables) -> tuple[str, ...]:
    """What the metric lacks in these records: the contracts without a row, or else its columns without a value.

    Orders and subscriptions stand in for each other: a shop has no contracts, and lacks nothing for that.
    """
    there = _there(metric, tables)
    empty = tuple(name for name in metric.reads if name not in there)
    if len(_EARNING & set(empty)) < len(_EARNING & set(metric.reads)):
        empty = tuple(name for name in empty if name not in _EARNING)
    if empty:
        return empty
    return tuple(name for name in metric.columns if name not in there)


def _there(metric: Metric, tables: Tables) -> set[str]:
    """Which of the contracts a metric reads have a row, and which of its columns a value; one question for all of them."""
    asked = {name: tables[name].select("person_id") for name in metric.reads if name in tables}
    for column in metric.columns:
        contract, __, name = column.partition(".")
        if contract in tables:
            rows = tables[contract]
            asked[column] = rows.filter(rows[name].notnull()).select("person_id")
    if not asked:
        return set()
    some = [rows.limit(1).select(what=ibis.literal(what)) for what, rows in asked.items()]
    found = ibis.union(*some) if len(some) > 1 else some[0]
    return set(found.to_pyarrow()["what"].to_pylist())


__all__ = [
    "GROUPS", "MEASURED", "UNITS", "Better", "Change", "Example", "Level", "Line", "Metric", "Period", "Verdict", "figure",
    "judge", "lacking", "measure", "metric", "segmented",
]  # fmt: skip
