from typing import Any

from tenure.contracts.orders import orders as order_lines
from tenure.insight.metrics._shared import order_of, sales
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="revenue",
    words=("Orders", "订单数"),
    meaning=("Orders placed in the period and not cancelled", "期间内下达且未取消的订单"),
    formula=("number of different orders with a sale line", "含销售明细的去重订单数"),
    unit="orders",
    better="higher",
    reads=order_lines,
    count=("orders", "订单数"),
    source=("Plain count", "直接计数"),
    total=True,
    each=order_lines,
    example=Example(
        rows={
            "orders": [
                {"person_id": 1, "order_id": "A-1", "line_no": 1, "ordered_at": "2026-03-02", "amount_minor": 100},
                {"person_id": 1, "order_id": "A-1", "line_no": 2, "ordered_at": "2026-03-02", "amount_minor": 300},
                {"person_id": None, "order_id": "A-2", "ordered_at": "2026-03-03", "amount_minor": 100},
                {"person_id": 1, "order_id": "A-3", "ordered_at": "2026-03-04", "amount_minor": -100},
            ]
        },
        period=Period.month(2026, 3),
        value=2,
        count=2,
    ),
)
def orders(lines: Any, period: Period) -> Any:
    """Orders placed in the period and not cancelled, whoever's they are.

    An order is its number within its source; one that holds refunds alone is none.
    """
    sold = sales(lines, period)
    n = order_of(sold).nunique()
    return sold.group_by("segment").agg(numerator=n, denominator=n, value=n)
