from tenure.insight.lifecycle import Limits
from tenure.insight.segments.tiers import Rule
from tenure.language import Words
from tenure.packs.base import Leaving, Pack, Service, Target

_PATIENT = (
    "patient_id",
    "patient_no",
    "mrn",
    "health_card_no",
    "患者编号",
    "患者ID",
    "病案号",
    "就诊卡号",
    "诊疗卡号",
    "体检编号",
)

health_care = Pack(
    name="health_care",
    words=Words("Health care", "医疗健康"),
    meaning=Words(
        "Clinics, dentists, check-up centres: people come when they must and stay where they trust. Diagnoses stay outside.",
        "诊所、口腔与体检机构：需要时来，信任则留。诊断信息不导入。",
    ),
    contracts={
        "customers": Words("Patients and company clients, without diagnoses", "患者与团检单位，不含诊断"),
        "products": Words("Services and packages on offer", "服务项目与套餐"),
        "orders": Words("Visits and packages bought", "就诊与套餐消费"),
        "subscriptions": Words("Memberships and yearly check-up agreements", "会员与年度体检协议"),
        "interactions": Words("Reminders, calls, follow-ups", "提醒、电话与随访"),
        "survey_responses": Words("Satisfaction and trust", "满意度与信任"),
        "cases": Words("Complaints", "投诉"),
    },
    names={
        "customers": {
            "customer_id": _PATIENT,
            "name": ("patient_name", "患者姓名", "受检者姓名", "团检单位"),
            "created_at": ("first_visit", "first_visit_date", "首诊日期", "建卡日期"),
            "owner": ("case_manager", "健康管理师", "首诊顾问"),
            "acquisition_channel": ("referral_source", "就诊来源", "转介来源"),
        },
        "products": {"product_id": ("service_code", "项目编码", "套餐编码"), "name": ("service_name", "项目名称", "体检套餐")},
        "orders": {
            "order_id": ("encounter_id", "visit_id", "visit_no", "就诊号", "就诊流水号", "门诊号", "收费单号"),
            "customer_id": _PATIENT,
            "ordered_at": ("visit_date", "encounter_date", "就诊日期", "就诊时间", "收费日期", "体检日期"),
            "product_id": ("service_code", "项目编码", "套餐编码"),
            "product_name": ("service_name", "项目名称", "体检套餐", "收费项目"),
            "amount_minor": ("charge", "total_charge", "收费金额", "自费金额", "总费用"),
            "channel": ("department", "clinic", "科室", "门诊部", "院区"),
        },
        "subscriptions": {
            "customer_id": _PATIENT,
            "subscription_id": ("membership_id", "会员协议号", "体检协议号"),
            "fee_minor": ("membership_fee", "会员年费", "协议金额"),
            "term_ends_at": ("membership_expiry", "会员到期日"),
        },
        "interactions": {"customer_id": _PATIENT, "interaction_id": ("follow_up_id", "随访编号"), "occurred_at": ("follow_up_date", "随访时间", "随访日期")},
        "survey_responses": {"customer_id": _PATIENT},
        "cases": {"customer_id": _PATIENT, "case_id": ("complaint_no", "投诉单号")},
    },
    leaving=(Leaving("silence", horizon_days=180, active_days=540), Leaving("contract_end", horizon_days=60), Leaving("outcome")),
    leaving_why=Words(
        "No visit for half a year by somebody seen within eighteen months: the yearly check-up went by. Members alone: the "
        "membership ends.",
        "十八个月内就诊过、又有半年未再来：错过了年度复查。仅有会员的机构：会员终止。",
    ),
    limits=Limits(decline_rhythms=2, left_rhythms=4, decline_least_days=60, left_least_days=180, left_most_days=730, young_days=540),
    stages={
        "acquire": Words("Card made, or first visit", "建卡或首诊"),
        "grow": Words("Comes again, or for another service", "复诊，或使用其他服务"),
        "mature": Words("Comes at a steady rhythm", "按节奏定期就诊"),
        "decline": Words("Check-up overdue: remind", "复查逾期：提醒"),
        "left": Words("Four rhythms away, two years at most", "超过四个周期未来，最长两年"),
    },
    rule=Rule(
        weights={"value": 40, "brought": 30, "margin": 10, "tenure": 20},
        strategic_from=95, core_from=75, tenure_least_days=365, growth_from=20, growth_points_from=30,
    ),
    service={
        "strategic": Service(60, 2, 5, Words("Personal health manager", "专属健康管理师"), Words("Appointment within two days", "两日内安排就诊")),
        "core": Service(90, 4, 5, Words("Health manager", "健康管理师"), Words("Yearly plan of check-ups", "年度检查计划")),
        "growth": Service(120, 8, 0, Words("Follow-up team", "随访组"), Words("Reminder of the next step of treatment", "提醒下一疗程")),
        "potential": Service(180, 24, 0, Words("Reception", "前台"), Words("Reminder of the yearly check-up", "提醒年度体检")),
    },
    targets={
        "repurchase_rate": Target(0.20, 0.35),
        "csat": Target(85, 95, 75),
        "nps": Target(50, 70),
        "trust": Target(6, 6.5, 5),
        "complaint_rate": Target(0.005, 0.002, 0.02),
        "response_hours": Target(2, 0.5, 24),
        "resolution_hours": Target(48, 24, 168),
        "renewal_rate": Target(0.70, 0.85),
    },
    headlines=(
        "revenue", "active_customers", "new_customers", "repurchase_rate", "csat", "nps", "trust", "complaint_rate",
    ),
)  # fmt: skip
