from typing import Any

import ibis

from tenure.contracts.orders import orders
from tenure.contracts.subscriptions import subscriptions
from tenure.contracts.treatments import treatments
from tenure.insight.metrics._shared import of_somebody
from tenure.insight.metrics.base import Example, Period, metric
from tenure.insight.purchases import counted, days

WITHIN_DAYS = 30


@metric(
    group="marketing",
    words=("Campaign uptake", "活动响应率"),
    meaning=(
        "Share of the customers we acted on in the period who bought, or signed up, within 30 days",
        "期间内被施加动作的客户中，30 天内购买或订购的占比",
    ),
    formula=("treated customers who bought within 30 days ÷ treated customers", "30 天内购买的实施组客户 ÷ 实施组客户"),
    unit="share",
    better="higher",
    reads=(treatments, orders, subscriptions),
    count=("customers treated", "实施组客户数"),
    source=(
        "Response rate; some would have bought anyway, so lift against the control group is the proof",
        "响应率；部分客户本来就会购买，效果以对照组差异为准",
    ),
    example=Example(
        rows={
            "treatments": [
                {"person_id": 1, "campaign": "save", "arm": "treated", "assigned_at": "2026-03-02"},
                {"person_id": 2, "campaign": "save", "arm": "treated", "assigned_at": "2026-03-02"},
                {"person_id": 3, "campaign": "save", "arm": "treated", "assigned_at": "2026-03-02"},
                {"person_id": 4, "campaign": "save", "arm": "treated", "assigned_at": "2026-03-02"},
                {"person_id": 5, "campaign": "save", "arm": "control", "assigned_at": "2026-03-02"},
            ],
            "orders": [
                {"person_id": 1, "ordered_at": "2026-03-20", "amount_minor": 100},
                {"person_id": 2, "ordered_at": "2026-03-01", "amount_minor": 100},
                {"person_id": 3, "ordered_at": "2026-04-01", "amount_minor": 100},
                {"person_id": 5, "ordered_at": "2026-03-20", "amount_minor": 100},
            ],
            "subscriptions": [{"person_id": 4, "started_at": "2026-03-31"}],
        },
        period=Period.month(2026, 3),
        value=0.5,
        count=4,
    ),
)
def campaign_uptake(treatments: Any, orders: Any, subscriptions: Any, period: Period) -> Any:
    """Share of the customers we acted on in the period who bought, or signed up, within 30 days (0 to 1).

    One customer in two campaigns counts in both. It proves nothing: the control group may have bought as much. A period
    whose last 30 days are not over yet looks worse than it will turn out to be.
    """
    acted = of_somebody(treatments)
    acted = acted.filter(acted.arm == "treated", period.holds(acted.assigned_on))
    acted = acted.group_by("segment", "person_id", "campaign").agg(since=acted.assigned_at.min())
    lines = of_somebody(counted(orders))
    bought = lines.filter(lines.is_sale).select(buyer="person_id", at="ordered_at")
    signed = of_somebody(subscriptions).select(buyer="person_id", at="started_at")
    done = bought.union(signed)
    both = acted.inner_join(
        done,
        [
            acted.person_id == done.buyer,
            done.at >= acted.since,
            done.at < acted.since + days(WITHIN_DAYS),
        ],
    )
    took = both.select("person_id", "campaign", taken=ibis.literal(True)).distinct()
    took = took.rename(taker="person_id", taken_up="campaign")
    all_ = acted.left_join(took, [acted.person_id == took.taker, acted.campaign == took.taken_up])
    return all_.group_by("segment").agg(numerator=all_.taken.notnull().sum(), denominator=all_.count())
