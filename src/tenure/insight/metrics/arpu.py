from typing import Any

from tenure.contracts.orders import orders
from tenure.contracts.subscriptions import subscriptions
from tenure.insight.metrics._shared import active, earned, of_somebody
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="revenue",
    words=("Revenue per customer (ARPU)", "每客户平均收入（ARPU）"),
    meaning=("What an active customer brings in the period", "期间内每位活跃客户带来的收入"),
    formula=("revenue of known customers ÷ active customers", "已识别客户的收入 ÷ 活跃客户数"),
    unit="money",
    better="higher",
    reads=(orders, subscriptions),
    count=("active customers", "活跃客户数"),
    source=("Telecom standard: average revenue per user", "电信业通行定义：每用户平均收入"),
    example=Example(
        rows={
            "orders": [
                {"person_id": 1, "ordered_at": "2026-04-02", "amount_minor": 5000},
                {"person_id": None, "ordered_at": "2026-04-09", "amount_minor": 700},
            ],
            "subscriptions": [
                {"person_id": 1, "started_at": "2025-01-01", "fee_minor": 3000},
                {"person_id": 2, "started_at": "2025-01-01", "fee_minor": 2000},
            ],
        },
        period=Period.month(2026, 4),
        value=5000,
        count=2,
    ),
)
def arpu(orders: Any, subscriptions: Any, period: Period) -> Any:
    """What an active customer brings in the period, in minor units of the reporting currency.

    Money that belongs to nobody is left out above, as nobody is below. The figure is for the period as it is: a quarter's
    is about three times a month's.
    """
    money = of_somebody(earned(orders, subscriptions, period))
    brought = money.group_by("segment", "person_id").agg(money=money.money.sum())
    people = active(orders, subscriptions, period).rename(who="person_id", part="segment")
    both = people.left_join(brought, [people.who == brought.person_id, people.part.identical_to(brought.segment)])
    both = both.select(segment=both.part, money=both.money.fill_null(0))
    return both.group_by("segment").agg(numerator=both.money.sum(), denominator=both.count())
