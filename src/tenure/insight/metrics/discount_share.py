from typing import Any

from tenure.contracts.orders import orders
from tenure.insight.metrics._shared import order_of, sales
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="revenue",
    words=("Discount share", "优惠占比"),
    meaning=("How much of the full price was given away", "原价中以优惠让出的比例"),
    formula=("discounts ÷ (sales + discounts)", "优惠金额 ÷（销售金额 + 优惠金额）"),
    unit="share",
    better="lower",
    reads=orders,
    count=("orders", "订单数"),
    source=("Price waterfall: list price to pocket price", "价格瀑布：标价到实收价"),
    each=orders,
    amounts=True,
    example=Example(
        rows={
            "orders": [
                {"person_id": 1, "ordered_at": "2026-03-02", "amount_minor": 8000, "discount_minor": 2000},
                {"person_id": 2, "ordered_at": "2026-03-03", "amount_minor": 10000},
            ]
        },
        period=Period.month(2026, 3),
        value=0.1,
        count=2,
    ),
)
def discount_share(orders: Any, period: Period) -> Any:
    """How much of the full price of the period's sales was given away (0 to 1).

    Sources write a discount with either sign; its size is what counts. A line that says nothing of one had none.
    """
    sold = sales(orders, period)
    sold = sold.mutate(given=sold.discount_base_minor.fill_null(0).abs())
    return sold.group_by("segment").agg(
        numerator=sold.given.sum(),
        denominator=(sold.given + sold.net_base_minor).sum(),
        count=order_of(sold).nunique(),
    )
