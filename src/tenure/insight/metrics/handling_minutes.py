from typing import Any

from tenure.contracts.interactions import interactions
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="service",
    words=("Handling time", "平均处理时长"),
    meaning=("How long a call, chat or visit takes on average", "每次通话、在线聊天或拜访的平均时长"),
    formula=("time spent ÷ contacts that say how long they took", "总时长 ÷ 有时长记录的互动次数"),
    unit="minutes",
    better="neither",
    reads=interactions,
    count=("contacts", "互动次数"),
    source=("Contact-centre practice: average handling time", "呼叫中心通行定义：平均处理时长（AHT）"),
    columns=("interactions.duration_seconds",),
    each=interactions,
    example=Example(
        rows={
            "interactions": [
                {"person_id": 1, "occurred_at": "2026-03-02", "duration_seconds": 120},
                {"person_id": 2, "occurred_at": "2026-03-03", "duration_seconds": 360},
                {"person_id": 2, "occurred_at": "2026-03-03"},
                {"person_id": 3, "occurred_at": "2026-03-03", "duration_seconds": -5},
            ]
        },
        period=Period.month(2026, 3),
        value=4,
        count=2,
    ),
)
def handling_minutes(interactions: Any, period: Period) -> Any:
    """How long a call, chat or visit takes on average, in minutes.

    Contacts that do not say, or say less than nothing, are left out. Shorter is cheaper, not better: read it beside
    first-contact resolution.
    """
    timed = interactions.filter(period.holds(interactions.occurred_on), interactions.duration_seconds >= 0)
    return timed.group_by("segment").agg(numerator=timed.duration_seconds.sum() / 60, denominator=timed.count())
