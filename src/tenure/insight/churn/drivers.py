"""What a score rests on, gathered by the part of the business it speaks of. A driver moved the score; it is not a cause."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tenure.insight.churn.columns import Floats
from tenure.insight.features import FAMILIES, FEATURES, Feature
from tenure.language import Words


@dataclass(frozen=True)
class Driver:
    """One part of the business that columns speak of.

    speaks_of: patterns of the names of columns no feature stands for, such as those of a company's own wide file; the
    first driver with one that fits has the column. Names are read in small letters, words parted by single spaces.
    """

    code: str
    words: Words
    speaks_of: tuple[str, ...] = ()


# In the order in which names are tried: what is narrower comes first.
DRIVERS: Mapping[str, Driver] = {
    driver.code: driver
    for driver in (
        Driver(
            "competitor",
            Words("Competitors", "竞争对手"),
            (r"\bcompet", r"\brival", r"\bport(ed|ing)? out", r"竞争|竞品|对手|携号转网"),
        ),
        Driver(
            "service",
            Words("Service and complaints", "服务与投诉"),
            (
                r"complain",
                r"\bticket",
                r"\bcases?\b",
                r"\bsupport\b",
                r"customer service",
                r"service calls",
                r"\bhelp ?desk",
                r"resol(ve|ution)",
                r"\bescalat",
                r"投诉|工单|客服|售后|报修|技术支持",
            ),
        ),
        Driver(
            "satisfaction",
            Words("Satisfaction", "满意度"),
            (
                r"satisf",
                r"\bnps\b",
                r"\bcsat\b",
                r"\bces\b",
                r"\bsurvey",
                r"\brating\b",
                r"sentiment",
                r"feedback",
                r"满意|评分|评价|问卷|情绪|推荐意愿",
            ),
        ),
        Driver(
            "payment",
            Words("Payment", "付款"),
            (
                r"\bpay(ment|ing|s)?\b",
                r"\bpaid\b",
                r"\boverdue",
                r"\barrear",
                r"\bdebt",
                r"\bpaperless",
                r"\bdefault(ed)?\b",
                r"credit (score|rating)",
                r"付款|支付|欠费|逾期|信用|缴费",
            ),
        ),
        Driver(
            "contract",
            Words("Contract and terms", "合同与条款"),
            (
                r"\bcontract",
                r"\bterm\b",
                r"\brenew",
                r"subscription",
                r"\bplan\b",
                r"\bcommit",
                r"合同|合约|续约|套餐|期限|到期|订购",
            ),
        ),
        Driver(
            "price",
            Words("Price and bills", "价格与账单"),
            (
                r"\bcharge",
                r"\bpric",
                r"\bfee\b",
                r"\bfees\b",
                r"\bbill",
                r"\bdiscount",
                r"\bcoupon",
                r"\bcashback",
                r"\bcost\b",
                r"\brefunds?\b",
                r"\boffer",
                r"\bpromo",
                r"\btariff",
                r"\bvoucher",
                r"价格|费用|月费|账单|折扣|优惠|资费|返现|总费|促销",
            ),
        ),
        Driver(
            "delivery",
            Words("Delivery", "交付与配送"),
            (r"\bdeliver", r"\bshipp?(ing|ment|ed)?\b", r"\bwarehouse", r"\blogistic", r"配送|送达|物流|交付|发货|仓"),
        ),
        Driver(
            "quality",
            Words("Product and quality", "产品与质量"),
            (
                r"\binternet",
                r"\bphone service",
                r"\bmultiple lines",
                r"\bstreaming",
                r"\bonline (security|backup)",
                r"\bdevice",
                r"\bdropped",
                r"\boutage",
                r"\bdefect",
                r"\bquality",
                r"\bbandwidth",
                r"\bnetwork",
                r"\bproducts?\b",
                r"\breturns?\b",
                r"产品|质量|网络|掉线|故障|设备|宽带|退货",
            ),
        ),
        Driver(
            "buying",
            Words("Purchases", "购买"),
            (
                r"\border",
                r"\bpurchas",
                r"(?<!hour )\bspend",
                r"\bspent\b",
                r"\bbasket",
                r"\brevenue",
                r"\brecency\b",
                r"\bfrequency\b",
                r"\bmonetary\b",
                r"\btransaction",
                r"订单|下单|购买|消费|交易",
            ),
        ),
        Driver(
            "usage",
            Words("Use and activity", "使用与活跃"),
            (
                r"\busage",
                r"\buse\b",
                r"\bminutes?\b",
                r"\bmins?\b",
                r"\bmou\b",
                r"\bdata\b",
                r"\bsessions?\b",
                r"\blog ?ins?\b",
                r"\bactiv",
                r"\bvisits?\b",
                r"\bapp\b",
                r"\bhours? spen",
                r"\bcalls?\b",
                r"\bsms\b",
                r"\bvoice ?mail",
                r"\bvmail",
                r"\bdownload",
                r"\bday mins",
                r"使用|流量|通话|登录|活跃|访问|时长|行为",
            ),
        ),
        Driver(
            "contact",
            Words("Relationship and contact", "关系与联系"),
            (
                r"\bcontact",
                r"\bcampaign",
                r"\bemail",
                r"\bmail",
                r"\breferr",
                r"\bloyalty",
                r"\bmember",
                r"\baccount manager",
                r"联系|沟通|推荐人|会员|回访|营销",
            ),
        ),
        Driver(
            "profile",
            Words("Who they are", "客户自身情况"),
            (
                r"\bage\b",
                r"\bgender",
                r"\bsex\b",
                r"\bsenior",
                r"\bpartner",
                r"\bdependents?\b",
                r"\bmarri",
                r"\bmarital",
                r"\btenure",
                r"\bsince\b",
                r"\bregion",
                r"\bcity\b",
                r"\bstate\b",
                r"\bcountry",
                r"\bzip\b",
                r"\barea code",
                r"\bincome",
                r"\bhousehold",
                r"\beducation",
                r"\boccupation",
                r"\bcity tier",
                r"\bgeography",
                r"account length",
                r"年龄|性别|地区|城市|省份|婚|收入|在网|入网|学历|职业|家庭|老年",
            ),
        ),
        Driver("other", Words("Other facts", "其他信息")),
    )
}
CODES: tuple[str, ...] = tuple(DRIVERS)

# Columns the model reads, by name: the features, and what the value model says of the customer.
COLUMNS: dict[str, Feature] = {
    **FEATURES,
    "p_alive": Feature(
        "p_alive",
        Words("Chance still a customer, by their own rhythm", "按自身购买节奏仍为客户的可能性"),
        "share",
        Words("By their own rhythm {value} likely to buy again", "按自身购买节奏，再次购买的可能性为 {value}"),
        Words("By their own rhythm only {value} likely to buy again", "按自身购买节奏，再次购买的可能性仅 {value}"),
        driver="buying",
    ),
}
_OF_FEATURES = {
    feature.name: feature.driver or family.driver for family in FAMILIES.values() for feature in family.features
}
_OF_FEATURES["p_alive"] = "buying"

# What is no driver, beside them: a score told by folds is by a model that had not seen the customer.
UNSEEN = "_unseen"
_UNSEEN = Words("Told by a model that had not seen this customer", "由未见过该客户的模型给出的差异")

if unknown := set(_OF_FEATURES.values()) - set(CODES):
    raise ValueError(f"features name drivers that are not in DRIVERS: {sorted(unknown)}")


@lru_cache(maxsize=8192)
def driver_of(column: str) -> str:
    """The driver a column belongs to: its feature's or its family's own, else by its name, else `other`."""
    if column in _OF_FEATURES:
        return _OF_FEATURES[column]
    name = plain_name(column)
    return next(
        (driver.code for driver in DRIVERS.values() for pattern in driver.speaks_of if re.search(pattern, name)),
        "other",
    )


def plain_name(column: str) -> str:
    """A column's name as words: TechSupport, tech_support and "Tech support" are "tech support"."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", column)
    return " ".join(re.sub(r"[\W_]+", " ", parted).lower().split())


def words_of(code: str) -> Words:
    """What a driver is called."""
    if code == UNSEEN:
        return _UNSEEN
    return DRIVERS.get(code, DRIVERS["other"]).words


def column_words(column: str) -> Words:
    """What a column is called: its feature's words, else its name."""
    feature = COLUMNS.get(column)
    return feature.words if feature else Words(column, column)


def by_driver(parts: Floats, columns: Sequence[str]) -> Floats:
    """What each driver adds to each row's score, in log-odds: shape (n, drivers), from each column's part.

    With the model's baseline they add up to the score, as the parts do: nothing is left over or said twice.
    """
    belongs = np.zeros((len(columns), len(CODES)))
    for place, column in enumerate(columns):
        belongs[place, CODES.index(driver_of(column))] = 1.0
    return np.asarray(parts @ belongs, dtype=np.float64)


def as_json(effects: Floats, unseen: NDArray[np.float64] | None = None) -> list[str]:
    """Each row's effects as a JSON object, driver code → log-odds; drivers that add nothing are left out.

    unseen: what a model that had not seen the row says otherwise, where the score is such a model's.
    """
    names = [json.dumps(code) for code in CODES]
    told = []
    for place, row in enumerate(effects.tolist()):
        said = [f"{name}: {effect:.9g}" for name, effect in zip(names, row, strict=True) if effect]
        if unseen is not None and unseen[place]:
            said.append(f"{json.dumps(UNSEEN)}: {unseen[place]:.9g}")
        told.append(f"{{{', '.join(said)}}}")
    return told


def log_odds(share: float) -> float:
    """A chance as log-odds; nought and one are taken for almost so."""
    p = min(max(share, 1e-12), 1 - 1e-12)
    return float(np.log(p) - np.log1p(-p))


def chance(score: float) -> float:
    """Log-odds as a chance."""
    return float(1.0 / (1.0 + np.exp(-score)))


def points(effects: Mapping[str, float], after: float) -> dict[str, float]:
    """Effects in log-odds as parts of a chance: they add up to what `after` is above the chance without them.

    after: the chance with all of them. Each has its share at every step of the way from the one to the other, all
    going at one pace (Aumann and Shapley 1974), which comes to the mean slope for each.
    """
    total = sum(effects.values())
    end = log_odds(after)
    slope = (chance(end) - chance(end - total)) / total if abs(total) > 1e-9 else after * (1 - after)
    return {code: effect * slope for code, effect in effects.items()}
