"""What the simulated company sells."""

from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa

from tenure.demo.clock import Calendar
from tenure.demo.drawing import table
from tenure.language import Words


@dataclass(frozen=True)
class Product:
    """price and cost in yuan. weight: how often the shop's everyday buyers choose it; 0 is kept for a story."""

    id: str
    words: Words
    category: str
    price: int
    cost: int
    weight: float = 0.0


@dataclass(frozen=True)
class Plan:
    """A tariff: fee in yuan a month; share of individuals and of organisations who start on it."""

    name: str
    product: str
    fee: int
    individuals: float
    organisations: float
    raised: bool  # whether the price rise of the last but one month hits it


PHONE, CASE, ROUTER, TABLET = "P-PHONE", "P-CASE", "P-ROUTER", "P-TAB"
WATCH, STRAP, CAMERA, WEALTH, GATEWAY = "P-WATCH", "P-STRAP", "P-CAM", "P-WEALTH", "P-GATE"

PRODUCTS: tuple[Product, ...] = (
    Product(PHONE, Words("Cloudbridge X5 phone", "云桥 X5 手机"), "device", 2999, 2300, 6),
    Product("P-PHONE2", Words("Cloudbridge Lite phone", "云桥青春版手机"), "device", 1299, 980, 7),
    Product(ROUTER, Words("Wi-Fi 7 router", "Wi-Fi 7 路由器"), "device", 399, 240, 9),
    Product("P-BUDS", Words("Earbuds", "无线耳机"), "accessory", 249, 120, 12),
    Product(CASE, Words("Phone case", "手机壳"), "accessory", 39, 8, 16),
    Product("P-FILM", Words("Screen film", "钢化膜"), "accessory", 29, 5, 14),
    Product("P-CHG", Words("65 W charger", "65W 充电器"), "accessory", 129, 55, 12),
    Product("P-BANK", Words("Power bank", "充电宝"), "accessory", 159, 70, 10),
    Product("P-CABLE", Words("USB-C cable", "USB-C 数据线"), "accessory", 35, 9, 14),
    Product("P-MUG", Words("Points-club mug", "积分商城马克杯"), "points-club", 49, 15, 5),
    Product("P-UMBR", Words("Points-club umbrella", "积分商城雨伞"), "points-club", 69, 22, 4),
    Product("P-VIP", Words("Points-club gold card", "积分商城金卡"), "points-club", 99, 10, 3),
    Product(WATCH, Words("Smart watch", "智能手表"), "device", 899, 560),
    Product(STRAP, Words("Watch strap", "手表表带"), "accessory", 79, 18),
    Product(TABLET, Words("Home tablet", "家庭平板"), "device", 1599, 1150),
    Product(CAMERA, Words("Home camera (new)", "云看家摄像头（新品）"), "device", 199, 90),
    Product(WEALTH, Words("Wealth service", "云桥理财服务"), "service", 0, 0),
    Product(GATEWAY, Words("Enterprise gateway project", "企业网关项目"), "project", 20000, 12000),
)

PLANS: tuple[Plan, ...] = (
    Plan("mobile-59", "P-M59", 59, 0.26, 0, True),
    Plan("mobile-99", "P-M99", 99, 0.22, 0, True),
    Plan("mobile-199", "P-M199", 199, 0.08, 0, True),
    Plan("fibre-300", "P-F300", 79, 0.16, 0, True),
    Plan("fibre-500", "P-F500", 129, 0.14, 0, False),
    Plan("fibre-1000", "P-F1000", 199, 0.05, 0.1, False),
    Plan("family-299", "P-FAM", 299, 0.09, 0, False),
    Plan("cloud-pbx", "P-PBX", 899, 0, 0.4, False),
    Plan("line-100", "P-L100", 1999, 0, 0.35, False),
    Plan("line-500", "P-L500", 4999, 0, 0.15, False),
)

_PLAN_WORDS = {
    "mobile": Words("Mobile plan {fee}", "手机套餐 {fee} 元"),
    "fibre": Words("Fibre {fee}", "光纤宽带 {fee} 元"),
    "family": Words("Family bundle {fee}", "家庭融合套餐 {fee} 元"),
    "cloud": Words("Cloud switchboard", "云总机"),
    "line": Words("Dedicated line {fee}", "互联网专线 {fee} 元"),
}


def product(product_id: str) -> Product:
    return next(p for p in PRODUCTS if p.id == product_id)


def plan(name: str) -> Plan:
    return next(p for p in PLANS if p.name == name)


def products_table(calendar: Calendar) -> pa.Table:
    """Goods and plans as the shop's price list has them, all known since before the first month."""
    plans = [
        (p.product, _PLAN_WORDS[p.name.split("-")[0]].format(fee=p.fee).zh, "plan", p.fee, p.fee // 3) for p in PLANS
    ]
    goods = [(p.id, p.words.zh, p.category, p.price, p.cost) for p in PRODUCTS]
    ids, names, categories, prices, costs = zip(*goods, *plans, strict=True)
    count = len(ids)
    return table(
        "products",
        {
            "product_id": pa.array(ids),
            "name": pa.array(names),
            "category": pa.array(categories),
            "brand": pa.array(["云桥"] * count),
            "price": pa.array([Decimal(p) for p in prices], pa.decimal128(18, 6)),
            "cost": pa.array([Decimal(c) for c in costs], pa.decimal128(18, 6)),
            "currency": pa.array(["CNY"] * count),
            "updated_at": pa.array([calendar.start(calendar.months + 48)] * count, pa.timestamp("us", tz="UTC")),
        },
    )
