"""A metric told apart: by period, by segment, team, product or channel, and down to the customers or records behind it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts import CONTRACTS, base_money
from tenure.in_memory import in_memory
from tenure.insight.metrics.base import Metric, Period, Tables, lacking, measure
from tenure.language import Words

CARDS, STAGES, PRODUCTS = "scores/customers", "scores/stages", "products"
MEMBERS = "members"  # who is in which segment of the company's own: person_id, segment; somebody may be in several
NEITHER = "0"  # the part of whoever is in none of the segments asked about
MOST_SEGMENTS = 5  # to tell a figure apart by at once
# Between the one a row of a drill is about and the part of the split they are in: a character no record is written with.
_PLACE = "\x1f"

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Grain:
    """A length of period people compare by. start: the first day of the one a day lies in; back: how many of it to go back."""

    name: str
    words: Words
    shown: int  # how many a chart shows
    start: Callable[[date], date]
    back: Callable[[date, int], date]


def _months_back(day: date, n: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - n, 12)
    return date(year, month + 1, 1)


GRAINS: Mapping[str, Grain] = {
    grain.name: grain
    for grain in (
        Grain("day", Words("Day", "日"), 28, lambda d: d, lambda d, n: d - timedelta(days=n)),
        Grain(
            "week",
            Words("Week", "周"),
            16,
            lambda d: d - timedelta(days=d.weekday()),
            lambda d, n: d - timedelta(weeks=n),
        ),
        Grain("month", Words("Month", "月"), 13, lambda d: d.replace(day=1), _months_back),
        Grain(
            "quarter",
            Words("Quarter", "季度"),
            8,
            lambda d: d.replace(month=(d.month - 1) // 3 * 3 + 1, day=1),
            lambda d, n: _months_back(d, 3 * n),
        ),
        Grain(
            "year", Words("Year", "年"), 4, lambda d: d.replace(month=1, day=1), lambda d, n: _months_back(d, 12 * n)
        ),
    )
}


def spans(grain: str, until: date, n: int, zone: str = "UTC") -> list[Period]:
    """The last `n` whole periods of the grain that are over before `until`, oldest first; weeks begin on Mondays."""
    of = GRAINS[grain]
    end = of.start(until)
    edges = [of.back(end, k) for k in range(n, -1, -1)]
    return [Period(a, b, zone) for a, b in pairwise(edges)]


@dataclass(frozen=True)
class Dimension:
    """A way to tell a figure apart. of: by who the customer is, or by what the record says. column: of the customer's
    card, or of the record."""

    name: str
    words: Words
    of: Literal["customer", "record"]
    column: str


DIMENSIONS: Mapping[str, Dimension] = {
    one.name: one
    for one in (
        Dimension("segment", Words("Segment", "分群"), "customer", "rfm_cell"),
        Dimension("tier", Words("Tier", "分层"), "customer", "tier"),
        Dimension("persona", Words("Persona", "画像"), "customer", "persona"),
        Dimension("stage", Words("Life-cycle stage", "生命周期阶段"), "customer", "stage"),
        Dimension("risk", Words("Churn risk", "流失风险"), "customer", "risk_band"),
        Dimension("abc", Words("Value class", "价值等级"), "customer", "abc"),
        Dimension("need", Words("What they mostly buy", "主要需求"), "customer", "need"),
        Dimension("behaviour", Words("Buying behaviour", "购买行为"), "customer", "behaviour"),
        Dimension("main_channel", Words("Where they mostly buy", "主要购买渠道"), "customer", "main_channel"),
        Dimension("potential", Words("Potential", "潜力"), "customer", "potential"),
        Dimension("kind", Words("Kind of customer", "客户类型"), "customer", "kind"),
        Dimension("team", Words("Team", "团队"), "customer", "team"),
        Dimension("owner", Words("Owner", "负责人"), "customer", "owner"),
        Dimension("region", Words("Region", "地区"), "customer", "region"),
        Dimension("product", Words("Product", "产品"), "record", "product_id"),
        Dimension("category", Words("Product category", "产品类别"), "record", "product_id"),
        Dimension("channel", Words("Channel", "渠道"), "record", "channel"),
    )
}


OWN = Dimension("own", Words("Segments you built", "自建细分群体"), "customer", "segment")
"""By segments the company built, said with their numbers: `own:3`, or several beside each other, `own:3,7`."""


def dimension_of(name: str) -> Dimension | None:
    """The dimension a name stands for, one of the catalogue's or `own:…`; None where it stands for none."""
    return OWN if segments_in(name) else DIMENSIONS.get(name)


def segments_in(name: str) -> list[str]:
    """The segments that `own:3,7` names, each once, in the order said; none where it is no such name."""
    kind, _colon, said = name.partition(":")
    found = list(dict.fromkeys(said.split(","))) if kind == OWN.name else []
    fits = all(one.isascii() and one.isdecimal() and 0 < len(one) < 10 and int(one) for one in found)
    return found if fits and len(found) <= MOST_SEGMENTS else []


def _dimension(name: str) -> Dimension:
    if (found := dimension_of(name)) is None:
        raise ValueError(f"There is no dimension {name!r}.")
    return found


def why_not(metric: Metric, dimension: Dimension, tables: Tables) -> Words | None:
    """Why the metric can't be told apart so, in plain words; None where it can."""
    if dimension.of == "customer":
        nobody = [name for name in metric.reads if CONTRACTS[name].person is None]
        if nobody:
            kinds = _named(nobody)
            return Words(
                f"It rests on {kinds.en}, which belong to no customer in particular.",
                f"该指标用到{kinds.zh}，这些记录不属于具体客户。",
            )
        if dimension is OWN and CARDS in tables and MEMBERS in tables:
            return None
        if CARDS not in tables or dimension.column not in tables[CARDS].columns:
            return Words(
                f"No customer has a {dimension.words.en.lower()} yet. Work them out with: tenure refresh",
                f"客户尚无“{dimension.words.zh}”。请运行：tenure refresh",
            )
        return None
    without = [name for name in metric.reads if dimension.column not in CONTRACTS[name]]
    if without:
        kinds = _named(without)
        return Words(
            f"It rests on {kinds.en}, which name no {dimension.words.en.lower()}.",
            f"该指标用到{kinds.zh}，其中没有“{dimension.words.zh}”。",
        )
    if (
        f"{metric.reads[0]}.{dimension.column}" in metric.columns
        and metric.unit == "share"
        and dimension.of == "record"
    ):
        return Words(
            f"Within one {dimension.words.en.lower()} it would always be the same.",
            f"在同一{dimension.words.zh}内该指标恒定不变。",
        )
    return None


def fits(metric: Metric, tables: Tables) -> list[Dimension]:
    """The dimensions the metric can be told apart by in these records."""
    return [one for one in DIMENSIONS.values() if why_not(metric, one, tables) is None]


def by(dimension: str, tables: Tables, period: Period | None = None, part: str | None = None) -> ibis.Table | str:
    """What `measure` takes as its segment: a table (person_id, segment), or the name of a column of the records.

    tables: `scores/customers`, for stages of the past `scores/stages`, and for segments of the company's own `MEMBERS`, as
    the asker may see them. A stage is the one a customer was in when the period began; everything else is as it is today.
    part: of several segments, which somebody may all be in, the one asked about; `NEITHER` puts apart who is in none.
    """
    one = _dimension(dimension)
    if one.of == "record":
        return one.column
    if one is OWN:
        asked = segments_in(dimension)
        return _members(tables, [part] if part in asked else asked)
    cards = tables[CARDS]
    now = cards.select("person_id", segment=cards[one.column].cast("string"))
    if dimension != "stage" or period is None or STAGES not in tables:
        return now
    past = tables[STAGES]
    past = past.filter(past.as_of <= ibis.literal(period.start))
    return past.group_by("person_id").agg(segment=past.stage.argmax(past.as_of))


def split(metric: Metric, tables: Tables, periods: Sequence[Period], dimension: str) -> pa.Table:
    """The metric over each period and each part of the dimension, of schema MEASURED; a null part is unknown.

    Raises ValueError where it can't be told apart so: ask `why_not` first.
    """
    one = _dimension(dimension)
    if said := why_not(metric, one, tables):
        raise ValueError(said.en)
    if one is OWN:
        return _by_members(metric, tables, periods, segments_in(dimension))
    if one.name == "stage":
        return pa.concat_tables([measure(metric, tables, period, by("stage", tables, period)) for period in periods])
    if one.of == "customer":
        return measure(metric, tables, periods, by(dimension, tables))
    return measure(metric, {name: _marked(tables, name, one) for name in metric.reads}, periods)


def behind(
    metric: Metric, tables: Tables, period: Period, dimension: str | None = None, part: str | None = None
) -> ibis.Table:
    """What a figure is made of: one row for each customer, or for each record where the metric counts records.

    Columns: person_id (customers) or record (the key's values, joined by "/"), numerator, denominator, value, count.
    Of one part of a dimension where one is named; `part` None is the unknown. Sums of numerators and denominators over
    all rows are those of the figure, except where an order with a sale and nothing else is needed to be one.

    Raises ValueError for a metric that is no sum (`made_of` says what to look at), or a dimension that does not apply.
    """
    if metric.made_of:
        raise ValueError(f"{metric.name} is no sum over customers or records; look at {', '.join(metric.made_of)}")
    one = _dimension(dimension) if dimension else None
    if one is not None and (said := why_not(metric, one, tables)):
        raise ValueError(said.en)
    told: dict[str, Any] = {}
    for name in metric.reads:
        table = tables[name] if name in tables else in_memory(CONTRACTS[name].records_schema.empty_table())
        if one is None:
            table = table.mutate(part=ibis.literal(""))
        elif one.of == "record":
            table = _marked({**tables, name: table}, name, one)
            table = table.rename(part="segment")
        else:
            who = by(dimension or "", tables, period, part)
            assert not isinstance(who, str)
            who = who.select(member="person_id", part="segment")
            table = table.left_join(who, table.person_id == who.member).drop("member")
        about = record_key(table, name) if metric.each else table.person_id.cast("string")
        table = table.drop("segment") if "segment" in table.columns else table
        told[name] = table.mutate(segment=about.fill_null("") + _PLACE + table.part.fill_null("")).drop("part")
    rows = metric.compute(*(told[name] for name in metric.reads), period)
    numerator, denominator = rows.numerator.cast("float64"), rows.denominator.cast("float64")
    value = rows.value.cast("float64") if "value" in rows.columns else numerator / denominator.nullif(0) * metric.scale
    count = rows["count"] if "count" in rows.columns else rows.denominator
    cut = rows.segment.length() - _last(rows.segment)
    found = rows.select(
        about=rows.segment.substr(0, cut - 1),
        part=rows.segment.substr(cut),
        numerator=numerator.fill_null(0.0),
        denominator=denominator.fill_null(0.0),
        value=value,
        count=count.fill_null(0).cast("int64"),
    )
    found = found.filter((found.numerator != 0) | (found.denominator != 0) | (found["count"] != 0))
    if one is not None:
        found = found.filter(found.part == (part or ""))
    found = found.drop("part")
    if metric.each:
        return found.rename(record="about")
    return found.mutate(person_id=found.about.nullif("").cast("int64")).drop("about")


def record_key(table: Any, contract: str) -> Any:
    """What names a record of a drill: its source and key; of order lines, the order they belong to."""
    key = [name for name in CONTRACTS[contract].key if name != CONTRACTS[contract].line_no]
    named = table.source.fill_null("")
    for name in key:
        named = named + "/" + table[name].cast("string").fill_null("")
    return named


def cautions(metric: Metric, tables: Tables, periods: Iterable[Period]) -> list[Row]:
    """Records of the span whose money is in a currency no exchange rate is known for: left out of what tells of money.

    Each: contract, currencies (up to five), records.
    """
    if not metric.amounts:
        return []
    span = list(periods)
    whole = Period(span[0].start, span[-1].end, span[0].zone)
    found = []
    for name in metric.reads:
        shape, table = CONTRACTS[name], tables.get(name)
        money = [c.name for c in shape.columns if c.type == "money" and c.name in ("amount_minor", "fee_minor")]
        if table is None or not money or not shape.day or "currency" not in table.columns:
            continue
        lost = table.filter(table[money[0]].notnull(), table[base_money(money[0])].isnull())
        if shape.name != "subscriptions":
            lost = lost.filter(whole.holds(lost[shape.day]))
        counted = lost.group_by("currency").agg(n=lost.count()).order_by("currency").to_pyarrow().to_pylist()
        if counted:
            currencies = [row["currency"] or "?" for row in counted[:5]]
            found.append({"contract": name, "currencies": currencies, "records": sum(row["n"] for row in counted)})
    return found


def why_nothing(metric: Metric, lacks: Iterable[str], row: Mapping[str, Any] | None, reach_all: bool = True) -> Words:
    """Why there is no figure, in plain words: what is missing as a whole, or in this period.

    lacks: what `lacking` says of the records. reach_all: whether the asker sees the whole company; whoever does not sees
    nothing of what belongs to no customer.
    """
    lacks = tuple(lacks)
    for name in lacks:
        contract, _dot, column = name.partition(".")
        shape = CONTRACTS[contract]
        if column:
            words = shape[column].words
            return _not_enough(
                f"no record of {shape.words.en.lower()} says “{words.en}”", f"{shape.words.zh}中没有“{words.zh}”的内容"
            )
        if shape.person is None and not reach_all:
            return _not_enough(
                f"{shape.words.en.lower()} are kept for the company as a whole and you see a part of it",
                f"{shape.words.zh}按全公司记录，而您只能看到其中一部分",
            )
        return _not_enough(f"there are no {shape.words.en.lower()} among the records", f"记录中没有{shape.words.zh}")
    if row is not None and row.get("count"):
        return _not_enough("there is nothing to divide by in this period", "该期间内没有可作分母的数值")
    return _not_enough(
        f"there are no {metric.count.en} in this period", f"该期间内没有可统计的数据（{metric.count.zh}为 0）"
    )


def _not_enough(en: str, zh: str) -> Words:
    return Words(f"Not enough data, because {en}.", f"数据不足：{zh}。")


def _named(contracts: Sequence[str]) -> Words:
    of = [CONTRACTS[name].words for name in contracts]
    return Words(", ".join(words.en.lower() for words in of), "、".join(words.zh for words in of))


def _members(tables: Tables, asked: Sequence[str]) -> ibis.Table:
    """Every customer with the segment asked about, or `NEITHER`; of several, all who are in any of them under the first."""
    inside = tables[MEMBERS]
    inside = inside.filter(inside.segment.isin(list(asked))).select(member="person_id").distinct()
    cards = tables[CARDS].select("person_id")
    both = cards.left_join(inside, cards.person_id == inside.member)
    return both.select("person_id", segment=both.member.isnull().ifelse(NEITHER, asked[0]))


def _by_members(metric: Metric, tables: Tables, periods: Sequence[Period], asked: Sequence[str]) -> pa.Table:
    """The metric over each segment, and over who is in none of them; somebody in two of them counts in both.

    Each is measured against everyone else by itself, so that a metric meets every customer once.
    """
    if len(asked) == 1:
        return measure(metric, tables, periods, _members(tables, asked))
    found = []
    for one in asked:
        rows = measure(metric, tables, periods, _members(tables, [one]))
        found.append(rows.filter(pc.equal(rows["segment"], one)))
    rest = measure(metric, tables, periods, _members(tables, asked))
    return pa.concat_tables([*found, rest.filter(pc.fill_null(pc.not_equal(rest["segment"], asked[0]), True))])


def _marked(tables: Tables, name: str, dimension: Dimension) -> Any:
    """The records with the part of the dimension each is in as `segment`."""
    table = tables[name] if name in tables else in_memory(CONTRACTS[name].records_schema.empty_table())
    table = table.drop("segment") if "segment" in table.columns else table
    if dimension.name != "category":
        return table.mutate(segment=table[dimension.column].cast("string"))
    goods = tables.get(PRODUCTS)
    if goods is None:
        return table.mutate(segment=ibis.null("string"))
    goods = goods.filter(goods.product_id.notnull())
    kinds = goods.group_by(item="product_id").agg(segment=goods.category.max())
    return table.left_join(kinds, table.product_id == kinds.item).drop("item")


def _last(text: Any) -> Any:
    """How many letters stand after the last mark that splits a row's name from its part."""
    return text.reverse().find(_PLACE)


__all__ = [
    "DIMENSIONS", "GRAINS", "MEMBERS", "NEITHER", "OWN", "Dimension", "Grain", "behind", "by", "cautions", "dimension_of",
    "fits", "lacking", "record_key", "segments_in", "spans", "split", "why_not", "why_nothing",
]  # fmt: skip
