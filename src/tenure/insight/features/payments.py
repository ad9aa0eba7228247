from datetime import datetime

import ibis

from tenure.insight.features.base import Family, Feature, Tables, days_before, latest, share, within
from tenure.language import Words


def compute(tables: Tables, as_of: datetime) -> ibis.Table:
    """How a customer pays what was due: in time, late, not yet, and by which means.

    A payment is late from the business day after it was due; money given back is no payment.
    """
    due = tables["payments"]
    due = due.filter(due.amount_minor.fill_null(0) >= 0)
    unpaid = due.paid_at.isnull()
    days_late = due.paid_at.delta(due.due_at, unit="second").cast("float64") / 86_400
    late = (~unpaid) & (days_late >= 1)
    overdue = unpaid & (days_before(as_of, due.due_at) >= 1)
    found = due.group_by("person_id").agg(
        payments_due=due.count(),
        _late=late.sum(),
        late_payments_90=late.sum(where=within(as_of, due.due_at, 90)),
        unpaid_payments=overdue.sum(),
        unpaid_base_minor=due.amount_base_minor.sum(where=overdue),
        mean_days_late=(days_late > 0).ifelse(days_late, 0.0).mean(where=~unpaid),
    )
    found = found.mutate(late_payment_share=share(found._late, found.payments_due))
    method = latest(due.filter(due.method.notnull()), "due_at", "payment_id").select(
        "person_id", payment_method="method"
    )
    joined = found.left_join(method, "person_id").drop("person_id_right")
    return joined.select("person_id", *(feature.name for feature in payments.features))


payments = Family(
    name="payments",
    reads=("payments",),
    features=(
        Feature(
            "payments_due",
            Words("Payments that fell due", "到期付款次数"),
            "count",
            Words("Payments that fell due so far: {value}", "已有 {value} 次付款到期"),
            Words("Payments that fell due so far: only {value}", "仅有 {value} 次付款到期"),
            zero=True,
        ),
        Feature(
            "late_payment_share",
            Words("Share of payments made late", "逾期付款占比"),
            "share",
            Words("{value} of payments came late", "{value} 的付款逾期"),
            Words("{value} of payments came late", "{value} 的付款逾期"),
        ),
        Feature(
            "late_payments_90",
            Words("Late payments, last 90 days", "近 90 天逾期付款次数"),
            "count",
            Words("Late payments in the last 90 days: {value}", "近 90 天有 {value} 次逾期付款"),
            Words("Late payments in the last 90 days: {value}", "近 90 天有 {value} 次逾期付款"),
            zero=True,
        ),
        Feature(
            "unpaid_payments",
            Words("Overdue payments not made", "逾期未付次数"),
            "count",
            Words("Overdue payments: {value}", "有 {value} 笔款项逾期未付"),
            Words("Overdue payments: {value}", "有 {value} 笔款项逾期未付"),
            zero=True,
        ),
        Feature(
            "unpaid_base_minor",
            Words("Overdue and not paid", "逾期未付金额"),
            "minor units",
            Words("{value} is overdue", "逾期未付 {value}"),
            Words("{value} is overdue", "逾期未付 {value}"),
            zero=True,
        ),
        Feature(
            "mean_days_late",
            Words("Days late on average", "平均逾期天数"),
            "days",
            Words("Pays {value} days late on average", "平均逾期 {value} 天付款"),
            Words("Pays {value} days late on average", "平均逾期 {value} 天付款"),
        ),
        Feature(
            "payment_method",
            Words("Means of payment", "付款方式"),
            "text",
            Words("Pays by {value}", "付款方式为 {value}"),
        ),
    ),
    compute=compute,
)
