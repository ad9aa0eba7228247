from tenure.insight.lifecycle import Limits
from tenure.insight.segments.tiers import Rule
from tenure.language import Words
from tenure.packs.base import Leaving, Pack, Service, Target

_CLIENT = ("client_no", "cif", "cif_no", "customer_number", "party_id", "客户代码", "核心客户号", "客户内码", "ECIF号")

banking = Pack(
    name="banking",
    words=Words("Retail banking", "零售银行"),
    meaning=Words(
        "Accounts, cards, deposits, loans and funds: a client rarely closes, but moves the money elsewhere first.",
        "账户、银行卡、存款、贷款与理财：客户很少销户，但会先转走资金。",
    ),
    contracts={
        "customers": Words("Clients with branch and manager", "客户资料，含机构与客户经理"),
        "products": Words("Accounts, cards, loans and funds on offer", "账户、卡、贷款与理财产品"),
        "subscriptions": Words("Accounts and agreements held, from opening to closing, with their yearly or monthly fee", "已持有的账户与签约，开户至销户，及其费用"),
        "orders": Words("Card spending, fund purchases, transfers that earn", "刷卡消费、理财申购等带来收入的交易"),
        "payments": Words("Instalments and card bills, when due and when paid", "还款与信用卡账单的应还与实还"),
        "interactions": Words("Calls, branch visits, app sessions", "电话、网点与 App 接触"),
        "cases": Words("Complaints", "投诉"),
        "survey_responses": Words("Satisfaction and trust", "满意度与信任"),
        "treatments": Words("Offers, with who was held out", "营销优惠，含对照组"),
        "snapshot": Words("Or the month-end wide table with an attrition label", "或者：带流失标签的月末宽表"),
    },
    names={
        "customers": {
            "customer_id": _CLIENT,
            "name": ("client_name", "户名", "客户中文名"),
            "id_number": ("certificate_no", "证件号"),
            "kind": ("client_type", "对公对私标志", "客户性质"),
            "owner": ("relationship_manager", "rm", "管户经理", "理财经理", "管户客户经理"),
            "team": ("branch", "branch_name", "所属机构", "开户网点", "归属支行"),
            "created_at": ("relationship_start", "首次开户日期", "建档日期", "客户开立日期"),
        },
        "products": {
            "product_id": ("product_code", "产品代码", "基金代码"),
            "category": ("product_class", "产品类别", "产品大类"),
        },
        "subscriptions": {
            "subscription_id": ("account_no", "account_number", "acct_no", "card_number", "agreement_no", "账号", "卡号", "协议号", "签约号"),
            "customer_id": _CLIENT,
            "plan": ("account_type", "product_class", "账户类型", "账户种类", "产品名称"),
            "product_id": ("product_code", "产品代码"),
            "started_at": ("opened_on", "open_date", "account_open_date", "开户日期", "签约日期", "开户日"),
            "term_ends_at": ("maturity_date", "产品到期日"),
            "ended_at": ("close_date", "account_close_date", "销户日期", "解约日期", "销户日"),
            "end_reason": ("close_reason", "销户原因", "解约原因"),
            "fee_minor": ("annual_fee", "service_fee", "年费", "账户管理费", "服务费"),
        },
        "orders": {
            "order_id": ("txn_id", "trans_no", "transaction_no", "serial_no", "交易流水号", "流水号", "交易流水"),
            "customer_id": _CLIENT,
            "ordered_at": ("txn_date", "txn_time", "trans_date", "posting_date", "交易日期", "交易时间", "记账日期"),
            "product_id": ("product_code", "产品代码"),
            "product_name": ("merchant", "merchant_name", "商户名称"),
            "amount_minor": ("txn_amount", "trans_amt", "交易金额", "申购金额"),
            "channel": ("txn_channel", "交易渠道"),
            "kind": ("txn_type", "交易类型"),
        },
        "payments": {
            "payment_id": ("repay_no", "instalment_no", "还款流水号", "期次编号"),
            "customer_id": _CLIENT,
            "subscription_id": ("loan_no", "account_no", "借据号", "贷款账号", "账号"),
            "due_at": ("repay_due_date", "应还日期", "还款日", "到期还款日"),
            "paid_at": ("repaid_at", "实还日期", "还款时间"),
            "amount_minor": ("instalment", "repay_amount", "应还金额", "期供"),
        },
        "cases": {
            "customer_id": _CLIENT,
            "case_id": ("投诉流水号", "消保工单号"),
            "opened_at": ("受理日期", "投诉日期"),
            "category": ("sub_product", "投诉业务类别"),
            "resolved_at": ("办结日期",),
        },
        "interactions": {
            "customer_id": _CLIENT,
            "interaction_id": ("contact_id", "接触编号"),
            "occurred_at": ("contact_time", "接触时间"),
            "agent": ("teller", "柜员号"),
        },
        "snapshot": {
            "customer_id": (*_CLIENT, "clientnum"),
            "observed_at": ("data_date", "数据日期", "月末日期"),
            "outcome": ("attrition", "attrition_flag", "exited", "流失标志", "是否流失客户"),
        },
    },
    leaving=(Leaving("contract_end", horizon_days=90), Leaving("outcome"), Leaving("silence", horizon_days=120, active_days=365)),
    leaving_why=Words(
        "The last account is closed within a quarter. Without accounts on file: the label of the month-end table, else no "
        "transaction for 120 days.",
        "一个季度内销掉最后一个账户。没有账户数据时取月末宽表标签；再没有则取 120 天无动账。",
    ),
    limits=Limits(new_contract_days=90, young_contract_days=365, ending_days=30, left_most_days=730),
    stages={
        "acquire": Words("Account opened within 90 days: salary, autopay and app come first", "开户 90 天内：促成代发、代扣与手机银行绑定"),
        "grow": Words("First year, or a further product", "首年或新增产品：提升产品持有数"),
        "mature": Words("Products and balances steady", "产品与资产稳定"),
        "decline": Words("A product matures within 30 days, or fees and use fall", "产品 30 天内到期，或费用、交易下降"),
        "left": Words("Last account closed, or no transaction for long", "销户或长期无动账"),
    },
    rule=Rule(
        weights={"value": 40, "brought": 30, "margin": 0, "tenure": 30},
        strategic_from=95, core_from=75, tenure_least_days=365, growth_from=20, growth_points_from=40,
    ),
    service={
        "strategic": Service(30, 4, 0, Words("Private banker", "私人银行家"), Words("Review of all holdings each quarter", "每季度资产检视")),
        "core": Service(60, 8, 0, Words("Wealth manager", "理财经理"), Words("Call before a product matures", "产品到期前主动联系")),
        "growth": Service(90, 24, 0, Words("Branch team", "网点团队"), Words("Next product by life event", "按人生阶段推荐下一产品")),
        "potential": Service(None, 48, 0, Words("App and hotline", "手机银行与客服热线"), Words("Salary account and autopay", "代发与代扣")),
    },
    targets={
        "churn_rate": Target(0.01, 0.005, 0.02),
        "retention_rate": Target(0.99, 0.995, 0.98),
        "cross_sell_success": Target(0.05, 0.10),
        "cross_channel_share": Target(0.40, 0.60),
        "late_payment_rate": Target(0.03, 0.015, 0.05),
        "complaint_rate": Target(0.005, 0.002, 0.01),
        "resolution_hours": Target(
            72, 24, 360,
            Words("Limit: 15 days for plain cases, rules on complaints in banking and insurance (China, 2020); the rest a starting point",
                  "上限：《银行业保险业消费投诉处理管理办法》（2020）规定简单投诉 15 日；其余为起步参考值"),
        ),
        "first_contact_resolution": Target(
            0.70, 0.80, None,
            Words("SQM Group: 70 % is the industry's average, 80 % world class", "SQM Group：行业平均 70%，世界级 80%"),
        ),
        "automation_coverage": Target(0.70, 0.90),
        "trust": Target(5.5, 6.2),
        "nps": Target(40, 60),
        "csat": Target(80, 90),
    },
    headlines=(
        "active_customers", "churn_rate", "revenue", "cross_sell_success", "late_payment_rate", "complaint_rate", "nps", "csat",
    ),
)  # fmt: skip
