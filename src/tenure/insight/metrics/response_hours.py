from typing import Any

from tenure.contracts.cases import cases
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="service",
    words=("First response time", "首次响应时间"),
    meaning=(
        "Hours from the customer raising a case to our first answer, on average",
        "客户提出到首次答复的平均小时数",
    ),
    formula=("hours to the first answer, summed ÷ cases answered", "首次答复小时数之和 ÷ 已答复工单数"),
    unit="hours",
    better="lower",
    reads=cases,
    count=("cases answered", "已答复工单数"),
    source=("By the clock, nights and week-ends included", "按自然时间，含夜间与周末"),
    each=cases,
    example=Example(
        rows={
            "cases": [
                {"person_id": 1, "opened_at": "2026-03-02T09:00", "first_response_at": "2026-03-04T09:00"},
                {"person_id": 2, "opened_at": "2026-03-05T09:00", "first_response_at": "2026-03-05T10:30"},
                {"person_id": 3, "opened_at": "2026-03-06T09:00"},
                {"person_id": 4, "opened_at": "2026-02-27T09:00", "first_response_at": "2026-03-05T10:30"},
            ]
        },
        period=Period.month(2026, 3),
        value=24.75,
        count=2,
    ),
)
def response_hours(cases: Any, period: Period) -> Any:
    """Hours from the customer raising a case to our first answer, on average over the cases opened in the period.

    By the clock, nights and week-ends included. Cases not yet answered are not in it, so a young period looks better than it
    will turn out to be.
    """
    done = cases.filter(period.holds(cases.opened_on), cases.first_response_at >= cases.opened_at)
    seconds = done.first_response_at.delta(done.opened_at, unit="second")
    return done.group_by("segment").agg(numerator=seconds.sum() / 3600, denominator=done.count())
