from typing import Any

from tenure.contracts.subscriptions import subscriptions
from tenure.insight.metrics._shared import FEES_OF_MARCH, kept_money
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="revenue",
    words=("Net revenue retention (NRR)", "净收入留存率（NRR）"),
    meaning=(
        "Monthly fees that the customers of the start pay at the end, as a share of what they paid then",
        "期初客户期末的月费占其期初月费的比例（含增购）",
    ),
    formula=(
        "fees now of the customers of the start ÷ fees at the start",
        "期初客户的期末月费 ÷ 期初月费",
    ),
    unit="share",
    better="higher",
    reads=subscriptions,
    count=("customers at the start", "期初客户数"),
    source=(
        "Subscription businesses; customers won in the period do not count",
        "订阅制业务通行定义；期间新增客户不计",
    ),
    columns=("subscriptions.fee_minor",),
    example=Example(
        rows=FEES_OF_MARCH,
        period=Period.month(2026, 3),
        value=1.1,
        count=3,
    ),
)
def net_revenue_retention(subscriptions: Any, period: Period) -> Any:
    """Fees that the customers of the start pay at the end over those they paid then: above 1 the base grows by itself."""
    kept = kept_money(subscriptions, period)
    return kept.group_by("segment").agg(numerator=kept.after.sum(), denominator=kept.before.sum(), count=kept.count())
