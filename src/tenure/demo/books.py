"""What the books and the warehouse have: spending by purpose, and stock as it was counted."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.demo.catalogue import PRODUCTS
from tenure.demo.clock import DAY, Calendar
from tenure.demo.drawing import constant, instants, numbered, stream, table, whole, words
from tenure.demo.people import CHANNELS

# Yuan for each customer and month: to win new ones by the channel they come through, and to serve those there are.
WINNING = {"store": 1.2, "web": 1.6, "app": 1.1, "referral": 0.4, "call-centre": 0.9, "partner": 0.8}
SERVING = {"hotline": 2.1, "app": 0.6, "store": 1.3}
KEEPING, BRAND = 0.7, 0.9
WAREHOUSES = ("Hangzhou", "Guangzhou", "Beijing")


def spending_table(customers: int, calendar: Calendar, seed: int) -> pa.Table:
    """An entry for each month, purpose and channel, booked on the first; the summer and November campaigns cost more."""
    rng = stream(seed, "spending")
    entries = [
        *(("acquisition", channel, WINNING[channel]) for channel in CHANNELS),
        *(("service", channel, rate) for channel, rate in SERVING.items()),
        ("retention", None, KEEPING),
        ("brand", None, BRAND),
    ]
    month = np.repeat(np.arange(calendar.months), len(entries))
    which = np.tile(np.arange(len(entries)), calendar.months)
    rate = np.array([entry[2] for entry in entries])[which]
    season = np.where(np.isin(_month_number(calendar)[month], (6, 11)) & (which < len(CHANNELS)), 1.5, 1.0)
    amount = rate * customers * season * rng.uniform(0.85, 1.15, len(which))
    size = len(which)
    return table(
        "spending",
        {
            "spending_id": numbered("K-", np.arange(1, size + 1), 5),
            "spent_at": instants(calendar.starts[month]),
            "purpose": words([entry[0] for entry in entries], which),
            "amount_minor": whole(np.rint(amount) * 100),
            "currency": constant("CNY", size),
            "channel": words([entry[1] for entry in entries], which),
        },
    )


def stock_table(orders: pa.Table, calendar: Calendar, seed: int) -> pa.Table:
    """What lay in each warehouse on the last day of each month: two to eight weeks of what sold in the company's time."""
    rng = stream(seed, "stock")
    goods = [p.id for p in PRODUCTS if p.weight]
    sold = orders.filter(pc.greater(orders["quantity"], 0)).group_by("product_id").aggregate([("quantity", "sum")])
    units = dict(zip(sold["product_id"].to_pylist(), sold["quantity_sum"].to_pylist(), strict=True))
    daily = np.array([units.get(one, 0.0) for one in goods]) / (30.4 * calendar.months)
    month, place, item = (axis.ravel() for axis in np.indices((calendar.months, len(WAREHOUSES), len(goods))))
    days = rng.uniform(14, 56, len(item))
    return table(
        "stock",
        {
            "product_id": words(goods, item),
            "location": words(WAREHOUSES, place),
            "counted_at": instants(calendar.starts[month + 1] - DAY // 4),
            "on_hand": pa.array(np.ceil(daily[item] * days / len(WAREHOUSES))),
        },
    )


def _month_number(calendar: Calendar) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    last = calendar.until.year * 12 + calendar.until.month - 1
    numbers: np.ndarray[tuple[int, ...], np.dtype[np.int64]] = np.arange(last - calendar.months, last) % 12 + 1
    return numbers
