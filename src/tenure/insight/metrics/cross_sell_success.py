from typing import Any

import ibis

from tenure.contracts.orders import orders
from tenure.contracts.treatments import treatments
from tenure.insight.metrics._shared import bought_lines, of_somebody
from tenure.insight.metrics.base import Example, Period, metric
from tenure.insight.purchases import days

WITHIN_DAYS = 30


@metric(
    group="sales",
    words=("Cross-sell success", "交叉销售成功率"),
    meaning=(
        "Share of the customers we acted on who, within 30 days, bought a product they had never bought before",
        "被施加动作的客户中，30 天内购买了从未买过的产品的占比",
    ),
    formula=(
        "treated customers who bought a product new to them ÷ treated customers",
        "购买了新产品的实施组客户 ÷ 实施组客户",
    ),
    unit="share",
    better="higher",
    reads=(treatments, orders),
    count=("customers treated", "实施组客户数"),
    source=(
        "Sales practice; customers without an earlier purchase can be sold to, not cross-sold to, and are left out",
        "销售惯例；此前未购买过的客户谈不上交叉销售，不计入",
    ),
    columns=("orders.product_id",),
    example=Example(
        rows={
            "treatments": [
                {"person_id": n, "campaign": "watch", "arm": arm, "assigned_at": "2026-03-02"}
                for n, arm in ((1, "treated"), (2, "treated"), (3, "control"), (4, "treated"))
            ],
            "orders": [
                *[
                    {"person_id": n, "ordered_at": "2026-01-05", "product_id": "A", "amount_minor": 100}
                    for n in (1, 2, 3)
                ],
                {"person_id": 1, "ordered_at": "2026-03-10", "product_id": "B", "amount_minor": 100},
                {"person_id": 2, "ordered_at": "2026-03-10", "product_id": "A", "amount_minor": 100},
                {"person_id": 3, "ordered_at": "2026-03-10", "product_id": "B", "amount_minor": 100},
                {"person_id": 4, "ordered_at": "2026-03-10", "product_id": "B", "amount_minor": 100},
            ],
        },
        period=Period.month(2026, 3),
        value=0.5,
        count=2,
    ),
)
def cross_sell_success(treatments: Any, orders: Any, period: Period) -> Any:
    """Share of the treated customers who within 30 days bought a product they had never bought before (0 to 1).

    Only customers who had bought something before they were treated count; one in two campaigns counts once, from the
    first. A period whose last 30 days are not over yet looks worse than it will turn out to be.
    """
    acted = of_somebody(treatments)
    acted = acted.filter(acted.arm == "treated", period.holds(acted.assigned_on))
    acted = acted.group_by("segment", "person_id").agg(since=acted.assigned_at.min())
    lines = bought_lines(orders)
    first = lines.group_by("person_id", "product_id").agg(first=lines["at"].min())
    ever = lines.group_by("person_id").agg(began=lines["at"].min()).rename(buyer="person_id")
    known = acted.inner_join(ever, [acted.person_id == ever.buyer, ever.began < acted.since])
    new = first.filter(first.product_id.notnull()).rename(taker="person_id")
    both = known.inner_join(
        new,
        [known.person_id == new.taker, new["first"] >= known.since, new["first"] < known.since + days(WITHIN_DAYS)],
    )
    took = both.select("taker", taken=ibis.literal(True)).distinct()
    all_ = known.left_join(took, known.person_id == took.taker)
    return all_.group_by("segment").agg(numerator=all_.taken.notnull().sum(), denominator=all_.count())
