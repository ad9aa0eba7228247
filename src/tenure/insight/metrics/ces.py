from typing import Any

from tenure.contracts.survey_responses import survey_responses
from tenure.insight.metrics._shared import answers
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="satisfaction",
    words=("Ease (CES)", "客户费力度（CES，越高越省力）"),
    meaning=(
        "How far customers agree that we made it easy, 1 to 7; more is easier",
        "客户对“办理很省力”的认同程度（1 到 7，越高越省力）",
    ),
    formula=("mean of the scores", "评分的平均值"),
    unit="points",
    better="higher",
    reads=survey_responses,
    count=("answers", "回答数"),
    source=("CES 2.0: Dixon, Toman & DeLisi, The Effortless Experience, 2013", "CES 2.0：Dixon 等《轻松体验》，2013"),
    each=survey_responses,
    example=Example(
        rows={
            "survey_responses": [
                {"survey": "ces", "answered_at": "2026-03-10", "score": 7},
                {"survey": "ces", "answered_at": "2026-03-11", "score": 4},
                {"survey": "ces", "answered_at": "2026-03-11", "score": 0},
            ]
        },
        period=Period.month(2026, 3),
        value=5.5,
        count=2,
    ),
)
def ces(survey_responses: Any, period: Period) -> Any:
    """How far customers agree that we made it easy, 1 to 7; more is easier, as in CES 2.0 (the first CES ran the other way)."""
    given = answers(survey_responses, "ces", 1, 7, period)
    return given.group_by("segment").agg(numerator=given.score.sum(), denominator=given.count())
