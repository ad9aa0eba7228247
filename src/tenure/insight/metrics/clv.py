from typing import Any

from tenure.contracts.orders import orders
from tenure.contracts.subscriptions import subscriptions
from tenure.insight.metrics._shared import active, earned, of_somebody
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="revenue",
    words=("Customer lifetime value (CLV)", "客户终身价值（CLV）"),
    meaning=(
        "What a customer brings over the whole time they stay, by the simple formula",
        "按简单公式估算的客户在整个存续期内带来的收入",
    ),
    formula=(
        "revenue per customer of the last 12 months ÷ share of customers lost in them",
        "近 12 个月每客户收入 ÷ 近 12 个月客户流失占比",
    ),
    unit="money",
    better="higher",
    reads=(orders, subscriptions),
    count=("customers of the year before", "上一年的客户数"),
    source=(
        "Frequency × value × expected life, life being one over the share lost; the scores of each customer are in Insight",
        "频次 × 单次价值 × 预期寿命，寿命为流失占比的倒数；逐客户的模型估计见“洞察”",
    ),
    made_of=("revenue", "active_customers"),
    example=Example(
        rows={
            "orders": [
                {"person_id": 1, "ordered_at": "2025-01-10", "amount_minor": 500},
                {"person_id": 2, "ordered_at": "2025-01-10", "amount_minor": 500},
                {"person_id": 1, "ordered_at": "2025-06-01", "amount_minor": 9000},
                {"person_id": 3, "ordered_at": "2026-03-01", "amount_minor": 3000},
            ],
        },
        period=Period.month(2026, 3),
        value=12000,
        count=2,
        numerator=6000,
        denominator=0.5,
    ),
)
def clv(orders: Any, subscriptions: Any, period: Period) -> Any:
    """What a customer brings while they stay, in minor units of the reporting currency: revenue, not profit, undiscounted.

    Over the twelve months up to the end of the period, whatever its length. Lost is who was active in the twelve months
    before those and not in them; where nobody was lost there is no finite life, and no figure.
    """
    year = Period(period.a_year_back, period.end, period.zone)
    earlier = year.before()
    money = of_somebody(earned(orders, subscriptions, year))
    money = money.group_by("segment").agg(money=money.money.sum())
    now = active(orders, subscriptions, year)
    then = active(orders, subscriptions, earlier)
    heads = now.group_by("segment").agg(n=now.person_id.nunique())
    still = now.select(keeper="person_id").distinct()
    both = then.left_join(still, then.person_id == still.keeper)
    lost = both.group_by("segment").agg(there=both.count(), share=both.keeper.isnull().mean())
    money, heads = money.rename(of="segment"), heads.rename(part="segment")
    found = lost.left_join(heads, lost.segment.identical_to(heads.part))
    found = found.left_join(money, found.segment.identical_to(money.of))
    each = found.money.fill_null(0) / found.n.nullif(0)
    return found.select(
        segment=found.segment,
        numerator=each,
        denominator=found.share,
        value=each / found.share.nullif(0),
        count=found.there,
    )
