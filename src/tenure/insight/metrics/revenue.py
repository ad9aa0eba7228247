from typing import Any

from tenure.contracts.orders import orders
from tenure.contracts.subscriptions import subscriptions
from tenure.insight.metrics._shared import earned
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="revenue",
    words=("Revenue", "收入"),
    meaning=(
        "What orders brought less what was given back, plus the fees of subscriptions for the time they ran",
        "订单收入减退款，加上订购在有效时间内的费用",
    ),
    formula=(
        "sales − refunds + fees × share of the period the subscription ran",
        "销售额 − 退款 + 费用 × 订购有效时间占比",
    ),
    unit="money",
    better="higher",
    reads=(orders, subscriptions),
    count=("order lines and subscriptions", "订单明细与订购数"),
    source=("Records; fees are accrued by time, whenever they are billed", "来自记录；费用按时间归集，与开票时间无关"),
    total=True,
    example=Example(
        rows={
            "orders": [
                {"person_id": 1, "ordered_at": "2026-04-02", "amount_minor": 5000},
                {"person_id": 1, "ordered_at": "2026-04-09", "amount_minor": -2000},
                {"person_id": None, "ordered_at": "2026-04-09", "amount_minor": 700},
                {"person_id": 2, "ordered_at": "2026-04-10", "amount_minor": 9900, "status": "cancelled"},
            ],
            "subscriptions": [
                {"person_id": 3, "started_at": "2025-01-01", "fee_minor": 3000},
                {"person_id": 4, "started_at": "2025-01-01", "fee_minor": 12000, "period_months": 12},
                {"person_id": 5, "started_at": "2025-01-01", "ended_at": "2026-04-16", "fee_minor": 3000},
            ],
        },
        period=Period.month(2026, 4),
        value=5000 - 2000 + 700 + 3000 + 1000 + 1500,
        count=6,
    ),
)
def revenue(orders: Any, subscriptions: Any, period: Period) -> Any:
    """What orders brought less what was given back, plus the fees of subscriptions for the time they ran.

    Minor units of the reporting currency. Orders that belong to nobody count: money is money. Bring fees as subscriptions
    or as orders, not as both.
    """
    money = earned(orders, subscriptions, period)
    return money.group_by("segment").agg(
        numerator=money.money.sum(), denominator=money.count(), value=money.money.sum(), count=money.count()
    )
