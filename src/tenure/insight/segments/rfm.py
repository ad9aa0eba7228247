"""Recency, frequency, money: who buys lately, often and much; and the A, B, C of it."""

from datetime import datetime
from itertools import product

import ibis

from tenure.insight.purchases import counted, days_between
from tenure.language import Words

CELLS: dict[str, Words] = {
    "champions": Words("Champions", "冠军客户"),
    "loyal": Words("Loyal", "忠诚客户"),
    "potential_loyalists": Words("Potential loyalists", "潜在忠诚客户"),
    "new": Words("New", "新客户"),
    "promising": Words("Promising", "有希望客户"),
    "need_attention": Words("Need attention", "需要关注"),
    "about_to_sleep": Words("About to sleep", "即将沉睡"),
    "cannot_lose": Words("Cannot lose", "不能失去"),
    "at_risk": Words("At risk", "有流失风险"),
    "hibernating": Words("Hibernating", "休眠客户"),
    "lost": Words("Lost", "已流失客户"),
}
ABC: dict[str, Words] = {
    "A": Words("A: the first 80 %", "A 类：前 80%"),
    "B": Words("B: the next 15 %", "B 类：其后 15%"),
    "C": Words("C: the last 5 %", "C 类：最后 5%"),
}
A_UNTIL, B_UNTIL = 0.80, 0.95


def cell_of(r: int, f: int, m: int) -> str:
    """The name of the cell for scores of 1 to 5 (5 best).

    | r \\ f | 1 | 2 | 3 | 4 | 5 |
    |---|---|---|---|---|---|
    | 5 | new | potential_loyalists | potential_loyalists | champions | champions |
    | 4 | promising | potential_loyalists | potential_loyalists | loyal | loyal |
    | 3 | about_to_sleep | about_to_sleep | need_attention | loyal | loyal |
    | 2 | hibernating | hibernating | at_risk | at_risk | cannot_lose |
    | 1 | lost | lost | at_risk | at_risk | cannot_lose |

    Money decides in two corners only: an absent customer with f = 4 is cannot_lose where m = 5,
    and a long-gone one (r = 1, f ≤ 2) is hibernating, not lost, where m ≥ 4: still worth a letter.
    """
    if r <= 2:
        if f == 5 or (f == 4 and m == 5):
            return "cannot_lose"
        if f >= 3:
            return "at_risk"
        return "lost" if r == 1 and m <= 3 else "hibernating"
    if f >= 4:
        return "champions" if r == 5 else "loyal"
    if r == 3:
        return "need_attention" if f == 3 else "about_to_sleep"
    if f >= 2:
        return "potential_loyalists"
    return "new" if r == 5 else "promising"


CELL_OF = {(r, f, m): cell_of(r, f, m) for r, f, m in product(range(1, 6), repeat=3)}


def rfm(orders: ibis.Table, as_of: datetime) -> ibis.Table:
    """Who buys lately, often and much, as known at `as_of`: one row for each customer with a purchase.

    person_id; recency_days (days from the last order's business date to the date of `as_of`); frequency (business days
    with an order); monetary_base_minor (paid less given back, minor units of the reporting currency); r, f, m (1 to 5,
    5 best); cell (a key of CELLS); abc, abc_frequency (A, B or C by money and by frequency).

    Scores are fifths of the customers by mid-rank: customers with equal values get equal scores, and no identifier
    decides one. Where all are equal, all score 3; a few customers spread over the scale as many would.
    A customer is A while those strictly better bring less than 80 % of the total, B while less than 95 %, else C, and C
    where nothing was brought; equals share a class.
    `as_of` is passed in the business zone: its own date is the day recency counts to. Orders from that instant on,
    cancelled ones and lines that belong to nobody do not count.

    Raises ValueError where `as_of` has no zone.
    """
    lines = counted(orders, as_of)
    lines = lines.filter(lines.person_id.notnull())
    customers = lines.group_by("person_id").agg(
        last_on=lines.ordered_on.max(where=lines.is_sale),
        frequency=lines.ordered_on.nunique(where=lines.is_sale),
        monetary_base_minor=lines.net_base_minor.sum(),
    )
    # Somebody who only ever gave back (the purchase is older than the records) has no recency to speak of.
    customers = customers.filter(customers.frequency > 0)
    customers = customers.mutate(recency_days=days_between(customers.last_on, as_of))
    scored = customers.mutate(
        r=_fifth(-customers.recency_days),
        f=_fifth(customers.frequency),
        m=_fifth(customers.monetary_base_minor),
        abc=_abc(customers.monetary_base_minor),
        abc_frequency=_abc(customers.frequency),
    )
    code = scored.r * 100 + scored.f * 10 + scored.m
    cells = [
        (code.isin([r * 100 + f * 10 + m for (r, f, m), c in CELL_OF.items() if c == name]), name) for name in CELLS
    ]
    return scored.mutate(cell=ibis.cases(*cells)).select(
        "person_id",
        "recency_days",
        "frequency",
        "monetary_base_minor",
        "r",
        "f",
        "m",
        "cell",
        "abc",
        "abc_frequency",
    )


def _fifth(value: ibis.Value) -> ibis.Value:
    """1 to 5 by where the middle of the customer's equals stands among all: whole numbers only, so no tie is split."""
    below = ibis.rank().over(order_by=value)
    equal = value.count().over(group_by=value)
    everyone = value.count().over()
    return ((2 * below + equal) * 5) // (2 * everyone) + 1


def _abc(value: ibis.Value) -> ibis.Value:
    brought = ibis.greatest(value, 0)
    # A range frame ends after all equals; taking them off again leaves what the strictly better brought.
    upto = brought.sum().over(order_by=brought.desc(), range=(None, 0))
    better = (upto - brought.sum().over(group_by=brought)).cast("float64") / brought.sum().over().nullif(0)
    return ibis.cases(
        ((value <= 0) | better.isnull(), "C"), (better < A_UNTIL, "A"), (better < B_UNTIL, "B"), else_="C"
    )
