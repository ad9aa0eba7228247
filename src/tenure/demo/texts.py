"""What customers write, in the two languages, by what it is about; {product}, {days}, {city} and {fee} are filled in."""

from tenure.language import Words

COMPLAINTS: dict[str, tuple[Words, ...]] = {
    "delivery": (
        Words("My {product} was promised for {days} days ago and still has not arrived. Nobody can tell me where it is.",
              "我买的{product}比承诺时间晚了{days}天还没送到，没有人能告诉我到哪儿了。"),
        Words("The courier in {city} changed the date twice. {days} days late is not acceptable.",
              "{city}的快递改了两次时间，晚了{days}天，实在无法接受。"),
        Words("I waited at home all day for the {product} and no one came or called.",
              "为了等{product}在家守了一整天，没人送货也没人打电话。"),
        Words("Delivery took {days} days longer than you said. I will buy elsewhere next time.",
              "配送比说好的多花了{days}天，下次不在你们这儿买了。"),
    ),
    "billing": (
        Words("This month's bill is far above my plan of {fee} yuan. I never ordered these extras.",
              "这个月的账单比我{fee}元的套餐高出很多，这些增值业务我从来没开通过。"),
        Words("You raised the price without a word. Explain the {fee} yuan plan to me or I leave.",
              "一声不吭就涨价，{fee}元套餐怎么算出来的？不说清楚我就携号转网。"),
        Words("I was charged twice. Please give the money back.", "重复扣费了，请把多收的钱退给我。"),
        Words("Roaming charges out of nowhere: I have not left {city} this year.",
              "莫名其妙的漫游费，我今年就没出过{city}。"),
    ),
    "network": (
        Words("No signal at home in {city} for {days} days. I cannot work like this.",
              "{city}家里已经{days}天没有信号，完全没法工作。"),
        Words("The broadband drops every evening. The engineer came once and nothing changed.",
              "宽带每天晚上都掉线，师傅来过一次，一点没改善。"),
        Words("Video calls freeze, pages do not load. This is not the speed I pay {fee} yuan for.",
              "视频通话一直卡，网页也打不开，{fee}元买的不是这个网速。"),
        Words("5G shows full bars and nothing moves. Has anyone checked the mast in {city}?",
              "5G 满格却上不了网，{city}这边的基站有人检查过吗？"),
    ),
    "service": (
        Words("I have called {days} times and told my story from the beginning each time.",
              "我打了{days}次电话，每次都要从头说一遍。"),
        Words("Your hotline put me on hold for forty minutes and then hung up.", "客服热线让我等了四十分钟，然后挂断了。"),
        Words("The shop in {city} sent me to the hotline, the hotline sent me back to the shop.",
              "{city}营业厅让我打热线，热线又让我去营业厅，踢皮球。"),
    ),
    "product": (
        Words("The {product} stopped working after {days} days.", "{product}用了{days}天就坏了。"),
        Words("The {product} is not what the page showed.", "收到的{product}和页面描述不符。"),
    ),
}  # fmt: skip

ENQUIRIES: tuple[Words, ...] = (
    Words("How do I change my plan of {fee} yuan?", "{fee}元套餐怎么更改？"),
    Words("Where is the nearest shop in {city}?", "{city}最近的营业厅在哪里？"),
    Words("When does my contract end?", "我的合约什么时候到期？"),
    Words("Can I use my points for a {product}?", "积分可以换{product}吗？"),
)
SUGGESTIONS: tuple[Words, ...] = (
    Words("Please show the data left on the first page of the app.", "希望 App 首页能直接看到剩余流量。"),
    Words("A pick-up point in {city} would help those who work late.", "希望在{city}设自提点，方便晚下班的人。"),
)
PRAISE: tuple[Words, ...] = (
    Words(
        "The engineer in {city} was on time, polite, and stayed until it worked.",
        "{city}的师傅准时、礼貌，修好才走，点赞。",
    ),
    Words("Thank you for sending the {product} a day early.", "{product}提前一天送到，谢谢！"),
)
SUBJECTS: dict[str, Words] = {
    "delivery": Words("Late delivery", "配送延误"),
    "billing": Words("Bill", "账单问题"),
    "network": Words("Network", "网络质量"),
    "service": Words("Service", "服务问题"),
    "product": Words("Product", "产品质量"),
    "packaging": Words("Broken packaging", "包装破损"),
    "enquiry": Words("Question", "咨询"),
    "suggestion": Words("Suggestion", "建议"),
    "praise": Words("Praise", "表扬"),
}
OUTCOMES: tuple[Words, ...] = (
    Words("Explained and solved; the customer agreed.", "已解释并解决，客户认可。"),
    Words("Apologised, put right, and compensated.", "已致歉、更正并给予补偿。"),
    Words("Sent a technician; works again.", "已派人上门处理，恢复正常。"),
)
PRODUCT_WORDS: tuple[Words, ...] = (
    Words("phone", "手机"), Words("router", "路由器"), Words("earbuds", "耳机"), Words("charger", "充电器"), Words("tablet", "平板"),
)  # fmt: skip


def pool(templates: tuple[Words, ...], cities: list[str]) -> tuple[list[str], list[str]]:
    """Every template with many fillings, as English texts and the Chinese ones beside them, position by position."""
    english: list[str] = []
    chinese: list[str] = []
    for turn in range(24):
        thing, city = PRODUCT_WORDS[turn % len(PRODUCT_WORDS)], cities[turn % len(cities)]
        for template in templates:
            places = {"days": 2 + turn % 9, "city": city, "fee": (59, 79, 99, 129, 199)[turn // 3 % 5]}
            english.append(template.en.format(product=thing.en, **places))
            chinese.append(template.zh.format(product=thing.zh, **places))
    return english, chinese
