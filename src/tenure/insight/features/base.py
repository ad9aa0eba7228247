"""What a feature family is made of, and the time rules all of them share."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, TypeAlias

import ibis

from tenure.contracts import CONTRACTS, Contract, base_money
from tenure.language import Words

Unit: TypeAlias = Literal[
    "days", "hours", "years", "count", "share", "ratio", "change", "minor units", "score", "flag", "text"
]
Tables: TypeAlias = Mapping[str, ibis.Table]

_DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Feature:
    """One thing known about a customer at a date.

    unit: how the value is written in a sentence: `share` is 0 to 1 and shown as a percentage, `change` is -1 to 1
    (this window against the one before), `minor units` is money, `flag` is 0 or 1, `text` is a category.
    reason_up, reason_down: what a clerk reads where this value raises the risk, with `{value}` filled in:
    `reason_up` where the value is high among the customers the model learned from (a change: above 0), `reason_down`
    where it is low.
    zero: a person without rows has none of it (a count), rather than an unknown amount of it.
    """

    name: str
    words: Words
    unit: Unit
    reason_up: Words | None = None
    reason_down: Words | None = None
    zero: bool = False

    def __post_init__(self) -> None:
        if self.reason_down is None and self.reason_up is not None and self.unit == "text":
            object.__setattr__(self, "reason_down", self.reason_up)


@dataclass(frozen=True)
class Family:
    """Features computed together from the same records.

    reads: the contracts it needs; where one of them has no rows the family yields nothing.
    compute: (tables, as_of) -> one row a person: person_id and the features. The tables hold only what was known.
    """

    name: str
    reads: tuple[str, ...]
    features: tuple[Feature, ...]
    compute: Callable[[Tables, datetime], ibis.Table]


def known_before(contract: Contract, table: ibis.Table, as_of: datetime) -> ibis.Table:
    """The rows of a records table that were true before `as_of`, with what became known only later read as null.

    Rows that belong to nobody are left out. A person's fixed attributes (customers) are read from the day the
    person joined, whenever the row that tells them was received: they never change, by their contract.
    """
    instant = ibis.literal(as_of)
    stamps = [name for name in (contract.valid_at, "valid_at") if name and name in table.columns]
    if contract.name == "customers":
        since = [table[name] for name in ("created_at", *reversed(stamps)) if name in table.columns]
        seen = table.filter(ibis.coalesce(*since) < instant)
    elif contract.fact:
        seen = table.filter(*(table[name] < instant for name in stamps))
    else:
        # The row's own time may be blank where the source keeps none; the lake's stamp never is.
        seen = table.filter(*(table[name].isnull() | (table[name] < instant) for name in stamps))
    later: dict[str, Any] = {}
    for column in contract.columns:
        if column.known_at is None or column.known_at not in table.columns:
            continue
        for name in (column.name, base_money(column.name)):
            if name in table.columns:
                later[name] = (seen[column.known_at] < instant).ifelse(seen[name], ibis.null(seen[name].type()))
    return seen.filter(seen.person_id.notnull()).mutate(**later)


def prepared(tables: Tables, as_of: datetime) -> dict[str, ibis.Table]:
    """Every table with a person, by contract name, cut down to what was known before `as_of`."""
    if as_of.tzinfo is None:
        raise ValueError(f"as_of must carry a zone, so that it names one instant; found {as_of.isoformat()}")
    return {
        name: known_before(CONTRACTS[name], table, as_of)
        for name, table in tables.items()
        if name in CONTRACTS and "person_id" in table.columns
    }


def is_filled(table: ibis.Table) -> bool:
    """Whether the table has a row."""
    return bool(table.limit(1).count().to_pyarrow().as_py())


def days_before(as_of: datetime, instant: ibis.Value) -> Any:
    """Days from an instant to `as_of`, with their fraction; negative where it lies ahead."""
    return ibis.literal(as_of).delta(instant, unit="second").cast("float64") / _DAY_SECONDS


def within(as_of: datetime, instant: Any, days: int, *, back: int = 0) -> Any:
    """Whether the instant lies in the `days` that end `back` days before `as_of` (half-open)."""
    start = ibis.literal(as_of - timedelta(days=days + back))
    end = ibis.literal(as_of - timedelta(days=back))
    return (instant >= start) & (instant < end)


def change(now: Any, before: Any) -> Any:
    """This window against the one before: -1 all gone, 0 the same, 1 all new; null where both are empty."""
    now, before = now.fill_null(0).cast("float64"), before.fill_null(0).cast("float64")
    return (now - before) / (now.abs() + before.abs()).nullif(0)


def share(part: Any, whole: Any) -> Any:
    """part / whole as a float; null where there is no whole."""
    return part.cast("float64") / whole.cast("float64").nullif(0)


def latest(table: ibis.Table, *order: str) -> ibis.Table:
    """One row a person: the last by the columns named, which must break every tie."""
    window = ibis.window(group_by="person_id", order_by=[ibis.desc(name) for name in order if name in table.columns])
    numbered = table.mutate(_place=ibis.row_number().over(window))
    return numbered.filter(numbered._place == 0).drop("_place")


def written(unit: str, value: Any, *, minor_digits: int = 2) -> str:
    """A value as a person writes it: whole days, a percentage, money in its major unit."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, int | float) or not math.isfinite(value):
        return str(value)
    if unit in ("share", "change"):
        return f"{abs(value) if unit == 'change' else value:.0%}"
    if unit == "minor units":
        return f"{value / 10**minor_digits:,.{minor_digits}f}"
    if unit in ("days", "years", "count"):
        return f"{round(value):,}"
    return f"{value:,.1f}".removesuffix(".0") if abs(value) < 1e15 else f"{value:g}"
