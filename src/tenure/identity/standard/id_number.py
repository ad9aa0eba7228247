"""Identity-card numbers with 18 digits, checked; unified social credit codes and travel documents beside them."""

import re
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.identity.standard._text import NOTHING, tidy
from tenure.identity.standard.base import FINE, Column, Example, Fault, Read, Standard, each, flat
from tenure.identity.standard.credit_code import LETTERS, read_code
from tenure.language import Words

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
# GB/T 2260, the first two digits; 81 to 83 are on residence permits of people from Hong Kong, Macao and Taiwan.
PROVINCES = frozenset((
    "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43",
    "44", "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71", "81", "82", "83",
))  # fmt: skip
_CARD = re.compile(r"\d{6}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dX]")
_DOCUMENT = re.compile(r"[A-Z]{1,2}\d{7,9}|[HM]\d{8,10}|\d{8,9}[A-Z]?")


def id_numbers(column: Column) -> pa.Array:
    """ID numbers to compare by: upper case, no blanks, 18 digits where it was a sound one of 15; null where blank.

    A wrong number is kept as it is written: two rows with the same wrong number are still two with the same.
    """
    plain = pc.replace_substring_regex(pc.utf8_upper(pc.utf8_normalize(flat(column), "NFKC")), r"[\s\-]", "")
    plain = pc.if_else(pc.equal(plain, ""), None, plain)
    old = pc.match_substring_regex(plain, r"^\d{15}$")
    if not pc.any(old).as_py():
        return plain
    return pc.if_else(old, pc.coalesce(each(pc.if_else(old, plain, None), lambda text: _read(text)[0]), plain), plain)


def valid_id_number(text: str) -> bool:
    """Whether it is an identity-card number of 15 or 18 digits whose province, birth date and checksum are sound."""
    standard = _read(text)[0]
    return standard is not None and _is_card(standard)


def birth_dates(column: Column) -> pa.Array:
    """The birth date inside each sound identity-card number; null for others."""
    parts = pc.extract_regex(_cards(column), r"^\d{6}(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})\d{3}[\dX]$")
    return pc.binary_join_element_wise(*(pc.struct_field(parts, one) for one in "ymd"), "-").cast(pa.date32())


def sexes(column: Column) -> pa.Array:
    """ "male" or "female" as each sound identity-card number says (its 17th digit is odd for men); null for others."""
    digit = pc.struct_field(pc.extract_regex(_cards(column), r"^\d{16}(?P<sex>\d)[\dX]$"), "sex").cast(pa.int8())
    return pc.if_else(pc.equal(pc.bit_wise_and(digit, pa.scalar(1, pa.int8())), 1), "male", "female")


def _cards(column: Column) -> pa.Array:
    """The standard form where it is an identity card's."""
    return each(id_number.standard(column), lambda text: text if _is_card(text) else None)


def _is_card(standard: str) -> bool:
    # One credit code in thirty that is all digits looks like a card until its province, date and check digit are read.
    return re.fullmatch(r"\d{17}[\dX]", standard) is not None and _fault_of(standard) == FINE


def check_digit(first: str) -> str:
    """The 18th character after the first 17 digits (ISO 7064, MOD 11-2)."""
    return _CHECKS[sum(int(digit) * weight for digit, weight in zip(first, _WEIGHTS, strict=True)) % 11]


def _quick(column: pa.Array) -> pa.Array:
    """Eighteen digits that add up, worked out for all at once; birth dates are looked at month by day."""
    fits = pc.match_substring_regex(column, r"^\d{6}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|1\d|2[0-8])\d{3}[\dX]$")
    fits = pc.and_(fits, pc.is_in(pc.utf8_slice_codeunits(column, 0, 2), pa.array(sorted(PROVINCES))))
    fits = pc.fill_null(fits, False)
    places = np.flatnonzero(fits.to_numpy(zero_copy_only=False))
    if not len(places):
        return pa.nulls(len(column), pa.string())
    some = column.take(pa.array(places))
    whole = np.frombuffer("".join(some.to_pylist()).encode("ascii"), np.uint8).reshape(-1, 18)
    total = (whole[:, :17].astype(np.int64) - 48) @ np.array(_WEIGHTS) % 11
    sound = np.frombuffer(_CHECKS.encode(), np.uint8)[total] == whole[:, 17]
    mask = np.zeros(len(column), bool)
    mask[places[sound]] = True
    return pc.if_else(pa.array(mask), column, None)


def _read(text: str) -> Read:
    plain = re.sub(r"[\s\-]", "", tidy(text)).upper().removeprefix("ID:")
    if plain.casefold() in NOTHING or len(set(plain)) == 1:
        return None, "placeholder"
    if re.fullmatch(r"\d(?:\.\d+)?E\+?\d+", plain):
        return None, "cut_short"
    if re.fullmatch(r"\d{15}", plain):
        longer = f"{plain[:6]}19{plain[6:]}"
        fault = _fault_of(longer + check_digit(longer))
        return (longer + check_digit(longer), "old_form") if fault == FINE else (None, fault)
    if re.fullmatch(r"[0-9A-Z]{18}", plain):
        # Codes and cards may begin alike (9…); whichever adds up it is, and if none does, what its shape says.
        code = read_code(plain)
        if code[1] == FINE or not re.fullmatch(_CARD if plain[0] == "9" else r"\d{17}[\dX]", plain):
            return code
        fault = _fault_of(plain)
        if fault == FINE:
            return plain, FINE
        return None, "cut_short" if plain.endswith("000") else fault
    if _DOCUMENT.fullmatch(plain):
        return plain, FINE
    return None, "length" if re.fullmatch(r"[\dX]+", plain) else "form"


def _fault_of(plain: str) -> str:
    # On cards of foreigners who stay for good, a 9 stands before the province.
    if plain[:2] not in PROVINCES and not (plain[0] == "9" and plain[1:3] in PROVINCES):
        return "province"
    try:
        born = date(int(plain[6:10]), int(plain[10:12]), int(plain[12:14]))
    except ValueError:
        return "birth_date"
    if not 1800 <= born.year < 2100:
        return "birth_date"
    return FINE if check_digit(plain[:17]) == plain[17] else "checksum"


_ASK = Words("Compare with the document and mend it in the source", "与证件核对后在来源系统中更正")

id_number = Standard(
    name="id_number",
    words=Words("ID number", "证件号码"),
    meaning=Words(
        "Identity card with 18 digits (one of 15 is made longer), unified social credit code, or travel document",
        "18 位身份证号（15 位自动升位）、统一社会信用代码或旅行证件号",
    ),
    source=Words("GB 11643-1999; ISO 7064 MOD 11-2", "GB 11643-1999；ISO 7064 MOD 11-2"),
    faults={
        "placeholder": Fault(Words("A filler, not a number", "占位内容，不是证件号"), _ASK),
        "cut_short": Fault(
            Words("A spreadsheet rounded its last digits", "末几位被电子表格舍入"),
            Words(
                "Format the column as text in the spreadsheet and export it again",
                "在表格中将该列设为文本格式后重新导出",
            ),
        ),
        "length": Fault(Words("Neither 15 nor 18 digits", "既非 15 位也非 18 位"), _ASK),
        "form": Fault(Words("Not the form of any document known", "不符合已知证件格式"), _ASK),
        "letters": LETTERS,
        "province": Fault(Words("Begins with no province", "开头不是有效的省份代码"), _ASK),
        "birth_date": Fault(Words("The birth date inside is no date", "其中的出生日期无效"), _ASK),
        "checksum": Fault(Words("The check digit does not fit", "校验码不符"), _ASK),
        "old_form": Fault(
            Words("Of the old form with 15 digits; made 18", "15 位旧号码，已升为 18 位"),
            Words("Nothing to do; the original is kept", "无需处理；原文保留"),
            wrong=False,
        ),
    },
    examples=(
        # The worked example of GB 11643 itself.
        Example("11010519491231002X", "11010519491231002X"),
        Example("11010519491231002x", "11010519491231002X"),
        Example("440524188001010014", "440524188001010014"),
        Example("110105 19491231 002X", "11010519491231002X"),
        Example("110105491231002", "11010519491231002X", "old_form"),
        Example("110105194912310021", None, "checksum"),
        Example("110105194913310020", None, "birth_date"),
        Example("010105194912310020", None, "province"),
        Example("1101051949", None, "length"),
        Example("1.10105E+17", None, "cut_short"),
        Example("110105194912310", None, "birth_date"),
        Example("91350100M000100Y43", "91350100M000100Y43"),
        Example("994455200104282759", None, "province"),
        Example("110105194912310000", None, "cut_short"),
        Example("E12345678", "E12345678"),
        Example("见附件", None, "form"),
        Example("91350100MOOO1OOY43", None, "letters"),
    ),
    read=_read,
    quick=_quick,
)
