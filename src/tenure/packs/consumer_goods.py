from tenure.insight.lifecycle import Limits
from tenure.insight.segments.tiers import Rule
from tenure.language import Words
from tenure.packs.base import Leaving, Pack, Service, Target

_OUTLET = (
    "outlet_id",
    "outlet_code",
    "store_code",
    "distributor_code",
    "dealer_id",
    "终端编号",
    "终端编码",
    "门店编码",
    "经销商代码",
    "网点编号",
)

consumer_goods = Pack(
    name="consumer_goods",
    words=Words("Fast-moving consumer goods", "快速消费品"),
    meaning=Words(
        "Brands that sell to outlets and distributors week by week: an outlet is lost when the shelf is, within weeks.",
        "品牌商按周供货给终端与经销商：丢了货架就丢了终端，往往只需数周。",
    ),
    contracts={
        "customers": Words("Outlets and distributors with their route and representative", "终端与经销商，含线路与业务代表"),
        "products": Words("Articles with category and cost", "单品、品类与成本"),
        "orders": Words("Deliveries and returns line by line", "出货与退货明细"),
        "stock": Words("What lies in the warehouses", "各仓在库数量"),
        "interactions": Words("Visits to the outlet", "终端拜访"),
        "payments": Words("Invoices, when due and when paid", "应收与回款"),
        "cases": Words("Complaints, damage, expired goods", "客诉、破损与临期"),
        "treatments": Words("Trade promotions, with who was held out", "渠道促销，含对照组"),
    },
    names={
        "customers": {
            "customer_id": _OUTLET,
            "name": ("outlet_name", "终端名称", "网点名称", "经销商名称"),
            "owner": ("sales_representative", "merchandiser", "业务代表", "理货员"),
            "team": ("route", "territory", "线路", "片区"),
            "region": ("sales_region", "销售大区"),
        },
        "products": {
            "product_id": ("barcode", "ean", "gtin", "item_code", "条码", "单品编码", "69码"),
            "name": ("item_description", "单品名称", "品项名称"),
            "category": ("sub_category", "品项", "品类名称"),
        },
        "orders": {
            "order_id": ("delivery_no", "dispatch_no", "出货单号", "配送单号", "出库单号"),
            "customer_id": _OUTLET,
            "ordered_at": ("delivery_day", "dispatch_date", "出货日期", "配送日期", "出库日期"),
            "product_id": ("barcode", "ean", "gtin", "item_code", "条码", "单品编码", "69码"),
            "product_name": ("item_description", "单品名称", "品项名称"),
            "quantity": ("cases", "cartons", "箱数", "出货数量", "件数箱"),
            "amount_minor": ("invoice_value", "出货金额", "配送金额", "开单金额"),
            "discount_minor": ("trade_discount", "搭赠金额", "渠道折让"),
        },
        "stock": {"on_hand": ("stock_on_hand", "soh", "即时库存", "可用库存")},
        "interactions": {
            "customer_id": _OUTLET,
            "interaction_id": ("visit_no", "拜访单号"),
            "occurred_at": ("check_in", "进店时间", "拜访时间"),
            "agent": ("业务代表",),
        },
        "payments": {"customer_id": _OUTLET, "amount_minor": ("receivable", "应收金额")},
    },
    leaving=(Leaving("silence", horizon_days=30, active_days=90), Leaving("outcome")),
    leaving_why=Words(
        "An outlet that ordered within the quarter and takes nothing for a month has given the shelf to another.",
        "一季度内进过货、却一个月未进货的终端，货架已让给别家。",
    ),
    limits=Limits(decline_rhythms=2.5, left_rhythms=5, decline_least_days=10, left_least_days=30, left_most_days=180, young_days=180),
    stages={
        "acquire": Words("Listed, or first delivery", "建点或首次进货"),
        "grow": Words("Within half a year, or orders more often", "进货半年内，或频次加快"),
        "mature": Words("Takes goods at its own steady rhythm", "按自身节奏稳定进货"),
        "decline": Words("Two and a half rhythms late: visit", "超过两个半周期未进货：上门拜访"),
        "left": Words("Five rhythms silent, half a year at most", "沉默超过五个周期，最长半年"),
    },
    rule=Rule(
        weights={"value": 20, "brought": 50, "margin": 20, "tenure": 10},
        strategic_from=95, core_from=75, tenure_least_days=90, growth_from=20, growth_points_from=30,
    ),
    service={
        "strategic": Service(7, 4, 8, Words("Key account manager", "重点客户经理"), Words("Joint plan for each quarter; first in short supply", "季度联合计划；缺货优先")),
        "core": Service(14, 8, 5, Words("Sales representative", "业务代表"), Words("Visit every two weeks", "双周拜访")),
        "growth": Service(14, 24, 5, Words("Sales representative", "业务代表"), Words("More articles on the shelf", "增加上架单品")),
        "potential": Service(30, 48, 0, Words("Distributor or app", "经销商或订货小程序"), Words("Orders by app", "小程序订货")),
    },
    targets={
        "repurchase_rate": Target(0.60, 0.80, 0.40),
        "silent_churn_rate": Target(0.03, 0.015, 0.06),
        "on_time_delivery": Target(0.97, 0.99, 0.92),
        "refund_rate": Target(0.02, 0.01, 0.05),
        "discount_share": Target(0.12, 0.08, 0.25),
        "contribution_margin": Target(0.25, 0.35),
        "late_payment_rate": Target(0.10, 0.05, 0.25),
        "promotion_roi": Target(0.20, 0.50, 0.0),
        "complaint_rate": Target(0.02, 0.01, 0.05),
    },
    headlines=(
        "revenue", "active_customers", "repurchase_rate", "on_time_delivery", "refund_rate", "promotion_roi", "contribution_margin",
        "stock_cover_days",
    ),
)  # fmt: skip
