"""How customers bought in the year before a date: what tiers, personas and segments by rule are made of."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import ibis

from tenure.contracts import CONTRACTS
from tenure.insight.purchases import at, counted
from tenure.insight.segments.clusters import Said
from tenure.language import Words

YEAR_DAYS = 365

# What takes part in personas, and how a group high or low in it is called.
SAID: dict[str, Said] = {
    "recency_days": Said(
        Words("Days since the last purchase", "距上次购买天数"), Words("long silent", "久未购买"), Words("bought lately", "近期有购买")
    ),
    "visits": Said(
        Words("Purchase days in 12 months", "近 12 个月购买天数"), Words("frequent", "购买频繁"), Words("seldom", "购买稀少")
    ),
    "basket_base_minor": Said(
        Words("Spent per visit", "每次消费"), Words("large baskets", "大额客单"), Words("small baskets", "小额客单")
    ),
    "brought_base_minor": Said(
        Words("Brought in 12 months", "近 12 个月贡献"), Words("bring much", "贡献高"), Words("bring little", "贡献低")
    ),
    "discount_share": Said(
        Words("Share taken off by discounts", "折扣占比"), Words("wait for discounts", "偏好折扣"), Words("pay full price", "原价购买")
    ),
    "refund_share": Said(
        Words("Share given back", "退款占比"), Words("give much back", "退货较多"), Words("keep what they buy", "很少退货")
    ),
    "products": Said(
        Words("Different products in 12 months", "近 12 个月购买的产品数"), Words("buy many things", "品类广"), Words("buy few things", "品类少")
    ),
    "tenure_days": Said(
        Words("Days since the first purchase or contract", "合作天数"), Words("long with us", "老客户"), Words("new with us", "新客户")
    ),
    "fee_base_minor": Said(
        Words("Monthly fee", "月费"), Words("high fee", "高月费"), Words("low fee", "低月费")
    ),
    "channel": Said(Words("Main channel", "主要渠道")),
    "category": Said(Words("Main category", "主要品类")),
    "plan": Said(Words("Plan", "套餐")),
    "region": Said(Words("Region", "地区")),
    "kind": Said(Words("Kind", "类型"), levels=CONTRACTS["customers"]["kind"].values),
}  # fmt: skip

BEHAVIOUR: dict[str, Words] = {
    "often": Words("Twelve visits a year or more", "一年购买十二次以上"),
    "sometimes": Words("Some visits a year", "一年内购买数次"),
    "once": Words("One visit in a year", "一年内购买一次"),
    "resting": Words("No visit in a year", "一年内无购买"),
    "bargains": Words("A fifth off or more", "折扣达两成及以上"),
}
POTENTIAL: dict[str, Words] = {
    "rising": Words("Bringing a fifth more than a year ago", "较上年增加两成以上"),
    "steady": Words("About as much as a year ago", "与去年大致持平"),
    "falling": Words("Bringing a fifth less than a year ago", "较上年减少两成以上"),
}
BARGAIN_SHARE, OFTEN_VISITS, RISING_PERCENT = 0.2, 12, 20


def by_rule(habits: ibis.Table, tiers: ibis.Table) -> ibis.Table:
    """The segments by rule that each customer is in: what they mostly buy and where, how, and whether they bring more.

    habits, tiers: `scores/habits` and `scores/tiers`. person_id, need (a category), main_channel, behaviour (a code of
    BEHAVIOUR), potential (of POTENTIAL); null where it is unknown. Who buys at a fifth off is that, however often.
    """
    grown = tiers.select("person_id", "growth", "newly")
    both = habits.left_join(grown, "person_id").drop("person_id_right")
    behaviour = ibis.cases(
        (both.visits == 0, "resting"), (both.discount_share >= BARGAIN_SHARE, "bargains"),
        (both.visits >= OFTEN_VISITS, "often"), (both.visits == 1, "once"), (both.visits.notnull(), "sometimes"),
    )  # fmt: skip
    potential = ibis.cases(
        (both.newly.fill_null(False) | (both.growth >= RISING_PERCENT), "rising"), (both.growth <= -RISING_PERCENT, "falling"),
        (both.growth.notnull(), "steady"),
    )  # fmt: skip
    return both.select(
        "person_id", need=both.category, main_channel=both.channel, behaviour=behaviour, potential=potential
    )


def habits(tables: Mapping[str, ibis.Table], as_of: datetime) -> ibis.Table:
    """How each customer bought in the 365 days before `as_of`: one row for each who did.

    tables: orders, and products for their categories. person_id; discount_share, refund_share, margin_share (0 to 1 of
    what was sold at a known cost; null where no cost is known); products (different ones); channel, category (where and
    of what most lines were; of equals the first by name). What is unknown is null. Nothing from `as_of` on is read.
    """
    lines = counted(tables["orders"], as_of)
    lines = lines.filter(lines.person_id.notnull(), lines.ordered_at >= at(as_of - timedelta(days=YEAR_DAYS)))
    sold = lines.net_base_minor.sum(where=lines.is_sale)
    cost = lines.cost_base_minor.notnull() & lines.is_sale
    found = lines.group_by("person_id").agg(
        discount_share=_share(
            lines.discount_base_minor.sum(where=lines.is_sale),
            (lines.net_base_minor + lines.discount_base_minor.fill_null(0)).sum(where=lines.is_sale),
        ),
        refund_share=_share(-lines.net_base_minor.sum(where=~lines.is_sale).fill_null(0), sold),
        margin_share=_share(
            (lines.net_base_minor - lines.cost_base_minor).sum(where=cost), lines.net_base_minor.sum(where=cost)
        ),
        products=lines.product_id.nunique(where=lines.is_sale),
    )
    categories = tables["products"].group_by("product_id").agg(category=lambda t: t.category.max())
    kinds = lines.select("person_id", "product_id", "is_sale").inner_join(categories, "product_id")
    for name, rows in (("channel", lines), ("category", kinds)):
        most = _most(rows.filter(rows.is_sale, rows[name].notnull()), name)
        found = found.left_join(most, "person_id").drop("person_id_right")
    return found


def _share(part: ibis.Value, whole: ibis.Value) -> ibis.Value:
    # More given back than bought is all of it; a whole of nothing or less has no shares.
    share = part.cast("float64") / ibis.greatest(whole, 0).cast("float64").nullif(0)
    return ibis.greatest(ibis.least(share, 1.0), -1.0)


def _most(rows: ibis.Table, name: str) -> ibis.Table:
    counts = rows.group_by("person_id", name).agg(lines=rows.count())
    first = ibis.row_number().over(group_by="person_id", order_by=[counts.lines.desc(), counts[name]])
    return counts.mutate(place=first).filter(lambda t: t.place == 0).select("person_id", name)
