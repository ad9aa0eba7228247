import ibis

from tenure.insight.features.base import Family, Feature, Lever, since
from tenure.insight.features.terms import count, days_since, days_until, highest, lowest, newest, total
from tenure.language import Words


def rows(held: ibis.Table) -> ibis.Table:
    """What a customer is signed up for: since when, at what fee, on which plan, and until when.

    A subscription runs from its start until it really ended; a term that ran out is not an end.
    """
    in_order = ibis.window(group_by="person_id", order_by=["started_at", "subscription_id"])
    return held.mutate(
        ended=since(held._seen, held.ended_at),
        monthly_fee=held.fee_base_minor.cast("float64") / held.period_months.fill_null(1).nullif(0),
        # Within its term until the term or the subscription ends, whichever comes first.
        term_runs_to=held.term_ends_at.notnull().ifelse(
            ibis.least(held.term_ends_at, held.ended_at.fill_null(held.term_ends_at)), held.ended_at
        ),
        term_past=held.term_ends_at.isnull().ifelse(held._seen, since(held._seen, held.term_ends_at)),
        renews=held.auto_renew.cast("int64"),
        plan_changed=held.plan != held.plan.lag().over(in_order),
    )


subscriptions = Family(
    name="subscriptions",
    reads=("subscriptions",),
    driver="contract",
    features=(
        Feature(
            "subscription_age_days",
            Words("Days since the first subscription", "距首次订购天数"),
            "days",
            Words("A subscriber for {value} days", "订购已 {value} 天"),
            Words("A subscriber for only {value} days", "订购仅 {value} 天"),
            value=days_since(lowest("started_at")),
            driver="profile",
        ),
        Feature(
            "running_subscriptions",
            Words("Running subscriptions", "在用订购数"),
            "count",
            Words("Running subscriptions: {value}", "在用订购 {value} 项"),
            Words("Running subscriptions: only {value}", "在用订购仅 {value} 项"),
            zero=True,
            value=count(until="ended_at"),
        ),
        Feature(
            "ended_subscriptions",
            Words("Ended subscriptions", "已终止订购数"),
            "count",
            Words("Subscriptions ended before: {value}", "曾终止 {value} 项订购"),
            Words("Subscriptions ended before: {value}", "曾终止 {value} 项订购"),
            zero=True,
            value=count(since="ended"),
        ),
        Feature(
            "monthly_fee_base_minor",
            Words("Monthly fee", "月费"),
            "minor units",
            Words("Pays {value} a month, more than most", "月费 {value}，高于多数客户"),
            Words("Pays {value} a month, less than most", "月费 {value}，低于多数客户"),
            value=total("monthly_fee", until="ended_at"),
            driver="price",
            lever=Lever(Words("the monthly fee were {value}", "月费为 {value}"), "down"),
        ),
        Feature(
            "days_to_term_end",
            Words("Days until the term runs out", "距合同到期天数"),
            "days",
            Words("The term runs for {value} more days", "合同还有 {value} 天到期"),
            Words("The term runs out in {value} days", "合同 {value} 天后到期"),
            value=days_until(lowest("term_ends_at", until="term_runs_to")),
            lever=Lever(
                Words("the contract were renewed for {value} days", "合同续约，还有 {value} 天到期"),
                "up",
                {"out_of_term": 0.0},
            ),
        ),
        Feature(
            "out_of_term",
            Words("Subscriptions without a fixed term", "无约定期限的订购数"),
            "count",
            Words("Subscriptions with no fixed term: {value}", "{value} 项订购已无约定期限"),
            Words("Subscriptions with no fixed term: {value}", "{value} 项订购无约定期限"),
            zero=True,
            value=count(since="term_past", until="ended_at"),
        ),
        Feature(
            "auto_renew",
            Words("Renews by itself", "自动续约"),
            "flag",
            Words("The contract renews by itself", "合同自动续约"),
            Words("The contract does not renew by itself", "合同不会自动续约"),
            value=highest("renews", until="ended_at"),
            lever=Lever(Words("the contract renewed by itself", "合同改为自动续约"), "up"),
        ),
        Feature(
            "plan_changes",
            Words("Changes of plan", "变更套餐次数"),
            "count",
            Words("Changes of plan so far: {value}", "变更过 {value} 次套餐"),
            Words("Changes of plan so far: {value}", "变更过 {value} 次套餐"),
            zero=True,
            value=count(where="plan_changed"),
        ),
        Feature(
            "plan",
            Words("Plan", "套餐"),
            "text",
            Words("On the plan {value}", "使用套餐 {value}"),
            value=newest("plan", until="ended_at"),
        ),
    ),
    rows=rows,
    order=("started_at", "subscription_id"),
)
