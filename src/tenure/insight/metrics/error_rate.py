from typing import Any

from tenure.contracts.cases import cases
from tenure.contracts.orders import orders
from tenure.insight.metrics._shared import order_of, sales
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="operations",
    words=("Error rate", "差错率"),
    meaning=(
        "Cases found to be our fault, for each order placed in the period",
        "期间内查明为我方责任的工单数与订单数之比",
    ),
    formula=(
        "cases opened in the period and found to be our fault ÷ orders",
        "期间内提出且查明为我方责任的工单 ÷ 订单",
    ),
    unit="share",
    better="lower",
    reads=(cases, orders),
    count=("orders", "订单数"),
    source=("Quality practice: errors found by customers, by opportunity", "质量管理惯例：客户发现的差错，按机会数"),
    columns=("cases.fault",),
    example=Example(
        rows={
            "cases": [
                {"person_id": 1, "opened_at": "2026-03-02", "resolved_at": "2026-03-03", "fault": "ours"},
                {"person_id": 2, "opened_at": "2026-03-02", "resolved_at": "2026-03-03", "fault": "customer"},
                {"person_id": 2, "opened_at": "2026-04-02", "resolved_at": "2026-04-03", "fault": "ours"},
            ],
            "orders": [
                {"person_id": n, "order_id": f"A-{n}", "ordered_at": "2026-03-05", "amount_minor": 100}
                for n in (1, 2, 3, 4)
            ],
        },
        period=Period.month(2026, 3),
        value=0.25,
        count=4,
    ),
)
def error_rate(cases: Any, orders: Any, period: Period) -> Any:
    """Cases found to be our fault for each order placed (0 up; above 1 where there are more such cases than orders).

    A case counts in the period it was opened in, once whose fault it was is known: the newest period still grows.
    """
    ours = cases.filter(period.holds(cases.opened_on), cases.fault == "ours")
    wrong = ours.group_by(part="segment").agg(wrong=ours.count())
    sold = sales(orders, period)
    placed = sold.group_by("segment").agg(n=order_of(sold).nunique())
    both = placed.outer_join(wrong, placed.segment.identical_to(wrong.part))
    return both.select(
        segment=both.segment.fill_null(both.part), numerator=both.wrong.fill_null(0), denominator=both.n.fill_null(0)
    )
