import ibis

from tenure.insight.features.base import Family, Feature
from tenure.insight.features.terms import days_since, newest, years_since
from tenure.language import Words


def rows(known: ibis.Table) -> ibis.Table:
    """Who a customer is, from attributes that never change; what may have changed since is not read."""
    return known


profile = Family(
    name="profile",
    reads=("customers",),
    driver="profile",
    features=(
        Feature(
            "customer_kind",
            Words("Kind of customer", "客户类型"),
            "text",
            Words("Kind of customer: {value}", "客户类型：{value}"),
            value=newest("kind"),
        ),
        Feature(
            "gender",
            Words("Gender", "性别"),
            "text",
            Words("Gender: {value}", "性别：{value}"),
            value=newest("gender"),
        ),
        Feature(
            "acquisition_channel",
            Words("Won through", "获客渠道"),
            "text",
            Words("Came to us through {value}", "通过 {value} 获客"),
            value=newest("acquisition_channel"),
        ),
        Feature(
            "age_years",
            Words("Age in years", "年龄"),
            "years",
            Words("{value} years old, older than most", "{value} 岁，年长于多数客户"),
            Words("{value} years old, younger than most", "{value} 岁，年轻于多数客户"),
            value=years_since(newest("birth_date")),
        ),
        Feature(
            "joined_days",
            Words("Days since joining", "入会天数"),
            "days",
            Words("A customer for {value} days", "成为客户已 {value} 天"),
            Words("A customer for only {value} days", "成为客户仅 {value} 天"),
            value=days_since(newest("created_at")),
        ),
    ),
    rows=rows,
    order=("valid_at", "source", "customer_id"),
)
