"""Stories told by what people buy: pairs, baskets, points, and who brings the revenue."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.demo.catalogue import CAMERA, GATEWAY, STRAP, TABLET, WATCH, product
from tenure.demo.clock import DAY, HOUR, Calendar
from tenure.demo.drawing import Numbers
from tenure.demo.people import People
from tenure.demo.stories.base import Book, Borrowed, mixed
from tenure.demo.truth import Story
from tenure.language import Words

TOP_SHARE = 0.2
TOP_REVENUE = 0.82


def watch_then_strap(book: Book, borrowed: Borrowed, customers: int) -> Story:
    """S06: four in five who buy the watch buy a strap within a month; the everyday shop sells neither."""
    calendar = book.calendar
    buyers = borrowed.take(min(max(customers // 1000 * 20, 40), 400))
    times = book.spread(calendar.start(9), calendar.start(3), len(buyers))
    for i, (buyer, at) in enumerate(zip(buyers, times, strict=True)):
        book.order("S06", buyer, WATCH, at)
        if i % 5:
            book.order("S06", buyer, STRAP, at + (2 + i % 26) * DAY)
    for buyer, at in zip(borrowed.take(len(buyers) // 4), times[::4], strict=False):
        book.order("S06", buyer, STRAP, at)
    return Story(
        "S06",
        Words("80 % of watch buyers buy a strap within a month", "80% 的手表买家一个月内购买表带"),
        {"product_id": WATCH, "then_product_id": STRAP, "within_days": "30"},
        {"period": (calendar.month(9)[0], calendar.month(3)[0])},
        {"buyers": len(buyers), "share": 0.8},
    )


def basket_without_order(book: Book, borrowed: Borrowed, customers: int) -> Story:
    """S07: 80 % put the tablet into the basket and do not order; after its page is mended conversion rises 15 %.

    From 20 % to 23 %: relative, not in points. Whether that is proven depends on how many there were.
    """
    calendar = book.calendar
    size = min(max(customers // 1500, 1), 20) * 100
    page = f"/shop/{TABLET}"
    for start, end, orders in (
        (calendar.start(6), calendar.start(4), size // 5),
        (calendar.start(4), calendar.start(2), size * 23 // 100),
    ):
        ordering = mixed([1] * orders + [0] * (size - orders), book)
        for buyer, at, orders_it in zip(borrowed.take(size), book.spread(start, end, size), ordering, strict=True):
            book.event("S07", buyer, at - 20 * HOUR // 60, "view", page)
            book.event("S07", buyer, at - 10 * HOUR // 60, "add_to_basket", page)
            if orders_it:
                book.event("S07", buyer, at, "order", page)
                book.order("S07", buyer, TABLET, at)
    return Story(
        "S07",
        Words(
            "80 % leave the basket; the mended page lifts conversion by 15 %",
            "80% 加购未下单；页面修复后转化率提升 15%",
        ),
        {"object": page, "product_id": TABLET},
        {
            "before": (calendar.month(6)[0], calendar.month(4)[0]),
            "after": (calendar.month(4)[0], calendar.month(2)[0]),
        },
        {"baskets": size, "before": 0.2, "after": 0.23, "relative_rise": 0.15},
    )


def points_for_a_new_product(book: Book, borrowed: Borrowed, customers: int) -> Story:
    """S08: buyers of the new camera were offered points for the next one, half of them held out: repurchase +40 %."""
    calendar = book.calendar
    size = min(max(customers // 1000 * 20, 40), 400)
    assigned = calendar.start(5)
    for arm, again in (("treated", size * 35 // 100), ("control", size // 4)):
        repeats = mixed([1] * again + [0] * (size - again), book)
        firsts = book.spread(calendar.start(7), calendar.start(5) - DAY, size)
        for i, (buyer, at, repeat) in enumerate(zip(borrowed.take(size), firsts, repeats, strict=True)):
            book.order("S08", buyer, CAMERA, at)
            book.treat(
                "S08",
                buyer,
                assigned,
                "points-for-the-camera",
                arm,
                propensity=0.5,
                offer="双倍积分 / double points",
                yuan=10,
                expires=assigned + 60 * DAY,
            )
            if repeat:
                book.order("S08", buyer, CAMERA, assigned + (3 + i % 55) * DAY + 12 * HOUR)
    return Story(
        "S08",
        Words("Points for a new product: repurchase +40 % against the hold-out", "新品积分：复购较对照组 +40%"),
        {"campaign": "points-for-the-camera", "product_id": CAMERA, "within_days": "60"},
        {"after": (calendar.month(5)[0], calendar.month(3)[0])},
        {"arm": size, "control": 0.25, "treated": 0.35, "relative_rise": 0.4},
    )


def top_fifth_brings_82_percent(
    book: Book,
    people: People,
    left: Numbers,
    tables: Mapping[str, pa.Table],
    rates: Numbers,
    persons: pa.Table,
) -> Story:
    """S05: the fifth of the customers who bring most bring 82 % of the revenue.

    The organisations' projects are sized so that it comes out: with x for the projects, A for what the top fifth
    brings without them, and T for everybody, (A + x) / (T + x) = 0.82. Revenue is orders less refunds, cancelled ones
    apart, and the fees of the time a subscription ran, by true person, in yuan. rates: currencies × months.
    """
    calendar = book.calendar
    revenue = orders_by_person(tables["orders"], rates, persons, calendar)
    revenue += fees_by_person(tables["subscriptions"], persons, calendar)
    begin = np.maximum(people.joined, calendar.since) + 2 * DAY
    finish = np.minimum(left, calendar.end) - DAY
    firms = np.flatnonzero(people.organisation & (finish - begin > 20 * DAY))

    paying = np.union1d(np.flatnonzero(revenue > 0), firms + 1)  # true persons are numbered from 1
    count = len(paying) // 5
    others = np.setdiff1d(paying, firms + 1)
    others = others[np.argsort(-revenue[others], kind="stable")]
    top = np.concatenate([firms + 1, others[: count - len(firms)]])
    wanted = (TOP_REVENUE * revenue[paying].sum() - revenue[top].sum()) / (1 - TOP_REVENUE)
    weights = 0.4 + book.rng.lognormal(0, 1.0, len(firms))
    budget = np.rint(wanted * weights / weights.sum()).astype(np.int64)
    for firm, fen in zip(firms, budget, strict=True):
        parts = 1 + int(firm) % 3
        low, high = int(begin[firm]), int(finish[firm])
        for part in range(parts):
            share = int(fen) // parts + (int(fen) % parts if part == 0 else 0)
            at = low + (high - low) * (2 * part + 1) // (2 * parts)
            book.order("S05", str(people.id[firm]), GATEWAY, at, yuan=Decimal(share) / 100)
    return Story(
        "S05",
        Words("The top fifth of the customers brings 82 % of the revenue", "前 20% 的客户贡献 82% 的收入"),
        {"by": "person", "top": str(TOP_SHARE), "product_id": product(GATEWAY).id},
        {"period": (calendar.month(calendar.months)[0], calendar.month(0)[0])},
        {"top_share_of_customers": TOP_SHARE, "share_of_revenue": TOP_REVENUE},
    )


def orders_by_person(orders: pa.Table, rates: Numbers, persons: pa.Table, calendar: Calendar) -> Numbers:
    """Net sales of each true person in fen, by the person's number.

    An amount in foreign money is converted at its month's rate and rounded half to even, row by row.
    """
    kept = orders.filter(pc.and_(pc.not_equal(orders["status"], "cancelled"), pc.is_valid(orders["customer_id"])))
    month = calendar.month_of(np.asarray(kept["ordered_at"].cast(pa.int64())))
    currency = np.asarray(pc.index_in(kept["currency"], value_set=pa.array(CURRENCIES)))
    return _by_person(kept["customer_id"], np.rint(np.asarray(kept["amount_minor"]) * rates[currency, month]), persons)


def fees_by_person(subscriptions: pa.Table, persons: pa.Table, calendar: Calendar) -> Numbers:
    """Fees of each true person in fen for the part of the company's months in which a subscription ran."""
    started = np.maximum(np.asarray(subscriptions["started_at"].cast(pa.int64())), calendar.since)
    ended = np.asarray(pc.fill_null(subscriptions["ended_at"].cast(pa.int64()), calendar.end))
    months = (ended - started) / (calendar.end - calendar.since) * calendar.months
    fees = np.asarray(subscriptions["fee_minor"]) * np.maximum(months, 0)
    return _by_person(subscriptions["customer_id"], fees, persons)


def _by_person(customer_ids: pa.ChunkedArray, money: Numbers, persons: pa.Table) -> Numbers:
    numbers = np.asarray(persons["person"])
    row = np.asarray(pc.index_in(customer_ids, value_set=persons["customer_id"].combine_chunks()))
    total: Numbers = np.bincount(numbers[row], weights=money, minlength=int(numbers.max()) + 1)
    return total


CURRENCIES: Sequence[str] = ("CNY", "USD", "EUR", "HKD")
