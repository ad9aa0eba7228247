"""The words by which a cause is recognised, in both languages.

`strong` words say the cause by themselves; `weak` ones only point to it. English stands in lower case and matches whole
words, `*` at the end any ending; Chinese matches anywhere. Where two words overlap, the longer one counts: "no signal"
before "signal", "携号转网" before "转网".
"""

from collections.abc import Mapping

from tenure.language import Words

Lists = tuple[tuple[str, ...], tuple[str, ...]]  # strong, weak

TERMS: Mapping[str, Lists] = {
    "product_quality": (
        ("poor quality", "bad quality", "low quality", "stopped working", "broke down", "defect*", "faulty", "product dissatisfaction",
         "dissatisfied with the product", "keeps crashing", "not as described", "not what the page showed", "product quality",
         "质量差", "质量不好", "质量问题", "产品质量", "故障多", "老是坏", "用了就坏", "就坏了", "次品", "假货", "与描述不符", "描述不符", "经常死机",
         "不好吃", "做工差"),
        ("quality", "broken", "product", "crash*", "bug", "bugs", "质量", "坏了", "故障", "产品"),
    ),
    "product_range": (
        ("limited range", "limited choice", "limited range of services", "missing feature*", "lacks feature*", "lack of features",
         "not enough choice", "does not offer", "doesn't offer", "out of stock", "品种少", "种类少", "品类少", "功能少", "功能缺失", "缺少功能", "没有我要的",
         "缺货", "选择太少", "款式少"),
        ("range of", "feature", "features", "功能", "款式"),
    ),
    "product_use": (
        ("lack of self-service", "self-service", "self service", "hard to use", "difficult to use", "too complicated", "confusing website",
         "confusing app", "cannot log in", "can't log in", "不好用", "难用", "操作复杂", "太复杂", "自助服务", "登录不上", "界面混乱", "不会用"),
        ("website", "app", "网站", "操作"),
    ),
    "price_high": (
        ("too expensive", "expensive", "overpriced", "price too high", "price rise", "price increase", "raised the price", "raised price*",
         "high price", "prices went up", "cost too much", "costs too much", "too costly", "lack of affordable", "cheaper plan", "poor value",
         "not worth the money", "price rise or bill shock", "太贵", "很贵", "好贵", "偏贵", "有点贵", "贵了", "价格高", "价格太高", "资费高", "涨价", "费用高", "性价比低", "不划算",
         "不值这个价", "月费高", "套餐贵", "涨价或账单异常"),
        ("price*", "pricing", "cost", "costs", "affordable", "fee", "fees", "价格", "费用", "资费", "月费"),
    ),
    "bill_shock": (
        ("extra charges", "extra data charges", "data charges", "hidden charges", "hidden fee*", "unexpected charge*", "unexpected bill",
         "wrong bill", "billing error*", "billing problem*", "bill shock", "overcharg*", "charged twice", "double charged", "long distance charges",
         "roaming charges", "never ordered", "give the money back", "far above my plan", "账单异常", "乱收费", "乱扣费", "重复扣费", "多扣", "多收",
         "隐形消费", "隐性收费", "账单错误", "莫名其妙的漫游费", "漫游费", "没开通过", "高出很多", "扣费", "账单问题"),
        ("charges", "charged", "bill", "bills", "billing", "refund", "账单", "收费", "退款", "话费"),
    ),
    "complaint_unresolved": (
        ("unresolved", "not resolved", "never resolved", "never solved", "not solved", "never fixed", "nothing changed", "no response", "no reply",
         "never replied", "nobody called back", "no one called back", "slow service", "slow response", "slow hand-over", "waited weeks", "on hold",
         "hung up", "passed around", "sent me back", "from the beginning each time", "too slow when something breaks", "complaint left unresolved",
         "没有解决", "未解决", "没解决", "一直不处理", "没人处理", "没人管", "没有回复", "不回复", "处理慢", "处理太慢", "推诿", "踢皮球", "互相推", "投诉无果",
         "投诉没用", "等了四十分钟", "从头说一遍", "一点没改善", "久未解决", "拖了"),
        ("complain*", "waited", "waiting", "hotline", "投诉", "拖", "等了", "热线"),
    ),
    "staff_attitude": (
        ("attitude", "rude", "impolite", "unfriendly", "disrespect*", "arrogant", "shouted", "ignored me", "态度差", "态度不好", "态度恶劣",
         "服务态度", "不耐烦", "骂人", "爱理不理", "冷漠", "不礼貌", "没礼貌"),
        ("manner*", "态度"),
    ),
    "staff_expertise": (
        ("poor expertise", "lack of expertise", "expertise", "incompeten*", "did not know how", "didn't know how", "could not help", "couldn't help",
         "untrained", "unprofessional", "wrong advice", "不专业", "一问三不知", "不懂业务", "业务不熟", "什么都不懂", "解决不了", "答非所问"),
        ("knowledge", "专业"),
    ),
    "service_poor": (
        ("service dissatisfaction", "bad service", "poor service", "terrible service", "awful service", "dissatisfied with the service",
         "unhappy with the service", "service was poor", "服务差", "服务不好", "服务太差", "服务不满意", "对服务不满", "服务问题"),
        ("service", "support", "customer care", "dissatisf*", "unhappy", "服务", "客服", "不满"),
    ),
    "delivery_late": (
        ("late delivery", "slow delivery", "slow shipping", "late shipping", "delivery delay*", "delayed delivery", "delivered late", "not arrived",
         "never arrived", "days late", "days longer", "nobody came", "no one came", "still waiting for my order", "配送慢", "送货慢", "物流慢", "快递慢",
         "发货慢", "没送到", "还没送到", "一直没到", "没收到货", "迟到", "延误", "晚到", "没人送货", "配送延误", "晚了"),
        ("deliver*", "shipping", "courier", "shipment", "配送", "送货", "物流", "快递", "发货"),
    ),
    "delivery_wrong": (
        ("wrong item", "wrong product", "wrong size sent", "damaged", "missing item*", "missing part*", "broken packaging", "arrived broken",
         "发错", "错发", "漏发", "少发", "破损", "缺件", "包装破", "包装坏"),
        ("packag*", "包装"),
    ),
    "network_quality": (
        ("no signal", "bad signal", "weak signal", "poor signal", "poor network", "bad network", "network reliability", "unreliable network",
         "network problem*", "poor coverage", "no coverage", "connection drops", "drops every", "dropped calls", "outage*", "disconnect*",
         "network quality", "信号差", "没信号", "没有信号", "信号不好", "信号弱", "网络差", "网络不好", "掉线", "断网", "断线", "网络质量", "上不了网", "通话中断",
         "覆盖差", "基站"),
        ("signal", "network", "coverage", "connection", "broadband", "信号", "网络", "宽带"),
    ),
    "network_speed": (
        ("slow internet", "slow network", "slow connection", "slow speed", "low speed", "not the speed", "pages do not load", "video calls freeze",
         "buffering", "网速慢", "网速", "太卡", "一直卡", "卡顿", "打不开", "速度慢", "限速"),
        ("speed", "speeds", "laggy", "卡"),
    ),
    "offer_ended": (
        ("offer ended", "offer expired", "offer ran out", "promotion ended", "promotion expired", "discount ended", "discount expired",
         "introductory price ended", "end of the offer", "优惠到期", "优惠结束", "活动结束", "优惠没了", "折扣没了", "折扣到期", "促销结束", "合约优惠到期"),
        ("promotion*", "discount*", "coupon*", "优惠", "折扣", "活动"),
    ),
    "contract_terms": (
        ("locked in", "lock-in", "cancellation fee", "early termination", "contract terms", "minimum term", "auto-renew*", "automatic renewal",
         "long contract", "two-year commitment", "违约金", "合约期", "捆绑", "霸王条款", "自动续费", "自动续约", "最低消费", "条款"),
        ("contract*", "commitment", "合约", "合同"),
    ),
    "competitor_offer": (
        ("competitor* better offer", "competitor made better offer", "better offer", "better deal", "cheaper elsewhere", "cheaper at",
         "competitor offered more", "competitor offered more data", "switched to", "switching to", "went to a competitor", "better price elsewhere",
         "buy elsewhere", "better offer elsewhere", "port* out", "携号转网", "转网", "别家便宜", "别家更便宜", "其他家更便宜", "竞争对手更优", "对手优惠",
         "别家优惠", "换了运营商", "换到", "转到", "换别家", "不在你们这儿买"),
        ("competitor*", "elsewhere", "another provider", "another company", "rival*", "竞争对手", "竞品", "别家", "其他家", "对手"),
    ),
    "competitor_product": (
        ("competitor had better devices", "competitor had better", "better device*", "competitor offered higher download speeds",
         "competitor offered higher", "better product elsewhere", "competitor* better product", "faster elsewhere", "more features elsewhere",
         "别家产品更好", "对手产品", "别家质量更好", "别家更好", "别家网速更快", "竞品更好"),
        (),
    ),
    "no_need": (
        ("no longer need*", "don't need", "do not need", "not needed", "no need", "not using", "don't use", "rarely use", "not used any more",
         "project finished", "graduat*", "retired", "不需要", "用不到", "用不上", "用不着", "不再使用", "不用了", "没需求", "没有需求", "毕业", "项目结束", "退休"),
        (),
    ),
    "means": (
        ("cannot afford", "can't afford", "could not afford", "not afford", "lost my job", "unemploy*", "budget cut*", "financial difficult*",
         "short of money", "没钱", "经济困难", "失业", "预算削减", "预算不足", "资金紧张", "收入减少"),
        ("budget", "预算"),
    ),
    "personal_reason": (
        ("personal reason*", "personal", "family reason*", "private reason*", "个人原因", "个人", "私人原因", "家庭原因", "私事"),
        ("family", "家庭"),
    ),
    "moved": (
        ("moved away", "i moved", "we moved", "have moved", "has moved", "moved to", "moving away", "moved house", "relocat*", "moved abroad", "moved to another", "left the country", "emigrat*",
         "搬家", "搬走", "搬离", "搬到", "搬离服务区", "搬迁", "出国", "移民", "调到外地", "去外地", "离开本地"),
        ("moved", "moving", "abroad", "外地"),
    ),
    "died": (
        ("deceased", "died", "passed away", "death", "died or closed down", "去世", "身故", "死亡", "过世", "病故", "身故或注销"),
        (),
    ),
    "closed": (
        ("closed down", "out of business", "bankrupt*", "business closed", "company closed", "ceased trading", "liquidat*", "shop closed",
         "停业", "倒闭", "破产", "注销公司", "公司注销", "关门", "歇业", "企业注销"),
        ("注销",),
    ),
    "no_reason": (
        ("don't know", "do not know", "no reason", "no comment", "not sure", "prefer not to say", "unknown", "other", "none", "n/a",
         "不知道", "没有原因", "没原因", "无原因", "不想说", "说不清", "不清楚", "其他", "其它", "无", "未知"),
        (),
    ),
}  # fmt: skip

# Codes that systems write, which as words would say less than they mean.
CODES: Mapping[str, str] = {
    "delivery": "delivery_late", "slow_delivery": "delivery_late", "late": "delivery_late", "billing": "bill_shock",
    "bill": "bill_shock", "price": "price_high", "network": "network_quality", "service": "service_poor",
    "product": "product_quality", "quality": "product_quality", "packaging": "delivery_wrong",
    "slow_service": "complaint_unresolved", "slow hand-over": "complaint_unresolved", "offer_ended": "offer_ended",
    "competitor": "competitor_offer", "moved": "moved", "gone": "died", "deceased": "died",
    "personal": "personal_reason", "attitude": "staff_attitude", "other": "no_reason", "unknown": "no_reason",
}  # fmt: skip
# What such a code says, and no more: it is a system's word, and which cause it stands for is another matter.
CODE_WORDS: Mapping[str, Words] = {
    "delivery": Words("Delivery", "配送"), "slow_delivery": Words("Slow delivery", "配送慢"), "late": Words("Late", "延迟"),
    "billing": Words("Billing", "账单"), "bill": Words("Bill", "账单"), "price": Words("Price", "价格"),
    "network": Words("Network", "网络"), "service": Words("Service", "服务"), "product": Words("Product", "产品"),
    "quality": Words("Quality", "质量"), "packaging": Words("Packaging", "包装"),
    "slow_service": Words("Slow service", "服务慢"), "slow hand-over": Words("Slow hand-over", "交接慢"),
    "offer_ended": Words("Offer ran out", "优惠到期"), "competitor": Words("Competitor", "竞争对手"),
    "moved": Words("Moved away", "搬离"), "gone": Words("Died or closed down", "身故或注销"),
    "deceased": Words("Died", "身故"), "personal": Words("Personal reasons", "个人原因"),
    "attitude": Words("Attitude", "态度"), "other": Words("Other", "其他"), "unknown": Words("Unknown", "未知"),
}  # fmt: skip
# What an answer may consist of whole to mean nothing; within a longer text these words say nothing.
ALONE = frozenset({"other", "none", "unknown", "n/a", "无", "其他", "其它", "未知", "personal", "个人"})


def code_words(code: str) -> Words | None:
    """The words of a reason a system wrote as a code, however it writes it ("Slow-Delivery"); None for one not known."""
    plain = code.strip().casefold()
    return CODE_WORDS.get(plain) or CODE_WORDS.get(plain.replace("-", "_").replace(" ", "_"))
