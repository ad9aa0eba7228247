"""What a segment can ask of a customer: a registry, so that one more thing to ask is one more line here.

A field is a column of the card (`scores/customers`), or what the desk knows better than the records (owner, team). A deed is
something that happens, as records tell it: which contract, and which of its rows are meant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from tenure.contracts import CONTRACTS, base_money
from tenure.contracts.base import Column
from tenure.contracts.custom import NUMBERS
from tenure.desk.customers.fields.models import CustomField
from tenure.desk.customers.influence import BANDS
from tenure.desk.customers.objects.models import OwnObject
from tenure.desk.customers.words import ABC, CELLS, KINDS, RISK_BANDS, STAGES, TIERS
from tenure.insight.segments.habits import BEHAVIOUR, POTENTIAL
from tenure.lake.fields import field_of
from tenure.language import Words

Kind: TypeAlias = Literal["text", "code", "number", "share", "money", "date", "yes_no", "choices", "owner", "team"]
CARD = "scores/customers"
RULED = "by rule"
"""Stands for the segments by rule (`insight.segments.habits.by_rule`), which are worked out when somebody asks."""
PERSONA = "persona"
INFLUENCE = "influence"
"""Whom somebody brought; the desk knows, and tells only who sees every customer: fewer would make it untrue."""


@dataclass(frozen=True, slots=True)
class Askable:
    """One field that conditions can be about.

    kind: what it is compared with: `share` is kept as 0 to 1 and asked in percent, `money` is kept in minor units of the
    reporting currency and asked in whole ones; `owner` and `team` are the desk's own. values: the codes there are.
    guard: which of the fields that roles hide or mask it belongs to. section: under which heading it is offered. table: the
    one its column stands in. passing: its codes come and go from refresh to refresh, so one nobody knows is asked, and
    finds nobody.
    """

    name: str
    words: Words
    kind: Kind
    section: str = "profile"
    values: Mapping[str, Words] = field(default_factory=dict, compare=False)
    guard: str | None = None
    table: str = CARD
    passing: bool = False


SECTIONS: Mapping[str, Words] = {
    "profile": Words("Who they are", "客户资料"),
    "scores": Words("What is worked out", "评分与分析"),
    "own": Words("Own fields", "自定义字段"),
}


def _card(
    name: str, en: str, zh: str, kind: Kind, section: str = "profile", values: Mapping[str, Words] | None = None
) -> Askable:
    return Askable(name, Words(en, zh), kind, section, values or {}, field_of(CARD, name))


def _ruled(
    name: str, en: str, zh: str, kind: Kind, guard: str | None, values: Mapping[str, Words] | None = None
) -> Askable:
    return Askable(name, Words(en, zh), kind, "scores", values or {}, guard, RULED)


ASKABLE: dict[str, Askable] = {
    one.name: one
    for one in (
        _card("kind", "Kind of customer", "客户类型", "code", values=KINDS),
        _card("region", "Region", "地区", "text"),
        _card("city", "City", "城市", "text"),
        _card("language", "Language", "语言", "text"),
        _card("owner", "Owner", "负责人", "owner"),
        _card("team", "Team", "团队", "team"),
        _card("blocked", "Blocked", "已屏蔽", "yes_no"),
        _card("created_on", "Customer since", "成为客户日期", "date"),
        _card("stage", "Life-cycle stage", "生命周期阶段", "code", "scores", STAGES),
        _card("risk_band", "Churn risk band", "流失风险等级", "code", "scores", RISK_BANDS),
        _card("churn_probability", "Churn risk", "流失风险", "share", "scores"),
        _card("p_alive", "Still a customer", "活跃概率", "share", "scores"),
        _card("value_base_minor", "Value, next 12 months", "未来 12 个月价值", "money", "scores"),
        _card("value_decile", "Value decile", "价值十分位", "number", "scores"),
        _card("monetary_base_minor", "Spent", "消费金额", "money", "scores"),
        _card("frequency", "Days with an order", "下单天数", "number", "scores"),
        _card("recency_days", "Days since the last order", "距上次下单天数", "number", "scores"),
        _card("first_order_on", "First order", "首次下单日期", "date", "scores"),
        _card("last_order_on", "Last order", "最近下单日期", "date", "scores"),
        _card("tier", "Tier", "客户分级", "code", "scores", TIERS),
        _card("rfm_cell", "RFM cell", "RFM 分群", "code", "scores", CELLS),
        _card("r", "Recency score", "最近度得分", "number", "scores"),
        _card("f", "Frequency score", "频次得分", "number", "scores"),
        _card("m", "Amount score", "金额得分", "number", "scores"),
        _card("abc", "ABC class", "ABC 分类", "code", "scores", ABC),
        _card("fee_base_minor", "Monthly fee", "月费", "money", "scores"),
        Askable(
            INFLUENCE,
            Words("Social influence", "社交影响力"),
            "code",
            "scores",
            {code: words for code, (_least, words) in BANDS.items()},
        ),
        _card("open_cases", "Open cases", "未结工单数", "number", "scores"),
        _card("last_nps", "Last score given", "最近一次评分", "number", "scores"),
        _ruled("need", "Mostly buys", "主要需求", "text", field_of("scores/habits", "category")),
        _ruled("main_channel", "Mostly buys through", "主要购买渠道", "text", field_of("scores/habits", "channel")),
        _ruled(
            "behaviour", "Buying behaviour", "购买行为", "code", field_of("scores/habits", "discount_share"), BEHAVIOUR
        ),
        _ruled("potential", "Potential", "潜力", "code", field_of("scores/tiers", "growth"), POTENTIAL),
    )
}
"""By name; a room that adds a column to the card adds its line."""


def personas(names: Mapping[str, Words]) -> dict[str, Askable]:
    """Which group of customers alike somebody is in, as something to ask; nothing where there are no groups.

    names: what each is called, by number.
    """
    if not names:
        return {}
    words = Words("Persona", "客户画像")
    return {PERSONA: Askable(PERSONA, words, "code", "scores", names, field_of(CARD, PERSONA), passing=True)}


def own(one: CustomField) -> Askable | None:
    """A company's own field as something to ask; None for a personal one, which lies sealed and is looked up, not asked."""
    if one.personal or one.contract != "customers":
        return None
    kind: Kind = "text"
    if one.kind in NUMBERS:
        kind = "money" if one.kind == "money" else "number"
    elif one.kind in ("date", "yes_no", "choices"):
        kind = one.kind  # type: ignore[assignment]
    elif one.kind == "choice":
        kind = "code"
    values = {choice.code: choice.words for choice in one.options} if one.is_choosing else {}
    return Askable(one.code, one.words, kind, "own", values, one.guarded_as)


OWN_RECORDS = "own_records"
"""The one field that asks which of the company's own kinds of record a customer has; the desk knows."""


def own_records(kinds: Sequence[OwnObject]) -> dict[str, Askable]:
    """Whether a customer has records of these kinds, as something to ask; nothing where there is no kind."""
    values = {one.code: one.words for one in kinds}
    if not values:
        return {}
    return {OWN_RECORDS: Askable(OWN_RECORDS, Words("Own records", "自定义记录"), "code", "own", values)}


KNOWN_TO_DESK = frozenset({"owner", "team", OWN_RECORDS, INFLUENCE})
"""Fields the desk knows better than the cards: who looks after a customer, their own records, whom they brought."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that happens, told by records of a contract.

    times: the column whose distinct values are counted ("" counts rows): an order of three lines was bought once.
    only: what the column of each name must be for the row to count. never: what it must not be; nothing there counts.
    """

    name: str
    words: Words
    contract: str
    times: str = ""
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
    never: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)

    @property
    def day(self) -> str:
        """The business date of its records."""
        return CONTRACTS[self.contract].day or ""


DEEDS: dict[str, Deed] = {
    one.name: one
    for one in (
        Deed("bought", Words("Bought", "购买"), "orders", "order_id", never={"kind": ("refund",), "status": ("cancelled",)}),
        Deed("gave_back", Words("Gave something back", "退货"), "orders", "order_id", {"kind": ("refund",)}),
        Deed("cancelled_order", Words("Cancelled an order", "取消订单"), "orders", "order_id", {"status": ("cancelled",)}),
        Deed("complained", Words("Complained", "投诉"), "cases", "", {"kind": ("complaint",)}),
        Deed("opened_case", Words("Opened a case", "提交工单"), "cases"),
        Deed("was_in_touch", Words("Was in touch", "联系"), "interactions"),
        Deed("visited", Words("Visited or clicked", "访问或点击"), "events"),
        Deed(
            "opened_mail", Words("Opened a campaign mail", "打开营销邮件"), "events", "",
            {"name": ("mail_open", "mail_opened", "email_open", "email_opened", "open_mail", "open_email")},
        ),
        Deed("answered", Words("Answered a survey", "回复问卷"), "survey_responses", "response_id"),
        Deed("had_to_pay", Words("Had a payment due", "有应付款"), "payments"),
        Deed("subscribed", Words("Took out a contract", "签订合约"), "subscriptions"),
        Deed("was_treated", Words("Was in a campaign", "进入营销活动"), "treatments", "", {"arm": ("treated",)}),
        Deed("had_opportunity", Words("Had an opportunity", "有商机"), "opportunities"),
    )
}  # fmt: skip
"""By name; one more is one more line, over any contract whose records name a customer and have a business date."""

CATEGORY = "category"
"""Of records that name a product: the category its product has."""


def asked_of(deed: Deed) -> dict[str, Askable]:
    """The columns that a deed's records can be narrowed by, as things to ask; what is personal is not among them."""
    contract = CONTRACTS[deed.contract]
    left_out = {*contract.key, contract.person, contract.line_no}
    found = {}
    for column in contract.columns:
        if column.personal or column.name in left_out or column.name == "currency":
            continue
        if (asked := _of_column(deed.contract, column)) is not None:
            found[asked.name] = asked
    if "product_id" in contract and CATEGORY not in contract:
        found[CATEGORY] = Askable(CATEGORY, Words("Category of the product", "产品类别"), "text")
    return found


def _of_column(contract: str, column: Column) -> Askable | None:
    table = f"records/{contract}"
    if column.type == "money":
        return Askable(base_money(column.name), column.words, "money", guard=field_of(table, column.name))
    kinds: Mapping[str, Kind] = {
        "text": "code" if column.values else "text", "integer": "number", "number": "number", "decimal": "number",
        "boolean": "yes_no",
    }  # fmt: skip
    kind = kinds.get(column.type)
    return (
        Askable(column.name, column.words, kind, values=column.values, guard=field_of(table, column.name))
        if kind
        else None
    )
