from typing import Any

from tenure.contracts.survey_responses import survey_responses
from tenure.insight.metrics._shared import answers, out_of_seven
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="satisfaction",
    words=("Perceived value", "感知价值"),
    meaning=(
        "How far customers agree that what they get is worth what they give, 1 to 7",
        "客户对“物有所值”的认同程度（1 到 7）",
    ),
    formula=("mean of the scores", "评分的平均值"),
    unit="points",
    better="higher",
    reads=survey_responses,
    count=("answers", "回答数"),
    source=(
        "What is received for what is given: Zeithaml, Journal of Marketing 52(3), 1988",
        "所得与所付之比：Zeithaml，《Journal of Marketing》52(3)，1988",
    ),
    columns=("survey_responses.score",),
    each=survey_responses,
    example=Example(
        rows=out_of_seven("value"),
        period=Period.month(2026, 3),
        value=5.5,
        count=2,
    ),
)
def perceived_value(survey_responses: Any, period: Period) -> Any:
    """Mean of the scores from 1 to 7 in surveys called "value"; a score off the scale is no answer."""
    given = answers(survey_responses, "value", 1, 7, period)
    return given.group_by("segment").agg(numerator=given.score.sum(), denominator=given.count())
