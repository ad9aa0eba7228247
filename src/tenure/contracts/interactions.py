from tenure.contracts._shared import CHANNEL, CUSTOMER
from tenure.contracts.base import Column, Contract
from tenure.language import Words

interactions = Contract(
    name="interactions",
    words=Words("Interactions", "互动记录"),
    meaning=Words("Calls, chats, mails, visits, social posts", "通话、在线聊天、邮件、拜访、社交发言"),
    key=("interaction_id",),
    valid_at="occurred_at",
    columns=(
        Column(
            "interaction_id",
            "text",
            Words("Interaction", "互动编号"),
            Words("The interaction's number", "互动编号"),
            required=True,
            example="I-1",
            aliases=("call_id", "chat_id", "互动ID", "通话编号"),
        ),
        CUSTOMER,
        Column(
            "occurred_at",
            "instant",
            Words("Occurred", "发生时间"),
            Words("When it happened", "发生的时间"),
            required=True,
            example="2026-03-01 09:30:00",
            aliases=("call_time", "time", "date", "通话时间", "时间"),
        ),
        CHANNEL,
        Column(
            "direction",
            "text",
            Words("Direction", "方向"),
            Words("in: the customer came to us; out: we went to them", "in：客户联系我们；out：我们联系客户"),
            values={"in": Words("Inbound", "呼入"), "out": Words("Outbound", "呼出")},
            example="in",
        ),
        Column(
            "topic",
            "text",
            Words("Topic", "主题"),
            Words("What it was about", "互动主题"),
            example="billing",
            aliases=("subject", "话题"),
        ),
        Column(
            "text",
            "text",
            Words("Text", "内容"),
            Words("What was said", "互动内容"),
            personal="text",
            aliases=("note", "content", "message", "备注", "内容", "通话记录"),
        ),
        Column(
            "duration_seconds",
            "number",
            Words("Duration", "时长"),
            Words("How long it took", "持续时间"),
            unit="seconds",
            example="180",
            aliases=("duration", "时长秒"),
        ),
        Column(
            "agent",
            "text",
            Words("Agent", "坐席"),
            Words("Who of us it was with", "我方人员"),
            aliases=("staff", "employee", "客服", "员工"),
        ),
        Column(
            "sentiment",
            "number",
            Words("Sentiment", "情绪"),
            Words("From -1 (angry) to 1 (glad), where known", "从 -1（愤怒）到 1（满意）"),
        ),
    ),
)
