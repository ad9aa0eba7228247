from typing import Any

from tenure.contracts.orders import orders
from tenure.insight.metrics._shared import brought_by_lines, of_somebody
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="revenue",
    words=("Contribution per customer", "客户贡献"),
    meaning=("What a buyer's orders bring beyond what they cost us", "每位买家的订单扣除成本后的贡献"),
    formula=("(sales − refunds − their cost) ÷ buyers", "（销售额 − 退款 − 对应成本）÷ 买家数"),
    unit="money",
    better="higher",
    reads=orders,
    count=("buyers", "买家数"),
    source=(
        "Customer profitability: contribution after the cost of goods, before the cost to serve",
        "客户盈利分析：扣除商品成本、未扣服务成本的贡献",
    ),
    columns=("orders.cost_minor",),
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
        value=800,
        count=2,
    ),
)
def customer_contribution(orders: Any, period: Period) -> Any:
    """What a buyer's orders bring beyond their cost, in minor units of the reporting currency.

    Only lines whose cost is known count. What is given back takes its margin with it.
    """
    lines = of_somebody(brought_by_lines(orders, period))
    return lines.group_by("segment").agg(
        numerator=(lines.net_base_minor - lines.cost).sum(), denominator=lines.person_id.nunique()
    )
