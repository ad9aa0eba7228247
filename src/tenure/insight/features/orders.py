import ibis

from tenure.insight.features.base import Family, Feature, Lever, since
from tenure.insight.features.terms import change, count, days_since, distinct, highest, lowest, or_zero, size, total
from tenure.language import Words

_DAYS = distinct("ordered_on", where="sale")
_SOLD, _DISCOUNT = total("amount_base_minor", where="sale"), total("discount_base_minor", where="sale")
_RECENCY = days_since(highest("ordered_at", where="sale"))
_RHYTHM = (highest("ordered_on", where="sale") - lowest("ordered_on", where="sale")) / (_DAYS - 1)


def rows(lines: ibis.Table) -> ibis.Table:
    """How a customer buys: when last, how often, how much, at what discount, and how well it was delivered.

    Cancelled lines do not count. Two orders on one business day are one visit.
    """
    lines = lines.filter(lines.status.fill_null("completed") != "cancelled")
    sale = lines.kind.fill_null((lines.amount_base_minor < 0).ifelse("refund", "sale")) == "sale"
    # Not there when promised is late already, however long it will take: so once the promise is past, it is known.
    late = lines.promised_at.notnull() & (lines.delivered_at.isnull() | (lines.delivered_at > lines.promised_at))
    return lines.mutate(
        sale=sale,
        refund=~sale,
        late=late,
        late_order=late.ifelse(lines.order_id, ibis.null("string")),
        promise_past=since(lines._seen, lines.promised_at),
    )


orders = Family(
    name="orders",
    reads=("orders",),
    driver="buying",
    features=(
        Feature(
            "order_recency_days",
            Words("Days since the last order", "距上次下单天数"),
            "days",
            Words("No order for {value} days", "已有 {value} 天未下单"),
            Words("Last order only {value} days ago", "距上次下单仅 {value} 天"),
            value=_RECENCY,
        ),
        Feature(
            "silence_ratio",
            Words("Silence against own rhythm", "沉默时间与自身节奏之比"),
            "ratio",
            Words("Silent for {value} times the usual gap between orders", "沉默时间已达平时下单间隔的 {value} 倍"),
            Words("Silent for {value} times the usual gap between orders", "沉默时间为平时下单间隔的 {value} 倍"),
            value=_RECENCY / _RHYTHM,
        ),
        Feature(
            "order_rhythm_days",
            Words("Usual days between orders", "平时下单间隔天数"),
            "days",
            Words("Buys only every {value} days", "平均每 {value} 天才下单一次"),
            Words("Used to buy every {value} days", "平时每 {value} 天下单一次"),
            value=_RHYTHM,
        ),
        Feature(
            "order_days",
            Words("Days with an order", "下单天数"),
            "count",
            Words("Days with an order so far: {value}", "累计在 {value} 天下过单"),
            Words("Days with an order so far: only {value}", "累计仅在 {value} 天下过单"),
            zero=True,
            value=_DAYS,
        ),
        Feature(
            "order_days_90",
            Words("Days with an order, last 90 days", "近 90 天下单天数"),
            "count",
            Words("Days with an order in the last 90: {value}", "近 90 天有 {value} 天下单"),
            Words("Days with an order in the last 90: only {value}", "近 90 天仅有 {value} 天下单"),
            zero=True,
            value=distinct("ordered_on", where="sale", window=90),
        ),
        Feature(
            "order_days_change",
            Words("Change in order days, last 90 against the 90 before", "近 90 天与此前 90 天下单天数的变化"),
            "change",
            Words("Orders more often than in the 90 days before", "下单次数多于此前 90 天"),
            Words("Orders fewer times than in the 90 days before", "下单次数少于此前 90 天"),
            value=change(
                distinct("ordered_on", where="sale", window=90),
                distinct("ordered_on", where="sale", window=90, back=90),
            ),
        ),
        Feature(
            "order_age_days",
            Words("Days since the first order", "距首次下单天数"),
            "days",
            Words("First ordered {value} days ago", "首次下单已是 {value} 天前"),
            Words("A new buyer: first order {value} days ago", "新买家：首次下单仅 {value} 天"),
            value=days_since(lowest("ordered_at", where="sale")),
            driver="profile",
        ),
        Feature(
            "spend_base_minor",
            Words("Spent in all", "累计消费"),
            "minor units",
            Words("Spent {value} in all", "累计消费 {value}"),
            Words("Spent only {value} in all", "累计消费仅 {value}"),
            zero=True,
            value=total("amount_base_minor"),
        ),
        Feature(
            "spend_90_base_minor",
            Words("Spent in the last 90 days", "近 90 天消费"),
            "minor units",
            Words("Spent {value} in the last 90 days", "近 90 天消费 {value}"),
            Words("Spent only {value} in the last 90 days", "近 90 天消费仅 {value}"),
            zero=True,
            value=total("amount_base_minor", window=90),
        ),
        Feature(
            "spend_change",
            Words("Change in spending, last 90 against the 90 before", "近 90 天与此前 90 天消费的变化"),
            "change",
            Words("Spends more than in the 90 days before", "消费多于此前 90 天"),
            Words("Spends less than in the 90 days before", "消费少于此前 90 天"),
            value=change(total("amount_base_minor", window=90), total("amount_base_minor", window=90, back=90)),
        ),
        Feature(
            "mean_visit_base_minor",
            Words("Spent per day with an order", "每个下单日消费"),
            "minor units",
            Words("Spends {value} per visit, more than most", "每次消费 {value}，高于多数客户"),
            Words("Spends only {value} per visit", "每次消费仅 {value}"),
            value=_SOLD / _DAYS,
        ),
        Feature(
            "discount_share",
            Words("Share taken off by discounts", "折扣占比"),
            "share",
            Words("{value} of the price was taken off by discounts", "消费中有 {value} 为折扣"),
            Words("Hardly any discount: {value} of the price", "几乎没有折扣：仅 {value}"),
            value=_DISCOUNT / (_SOLD + or_zero(_DISCOUNT)),
            driver="price",
        ),
        Feature(
            "refund_share",
            Words("Share given back", "退款占比"),
            "share",
            Words("{value} of purchases were given back", "消费中有 {value} 被退回"),
            Words("{value} of purchases were given back", "消费中有 {value} 被退回"),
            value=size(or_zero(total("amount_base_minor", where="refund"))) / _SOLD,
            driver="quality",
        ),
        Feature(
            "products_bought",
            Words("Different products bought", "购买过的产品数"),
            "count",
            Words("Different products bought: {value}", "购买过 {value} 种产品"),
            Words("Different products bought: only {value}", "仅购买过 {value} 种产品"),
            zero=True,
            value=distinct("product_id", where="sale"),
        ),
        Feature(
            "late_delivery_share",
            Words("Share of deliveries that came late", "延迟送达占比"),
            "share",
            Words("{value} of deliveries came late", "{value} 的配送晚于承诺时间"),
            Words("{value} of deliveries came late", "{value} 的配送晚于承诺时间"),
            value=count(where="late", since="promise_past") / count(since="promise_past"),
            driver="delivery",
        ),
        Feature(
            "late_deliveries_90",
            Words("Late deliveries, last 90 days", "近 90 天延迟送达次数"),
            "count",
            Words("Late deliveries in the last 90 days: {value}", "近 90 天有 {value} 次延迟送达"),
            Words("Late deliveries in the last 90 days: {value}", "近 90 天有 {value} 次延迟送达"),
            zero=True,
            value=distinct("late_order", by="promised_at", window=90, since="promise_past"),
            driver="delivery",
            lever=Lever(Words("nothing came late for 90 days", "连续 90 天没有延迟送达"), "none"),
        ),
    ),
    rows=rows,
    order=("ordered_at", "order_id", "line_no"),
)
