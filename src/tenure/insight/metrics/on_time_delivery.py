from typing import Any

from tenure.contracts.orders import orders
from tenure.insight.metrics._shared import order_of
from tenure.insight.metrics.base import Example, Period, metric
from tenure.insight.purchases import counted, days


@metric(
    group="operations",
    words=("On-time delivery", "准时送达率"),
    meaning=(
        "Share of the orders promised for the period that arrived by the end of the day they were promised for",
        "承诺在期间内送达的订单中，于承诺当日内送达的占比",
    ),
    formula=("orders arrived in time ÷ orders promised", "准时送达订单 ÷ 承诺送达订单"),
    unit="share",
    better="higher",
    reads=orders,
    count=("orders promised", "承诺送达订单数"),
    source=("Logistics standard: on time, in full", "物流业通行定义：准时足量"),
    each=orders,
    example=Example(
        rows={
            "orders": [
                {"person_id": 1, "order_id": "A-1", "line_no": n, "ordered_at": "2026-03-01", "amount_minor": 100,
                 "promised_at": "2026-03-05", "delivered_at": arrived}
                for n, arrived in ((1, "2026-03-05T18:00"), (2, "2026-03-04"))
            ]
            + [
                {"person_id": 2, "order_id": order, "ordered_at": "2026-03-01", "amount_minor": 100,
                 "promised_at": "2026-03-05", "delivered_at": arrived}
                for order, arrived in (("A-2", "2026-03-06"), ("A-3", None), ("A-4", "2026-03-02"))
            ]
        },
        period=Period.month(2026, 3),
        value=0.5,
        count=4,
    ),
)  # fmt: skip
def on_time_delivery(orders: Any, period: Period) -> Any:
    """Share of the orders promised for the period that arrived whole within 24 hours of the promised instant (0 to 1).

    A promise comes as the first instant of its day, so this is the end of that day. What has not arrived is late, else
    the worst deliveries would flatter the figure. Cancelled orders do not count.
    """
    lines = counted(orders)
    lines = lines.filter(lines.is_sale, period.holds(lines.promised_at))
    lines = lines.mutate(
        order=order_of(lines),
        in_time=(lines.delivered_at < lines.promised_at + days(1)).fill_null(False),
    )
    whole = lines.group_by("segment", "order").agg(in_time=lines.in_time.all())
    return whole.group_by("segment").agg(numerator=whole.in_time.sum(), denominator=whole.count())
