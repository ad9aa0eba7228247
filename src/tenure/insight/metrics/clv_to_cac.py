from typing import Any

from tenure.contracts.orders import orders
from tenure.contracts.spending import spending
from tenure.contracts.subscriptions import subscriptions
from tenure.insight.metrics.acquisition_cost import acquisition_cost
from tenure.insight.metrics.base import Example, Line, Period, metric
from tenure.insight.metrics.clv import clv
from tenure.language import Words


@metric(
    group="marketing",
    words=("CLV to CAC", "客户终身价值与获客成本比"),
    meaning=("How many times its cost a new customer brings back", "新客户带来的价值是其获客成本的多少倍"),
    formula=("customer lifetime value ÷ acquisition cost of the last 12 months", "客户终身价值 ÷ 近 12 个月获客成本"),
    unit="number",
    better="higher",
    reads=(spending, orders, subscriptions),
    count=("new customers of the last 12 months", "近 12 个月新客户数"),
    source=("Skok, SaaS Metrics 2.0", "Skok《SaaS Metrics 2.0》，订阅业务指标指南"),
    columns=("spending.amount_minor",),
    made_of=("clv", "acquisition_cost"),
    amounts=True,
    benchmark=Line(3, Words("Skok, SaaS Metrics 2.0: more than three times", "Skok《SaaS Metrics 2.0》：应大于 3 倍")),
    example=Example(
        rows={
            "spending": [{"spent_at": "2025-07-01", "purpose": "acquisition", "amount_minor": 4000}],
            "orders": [
                {"person_id": 1, "ordered_at": "2025-01-10", "amount_minor": 500},
                {"person_id": 2, "ordered_at": "2025-01-10", "amount_minor": 500},
                {"person_id": 1, "ordered_at": "2025-06-01", "amount_minor": 9000},
                {"person_id": 3, "ordered_at": "2026-03-01", "amount_minor": 3000},
            ],
        },
        period=Period.month(2026, 3),
        value=3,
        count=1,
        numerator=12000,
        denominator=4000,
    ),
)
def clv_to_cac(spending: Any, orders: Any, subscriptions: Any, period: Period) -> Any:
    """How many times its cost a new customer brings back: both figures over the twelve months up to the period's end."""
    year = Period(period.a_year_back, period.end, period.zone)
    worth = clv(orders, subscriptions, period=period)
    cost = acquisition_cost(spending, orders, subscriptions, period=year).rename(
        part="segment", spent="numerator", won="denominator"
    )
    both = worth.inner_join(cost, worth.segment.identical_to(cost.part))
    return both.select(
        segment=both.segment, numerator=both.value, denominator=both.spent / both.won.nullif(0), count=both.won
    )
