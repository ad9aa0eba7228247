"""From what a file says to what a contract means: a column at a time, with a reason for each cell that can't be read.

Each parser tries the plain form of its type over the whole column first; only what is left over is tidied
(full-width digits, thousands separators, currency signs, dates of other lands), and only once for each distinct value.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_05UP, ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tenure.currencies import minor_digits
from tenure.language import Words
from tenure.sources.base import Fault

Ints: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]

MICRO = 1_000_000  # decimals are held as whole millionths, which is what the contracts' six places are
LARGEST = 9_000_000_000_000 * MICRO  # what fits, with room for the sum of a few

NOT_A_NUMBER = Fault(
    Words("“{value}” is not a number", "“{value}”不是数字"),
    Words("Write digits with a point before the decimals, as in 1234.50", "用数字书写，小数点用句点，如 1234.50"),
)
NOT_WHOLE = Fault(
    Words("“{value}” is not a whole number", "“{value}”不是整数"),
    Words("Write it without decimals", "不要带小数"),
)
TOO_LARGE = Fault(
    Words("“{value}” is too large", "“{value}”数值过大"),
    Words(
        "Numbers up to 9,000,000,000,000 are read; look for two cells run together",
        "最大可读 9 万亿；请检查是否有两个单元格连在一起",
    ),
)
NOT_A_DATE = Fault(
    Words("“{value}” is not a date", "“{value}”不是日期"),
    Words(
        "Write dates as 2026-03-01, times as 2026-03-01 09:30:00", "日期写作 2026-03-01，时间写作 2026-03-01 09:30:00"
    ),
)
REPUBLICAN = Fault(
    Words("“{value}” counts the years from 1912", "“{value}”使用民国纪年"),
    Words("Write the year as 2024, which is the 113th so counted", "请改写为公历年份：民国113年即2024年"),
)
NOT_YES_OR_NO = Fault(
    Words("“{value}” is neither yes nor no", "“{value}”既不是“是”也不是“否”"),
    Words("Write yes or no, true or false, 1 or 0", "写“是”或“否”、true 或 false、1 或 0"),
)
NOT_A_CURRENCY = Fault(
    Words("“{value}” is not a currency", "“{value}”不是币种"),
    Words("Write its ISO code, such as CNY or USD", "写 ISO 代码，如 CNY 或 USD"),
)
OTHER_MONEY = Fault(
    Words("“{value}” names another currency than the workspace's", "“{value}”所写币种与工作区本币不同"),
    Words("Give the file a column of currencies", "请在文件中加一列币种"),
)
NOT_TEXT = Fault(
    Words("the cell is not text", "单元格不是文本"),
    Words("Write the column as text", "把该列写成文本"),
)

_AMOUNT_FAULTS = (NOT_A_NUMBER, TOO_LARGE, OTHER_MONEY)

# Blank in a column of numbers, dates or codes; in a column of text these may be somebody's name.
NOTHING = {"", "-", "--", "n/a", "na", "null", "none", "nan", "nat", "\\n", "#n/a", "无", "空"}
_YES = {"yes", "y", "true", "t", "1", "1.0", "on", "是", "对", "真", "有"}
_NO = {"no", "n", "false", "f", "0", "0.0", "off", "否", "不", "不是", "假", "没有"}

_CURRENCY_NAMES = {
    "¥": "CNY", "元": "CNY", "人民币": "CNY", "RMB": "CNY", "CNH": "CNY", "€": "EUR", "£": "GBP", "US$": "USD",
    "HK$": "HKD", "NT$": "TWD", "₩": "KRW", "美元": "USD", "欧元": "EUR", "英镑": "GBP", "日元": "JPY", "港币": "HKD",
}  # fmt: skip


@dataclass(frozen=True)
class Parsed:
    """A column as it was read. values: Arrow, null where blank or unreadable.

    fault: for each cell the number of its reason in `faults`, 0 where it is good; None where all are.
    rounded: how many cells had more decimals than are kept.
    """

    values: pa.Array
    fault: NDArray[np.int8] | None = None
    faults: tuple[Fault, ...] = ()
    rounded: int = 0

    @property
    def bad(self) -> Mask | None:
        return None if self.fault is None else self.fault > 0


def text(column: pa.Array) -> Parsed:
    """Text: trimmed, Unicode NFC, blank as null. Typed cells are written as a person would: 17850.0 is 17850."""
    try:
        values = as_text(column)
    except (pa.ArrowException, UnicodeDecodeError):
        return Parsed(pa.nulls(len(column), pa.string()), np.ones(len(column), dtype=np.int8), (NOT_TEXT,))
    values = pc.utf8_trim_whitespace(values)
    if not is_ascii(values):
        values = pc.utf8_normalize(values, form="NFC")
    return Parsed(_blank_as_null(values))


def integer(column: pa.Array) -> Parsed:
    """Whole numbers as int64."""
    if pa.types.is_integer(column.type) or pa.types.is_boolean(column.type):
        return _cast_or_fault(column, pa.int64())
    if pa.types.is_string(column.type):
        try:
            return Parsed(pc.cast(column, pa.int64()))
        except pa.ArrowInvalid:
            pass
    micro, parsed = millionths(column)
    fault = _fault_codes(parsed, len(column))
    whole = micro % MICRO == 0
    fault[~whole & (fault == 0)] = len(parsed.faults) + 1
    values = _ints(micro // MICRO, parsed.values.is_null().to_numpy(zero_copy_only=False) | (fault > 0))
    return _with_faults(values, fault, (*parsed.faults, NOT_WHOLE))


def number(column: pa.Array) -> Parsed:
    """Numbers as float64; infinite ones are refused, NaN is blank."""
    if pa.types.is_string(column.type):
        try:
            values = pc.cast(column, pa.float64())
        except pa.ArrowInvalid:
            return over_distinct(column, _number_slowly)
    elif _is_numeric(column.type) or pa.types.is_boolean(column.type):
        values = pc.cast(column, pa.float64(), safe=False)
    else:
        return over_distinct(as_text(column), _number_slowly)
    finite = pc.is_finite(values)
    if pc.all(finite, skip_nulls=True).as_py() in (True, None):
        return Parsed(values)
    lost = pc.fill_null(pc.is_inf(values), False).to_numpy(zero_copy_only=False)
    values = pc.if_else(finite, values, pa.scalar(None, pa.float64()))
    return _with_faults(values, lost.astype(np.int8), (TOO_LARGE,))


def decimal(column: pa.Array) -> Parsed:
    """Decimals with six places; finer ones are rounded half-even and counted."""
    micro, parsed = millionths(column, half_even=True)
    return Parsed(from_millionths(micro, parsed.values.is_null()), parsed.fault, parsed.faults, parsed.rounded)


def millionths(column: pa.Array, *, half_even: bool = False, money_in: str | None = None) -> tuple[Ints, Parsed]:
    """Any column of amounts as whole millionths, exactly, beside what `Parsed` says of it (values: int64, null if blank).

    money_in: the one currency these amounts can be in; a cell that names another is a fault. None: not known here.

    Finer amounts keep a trace of what was cut (a last digit of 0 or 5 goes up by one), so that a later rounding to
    cents falls as if it had seen all the digits; with `half_even` they are rounded for good.
    """

    def slowly(distinct: pa.Array) -> Parsed:
        return _millionths_slowly(distinct, half_even=half_even, money_in=money_in)

    kind = column.type
    if pa.types.is_boolean(kind):
        column, kind = pc.cast(column, pa.int64()), pa.int64()
    if pa.types.is_string(kind):
        try:
            return _low_words(pc.cast(column, pa.decimal128(18, 6)))
        except pa.ArrowInvalid:
            parsed = over_distinct(column, slowly)
    elif pa.types.is_integer(kind):
        parsed = _millionths_of_integers(column)
    elif pa.types.is_floating(kind):
        parsed = _millionths_of_floats(pc.cast(column, pa.float64()), half_even=half_even)
    elif pa.types.is_decimal(kind):
        try:
            return _low_words(pc.cast(column, pa.decimal128(18, 6)))
        except pa.ArrowInvalid:
            parsed = over_distinct(pc.cast(column, pa.string()), slowly)
    else:
        parsed = over_distinct(as_text(column), slowly)
    return _numbers(parsed.values), parsed


def minor_units(micro: Ints, exponent: Ints | int, rest: Ints | int = 0) -> tuple[Ints, Mask]:
    """Millionths (and `rest` millionths of them, from 0) as minor units of a currency, rounded half-even; and which were.

    exponent: decimals of the currency, 0 to 4, one for all or one each.
    """
    step = np.power(10, 6 - np.asarray(exponent, dtype=np.int64))
    whole, left = np.divmod(micro, step)
    half = step // 2
    beyond = np.asarray(rest) > 0
    up = (left > half) | ((left == half) & (beyond | (whole % 2 == 1)))
    return whole + up, (left > 0) | beyond


def times(micro: Ints, other: Ints) -> tuple[Ints, Ints, Mask]:
    """The product of two columns of millionths: millionths, the rest in millionths of those, and where it fits not."""
    whole, part = np.divmod(micro, MICRO)
    other_whole, other_part = np.divmod(other, MICRO)
    too_large = np.abs(micro.astype(np.float64) * other.astype(np.float64) / MICRO) > LARGEST
    with np.errstate(over="ignore"):
        carry, rest = np.divmod(part * other_part, MICRO)
        product = whole * other + part * other_whole + carry
    return np.where(too_large, 0, product), np.where(too_large, 0, rest), too_large


def boolean(column: pa.Array) -> Parsed:
    """Yes or no, in words, signs or digits of both languages."""
    if pa.types.is_boolean(column.type):
        return Parsed(column)

    def read(value: str) -> bool | Fault | None:
        word = _word(value)
        if word in _YES or word in _NO:
            return word in _YES
        return None if word in NOTHING else NOT_YES_OR_NO

    return over_distinct(as_text(column), lambda distinct: each(distinct, read, pa.bool_()))


def coded(column: pa.Array, values: Mapping[str, Words]) -> Parsed:
    """One of the contract's codes, written as the code or as its words in either language."""
    known = {_word(name): code for code, words in values.items() for name in (code, words.en, words.zh)}
    allowed = ", ".join(values)
    allowed_zh = "、".join(words.zh for words in values.values())
    fault = Fault(
        Words("“{value}” is not one of the words allowed", "“{value}”不在可用的取值之内"),
        Words(f"Write one of: {allowed}", f"请写其中之一：{allowed_zh}"),
    )

    def read(value: str) -> str | Fault | None:
        word = _word(value)
        return known.get(word) or (None if word in NOTHING else fault)

    return over_distinct(as_text(column), lambda distinct: each(distinct, read, pa.string()))


def currency(column: pa.Array) -> Parsed:
    """ISO 4217 codes in capitals; the signs and words that mean one currency only are understood."""

    def read(value: str) -> str | Fault | None:
        word = unicodedata.normalize("NFKC", value).strip().upper()
        if word.lower() in NOTHING:
            return None
        word = _CURRENCY_NAMES.get(word, word)
        return word if re.fullmatch("[A-Z]{3}", word) else NOT_A_CURRENCY

    return over_distinct(as_text(column), lambda distinct: each(distinct, read, pa.string()))


def exponents(codes: pa.Array, workspace: str) -> Ints | int:
    """Decimals of each row's currency; a blank one is the workspace's."""
    own = minor_digits(workspace)
    if codes.null_count == len(codes):
        return own
    distinct = codes.dictionary_encode()
    table = np.array([minor_digits(code) for code in distinct.dictionary.to_pylist()] + [own], dtype=np.int64)
    if (table == own).all():
        return own
    place = pc.fill_null(distinct.indices, len(table) - 1).to_numpy(zero_copy_only=False)
    spread: Ints = np.take(table, place)
    return spread


def from_millionths(micro: Ints, blank: pa.Array) -> pa.Array:
    """Whole millionths as decimal(18, 6)."""
    words = np.empty(2 * len(micro), dtype=np.int64)
    words[::2] = micro
    words[1::2] = micro >> 63  # the sign fills the upper word
    validity = pc.invert(blank).buffers()[1] if blank.null_count == 0 and pc.any(blank).as_py() else None
    return pa.Array.from_buffers(pa.decimal128(18, 6), len(micro), [validity, pa.py_buffer(words)])


def is_ascii(column: pa.Array) -> bool:
    """Whether no character of a text column is beyond plain ASCII; may say no for a slice of a longer column."""
    data = column.buffers()[2]
    if data is None or not data.size:
        return True
    return bool(np.frombuffer(data, dtype=np.uint8).max() < 128)


# --- below: how it is done


def as_text(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_string(kind):
        return column
    if pa.types.is_dictionary(kind):
        return as_text(column.dictionary_decode())
    if pa.types.is_floating(kind):
        values = pc.cast(column, pa.float64())
        if pc.all(pc.equal(values, pc.trunc(values)), skip_nulls=True).as_py() in (True, None):
            largest = pc.max(pc.abs(values)).as_py()
            if largest is None or largest < 2**53:
                return pc.cast(pc.cast(values, pa.int64()), pa.string())
        return pa.array([None if v is None or v != v else _float_text(v) for v in values.to_pylist()], pa.string())
    if pa.types.is_timestamp(kind):
        style = "%Y-%m-%d %H:%M:%S" + ("%z" if kind.tz else "")
        return pc.strftime(column, format=style)
    if pa.types.is_nested(kind):
        return pa.array(
            [None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in column.to_pylist()]
        )
    return pc.cast(column, pa.string())


def _float_text(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _blank_as_null(values: pa.Array) -> pa.Array:
    blank = pc.equal(pc.binary_length(values), 0)
    if not pc.any(blank).as_py():
        return values
    return pc.if_else(blank, pa.scalar(None, pa.string()), values)


def _word(value: str) -> str:
    return unicodedata.normalize("NFKC", value).strip().casefold()


def _numbers(values: pa.Array) -> Ints:
    numbers: Ints = values.fill_null(0).to_numpy(zero_copy_only=False)
    return numbers


def _ints(values: Ints, blank: Mask) -> pa.Array:
    return pa.array(values, pa.int64(), mask=blank) if blank.any() else pa.array(values, pa.int64())


def _fault_codes(parsed: Parsed, size: int) -> NDArray[np.int8]:
    return np.zeros(size, dtype=np.int8) if parsed.fault is None else parsed.fault.copy()


def _with_faults(values: pa.Array, fault: NDArray[np.int8], faults: tuple[Fault, ...], rounded: int = 0) -> Parsed:
    return Parsed(values, fault, faults, rounded) if fault.any() else Parsed(values, rounded=rounded)


def _cast_or_fault(column: pa.Array, kind: pa.DataType) -> Parsed:
    try:
        return Parsed(pc.cast(column, kind))
    except pa.ArrowInvalid:
        return over_distinct(pc.cast(column, pa.string()), lambda distinct: each(distinct, lambda _: TOO_LARGE, kind))


def over_distinct(column: pa.Array, read: Callable[[pa.Array], Parsed]) -> Parsed:
    """Read each distinct value once, and spread what was found over the column."""
    encoded = column.dictionary_encode()
    parsed = read(encoded.dictionary)
    values = parsed.values.take(encoded.indices)
    if parsed.fault is None and not parsed.rounded:
        return Parsed(values)
    place = pc.fill_null(encoded.indices, len(encoded.dictionary)).to_numpy(zero_copy_only=False)
    # A rounded value is marked -1 on its way through, so that it counts as often as it occurs.
    marks = np.zeros(len(encoded.dictionary) + 1, dtype=np.int8)
    if parsed.fault is not None:
        marks[:-1] = parsed.fault
    spread = marks[place]
    rounded = int((spread == -1).sum())
    spread[spread == -1] = 0
    return _with_faults(values, spread, parsed.faults, rounded)


def each(distinct: pa.Array, read: Callable[[str], Any], kind: pa.DataType) -> Parsed:
    """Read value by value; `read` gives the value, None for a blank one, or the fault."""
    values: list[Any] = []
    fault = np.zeros(len(distinct), dtype=np.int8)
    faults: list[Fault] = []
    for place, cell in enumerate(distinct.to_pylist()):
        found = None if cell is None else read(cell)
        if isinstance(found, Fault):
            if found not in faults:
                faults.append(found)
            fault[place] = faults.index(found) + 1
            found = None
        values.append(found)
    return _with_faults(pa.array(values, kind), fault, tuple(faults))


def _low_words(values: pa.Array) -> tuple[Ints, Parsed]:
    """decimal128 of at most 18 digits as int64: the lower half of each."""
    words = np.frombuffer(values.buffers()[1], dtype=np.int64)
    micro = words[2 * values.offset : 2 * (values.offset + len(values)) : 2].copy()
    if values.null_count:
        blank = values.is_null().to_numpy(zero_copy_only=False)
        micro[blank] = 0
        return micro, Parsed(pa.array(micro, pa.int64(), mask=blank))
    return micro, Parsed(pa.array(micro, pa.int64()))


def _millionths_of_integers(column: pa.Array) -> Parsed:
    values = _numbers(pc.cast(column, pa.int64(), safe=False))
    blank = column.is_null().to_numpy(zero_copy_only=False)
    lost = np.abs(values.astype(np.float64)) > LARGEST / MICRO
    micro = np.where(lost, 0, values) * MICRO
    return _with_faults(_ints(micro, blank | lost), lost.astype(np.int8), (TOO_LARGE,))


def _millionths_of_floats(column: pa.Array, *, half_even: bool) -> Parsed:
    """A float is the decimal a person would write for it: its shortest, not its binary digits."""
    values = column.fill_null(np.nan).to_numpy(zero_copy_only=False)
    blank = np.isnan(values)
    lost = ~blank & (np.abs(values) > LARGEST / MICRO)
    safe = np.where(blank | lost, 0.0, values)
    micro = np.rint(safe * MICRO)
    # Dividing rounds once and correctly: what comes back is the float nearest to those six decimals.
    exact = (micro / MICRO == safe) & (np.abs(micro) < 2**53)
    whole = micro.astype(np.int64)
    rounded = 0
    for place in np.flatnonzero(~exact):
        whole[place], cut = _to_millionths(Decimal(repr(float(safe[place]))), half_even=half_even)
        rounded += cut if half_even else 0
    return _with_faults(_ints(whole, blank | lost), lost.astype(np.int8), (TOO_LARGE,), rounded)


def _to_millionths(value: Decimal, *, half_even: bool) -> tuple[int, bool]:
    kept = value.quantize(Decimal("0.000001"), rounding=ROUND_HALF_EVEN if half_even else ROUND_05UP)
    return int(kept.scaleb(6)), kept != value


def _millionths_slowly(distinct: pa.Array, *, half_even: bool, money_in: str | None) -> Parsed:
    values: list[int | None] = []
    fault = np.zeros(len(distinct), dtype=np.int8)
    rounded = 0
    for place, cell in enumerate(distinct.to_pylist()):
        amount = _amount(cell, money_in)
        if amount is None or isinstance(amount, Fault):
            values.append(None)
            fault[place] = 0 if amount is None else _AMOUNT_FAULTS.index(amount) + 1
            continue
        micro, cut = _to_millionths(amount, half_even=half_even)
        if cut and half_even:
            fault[place] = -1
            rounded += 1
        values.append(micro)
    if not fault.any():
        return Parsed(pa.array(values, pa.int64()))
    return Parsed(pa.array(values, pa.int64()), fault, _AMOUNT_FAULTS, rounded)


def _number_slowly(distinct: pa.Array) -> Parsed:
    def read(cell: str) -> float | Fault | None:
        # A share is often written in hundredths; money never is.
        share = cell.rstrip().endswith(("%", "％"))
        amount = _amount(cell.rstrip().rstrip("%％") if share else cell)
        return float(amount / 100 if share else amount) if isinstance(amount, Decimal) else amount

    return each(distinct, read, pa.float64())


_UNITS = {"千": 1_000, "万": 10_000, "萬": 10_000, "亿": 100_000_000, "億": 100_000_000}
_AMOUNT = re.compile(
    r"(?P<open>\()?(?P<sign>[+-])?(?P<before>[A-Z]{0,3}[¥$€£₩]|[A-Z]{3})?(?P<late>[+-])?"
    r"(?P<digits>\d{1,3}(?:,\d{3})+|\d*)(?P<part>\.\d*)?(?P<power>[eE][+-]?\d{1,2})?"
    r"(?P<unit>[千万萬亿億])?(?P<after>[¥$€£₩元圆]|[A-Z]{3})?(?P<last>-)?(?P<close>\))?"
)
_DASHES = str.maketrans({"−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "'": "", "’": "", "，": ","})


# Signs that several currencies share.
_SHARED_SIGNS = {
    "¥": {"CNY", "JPY"},
    "元": {"CNY", "HKD", "TWD", "MOP"},
    "圆": {"CNY", "JPY"},
    "$": set("USD CAD AUD NZD HKD TWD SGD MXN CLP COP ARS".split()),  # noqa: SIM905
}


def _is_other_money(sign: str, own: str) -> bool:
    if sign in _SHARED_SIGNS:
        return own not in _SHARED_SIGNS[sign]
    return _CURRENCY_NAMES.get(sign, sign) != own


def _amount(cell: str | None, money_in: str | None = None) -> Decimal | Fault | None:
    """One amount as people write it: full-width, with thousands separators, a currency, 万, or in brackets if negative."""
    if cell is None or _word(cell) in NOTHING:
        return None
    tidy = "".join(unicodedata.normalize("NFKC", cell).translate(_DASHES).split())
    match = _AMOUNT.fullmatch(tidy)
    if not match:
        return NOT_A_NUMBER
    signs = [name for name in ("sign", "late", "last") if match[name]]
    if len(signs) > 1 or bool(match["open"]) != bool(match["close"]) or (match["open"] and signs):
        return NOT_A_NUMBER
    if money_in and any(match[name] and _is_other_money(match[name], money_in) for name in ("before", "after")):
        return OTHER_MONEY
    digits = match["digits"].replace(",", "") + (match["part"] or "")
    if not any(c.isdigit() for c in digits):
        return NOT_A_NUMBER
    try:
        amount = Decimal(digits + (match["power"] or "")) * _UNITS.get(match["unit"], 1)
    except InvalidOperation:
        return NOT_A_NUMBER
    if amount > LARGEST // MICRO:
        return TOO_LARGE
    negative = bool(match["open"]) or "-" in [match[name] for name in signs]
    return -amount if negative else amount
