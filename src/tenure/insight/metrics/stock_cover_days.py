from typing import Any

import ibis

from tenure.contracts.orders import orders
from tenure.contracts.stock import stock
from tenure.insight.metrics._shared import sales
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="operations",
    words=("Stock cover", "库存覆盖天数"),
    meaning=(
        "How many days the stock would last at the rate at which it sold in the period",
        "按期间内销售速度，库存还能支撑的天数",
    ),
    formula=("units on hand at the end ÷ units sold a day", "期末在库数量 ÷ 日均销量"),
    unit="days",
    better="neither",
    reads=(stock, orders),
    count=("products counted", "盘点产品数"),
    source=("Logistics standard: days of cover, by units", "物流业通行定义：库存天数，按件数"),
    columns=("stock.on_hand", "orders.product_id", "orders.quantity"),
    made_of=("orders",),
    example=Example(
        rows={
            "stock": [
                {"product_id": "A", "location": "x", "counted_at": "2026-03-01", "on_hand": 500},
                {"product_id": "A", "location": "x", "counted_at": "2026-03-30", "on_hand": 100},
                {"product_id": "A", "location": "y", "counted_at": "2026-03-30", "on_hand": 50},
                {"product_id": "A", "location": "x", "counted_at": "2026-04-02", "on_hand": 900},
            ],
            "orders": [
                {"person_id": 1, "product_id": "A", "ordered_at": "2026-03-05", "quantity": 31, "amount_minor": 100},
                {"person_id": None, "product_id": "A", "ordered_at": "2026-03-06", "quantity": 31, "amount_minor": 100},
                {"person_id": 1, "product_id": "B", "ordered_at": "2026-03-06", "quantity": 9, "amount_minor": 100},
            ],
        },
        period=Period.month(2026, 3),
        value=75,
        count=1,
    ),
)
def stock_cover_days(stock: Any, orders: Any, period: Period) -> Any:
    """How many days the stock would last at the rate at which it sold in the period.

    The newest count of each product in each place, made in the period, is what lies there at its end. Products that
    were not counted are left out on both sides; what did not sell at all lasts for ever, and has no figure of its own.
    """
    counts = stock.filter(period.holds(stock.counted_at), stock.on_hand.notnull())
    newest = ibis.row_number().over(
        ibis.window(group_by=["segment", "product_id", "location"], order_by=counts.counted_at.desc())
    )
    lies = counts.mutate(turn=newest)
    lies = lies.filter(lies.turn == 0).group_by("segment", "product_id").agg(on_hand=lambda t: t.on_hand.sum())
    sold = sales(orders, period)
    # Of what is counted, whoever bought it: by product, not by whom the stock might be meant for.
    went = sold.group_by(part="segment", item="product_id").agg(units=sold.quantity.abs().sum())
    both = lies.left_join(went, [lies.product_id == went.item, lies.segment.identical_to(went.part)])
    lasted = (period.end - period.start).days
    return both.group_by("segment").agg(
        numerator=both.on_hand.sum(), denominator=both.units.sum() / lasted, count=both.count()
    )
