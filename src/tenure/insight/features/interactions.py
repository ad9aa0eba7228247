import ibis

from tenure.insight.features.base import Family, Feature, Lever
from tenure.insight.features.terms import count, days_since, highest, mean, newest, total
from tenure.language import Words


def rows(talks: ibis.Table) -> ibis.Table:
    """How often a customer turns to us and we to them, and in which mood."""
    return talks.mutate(
        inbound=talks.direction == "in", outbound=talks.direction == "out", in_a_mood=talks.sentiment.notnull()
    )


interactions = Family(
    name="interactions",
    reads=("interactions",),
    driver="contact",
    features=(
        Feature(
            "calls_in_90",
            Words("Turned to us, last 90 days", "近 90 天主动联系次数"),
            "count",
            Words("Times turned to us in the last 90 days: {value}", "近 90 天主动联系我们 {value} 次"),
            Words("Times turned to us in the last 90 days: only {value}", "近 90 天仅主动联系我们 {value} 次"),
            zero=True,
            value=count(where="inbound", window=90),
        ),
        Feature(
            "calls_out_90",
            Words("We reached out, last 90 days", "近 90 天我方联系次数"),
            "count",
            Words("Times we reached out in the last 90 days: {value}", "近 90 天我方联系 {value} 次"),
            Words("Times we reached out in the last 90 days: only {value}", "近 90 天我方仅联系 {value} 次"),
            zero=True,
            value=count(where="outbound", window=90),
            lever=Lever(Words("we had reached out {value} times in 90 days", "近 90 天我方联系达到 {value} 次"), "up"),
        ),
        Feature(
            "inbound_recency_days",
            Words("Days since the customer last turned to us", "距客户上次主动联系天数"),
            "days",
            Words("Has not turned to us for {value} days", "已有 {value} 天未主动联系我们"),
            Words("Turned to us {value} days ago", "{value} 天前主动联系过我们"),
            value=days_since(highest("occurred_at", where="inbound")),
        ),
        Feature(
            "mean_sentiment_90",
            Words("Mood, last 90 days (-1 to 1)", "近 90 天情绪（-1 到 1）"),
            "score",
            Words("Mood in talks with us: {value} (-1 angry, 1 glad)", "沟通情绪 {value}（-1 愤怒，1 满意）"),
            Words("Low mood in talks with us: {value} (-1 angry, 1 glad)", "沟通情绪偏低：{value}（-1 愤怒，1 满意）"),
            value=mean("sentiment", window=90),
            driver="satisfaction",
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
            value=newest("sentiment", where="in_a_mood"),
            driver="satisfaction",
        ),
        Feature(
            "talk_seconds_90",
            Words("Seconds talked, last 90 days", "近 90 天沟通秒数"),
            "count",
            Words("Talked with us for {value} seconds in the last 90 days", "近 90 天沟通 {value} 秒"),
            Words("Talked with us for only {value} seconds in the last 90 days", "近 90 天仅沟通 {value} 秒"),
            zero=True,
            value=total("duration_seconds", window=90),
        ),
    ),
    rows=rows,
    order=("occurred_at", "interaction_id"),
)
