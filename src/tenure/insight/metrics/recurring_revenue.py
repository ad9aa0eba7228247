from typing import Any

from tenure.contracts.subscriptions import subscriptions
from tenure.insight.metrics._shared import recurring
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="revenue",
    words=("Recurring revenue (MRR)", "月度经常性收入（MRR）"),
    meaning=("What the subscriptions running at the end of the period bring a month", "期末有效订购每月带来的收入"),
    formula=("sum of fee ÷ months it covers, of subscriptions running at the end", "期末有效订购的费用 ÷ 计费月数之和"),
    unit="money",
    better="higher",
    reads=subscriptions,
    count=("customers with a fee", "有费用的客户数"),
    source=("Subscription businesses: monthly recurring revenue", "订阅制业务通行定义：月度经常性收入"),
    total=True,
    columns=("subscriptions.fee_minor",),
    example=Example(
        rows={
            "subscriptions": [
                {"person_id": 1, "started_at": "2025-01-01", "fee_minor": 3000},
                {"person_id": 1, "started_at": "2025-01-01", "fee_minor": 12000, "period_months": 12},
                {"person_id": 2, "started_at": "2025-01-01", "ended_at": "2026-03-20", "fee_minor": 9900},
                {"person_id": 3, "started_at": "2026-04-01", "fee_minor": 9900},
            ]
        },
        period=Period.month(2026, 3),
        value=4000,
        count=1,
    ),
)
def recurring_revenue(subscriptions: Any, period: Period) -> Any:
    """What the subscriptions running at the end of the period bring a month, in minor units of the reporting currency.

    A yearly fee counts a twelfth. It is a level at an instant: months of it do not add up to revenue.
    """
    running = recurring(subscriptions, period.ends_at)
    return running.group_by("segment").agg(
        numerator=running.money.sum(), denominator=running.count(), value=running.money.sum(), count=running.count()
    )
