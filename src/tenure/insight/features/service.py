from datetime import datetime

import ibis

from tenure.insight.features.base import Family, Feature, Tables, days_before, latest, within
from tenure.language import Words


def compute(tables: Tables, as_of: datetime) -> ibis.Table:
    """What a customer asked or complained of, how fast we answered, and how content they were with it."""
    cases = tables["cases"]
    complaint = cases.kind == "complaint"
    hours = cases.first_response_at.delta(cases.opened_at, unit="second").cast("float64") / 3_600
    days = cases.resolved_at.delta(cases.opened_at, unit="second").cast("float64") / 86_400
    unresolved = cases.resolved_at.isnull()
    recent = within(as_of, cases.opened_at, 90)
    found = cases.group_by("person_id").agg(
        cases_90=recent.sum(),
        complaints=complaint.sum(),
        complaints_90=complaint.sum(where=recent),
        severe_complaints=(complaint & (cases.severity == "severe")).sum(),
        complaint_recency_days=days_before(as_of, cases.opened_at.max(where=complaint)).floor(),
        unresolved_cases=unresolved.sum(),
        oldest_unresolved_days=days_before(as_of, cases.opened_at.min(where=unresolved)).floor(),
        mean_response_hours=hours.mean(),
        mean_resolution_days=days.mean(),
        mean_handoffs=cases.handoffs.mean(),
    )
    rated = latest(cases.filter(cases.satisfaction.notnull()), "resolved_at", "opened_at", "case_id")
    joined = found.left_join(rated.select("person_id", last_case_satisfaction="satisfaction"), "person_id")
    return joined.select("person_id", *(feature.name for feature in service.features))


service = Family(
    name="service",
    reads=("cases",),
    features=(
        Feature(
            "cases_90",
            Words("Cases, last 90 days", "近 90 天工单数"),
            "count",
            Words("Cases raised in the last 90 days: {value}", "近 90 天提出 {value} 个工单"),
            Words("Cases raised in the last 90 days: {value}", "近 90 天提出 {value} 个工单"),
            zero=True,
        ),
        Feature(
            "complaints",
            Words("Complaints in all", "累计投诉次数"),
            "count",
            Words("Complaints so far: {value}", "累计投诉 {value} 次"),
            Words("Complaints so far: {value}", "累计投诉 {value} 次"),
            zero=True,
        ),
        Feature(
            "complaints_90",
            Words("Complaints, last 90 days", "近 90 天投诉次数"),
            "count",
            Words("Complaints in the last 90 days: {value}", "近 90 天投诉 {value} 次"),
            Words("Complaints in the last 90 days: {value}", "近 90 天投诉 {value} 次"),
            zero=True,
        ),
        Feature(
            "severe_complaints",
            Words("Severe complaints", "严重投诉次数"),
            "count",
            Words("Severe complaints: {value}", "严重投诉 {value} 次"),
            Words("Severe complaints: {value}", "严重投诉 {value} 次"),
            zero=True,
        ),
        Feature(
            "complaint_recency_days",
            Words("Days since the last complaint", "距上次投诉天数"),
            "days",
            Words("Complained {value} days ago", "{value} 天前曾投诉"),
            Words("Complained only {value} days ago", "{value} 天前刚投诉过"),
        ),
        Feature(
            "unresolved_cases",
            Words("Unresolved cases", "未解决工单数"),
            "count",
            Words("Cases still unresolved: {value}", "有 {value} 个工单尚未解决"),
            Words("Cases still unresolved: {value}", "有 {value} 个工单尚未解决"),
            zero=True,
        ),
        Feature(
            "oldest_unresolved_days",
            Words("Days the oldest case has been open", "最早未解决工单已开天数"),
            "days",
            Words("A case has been open for {value} days", "有工单已 {value} 天未解决"),
            Words("A case has been open for {value} days", "有工单已 {value} 天未解决"),
        ),
        Feature(
            "mean_response_hours",
            Words("Hours to our first answer", "首次答复用时（小时）"),
            "hours",
            Words("Waited {value} hours for our first answer", "平均等待 {value} 小时才得到首次答复"),
            Words("Waited {value} hours for our first answer", "平均等待 {value} 小时得到首次答复"),
        ),
        Feature(
            "mean_resolution_days",
            Words("Days to a solution", "解决用时（天）"),
            "days",
            Words("Solving a case took {value} days", "工单平均用时 {value} 天才解决"),
            Words("Solving a case took {value} days", "工单平均用时 {value} 天解决"),
        ),
        Feature(
            "mean_handoffs",
            Words("Hand-offs per case", "工单平均转手次数"),
            "ratio",
            Words("Changes of hands per case: {value}", "工单平均转手 {value} 次"),
            Words("Changes of hands per case: {value}", "工单平均转手 {value} 次"),
        ),
        Feature(
            "last_case_satisfaction",
            Words("Last rating of our handling", "最近一次处理满意度"),
            "score",
            Words("Rated our last handling {value} of 5", "对最近一次处理评分 {value}（满分 5）"),
            Words("Rated our last handling only {value} of 5", "对最近一次处理仅评 {value} 分（满分 5）"),
        ),
    ),
    compute=compute,
)
