from typing import Any

from tenure.contracts.orders import orders
from tenure.insight.metrics._shared import order_of, sales
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="revenue",
    words=("Average order value", "客单价"),
    meaning=("What an order comes to when it is placed", "每笔订单下单时的平均金额"),
    formula=("money of the sale lines ÷ orders", "销售明细金额 ÷ 订单数"),
    unit="money",
    better="higher",
    reads=orders,
    count=("orders", "订单数"),
    source=("Retail standard", "零售业通行定义"),
    each=orders,
    example=Example(
        rows={
            "orders": [
                {"person_id": 1, "order_id": "A-1", "line_no": 1, "ordered_at": "2026-03-02", "amount_minor": 1000},
                {"person_id": 1, "order_id": "A-1", "line_no": 2, "ordered_at": "2026-03-02", "amount_minor": 3000},
                {"person_id": 2, "order_id": "A-2", "ordered_at": "2026-03-03", "amount_minor": 2000},
                {"person_id": 2, "order_id": "A-3", "ordered_at": "2026-03-09", "amount_minor": -2000},
            ]
        },
        period=Period.month(2026, 3),
        value=3000,
        count=2,
    ),
)
def average_order_value(orders: Any, period: Period) -> Any:
    """What an order comes to when it is placed, in minor units of the reporting currency.

    What is given back later does not lower it (the refund rate shows that); cancelled orders do not count.
    """
    sold = sales(orders, period)
    return sold.group_by("segment").agg(numerator=sold.net_base_minor.sum(), denominator=order_of(sold).nunique())
