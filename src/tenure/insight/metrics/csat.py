from typing import Any

from tenure.contracts.survey_responses import survey_responses
from tenure.insight.metrics._shared import answers, line
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="satisfaction",
    words=("Satisfaction (CSAT)", "客户满意度（CSAT）"),
    meaning=("How satisfied customers say they are, 0 to 100", "客户自述的满意程度（0 到 100）"),
    formula=("mean of the scores", "评分的平均值"),
    unit="points",
    better="higher",
    reads=survey_responses,
    count=("answers", "回答数"),
    source=("Mean score on a scale of 100", "百分制平均分"),
    benchmark=line(75),
    excellent=line(90),
    each=survey_responses,
    example=Example(
        rows={
            "survey_responses": [
                {"survey": "csat", "answered_at": "2026-03-10", "score": 90},
                {"survey": "csat", "answered_at": "2026-03-11", "score": 58},
                {"survey": "CSAT", "answered_at": "2026-03-12", "score": 74},
                {"survey": "nps", "answered_at": "2026-03-12", "score": 2},
                {"survey": "csat", "answered_at": "2026-03-13", "text": "fine"},
            ]
        },
        period=Period.month(2026, 3),
        value=74,
        count=3,
    ),
)
def csat(survey_responses: Any, period: Period) -> Any:
    """How satisfied customers say they are, 0 to 100: the mean score, not the share of the satisfied.

    A question answered in words alone does not count, nor does a score off the scale.
    """
    given = answers(survey_responses, "csat", 0, 100, period)
    return given.group_by("segment").agg(numerator=given.score.sum(), denominator=given.count())
