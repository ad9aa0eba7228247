from datetime import datetime

import ibis

from tenure.insight.features.base import Family, Feature, Tables, days_before, latest
from tenure.language import Words

_YEAR_DAYS = 365.25


def compute(tables: Tables, as_of: datetime) -> ibis.Table:
    """Who a customer is, from attributes that never change; what may have changed since is not read."""
    known = tables["customers"]
    one = latest(known, "valid_at", "source", "customer_id")
    born = ibis.literal(as_of.date()).delta(one.birth_date, unit="day").cast("float64")
    return one.select(
        "person_id",
        customer_kind="kind",
        gender="gender",
        acquisition_channel="acquisition_channel",
        age_years=(born / _YEAR_DAYS).floor(),
        joined_days=days_before(as_of, one.created_at).floor(),
    )


profile = Family(
    name="profile",
    reads=("customers",),
    features=(
        Feature(
            "customer_kind",
            Words("Kind of customer", "客户类型"),
            "text",
            Words("Kind of customer: {value}", "客户类型：{value}"),
        ),
        Feature("gender", Words("Gender", "性别"), "text", Words("Gender: {value}", "性别：{value}")),
        Feature(
            "acquisition_channel",
            Words("Won through", "获客渠道"),
            "text",
            Words("Came to us through {value}", "通过 {value} 获客"),
        ),
        Feature(
            "age_years",
            Words("Age in years", "年龄"),
            "years",
            Words("{value} years old, older than most", "{value} 岁，年长于多数客户"),
            Words("{value} years old, younger than most", "{value} 岁，年轻于多数客户"),
        ),
        Feature(
            "joined_days",
            Words("Days since joining", "入会天数"),
            "days",
            Words("A customer for {value} days", "成为客户已 {value} 天"),
            Words("A customer for only {value} days", "成为客户仅 {value} 天"),
        ),
    ),
    compute=compute,
)
