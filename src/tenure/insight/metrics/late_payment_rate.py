from typing import Any

from tenure.contracts.payments import payments
from tenure.insight.metrics.base import Example, Period, metric
from tenure.insight.purchases import days


@metric(
    group="revenue",
    words=("Late payment rate", "逾期付款率"),
    meaning=(
        "Share of the bills due in the period that were not paid by the end of the day they were due",
        "期间内到期账单中，未在到期当日内付清的占比",
    ),
    formula=("bills paid late or not at all ÷ bills due", "逾期或未付账单 ÷ 到期账单"),
    unit="share",
    better="lower",
    reads=payments,
    count=("bills due", "到期账单数"),
    source=("Credit control practice, by number of bills", "信用管理惯例，按账单数"),
    each=payments,
    example=Example(
        rows={
            "payments": [
                {"person_id": 1, "due_at": "2026-03-05", "paid_at": "2026-03-05T20:00", "amount_minor": 9900},
                {"person_id": 2, "due_at": "2026-03-05", "paid_at": "2026-03-06", "amount_minor": 9900},
                {"person_id": 3, "due_at": "2026-03-05", "amount_minor": 9900},
                {"person_id": 4, "due_at": "2026-03-05", "paid_at": "2026-03-01", "amount_minor": 9900},
                {"person_id": 4, "due_at": "2026-03-05", "amount_minor": -500},
            ]
        },
        period=Period.month(2026, 3),
        value=0.5,
        count=4,
    ),
)
def late_payment_rate(payments: Any, period: Period) -> Any:
    """Share of the bills due in the period that were not paid within 24 hours of the instant they fell due (0 to 1).

    Due dates come as the first instant of their day, so this is the end of that day. Money given back is no bill. A
    period that is not over counts bills not yet due as late: measure up to today.
    """
    bills = payments.filter(period.holds(payments.due_on), (payments.amount_minor > 0).fill_null(True))
    late = (bills.paid_at >= bills.due_at + days(1)).fill_null(True)
    return bills.group_by("segment").agg(numerator=late.sum(), denominator=bills.count())
