from typing import Any

from tenure.contracts.orders import orders
from tenure.contracts.treatments import treatments
from tenure.insight.metrics._shared import of_somebody
from tenure.insight.metrics.base import Example, Period, metric
from tenure.insight.purchases import counted, days

WITHIN_DAYS = 30


@metric(
    group="marketing",
    words=("Promotion ROI", "促销投资回报率"),
    meaning=(
        "What campaigns earned beyond their control groups within 30 days, less their cost, for each unit of cost",
        "活动 30 天内相对对照组多赚的毛利减去成本后，与成本之比",
    ),
    formula=(
        "((margin per treated − margin per control) × treated − cost) ÷ cost, over campaigns",
        "（（实施组人均毛利 − 对照组人均毛利）× 实施组人数 − 成本）÷ 成本，各活动合计",
    ),
    unit="share",
    better="higher",
    reads=(treatments, orders),
    count=("customers treated", "实施组客户数"),
    source=(
        "Incremental return: Blattberg & Neslin, Sales Promotion, 1990; a campaign without a control group proves nothing",
        "增量回报：Blattberg 与 Neslin《Sales Promotion》，1990；没有对照组的活动不计入",
    ),
    columns=("treatments.cost_minor", "orders.cost_minor"),
    made_of=("campaign_uptake", "contribution_margin"),
    example=Example(
        rows={
            "treatments": [
                *[
                    {
                        "person_id": n,
                        "campaign": "spring",
                        "arm": "treated",
                        "assigned_at": "2026-03-02",
                        "cost_minor": 100,
                    }
                    for n in (1, 2)
                ],
                {"person_id": 3, "campaign": "spring", "arm": "control", "assigned_at": "2026-03-02", "cost_minor": 0},
                {"person_id": 4, "campaign": "alone", "arm": "treated", "assigned_at": "2026-03-02", "cost_minor": 900},
            ],
            "orders": [
                {"person_id": 1, "ordered_at": "2026-03-09", "amount_minor": 2000, "cost_minor": 1100},
                {"person_id": 3, "ordered_at": "2026-03-09", "amount_minor": 500, "cost_minor": 350},
                {"person_id": 1, "ordered_at": "2026-04-20", "amount_minor": 9000, "cost_minor": 10},
            ],
        },
        period=Period.month(2026, 3),
        value=2,
        count=2,
    ),
)
def promotion_roi(treatments: Any, orders: Any, period: Period) -> Any:
    """What campaigns begun in the period earned beyond their control groups, less their cost, over their cost.

    Margin is that of the order lines whose cost is known, within 30 days of being put into an arm. 0 is getting the cost
    back; −1 is losing all of it. The lot decides who is in which arm, so no more than chance separates the two.
    """
    put = of_somebody(treatments)
    put = put.filter(period.holds(put.assigned_on))
    put = put.group_by("segment", "person_id", "campaign", "arm").agg(
        since=put.assigned_at.min(), cost=put.cost_base_minor.sum().fill_null(0).cast("float64")
    )
    lines = of_somebody(counted(orders))
    lines = lines.filter(lines.cost_base_minor.notnull())
    size = lines.cost_base_minor.abs()
    bought = lines.select(
        buyer="person_id", at="ordered_at", margin=lines.net_base_minor - lines.is_sale.ifelse(size, -size)
    )
    until = put.since + days(WITHIN_DAYS)
    both = put.left_join(bought, [put.person_id == bought.buyer, bought["at"] >= put.since, bought["at"] < until])
    each = both.group_by("segment", "person_id", "campaign", "arm", "cost").agg(
        margin=both.margin.sum().fill_null(0).cast("float64")
    )
    treated = each.arm == "treated"
    by = each.group_by("segment", "campaign").agg(
        treated=treated.sum(), control=(each.arm == "control").sum(),
        margin=each.margin.mean(where=treated), else_=each.margin.mean(where=each.arm == "control"),
        cost=each.cost.sum(where=treated),
    )  # fmt: skip
    by = by.filter(by.treated > 0, by.control > 0, by.cost > 0)
    gain = (by.margin - by.else_) * by.treated - by.cost
    return by.group_by("segment").agg(numerator=gain.sum(), denominator=by.cost.sum(), count=by.treated.sum())
