from typing import Any

from tenure.contracts.subscriptions import subscriptions
from tenure.insight.metrics._shared import running
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="customers",
    words=("Retention", "客户留存率"),
    meaning=(
        "Share of the customers with a running subscription at the start of the period who still have one at its end",
        "期初有有效订购的客户中，期末仍有有效订购的占比",
    ),
    formula=("customers kept ÷ customers at the start", "留存客户数 ÷ 期初客户数"),
    unit="share",
    better="higher",
    reads=subscriptions,
    count=("customers at the start", "期初客户数"),
    source=("One less the churn rate; customers won in the period do not count", "等于 1 减流失率；期间内新增客户不计"),
    example=Example(
        rows={
            "subscriptions": [
                {"person_id": 1, "started_at": "2025-01-01", "ended_at": "2026-03-31T23:59:59"},
                *[{"person_id": n, "started_at": "2025-01-01"} for n in (2, 3, 4, 5)],
                {"person_id": 6, "started_at": "2026-03-01"},
            ]
        },
        period=Period.month(2026, 3),
        value=0.8,
        count=5,
    ),
)
def retention_rate(subscriptions: Any, period: Period) -> Any:
    """Share of the customers with a running subscription at the start who still have one at the end (0 to 1)."""
    there = running(subscriptions, period.starts_at)
    still = running(subscriptions, period.ends_at).select(keeper="person_id").distinct()
    both = there.left_join(still, there.person_id == still.keeper)
    return both.group_by("segment").agg(numerator=both.keeper.notnull().sum(), denominator=both.count())
