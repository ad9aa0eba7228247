from typing import Any

from tenure.contracts.orders import orders
from tenure.contracts.spending import spending
from tenure.contracts.subscriptions import subscriptions
from tenure.insight.metrics._shared import for_each, spent
from tenure.insight.metrics.base import Example, Period, metric
from tenure.insight.metrics.new_customers import new_customers


@metric(
    group="marketing",
    words=("Acquisition cost (CAC)", "获客成本（CAC）"),
    meaning=("What winning a new customer costs", "每获得一位新客户的成本"),
    formula=("spending on winning customers ÷ new customers", "获客支出 ÷ 新客户数"),
    unit="money",
    better="lower",
    reads=(spending, orders, subscriptions),
    count=("new customers", "新客户数"),
    source=("Marketing standard: customer acquisition cost, all new customers", "营销通行定义：获客成本，按全部新客户"),
    columns=("spending.amount_minor",),
    made_of=("new_customers",),
    example=Example(
        rows={
            "spending": [
                {"spent_at": "2026-03-01", "purpose": "acquisition", "amount_minor": 9000},
                {"spent_at": "2026-03-20", "purpose": "acquisition", "amount_minor": 1000},
                {"spent_at": "2026-03-20", "purpose": "service", "amount_minor": 7000},
                {"spent_at": "2026-04-01", "purpose": "acquisition", "amount_minor": 7000},
            ],
            "orders": [
                {"person_id": 1, "ordered_at": "2026-03-05", "amount_minor": 100},
                {"person_id": 2, "ordered_at": "2025-03-05", "amount_minor": 100},
                {"person_id": 2, "ordered_at": "2026-03-05", "amount_minor": 100},
            ],
            "subscriptions": [{"person_id": 3, "started_at": "2026-03-09"}],
        },
        period=Period.month(2026, 3),
        value=5000,
        count=2,
    ),
)
def acquisition_cost(spending: Any, orders: Any, subscriptions: Any, period: Period) -> Any:
    """What winning a new customer costs, in minor units of the reporting currency.

    Money spent this month may win a customer next month: over short periods the two do not belong together. A period
    without spending on winning customers has no figure, for nobody is won for nothing.
    """
    heads = new_customers(orders, subscriptions, period=period)
    return for_each(spent(spending, "acquisition", period), heads.select("segment", n=heads.numerator))
