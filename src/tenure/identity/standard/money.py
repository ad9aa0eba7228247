"""Amounts of money as plain decimals, with the currency behind them where one is written."""

import re
from decimal import Decimal, InvalidOperation

import pyarrow as pa
import pyarrow.compute as pc

from tenure.identity.standard._text import NOTHING, simplified, tidy
from tenure.identity.standard.base import FINE, Column, Example, Fault, Read, Standard
from tenure.language import Words

_UNITS = {"千": 3, "万": 4, "百万": 6, "千万": 7, "亿": 8, "k": 3, "m": 6, "mn": 6, "bn": 9, "b": 9}
_CURRENCIES = {
    "rmb": "CNY", "cny": "CNY", "人民币": "CNY", "人民币元": "CNY", "元": "CNY", "块": "CNY", "圆": "CNY", "us$": "USD", "$": "", "¥": "",
    "€": "EUR", "£": "GBP", "美元": "USD", "美金": "USD", "欧元": "EUR", "英镑": "GBP", "港币": "HKD", "港元": "HKD", "hk$": "HKD", "日元": "JPY",
    "韩元": "KRW", "₩": "KRW", "澳门元": "MOP", "新台币": "TWD", "nt$": "TWD", "台币": "TWD",
}  # fmt: skip
_CODES = frozenset((
    "CNY", "USD", "EUR", "GBP", "HKD", "JPY", "KRW", "TWD", "MOP", "SGD", "AUD", "CAD", "CHF", "INR", "THB", "VND",
    "MYR", "IDR", "PHP", "RUB", "BRL", "NZD", "SEK", "NOK", "DKK", "PLN",
))  # fmt: skip
_WRITTEN = re.compile(
    r"(?P<minus>[-−(]?)\s*(?P<before>[^\d\s.,()\-−+]{0,6})\s*(?P<sign>[-−+]?)\s*(?P<digits>\d[\d.,' ]*)\s*(?P<unit>百万|千万|[千万亿]|bn|mn|[kmb](?![a-z]))?\s*(?P<after>[^\d\s()]{0,4})\s*(?P<end>\)?)",
    re.IGNORECASE,
)


def money(column: Column) -> pa.Array:
    """Amounts as plain decimals ("12000", "1234.5 USD"); null where it is none, or its marks read two ways."""
    return _STANDARD.standard(column)


def _quick(column: pa.Array) -> pa.Array:
    return pc.if_else(pc.match_substring_regex(column, r"^(?:0|[1-9]\d{0,14})(?:\.\d?[1-9])?$"), column, None)


def _read(text: str) -> Read:
    plain = re.sub(r"(?<=元)[整正]$", "", simplified(tidy(text)))
    if plain.casefold() in NOTHING:
        return None, "placeholder"
    found = _WRITTEN.fullmatch(plain)
    if not found or (found["minus"] == "(") != bool(found["end"]):
        return None, "form"
    currencies = {code for mark in (found["before"], found["after"]) if mark and (code := _currency(mark)) is not None}
    unknown = [mark for mark in (found["before"], found["after"]) if mark and _currency(mark) is None]
    if unknown or len(currencies - {""}) > 1:
        return None, "form"
    digits = _plain_digits(re.sub(r"[' ]", "", found["digits"]).rstrip(",."))
    if digits is None:
        return None, "two_ways"
    try:
        amount = Decimal(digits).scaleb(_UNITS.get((found["unit"] or "").casefold(), 0))
    except InvalidOperation:
        return None, "form"
    if found["minus"] or found["sign"] in ("-", "−"):
        amount = -amount
    written = f"{amount.normalize() + 0:f}"
    currency = "".join(currencies)
    return f"{written} {currency}" if currency else written, FINE


def _currency(mark: str) -> str | None:
    """The code of a mark; "" for a sign that several currencies share; None for what is none."""
    low = mark.casefold()
    return mark.upper() if mark.upper() in _CODES else _CURRENCIES.get(low)


def _plain_digits(text: str) -> str | None:
    """1,234.50 → 1234.50; None where a mark may part thousands as well as decimals (1.234)."""
    if re.fullmatch(r"\d+(?:\.\d+)?", text) and not re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", text):
        return text
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,4}(?:,\d{4})+(?:\.\d+)?", text):
        return text.replace(",", "")
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})*,\d{1,2}|\d{1,3}(?:\.\d{3}){2,}", text):
        return text.replace(".", "").replace(",", ".")
    return None


_MEND = Words("Mend it in the source", "在来源系统中更正")

_STANDARD = amount = Standard(
    name="money",
    words=Words("Money", "金额"),
    meaning=Words(
        "Plain decimals, units (万, 亿, k) worked in, the currency's code behind",
        "纯数字金额，万、亿等单位已换算，币种代码在后",
    ),
    source=Words("ISO 4217", "ISO 4217"),
    faults={
        "placeholder": Fault(Words("A filler, not an amount", "占位内容，不是金额"), _MEND),
        "form": Fault(Words("Not the form of an amount", "不符合金额格式"), _MEND),
        "two_ways": Fault(
            Words("The mark may part thousands or decimals", "无法区分千位分隔与小数点"),
            Words("Write it without a mark for thousands", "请去掉千位分隔符"),
        ),
    },
    examples=(
        Example("¥1,234.50", "1234.5"),
        Example("1.2万", "12000"),
        Example("３亿元", "300000000 CNY"),
        Example("USD 12.30", "12.3 USD"),
        Example("人民币5000元整", "5000 CNY"),
        Example("(1,200)", "-1200"),
        Example("1.234,56 €", "1234.56 EUR"),
        Example("12k", "12000"),
        Example("-0", "0"),
        Example("1.234", None, "two_ways"),
        Example("面议", None, "form"),
        Example("无", None, "placeholder"),
    ),
    read=_read,
    quick=_quick,
)
