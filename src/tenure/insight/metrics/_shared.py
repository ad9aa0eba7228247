"""What several metrics stand on. Every table here carries a `segment` column, which `measure` puts there."""

from typing import Any

from tenure.insight.metrics.base import Line, Period
from tenure.insight.purchases import counted
from tenure.language import Words

CUSTOMARY = Words("Customary target; set against your own past first", "惯用目标；请先与自身历史比较")


# Of three customers of the start one leaves on the way, and one pays more; a fourth comes in.
FEES_OF_MARCH = {
    "subscriptions": [
        {"person_id": 1, "started_at": "2025-01-01", "fee_minor": 6000},
        {"person_id": 2, "started_at": "2025-01-01", "ended_at": "2026-03-15", "fee_minor": 2000},
        {"person_id": 3, "started_at": "2025-01-01", "ended_at": "2026-03-10", "fee_minor": 2000},
        {"person_id": 3, "started_at": "2026-03-10", "fee_minor": 5000},
        {"person_id": 4, "started_at": "2026-03-02", "fee_minor": 9900},
    ]
}


def line(value: float) -> Line:
    return Line(value, CUSTOMARY)


def month_of(year: int, month: int) -> Period:
    return Period.month(year, month)


def sales(orders: Any, period: Period) -> Any:
    """The sale lines of the period, whoever's they are."""
    lines = counted(orders)
    return lines.filter(lines.is_sale, period.holds(lines.ordered_on))


def order_of(lines: Any) -> Any:
    """Names a line's order: two sources may use one number."""
    return lines.source.fill_null("") + "/" + lines.order_id


def of_somebody(table: Any) -> Any:
    return table.filter(table.person_id.notnull())


def runs_at(subscriptions: Any, instant: Any) -> Any:
    """Whether a subscription had begun before the instant and not ended before it."""
    return (subscriptions.started_at < instant) & (
        subscriptions.ended_at.isnull() | (subscriptions.ended_at >= instant)
    )


def running(subscriptions: Any, instant: Any) -> Any:
    """segment, person_id of those with a subscription that had begun before the instant and not ended before it."""
    known = of_somebody(subscriptions)
    return known.filter(runs_at(known, instant)).select("segment", "person_id").distinct()


def active(orders: Any, subscriptions: Any, period: Period) -> Any:
    """segment, person_id of those who bought in the period or had a subscription running at some time in it."""
    bought = of_somebody(sales(orders, period)).select("segment", "person_id")
    held = of_somebody(subscriptions)
    held = held.filter(held.started_at < period.ends_at, held.ended_at.isnull() | (held.ended_at >= period.starts_at))
    return bought.union(held.select("segment", "person_id"), distinct=True)


def earned(orders: Any, subscriptions: Any, period: Period) -> Any:
    """segment, person_id, money (minor units, may be fractional): what each order line and subscription brought.

    A line that was given back counts below zero. A subscription brings its fee for the part of the period in which it
    ran: a calendar month's period holds exactly one monthly fee, whether it has 28 days or 31.
    """
    lines = counted(orders)
    lines = lines.filter(period.holds(lines.ordered_on))
    paid = lines.select("segment", "person_id", money=lines.net_base_minor.cast("float64"))
    ran = subscriptions.filter(
        subscriptions.started_at < period.ends_at,
        subscriptions.ended_at.isnull() | (subscriptions.ended_at > period.starts_at),
    )
    until = ran.ended_at.fill_null(period.ends_at)
    until = (until > period.ends_at).ifelse(period.ends_at, until)
    since = (ran.started_at < period.starts_at).ifelse(period.starts_at, ran.started_at)
    whole = (period.end_instant - period.first_instant).total_seconds()
    months = until.delta(since, unit="second") / whole * period.length_months
    fee = ran.fee_base_minor.fill_null(0) / ran.period_months.nullif(0).fill_null(1)
    return paid.union(ran.select("segment", "person_id", money=(fee * months).cast("float64")))


def bought_lines(orders: Any) -> Any:
    """person_id, product_id, at (instant) of every sale line of somebody."""
    lines = of_somebody(counted(orders))
    return lines.filter(lines.is_sale).select("person_id", "product_id", at="ordered_at")


def brought_by_lines(orders: Any, period: Period) -> Any:
    """The period's lines of which the cost is known: with net_base_minor, and cost (minor units, below zero given back)."""
    lines = counted(orders)
    lines = lines.filter(period.holds(lines.ordered_on), lines.cost_base_minor.notnull())
    size = lines.cost_base_minor.abs()
    return lines.mutate(cost=lines.is_sale.ifelse(size, -size))


def monthly_fees(subscriptions: Any) -> Any:
    """The subscriptions of somebody that say their fee, with `monthly`: what each comes to a month, in whole minor units.

    Halves go away from zero. Whole, so that the fees of customers add up to those of their segments, to the cent.
    """
    known = of_somebody(subscriptions)
    known = known.filter(known.fee_base_minor.notnull())
    months = known.period_months.nullif(0).fill_null(1)
    return known.mutate(monthly=(known.fee_base_minor / months).round().cast("int64"))


def recurring(subscriptions: Any, instant: Any) -> Any:
    """segment, person_id, money: what each customer's subscriptions running at the instant come to a month.

    A subscription that does not say its fee is left out.
    """
    known = monthly_fees(subscriptions)
    known = known.filter(runs_at(known, instant))
    return known.group_by("segment", "person_id").agg(money=known.monthly.sum().cast("float64"))


def kept_money(subscriptions: Any, period: Period) -> Any:
    """segment, before, after: the monthly fees of each customer who had any at the start, then and at the end (0 if none).

    Within a segment: who moves from one product to another is lost to the one and not won by the other.
    """
    start = recurring(subscriptions, period.starts_at)
    end = recurring(subscriptions, period.ends_at).rename(who="person_id", part="segment", later="money")
    both = start.left_join(end, [start.person_id == end.who, start.segment.identical_to(end.part)])
    both = both.filter(both.money > 0)
    return both.select(segment=both.segment, before=both.money, after=both.later.fill_null(0.0))


def spent(spending: Any, purpose: str, period: Period) -> Any:
    """segment, money: what was spent for the purpose in the period."""
    entries = spending.filter(
        spending.purpose == purpose, period.holds(spending.spent_on), spending.amount_base_minor.notnull()
    )
    return entries.group_by("segment").agg(money=entries.amount_base_minor.sum().cast("float64"))


def for_each(cost: Any, people: Any) -> Any:
    """Money by segment (segment, money) over people by segment (segment, n): numerator and denominator."""
    heads = people.rename(part="segment")
    both = cost.inner_join(heads, cost.segment.identical_to(heads.part))
    return both.select(segment=both.segment, numerator=both.money, denominator=both.n)


def answers(survey_responses: Any, survey: str, lowest: float, highest: float, period: Period) -> Any:
    """The scored answers of one kind of survey in the period; a score off its scale is no answer."""
    asked = survey_responses.filter(
        survey_responses.survey.lower() == survey, period.holds(survey_responses.answered_on)
    )
    return asked.filter(asked.score.between(lowest, highest))


def out_of_seven(survey: str) -> dict[str, list[dict[str, Any]]]:
    """Four answers for a worked example: two on the scale of 1 to 7, one off it, and one of another survey."""
    return {
        "survey_responses": [
            {"survey": survey, "answered_at": "2026-03-10", "score": 7},
            {"survey": survey, "answered_at": "2026-03-11", "score": 4},
            {"survey": survey, "answered_at": "2026-03-11", "score": 0},
            {"survey": "nps", "answered_at": "2026-03-11", "score": 1},
        ]
    }
