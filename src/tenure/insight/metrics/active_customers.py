from typing import Any

from tenure.contracts.orders import orders
from tenure.contracts.subscriptions import subscriptions
from tenure.insight.metrics._shared import active
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="customers",
    words=("Active customers", "活跃客户数"),
    meaning=(
        "Customers who bought in the period, or had a subscription running at some time in it",
        "期间内有购买，或期间内有有效订购的客户",
    ),
    formula=("number of different customers with a sale or a running subscription", "有购买或有效订购的去重客户数"),
    unit="customers",
    better="higher",
    reads=(orders, subscriptions),
    count=("customers", "客户数"),
    source=("Plain count", "直接计数"),
    total=True,
    example=Example(
        rows={
            "orders": [
                {"person_id": 1, "ordered_at": "2026-03-02", "amount_minor": 100},
                {"person_id": 1, "ordered_at": "2026-03-09", "amount_minor": 100},
                {"person_id": 2, "ordered_at": "2026-03-31", "amount_minor": 100, "status": "cancelled"},
                {"person_id": 3, "ordered_at": "2026-04-01", "amount_minor": 100},
            ],
            "subscriptions": [
                {"person_id": 4, "started_at": "2025-01-01"},
                {"person_id": 5, "started_at": "2025-01-01", "ended_at": "2026-02-20"},
            ],
        },
        period=Period.month(2026, 3),
        value=2,
        count=2,
    ),
)
def active_customers(orders: Any, subscriptions: Any, period: Period) -> Any:
    """Customers who bought in the period, or had a subscription running at some time in it.

    Cancelled orders and refunds are no purchase; a customer with both an order and a subscription is one customer.
    """
    people = active(orders, subscriptions, period)
    n = people.person_id.nunique()
    return people.group_by("segment").agg(numerator=n, denominator=n, value=n)
