from typing import Any

from tenure.contracts.opportunities import opportunities
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="sales",
    words=("Sales cycle", "销售周期"),
    meaning=("Days from opening a deal to winning it, on average", "从商机创建到赢单的平均天数"),
    formula=("days from opened to won ÷ deals won", "创建至赢单的天数 ÷ 赢单数"),
    unit="days",
    better="lower",
    reads=opportunities,
    count=("deals won", "赢单数"),
    source=("Sales practice; lost deals have no cycle", "销售惯例；输单不计周期"),
    columns=("opportunities.closed_at", "opportunities.outcome"),
    each=opportunities,
    example=Example(
        rows={
            "opportunities": [
                {"person_id": 1, "opened_at": "2026-02-01", "closed_at": "2026-03-03", "outcome": "won"},
                {"person_id": 2, "opened_at": "2026-03-01", "closed_at": "2026-03-11", "outcome": "won"},
                {"person_id": 3, "opened_at": "2026-01-01", "closed_at": "2026-03-11", "outcome": "lost"},
                {"person_id": 4, "opened_at": "2026-01-01", "closed_at": "2026-03-12", "outcome": "lost"},
                {"person_id": 5, "opened_at": "2026-03-01"},
                {"person_id": 6, "opened_at": "2026-03-01", "closed_at": "2026-04-01", "outcome": "won"},
            ]
        },
        period=Period.month(2026, 3),
        value=20,
        count=2,
    ),
)
def sales_cycle_days(opportunities: Any, period: Period) -> Any:
    """Days from opening a deal to winning it, on average, of the deals won in the period.

    A deal closed before it was opened is a slip of the pen and is left out.
    """
    won = opportunities.filter(
        period.holds(opportunities.closed_at),
        opportunities.outcome == "won",
        opportunities.closed_at >= opportunities.opened_at,
    )
    took = won.closed_at.delta(won.opened_at, unit="second") / 86_400
    return won.group_by("segment").agg(numerator=took.sum(), denominator=won.count())
