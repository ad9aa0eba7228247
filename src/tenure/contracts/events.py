from tenure.contracts._shared import CHANNEL, CUSTOMER
from tenure.contracts.base import Column, Contract
from tenure.language import Words

events = Contract(
    name="events",
    words=Words("Events", "行为事件"),
    meaning=Words("What people do on the web, in the app, on a device", "网站、App、设备上的行为"),
    key=("event_id",),
    valid_at="occurred_at",
    columns=(
        Column(
            "event_id",
            "text",
            Words("Event", "事件编号"),
            Words("The event's number", "事件编号"),
            required=True,
            example="E-1",
            aliases=("事件ID",),
        ),
        CUSTOMER,
        Column(
            "anonymous_id",
            "text",
            Words("Visitor", "访客编号"),
            Words("Visitor not signed in", "未登录访客的编号"),
            personal="identifier",
            aliases=("visitor_id", "device_id", "访客ID"),
        ),
        Column(
            "occurred_at",
            "instant",
            Words("Occurred", "发生时间"),
            Words("When it happened", "事件发生的时间"),
            required=True,
            example="2026-03-01 09:30:00",
            aliases=("event_time", "timestamp", "time", "事件时间", "时间"),
        ),
        Column(
            "name",
            "text",
            Words("What", "事件名称"),
            Words("What was done: view, add_to_basket, order, login …", "行为：浏览、加入购物车、下单、登录……"),
            required=True,
            example="view",
            aliases=("event", "event_name", "event_type", "action", "事件", "事件类型"),
        ),
        CHANNEL,
        Column(
            "object",
            "text",
            Words("Object", "对象"),
            Words("Page, product or thing it was done to", "页面、产品或其他对象"),
            example="/plans",
            aliases=("page", "url", "页面"),
        ),
        Column(
            "value",
            "number",
            Words("Value", "数值"),
            Words("A number that goes with it: seconds, megabytes …", "伴随的数值：秒、兆字节……"),
            example="1",
            aliases=("amount", "数量"),
        ),
    ),
)
