"""What a customer seems to prefer, read off what they did; and how much they can spend beside everybody else.

A habit is something that was counted, with its counts: nothing is said of someone who bought less than three times,
and nothing that holds for less than half of their visits.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from tenure.language import Words

FEWEST = 3
"""Visits below which habits and chance look alike."""
HALF = 0.5
YEARS = timedelta(days=730)
HOURS = (
    (5, Words("in the morning", "上午")),
    (12, Words("in the afternoon", "下午")),
    (18, Words("in the evening", "晚上")),
)
NIGHT = Words("at night", "夜间")
WEEKEND, WEEKDAYS = Words("at weekends", "周末"), Words("on working days", "工作日")
AT_A_DISCOUNT, AT_FULL_PRICE = Words("at a discount", "在优惠时"), Words("at full price", "按原价")

KINDS: Mapping[str, Words] = {
    "category": Words("Buys mostly", "主要购买"),
    "product": Words("Comes back for", "常购产品"),
    "channel": Words("Buys through", "购买渠道"),
    "days": Words("Buys", "购买日期"),
    "hours": Words("Buys", "购买时段"),
    "price": Words("Buys", "价格偏好"),
    "contact": Words("Turns to us by", "联系我们的方式"),
}


@dataclass(frozen=True, slots=True)
class Preference:
    """A habit. value: text of the records, or words of ours. times of visits: on how many visits it was so."""

    kind: str
    value: str | Words
    times: int
    visits: int

    @property
    def words(self) -> Words:
        return KINDS[self.kind]


def preferences(
    lines: Iterable[Mapping[str, Any]],
    contacts: Iterable[Mapping[str, Any]] = (),
    *,
    as_of: datetime,
    categories: Mapping[str, str] | None = None,
) -> list[Preference]:
    """The habits of one customer in the two years before `as_of`, in the order of KINDS.

    lines: order lines with ordered_at, ordered_on, kind, status, product_id, product_name, channel, discount_minor and
    promotion (a column may be missing); refunds and cancelled lines are no visit. contacts: interactions with
    occurred_at, direction and channel; only those the customer began count. categories: product_id → category.
    Times of day are told in the zone of `as_of`, and only where the records have times at all.
    """
    since = as_of - YEARS
    visits: dict[date, list[Mapping[str, Any]]] = {}
    for line in lines:
        bought = line.get("kind") != "refund" and line.get("status") != "cancelled"
        if bought and line["ordered_at"] is not None and since <= line["ordered_at"] < as_of:
            visits.setdefault(line["ordered_on"], []).append(line)
    begun = [
        one["channel"]
        for one in contacts
        if one.get("channel") and one.get("direction") == "in" and since <= one["occurred_at"] < as_of
    ]
    found = [
        _mostly(
            "category", [{(categories or {}).get(line["product_id"], "") for line in of} for of in visits.values()]
        ),
        _again([{line.get("product_name") or line.get("product_id") or "" for line in of} for of in visits.values()]),
        _mostly("channel", [{line.get("channel") or "" for line in of} for of in visits.values()]),
        _mostly("days", [{WEEKEND if day.weekday() >= 5 else WEEKDAYS} for day in visits]) if visits else None,
        _mostly("hours", _hours(visits.values(), as_of)),
        _mostly("price", [{_price(line) for line in of} for of in visits.values()] if _priced(visits.values()) else []),
        _mostly("contact", [{channel} for channel in begun]),
    ]
    return [one for one in found if one is not None and not _usual(one)]


def rhythm(days: Collection[date]) -> int | None:
    """The usual number of days from one visit to the next; None below three visits."""
    ordered = sorted(set(days))
    if len(ordered) < FEWEST:
        return None
    return round(median((later - earlier).days for earlier, later in pairwise(ordered)))


def usual_order(amounts: Sequence[int]) -> int | None:
    """What an order usually comes to: the median, in minor units; None below three orders."""
    return round(median(amounts)) if len(amounts) >= FEWEST else None


def standing(value: float | None, cuts: Sequence[float]) -> float | None:
    """The part of all customers whose usual spending is below `value`, 0 to 1.

    cuts: the quantiles of all customers, evenly spaced (19 of them cut at every 5 %); None where there are none, or
    where they don't differ.
    """
    if value is None or not cuts or cuts[0] == cuts[-1]:
        return None
    return bisect_left(cuts, value) / (len(cuts) + 1)


def _mostly(kind: str, visits: Sequence[Collection[Any]]) -> Preference | None:
    """What half of the visits or more have, where one thing stands out."""
    told = [{one for one in of if one} for of in visits]
    told = [of for of in told if of]
    if len(told) < FEWEST:
        return None
    (first, times), *rest = Counter(one for of in told for one in of).most_common(2)
    if times < HALF * len(told) or (rest and rest[0][1] == times):
        return None
    return Preference(kind, first, times, len(told))


def _again(visits: Sequence[Collection[str]]) -> Preference | None:
    # A shop with two products would else name one for everybody; this asks for a product among others.
    if len({name for of in visits for name in of if name}) < FEWEST:
        return None
    return _mostly("product", visits)


def _hours(visits: Iterable[Sequence[Mapping[str, Any]]], as_of: datetime) -> list[set[Words]]:
    times = [{line["ordered_at"].astimezone(as_of.tzinfo) for line in of} for of in visits]
    # Files that have days only put every order at the start of its day.
    if len({(at.hour, at.minute) for of in times for at in of}) < FEWEST:
        return []
    return [{_part_of_day(at.hour) for at in of} for of in times]


def _part_of_day(hour: int) -> Words:
    if hour < HOURS[0][0]:
        return NIGHT
    return next(words for start, words in reversed(HOURS) if hour >= start)


def _price(line: Mapping[str, Any]) -> Words:
    return AT_A_DISCOUNT if (line.get("discount_minor") or 0) > 0 or line.get("promotion") else AT_FULL_PRICE


def _priced(visits: Iterable[Sequence[Mapping[str, Any]]]) -> bool:
    # Where no line of theirs tells of a discount, the records may not tell of discounts at all.
    return any(line.get("discount_minor") is not None or line.get("promotion") for of in visits for line in of)


def _usual(one: Preference) -> bool:
    # Five days of seven are working days: to buy on them is no habit unless it is nearly always.
    return one.value == WEEKDAYS and one.times < 0.9 * one.visits
