from typing import Any

from tenure.contracts.survey_responses import survey_responses
from tenure.insight.metrics._shared import answers, out_of_seven
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="satisfaction",
    words=("Trust", "客户信任度"),
    meaning=(
        "How far customers agree that we keep our word and mean them well, 1 to 7",
        "客户对“言而有信、为我着想”的认同程度（1 到 7）",
    ),
    formula=("mean of the scores", "评分的平均值"),
    unit="points",
    better="higher",
    reads=survey_responses,
    count=("answers", "回答数"),
    source=(
        "Reliability and integrity: Morgan & Hunt, Journal of Marketing 58(3), 1994",
        "可靠与诚信：Morgan 与 Hunt，《Journal of Marketing》58(3)，1994",
    ),
    columns=("survey_responses.score",),
    each=survey_responses,
    example=Example(
        rows=out_of_seven("trust"),
        period=Period.month(2026, 3),
        value=5.5,
        count=2,
    ),
)
def trust(survey_responses: Any, period: Period) -> Any:
    """Mean of the scores from 1 to 7 in surveys called "trust"; a score off the scale is no answer."""
    given = answers(survey_responses, "trust", 1, 7, period)
    return given.group_by("segment").agg(numerator=given.score.sum(), denominator=given.count())
