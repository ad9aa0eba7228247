"""One form for what people write in many: phones, e-mails, names, ID numbers."""

import re
import unicodedata

import numpy as np
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc


def phones(column: pa.ChunkedArray | pa.Array, region: str = "CN") -> pa.Array:
    """Telephone numbers as E.164 text (+8613800138000); null where it is no number that can be dialled.

    region: ISO 3166 code of the country a number without a country code is in.
    """
    plain = pc.utf8_normalize(_flat(column), "NFKC")
    bare = pc.replace_substring_regex(plain, r"[\s\-().]", "")
    mobile = pc.struct_field(pc.extract_regex(bare, r"^(?:\+?86)?(?P<number>1[3-9]\d{9})$"), "number")
    quick = pc.binary_join_element_wise("+86", mobile, "") if region == "CN" else pc.if_else(True, None, mobile)
    slow = np.flatnonzero(pc.and_(pc.is_null(quick), pc.is_valid(plain)).to_numpy(zero_copy_only=False))
    if not len(slow):
        return _flat(quick)
    result = quick.to_pylist()
    for place in slow:
        result[place] = _phone(plain[int(place)].as_py(), region)
    return pa.array(result, pa.string())


def _phone(text: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def emails(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """E-mail addresses in lower case without blanks; null where it is no address."""
    plain = pc.utf8_lower(pc.utf8_trim_whitespace(pc.utf8_normalize(_flat(column), "NFKC")))
    return pc.if_else(pc.match_substring_regex(plain, r"^[^@\s]+@[^@\s]+\.[^@\s]+$"), plain, None)


def id_numbers(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Identity-card numbers and credit codes in upper case without blanks; null where blank."""
    plain = pc.replace_substring_regex(pc.utf8_upper(pc.utf8_normalize(_flat(column), "NFKC")), r"[\s\-]", "")
    return pc.if_else(pc.equal(plain, ""), None, plain)


def names(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Names to compare by: width, case, punctuation and the order of Western name parts don't count."""
    cache: dict[str, str | None] = {}
    result: list[str | None] = []
    for text in _flat(column).to_pylist():
        if text is None:
            result.append(None)
            continue
        if text not in cache:
            cache[text] = _name(text)
        result.append(cache[text])
    return pa.array(result, pa.string())


_NOT_WORD = re.compile(r"[^\w]+")
_CHINESE = re.compile(r"[\u3400-\u9fff]")


def _name(text: str) -> str | None:
    plain = unicodedata.normalize("NFKC", text).casefold()
    parts = [part for part in _NOT_WORD.split(plain) if part]
    if not parts:
        return None
    return "".join(parts) if _CHINESE.search(plain) else " ".join(sorted(parts))


def _flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
