"""The terms of features said again as plain SQL over the rows known at one date: what the compiled pass must equal."""

from datetime import datetime, timedelta
from typing import Any

import ibis

from tenure.insight.features import Family
from tenure.insight.features.base import seen_at
from tenure.insight.features.terms import SEEN, Fixed, Made, Over, Term, leaves

DAY = 86_400_000_000


def plainly(family: Family, records: ibis.Table, date: datetime) -> dict[int, dict[str, Any]]:
    """The family's features of each person with a row known at the date, by grouping."""
    rows = records.filter(records.person_id.notnull())
    rows = rows.mutate(**{SEEN: seen_at(family.contract, rows)})
    rows = family.rows(rows)
    rows = rows.mutate(_place=ibis.row_number().over(group_by="person_id", order_by=list(family.order)))
    at = ibis.literal(date)
    rows = rows.filter(rows[SEEN] < at)
    asked = {leaf: f"leaf_{n}" for n, leaf in enumerate({x for term, _ in family.terms.values() for x in leaves(term)})}
    moment = family.contract.valid_at or "valid_at"
    found = rows.group_by("person_id").agg(**{name: aggregate(rows, leaf, at, date, moment)
                                              for leaf, name in asked.items()})  # fmt: skip
    found = found.select("person_id", **{n: made(found, term, asked, date) for n, (term, _) in family.terms.items()})
    return {row["person_id"]: row for row in found.to_pyarrow().to_pylist()}


def aggregate(rows: ibis.Table, leaf: Over, at: Any, date: datetime, moment: str) -> Any:
    counts = rows[leaf.since] < at
    if leaf.until:
        counts &= rows[leaf.until].isnull() | (rows[leaf.until] >= at)
    if leaf.where:
        counts &= rows[leaf.where]
    if leaf.window:
        by = rows[leaf.by or moment]
        counts &= by >= ibis.literal(date - timedelta(days=leaf.window + leaf.back))
        counts &= by < ibis.literal(date - timedelta(days=leaf.back))
    if leaf.column is None:
        return rows.count(where=counts)
    column = rows[leaf.column]
    if leaf.how == "newest":
        # A null that was said is an answer too, so the value travels in a struct.
        packed = ibis.struct({"value": column})
        return packed.argmax(rows._place, where=counts)["value"]
    if column.type().is_timestamp():
        column = column.epoch_seconds().cast("int64") * 1_000_000
    elif column.type().is_date():
        column = column.epoch_days() if leaf.how != "distinct" else column
    how = {"count": "count", "total": "sum", "highest": "max", "lowest": "min", "distinct": "nunique"}[leaf.how]
    return getattr(column, how)(where=counts)


def made(found: ibis.Table, term: Term, asked: dict[Over, str], date: datetime) -> Any:
    if isinstance(term, Over):
        value = found[asked[term]]
        if value.type().is_timestamp():
            return value.epoch_seconds().cast("float64") * 1e6
        return value if value.type().is_string() or value.type().is_date() else value.cast("float64")
    if isinstance(term, Fixed):
        return ibis.literal(float(term.value))
    assert isinstance(term, Made)
    one, other = (made(found, part, asked, date) for part in (term.of[0], term.of[-1]))
    now = date.timestamp() * 1e6
    return {
        "plus": lambda: one + other,
        "minus": lambda: one - other,
        "over": lambda: one / other.nullif(0),
        "size": lambda: one.abs(),
        "or_zero": lambda: one.fill_null(0.0),
        "change": lambda: (
            (one.fill_null(0.0) - other.fill_null(0.0))
            / (one.fill_null(0.0).abs() + other.fill_null(0.0).abs()).nullif(0)
        ),
        "days_since": lambda: ((now - one) / DAY).floor(),
        "days_until": lambda: ((one - now) / DAY).floor(),
        "years_since": lambda: (ibis.literal(date.date()).delta(one, unit="day") / 365.25).floor(),
    }[term.how]()
