"""The fields a company may hide from a role or show in part, and which columns each is.

A column is found by what its contract says of it (personal, money), so a new column of a contract is guarded without
anyone adding it here; `tests/lake/test_fields.py` holds that no personal column is left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tenure.contracts import CONTRACTS
from tenure.contracts.custom import id_of
from tenure.language import Words

Mask = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Field:
    """One thing a role may or may not see. mask: how it is shown in part; without one, in part is not at all."""

    name: str
    words: Words
    meaning: Words
    mask: Mask | None = None


def _phone(text: str) -> str:
    """+8613812341234 → 138****1234."""
    digits = "".join(character for character in text if character.isdigit())
    if len(digits) > 11 and digits.startswith("86"):
        digits = digits[2:]
    return f"{digits[:3]}****{digits[-4:]}" if len(digits) >= 9 else "****"


def _email(text: str) -> str:
    """ming@example.com → m***@example.com."""
    name, at, host = text.rpartition("@")
    return f"{name[:1]}***@{host}" if at else "***"


def _id_number(text: str) -> str:
    """330106198805011234 → 3301**********1234."""
    return f"{text[:4]}{'*' * (len(text) - 8)}{text[-4:]}" if len(text) >= 12 else "****"


def _name(text: str) -> str:
    """王小明 → 王**; John Smith → J*** S***."""
    if not text.isascii():
        return text[:1] + "*" * max(1, len(text) - 1)
    return " ".join(f"{word[:1]}***" for word in text.split()) or "***"


FIELDS: Mapping[str, Field] = {
    field.name: field
    for field in (
        Field("name", Words("Name", "姓名"), Words("What the customer is called", "客户的姓名或名称"), _name),
        Field("phone", Words("Phone", "电话"), Words("Telephone numbers", "电话号码"), _phone),
        Field("email", Words("E-mail", "邮箱"), Words("E-mail addresses", "电子邮箱"), _email),
        Field(
            "id_number",
            Words("ID number", "证件号码"),
            Words("Identity cards and unified social credit codes", "身份证号与统一社会信用代码"),
            _id_number,
        ),
        Field("birth_date", Words("Birth date", "出生日期"), Words("Day of birth", "出生日期")),
        Field("street", Words("Street", "街道地址"), Words("Street address", "详细地址")),
        Field(
            "identity",
            Words("Other identifiers", "其他标识"),
            Words("Whatever else names a person, such as a browser's mark", "其他可识别个人的信息，如浏览器标识"),
        ),
        Field(
            "text",
            Words("Free text", "自由文本"),
            Words("What was said or written: complaints, calls, answers", "投诉、通话、问卷中的文字内容"),
        ),
        Field(
            "amounts",
            Words("Amounts", "金额"),
            Words(
                "Money spent, paid, owed or expected, and the ranks made of it",
                "消费、付款、应付与预期的金额，以及由此得出的排名",
            ),
        ),
        Field(
            "extra",
            Words("Beyond the contract", "合同外字段"),
            Words("What a source sent beyond the known columns", "数据来源在已知字段之外提供的内容"),
        ),
    )
}

# Of tables that no contract describes: what their columns are made of. Money is known by its ending.
_COMPUTED: Mapping[str, str] = {
    "name": "name",
    "pinyin": "name",
    "search_text": "name",
    "phone": "phone",
    "phone_last4": "phone",
    "email": "email",
    "extra": "extra",
    "m": "amounts",
    "abc": "amounts",
    "value_decile": "amounts",
    "mean_value": "amounts",
    "spent_key": "amounts",
    "value_key": "amounts",
    # Ranks by money, and groups found in it.
    "tier": "amounts",
    "tier_points": "amounts",
    "tier_rule": "amounts",
    "tier_before": "amounts",
    "tier_why_en": "amounts",
    "tier_why_zh": "amounts",
    "p_value": "amounts",
    "p_brought": "amounts",
    "p_margin": "amounts",
    "growth": "amounts",
    "newly": "amounts",
    "margin_share": "amounts",
    "persona": "amounts",
    "persona_before": "amounts",
}
_MONEY = {"price", "cost", "amount", "fee"}


def field_of(table: str, column: str) -> str | None:
    """The field a column belongs to, by the table's name (`received/orders`, `records/orders`, `scores/customers`).

    None: the column is for all who may see its row.
    """
    if column == "extra":
        return "extra"
    if id_of(column) is not None:
        return "extra"  # of a company's own fields the door and the desk know more: each says which field it is
    if column.endswith("_minor"):
        return "amounts"
    contract = CONTRACTS.get(table.rpartition("/")[2]) if not table.startswith("scores/") else None
    if contract is None:
        return _COMPUTED.get(column)
    column = contract.written.get(column, column)  # what is worked out of a value is guarded as the value itself
    if column not in contract:
        return None
    about = contract[column]
    if about.type == "decimal" and set(column.split("_")) & _MONEY:
        return "amounts"
    if about.personal is None:
        return None
    if about.personal == "text":
        return "text"
    return column if column in FIELDS else "identity"


def shown_in_part(field: str, value: Any) -> Any:
    """What of a value shows where its field is masked; None where nothing does."""
    mask = FIELDS[field].mask
    return mask(value) if mask is not None and isinstance(value, str) and value else None
