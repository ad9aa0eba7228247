from typing import Any

from tenure.contracts.cases import cases
from tenure.contracts.orders import orders
from tenure.contracts.subscriptions import subscriptions
from tenure.insight.metrics._shared import active, of_somebody
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="service",
    words=("Service requests per 100 customers", "每百客户服务请求数"),
    meaning=(
        "How many cases of any kind 100 active customers open in the period",
        "期间内每百位活跃客户发起的各类工单数",
    ),
    formula=("cases opened by active customers ÷ active customers × 100", "活跃客户发起的工单 ÷ 活跃客户 × 100"),
    unit="number",
    better="lower",
    reads=(cases, orders, subscriptions),
    count=("active customers", "活跃客户数"),
    source=("Service-desk practice: contact rate", "服务台惯例：客户联系率"),
    scale=100,
    example=Example(
        rows={
            "cases": [
                {"person_id": 1, "opened_at": "2026-03-02", "kind": "complaint"},
                {"person_id": 1, "opened_at": "2026-03-09", "kind": "enquiry"},
                {"person_id": 9, "opened_at": "2026-03-09", "kind": "enquiry"},
            ],
            "orders": [{"person_id": n, "ordered_at": "2026-03-05", "amount_minor": 100} for n in (1, 2, 3)],
            "subscriptions": [{"person_id": 4, "started_at": "2025-01-01"}],
        },
        period=Period.month(2026, 3),
        value=50,
        count=4,
    ),
)
def service_request_rate(cases: Any, orders: Any, subscriptions: Any, period: Period) -> Any:
    """How many cases of any kind 100 active customers open in the period; one who asks three times counts three times.

    Without any cases on record nobody can be said to have asked, so there is no figure.
    """
    asked = of_somebody(cases)
    asked = asked.filter(period.holds(asked.opened_on)).group_by(asker="person_id").agg(n=lambda t: t.count())
    recorded = cases.limit(1).aggregate(recorded=lambda t: t.count())
    people = active(orders, subscriptions, period)
    both = people.left_join(asked, people.person_id == asked.asker).cross_join(recorded)
    both = both.filter(both.recorded > 0)
    return both.group_by("segment").agg(numerator=both.n.sum().fill_null(0), denominator=both.count())
