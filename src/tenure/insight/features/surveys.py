import ibis

from tenure.insight.features.base import Family, Feature
from tenure.insight.features.terms import days_since, distinct, highest, newest
from tenure.language import Words


def rows(answers: ibis.Table) -> ibis.Table:
    """What a customer last told us: would recommend us (0 to 10), content (0 to 100), how hard it was (1 to 7)."""
    scored = {survey: (answers.survey.lower() == survey) & answers.score.notnull() for survey in ("nps", "csat", "ces")}
    return answers.mutate(**scored)


surveys = Family(
    name="surveys",
    reads=("survey_responses",),
    driver="satisfaction",
    features=(
        Feature(
            "last_nps",
            Words("Last answer to: would you recommend us (0 to 10)", "最近一次推荐意愿（0–10）"),
            "score",
            Words("Would recommend us: {value} of 10", "推荐意愿 {value} 分（满分 10）"),
            Words("Would hardly recommend us: {value} of 10", "推荐意愿仅 {value} 分（满分 10）"),
            value=newest("score", where="nps"),
        ),
        Feature(
            "last_csat",
            Words("Last satisfaction (0 to 100)", "最近一次满意度（0–100）"),
            "score",
            Words("Satisfaction {value} of 100", "满意度 {value} 分（满分 100）"),
            Words("Satisfaction only {value} of 100", "满意度仅 {value} 分（满分 100）"),
            value=newest("score", where="csat"),
        ),
        Feature(
            "last_ces",
            Words("Last effort score (1 to 7)", "最近一次费力度（1–7）"),
            "score",
            Words("Effort score {value} of 7", "费力度评分 {value}（满分 7）"),
            Words("Effort score only {value} of 7", "费力度评分仅 {value}（满分 7）"),
            value=newest("score", where="ces"),
        ),
        Feature(
            "survey_answers",
            Words("Surveys answered", "回答过的问卷数"),
            "count",
            Words("Surveys answered: {value}", "回答过 {value} 份问卷"),
            Words("Surveys answered: only {value}", "仅回答过 {value} 份问卷"),
            zero=True,
            value=distinct("response_id"),
        ),
        Feature(
            "survey_recency_days",
            Words("Days since the last answer", "距上次回答问卷天数"),
            "days",
            Words("Last answered a survey {value} days ago", "上次回答问卷已是 {value} 天前"),
            Words("Last answered a survey {value} days ago", "{value} 天前回答过问卷"),
            value=days_since(highest("answered_at")),
        ),
    ),
    rows=rows,
    order=("answered_at", "response_id", "question"),
)
