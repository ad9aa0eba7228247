"""Telephone numbers in E.164."""

import re
from functools import cache

import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc

from tenure.identity.standard._text import NOTHING, tidy
from tenure.identity.standard.base import FINE, Column, Example, Fault, Read, Standard, each, flat
from tenure.language import Words

# Between two numbers in one cell. A blank or a slash parts them only where enough digits for a number stand on both sides.
_BETWEEN = re.compile(r"[,;、|\n]|(?<=\d{7})[/ ](?=[+(]?\d{7})|(?<=\d{7})\s*(?:或|or|and|和|&)\s*(?=[+(]?\d)")
_EXTENSION = re.compile(
    r"\s*[-,.;(]?\s*(?:转|分机号?|内线|extension|extn?\.?|x|#)\s*[:：]?\s*(\d{1,6})\s*\)?$", re.IGNORECASE
)
# 010-65551234-8001: what follows a whole fixed line after one more dash is an extension.
_DASHED = re.compile(r"^(\(?(?:\+?86[-\s]?)?\(?0?\d{2,3}\)?[-\s]?\d{7,8})-(\d{1,6})$")
_LABEL = re.compile(
    r"^(?:tel|telephone|phone|mobile|mob|cell|fax|电话|手机|手机号|座机|固话|联系电话)\s*[.:：]?\s*", re.IGNORECASE
)
# Codes of cheap long-distance lines that were once dialled before a mobile number.
_DIALLED_BEFORE = re.compile(r"^(?:17951|17911|17909|12593|10193|11808|0)(?=1[3-9]\d{9}$)")
_SIGNS = r"[\s\-().\x{2010}-\x{2015}]"


def phones(column: Column, region: str = "CN") -> pa.Array:
    """Telephone numbers as E.164 text (+8613800138000); null where it is no number that can be dialled.

    region: ISO 3166 code of the country a number without a country code is in. An extension is left out.
    """
    return standard_in(region).standard(column)


def extensions(column: Column) -> pa.Array:
    """The extension behind each number (010-65551234转801 → 801); null where there is none."""
    return each(column, lambda text: _parted(_first(tidy(text))[0])[1])


def standard_in(region: str) -> Standard:
    """The standard for numbers of people in this country."""
    if region == "CN":
        return phone
    return Standard(
        phone.name, phone.words, phone.meaning, phone.source, phone.faults, (), lambda text: _read(text, region)
    )


def _quick(column: pa.Array) -> pa.Array:
    """Chinese mobiles, by far the most."""
    bare = pc.replace_substring_regex(pc.utf8_normalize(flat(column), "NFKC"), _SIGNS, "")
    mobile = pc.struct_field(pc.extract_regex(bare, r"^(?:(?:\+|00)?86)?(?P<number>1[3-9]\d{9})$"), "number")
    filler = pc.match_substring_regex(mobile, r"^1[3-9]0{9}$")
    fixed = pc.extract_regex(bare, r"^(?:(?:\+|00)?86)?0(?P<area>10|2\d|[3-9]\d{2})(?P<number>[2-8]\d{7})$")
    area, number = pc.struct_field(fixed, "area"), pc.struct_field(fixed, "number")
    area = pc.if_else(pc.is_in(area, _areas()), area, None)
    return pc.coalesce(
        pc.binary_join_element_wise("+86", pc.if_else(filler, None, mobile), ""),
        pc.binary_join_element_wise("+86", area, number, ""),
    )


@cache
def _areas() -> pa.Array:
    """Area codes behind which every number of eight digits from 2 to 8 on is a fixed line."""
    codes = ["10", *(f"2{n}" for n in range(10)), *(str(n) for n in range(300, 1000))]
    return pa.array(
        [
            code
            for code in codes
            if all(
                phonenumbers.is_valid_number(phonenumbers.parse(f"+86{code}{first}5551234", "CN"))
                for first in range(2, 9)
            )
        ]
    )


def _read(text: str, region: str = "CN") -> Read:
    plain = _LABEL.sub("", tidy(text))
    if plain.casefold() in NOTHING:
        return None, "placeholder"
    said = FINE
    if re.fullmatch(r"\d{7,15}\.0+", plain):
        plain, said = plain.partition(".")[0], "spreadsheet"
    if re.fullmatch(r"\d(?:\.\d+)?e\+?\d+", plain, re.IGNORECASE):
        return None, "cut_short"
    plain, several = _first(plain)
    plain, extension = _parted(plain)
    bare = re.sub(r"[^\d+]", "", plain)
    digits = bare.lstrip("+")
    if not digits:
        return None, "no_number"
    if re.search(r"[^\W\d_]", plain):
        return None, "letters"
    if len(set(digits)) == 1 or re.fullmatch(r"1[3-9]0{9}|0*1234567(?:8(?:90?)?)?", digits):
        return None, "placeholder"
    bare = _DIALLED_BEFORE.sub("", bare) if region == "CN" else bare
    bare = "+" + bare[2:] if bare.startswith("00") else bare
    if region == "CN" and re.fullmatch(r"86(?:1[3-9]\d{9}|0?\d{2,3}\d{7,8})", bare) and len(bare) > 11:
        bare = "+" + bare
    try:
        number = phonenumbers.parse(re.sub(r"^\+860", "+86", bare), region)
    except phonenumbers.NumberParseException:
        return None, "too_short" if len(digits) < 7 else "too_long" if len(digits) > 15 else "no_number"
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        local = reason == phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY
        return None, "no_area_code" if local and len(digits) in (7, 8) else _REASONS.get(reason, "no_number")
    if number.country_code == 86 and not phonenumbers.is_valid_number(number):
        known = str(number.national_number)
        return None, "no_area_code" if len(known) in (7, 8) else "too_short" if len(known) < 10 else "no_number"
    written = str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return written, "several" if several else "extension" if extension else said


def _first(plain: str) -> tuple[str, bool]:
    """The first of the numbers in a cell, and whether there are more."""
    parts = [part for part in _BETWEEN.split(plain) if part and re.search(r"\d{3}", part)]
    return (parts[0].strip(), len(parts) > 1) if parts else (plain, False)


def _parted(plain: str) -> tuple[str, str | None]:
    """A number and its extension."""
    if found := _EXTENSION.search(plain):
        return plain[: found.start()], found[1]
    if found := _DASHED.match(plain):
        return found[1], found[2]
    return plain, None


_REASONS = {
    phonenumbers.ValidationResult.TOO_SHORT: "too_short",
    phonenumbers.ValidationResult.TOO_LONG: "too_long",
    phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "too_short",
}
_ASK = Words("Ask the customer for the number and mend it in the source", "向客户核实号码，并在来源系统中更正")

phone = Standard(
    name="phone",
    words=Words("Phone", "电话"),
    meaning=Words(
        "Telephone number with country code, digits only; of several in one cell the first; an extension is left out",
        "带国家代码的纯数字电话；一格多个号码时取第一个；分机号不计入",
    ),
    source=Words(
        "ITU-T E.164; numbering plans as of the phonenumbers library", "ITU-T E.164；号码规则依 phonenumbers 库"
    ),
    faults={
        "placeholder": Fault(Words("A filler, not a number", "占位内容，不是号码"), _ASK),
        "cut_short": Fault(
            Words("A spreadsheet cut digits off (1.38E+10)", "被电子表格截断（1.38E+10）"),
            Words(
                "Format the column as text in the spreadsheet and export it again",
                "在表格中将该列设为文本格式后重新导出",
            ),
        ),
        "letters": Fault(Words("Letters in the number", "号码中含有文字"), _ASK),
        "no_area_code": Fault(
            Words("A fixed line without its area code", "座机号缺少区号"),
            Words("Put the area code before it in the source: 010-65551234", "在来源系统中补上区号：010-65551234"),
        ),
        "too_short": Fault(Words("Too few digits", "位数不足"), _ASK),
        "too_long": Fault(Words("Too many digits", "位数过多"), _ASK),
        "no_number": Fault(Words("No number that can be dialled", "不是可拨打的号码"), _ASK),
        "several": Fault(
            Words("Several numbers in one cell; the first was taken", "一格内有多个号码，已取第一个"),
            Words("Give the others a column or a contact of their own", "其余号码请另列一栏或另建联系人"),
            wrong=False,
        ),
        "extension": Fault(
            Words("Has an extension, which is left out", "带有分机号，标准形式中不含分机"),
            Words("Nothing to do; the original is kept", "无需处理；原文保留"),
            wrong=False,
        ),
        "spreadsheet": Fault(
            Words("A spreadsheet made it a number (….0)", "被电子表格当作数字（末尾 .0）"),
            Words("Format the column as text in the spreadsheet", "在表格中将该列设为文本格式"),
            wrong=False,
        ),
    },
    examples=(
        Example("138 0013 8000", "+8613800138000"),
        Example("+86-１３８００１３８０００", "+8613800138000"),
        Example("008613800138000", "+8613800138000"),
        Example("013800138000", "+8613800138000"),
        Example("(010) 6555 1234", "+861065551234"),
        Example("0571-87654321", "+8657187654321"),
        Example("+86 (0)21 6555 1234", "+862165551234"),
        Example("010-65551234转801", "+861065551234", "extension"),
        Example("021-65551234-8001", "+862165551234", "extension"),
        Example("0755-86013388 ext. 12", "+8675586013388", "extension"),
        Example("13800138000/13900139000", "+8613800138000", "several"),
        Example("手机：13800138000、010-65551234", "+8613800138000", "several"),
        Example("13800138000.0", "+8613800138000", "spreadsheet"),
        Example("400-820-8820", "+864008208820"),
        Example("+44 20 7946 0000", "+442079460000"),
        Example("65551234", None, "no_area_code"),
        Example("1380013800", None, "no_number"),
        Example("1.38E+10", None, "cut_short"),
        Example("11111111111", None, "placeholder"),
        Example("95588", None, "too_short"),
        Example("打前台", None, "no_number"),
    ),
    read=_read,
    quick=_quick,
)
