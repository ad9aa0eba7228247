"""The tree of causes every company starts with, and the three axes by which a cause is judged.

A company adds, renames, moves and retires causes on the desk; this is what it does so from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tenure.language import Words

Control: TypeAlias = Literal["controllable", "mixed", "uncontrollable"]
Side: TypeAlias = Literal["internal", "external"]
Nature: TypeAlias = Literal["objective", "subjective"]

CONTROL: Mapping[str, Words] = {
    "controllable": Words("Controllable", "可控"),
    "mixed": Words("Mixed", "部分可控"),
    "uncontrollable": Words("Uncontrollable", "不可控"),
}
SIDE: Mapping[str, Words] = {
    "internal": Words("Internal", "内部原因"),
    "external": Words("External", "外部原因"),
}
NATURE: Mapping[str, Words] = {
    "objective": Words("Objective", "客观原因"),
    "subjective": Words("Subjective", "主观原因"),
}


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause of leaving, or a branch of them (`parent` empty).

    control: whether the company can prevent it. side: whether it lies within the company. nature: a fact anybody can
    check, or how the customer felt. vague: says little of why ("personal reasons"), so anything more exact the same
    customer said goes before it.
    """

    code: str
    words: Words
    parent: str = ""
    control: Control = "controllable"
    side: Side = "internal"
    nature: Nature = "objective"
    vague: bool = False


def _branch(code: str, en: str, zh: str, *causes: Cause, **axes: str) -> tuple[Cause, ...]:
    """A branch before its causes."""
    from dataclasses import replace

    top = Cause(code, Words(en, zh), **axes)  # type: ignore[arg-type]
    return (top, *(replace(one, parent=code) for one in causes))


DEFAULT: tuple[Cause, ...] = (
    *_branch(
        "product", "Product and quality", "产品与质量",
        Cause("product_quality", Words("Poor quality or faults", "质量差或故障多")),
        Cause("product_range", Words("Too little choice, or something missing", "品类少或功能缺失")),
        Cause("product_use", Words("Hard to use, no self-service", "不好用或缺少自助服务"), nature="subjective"),
    ),
    *_branch(
        "price_bills", "Price and bills", "价格与账单",
        Cause("price_high", Words("Price too high, or raised", "价格高或涨价"), nature="subjective"),
        Cause("bill_shock", Words("Unexpected or wrong charges", "账单异常或乱收费")),
    ),
    *_branch(
        "service", "Service and complaints", "服务与投诉",
        Cause("complaint_unresolved", Words("Complaint unresolved, slow service", "投诉未解决、处理慢")),
        Cause("staff_attitude", Words("Attitude of staff", "服务态度差"), nature="subjective"),
        Cause("staff_expertise", Words("Staff could not help", "人员不专业、解决不了问题"), nature="subjective"),
        Cause("service_poor", Words("Dissatisfied with the service", "对服务不满意"), nature="subjective", vague=True),
    ),
    *_branch(
        "delivery", "Delivery", "配送",
        Cause("delivery_late", Words("Slow or late delivery", "配送慢或延误")),
        Cause("delivery_wrong", Words("Wrong, damaged or missing goods", "错发、破损或缺件")),
    ),
    *_branch(
        "network_branch", "Network", "网络",
        Cause("network_quality", Words("Poor coverage, drops, outages", "信号差、掉线、故障")),
        Cause("network_speed", Words("Too slow", "网速慢")),
    ),
    *_branch(
        "contract", "Offer and contract", "优惠与合约",
        Cause("offer_ended", Words("Offer ran out", "优惠到期")),
        Cause("contract_terms", Words("Terms, commitment or fees of the contract", "合约条款、期限或违约金")),
    ),
    *_branch(
        "competition", "Competitors", "竞争对手",
        Cause("competitor_offer", Words("Better offer elsewhere", "对手优惠更好"), control="mixed", side="external"),
        Cause("competitor_product", Words("Better product elsewhere", "对手产品更好"), control="mixed", side="external"),
        control="mixed", side="external",
    ),
    *_branch(
        "personal", "Personal circumstances", "个人情况",
        Cause("no_need", Words("No longer needed", "不再需要"), control="uncontrollable", side="external"),
        Cause("means", Words("Can no longer afford it", "经济困难"), control="mixed", side="external"),
        Cause("personal_reason", Words("Personal reasons", "个人原因"), control="mixed", side="external", nature="subjective", vague=True),
        control="mixed", side="external", nature="subjective",
    ),
    *_branch(
        "away", "Moved away", "搬离",
        Cause("moved", Words("Moved out of reach", "搬离服务区"), control="uncontrollable", side="external"),
        control="uncontrollable", side="external",
    ),
    *_branch(
        "ended", "Died or closed down", "身故或注销",
        Cause("died", Words("Died", "身故"), control="uncontrollable", side="external"),
        Cause("closed", Words("Business closed down", "企业停业或注销"), control="uncontrollable", side="external"),
        control="uncontrollable", side="external",
    ),
    *_branch(
        "unsaid", "Not said", "未说明",
        Cause("no_reason", Words("Gave no reason", "未说明原因"), control="mixed", side="external", nature="subjective", vague=True),
        control="mixed", side="external", nature="subjective",
    ),
)  # fmt: skip
BY_CODE: Mapping[str, Cause] = {cause.code: cause for cause in DEFAULT}
