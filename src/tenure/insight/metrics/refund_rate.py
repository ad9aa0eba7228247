from typing import Any

from tenure.contracts.orders import orders
from tenure.insight.metrics._shared import order_of
from tenure.insight.metrics.base import Example, Period, metric
from tenure.insight.purchases import counted


@metric(
    group="revenue",
    words=("Refund rate", "退款率"),
    meaning=("Money given back in the period, as a share of what was sold in it", "期间内退款金额占销售金额的比例"),
    formula=("refunds ÷ sales, both in money", "退款金额 ÷ 销售金额"),
    unit="share",
    better="lower",
    reads=orders,
    count=("orders", "订单数"),
    source=("Retail standard, by money and by the day of the refund", "零售业通行定义，按金额与退款发生日"),
    each=orders,
    amounts=True,
    example=Example(
        rows={
            "orders": [
                {"person_id": 1, "ordered_at": "2026-03-02", "amount_minor": 8000},
                {"person_id": 2, "ordered_at": "2026-03-03", "amount_minor": 2000},
                {"person_id": 1, "ordered_at": "2026-03-09", "amount_minor": -1500},
            ]
        },
        period=Period.month(2026, 3),
        value=0.15,
        count=2,
    ),
)
def refund_rate(orders: Any, period: Period) -> Any:
    """Money given back in the period as a share of what was sold in it (0 to 1, above 1 where more came back than went).

    A refund counts in the period it is given in, whenever its sale was.
    """
    lines = counted(orders)
    lines = lines.filter(period.holds(lines.ordered_on))
    return lines.group_by("segment").agg(
        numerator=-lines.net_base_minor.sum(where=~lines.is_sale).fill_null(0),
        denominator=lines.net_base_minor.sum(where=lines.is_sale).fill_null(0),
        count=order_of(lines).nunique(where=lines.is_sale),
    )
