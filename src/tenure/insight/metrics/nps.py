from typing import Any

from tenure.contracts.survey_responses import survey_responses
from tenure.insight.metrics._shared import answers, line
from tenure.insight.metrics.base import Example, Period, metric


def _answers(*scores: tuple[int, int]) -> list[dict[str, Any]]:
    return [
        {"survey": "nps", "answered_at": "2026-03-10", "score": score} for score, times in scores for _ in range(times)
    ]


@metric(
    group="satisfaction",
    words=("Net promoter score (NPS)", "净推荐值（NPS）"),
    meaning=(
        "How many more would recommend us than warn against us: promoters (9–10) less detractors (0–6), of 100 answers",
        "每 100 个回答中推荐者（9–10 分）减去贬损者（0–6 分）",
    ),
    formula=("(promoters − detractors) ÷ answers × 100", "（推荐者 − 贬损者）÷ 回答数 × 100"),
    unit="points",
    better="higher",
    reads=survey_responses,
    count=("answers", "回答数"),
    source=("Reichheld, Harvard Business Review, December 2003", "Reichheld，《哈佛商业评论》2003 年 12 月"),
    scale=100,
    benchmark=line(50),
    each=survey_responses,
    example=Example(
        rows={"survey_responses": _answers((10, 30), (9, 30), (8, 15), (7, 10), (6, 10), (0, 5))},
        period=Period.month(2026, 3),
        value=45,
        count=100,
        numerator=45,
        denominator=100,
    ),
)
def nps(survey_responses: Any, period: Period) -> Any:
    """Promoters (9–10) less detractors (0–6), of 100 answers: −100 to 100. Passives (7–8) count below only.

    Every scored answer to a survey called "nps" counts, also two by one customer.
    """
    given = answers(survey_responses, "nps", 0, 10, period)
    return given.group_by("segment").agg(
        numerator=(given.score >= 9).sum() - (given.score < 7).sum(), denominator=given.count()
    )
