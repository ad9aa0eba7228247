"""How many of those who came in a month are still there in the months after, and what they bring."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import ibis

from tenure.insight.metrics._shared import of_somebody, runs_at
from tenure.insight.metrics.base import Period
from tenure.insight.purchases import person_days


def retention(orders: ibis.Table, until: date | None = None) -> ibis.Table:
    """Cohort retention: of those who first bought in a month, how many bought again n months later, and for how much.

    cohort (first day of the month of the first purchase), age (months since, 0 is the month itself), buyers (different
    customers who bought in that month), size (customers of the cohort), share (buyers ÷ size, 0 to 1); revenue (sold less
    given back by the cohort in that month, minor units), first_revenue (of its first month), revenue_share (revenue ÷
    first_revenue; above 1 where those who stay buy more, null where the first month brought nothing). In order of cohort
    and age; every age up to the last month with a purchase has a row, also where nobody came back.

    until: business days from it on are left out. Pass the first day of the running month, else the last diagonal shows a
    month that is not over as a fall. Cancelled orders and lines that belong to nobody do not count; a refund is money
    given back in the month it is given, and brings nobody back.
    """
    visits = _visits(orders, until)
    first = visits.filter(visits.bought).group_by("person_id").agg(cohort_month=visits.month.min())
    last = visits.filter(visits.bought).aggregate(last=visits.month.max())
    sizes = first.group_by("cohort_month").agg(size=first.count())
    grid = sizes.cross_join(last)
    grid = grid.mutate(age=ibis.range(0, grid["last"] - grid.cohort_month + 1).unnest().cast("int64"))

    births = first.select(who="person_id", born="cohort_month")
    joined = visits.inner_join(births, visits.person_id == births.who)
    came = joined.group_by("born", later=joined.month - joined.born).agg(
        buyers=joined.bought.sum(), revenue=joined.net_base_minor.sum()
    )
    return _told(grid.left_join(came, [grid.cohort_month == came.born, grid.age == came.later]))


def buyers(orders: ibis.Table, cohort: date, age: int) -> ibis.Table:
    """Who is in one cell of `retention`: person_id, revenue (minor units) of those who bought again then."""
    visits = _visits(orders, None)
    first = visits.filter(visits.bought).group_by("person_id").agg(born=visits.month.min())
    month = cohort.year * 12 + cohort.month - 1
    among = first.filter(first.born == month).select("person_id")
    then = visits.filter(visits.bought, visits.month == month + age)
    return then.semi_join(among, "person_id").select("person_id", revenue="net_base_minor")


def contract_retention(subscriptions: ibis.Table, months: Sequence[Period]) -> ibis.Table:
    """Cohort retention by contracts: of those whose first contract began in a month, who has one n months on, at what fee.

    months: calendar months in a row, oldest first; cohorts are theirs. Columns and order as `retention`: buyers are the
    customers with a contract running at the end of the month, revenue their monthly fees then (minor units), share and
    revenue_share those of the cohort's size and of its fees at the end of its first month. Who left within that first
    month counts in size alone. A contract that does not say its fee counts its customer, and no money.
    """
    known = _contracts(subscriptions)
    born = _month(months[0].start)
    first = known.group_by("cohort_month", "person_id").agg()
    sizes = first.group_by("cohort_month").agg(size=first.count())
    sizes = sizes.filter(sizes.cohort_month >= born)
    parts = []
    for period in months:
        now = _month(period.start)
        there = known.filter(runs_at(known, period.ends_at))
        found = there.group_by(born="cohort_month").agg(
            buyers=there.person_id.nunique(), revenue=there.monthly.sum().cast("int64")
        )
        mine = sizes.filter(sizes.cohort_month <= now).mutate(age=(now - sizes.cohort_month).cast("int64"))
        parts.append(mine.left_join(found, mine.cohort_month == found.born).drop("born"))
    return _told(ibis.union(*parts) if len(parts) > 1 else parts[0])


def holders(subscriptions: ibis.Table, cohort: date, month: Period) -> ibis.Table:
    """Who is in one cell of `contract_retention`: person_id, revenue (monthly fees, minor units) at the end of the month."""
    known = _contracts(subscriptions)
    there = known.filter(known.cohort_month == _month(cohort), runs_at(known, month.ends_at))
    return there.group_by("person_id").agg(revenue=there.monthly.sum().cast("int64"))


def _visits(orders: Any, until: date | None) -> Any:
    """person_id, month (months since year 0), bought, net_base_minor."""
    days = person_days(orders)
    if until is not None:
        days = days.filter(days.ordered_on < ibis.literal(until))
    days = days.mutate(month=days.ordered_on.year() * 12 + days.ordered_on.month() - 1)
    return days.group_by("person_id", "month").agg(
        bought=days.bought.any(), net_base_minor=days.net_base_minor.sum().cast("int64")
    )


def _contracts(subscriptions: Any) -> Any:
    """Every contract of somebody with its monthly fee, 0 where it says none, and the month of the customer's first."""
    known = of_somebody(subscriptions)
    known = known.filter(known.started_on.notnull())
    months = known.period_months.nullif(0).fill_null(1)
    known = known.mutate(
        monthly=(known.fee_base_minor.fill_null(0) / months).round().cast("int64"),
        month=known.started_on.year() * 12 + known.started_on.month() - 1,
    )
    return known.group_by("person_id").mutate(cohort_month=known.month.min())


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1


def _told(cells: Any) -> Any:
    """The cells with their shares, in order."""
    counted = cells.select(
        cohort=ibis.date(cells.cohort_month // 12, cells.cohort_month % 12 + 1, 1),
        age=cells.age,
        buyers=cells.buyers.fill_null(0).cast("int64"),
        size=cells["size"],
        share=cells.buyers.fill_null(0) / cells["size"],
        revenue=cells.revenue.fill_null(0).cast("int64"),
    )
    whole = counted.group_by("cohort").mutate(first_revenue=counted.revenue.max(where=counted.age == 0))
    enough = whole.first_revenue > 0
    return whole.mutate(
        revenue_share=enough.ifelse(whole.revenue / whole.first_revenue, ibis.null("float64"))
    ).order_by("cohort", "age")
