import ibis

from tenure.insight.features.base import Family, Feature
from tenure.insight.features.terms import change, count, days_since, distinct, highest, total
from tenure.language import Words


def rows(events: ibis.Table) -> ibis.Table:
    """How much a customer uses what we offer, and whether that is growing or fading."""
    return events


behaviour = Family(
    name="behaviour",
    reads=("events",),
    driver="usage",
    features=(
        Feature(
            "event_recency_days",
            Words("Days since last active", "距上次活跃天数"),
            "days",
            Words("Not seen for {value} days", "已有 {value} 天未活跃"),
            Words("Last active {value} days ago", "{value} 天前活跃过"),
            value=days_since(highest("occurred_at")),
        ),
        Feature(
            "events_30",
            Words("Actions, last 30 days", "近 30 天行为次数"),
            "count",
            Words("Actions in the last 30 days: {value}", "近 30 天有 {value} 次行为"),
            Words("Actions in the last 30 days: only {value}", "近 30 天仅有 {value} 次行为"),
            zero=True,
            value=count(window=30),
        ),
        Feature(
            "events_90",
            Words("Actions, last 90 days", "近 90 天行为次数"),
            "count",
            Words("Actions in the last 90 days: {value}", "近 90 天有 {value} 次行为"),
            Words("Actions in the last 90 days: only {value}", "近 90 天仅有 {value} 次行为"),
            zero=True,
            value=count(window=90),
        ),
        Feature(
            "active_days_30",
            Words("Active days, last 30 days", "近 30 天活跃天数"),
            "count",
            Words("Active on {value} of the last 30 days", "近 30 天有 {value} 天活跃"),
            Words("Active on only {value} of the last 30 days", "近 30 天仅有 {value} 天活跃"),
            zero=True,
            value=distinct("occurred_on", window=30),
        ),
        Feature(
            "events_change",
            Words("Change in actions, last 30 days against the 30 before", "近 30 天与此前 30 天行为次数的变化"),
            "change",
            Words("More active than in the 30 days before", "比此前 30 天更活跃"),
            Words("Less active than in the 30 days before", "不如此前 30 天活跃"),
            value=change(count(window=30), count(window=30, back=30)),
        ),
        Feature(
            "use_change",
            Words("Change in use, last 30 days against the 30 before", "近 30 天与此前 30 天使用量的变化"),
            "change",
            Words("Uses more than in the 30 days before", "使用量多于此前 30 天"),
            Words("Uses less than in the 30 days before", "使用量少于此前 30 天"),
            value=change(total("value", window=30), total("value", window=30, back=30)),
        ),
    ),
    rows=rows,
    order=("occurred_at", "event_id"),
)
