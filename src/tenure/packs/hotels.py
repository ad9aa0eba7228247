from tenure.insight.lifecycle import Limits
from tenure.insight.segments.tiers import Rule
from tenure.language import Words
from tenure.packs.base import Leaving, Pack, Service, Target

_GUEST = ("guest_id", "profile_id", "membership_no", "loyalty_no", "宾客编号", "客史编号", "会员卡号", "住客编号")

hotels = Pack(
    name="hotels",
    words=Words("Hotels", "酒店"),
    meaning=Words(
        "Guests come a few times a year at their own rhythm: a bad stay shows in the one that never comes.",
        "宾客按自己的节奏一年来几次：一次不满意的入住，体现在再也不来。",
    ),
    contracts={
        "customers": Words("Guests and company accounts", "宾客与协议公司"),
        "products": Words("Room types and services", "房型与服务项目"),
        "orders": Words("Stays and extras line by line", "入住与消费明细"),
        "survey_responses": Words("Satisfaction after the stay", "离店满意度"),
        "cases": Words("Complaints", "投诉"),
        "interactions": Words("Calls and messages before and after the stay", "入住前后的沟通"),
        "events": Words("Searches and bookings on the web site", "官网搜索与预订"),
        "treatments": Words("Offers, with who was held out", "优惠，含对照组"),
    },
    names={
        "customers": {
            "customer_id": _GUEST,
            "name": ("guest_name", "宾客姓名", "住客姓名", "公司协议名称"),
            "acquisition_channel": ("first_source", "首次来源", "客源"),
            "created_at": ("enrolment_date", "入会日期", "建档时间"),
            "region": ("nationality", "国籍", "籍贯"),
        },
        "products": {"product_id": ("room_type_code", "房型代码", "项目代码"), "name": ("room_type", "房型", "项目名称")},
        "orders": {
            "order_id": ("reservation_no", "confirmation_no", "folio_no", "预订号", "确认号", "账单号", "房账号"),
            "customer_id": _GUEST,
            "ordered_at": ("arrival", "arrival_date", "check_in_date", "入住日期", "到店日期", "抵店日期"),
            "product_id": ("room_type_code", "房型代码", "项目代码"),
            "product_name": ("room_type", "房型", "消费项目"),
            "quantity": ("nights", "room_nights", "间夜", "间夜数", "住店天数"),
            "unit_price": ("rate", "room_rate", "房价", "平均房价"),
            "amount_minor": ("room_revenue", "total_charge", "房费", "房费收入", "消费金额", "总消费"),
            "channel": ("booking_source", "market_source", "预订渠道", "订单来源"),
            "status": ("reservation_status", "预订状态"),
        },
        "survey_responses": {"customer_id": _GUEST, "answered_at": ("review_date", "点评时间"), "text": ("review", "点评内容")},
        "cases": {"customer_id": _GUEST, "case_id": ("incident_no", "投诉单号"), "opened_at": ("incident_date", "发生时间")},
        "interactions": {"customer_id": _GUEST},
        "events": {"customer_id": _GUEST},
    },
    leaving=(Leaving("silence", horizon_days=180, active_days=730), Leaving("outcome")),
    leaving_why=Words(
        "Who stayed within two years and does not come back for half a year more has found another bed.",
        "两年内住过、又有半年未再入住，多半已另择他店。",
    ),
    limits=Limits(decline_rhythms=2, left_rhythms=4, decline_least_days=60, left_least_days=180, left_most_days=1095, young_days=730),
    stages={
        "acquire": Words("Joined, or first stay: win the second", "入会或首住：争取第二次入住"),
        "grow": Words("Comes again within two years", "两年内再次入住"),
        "mature": Words("Comes at an own steady rhythm", "按自身节奏稳定入住"),
        "decline": Words("Twice the own rhythm without a stay", "超过两个周期未入住"),
        "left": Words("Four rhythms silent, three years at most", "沉默超过四个周期，最长三年"),
    },
    rule=Rule(
        weights={"value": 40, "brought": 40, "margin": 10, "tenure": 10},
        strategic_from=95, core_from=80, tenure_least_days=180, growth_from=30, growth_points_from=40,
    ),
    service={
        "strategic": Service(60, 1, 15, Words("Guest relations manager", "宾客关系经理"), Words("Room preference kept; late check-out", "保留房型偏好；延迟退房")),
        "core": Service(90, 2, 10, Words("Member desk", "会员专席"), Words("Upgrade where there is room", "视房态升级")),
        "growth": Service(120, 8, 10, Words("Member desk", "会员专席"), Words("Second house of the group", "推荐集团其他门店")),
        "potential": Service(None, 24, 5, Words("Front office", "前厅"), Words("Book direct next time", "引导官网直订")),
    },
    targets={
        "repurchase_rate": Target(0.08, 0.15),
        "csat": Target(85, 92, 75),
        "nps": Target(50, 70, 20),
        "complaint_rate": Target(0.02, 0.01, 0.05),
        "response_hours": Target(1, 0.25, 4),
        "resolution_hours": Target(24, 4, 72),
        "conversion_rate": Target(0.02, 0.04),
        "discount_share": Target(0.15, 0.08, 0.30),
        "refund_rate": Target(0.05, 0.02, 0.15),
    },
    headlines=(
        "revenue", "active_customers", "average_order_value", "repurchase_rate", "csat", "nps", "complaint_rate", "cross_channel_share",
    ),
)  # fmt: skip
