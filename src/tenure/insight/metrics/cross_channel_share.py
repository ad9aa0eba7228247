from typing import Any

from tenure.contracts.orders import orders
from tenure.insight.metrics._shared import of_somebody, sales
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="customers",
    words=("Cross-channel share", "跨渠道客户占比"),
    meaning=(
        "Share of the period's buyers who bought through two channels or more",
        "期间内通过两个及以上渠道购买的买家占比",
    ),
    formula=(
        "buyers with two channels or more ÷ buyers whose channel is known",
        "使用两个及以上渠道的买家 ÷ 渠道已知的买家",
    ),
    unit="share",
    better="higher",
    reads=orders,
    count=("buyers whose channel is known", "渠道已知的买家数"),
    source=("Omnichannel retail, by customers", "全渠道零售惯例，按客户"),
    columns=("orders.channel",),
    example=Example(
        rows={
            "orders": [
                {"person_id": n, "ordered_at": "2026-03-05", "amount_minor": 100, "channel": channel}
                for n, channel in ((1, "app"), (1, "store"), (2, "app"), (2, "app"), (3, None), (4, "web"), (5, "web"))
            ]
        },
        period=Period.month(2026, 3),
        value=0.25,
        count=4,
    ),
)
def cross_channel_share(orders: Any, period: Period) -> Any:
    """Share of the period's buyers who bought through two channels or more (0 to 1)."""
    sold = of_somebody(sales(orders, period))
    sold = sold.filter(sold.channel.notnull())
    each = sold.group_by("segment", "person_id").agg(channels=sold.channel.nunique())
    return each.group_by("segment").agg(numerator=(each.channels > 1).sum(), denominator=each.count())
