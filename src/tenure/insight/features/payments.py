import ibis

from tenure.insight.features.base import Family, Feature, Lever, since
from tenure.insight.features.terms import count, mean, newest, total
from tenure.language import Words

_ALMOST_A_DAY = 86_399  # seconds: what was due exactly a day ago is late


def rows(due: ibis.Table) -> ibis.Table:
    """How a customer pays what was due: in time, late, not yet, and by which means.

    A payment is late from the business day after it was due; money given back is no payment.
    """
    due = due.filter(due.amount_minor.fill_null(0) >= 0)
    days_late = due.paid_at.delta(due.due_at, unit="second").cast("float64") / 86_400
    return due.mutate(
        late=days_late >= 1,
        days_late=(days_late > 0).ifelse(days_late, 0.0),
        paid=since(due._seen, due.paid_at),
        overdue=since(due._seen, due.due_at + ibis.interval(seconds=_ALMOST_A_DAY)),
        told_how=due.method.notnull(),
    )


payments = Family(
    name="payments",
    reads=("payments",),
    driver="payment",
    features=(
        Feature(
            "payments_due",
            Words("Payments that fell due", "到期付款次数"),
            "count",
            Words("Payments that fell due so far: {value}", "已有 {value} 次付款到期"),
            Words("Payments that fell due so far: only {value}", "仅有 {value} 次付款到期"),
            zero=True,
            value=count(),
        ),
        Feature(
            "late_payment_share",
            Words("Share of payments made late", "逾期付款占比"),
            "share",
            Words("{value} of payments came late", "{value} 的付款逾期"),
            Words("{value} of payments came late", "{value} 的付款逾期"),
            value=count(where="late", since="paid") / count(),
        ),
        Feature(
            "late_payments_90",
            Words("Late payments, last 90 days", "近 90 天逾期付款次数"),
            "count",
            Words("Late payments in the last 90 days: {value}", "近 90 天有 {value} 次逾期付款"),
            Words("Late payments in the last 90 days: {value}", "近 90 天有 {value} 次逾期付款"),
            zero=True,
            value=count(where="late", since="paid", window=90),
        ),
        Feature(
            "unpaid_payments",
            Words("Overdue payments not made", "逾期未付次数"),
            "count",
            Words("Overdue payments: {value}", "有 {value} 笔款项逾期未付"),
            Words("Overdue payments: {value}", "有 {value} 笔款项逾期未付"),
            zero=True,
            value=count(since="overdue", until="paid_at"),
            lever=Lever(Words("what is overdue were settled", "逾期款项全部结清"), "none", {"unpaid_base_minor": 0.0}),
        ),
        Feature(
            "unpaid_base_minor",
            Words("Overdue and not paid", "逾期未付金额"),
            "minor units",
            Words("{value} is overdue", "逾期未付 {value}"),
            Words("{value} is overdue", "逾期未付 {value}"),
            zero=True,
            value=total("amount_base_minor", since="overdue", until="paid_at"),
        ),
        Feature(
            "mean_days_late",
            Words("Days late on average", "平均逾期天数"),
            "days",
            Words("Pays {value} days late on average", "平均逾期 {value} 天付款"),
            Words("Pays {value} days late on average", "平均逾期 {value} 天付款"),
            value=mean("days_late", since="paid"),
        ),
        Feature(
            "payment_method",
            Words("Means of payment", "付款方式"),
            "text",
            Words("Pays by {value}", "付款方式为 {value}"),
            value=newest("method", where="told_how"),
        ),
    ),
    rows=rows,
    order=("due_at", "payment_id"),
)
