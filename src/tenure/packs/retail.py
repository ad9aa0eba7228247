from tenure.insight.lifecycle import Limits
from tenure.insight.segments.tiers import Rule
from tenure.language import Words
from tenure.packs.base import Leaving, Pack, Service, Target

retail = Pack(
    name="retail",
    words=Words("Retail and e-commerce", "零售与电商"),
    meaning=Words(
        "Shops, chains and online stores: no contract, so a customer leaves without a word. Loyalty shows in coming back.",
        "门店、连锁与网店：没有合同，客户悄然离开；忠诚体现在复购。",
    ),
    contracts={
        "customers": Words("Members, with the shop or channel that won them", "会员资料及其来源门店或渠道"),
        "products": Words("Goods, with category and cost, for margin and cross-selling", "商品、品类与成本，用于毛利与交叉销售"),
        "orders": Words("Sales and returns line by line: everything else is told from them", "销售与退货明细：其他分析均由此得出"),
        "events": Words("Seen, put in the basket, paid: the funnel of the online shop", "浏览、加购、支付：网店漏斗"),
        "cases": Words("Complaints and questions after the sale", "售后投诉与咨询"),
        "survey_responses": Words("Satisfaction and recommendation", "满意度与推荐意愿"),
        "treatments": Words("Coupons and campaigns, with who was held out", "优惠券与营销活动，含对照组"),
    },
    names={
        "customers": {
            "customer_id": ("member_no", "member_code", "buyer_id", "buyer_nick", "loyalty_id", "card_no", "会员卡号", "会员ID", "买家ID", "买家昵称", "买家会员名"),
            "name": ("member_name", "会员姓名", "会员名称", "收货人姓名"),
            "phone": ("receiver_mobile", "会员手机", "收货人手机", "联系手机"),
            "acquisition_channel": ("first_channel", "首购渠道", "注册渠道", "开卡渠道"),
            "created_at": ("enrolled_at", "enrollment_date", "card_opened", "入会时间", "入会日期", "开卡时间", "开卡日期"),
            "region": ("receiver_state", "收货省份", "收货人省份"),
            "city": ("receiver_city", "收货城市"),
        },
        "products": {
            "product_id": ("goods_id", "style_no", "article_no", "货品编号", "款号", "条码", "商品条码"),
            "name": ("goods_name", "article_name", "货品名称", "商品标题"),
            "category": ("department", "commodity_desc", "大类", "中类", "品类名称", "类目"),
            "price": ("retail_price", "吊牌价", "零售价"),
            "cost": ("purchase_price", "cost_price", "进货价", "采购价"),
        },
        "orders": {
            "order_id": ("receipt_no", "bill_no", "ticket_no", "tid", "小票号", "小票编号", "流水单号", "交易编号", "主订单编号"),
            "customer_id": ("member_no", "member_code", "buyer_id", "buyer_nick", "loyalty_id", "card_no", "会员卡号", "会员ID", "买家ID", "买家昵称", "买家会员名"),
            "ordered_at": ("sold_at", "sale_date", "pay_time", "trade_time", "付款时间", "支付时间", "交易时间", "销售日期", "销售时间", "订单付款时间", "订单创建时间"),
            "product_id": ("goods_id", "style_no", "article_no", "outer_iid", "货品编号", "商品条码", "条码", "商家编码"),
            "product_name": ("goods_name", "article_name", "商品标题", "宝贝标题", "货品名称"),
            "quantity": ("sold_qty", "num", "销售数量", "销量", "宝贝数量", "商品数量"),
            "unit_price": ("retail_price", "成交单价", "零售价"),
            "amount_minor": ("net_sales", "payment", "paid_amount", "实收金额", "销售金额", "成交金额", "买家实际支付金额", "实付款"),
            "discount_minor": ("markdown", "coupon_disc", "优惠金额", "折让金额", "券抵扣金额"),
            "cost_minor": ("cogs", "销售成本"),
            "kind": ("sale_type", "销售类型", "单据类型"),
            "status": ("trade_status", "交易状态"),
            "channel": ("store", "store_id", "shop", "shop_name", "门店", "门店名称", "店铺", "店铺名称"),
            "promotion": ("promotion_name", "coupon_code", "促销活动", "优惠券编号"),
            "delivered_at": ("received_time", "签收时间", "确认收货时间"),
            "promised_at": ("promised_date", "预计送达时间"),
        },
        "events": {
            "customer_id": ("member_no", "buyer_id", "会员ID", "买家ID"),
            "name": ("behavior_type", "behaviour", "行为类型", "用户行为"),
            "object": ("goods_id", "item", "商品ID", "页面名称"),
        },
        "cases": {
            "customer_id": ("member_no", "buyer_id", "会员卡号", "会员ID", "买家昵称"),
            "case_id": ("refund_id", "aftersale_id", "售后单号", "退款编号", "客诉编号"),
            "opened_at": ("申请时间", "售后申请时间", "客诉时间"),
            "category": ("refund_reason", "退款原因", "售后原因", "客诉类型"),
            "resolved_at": ("退款完结时间", "售后完结时间"),
        },
    },
    leaving=(Leaving("silence", active_days=365), Leaving("outcome")),
    leaving_why=Words(
        "Nobody cancels a shop. Who bought within the year and then buys nothing for longer than four of five customers take "
        "to come back has left.",
        "顾客不会“退订”一家店。一年内买过、随后沉默超过八成回头客的复购间隔，即视为流失。",
    ),
    limits=Limits(left_most_days=540),
    stages={
        "acquire": Words("Registered, or bought once: win the second purchase", "已注册或仅首购：争取第二次购买"),
        "grow": Words("Comes back, more often or for more: widen the basket", "开始复购或加速：扩大购物篮与品类"),
        "mature": Words("Buys at an own steady rhythm: thank, don't discount", "按自身节奏稳定购买：以服务与权益维系，少打折"),
        "decline": Words("Later than the own rhythm: remind before it is too late", "超出自身购买节奏：尽早提醒"),
        "left": Words("Silent for six rhythms or 18 months: win back by value", "沉默超过六个周期或 18 个月：按价值挽回"),
    },
    rule=Rule(
        weights={"value": 40, "brought": 40, "margin": 20, "tenure": 0},
        strategic_from=95, core_from=80, tenure_least_days=180, growth_from=30, growth_points_from=40,
    ),
    service={
        "strategic": Service(30, 4, 10, Words("Named shop assistant", "专属导购"), Words("First look at new goods; no return questioned", "新品优先；无忧退换")),
        "core": Service(45, 12, 8, Words("Member service", "会员服务组"), Words("Birthday and member days", "生日礼与会员日")),
        "growth": Service(30, 24, 5, Words("Campaigns by category", "品类营销"), Words("Show the neighbouring category", "推荐相邻品类")),
        "potential": Service(None, 48, 0, Words("Self-service", "自助服务"), Words("Second purchase within the rhythm", "促成第二次购买")),
    },
    targets={
        "repurchase_rate": Target(0.15, 0.25),
        "silent_churn_rate": Target(0.05, 0.03, 0.10),
        "on_time_delivery": Target(0.95, 0.98, 0.90),
        "refund_rate": Target(0.08, 0.04, 0.20),
        "discount_share": Target(0.15, 0.08, 0.30),
        "contribution_margin": Target(0.30, 0.45),
        "cross_channel_share": Target(0.15, 0.30),
        "conversion_rate": Target(0.02, 0.04),
        "complaint_rate": Target(0.01, 0.005, 0.03),
        "response_hours": Target(4, 1, 24),
        "nps": Target(50, 70),
        "csat": Target(80, 90),
    },
    headlines=(
        "revenue", "active_customers", "repurchase_rate", "average_order_value", "refund_rate", "discount_share",
        "complaint_rate", "csat",
    ),
)  # fmt: skip
