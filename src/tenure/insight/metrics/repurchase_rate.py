from typing import Any

from tenure.contracts.orders import orders
from tenure.insight.metrics._shared import of_somebody, sales
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="customers",
    words=("Repurchase rate", "复购率"),
    meaning=(
        "Share of the period's buyers who bought on two or more different days",
        "期间内在两个或以上不同日期购买的买家占比",
    ),
    formula=("buyers on two or more days ÷ buyers", "两天及以上购买的买家数 ÷ 买家数"),
    unit="share",
    better="higher",
    reads=orders,
    count=("buyers", "买家数"),
    source=("Share of buyers with orders on two or more days", "两天及以上有订单的买家占比"),
    example=Example(
        rows={
            "orders": [
                {"person_id": 1, "ordered_at": "2026-03-02", "amount_minor": 100},
                {"person_id": 1, "ordered_at": "2026-03-20", "amount_minor": 100},
                {"person_id": 2, "ordered_at": "2026-03-05T09:00", "amount_minor": 100},
                {"person_id": 2, "ordered_at": "2026-03-05T18:00", "amount_minor": 100},
                {"person_id": 3, "ordered_at": "2026-03-06", "amount_minor": 100},
                {"person_id": 3, "ordered_at": "2026-03-07", "amount_minor": 100, "status": "cancelled"},
                {"person_id": 4, "ordered_at": "2026-03-06", "amount_minor": 100},
                {"person_id": 4, "ordered_at": "2026-03-09", "amount_minor": -100},
            ]
        },
        period=Period.month(2026, 3),
        value=0.25,
        count=4,
    ),
)
def repurchase_rate(orders: Any, period: Period) -> Any:
    """Share of the period's buyers who bought on two or more different days (0 to 1).

    Cancelled orders and refunds do not count; two orders on one business day are one visit.
    """
    sold = of_somebody(sales(orders, period))
    visits = sold.group_by("segment", "person_id").agg(days=sold.ordered_on.nunique())
    return visits.group_by("segment").agg(numerator=(visits.days >= 2).sum(), denominator=visits.count())
