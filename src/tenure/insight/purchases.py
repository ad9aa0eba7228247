"""What counts as a purchase, said once for segments, stages, cohorts and metrics.

A line that was cancelled never counts. A sale is a purchase; a refund is money given back and no visit of its own.
"""

from datetime import UTC, datetime
from typing import Any

import ibis

INSTANT = "timestamp('UTC', 6)"


def at(instant: datetime) -> ibis.Value:
    """The instant as a literal every engine reads alike. Raises ValueError for a time without a zone."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone; an instant is passed in with one")
    return ibis.literal(instant.astimezone(UTC), type=INSTANT)


def days(n: int) -> ibis.Value:
    """`n` times 24 hours, to add to an instant: a calendar day would change with the engine's own zone."""
    return ibis.interval(hours=24 * n)


def counted(orders: ibis.Table, as_of: datetime | None = None) -> ibis.Table:
    """The order lines that count: not cancelled and, where `as_of` is given, placed before it.

    Adds is_sale (boolean) and net_base_minor (integer minor units: positive for a sale, negative for a refund).
    A line that does not say whether it is a sale or a refund is told by the sign of its amount.
    """
    lines = orders.filter((orders.status != "cancelled").fill_null(True))
    if as_of is not None:
        lines = lines.filter(lines.ordered_at < at(as_of))
    amount = lines.amount_base_minor.fill_null(0)
    is_sale = lines.kind.fill_null(ibis.ifelse(amount < 0, "refund", "sale")) == "sale"
    return lines.mutate(is_sale=is_sale, net_base_minor=ibis.ifelse(is_sale, amount, -amount.abs()))


def purchase_days(orders: ibis.Table, as_of: datetime | None = None) -> ibis.Table:
    """One row for each person and business day with a sale: person_id, ordered_on, net_base_minor.

    Lines that belong to nobody are left out.
    """
    lines = counted(orders, as_of)
    return (
        lines.filter(lines.is_sale, lines.person_id.notnull())
        .group_by("person_id", "ordered_on")
        .agg(net_base_minor=lambda t: t.net_base_minor.sum())
    )


def days_between(earlier: ibis.Value, later: datetime) -> ibis.Value:
    """Whole days from a column of business dates to the date `later` has in the zone it was passed in."""
    return -earlier.delta(ibis.literal(later.date()), unit="day")


def person_days(orders: ibis.Table, as_of: datetime | None = None) -> ibis.Table:
    """One row for each person and business day with a line that counts: person_id, ordered_on, bought, net_base_minor.

    bought: whether there was a sale that day; a day on which something was only given back is no visit. net_base_minor:
    sold less given back, in minor units. Lines that belong to nobody, and those without a day, are left out.
    """
    lines = counted(orders, as_of)
    lines = lines.filter(lines.person_id.notnull(), lines.ordered_on.notnull())
    return lines.group_by("person_id", "ordered_on").agg(
        bought=lines.is_sale.any(), net_base_minor=lines.net_base_minor.sum().cast("int64")
    )


def seconds_of(moment: Any) -> Any:
    """Whole seconds since 1970 of a column of moments, what is past the second left off.

    Asked for seconds alone, DuckDB rounds and Spark cuts: now and then a life was a day longer on one than on the other.
    """
    return moment.truncate("s").epoch_seconds()
