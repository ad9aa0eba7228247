from typing import Any

from tenure.contracts.events import events
from tenure.contracts.orders import orders
from tenure.insight.metrics._shared import of_somebody, sales
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="sales",
    words=("Conversion", "转化率"),
    meaning=(
        "Share of the customers who visited in the period who also bought in it",
        "期间内有访问的客户中，同期下单的占比",
    ),
    formula=("visitors who bought ÷ visitors", "下单的访客 ÷ 访客"),
    unit="share",
    better="higher",
    reads=(events, orders),
    count=("visitors known by name", "已识别的访客数"),
    source=("Retail standard, by customers rather than visits", "零售业通行定义，按客户而非访问次数"),
    example=Example(
        rows={
            "events": [{"person_id": n, "occurred_at": "2026-03-02", "name": "view"} for n in (1, 1, 2, 3, 4, None)],
            "orders": [
                {"person_id": 1, "ordered_at": "2026-03-02", "amount_minor": 100},
                {"person_id": 2, "ordered_at": "2026-04-02", "amount_minor": 100},
                {"person_id": 9, "ordered_at": "2026-03-02", "amount_minor": 100},
            ],
        },
        period=Period.month(2026, 3),
        value=0.25,
        count=4,
    ),
)
def conversion_rate(events: Any, orders: Any, period: Period) -> Any:
    """Share of the customers seen on web or app in the period who also bought in it (0 to 1), wherever they bought.

    Visitors nobody knows are left out above and below. Without any orders on record there is no figure.
    """
    seen = of_somebody(events)
    seen = seen.filter(period.holds(seen.occurred_on)).select("segment", "person_id").distinct()
    bought = of_somebody(sales(orders, period)).select(buyer="person_id").distinct()
    recorded = orders.limit(1).aggregate(recorded=lambda t: t.count())
    both = seen.left_join(bought, seen.person_id == bought.buyer).cross_join(recorded)
    both = both.filter(both.recorded > 0)
    return both.group_by("segment").agg(numerator=both.buyer.notnull().sum(), denominator=both.count())
