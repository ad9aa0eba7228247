from typing import Any

from tenure.contracts.orders import orders
from tenure.contracts.spending import spending
from tenure.contracts.subscriptions import subscriptions
from tenure.insight.metrics._shared import active, for_each, spent
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="service",
    words=("Cost to serve", "服务成本"),
    meaning=("What serving an active customer costs in the period", "期间内服务每位活跃客户的成本"),
    formula=("spending on serving customers ÷ active customers", "服务支出 ÷ 活跃客户数"),
    unit="money",
    better="lower",
    reads=(spending, orders, subscriptions),
    count=("active customers", "活跃客户数"),
    source=("Management accounting: cost to serve, averaged", "管理会计通行定义：服务成本，取平均"),
    columns=("spending.amount_minor",),
    made_of=("active_customers",),
    example=Example(
        rows={
            "spending": [
                {"spent_at": "2026-03-01", "purpose": "service", "amount_minor": 9000},
                {"spent_at": "2026-03-01", "purpose": "acquisition", "amount_minor": 5000},
            ],
            "orders": [{"person_id": n, "ordered_at": "2026-03-05", "amount_minor": 100} for n in (1, 2, 2)],
            "subscriptions": [{"person_id": 3, "started_at": "2025-03-09"}],
        },
        period=Period.month(2026, 3),
        value=3000,
        count=3,
    ),
)
def cost_to_serve(spending: Any, orders: Any, subscriptions: Any, period: Period) -> Any:
    """What serving an active customer costs in the period, in minor units of the reporting currency."""
    people = active(orders, subscriptions, period)
    return for_each(spent(spending, "service", period), people.group_by("segment").agg(n=people.person_id.nunique()))
