from typing import Any

from tenure.contracts.orders import orders
from tenure.contracts.subscriptions import subscriptions
from tenure.insight import lifecycle
from tenure.insight.metrics._shared import of_somebody
from tenure.insight.metrics.base import Example, Period, metric
from tenure.insight.purchases import counted


@metric(
    group="customers",
    words=("Silent churn rate", "静默流失率"),
    meaning=(
        "Share of buyers without a contract who fell silent, in the period, for longer than their own rhythm explains",
        "无合同买家中，期间内沉默时间超出其自身购买节奏的占比",
    ),
    formula=(
        "buyers gone silent in the period ÷ buyers not yet gone at its start",
        "期间内沉默的买家 ÷ 期初未沉默的买家",
    ),
    unit="share",
    better="lower",
    reads=(orders, subscriptions),
    count=("buyers at the start", "期初买家数"),
    source=("Own rhythm: the rules of the life-cycle stage “left”", "自身节奏：生命周期“流失”阶段的规则"),
    heavy=True,
    example=Example(
        rows={
            "orders": [
                # Both buy every ten days until 21 January; 60 days of silence are over on 22 March.
                *[{"person_id": 1, "ordered_at": f"2026-01-{d:02}", "amount_minor": 100} for d in (1, 11, 21)],
                *[{"person_id": 2, "ordered_at": f"2026-01-{d:02}", "amount_minor": 100} for d in (1, 11, 21)],
                {"person_id": 2, "ordered_at": "2026-03-15", "amount_minor": 100},
            ],
        },
        period=Period.month(2026, 3),
        value=0.5,
        count=2,
    ),
)
def silent_churn_rate(orders: Any, subscriptions: Any, period: Period) -> Any:
    """Share of buyers without a contract who fell silent in the period for longer than their own rhythm explains (0 to 1).

    Judged as at the start and as at the end with what was known then. Customers with a subscription are in the churn rate.
    """
    tables = {"orders": orders, "subscriptions": subscriptions}
    start = lifecycle.stages(tables, period.first_instant)
    start = start.filter(start.basis == "purchases", start.stage != "left").select("person_id")
    end = lifecycle.stages(tables, period.end_instant)
    gone = end.filter(end.basis == "purchases", end.stage == "left").select(goner="person_id")
    lines = of_somebody(counted(orders))
    member = lines.filter(lines.is_sale, lines.ordered_at < period.starts_at).select("segment", "person_id").distinct()
    there = member.semi_join(start, "person_id")
    both = there.left_join(gone, there.person_id == gone.goner)
    return both.group_by("segment").agg(numerator=both.goner.notnull().sum(), denominator=both.count())
