from tenure.insight.lifecycle import Limits
from tenure.insight.segments.tiers import Rule
from tenure.language import Words
from tenure.packs.base import STARTING, Leaving, Pack, Service, Target

_SUBSCRIBER = (
    "subscriber", "subscriber_id", "msisdn", "subs_id", "service_number", "用户标识", "用户编码", "用户号码", "业务号码", "服务号码",
    "设备号码", "客户标识",
)  # fmt: skip

telecom = Pack(
    name="telecom",
    words=Words("Telecommunications", "电信运营商"),
    meaning=Words(
        "Mobile, broadband and television on contracts: leaving has a date, and the term's end is when it is decided.",
        "移动、宽带与电视等合约业务：离网有明确日期，合约到期前后是关键。",
    ),
    contracts={
        "customers": Words("Subscribers, persons and companies", "用户资料，含个人与政企"),
        "subscriptions": Words("Plans with start, end of term and real end: who left is told from them", "套餐与合约的开通、到期与销户时间：离网由此判定"),
        "payments": Words("Bills, when due and when paid", "账单、应缴与实缴时间"),
        "events": Words("Use of the network by day, where it is at hand", "按日的使用量（如有）"),
        "cases": Words("Complaints and faults", "投诉与故障申告"),
        "interactions": Words("Calls to the hotline and visits to the hall", "热线与营业厅接触记录"),
        "survey_responses": Words("Satisfaction and recommendation", "满意度与推荐意愿"),
        "treatments": Words("Renewal offers, with who was held out", "续约与挽留优惠，含对照组"),
        "snapshot": Words("Or the wide table with a churn label, where there is nothing else", "或者：带离网标签的宽表"),
    },
    names={
        "customers": {
            "customer_id": _SUBSCRIBER,
            "phone": ("contact_number", "联系号码"),
            "kind": ("customer_class", "客户类别", "用户类型"),
            "created_at": ("activation_date", "入网日期", "开户日期"),
            "region": ("home_region", "归属省", "归属地"),
            "city": ("home_city", "归属地市", "归属城市"),
            "acquisition_channel": ("dealer", "发展渠道", "入网渠道"),
        },
        "subscriptions": {
            "subscription_id": ("service_id", "offer_inst_id", "product_instance", "订购实例", "订购实例编号", "套餐实例编号", "合约编号"),
            "customer_id": _SUBSCRIBER,
            "plan": ("price_plan", "rate_plan", "offering", "offer_name", "主套餐", "主套餐名称", "资费套餐", "合约名称"),
            "started_at": ("activation_date", "activated_at", "开通时间", "激活时间", "入网时间", "生效时间"),
            "term_ends_at": ("commitment_end", "contract_end_date", "合约到期时间", "合约到期日", "合约到期日期"),
            "ended_at": ("churn_date", "deactivation_date", "disconnect_date", "销户时间", "销户日期", "拆机时间", "离网日期"),
            "end_reason": ("disconnect_reason", "销户原因", "拆机原因", "携出原因"),
            "fee_minor": ("monthly_charge", "mrc", "arpu_fee", "套餐月费", "月租", "月租费", "套餐费"),
            "auto_renew": ("自动续约标志",),
            "channel": ("dealer", "受理渠道", "办理渠道"),
        },
        "payments": {
            "payment_id": ("bill_id", "invoice_number", "账单编号", "缴费流水号"),
            "customer_id": _SUBSCRIBER,
            "due_at": ("bill_due_date", "缴费截止日", "缴费截止日期", "账单到期日"),
            "paid_at": ("缴费时间", "缴费日期", "销账时间"),
            "amount_minor": ("bill_amount", "billed", "出账金额", "应收金额", "账单金额"),
            "method": ("缴费方式",),
        },
        "events": {
            "customer_id": _SUBSCRIBER,
            "occurred_at": ("usage_date", "使用日期", "话单时间"),
            "name": ("usage_type", "service_type", "业务类型", "使用类型"),
            "value": ("usage_volume", "data_mb", "minutes_of_use", "使用量", "流量", "通话分钟数"),
        },
        "cases": {
            "case_id": ("trouble_ticket", "tt_number", "申告单号", "故障单号", "投诉单号"),
            "customer_id": _SUBSCRIBER,
            "opened_at": ("reported_at", "申告时间", "受理时间"),
            "category": ("fault_type", "complaint_type", "申告类型", "投诉类型", "故障类型"),
            "text": ("申告内容", "故障描述"),
            "resolved_at": ("restored_at", "归档时间", "销障时间", "办结时间"),
            "agent": ("受理工号",),
        },
        "interactions": {
            "interaction_id": ("call_reference", "热线流水号", "来电流水号", "接触流水号"),
            "customer_id": _SUBSCRIBER,
            "occurred_at": ("call_start", "来电时间", "呼入时间", "接触时间"),
            "topic": ("call_reason", "来电原因", "接触原因"),
            "duration_seconds": ("talk_time", "handle_time", "通话时长", "通话时长秒"),
            "agent": ("坐席工号", "话务员工号"),
        },
        "snapshot": {
            "customer_id": _SUBSCRIBER,
            "observed_at": ("账期", "统计月份", "数据日期"),
            "outcome": ("churn_label", "churn_flag", "离网标志", "是否离网", "离网标签"),
        },
    },
    leaving=(Leaving("contract_end", horizon_days=30), Leaving("outcome"), Leaving("silence", horizon_days=90)),
    leaving_why=Words(
        "The last line is closed or carried to another operator within a month; offers must reach the customer before the bill "
        "after next. Without contracts: the label of the wide table, else 90 days without a top-up.",
        "一个月内销户或携号转网，且无其他在用号码。没有合约数据时取宽表标签；再没有则取 90 天未充值。",
    ),
    limits=Limits(new_contract_days=90, young_contract_days=365, ending_days=90),
    stages={
        "acquire": Words("Joined within 90 days: first bills must hold no surprise", "入网 90 天内：首张账单不能有意外"),
        "grow": Words("In the first year, or pays more than half a year ago", "入网首年，或资费较半年前提升"),
        "mature": Words("Contract running, fee steady", "合约期内，资费稳定"),
        "decline": Words("Term ends within 90 days, is over, or the fee fell", "90 天内到期、已到期未续，或降档"),
        "left": Words("Closed, or carried to another operator", "销户、拆机或携出"),
    },
    rule=Rule(
        weights={"value": 50, "brought": 30, "margin": 0, "tenure": 20},
        strategic_from=90, core_from=65, tenure_least_days=365, growth_from=10, growth_points_from=30,
    ),
    service={
        "strategic": Service(60, 4, 20, Words("Account manager, VIP hotline", "专属客户经理与贵宾热线"), Words("Renewal talk 90 days before the term ends", "到期前 90 天启动续约")),
        "core": Service(90, 8, 15, Words("VIP hotline", "贵宾热线"), Words("Renewal offer 60 days before", "到期前 60 天发送续约优惠")),
        "growth": Service(90, 24, 10, Words("Outbound team", "外呼团队"), Words("Second line, broadband, family plan", "副卡、宽带、家庭套餐")),
        "potential": Service(None, 48, 5, Words("App and hotline", "App 与热线"), Words("Autopay and self-service", "自动缴费与自助服务")),
    },
    targets={
        "churn_rate": Target(0.02, 0.01, 0.03),
        "retention_rate": Target(0.98, 0.99, 0.97),
        "revenue_churn": Target(0.02, 0.01, 0.04),
        "renewal_rate": Target(0.75, 0.90),
        "net_revenue_retention": Target(0.98, 1.02, 0.95),
        "late_payment_rate": Target(0.08, 0.04, 0.15),
        "complaint_rate": Target(0.01, 0.005, 0.02),
        "first_contact_resolution": Target(
            0.70, 0.80, None,
            Words("SQM Group: 70 % is the industry's average, 80 % world class", "SQM Group：行业平均 70%，世界级 80%"),
        ),
        "resolution_hours": Target(
            48, 24, 360,
            Words("Limit: an answer within 15 days, rules on users' appeals (China, 2016); the rest a starting point",
                  "上限：《电信用户申诉处理办法》（2016）规定 15 日内答复；其余为起步参考值"),
        ),
        "automation_coverage": Target(0.60, 0.80),
        "nps": Target(30, 50, 0, STARTING),
        "csat": Target(75, 85),
    },
    headlines=(
        "churn_rate", "active_customers", "recurring_revenue", "arpu", "net_revenue_retention", "renewal_rate",
        "complaint_rate", "nps",
    ),
)  # fmt: skip
