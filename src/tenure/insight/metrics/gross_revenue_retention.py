from typing import Any

import ibis

from tenure.contracts.subscriptions import subscriptions
from tenure.insight.metrics._shared import FEES_OF_MARCH, kept_money
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="revenue",
    words=("Gross revenue retention (GRR)", "总收入留存率（GRR）"),
    meaning=(
        "Share of the monthly fees at the start of the period that the same customers still pay at its end",
        "期初月费中，同一批客户期末仍在支付的比例（不计增购）",
    ),
    formula=(
        "sum of the smaller of fee then and now ÷ fees at the start",
        "期初与期末月费较小者之和 ÷ 期初月费",
    ),
    unit="share",
    better="higher",
    reads=subscriptions,
    count=("customers at the start", "期初客户数"),
    source=(
        "Subscription businesses; growth of one customer never makes up for the loss of another",
        "订阅制业务通行定义；增购不抵流失",
    ),
    columns=("subscriptions.fee_minor",),
    example=Example(
        rows=FEES_OF_MARCH,
        period=Period.month(2026, 3),
        value=0.8,
        count=3,
    ),
)
def gross_revenue_retention(subscriptions: Any, period: Period) -> Any:
    """Share of the monthly fees at the start that the same customers still pay at the end (0 to 1); growth does not count."""
    kept = kept_money(subscriptions, period)
    return kept.group_by("segment").agg(
        numerator=ibis.least(kept.before, kept.after).sum(), denominator=kept.before.sum(), count=kept.count()
    )
