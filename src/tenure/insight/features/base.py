"""What a feature family is made of, and the time rules all of them share."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import reduce
from typing import Any, Literal, TypeAlias

import ibis

from tenure.contracts import CONTRACTS, Contract, base_money
from tenure.currencies import minor_digits, sign_of
from tenure.insight.features.terms import Term
from tenure.language import Words

Unit: TypeAlias = Literal[
    "days", "hours", "years", "count", "share", "ratio", "change", "minor units", "score", "flag", "text"
]
Tables: TypeAlias = Mapping[str, ibis.Table]


@dataclass(frozen=True)
class Lever:
    """What the company itself can do about a feature, so that a page may say what the score would be then.

    words: what would be so, after "If …", with `{value}` filled in. way: `none` takes it to nought, `up` and `down` to
    where it stands with the better quarter of similar customers, `other` to another category seen among them.
    along: what else would be so with it, by feature (None: as of one of whom it is not known). Who somebody is and how
    long they have been a customer is no lever; nor is what only the customer decides.
    """

    words: Words
    way: Literal["none", "up", "down", "other"]
    along: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Feature:
    """One thing known about a customer at a date.

    unit: how the value is written in a sentence: `share` is 0 to 1 and shown as a percentage, `change` is -1 to 1
    (this window against the one before), `minor units` is money, `flag` is 0 or 1, `text` is a category.
    reason_up, reason_down: what a clerk reads where this value raises the risk, with `{value}` filled in:
    `reason_up` where the value is high among the customers the model learned from (a change: above 0), `reason_down`
    where it is low.
    zero: a person without rows has none of it (a count), rather than an unknown amount of it.
    value: what it is, in terms of the family's rows; None for a column that another room works out.
    driver: which part of the business it speaks of (`insight.churn.drivers`), where not its family's.
    lever: what the company can do about it.
    """

    name: str
    words: Words
    unit: Unit
    reason_up: Words | None = None
    reason_down: Words | None = None
    zero: bool = False
    value: Term | None = None
    driver: str = ""
    lever: Lever | None = None

    def __post_init__(self) -> None:
        if self.reason_down is None and self.reason_up is not None and self.unit == "text":
            object.__setattr__(self, "reason_down", self.reason_up)


@dataclass(frozen=True)
class Family:
    """Features computed together from the records of one contract.

    reads: the contract; where it has no rows the family yields nothing.
    rows: (records) -> the rows that count, with the columns the features are declared in; one row stays one row. It
    looks at no date: a column that became known after its row is for a feature's `since` or `until`, and nothing is
    made of it but what that feature reads (a row delivered late may say so; who asks counts it since the delivery).
    order: what puts the rows of a person in order, for `newest`.
    driver: which part of the business the features speak of, unless one says another.
    """

    name: str
    reads: tuple[str]
    features: tuple[Feature, ...]
    rows: Callable[[ibis.Table], ibis.Table]
    order: tuple[str, ...]
    driver: str = "other"

    @property
    def contract(self) -> Contract:
        return CONTRACTS[self.reads[0]]

    @property
    def terms(self) -> dict[str, tuple[Term, bool]]:
        """Each feature's term by name, and whether it is text."""
        return {feature.name: (feature.value, feature.unit == "text") for feature in self.features if feature.value}


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


def filled(tables: Tables) -> set[str]:
    """Which of the tables have a row, by name: one question for all of them."""
    if not tables:
        return set()
    asked = [table.limit(1).select(name=ibis.literal(name)) for name, table in tables.items()]
    found = ibis.union(*asked) if len(asked) > 1 else asked[0]
    return set(found.to_pyarrow()["name"].to_pylist())


def seen_at(contract: Contract, table: ibis.Table) -> ibis.Value:
    """The instant after which a row of a records table is known; null where it never is.

    It says of each row what `known_before` says at a date.
    """
    stamps = [table[name] for name in (contract.valid_at, "valid_at") if name and name in table.columns]
    if contract.name == "customers":
        return ibis.coalesce(
            *(table[name] for name in ("created_at", "valid_at", contract.valid_at) if name in table.columns)
        )
    if contract.fact:
        return since(*stamps)
    return ibis.coalesce(ibis.greatest(*stamps), ibis.literal(datetime(1970, 1, 1, tzinfo=UTC)))


def since(*instants: ibis.Value) -> ibis.Value:
    """The last of several instants; null, which is never, where one of them is."""
    if len(instants) == 1:
        return instants[0]
    there = reduce(lambda one, other: one & other, [instant.notnull() for instant in instants])
    return there.ifelse(ibis.greatest(*instants), ibis.null(instants[0].type()))


def written(unit: str, value: Any, *, currency: str = "") -> str:
    """A value as a person writes it: whole days, a percentage, money in its major unit with its currency's sign."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, int | float) or not math.isfinite(value):
        return str(value)
    if unit in ("share", "change"):
        return f"{abs(value) if unit == 'change' else value:.0%}"
    if unit == "minor units":
        digits = minor_digits(currency)
        return f"{'−' if value < 0 else ''}{sign_of(currency)}{abs(value) / 10**digits:,.{digits}f}"
    if unit in ("days", "years", "count"):
        return f"{round(value):,}"
    return f"{value:,.1f}".removesuffix(".0") if abs(value) < 1e15 else f"{value:g}"
