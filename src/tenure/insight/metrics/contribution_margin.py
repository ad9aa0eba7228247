from typing import Any

from tenure.contracts.orders import orders
from tenure.insight.metrics._shared import brought_by_lines, order_of
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="revenue",
    words=("Contribution margin", "贡献毛利率"),
    meaning=("Share of the orders' revenue that is left after what they cost us", "订单收入扣除成本后剩余的比例"),
    formula=("(sales − refunds − their cost) ÷ (sales − refunds)", "（销售额 − 退款 − 对应成本）÷（销售额 − 退款）"),
    unit="share",
    better="higher",
    reads=orders,
    count=("orders", "订单数"),
    source=("Management accounting: contribution margin ratio", "管理会计通行定义：贡献毛利率"),
    columns=("orders.cost_minor",),
    each=orders,
    example=Example(
        rows={
            "orders": [
                {"person_id": 1, "ordered_at": "2026-03-02", "amount_minor": 1000, "cost_minor": 600},
                {"person_id": 2, "ordered_at": "2026-03-09", "amount_minor": 3000, "cost_minor": 1200},
                {"person_id": 2, "ordered_at": "2026-03-10", "amount_minor": -1000, "cost_minor": -400},
                {"person_id": 3, "ordered_at": "2026-03-10", "amount_minor": 9000},
                {
                    "person_id": 3,
                    "ordered_at": "2026-03-10",
                    "amount_minor": 100,
                    "cost_minor": 1,
                    "status": "cancelled",
                },
            ]
        },
        period=Period.month(2026, 3),
        value=1600 / 3000,
        count=3,
    ),
)
def contribution_margin(orders: Any, period: Period) -> Any:
    """Share of the revenue of the order lines whose cost is known that is left after it (1 at most, below 0 at a loss).

    Where more was given back than sold there is no revenue for it to be a share of, and so no figure.
    """
    lines = brought_by_lines(orders, period)
    net = lines.net_base_minor.sum()
    left = (lines.net_base_minor - lines.cost).sum()
    return lines.group_by("segment").agg(
        numerator=left,
        denominator=net,
        value=(net > 0).ifelse(left / net.nullif(0), None),
        count=order_of(lines).nunique(),
    )
