from typing import Any

import ibis

from tenure.contracts.orders import orders
from tenure.contracts.subscriptions import subscriptions
from tenure.insight.metrics._shared import earned, of_somebody
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="customers",
    words=("Customer concentration", "客户集中度"),
    meaning=("Share of the revenue that the best fifth of the customers brought", "贡献最高的 20% 客户带来的收入占比"),
    formula=("revenue of the best 20 % of customers ÷ revenue", "前 20% 客户的收入 ÷ 总收入"),
    unit="share",
    better="neither",
    reads=(orders, subscriptions),
    count=("customers with revenue", "有收入的客户数"),
    source=("Pareto's curve, read at one fifth", "帕累托曲线在 20% 处的读数"),
    made_of=("revenue",),
    amounts=True,
    example=Example(
        rows={
            "orders": [
                {"person_id": n, "ordered_at": on, "amount_minor": amount}
                for n, on, amount in (
                    (1, "2023-05-01", 50000),
                    (1, "2025-05-01", 32000),
                    (2, "2024-02-01", 6000),
                    (3, "2024-02-01", 4000),
                    (4, "2024-02-01", 4000),
                    (5, "2024-02-01", 4000),
                )
            ]
        },
        period=Period(Period.month(2023, 1).start, Period.month(2026, 1).start),
        value=0.82,
        count=5,
    ),
)
def customer_concentration(orders: Any, subscriptions: Any, period: Period) -> Any:
    """Share of the period's revenue that the best fifth of its customers brought (0 to 1).

    Whole customers are counted, at least one. Customers who brought nothing, or less than they were given back, are left
    out above and below.
    """
    money = of_somebody(earned(orders, subscriptions, period))
    each = money.group_by("segment", "person_id").agg(money=money.money.sum())
    each = each.filter(each.money > 0)
    place = ibis.row_number().over(group_by="segment", order_by=[each.money.desc(), each.person_id])
    each = each.mutate(place=place, everyone=each.count().over(group_by="segment"))
    best = each.place < ibis.greatest(each.everyone // 5, 1)
    return each.group_by("segment").agg(
        numerator=each.money.sum(where=best), denominator=each.money.sum(), count=each.count()
    )
