from tenure.insight.lifecycle import Limits
from tenure.insight.segments.tiers import Rule
from tenure.language import Words
from tenure.packs.base import Leaving, Pack, Service, Target

_ACCOUNT = (
    "sold_to", "sold_to_party", "bill_to", "kunnr", "account_no", "dealer_code", "customer_code", "售达方", "客户代码", "客户编码",
    "经销商编码", "往来单位编码",
)  # fmt: skip

manufacturing = Pack(
    name="manufacturing",
    words=Words("B2B manufacturing", "B2B 制造业"),
    meaning=Words(
        "Few large accounts, long cycles, framework agreements: a customer leaves share by share, long before the last order.",
        "客户少而大、周期长、框架协议：份额先流失，订单后消失。",
    ),
    contracts={
        "customers": Words("Companies with their manager, region and industry", "企业客户，含客户经理、区域与行业"),
        "contacts": Words("Who decides and who buys there", "客户方决策人与采购人"),
        "products": Words("Articles with cost", "物料与成本"),
        "orders": Words("Order lines with promised and real delivery", "订单明细，含承诺与实际交期"),
        "payments": Words("Invoices, when due and when paid", "应收发票与回款"),
        "opportunities": Words("Deals under way", "在跟商机"),
        "opportunity_stages": Words("How deals moved", "商机阶段变化"),
        "cases": Words("Claims of quality and delivery", "质量与交付投诉"),
        "interactions": Words("Visits and calls", "拜访与电话"),
        "subscriptions": Words("Framework and service agreements, where there are any", "框架协议与维保合同（如有）"),
    },
    names={
        "customers": {
            "customer_id": _ACCOUNT,
            "name": ("account_name", "sold_to_name", "往来单位", "往来单位名称", "经销商名称", "单位名称"),
            "owner": ("sales_rep", "sales_engineer", "key_account_manager", "业务员", "销售员", "销售工程师"),
            "team": ("sales_office", "sales_group", "销售部门", "销售办事处", "大区"),
            "region": ("sales_district", "销售区域"),
            "industry": ("industry_code", "下游行业", "应用行业"),
            "created_at": ("created_on", "建档日期", "首次合作日期"),
        },
        "contacts": {
            "customer_id": _ACCOUNT,
            "contact_id": ("contact_no", "联系人编码"),
            "name": ("联系人",),
            "title": ("岗位",),
        },
        "products": {
            "product_id": ("material", "material_no", "matnr", "part_no", "part_number", "物料", "物料号", "物料编码", "料号", "存货编码"),
            "name": ("material_description", "物料描述", "物料名称", "存货名称", "规格型号"),
            "category": ("material_group", "product_line", "物料组", "产品线", "存货分类"),
            "cost": ("standard_cost", "标准成本"),
        },
        "orders": {
            "order_id": ("sales_order", "so_number", "vbeln", "销售订单", "销售订单号", "单据编号", "合同订单号"),
            "line_no": ("item_no", "posnr", "行项目号"),
            "customer_id": _ACCOUNT,
            "ordered_at": ("document_date", "doc_date", "audat", "单据日期", "签订日期", "接单日期"),
            "product_id": ("material", "material_no", "matnr", "part_no", "物料", "物料号", "物料编码", "料号", "存货编码"),
            "product_name": ("material_description", "物料描述", "物料名称", "存货名称", "规格型号"),
            "quantity": ("order_qty", "order_quantity", "订单数量", "主数量"),
            "unit_price": ("net_price", "不含税单价", "含税单价"),
            "amount_minor": ("net_value", "netwr", "净值", "不含税金额", "价税合计"),
            "cost_minor": ("cost_of_goods", "结转成本"),
            "promised_at": ("requested_delivery", "requested_delivery_date", "要求交期", "承诺交期", "计划交货日期"),
            "delivered_at": ("actual_delivery", "goods_issue_date", "实际交期", "实际发货日期", "出库日期"),
            "status": ("order_state", "订单行状态"),
        },
        "payments": {
            "payment_id": ("invoice_number", "ar_document", "应收单号", "发票号码"),
            "order_id": ("sales_order", "销售订单号"),
            "customer_id": _ACCOUNT,
            "due_at": ("net_due_date", "应收日期", "账期到期日"),
            "paid_at": ("clearing_date", "回款日期", "到账日期", "核销日期"),
            "amount_minor": ("invoice_amount", "应收金额", "开票金额"),
        },
        "opportunities": {
            "opportunity_id": ("project_no", "rfq_no", "项目编号", "询价单号", "报价单号"),
            "customer_id": _ACCOUNT,
            "name": ("project_name", "项目名称"),
            "opened_at": ("rfq_date", "立项日期", "询价日期", "报备日期"),
            "closed_at": ("decision_date", "定标日期", "中标日期"),
            "amount_minor": ("quotation_value", "报价金额", "预计金额", "预计合同额"),
            "outcome": ("bid_result", "投标结果", "中标结果"),
            "owner": ("业务员", "销售工程师"),
        },
        "cases": {
            "case_id": ("claim_no", "ncr_no", "8d_no", "客诉单号", "质量异常单号", "索赔单号"),
            "customer_id": _ACCOUNT,
            "opened_at": ("claim_date", "客诉日期", "反馈日期"),
            "category": ("defect_type", "defect", "不良现象", "缺陷类别"),
            "cause": ("failure_cause", "原因分析", "不良原因"),
            "resolved_at": ("claim_closed", "结案日期"),
            "compensation_minor": ("claim_amount", "索赔金额", "赔付金额"),
        },
        "interactions": {
            "interaction_id": ("visit_no", "拜访编号"),
            "customer_id": _ACCOUNT,
            "occurred_at": ("visit_date", "拜访时间", "拜访日期"),
            "text": ("visit_notes", "拜访记录", "拜访纪要"),
            "agent": ("sales_rep", "业务员"),
        },
        "subscriptions": {
            "subscription_id": ("agreement", "frame_agreement", "框架协议号", "维保合同号"),
            "customer_id": _ACCOUNT,
            "started_at": ("valid_from", "合同生效日"),
            "term_ends_at": ("valid_to", "合同到期日", "协议到期日"),
            "fee_minor": ("contract_value", "合同金额"),
        },
    },
    leaving=(Leaving("silence", horizon_days=180, active_days=730), Leaving("contract_end", horizon_days=90), Leaving("outcome")),
    leaving_why=Words(
        "No order for half a year from a company that ordered within two years: a round of purchasing went elsewhere. "
        "Companies served on agreements alone: none of these runs any more.",
        "两年内下过单、随后半年未下单：一轮采购已给了别家。仅有协议的客户：协议全部终止。",
    ),
    limits=Limits(
        decline_rhythms=2.5, left_rhythms=5, decline_least_days=45, left_least_days=120, left_most_days=1095, young_days=730,
        new_contract_days=180, young_contract_days=730, ending_days=120,
    ),
    stages={
        "acquire": Words("Known, sampled or in its first order", "建档、送样或首单"),
        "grow": Words("Within two years of the first order, or orders more often", "首单两年内，或下单加快"),
        "mature": Words("Orders at its own steady rhythm", "按自身节奏稳定下单"),
        "decline": Words("Orders late or less often; an agreement ends within 120 days", "下单延迟或减少；协议 120 天内到期"),
        "left": Words("Silent for five of its rhythms, three years at most", "沉默超过五个周期，最长三年"),
    },
    rule=Rule(
        weights={"value": 30, "brought": 40, "margin": 20, "tenure": 10},
        strategic_from=90, core_from=70, tenure_least_days=365, growth_from=15, growth_points_from=30,
    ),
    service={
        "strategic": Service(14, 4, 8, Words("Key account team with engineer", "大客户团队与技术支持"), Words("Quarterly business review; stock held for them", "季度业务回顾；安全库存")),
        "core": Service(30, 8, 5, Words("Sales engineer", "销售工程师"), Words("Visit each month", "每月拜访")),
        "growth": Service(30, 24, 5, Words("Sales engineer", "销售工程师"), Words("Second product line", "推广第二产品线")),
        "potential": Service(90, 48, 0, Words("Inside sales or dealer", "内勤或经销商"), Words("Catalogue and web shop", "目录与网上下单")),
    },
    targets={
        "on_time_delivery": Target(0.95, 0.98, 0.90),
        "error_rate": Target(0.01, 0.003, 0.03),
        "complaint_rate": Target(0.02, 0.01, 0.05),
        "resolution_hours": Target(120, 48, 480),
        "late_payment_rate": Target(0.15, 0.05, 0.30),
        "win_rate": Target(0.25, 0.40),
        "sales_cycle_days": Target(120, 60),
        "contribution_margin": Target(0.25, 0.35, 0.10),
        "repurchase_rate": Target(0.30, 0.50),
        "silent_churn_rate": Target(0.03, 0.01, 0.06),
        "nps": Target(40, 60),
        "csat": Target(80, 90),
    },
    headlines=(
        "revenue", "active_customers", "on_time_delivery", "contribution_margin", "win_rate", "late_payment_rate",
        "complaint_rate", "customer_concentration",
    ),
)  # fmt: skip
