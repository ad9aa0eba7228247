"""Fields a company adds to a contract without code: their kinds, and what a text means in each.

A value travels as text in one form for each kind (its canonical form): from a file, a form or a program, in the lake's
`extra`, and back. Only columns of tables and the keys that lists sort by are typed.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from tenure.errors import TenureError
from tenure.language import Words, tr

KINDS: Mapping[str, Words] = {
    "text": Words("Text", "文本"),
    "long_text": Words("Long text", "长文本"),
    "whole": Words("Whole number", "整数"),
    "decimal": Words("Decimal number", "小数"),
    "money": Words("Money", "金额"),
    "date": Words("Date", "日期"),
    "yes_no": Words("Yes or no", "是否"),
    "choice": Words("One choice", "单选"),
    "choices": Words("Several choices", "多选"),
    "link": Words("Link", "链接"),
    "phone": Words("Phone", "电话"),
    "email": Words("E-mail", "邮箱"),
}
NUMBERS = frozenset({"whole", "decimal", "money"})
CHOOSING = frozenset({"choice", "choices"})
TEXTS = frozenset({"text", "long_text", "link", "phone", "email"})
LONGEST: Mapping[str, int] = {
    "text": 1_000,
    "long_text": 20_000,
    "link": 2_000,
    "phone": 60,
    "email": 320,
}
LARGEST = 9_000_000_000_000
"""Numbers go as far as those of an import."""
PLACES = 6

_ARROW: Mapping[str, pa.DataType] = {
    "whole": pa.int64(),
    "decimal": pa.decimal128(18, PLACES),
    "money": pa.int64(),
    "date": pa.date32(),
    "yes_no": pa.bool_(),
    "choices": pa.list_(pa.string()),
}
_NAME = re.compile(r"c_([1-9][0-9]{0,8})\Z")
_COUNT = re.compile(r" \(\d+\)$")
_NOISE = re.compile(r"[\s_\-./·()（）]+")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:[,_' ]\d{3})+(?:\.\d+)?\Z")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)\Z")
_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|\.(\d{1,2})\.(\d{1,2})|年(\d{1,2})月(\d{1,2})日?|"
                  r"(\d{2})(\d{2}))(?:[T ]\S.*)?\Z")  # fmt: skip
_SIGNS = re.compile(r"^(?:[¥$€£]|CNY|RMB|人民币)\s*|\s*(?:元|圆|块)$", re.IGNORECASE)
_BETWEEN = re.compile(r"[;,，；、|\n]+")
_PHONE = re.compile(r"[+()0-9 \-./x#]+\Z", re.IGNORECASE)
_EMAIL = re.compile(r"[^\s@<>,;\"]+@[^\s@<>,;\"]+\.[^\s@<>,;\".]+\Z")
_YES = frozenset({"yes", "y", "true", "t", "1", "1.0", "on", "是", "对", "真", "有", "√"})
_NO = frozenset({"no", "n", "false", "f", "0", "0.0", "off", "否", "不", "不是", "假", "没有", "无", "×"})
_NOTHING = frozenset({"", "-", "--", "n/a", "na", "null", "none", "nan", "nat", "#n/a", "空"})


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the values of a field of choices. code: what is kept, and never changes. closed: no longer to be chosen."""

    code: str
    en: str
    zh: str
    closed: bool = False

    @property
    def words(self) -> Words:
        return Words(self.en or self.zh, self.zh or self.en)


@dataclass(frozen=True)
class CustomColumn:
    """A field somebody added, as tables carry it: column `c_<id>`, which no other field ever takes.

    keys: `plain` names under which a source may send it, besides its own column name. personal: it lies sealed.
    field: which of `lake.fields` it belongs to, and so who sees it. digits: of the minor unit, for money.
    """

    id: int
    contract: str
    kind: str
    en: str
    zh: str
    keys: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    personal: bool = False
    field: str = "extra"
    digits: int = 2

    @property
    def name(self) -> str:
        return f"c_{self.id}"

    @property
    def words(self) -> Words:
        return Words(self.en or self.zh, self.zh or self.en)

    @property
    def arrow_type(self) -> pa.DataType:
        """What a table's column is: money in minor units, several choices as a list of codes, a choice as its code."""
        return _ARROW.get(self.kind, pa.string())

    def as_plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def of_plain(cls, told: Mapping[str, Any]) -> "CustomColumn":
        return cls(
            **{
                **told,
                "keys": tuple(told.get("keys") or ()),
                "choices": tuple(Choice(**one) for one in told.get("choices") or ()),
            }
        )


def id_of(name: str) -> int | None:
    """The field a column `c_<id>` is of; None where the name is no such column's."""
    found = _NAME.match(name)
    return int(found[1]) if found else None


# Headings in traditional characters name the same fields.
_SIMPLIFIED = str.maketrans(
    "訂單編號戶電話機郵稱時間額數價產類態備註貨別國縣區鄉鎮證統會碼聯繫絡責負門隊導業務員職級歷銷購買賣開發據報結餘總計稅費運貿圖點現從進對應關係問題評論場備記錄簽約標題語",
    "订单编号户电话机邮称时间额数价产类态备注货别国县区乡镇证统会码联系络责负门队导业务员职级历销购买卖开发据报结余总计税费运贸图点现从进对应关系问题评论场备记录签约标题语",
)


@lru_cache(maxsize=20_000)
def plain(name: str) -> str:
    """A name with what does not count taken off: case, width, script, spaces, underscores, brackets."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", name).casefold()).translate(_SIMPLIFIED)


def stem(header: str, headers: Sequence[str]) -> str:
    """`total (2)`, the second of two columns named `total`, may be meant as `total` just as well."""
    bare = _COUNT.sub("", header)
    return bare if bare in headers else header


@lru_cache(maxsize=65_536)
def canonical(column: CustomColumn, text: str) -> str | None:
    """A text as this field keeps it; None where it says that there is no value.

    Numbers have a point and no thousands, money is in whole currency, dates are ISO, yes and no are true and false,
    choices are codes, several of them parted by commas in the order of the field.

    Raises TenureError, saying what is wrong and what would fit, where the text can't be read as the field's kind.
    """
    text = text.replace("\x00", "").strip()
    if column.kind in TEXTS:
        return _text(column.kind, unicodedata.normalize("NFC", text)) if text else None
    wide = unicodedata.normalize("NFKC", text).strip()
    if wide.casefold() in _NOTHING:
        return None
    if column.kind in NUMBERS:
        return _number(column, wide, text)
    if column.kind == "date":
        return _day(wide, text)
    if column.kind == "yes_no":
        word = wide.casefold()
        if word not in _YES | _NO:
            raise TenureError(tr('"{value}" is neither yes nor no. Write yes or no, 1 or 0.', value=_cut(text)))
        return "true" if word in _YES else "false"
    return _choices(column, wide, text)


def as_text(value: object) -> str:
    """A value of JSON, of a table or of a form as the text to be read; nothing is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, Decimal):
        return _digits(value)
    if isinstance(value, list | tuple):
        return ",".join(as_text(one) for one in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def of_table(column: CustomColumn, value: object) -> str | None:
    """The canonical form of what a table's typed column holds."""
    if value is None:
        return None
    if column.kind == "money":
        return _digits(Decimal(int(str(value))).scaleb(-column.digits))
    return as_text(value) or None


def typed(column: CustomColumn, kept: str | None) -> Any:
    """A canonical value as a program takes it: whole numbers, decimals as text, true or false, lists of codes, ISO dates."""
    if kept is None or kept == "":
        return None
    if column.kind == "whole":
        return int(kept)
    if column.kind == "yes_no":
        return kept == "true"
    if column.kind == "choices":
        return kept.split(",")
    return kept


def order_key(column: CustomColumn, kept: str) -> int | None:
    """What a number, date or yes/no is ordered by, as a whole number: millionths, days, 0 or 1; None for other kinds."""
    if column.kind in NUMBERS:
        return int(Decimal(kept).scaleb(PLACES))
    if column.kind == "date":
        return date.fromisoformat(kept).toordinal()
    if column.kind == "yes_no":
        return int(kept == "true")
    return None


def _text(kind: str, text: str) -> str:
    if len(text) > LONGEST[kind]:
        raise TenureError(
            tr("That is too long: {length} characters, and {limit} fit.", length=len(text), limit=LONGEST[kind])
        )
    if kind == "long_text":
        return text
    text = " ".join(text.split())
    if kind == "link":
        if re.match(r"www\.", text, re.IGNORECASE):
            text = "https://" + text
        try:
            parts = urlsplit(text)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme.lower() not in {"http", "https"} or not parts.hostname or " " in text:
            raise TenureError(tr('"{value}" is no link. Write it in full: https://example.com/page', value=_cut(text)))
    elif kind == "phone":
        text = unicodedata.normalize("NFKC", text)
        if not _PHONE.match(text) or not 3 <= sum(character.isdigit() for character in text) <= 20:
            raise TenureError(tr('"{value}" is no phone number. Write its digits: 13800138000.', value=_cut(text)))
    elif kind == "email":
        text = unicodedata.normalize("NFKC", text)
        if not _EMAIL.match(text):
            raise TenureError(tr('"{value}" is no e-mail address. Write it as ming@example.com.', value=_cut(text)))
    return text


def _number(column: CustomColumn, wide: str, text: str) -> str:
    bare = _SIGNS.sub("", wide).strip() if column.kind == "money" else wide
    factor = Decimal({"万": 10_000, "亿": 100_000_000}.get(bare[-1:], 1))
    bare = bare.rstrip("万亿").strip() if factor != 1 else bare
    if _THOUSANDS.match(bare):
        bare = re.sub(r"[,_' ]", "", bare)
    if not _NUMBER.match(bare):
        raise TenureError(tr('"{value}" is no number. Write digits, with a point before decimals.', value=_cut(text)))
    try:
        value = Decimal(bare) * factor
    except InvalidOperation:  # pragma: no cover - more digits than a Decimal multiplies
        value = Decimal("Infinity")
    if abs(value) > LARGEST:
        raise TenureError(tr('"{value}" is too large. Numbers up to 9,000,000,000,000 fit.', value=_cut(text)))
    if column.kind == "whole":
        if value != value.to_integral_value():
            raise TenureError(tr('"{value}" is no whole number. Write it without decimals.', value=_cut(text)))
        return str(int(value))
    places = column.digits if column.kind == "money" else PLACES
    return _digits(value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN))


def _digits(value: Decimal) -> str:
    """A decimal without an exponent and without zeros at its end."""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


def _day(wide: str, text: str) -> str:
    found = _DAY.match(wide)
    try:
        if found is None:
            raise ValueError
        year, month, day = (int(part) for part in found.groups() if part is not None)
        return date(year, month, day).isoformat()
    except ValueError:
        raise TenureError(
            tr('"{value}" is no date. Write it as year-month-day, such as 1988-05-01.', value=_cut(text))
        ) from None


def _choices(column: CustomColumn, wide: str, text: str) -> str | None:
    known = _known(column.choices)
    one = known.get(wide.casefold())
    if column.kind == "choice" or one is not None:
        if one is None:
            raise _no_choice(column, text)
        return one
    asked = [word for part in _BETWEEN.split(wide) if (word := part.strip().casefold())]
    if any(word not in known for word in asked):
        raise _no_choice(column, next(word for word in asked if word not in known))
    chosen = {known[word] for word in asked}
    return ",".join(choice.code for choice in column.choices if choice.code in chosen) or None


@lru_cache(maxsize=1_024)
def _known(choices: tuple[Choice, ...]) -> Mapping[str, str]:
    """Every way a choice is written: its code and its words in both languages; codes go first."""
    words = {
        unicodedata.normalize("NFKC", word).strip().casefold(): one.code
        for one in reversed(choices)
        for word in (one.en, one.zh)
        if word
    }
    return words | {one.code.casefold(): one.code for one in choices}


def _no_choice(column: CustomColumn, text: str) -> TenureError:
    offered = [str(one.words) for one in column.choices if not one.closed]
    shown = ", ".join(offered[:12]) + (" …" if len(offered) > 12 else "")
    return TenureError(tr('"{value}" is not one of the choices: {known}.', value=_cut(text), known=shown))


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
