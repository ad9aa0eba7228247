from datetime import datetime

import ibis

from tenure.insight.features.base import Family, Feature, Tables, days_before, latest
from tenure.language import Words


def compute(tables: Tables, as_of: datetime) -> ibis.Table:
    """What a customer is signed up for: since when, at what fee, on which plan, and until when.

    A subscription runs from its start until it really ended; a term that ran out is not an end.
    """
    held = tables["subscriptions"]
    running = held.ended_at.isnull()
    left = -days_before(as_of, held.term_ends_at)
    in_order = ibis.window(group_by="person_id", order_by=["started_at", "subscription_id"])
    held = held.mutate(_plan_before=held.plan.lag().over(in_order))
    found = held.group_by("person_id").agg(
        subscription_age_days=days_before(as_of, held.started_at).max().floor(),
        running_subscriptions=running.sum(),
        ended_subscriptions=(~running).sum(),
        monthly_fee_base_minor=(held.fee_base_minor.cast("float64") / held.period_months.fill_null(1).nullif(0)).sum(
            where=running
        ),
        days_to_term_end=left.min(where=running & (left >= 0)).floor(),
        out_of_term=(running & (left.fill_null(-1) < 0)).sum(),
        auto_renew=held.auto_renew.cast("int64").max(where=running),
        plan_changes=(held.plan != held._plan_before).fill_null(False).sum(),
    )
    now = latest(held.filter(running), "started_at", "subscription_id")
    plans = now.select("person_id", "plan")
    joined = found.left_join(plans, "person_id").drop("person_id_right")
    return joined.select("person_id", *(feature.name for feature in subscriptions.features))


subscriptions = Family(
    name="subscriptions",
    reads=("subscriptions",),
    features=(
        Feature(
            "subscription_age_days",
            Words("Days since the first subscription", "距首次订购天数"),
            "days",
            Words("A subscriber for {value} days", "订购已 {value} 天"),
            Words("A subscriber for only {value} days", "订购仅 {value} 天"),
        ),
        Feature(
            "running_subscriptions",
            Words("Running subscriptions", "在用订购数"),
            "count",
            Words("Running subscriptions: {value}", "在用订购 {value} 项"),
            Words("Running subscriptions: only {value}", "在用订购仅 {value} 项"),
            zero=True,
        ),
        Feature(
            "ended_subscriptions",
            Words("Ended subscriptions", "已终止订购数"),
            "count",
            Words("Subscriptions ended before: {value}", "曾终止 {value} 项订购"),
            Words("Subscriptions ended before: {value}", "曾终止 {value} 项订购"),
            zero=True,
        ),
        Feature(
            "monthly_fee_base_minor",
            Words("Monthly fee", "月费"),
            "minor units",
            Words("Pays {value} a month, more than most", "月费 {value}，高于多数客户"),
            Words("Pays {value} a month, less than most", "月费 {value}，低于多数客户"),
        ),
        Feature(
            "days_to_term_end",
            Words("Days until the term runs out", "距合同到期天数"),
            "days",
            Words("The term runs for {value} more days", "合同还有 {value} 天到期"),
            Words("The term runs out in {value} days", "合同 {value} 天后到期"),
        ),
        Feature(
            "out_of_term",
            Words("Subscriptions without a fixed term", "无约定期限的订购数"),
            "count",
            Words("Subscriptions with no fixed term: {value}", "{value} 项订购已无约定期限"),
            Words("Subscriptions with no fixed term: {value}", "{value} 项订购无约定期限"),
            zero=True,
        ),
        Feature(
            "auto_renew",
            Words("Renews by itself", "自动续约"),
            "flag",
            Words("The contract renews by itself", "合同自动续约"),
            Words("The contract does not renew by itself", "合同不会自动续约"),
        ),
        Feature(
            "plan_changes",
            Words("Changes of plan", "变更套餐次数"),
            "count",
            Words("Changes of plan so far: {value}", "变更过 {value} 次套餐"),
            Words("Changes of plan so far: {value}", "变更过 {value} 次套餐"),
            zero=True,
        ),
        Feature("plan", Words("Plan", "套餐"), "text", Words("On the plan {value}", "使用套餐 {value}")),
    ),
    compute=compute,
)
