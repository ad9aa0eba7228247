from typing import Any

from tenure.contracts.interactions import interactions
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="service",
    words=("Automation coverage", "自动化覆盖率"),
    meaning=(
        "Share of the contacts customers made that a machine dealt with from beginning to end",
        "客户发起的联系中，全程由机器处理的占比",
    ),
    formula=(
        "contacts dealt with by a machine ÷ contacts that say who dealt with them",
        "机器处理的联系 ÷ 注明处理方式的联系",
    ),
    unit="share",
    better="higher",
    reads=interactions,
    count=("contacts", "联系次数"),
    source=("Contact-centre practice: self-service completion", "呼叫中心惯例：自助完成率"),
    columns=("interactions.automated",),
    each=interactions,
    example=Example(
        rows={
            "interactions": [
                {"person_id": 1, "occurred_at": "2026-03-02", "direction": "in", "automated": True},
                {"person_id": 2, "occurred_at": "2026-03-03", "automated": False},
                {"person_id": 2, "occurred_at": "2026-03-03", "direction": "in"},
                {"person_id": 3, "occurred_at": "2026-03-03", "direction": "out", "automated": True},
            ]
        },
        period=Period.month(2026, 3),
        value=0.5,
        count=2,
    ),
)
def automation_coverage(interactions: Any, period: Period) -> Any:
    """Share of the contacts customers made that a machine dealt with from beginning to end (0 to 1).

    What we sent out does not count, nor a contact that does not say.
    """
    came = interactions.filter(
        period.holds(interactions.occurred_on),
        (interactions.direction != "out").fill_null(True),
        interactions.automated.notnull(),
    )
    return came.group_by("segment").agg(numerator=came.automated.sum(), denominator=came.count())
