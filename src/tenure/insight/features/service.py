import ibis

from tenure.insight.features.base import Family, Feature, Lever, since
from tenure.insight.features.terms import count, days_since, highest, lowest, mean, newest
from tenure.language import Words


def rows(cases: ibis.Table) -> ibis.Table:
    """What a customer asked or complained of, how fast we answered, and how content they were with it."""
    complaint = cases.kind == "complaint"
    return cases.mutate(
        complaint=complaint,
        severe=complaint & (cases.severity == "severe"),
        answered=since(cases._seen, cases.first_response_at),
        response_hours=cases.first_response_at.delta(cases.opened_at, unit="second").cast("float64") / 3_600,
        resolved=since(cases._seen, cases.resolved_at),
        resolution_days=cases.resolved_at.delta(cases.opened_at, unit="second").cast("float64") / 86_400,
        rated=cases.satisfaction.notnull(),
    )


service = Family(
    name="service",
    reads=("cases",),
    driver="service",
    features=(
        Feature(
            "cases_90",
            Words("Cases, last 90 days", "近 90 天工单数"),
            "count",
            Words("Cases raised in the last 90 days: {value}", "近 90 天提出 {value} 个工单"),
            Words("Cases raised in the last 90 days: {value}", "近 90 天提出 {value} 个工单"),
            zero=True,
            value=count(window=90),
        ),
        Feature(
            "complaints",
            Words("Complaints in all", "累计投诉次数"),
            "count",
            Words("Complaints so far: {value}", "累计投诉 {value} 次"),
            Words("Complaints so far: {value}", "累计投诉 {value} 次"),
            zero=True,
            value=count(where="complaint"),
        ),
        Feature(
            "complaints_90",
            Words("Complaints, last 90 days", "近 90 天投诉次数"),
            "count",
            Words("Complaints in the last 90 days: {value}", "近 90 天投诉 {value} 次"),
            Words("Complaints in the last 90 days: {value}", "近 90 天投诉 {value} 次"),
            zero=True,
            value=count(where="complaint", window=90),
        ),
        Feature(
            "severe_complaints",
            Words("Severe complaints", "严重投诉次数"),
            "count",
            Words("Severe complaints: {value}", "严重投诉 {value} 次"),
            Words("Severe complaints: {value}", "严重投诉 {value} 次"),
            zero=True,
            value=count(where="severe"),
        ),
        Feature(
            "complaint_recency_days",
            Words("Days since the last complaint", "距上次投诉天数"),
            "days",
            Words("Complained {value} days ago", "{value} 天前曾投诉"),
            Words("Complained only {value} days ago", "{value} 天前刚投诉过"),
            value=days_since(highest("opened_at", where="complaint")),
        ),
        Feature(
            "unresolved_cases",
            Words("Unresolved cases", "未解决工单数"),
            "count",
            Words("Cases still unresolved: {value}", "有 {value} 个工单尚未解决"),
            Words("Cases still unresolved: {value}", "有 {value} 个工单尚未解决"),
            zero=True,
            value=count(until="resolved_at"),
            lever=Lever(
                Words("every open case were resolved", "所有未结工单都得到解决"),
                "none",
                {"oldest_unresolved_days": None},
            ),
        ),
        Feature(
            "oldest_unresolved_days",
            Words("Days the oldest case has been open", "最早未解决工单已开天数"),
            "days",
            Words("A case has been open for {value} days", "有工单已 {value} 天未解决"),
            Words("A case has been open for {value} days", "有工单已 {value} 天未解决"),
            value=days_since(lowest("opened_at", until="resolved_at")),
        ),
        Feature(
            "mean_response_hours",
            Words("Hours to our first answer", "首次答复用时（小时）"),
            "hours",
            Words("Waited {value} hours for our first answer", "平均等待 {value} 小时才得到首次答复"),
            Words("Waited {value} hours for our first answer", "平均等待 {value} 小时得到首次答复"),
            value=mean("response_hours", since="answered"),
            lever=Lever(Words("our first answers came within {value} hours", "首次答复在 {value} 小时内"), "down"),
        ),
        Feature(
            "mean_resolution_days",
            Words("Days to a solution", "解决用时（天）"),
            "days",
            Words("Solving a case took {value} days", "工单平均用时 {value} 天才解决"),
            Words("Solving a case took {value} days", "工单平均用时 {value} 天解决"),
            value=mean("resolution_days", since="resolved"),
        ),
        Feature(
            "mean_handoffs",
            Words("Hand-offs per case", "工单平均转手次数"),
            "ratio",
            Words("Changes of hands per case: {value}", "工单平均转手 {value} 次"),
            Words("Changes of hands per case: {value}", "工单平均转手 {value} 次"),
            value=mean("handoffs", since="resolved"),
        ),
        Feature(
            "last_case_satisfaction",
            Words("Last rating of our handling", "最近一次处理满意度"),
            "score",
            Words("Rated our last handling {value} of 5", "对最近一次处理评分 {value}（满分 5）"),
            Words("Rated our last handling only {value} of 5", "对最近一次处理仅评 {value} 分（满分 5）"),
            value=newest("satisfaction", where="rated", since="resolved"),
            driver="satisfaction",
        ),
    ),
    rows=rows,
    order=("resolved_at", "opened_at", "case_id"),
)
