from typing import Any

from tenure.contracts.cases import cases
from tenure.contracts.orders import orders
from tenure.contracts.subscriptions import subscriptions
from tenure.insight.metrics._shared import active, of_somebody
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="service",
    words=("Complaint rate", "投诉率"),
    meaning=("Share of the period's active customers who complained in it", "期间内活跃客户中提出投诉的占比"),
    formula=("active customers with a complaint ÷ active customers", "有投诉的活跃客户 ÷ 活跃客户"),
    unit="share",
    better="lower",
    reads=(cases, orders, subscriptions),
    count=("active customers", "活跃客户数"),
    source=("Customers, not cases: one who complains three times counts once", "按客户而非工单：一人多次投诉只计一次"),
    example=Example(
        rows={
            "cases": [
                {"person_id": 1, "opened_at": "2026-03-02", "kind": "complaint"},
                {"person_id": 1, "opened_at": "2026-03-09", "kind": "complaint"},
                {"person_id": 2, "opened_at": "2026-03-09", "kind": "enquiry"},
                {"person_id": 9, "opened_at": "2026-03-09", "kind": "complaint"},
            ],
            "orders": [{"person_id": n, "ordered_at": "2026-03-05", "amount_minor": 100} for n in (1, 2, 3)],
            "subscriptions": [{"person_id": 4, "started_at": "2025-01-01"}],
        },
        period=Period.month(2026, 3),
        value=0.25,
        count=4,
    ),
)
def complaint_rate(cases: Any, orders: Any, subscriptions: Any, period: Period) -> Any:
    """Share of the period's active customers who complained in it (0 to 1).

    A complaint by somebody who neither bought nor had a subscription in the period is not in it. Without any cases on
    record nobody can be said to have complained, so there is no figure.
    """
    raised = of_somebody(cases)
    raised = raised.filter(raised.kind == "complaint", period.holds(raised.opened_on))
    raised = raised.select(complainer="person_id").distinct()
    recorded = cases.limit(1).aggregate(recorded=lambda t: t.count())
    people = active(orders, subscriptions, period)
    both = people.left_join(raised, people.person_id == raised.complainer).cross_join(recorded)
    both = both.filter(both.recorded > 0)
    return both.group_by("segment").agg(numerator=both.complainer.notnull().sum(), denominator=both.count())
