from typing import Any

from tenure.contracts.opportunities import opportunities
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="sales",
    words=("Win rate", "赢单率"),
    meaning=("Share of the deals closed in the period that were won", "期间内结案的商机中赢单的占比"),
    formula=("deals won ÷ deals closed", "赢单数 ÷ 结案数"),
    unit="share",
    better="higher",
    reads=opportunities,
    count=("deals closed", "结案商机数"),
    source=("Sales practice, by number of deals", "销售惯例，按商机数"),
    columns=("opportunities.outcome",),
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
        value=0.5,
        count=4,
    ),
)
def win_rate(opportunities: Any, period: Period) -> Any:
    """Share of the deals closed in the period that were won (0 to 1), whenever they were opened."""
    closed = opportunities.filter(period.holds(opportunities.closed_at), opportunities.outcome.notnull())
    return closed.group_by("segment").agg(numerator=(closed.outcome == "won").sum(), denominator=closed.count())
