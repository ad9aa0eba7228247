from datetime import datetime

import ibis

from tenure.insight.features.base import Family, Feature, Tables, change, days_before, within
from tenure.language import Words


def compute(tables: Tables, as_of: datetime) -> ibis.Table:
    """How much a customer uses what we offer, and whether that is growing or fading."""
    events = tables["events"]
    at = events.occurred_at
    now, before = within(as_of, at, 30), within(as_of, at, 30, back=30)
    found = events.group_by("person_id").agg(
        event_recency_days=days_before(as_of, at.max()).floor(),
        events_30=now.sum(),
        events_90=within(as_of, at, 90).sum(),
        _events_before=before.sum(),
        active_days_30=events.occurred_on.nunique(where=now),
        _use=events.value.sum(where=now),
        _use_before=events.value.sum(where=before),
    )
    found = found.mutate(
        events_change=change(found.events_30, found._events_before),
        use_change=change(found._use, found._use_before),
    )
    return found.select("person_id", *(feature.name for feature in behaviour.features))


behaviour = Family(
    name="behaviour",
    reads=("events",),
    features=(
        Feature(
            "event_recency_days",
            Words("Days since last active", "距上次活跃天数"),
            "days",
            Words("Not seen for {value} days", "已有 {value} 天未活跃"),
            Words("Last active {value} days ago", "{value} 天前活跃过"),
        ),
        Feature(
            "events_30",
            Words("Actions, last 30 days", "近 30 天行为次数"),
            "count",
            Words("Actions in the last 30 days: {value}", "近 30 天有 {value} 次行为"),
            Words("Actions in the last 30 days: only {value}", "近 30 天仅有 {value} 次行为"),
            zero=True,
        ),
        Feature(
            "events_90",
            Words("Actions, last 90 days", "近 90 天行为次数"),
            "count",
            Words("Actions in the last 90 days: {value}", "近 90 天有 {value} 次行为"),
            Words("Actions in the last 90 days: only {value}", "近 90 天仅有 {value} 次行为"),
            zero=True,
        ),
        Feature(
            "active_days_30",
            Words("Active days, last 30 days", "近 30 天活跃天数"),
            "count",
            Words("Active on {value} of the last 30 days", "近 30 天有 {value} 天活跃"),
            Words("Active on only {value} of the last 30 days", "近 30 天仅有 {value} 天活跃"),
            zero=True,
        ),
        Feature(
            "events_change",
            Words("Change in actions, last 30 days against the 30 before", "近 30 天与此前 30 天行为次数的变化"),
            "change",
            Words("More active than in the 30 days before", "比此前 30 天更活跃"),
            Words("Less active than in the 30 days before", "不如此前 30 天活跃"),
        ),
        Feature(
            "use_change",
            Words("Change in use, last 30 days against the 30 before", "近 30 天与此前 30 天使用量的变化"),
            "change",
            Words("Uses more than in the 30 days before", "使用量多于此前 30 天"),
            Words("Uses less than in the 30 days before", "使用量少于此前 30 天"),
        ),
    ),
    compute=compute,
)
