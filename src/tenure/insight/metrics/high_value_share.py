from typing import Any

import ibis

from tenure.contracts.orders import orders
from tenure.contracts.subscriptions import subscriptions
from tenure.insight.metrics._shared import earned, of_somebody
from tenure.insight.metrics.base import Example, Period, metric

REVENUE = 0.8


@metric(
    group="customers",
    words=("High-value share", "高价值客户占比"),
    meaning=(
        "Share of the customers with revenue whom it takes to bring 80 % of it",
        "贡献 80% 收入所需的客户占有收入客户的比例",
    ),
    formula=(
        "fewest customers who bring 80 % of the revenue ÷ customers with revenue",
        "贡献 80% 收入的最少客户数 ÷ 有收入的客户数",
    ),
    unit="share",
    better="higher",
    reads=(orders, subscriptions),
    count=("customers with revenue", "有收入的客户数"),
    source=(
        "ABC analysis, class A; the fewer they are, the more hangs on each",
        "ABC 分析的 A 类；占比越低，对少数客户依赖越大",
    ),
    made_of=("revenue",),
    amounts=True,
    example=Example(
        rows={
            "orders": [
                {"person_id": n, "ordered_at": "2026-03-05", "amount_minor": amount}
                for n, amount in ((1, 8000), (2, 500), (3, 500), (4, 1000), (5, -700))
            ]
        },
        period=Period.month(2026, 3),
        value=0.25,
        count=4,
    ),
)
def high_value_share(orders: Any, subscriptions: Any, period: Period) -> Any:
    """Share of the customers with revenue whom it takes to bring 80 % of it (above 0, to 1).

    The one who crosses the line is in. Customers who brought nothing, or less than they were given back, are left out.
    """
    money = of_somebody(earned(orders, subscriptions, period))
    each = money.group_by("segment", "person_id").agg(money=money.money.sum())
    each = each.filter(each.money > 0)
    place = ibis.window(group_by="segment", order_by=[each.money.desc(), each.person_id], preceding=None, following=0)
    each = each.mutate(running=each.money.sum().over(place), all=each.money.sum().over(group_by="segment"))
    # What the better ones brought has not reached the line yet; a hair's breadth is the rounding of shares of fees.
    high = each.running - each.money < each["all"] * REVENUE * (1 - 1e-12)
    return each.group_by("segment").agg(numerator=high.sum(), denominator=each.count())
