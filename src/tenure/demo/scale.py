"""A large plain table of orders for benches: only its size matters."""

import numpy as np
import pyarrow as pa

from tenure.demo.clock import DAY, OFFSET
from tenure.demo.drawing import constant, draw, instants, numbered, stream, table, whole, words
from tenure.demo.names import CITIES, TEAMS

DAYS = 730
UNTIL = np.datetime64("2026-07-01", "us").astype(np.int64) - OFFSET


def scale(lines: int = 1_000_000, customers: int = 100_000, seed: int = 7) -> dict[str, pa.Table]:
    """`lines` order lines of `customers` customers over two years up to 1 July 2026, by contract name.

    Orders have two lines on average; how often customers buy is spread as in life (a few buy most).
    The same arguments give the same tables.
    """
    rng = stream(seed, "scale")
    known = rng.integers(0, DAYS, customers)
    city = draw(rng, [c.weight for c in CITIES], customers)
    joined = UNTIL - (known + 1) * DAY
    team = np.array([[t.name for t in TEAMS].index(c.team) for c in CITIES])[city]
    ids = numbered("C-", np.arange(1, customers + 1), 8)
    people = table(
        "customers",
        {
            "customer_id": ids,
            "kind": constant("individual", customers),
            "name": numbered("客户", np.arange(1, customers + 1), 8),
            "region": words([c.region for c in CITIES], city),
            "city": words([c.name for c in CITIES], city),
            "team": words([t.name for t in TEAMS], team),
            "owner": words([o for t in TEAMS for o in t.owners], team * 2 + rng.integers(0, 2, customers)),
            "created_at": instants(joined),
            "updated_at": instants(joined),
        },
    )
    count = max(lines // 2, 1)
    size = np.minimum(rng.poisson(1.0, count) + 1, 6)
    # The lines are made to come out at the number asked for: the last orders give or take one.
    order = np.repeat(np.arange(count), size)[:lines]
    if len(order) < lines:
        order = np.concatenate([order, np.arange(count, count + lines - len(order))])
    orders = int(order[-1]) + 1
    buyer = draw(rng, rng.gamma(0.7, 1.0, customers), orders)
    at = UNTIL - (rng.random(orders) * (known[buyer] + 1) * DAY).astype(np.int64) - 1
    in_time = np.argsort(at, kind="stable")
    buyer, at = buyer[in_time], at[in_time]
    line = np.arange(lines) - np.searchsorted(order, order, side="left") + 1
    quantity = 1 + rng.integers(0, 4, lines)
    price = 990 + rng.integers(0, 400, lines) * 50
    goods = rng.integers(0, 500, lines)
    return {
        "customers": people,
        "orders": table(
            "orders",
            {
                "order_id": numbered("A-", order + 1, 8),
                "line_no": whole(line),
                "customer_id": ids.take(pa.array(buyer[order])),
                "ordered_at": instants(at[order]),
                "product_id": words([f"P-{i:03d}" for i in range(500)], goods),
                "quantity": pa.array(quantity.astype(float)),
                "amount_minor": whole(quantity * price),
                "currency": constant("CNY", lines),
                "kind": constant("sale", lines),
                "status": constant("completed", lines),
                "channel": words(("web", "app", "store"), rng.integers(0, 3, orders)[order]),
            },
        ),
    }
