from datetime import datetime

import ibis

from tenure.insight.features.base import Family, Feature, Tables, days_before, latest, within
from tenure.language import Words


def compute(tables: Tables, as_of: datetime) -> ibis.Table:
    """How often a customer turns to us and we to them, and in which mood."""
    talks = tables["interactions"]
    at = talks.occurred_at
    recent, inbound = within(as_of, at, 90), talks.direction == "in"
    found = talks.group_by("person_id").agg(
        calls_in_90=inbound.sum(where=recent),
        calls_out_90=(talks.direction == "out").sum(where=recent),
        inbound_recency_days=days_before(as_of, at.max(where=inbound)).floor(),
        mean_sentiment_90=talks.sentiment.mean(where=recent),
        talk_seconds_90=talks.duration_seconds.sum(where=recent),
    )
    mood = latest(talks.filter(talks.sentiment.notnull()), "occurred_at", "interaction_id")
    joined = found.left_join(mood.select("person_id", last_sentiment="sentiment"), "person_id")
    return joined.select("person_id", *(feature.name for feature in interactions.features))


interactions = Family(
    name="interactions",
    reads=("interactions",),
    features=(
        Feature(
            "calls_in_90",
            Words("Turned to us, last 90 days", "近 90 天主动联系次数"),
            "count",
            Words("Times turned to us in the last 90 days: {value}", "近 90 天主动联系我们 {value} 次"),
            Words("Times turned to us in the last 90 days: only {value}", "近 90 天仅主动联系我们 {value} 次"),
            zero=True,
        ),
        Feature(
            "calls_out_90",
            Words("We reached out, last 90 days", "近 90 天我方联系次数"),
            "count",
            Words("Times we reached out in the last 90 days: {value}", "近 90 天我方联系 {value} 次"),
            Words("Times we reached out in the last 90 days: only {value}", "近 90 天我方仅联系 {value} 次"),
            zero=True,
        ),
        Feature(
            "inbound_recency_days",
            Words("Days since the customer last turned to us", "距客户上次主动联系天数"),
            "days",
            Words("Has not turned to us for {value} days", "已有 {value} 天未主动联系我们"),
            Words("Turned to us {value} days ago", "{value} 天前主动联系过我们"),
        ),
        Feature(
            "mean_sentiment_90",
            Words("Mood, last 90 days (-1 to 1)", "近 90 天情绪（-1 到 1）"),
            "score",
            Words("Mood in talks with us: {value} (-1 angry, 1 glad)", "沟通情绪 {value}（-1 愤怒，1 满意）"),
            Words("Low mood in talks with us: {value} (-1 angry, 1 glad)", "沟通情绪偏低：{value}（-1 愤怒，1 满意）"),
        ),
        Feature(
            "last_sentiment",
            Words("Mood at the last talk (-1 to 1)", "最近一次沟通情绪（-1 到 1）"),
            "score",
            Words("Mood at the last talk: {value} (-1 angry, 1 glad)", "最近一次沟通情绪 {value}（-1 愤怒，1 满意）"),
            Words(
                "Low mood at the last talk: {value} (-1 angry, 1 glad)",
                "最近一次沟通情绪偏低：{value}（-1 愤怒，1 满意）",
            ),
        ),
        Feature(
            "talk_seconds_90",
            Words("Seconds talked, last 90 days", "近 90 天沟通秒数"),
            "count",
            Words("Talked with us for {value} seconds in the last 90 days", "近 90 天沟通 {value} 秒"),
            Words("Talked with us for only {value} seconds in the last 90 days", "近 90 天仅沟通 {value} 秒"),
            zero=True,
        ),
    ),
    compute=compute,
)
