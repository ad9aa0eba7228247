"""From orders to what the value models are fitted on: one row a customer."""

from datetime import date, datetime, timedelta

import ibis

from tenure.insight.purchases import counted


def summary(orders: ibis.Table, as_of: datetime, unit_days: float = 7) -> ibis.Table:
    """Each customer's purchases up to `as_of`: how many again, when the last, how old, worth how much.

    orders: records/orders, or their history as known at `as_of`. as_of: first instant not seen, in the business zone:
    the last day seen is its day there, less one microsecond. unit_days: length of the time unit, 7 for weeks.

    Columns: person_id · x, purchases after the first · t_x, first purchase to the last, in units · T, first purchase to
    the last day seen, in units · mean_value_minor, mean worth of the purchases after the first, in base minor units
    rounded to whole ones; null where x = 0.

    A purchase is a business day with a sale that is not cancelled: two orders on one day are one. A refund is no
    purchase; it lowers the worth of the latest purchase up to its day, so one for the first purchase
    does not count, as the first purchase itself does not. Whoever has only refunds is left out, and so is
    whatever belongs to nobody.

    Raises ValueError where `as_of` carries no zone or unit_days is not above 0.
    """
    if not unit_days > 0:
        raise ValueError(f"unit_days must be above 0; found {unit_days}")
    days = _days(orders, as_of)
    last_day = ibis.literal(last_seen(as_of))
    people = days.group_by("person_id").agg(
        x=days.bought.sum().cast("int64") - 1,
        first=days.day.min(where=days.bought == 1),
        last=days.day.max(where=days.bought == 1),
        later_worth_minor=days.worth_minor.sum(where=days.purchase > 1),
    )
    people = people.filter(people.x >= 0)
    return people.select(
        "person_id",
        "x",
        t_x=people.last.delta(people.first, unit="day") / float(unit_days),
        T=last_day.delta(people.first, unit="day") / float(unit_days),
        mean_value_minor=(people.later_worth_minor / people.x.nullif(0)).round().cast("int64"),
    )


def purchases(orders: ibis.Table, as_of: datetime) -> ibis.Table:
    """Each purchase up to `as_of`, as `summary` counts them: person_id, day (date), worth_minor (base minor units).

    A refund lowers the worth of the latest purchase up to its day, which may leave it below nothing.

    Raises ValueError where `as_of` carries no zone.
    """
    days = _days(orders, as_of)
    days = days.filter(days.purchase > 0)
    return (
        days.group_by("person_id", "purchase")
        .agg(day=days.day.max(where=days.bought == 1), worth_minor=days.worth_minor.sum())
        .drop("purchase")
    )


def last_seen(as_of: datetime) -> date:
    """The last business day seen by an `as_of` that carries its zone.

    Raises ValueError where it carries none.
    """
    if as_of.tzinfo is None:
        raise ValueError(
            f"as_of must carry its zone, so that its business day is known; found {as_of.isoformat()} without one. "
            "Give it with tzinfo set to the workspace's zone."
        )
    return (as_of - timedelta(microseconds=1)).date()


def _days(orders: ibis.Table, as_of: datetime) -> ibis.Table:
    """Days with a purchase (bought = 1) or a refund, each with how many purchases there were up to it."""
    last_day = ibis.literal(last_seen(as_of))
    seen = counted(orders, as_of)
    seen = seen.filter(seen.person_id.notnull(), seen.ordered_on <= last_day)
    days = seen.group_by("person_id", day=seen.ordered_on).agg(
        bought=seen.is_sale.any().cast("int64"), worth_minor=seen.net_base_minor.sum()
    )
    # A person has one row a day, so the order within the window leaves no ties.
    so_far = ibis.window(group_by="person_id", order_by="day", preceding=None, following=0)
    return days.mutate(purchase=days.bought.sum().over(so_far))
