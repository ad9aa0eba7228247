from typing import Any

from tenure.contracts.subscriptions import subscriptions
from tenure.insight.metrics._shared import line, running
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="customers",
    words=("Churn rate", "客户流失率"),
    meaning=(
        "Share of the customers with a running subscription at the start of the period who have none at its end",
        "期初有有效订购的客户中，期末已无有效订购的占比",
    ),
    formula=("customers lost ÷ customers at the start", "流失客户数 ÷ 期初客户数"),
    unit="share",
    better="lower",
    reads=subscriptions,
    count=("customers at the start", "期初客户数"),
    source=("Logo churn of contractual businesses", "合同制业务的客户数流失率"),
    limit=line(0.05),
    example=Example(
        rows={
            "subscriptions": [
                {"person_id": 1, "started_at": "2025-01-01", "ended_at": "2026-03-15"},
                {"person_id": 2, "started_at": "2025-01-01", "ended_at": "2026-03-15"},
                {"person_id": 2, "started_at": "2026-03-16"},
                {"person_id": 3, "started_at": "2025-01-01", "ended_at": "2026-04-01"},
                {"person_id": 4, "started_at": "2025-01-01"},
                {"person_id": 5, "started_at": "2026-03-02", "ended_at": "2026-03-20"},
            ]
        },
        period=Period.month(2026, 3),
        value=0.25,
        count=4,
    ),
)
def churn_rate(subscriptions: Any, period: Period) -> Any:
    """Share of the customers with a running subscription at the start who have none at the end (0 to 1).

    A change of plan is no churn, nor is leaving one of two subscriptions; who came and left within the period was not
    there at the start and does not count.
    """
    there = running(subscriptions, period.starts_at)
    still = running(subscriptions, period.ends_at).select(keeper="person_id").distinct()
    both = there.left_join(still, there.person_id == still.keeper)
    return both.group_by("segment").agg(numerator=both.keeper.isnull().sum(), denominator=both.count())
