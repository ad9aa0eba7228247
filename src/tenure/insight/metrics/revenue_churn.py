from typing import Any

import ibis

from tenure.contracts.subscriptions import subscriptions
from tenure.insight.metrics._shared import FEES_OF_MARCH, kept_money
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="revenue",
    words=("Revenue churn", "收入流失率"),
    meaning=(
        "Share of the monthly fees at the start of the period that left with customers or was cut back by its end",
        "期初月费中因客户流失或降级而失去的比例",
    ),
    formula=(
        "fees lost or cut ÷ fees at the start",
        "流失与降级的月费 ÷ 期初月费",
    ),
    unit="share",
    better="lower",
    reads=subscriptions,
    count=("customers at the start", "期初客户数"),
    source=(
        "One less gross revenue retention",
        "等于 1 减总收入留存率",
    ),
    columns=("subscriptions.fee_minor",),
    example=Example(
        rows=FEES_OF_MARCH,
        period=Period.month(2026, 3),
        value=0.2,
        count=3,
    ),
)
def revenue_churn(subscriptions: Any, period: Period) -> Any:
    """Share of the monthly fees at the start that were lost or cut by the end (0 to 1): one less gross revenue retention."""
    kept = kept_money(subscriptions, period)
    return kept.group_by("segment").agg(
        numerator=(kept.before - ibis.least(kept.before, kept.after)).sum(),
        denominator=kept.before.sum(),
        count=kept.count(),
    )
