from typing import Any

from tenure.contracts.orders import orders
from tenure.contracts.subscriptions import subscriptions
from tenure.insight.metrics._shared import of_somebody
from tenure.insight.metrics.base import Example, Period, metric
from tenure.insight.purchases import counted


@metric(
    group="customers",
    words=("New customers", "新客户数"),
    meaning=(
        "Customers whose first purchase, or first subscription, ever recorded falls in the period",
        "首次购买或首次订购（有记录以来）发生在期间内的客户",
    ),
    formula=("number of customers first seen buying in the period", "首次购买或订购在期间内的客户数"),
    unit="customers",
    better="higher",
    reads=(orders, subscriptions),
    count=("customers", "客户数"),
    source=("Plain count", "直接计数"),
    total=True,
    example=Example(
        rows={
            "orders": [
                {"person_id": 1, "ordered_at": "2026-02-27", "amount_minor": 100},
                {"person_id": 1, "ordered_at": "2026-03-05", "amount_minor": 100},
                {"person_id": 2, "ordered_at": "2026-03-01", "amount_minor": 100},
            ],
            "subscriptions": [
                {"person_id": 2, "started_at": "2026-03-20"},
                {"person_id": 3, "started_at": "2026-03-31"},
            ],
        },
        period=Period.month(2026, 3),
        value=2,
        count=2,
    ),
)
def new_customers(orders: Any, subscriptions: Any, period: Period) -> Any:
    """Customers whose first purchase or subscription on record falls in the period.

    "First" is as far back as the records go: the first months after an import begins show old customers as new.
    """
    lines = of_somebody(counted(orders))
    bought = lines.filter(lines.is_sale).select("segment", "person_id", on="ordered_on")
    signed = of_somebody(subscriptions).select("segment", "person_id", on="started_on")
    seen = bought.union(signed)
    first = seen.group_by("segment", "person_id").agg(first_on=seen.on.min())
    n = first.person_id.nunique()
    return first.filter(period.holds(first.first_on)).group_by("segment").agg(numerator=n, denominator=n, value=n)
