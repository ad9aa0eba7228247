"""What several standards share: width and blanks, traditional to simplified characters, what is written where nothing is."""

import re
import unicodedata
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from tenure.identity.standard.base import Column, each, flat

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
IS_HAN = re.compile(f"[{HAN}]")
# Joiners, marks of direction and of byte order: pasted along, never meant.
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]")
_BLANKS = re.compile(r"\s+")
GARBLED = re.compile("[\ufffd\x00-\x08]|锟斤拷|烫烫|屯屯屯|Ã.|â€")
NOTHING = frozenset({
    "无", "没有", "不详", "未知", "未填", "未提供", "暂无", "空", "保密", "测试", "客户", "某某", "匿名", "未命名", "待定", "不知道",
    "n/a", "na", "n.a.", "none", "null", "nil", "nan", "unknown", "not available", "not known", "tbd", "test", "tester", "testing",
    "anonymous", "customer", "xxx", "xx", "x", "-", "--", "---", "/", ".", "?", "??", "???", "#n/a", "undefined", "no name",
})  # fmt: skip


def tidy(text: str) -> str:
    """Full width to half, invisible marks gone, one blank between words (Unicode NFKC)."""
    return _BLANKS.sub(" ", _UNSEEN.sub("", unicodedata.normalize("NFKC", text))).strip()


def simplified(text: str) -> str:
    """陳大文 → 陈大文: traditional Chinese characters as simplified ones; other text as it is."""
    return _converter().convert(text) if _traditional().search(text) else text


def simplify(column: Column) -> pa.Array:
    """`simplified` over a column."""
    given = flat(column)
    if not pc.any(pc.match_substring_regex(given, _traditional().pattern)).as_py():
        return given
    return each(given, simplified)


def is_plain(column: pa.Array) -> pa.Array:
    """Whether each value is a Chinese name or word of two to four simplified characters, and nothing else."""
    return pc.and_not(
        pc.match_substring_regex(column, r"^[\x{4e00}-\x{9fff}]{2,4}$"),
        pc.match_substring_regex(column, _traditional().pattern),
    )


@cache
def _converter():  # type: ignore[no-untyped-def]
    import opencc  # its dictionaries are read where a first traditional character is met

    return opencc.OpenCC("t2s")


@cache
def _traditional() -> re.Pattern[str]:
    """Characters that stand differently in simplified Chinese."""
    every = [chr(code) for code in range(0x4E00, 0xA000)]
    turned = _converter().convert("\n".join(every)).split("\n")
    return re.compile("[" + "".join(a for a, b in zip(every, turned, strict=True) if a != b) + "]")
