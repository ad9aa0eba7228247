"""Unified social credit codes of Chinese organisations, checked."""

import re

import pyarrow as pa

from tenure.identity.standard._text import NOTHING, tidy
from tenure.identity.standard.base import FINE, Column, Example, Fault, Read, Standard
from tenure.language import Words

_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_CATEGORIES = frozenset("123456789ANY")  # who registers: 1 staffing office … 9 market regulation, A, N, Y


def credit_codes(column: Column) -> pa.Array:
    """Unified social credit codes in upper case; null where it is none, or its check character does not fit."""
    return credit_code.standard(column)


def check_character(first: str) -> str:
    """The 18th character after the first 17 (GB 32100-2015: weights are powers of 3 modulo 31)."""
    total = sum(_SIGNS.index(sign) * weight for sign, weight in zip(first, _WEIGHTS, strict=True))
    return _SIGNS[(31 - total % 31) % 31]


def read_code(text: str) -> Read:
    """A code and what is wrong with it."""
    plain = re.sub(r"[\s\-]", "", tidy(text)).upper()
    if plain.casefold() in NOTHING or (plain and len(set(plain)) == 1):
        return None, "placeholder"
    if not re.fullmatch(r"[0-9A-Z]+", plain):
        return None, "form"
    if len(plain) != 18:
        return None, "length"
    if set(plain) - set(_SIGNS):
        return None, "letters"  # I, O, S, V and Z are not used, being read as digits too easily
    if plain[0] not in _CATEGORIES or not plain[2:8].isdigit():
        return None, "form"
    return (plain, FINE) if check_character(plain[:17]) == plain[17] else (None, "checksum")


_ASK = Words("Compare with the business licence and mend it in the source", "与营业执照核对后在来源系统中更正")

LETTERS = Fault(Words("Has I, O, S, V or Z, which codes never have", "含有代码中不使用的 I、O、S、V、Z"), _ASK)

credit_code = Standard(
    name="credit_code",
    words=Words("Unified social credit code", "统一社会信用代码"),
    meaning=Words("The 18 characters an organisation is registered by, checked", "机构登记的 18 位代码，经校验"),
    source=Words("GB 32100-2015", "GB 32100-2015"),
    faults={
        "placeholder": Fault(Words("A filler, not a code", "占位内容，不是代码"), _ASK),
        "length": Fault(Words("Not 18 characters", "不足或超过 18 位"), _ASK),
        "letters": LETTERS,
        "form": Fault(Words("Not the form of a code", "不符合代码格式"), _ASK),
        "checksum": Fault(Words("The check character does not fit", "校验码不符"), _ASK),
    },
    examples=(
        # The worked example of GB 32100 itself.
        Example("91350100M000100Y43", "91350100M000100Y43"),
        Example("91350100m000100y43 ", "91350100M000100Y43"),
        Example("９１３５０１００M000100Y43", "91350100M000100Y43"),
        Example("91350100M000100Y44", None, "checksum"),
        Example("91350100M000100O43", None, "letters"),
        Example("350100M000100Y43", None, "length"),
        Example("Z1350100M000100Y43", None, "letters"),
        Example("X1350100M000100Y43", None, "form"),
    ),
    read=read_code,
)
