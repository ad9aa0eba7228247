"""What customers do by themselves: buy in the shop, look round on the web and in the app."""

from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.demo import names
from tenure.demo.catalogue import CASE, PHONE, PRODUCTS
from tenure.demo.clock import DAY, HOUR, WEEK, Calendar, local_day
from tenure.demo.doubles import Doubles
from tenure.demo.drawing import Numbers, draw, instants, numbered, stream, table, whole, words
from tenure.demo.people import PRICE_SENSITIVE, People

# Buying follows BG/NBD: rates a gamma, chances of dropping out after a purchase a beta; time in weeks.
BUYING = {"r": 0.9, "alpha": 9.0, "a": 0.8, "b": 2.6}
MOST_REPEATS = 80
CASE_WITH_PHONE = 0.45

ORDER_CHANNELS = ("web", "app", "store")
EVENT_PAGES = ("/plans", "/plans/compare", "/shop", "/bill", "/help", "/help/cancel", "/points")
# The chance of each hour of the day, midnight first.
HOURS = (2, 1, 1, 0.5, 0.5, 1, 2, 4, 6, 8, 9, 8, 9, 8, 7, 7, 7, 7, 8, 10, 12, 12, 9, 5)


@dataclass(frozen=True)
class Buying:
    """How each person really buys: purchases a week, chance of dropping out after each, first order (persons)."""

    buys: Numbers
    rate: Numbers
    dropout: Numbers
    first: Numbers


@dataclass(frozen=True)
class Orders:
    """Orders in order of time, one position each; `late` is delivered more than a day after the promise."""

    person: Numbers
    at: Numbers
    channel: Numbers
    promised: Numbers
    delivered: Numbers
    late: Numbers

    def only(self, kept: Numbers) -> "Orders":
        return replace(self, **{name: column[kept] for name, column in vars(self).items()})


def moments(rng: np.random.Generator, low: Numbers, high: Numbers) -> Numbers:
    """An instant between each low and high, at an hour when people are awake where the span allows it."""
    at = low + (rng.random(len(low)) * (high - low)).astype(np.int64)
    awake = local_day(at) + draw(rng, HOURS, len(at)) * HOUR + (rng.random(len(at)) * HOUR).astype(np.int64)
    chosen: Numbers = np.where((awake >= low) & (awake < high), awake, at)
    return chosen


def draw_orders(people: People, calendar: Calendar, seed: int) -> tuple[Buying, Orders]:
    """The shop orders everyone would place if nobody left the company.

    Delivery takes two to four days and is late for 11 % of the orders, but for 45 % in the South in the
    five months from month 5 on, when a depot was being moved.
    """
    rng = stream(seed, "orders")
    size = len(people)
    buys = ~people.has_plan | (rng.random(size) < 0.8)
    rate = rng.gamma(BUYING["r"], 1 / BUYING["alpha"], size)
    dropout = rng.beta(BUYING["a"], BUYING["b"], size)
    # Whoever has no plan came for the shop, so the first order is the day they came.
    waited = np.where(people.has_plan, rng.exponential(60, size) * DAY, 0).astype(np.int64)
    first = np.maximum(people.joined, calendar.since) + waited
    gaps = rng.exponential(1.0, (size, MOST_REPEATS)) / np.maximum(rate, 1e-6)[:, None]
    weeks = np.minimum(np.cumsum(gaps, axis=1), 1e4)
    repeats = first[:, None] + (weeks * WEEK).astype(np.int64)
    alive = np.arange(1, MOST_REPEATS + 1)[None, :] <= rng.geometric(np.maximum(dropout, 1e-9))[:, None]
    when = np.concatenate([first[:, None], repeats], axis=1)
    happens = np.concatenate([np.ones((size, 1), dtype=bool), alive], axis=1) & (when < calendar.end) & buys[:, None]
    person, nth = np.nonzero(happens)
    at = when[person, nth]
    # The day is the process's; the hour is people's.
    at = np.clip(
        local_day(at) + draw(rng, HOURS, len(at)) * HOUR + (rng.random(len(at)) * HOUR).astype(np.int64),
        first[person],
        calendar.end - 1,
    )
    order = np.argsort(at, kind="stable")
    person, at = person[order], at[order]

    channel = draw(rng, (0.35, 0.4, 0.25), len(at))
    promised = local_day(at) + rng.integers(2, 5, len(at)) * DAY + 20 * HOUR
    south = np.array([t.name for t in names.TEAMS].index("South")) == people.team[person]
    moving = south & (calendar.month_of(at) >= 5) & (calendar.month_of(at) < 10)
    late = (rng.random(len(at)) < np.where(moving, 0.45, 0.11)) & (channel != 2)
    delay = np.where(late, 1.05 + rng.exponential(2.5, len(at)), -rng.random(len(at)) * 1.5)
    delivered = np.maximum(promised + (delay * DAY).astype(np.int64), at + 6 * HOUR)
    in_store = channel == 2
    promised, delivered = np.where(in_store, at, promised), np.where(in_store, at, delivered)
    return Buying(buys, rate, dropout, first), Orders(person, at, channel, promised, delivered, late)


def orders_table(orders: Orders, people: People, doubles: Doubles, calendar: Calendar, seed: int) -> pa.Table:
    """Orders as lines: one to three goods each, discounts, goods given back, a few cancelled, a few by nobody known."""
    rng = stream(seed, "order lines")
    count = len(orders.at)
    everyday = [p for p in PRODUCTS if p.weight]
    position = {p.id: i for i, p in enumerate(everyday)}
    weights = [p.weight for p in everyday]
    first = draw(rng, weights, count)
    chosen = rng.random((2, count))
    second = np.where(
        (first == position[PHONE]) & (chosen[0] < CASE_WITH_PHONE),
        position[CASE],
        np.where(chosen[0] > 0.78, draw(rng, weights, count), -1),
    )
    third = np.where(chosen[1] < 0.08, draw(rng, weights, count), -1)
    slots = np.stack([first, second, third])
    order, slot = np.nonzero(slots.T >= 0)
    goods = slots[slot, order]
    line = slot.copy()
    line[(slot == 2) & (second[order] < 0)] = 1
    line += 1

    person = orders.person[order]
    firm = people.organisation[person]
    quantity = np.where(firm, rng.integers(1, 12, len(order)), 1 + (rng.random(len(order)) < 0.08))
    price = np.array([p.price * 100 for p in everyday])[goods]
    keen = people.disposition[orders.person] == PRICE_SENSITIVE
    promoted = rng.random(count) < np.where(keen, 0.6, 0.15)
    off = np.where(promoted, rng.choice([0.1, 0.15, 0.2], count), 0.0)
    discount = np.rint(price * quantity * off[order] / 100).astype(np.int64) * 100
    status = draw(rng, (0.975, 0.0, 0.025), count)
    status = np.where((status == 0) & (orders.delivered >= calendar.end), 1, status)

    # Foreign customers pay in their own money; the price is that of the day, near enough.
    abroad = rng.random(len(people)) < 0.25
    currency = np.where(people.english & abroad, 1 + (people.kind + people.birth.astype(np.int64)) % 3, 0)[person]
    divided_by = np.array([1.0, 7.15, 7.8, 0.915])
    divided = divided_by[currency]
    price = np.where(currency > 0, np.rint(price / divided), price).astype(np.int64)
    discount = np.where(currency > 0, np.rint(discount / divided), discount).astype(np.int64)
    amount = price * quantity - discount

    sold = {
        "order": order,
        "line": line,
        "goods": goods,
        "quantity": quantity,
        "price": price,
        "discount": discount,
        "amount": amount,
        "currency": currency,
        "at": orders.at[order],
        "refund": np.zeros(len(order), dtype=bool),
    }
    back = (rng.random(len(order)) < 0.035) & (status[order] == 0)
    returned_at = orders.delivered[order] + ((2 + rng.random(len(order)) * 14) * DAY).astype(np.int64)
    back &= returned_at < calendar.end
    given = {name: column[back] for name, column in sold.items()}
    given |= {
        "quantity": -given["quantity"],
        "amount": -given["amount"],
        "discount": -given["discount"],
        "at": returned_at[back],
        "refund": np.ones(int(back.sum()), dtype=bool),
    }
    rows = {name: np.concatenate([sold[name], given[name]]) for name in sold}
    final = np.lexsort((rows["line"], rows["order"], rows["at"]))
    rows = {name: column[final] for name, column in rows.items()}
    each = np.array([p.cost * 100 for p in everyday])[rows["goods"]] / divided_by[rows["currency"]]
    cost = np.rint(each * np.abs(rows["quantity"]))

    at_order, refund = rows["order"], rows["refund"]
    numbers = at_order + 1
    ids = pc.if_else(pa.array(refund), numbered("A-R", numbers, 7), numbered("A-", numbers, 7))
    kept_status = np.where(refund, 0, status[at_order])
    shipped = ~refund & (kept_status != 2)
    arrived = shipped & (orders.delivered[at_order] < calendar.end)
    return table(
        "orders",
        {
            "order_id": ids,
            "line_no": whole(rows["line"]),
            "customer_id": _buyers(rng, orders, people, doubles).take(pa.array(at_order)),
            "ordered_at": instants(rows["at"]),
            "product_id": words([p.id for p in everyday], rows["goods"]),
            "product_name": words([p.words.zh for p in everyday], rows["goods"]),
            "quantity": pa.array(rows["quantity"].astype(float)),
            "unit_price": _yuan(rows["price"]),
            "amount_minor": whole(rows["amount"]),
            "discount_minor": whole(rows["discount"]),
            "cost_minor": whole(cost),
            "currency": words(("CNY", "USD", "EUR", "HKD"), rows["currency"]),
            "kind": words(("sale", "refund"), refund.astype(np.int64)),
            "status": words(("completed", "pending", "cancelled"), kept_status),
            "channel": words(ORDER_CHANNELS, orders.channel[at_order]),
            "region": words([c.region for c in names.CITIES], people.city[orders.person[at_order]]),
            "promotion": words(("shop-coupon",), np.zeros(len(at_order)), promoted[at_order] & ~refund),
            "promised_at": instants(orders.promised[at_order], shipped),
            "delivered_at": instants(np.where(arrived, orders.delivered[at_order], 0), arrived),
        },
    )


def _buyers(rng: np.random.Generator, orders: Orders, people: People, doubles: Doubles) -> pa.Array:
    """The account each order was placed under: the person's first, half the time the second, rarely none."""
    second_of = np.full(len(people), -1)
    second_of[doubles.position] = np.arange(len(doubles.position))
    second = second_of[orders.person]
    later = orders.at > doubles.since[np.maximum(second, 0)]
    uses = (second >= 0) & later & (rng.random(len(orders.at)) < 0.5)
    pool = pa.array([*people.id, *doubles.second_id], pa.string())
    nobody = rng.random(len(orders.at)) < 0.008
    return pool.take(pa.array(np.where(uses, len(people) + second, orders.person), mask=nobody & ~uses))


def _yuan(fen: Numbers) -> pa.Array:
    """Integer fen as a decimal of yuan, without a float on the way."""
    prices, position = np.unique(fen, return_inverse=True)
    pool = pa.array([Decimal(int(p)).scaleb(-2) for p in prices], pa.decimal128(18, 6))
    return pool.take(pa.array(position))


def events_table(
    people: People, orders: Orders, left: Numbers, fades: Numbers, calendar: Calendar, seed: int
) -> pa.Table:
    """Views, baskets, orders and sign-ins, each customer's at their own pace.

    Whoever is about to leave for a reason of their own choosing (`fades`) signs in less and reads how to cancel
    in the two months before; whoever moves away or dies gives no such sign.
    """
    rng = stream(seed, "events")
    starts, ends = calendar.starts[:-1], calendar.starts[1:]
    low = np.maximum(starts[None, :], people.joined[:, None])
    high = np.minimum(ends[None, :], left[:, None])
    share = np.clip((high - low) / (ends - starts)[None, :], 0, 1)
    going = fades[:, None] & (high > left[:, None] - 61 * DAY) & (share > 0)
    keen = np.where(people.disposition == PRICE_SENSITIVE, 1.0, 0.0)[:, None]

    per_month = people.engagement[:, None] * share
    sign_ins = np.where(going, 0.35, 1.0) * 0.75 * per_month
    looks = np.where(going, 0.6, 1.0) * 0.6 * per_month
    baskets = 0.06 * per_month
    compares = (0.04 + 0.25 * keen) * share * np.where(going, 2.0, 1.0)
    cancels = np.where(going, 0.5, 0.004) * share
    kinds = (
        ("login", sign_ins, None),
        ("view", looks, (0.25, 0.05, 0.3, 0.22, 0.12, 0, 0.06)),
        ("add_to_basket", baskets, None),
        ("view", compares, (0, 1, 0, 0, 0, 0, 0)),
        ("view", cancels, (0, 0, 0, 0, 0, 1, 0)),
    )
    everyday = [p for p in PRODUCTS if p.weight]
    objects = [*EVENT_PAGES, *(f"/shop/{p.id}" for p in everyday)]
    person_parts: list[Numbers] = []
    at_parts: list[Numbers] = []
    name_parts: list[Numbers] = []
    object_parts: list[Numbers] = []
    verbs = ("view", "add_to_basket", "order", "login")
    for name, rate, pages in kinds:
        times = rng.poisson(rate)
        cell = np.repeat(np.arange(times.size), times.ravel())
        person, month = np.divmod(cell, calendar.months)
        person_parts.append(person)
        at_parts.append(moments(rng, low[person, month], high[person, month]))
        name_parts.append(np.full(len(cell), verbs.index(name)))
        goods = len(EVENT_PAGES) + draw(rng, [p.weight for p in everyday], len(cell))
        object_parts.append(draw(rng, pages, len(cell)) if pages else np.where(name == "login", -1, goods))
    # Every order on the web or in the app was looked at, put into the basket, and placed.
    online = orders.only(orders.channel != 2)
    goods = len(EVENT_PAGES) + draw(rng, [p.weight for p in everyday], len(online.at))
    for verb, minutes in (("view", 12), ("add_to_basket", 5), ("order", 0)):
        person_parts.append(online.person)
        at_parts.append(np.maximum(online.at - minutes * HOUR // 60, people.joined[online.person]))
        name_parts.append(np.full(len(online.at), verbs.index(verb)))
        object_parts.append(goods)
    person, at = np.concatenate(person_parts), np.concatenate(at_parts)
    done, page = np.concatenate(name_parts), np.concatenate(object_parts)
    order = np.argsort(at, kind="stable")
    person, at, done, page = person[order], at[order], done[order], page[order]
    unknown = (done == 0) & (rng.random(len(at)) < 0.04)
    return table(
        "events",
        {
            "event_id": numbered("E-", np.arange(1, len(at) + 1), 7),
            "customer_id": pa.array(people.id, pa.string()).take(pa.array(person, mask=unknown)),
            "anonymous_id": pc.if_else(
                pa.array(unknown), numbered("V-", rng.integers(0, 99_999, len(at)), 5), pa.scalar(None, pa.string())
            ),
            "occurred_at": instants(at),
            "name": words(verbs, done),
            "channel": words(("web", "app"), (rng.random(len(at)) < 0.6).astype(np.int64)),
            "object": words(objects, np.maximum(page, 0), page >= 0),
            "value": pa.array(np.rint(rng.exponential(40, len(at))), mask=done != 0),
        },
    )
