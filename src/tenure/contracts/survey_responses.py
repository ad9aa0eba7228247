from tenure.contracts._shared import CHANNEL, CUSTOMER
from tenure.contracts.base import Column, Contract
from tenure.language import Words

survey_responses = Contract(
    name="survey_responses",
    words=Words("Survey responses", "问卷回答"),
    meaning=Words("What customers answered when asked", "客户对问卷的回答"),
    key=("response_id", "question"),
    valid_at="answered_at",
    columns=(
        Column(
            "response_id",
            "text",
            Words("Response", "答卷编号"),
            Words("The response's number", "答卷编号"),
            required=True,
            example="R-1",
            aliases=("response", "答卷ID"),
        ),
        Column(
            "question",
            "text",
            Words("Question", "题目"),
            Words("Which question", "题目"),
            required=True,
            example="recommend",
            aliases=("item", "问题"),
        ),
        CUSTOMER,
        Column(
            "answered_at",
            "instant",
            Words("Answered", "回答时间"),
            Words("When it was answered", "回答的时间"),
            required=True,
            example="2026-03-01 09:30:00",
            aliases=("response_date", "submitted_at", "date", "答题时间", "提交时间"),
        ),
        Column(
            "survey",
            "text",
            Words("Survey", "问卷"),
            Words("nps, csat, ces, kano, exit …", "问卷类型：nps、csat、ces、kano、exit……"),
            example="nps",
            aliases=("survey_name", "问卷类型"),
        ),
        Column(
            "score",
            "number",
            Words("Score", "分数"),
            Words(
                "The answer as a number: NPS 0 to 10, CSAT 0 to 100, CES 1 to 7",
                "以数字表示的答案：NPS 0–10，CSAT 0–100，CES 1–7",
            ),
            example="9",
            aliases=("rating", "answer", "得分", "评分"),
        ),
        Column(
            "text",
            "text",
            Words("Text", "文字回答"),
            Words("The answer in words", "文字答案"),
            personal="text",
            aliases=("comment", "verbatim", "评论", "文字"),
        ),
        Column(
            "touchpoint",
            "text",
            Words("Touch-point", "触点"),
            Words("Where in the journey it was asked", "所在触点"),
            example="delivery",
            aliases=("触点名称",),
        ),
        CHANNEL,
    ),
)
