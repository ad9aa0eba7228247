from tenure.insight.lifecycle import Limits
from tenure.insight.segments.tiers import Rule
from tenure.language import Words
from tenure.packs.base import Leaving, Pack, Service, Target

_TENANT = (
    "tenant", "tenant_id", "workspace_id", "organization_id", "org_id", "company_id", "租户", "租户ID", "企业ID",
    "组织ID", "团队ID",
)  # fmt: skip

saas = Pack(
    name="saas",
    words=Words("Software as a service", "SaaS 软件服务"),
    meaning=Words(
        "Software by subscription: revenue comes back each month or is lost; use tells before the renewal does.",
        "订阅制软件：收入按月续、按月失；使用情况比续约更早说明问题。",
    ),
    contracts={
        "customers": Words("Accounts with plan owner and industry", "客户企业，含负责人与行业"),
        "contacts": Words("Administrators, champions and payers there", "客户方管理员、支持者与付款人"),
        "subscriptions": Words("Plans with seats' fee, renewal and end: the base of every rate", "套餐、席位费、续约与终止：所有比率的基础"),
        "events": Words("Use of features, by account and day", "按客户与日期的功能使用"),
        "payments": Words("Invoices, when due and when paid", "发票的应付与实付"),
        "cases": Words("Support tickets", "支持工单"),
        "opportunities": Words("New deals, upgrades and renewals under way", "新签、增购与续约商机"),
        "survey_responses": Words("Recommendation and ease", "推荐意愿与易用性"),
        "spending": Words("What sales and marketing cost", "销售与市场投入"),
        "treatments": Words("Offers, with who was held out", "优惠与触达，含对照组"),
    },
    names={
        "customers": {
            "customer_id": _TENANT,
            "name": ("account_name", "organization", "tenant_name", "租户名称", "企业名称", "组织名称"),
            "owner": ("csm", "customer_success_manager", "account_owner", "客户成功经理", "成功经理"),
            "created_at": ("signed_up_at", "trial_started_at", "签约日期", "注册日期", "开通日期"),
            "acquisition_channel": ("lead_source", "utm_source", "线索来源"),
        },
        "contacts": {
            "customer_id": _TENANT,
            "contact_id": ("seat_id", "member_id", "成员ID", "席位ID"),
        },
        "subscriptions": {
            "subscription_id": ("stripe_subscription_id", "contract_number", "订阅ID", "订阅编号", "订单合同号"),
            "customer_id": _TENANT,
            "plan": ("plan_name", "edition", "sku_name", "price_id", "版本", "套餐版本", "订阅版本"),
            "started_at": ("current_term_start", "subscription_start", "subscribed_at", "订阅开始", "订阅开始时间", "服务开始日期"),
            "term_ends_at": ("current_period_end", "renewal_date", "current_term_end", "续费日期", "订阅到期", "订阅到期时间", "服务到期日"),
            "ended_at": ("canceled_at", "churned_at", "churn_date", "退订时间", "流失日期", "停用日期"),
            "end_reason": ("cancellation_reason", "退订原因", "流失原因"),
            "fee_minor": ("mrr", "monthly_price", "plan_amount", "月订阅费", "订阅费", "月经常性收入"),
            "period_months": ("term_months", "interval_months", "订阅月数", "付费周期"),
            "auto_renew": ("renews_automatically", "自动续订"),
        },
        "events": {
            "customer_id": _TENANT,
            "name": ("feature", "event_key", "功能", "功能点", "操作"),
            "occurred_at": ("received_at", "event_date", "使用日期", "操作时间"),
            "value": ("count", "usage", "使用次数", "用量"),
        },
        "payments": {
            "payment_id": ("invoice_id", "charge_id", "发票ID", "账单ID"),
            "customer_id": _TENANT,
            "paid_at": ("charged_at", "扣款时间"),
            "amount_minor": ("amount_due", "invoice_total", "账单金额", "发票金额"),
        },
        "cases": {
            "customer_id": _TENANT,
            "case_id": ("conversation_id", "ticket_number", "工单ID", "会话ID"),
            "category": ("ticket_type", "feature_area", "工单分类", "功能模块"),
            "resolved_at": ("solved_at",),
            "satisfaction": ("csat_score", "satisfaction_score", "工单评分"),
        },
        "opportunities": {
            "customer_id": _TENANT,
            "pipeline": ("deal_kind", "opportunity_type", "商机类型"),
            "amount_minor": ("arr", "acv", "年化金额"),
        },
        "survey_responses": {"customer_id": _TENANT},
    },
    leaving=(Leaving("contract_end", horizon_days=60), Leaving("outcome"), Leaving("silence", horizon_days=60)),
    leaving_why=Words(
        "The last subscription is cancelled or not renewed within two months, time enough to talk before the term's end.",
        "两个月内退订或到期不续最后一项订阅；留足续约沟通时间。",
    ),
    limits=Limits(new_contract_days=90, young_contract_days=365, ending_days=90),
    stages={
        "acquire": Words("Within 90 days: brought to first value", "签约 90 天内：尽快实现首次价值"),
        "grow": Words("First year, or more seats than half a year ago", "首年，或席位较半年前增加"),
        "mature": Words("Renewed, fee steady", "已续约，费用稳定"),
        "decline": Words("Renewal within 90 days and not by itself, or fewer seats", "90 天内到期且不自动续订，或减少席位"),
        "left": Words("Cancelled or not renewed", "已退订或未续约"),
    },
    rule=Rule(
        weights={"value": 50, "brought": 40, "margin": 0, "tenure": 10},
        strategic_from=90, core_from=70, tenure_least_days=90, growth_from=20, growth_points_from=20,
    ),
    service={
        "strategic": Service(14, 1, 10, Words("Named success manager and architect", "专属成功经理与架构师"), Words("Business review each quarter", "季度业务回顾")),
        "core": Service(30, 4, 10, Words("Success manager", "客户成功经理"), Words("Health call each month", "每月健康回访")),
        "growth": Service(45, 8, 5, Words("Success team", "客户成功组"), Words("Adoption of the next feature; more seats", "推动下一功能与增购席位")),
        "potential": Service(None, 24, 0, Words("In-product guidance", "产品内引导"), Words("Onboarding by mail and webinar", "邮件与网络课程引导")),
    },
    targets={
        "churn_rate": Target(0.02, 0.01, 0.05),
        "revenue_churn": Target(0.015, 0.0075, 0.03),
        "gross_revenue_retention": Target(0.985, 0.9925, 0.97),
        "net_revenue_retention": Target(1.0, 1.015, 0.98),
        "renewal_rate": Target(0.85, 0.92, 0.75),
        "clv_to_cac": Target(
            3, 5, 1, Words("Skok, SaaS Metrics 2.0: more than three times; the rest a starting point", "Skok《SaaS Metrics 2.0》：应大于 3 倍；其余为起步参考值"),
        ),
        "win_rate": Target(0.20, 0.30),
        "sales_cycle_days": Target(60, 30),
        "response_hours": Target(4, 1, 24),
        "resolution_hours": Target(24, 8, 120),
        "ces": Target(5.5, 6.2),
        "nps": Target(30, 50),
        "csat": Target(85, 95),
    },
    headlines=(
        "recurring_revenue", "net_revenue_retention", "gross_revenue_retention", "churn_rate", "renewal_rate", "clv_to_cac",
        "nps", "response_hours",
    ),
)  # fmt: skip
