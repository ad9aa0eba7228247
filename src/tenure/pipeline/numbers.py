"""The metric catalogue over the current records, for whoever asks: by period, told apart, and down to what is behind it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import ibis
import pyarrow as pa

from tenure.contracts import CONTRACTS, STAMPS
from tenure.currencies import minor_digits
from tenure.insight.metrics import METRICS, Metric, Period, figure, judge, lacking, measure
from tenure.insight.metrics import breakdown as apart
from tenure.insight.segments.habits import by_rule
from tenure.lake import Lake, Scope
from tenure.lake.custom import schema_of
from tenure.pipeline.following import practice

Row = dict[str, Any]
Members = Mapping[int, pa.Array]
"""Who is in which segment of the company's own: person ids (int64) by its number. Who may ask about it is asked before."""
_KEPT_STAMPS = {"source"}
_UNREAD = {"product_name", "unit_price", "promotion", "end_reason", "offer"}  # of the contracts metrics read
HEAVY_PERIODS = 3  # a heavy metric is shown for so many


def held(lake: Lake, metric: Metric) -> Metric:
    """The metric with the lines this company holds it against."""
    return practice(lake).held(metric)


def offered(actor: Scope, names: Iterable[str] = METRICS) -> list[Metric]:
    """The metrics the actor may be told: without amounts, none that tells of money."""
    return [METRICS[name] for name in names if name in METRICS and (actor.sees("amounts") or not METRICS[name].amounts)]


@contextmanager
def tables(
    lake: Lake, actor: Scope, contracts: Iterable[str], *, split: bool = False, members: Members | None = None
) -> Iterator[dict[str, ibis.Table]]:
    """The records metrics read, as the actor may see them, each worked out once for all that is read within the block.

    split: with what tells customers and products apart (cards, stages, products, and the members of segments given).
    Nothing personal is opened.
    """
    wanted: dict[str, ibis.Table] = {}
    for name in sorted({*contracts, *(["products"] if split else [])}):
        rows = lake.read(f"records/{name}", actor=actor)
        unread = {*CONTRACTS[name].personal, *(set(STAMPS.names) - _KEPT_STAMPS), *_UNREAD}
        unread |= {column for beside in CONTRACTS[name].standards for column in CONTRACTS[name].beside(beside.name)}
        unread |= {field.name for field in schema_of(lake.custom(name))}
        wanted[name] = rows.drop(*(column for column in rows.columns if column in unread and column != "person_id"))
    if split:
        cards = lake.read(apart.CARDS, actor=actor)
        if lake.exists("scores/habits"):
            habits, tiers = (lake.read(f"scores/{name}", actor=actor) for name in ("habits", "tiers"))
            cards = cards.left_join(by_rule(habits, tiers), "person_id").drop("person_id_right")
        of_card = {one.column for one in apart.DIMENSIONS.values() if one.of == "customer"} & set(cards.columns)
        wanted[apart.CARDS] = cards.select("person_id", *sorted(of_card))
        wanted[apart.STAGES] = lake.read(apart.STAGES, actor=actor)
        if members:
            wanted[apart.MEMBERS] = ibis.memtable(_listed(members))
    with lake.kept(wanted) as kept:
        yield kept


def _listed(members: Members) -> pa.Table:
    parts = [
        pa.table({"person_id": people.cast(pa.int64()), "segment": pa.repeat(pa.scalar(str(pk)), len(people))})
        for pk, people in members.items()
    ]
    return pa.concat_tables(parts)


def catalogue(lake: Lake, *, actor: Scope, until: date, months: int, names: Iterable[str] = METRICS) -> dict[str, Row]:
    """Of each metric offered: rows (of MEASURED, the last full months before `until`, oldest first) and what it lacks."""
    metrics = offered(actor, names)
    found: dict[str, Row] = {}
    with tables(lake, actor, {name for metric in metrics for name in metric.reads}) as kept:
        for metric in metrics:
            periods = apart.spans("month", until, months, lake.zone)
            if metric.heavy:
                newest = periods[-1]
                periods = sorted({newest.year_before(), newest.before(), newest} if months > 2 else set(periods))
            found[metric.name] = {
                "rows": measure(metric, kept, periods).to_pylist(), "lacks": list(lacking(metric, kept)),
            }  # fmt: skip
    return found


def over(
    lake: Lake, *, actor: Scope, names: Iterable[str], spans: Sequence[Period], years: bool = False
) -> dict[str, Row]:
    """Of each metric offered: rows (of MEASURED) over these periods, oldest first, each with year_before (a value).

    years: for every period; else for the newest alone, the others say None. lacks, cautions: as `told` gives them. A heavy
    metric is measured for the newest periods only.
    """
    metrics = offered(actor, names)
    found: dict[str, Row] = {}
    with tables(lake, actor, {name for metric in metrics for name in metric.reads}) as kept:
        for metric in metrics:
            shown = list(spans[-HEAVY_PERIODS:] if metric.heavy else spans)
            compared = [period.year_before() for period in (shown if years and not metric.heavy else shown[-1:])]
            rows = measure(metric, kept, sorted({*shown, *compared})).to_pylist()
            by_span = {(row["period_start"], row["period_end"]): row for row in rows}
            told_rows = []
            for period in shown:
                year = period.year_before()
                before = by_span.get((year.start, year.end)) if year in compared else None
                told_rows.append(
                    by_span[period.start, period.end] | {"year_before": before["value"] if before else None}
                )
            found[metric.name] = {
                "rows": told_rows, "lacks": list(lacking(metric, kept)), "cautions": apart.cautions(metric, kept, shown),
            }  # fmt: skip
    return found


def told(
    lake: Lake,
    *,
    actor: Scope,
    metric: Metric,
    grain: str,
    until: date,
    periods: int,
    dimension: str | None = None,
    members: Members | None = None,
) -> Row:
    """One metric by period, each beside the same period a year before, and its newest period told apart.

    rows: of MEASURED, oldest first, each with year_before (a value). parts: one for each part of the dimension, the
    greatest sample first: segment, value, count, numerator, denominator, before, year_before. dimensions: those it can
    be told apart by; why_not: of the others, name → words. lacks, cautions: as `breakdown` gives them. members: of the
    segments that a dimension `own:…` names.
    """
    span = apart.spans(grain, until, min(periods, HEAVY_PERIODS) if metric.heavy else periods, lake.zone)
    years = [period.year_before() for period in span]
    with tables(lake, actor, metric.reads, split=True, members=members) as kept:
        every = sorted({*span, *years})
        measured = {(row["period_start"], row["period_end"]): row for row in measure(metric, kept, every).to_pylist()}
        fits = [one.name for one in apart.fits(metric, kept)]
        whys = {
            one.name: why for one in apart.DIMENSIONS.values() if (why := apart.why_not(metric, one, kept)) is not None
        }
        if dimension is not None and apart.segments_in(dimension):
            if why := apart.why_not(metric, apart.OWN, kept):
                whys[dimension] = why
            else:
                fits.append(dimension)
        return {
            "rows": [
                measured[p.start, p.end] | {"year_before": measured[y.start, y.end]["value"]}
                for p, y in zip(span, years, strict=True)
            ],
            "parts": _parts(metric, kept, span[-1], dimension) if dimension in fits else [],
            "by": dimension if dimension in fits else None,
            "dimensions": fits,
            "why_not": whys,
            "lacks": list(lacking(metric, kept)),
            "cautions": apart.cautions(metric, kept, span),
        }


def _parts(metric: Metric, kept: dict[str, ibis.Table], period: Period, dimension: str | None) -> list[Row]:
    assert dimension is not None
    three = [period.year_before(), period.before(), period]
    rows = apart.split(metric, kept, three, dimension).to_pylist()
    values = {(row["period_start"], row["period_end"], row["segment"]): row["value"] for row in rows}
    parts = [row for row in rows if (row["period_start"], row["period_end"]) == (period.start, period.end)]
    names = {}
    if dimension == "product" and (found := kept.get(apart.PRODUCTS)) is not None:
        goods = found.filter(found.product_id.isin([row["segment"] for row in parts if row["segment"]]))
        names = (
            {row["product_id"]: row["name"] for row in goods.select("product_id", "name").to_pyarrow().to_pylist()}
            if parts
            else {}
        )
    for row in parts:
        row["name"] = names.get(row["segment"]) or row["segment"]
        for key, before in (("before", three[1]), ("year_before", three[0])):
            row[key] = values.get((before.start, before.end, row["segment"]))
    return sorted(parts, key=lambda row: (-row["count"], row["segment"] is None, row["segment"] or ""))


def behind(
    lake: Lake,
    *,
    actor: Scope,
    metric: Metric,
    period: Period,
    dimension: str | None = None,
    part: str | None = None,
    counted: bool = False,
    limit: int | None = None,
    offset: int = 0,
    members: Members | None = None,
) -> Row:
    """What a figure is made of, within the actor's reach: its customers, or its records with what they say.

    rows: person_id or record, numerator, denominator, value, count, and of records the columns that are for everybody.
    total: how many there are; numerator, denominator: their sums. counted: only those above the line.
    Raises ValueError for a metric that is no sum, or a dimension that does not apply.
    """
    with tables(lake, actor, metric.reads, split=dimension is not None, members=members) as kept:
        rows = apart.behind(metric, kept, period, dimension, part)
        if counted:
            rows = rows.filter(rows.numerator != 0)
        sums = rows.aggregate(
            total=rows.count(),
            numerator=rows.numerator.sum().fill_null(0),
            denominator=rows.denominator.sum().fill_null(0),
        )
        whole: Row = lake.to_arrow(sums).to_pylist()[0]
        name = "record" if metric.each else "person_id"
        ordered = rows.order_by(rows.numerator.abs().desc(), rows.denominator.desc(), rows[name])
        some = lake.to_arrow(ordered.limit(limit, offset=offset) if limit is not None else ordered).to_pylist()
        if metric.each and some:
            said = _said(lake, metric, kept[metric.each], [row["record"] for row in some])
            some = [{**row, **said.get(row["record"], {})} for row in some]
    return {"rows": some, **whole}


def columns_of(metric: Metric) -> list[str]:
    """The columns of the records it counts that a drill shows: those that are for everybody, few."""
    shape = CONTRACTS[metric.each]
    kinds = ("text", "number", "boolean", "integer")
    left_out = {*shape.key, shape.person, "currency", *_UNREAD, "touchpoint"}
    found = [c.name for c in shape.columns if c.type in kinds and not c.personal and c.name not in left_out]
    return found[:4]


def _said(lake: Lake, metric: Metric, table: ibis.Table, keys: Sequence[str]) -> dict[str, Row]:
    """Of each record: whose it is, the day, and what it says; of an order's lines, what any of them does."""
    shape = CONTRACTS[metric.each]
    marked = table.mutate(record=apart.record_key(table, metric.each))
    marked = marked.filter(marked.record.isin(list(keys)))
    columns = [name for name in columns_of(metric) if name in marked.columns]
    day = shape.day if shape.day and shape.day in marked.columns else None
    told = {name: marked[name].max() for name in columns}
    if day:
        told["day"] = marked[day].min()
    found = marked.group_by("record").agg(person_id=marked.person_id.max(), **told)
    return {row.pop("record"): row for row in lake.to_arrow(found).to_pylist()}


def monthly(lake: Lake, *, actor: Scope, until: date, months: int, names: Iterable[str] = METRICS) -> list[Row]:
    """Every metric for the last `months` full months before `until`, as the actor may see them.

    Each row: metric, words, period (2026-05), value, shown, count, unit, judgement, needs (what would light it up).
    """
    digits = minor_digits(lake.currency)
    periods = apart.spans("month", until, months, lake.zone)
    found: list[Row] = []
    metrics = offered(actor, names)
    aims = {metric.name: held(lake, metric) for metric in metrics}
    with tables(lake, actor, {name for metric in metrics for name in metric.reads}) as kept:
        for metric in metrics:
            for row in measure(metric, kept, periods).to_pylist():
                verdict = judge(aims[metric.name], row["value"])
                found.append(
                    {
                        "metric": metric.name,
                        "words": str(metric.words),
                        "period": f"{row['period_start']:%Y-%m}",
                        "value": row["value"],
                        "shown": None
                        if row["value"] is None
                        else str(figure(metric.unit, row["value"], decimals=digits)),
                        "count": row["count"],
                        "unit": metric.unit,
                        "judgement": str(verdict.words) if verdict else None,
                        "needs": row["needs"],
                    }
                )
    return found
