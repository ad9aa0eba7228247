"""How many of those who first bought in a month come back in the months after."""

from datetime import date

import ibis

from tenure.insight.purchases import purchase_days


def retention(orders: ibis.Table, until: date | None = None) -> ibis.Table:
    """Cohort retention: of those who first bought in a month, how many bought again n months later.

    cohort (first day of the month of the first purchase), age (months since, 0 is the month itself), buyers (different
    customers who bought in that month), size (customers of the cohort), share (buyers ÷ size, 0 to 1). In order of cohort
    and age; every age up to the last month with a purchase has a row, also where nobody came back.

    until: business days from it on are left out. Pass the first day of the running month, else the last diagonal shows a
    month that is not over as a fall. Cancelled orders, refunds and lines that belong to nobody do not count.
    """
    days = purchase_days(orders)
    if until is not None:
        days = days.filter(days.ordered_on < ibis.literal(until))
    months = days.mutate(month=days.ordered_on.year() * 12 + days.ordered_on.month() - 1)
    visits = months.select("person_id", "month").distinct()
    first = visits.group_by("person_id").agg(cohort_month=visits.month.min(), last_month=visits.month.max())
    sizes = first.group_by("cohort_month").agg(size=first.count())
    last = first.aggregate(last=first.last_month.max())
    grid = sizes.cross_join(last)
    grid = grid.mutate(age=ibis.range(0, grid["last"] - grid.cohort_month + 1).unnest().cast("int64"))

    births = first.select(who="person_id", born="cohort_month")
    joined = visits.inner_join(births, visits.person_id == births.who)
    came = joined.group_by("born", later=joined.month - joined.born).agg(buyers=joined.count())
    cells = grid.left_join(came, [grid.cohort_month == came.born, grid.age == came.later])
    buyers = cells.buyers.fill_null(0)
    return cells.select(
        cohort=ibis.date(cells.cohort_month // 12, cells.cohort_month % 12 + 1, 1),
        age=cells.age,
        buyers=buyers,
        size=cells["size"],
        share=buyers / cells["size"],
    ).order_by("cohort", "age")
