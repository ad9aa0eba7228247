"""Dates as ISO 8601, whatever way they are written; one that reads two ways is not guessed at."""

import re
from datetime import date as day
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from tenure.identity.standard._text import NOTHING, tidy
from tenure.identity.standard.base import FINE, Column, Example, Fault, Read, Standard
from tenure.language import Words

_DIGITS = str.maketrans("〇零○一二三四五六七八九", "000123456789")
_MONTHS = {
    name: place + 1
    for place, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
}  # fmt: skip
_TIME = re.compile(r"[T ]\s*\d{1,2}(?::\d{2}){1,2}(?:\.\d+)?\s*(?:[AP]M|Z|[+-]\d{2}:?\d{2})?$", re.IGNORECASE)
_FILLERS = frozenset({"1900-01-01", "1899-12-31", "1899-12-30", "0001-01-01", "9999-12-31", "1970-01-01"})


def dates(column: Column) -> pa.Array:
    """Dates as Arrow dates; null where it is none, or reads two ways (03/04/2025)."""
    return date.standard(column).cast(pa.date32())


def _quick(column: pa.Array) -> pa.Array:
    fits = pc.match_substring_regex(
        column, r"^(?:19[0-68]\d|197[1-9]|20\d{2})-(?:0[1-9]|1[0-2])-(?:0[2-9]|1\d|2[0-8])$"
    )
    return pc.if_else(fits, column, None)


def _read(text: str) -> Read:
    plain = _TIME.sub("", tidy(text)).strip()
    if plain.casefold() in NOTHING or re.fullmatch(r"[0\-/. ]+", plain):
        return None, "placeholder"
    parts = _parts(plain)
    if parts is None:
        return None, "form"
    if parts == ():
        return None, "two_ways"
    try:
        found = day(*parts)
    except ValueError:
        return None, "no_day"
    written = found.isoformat()
    return (None, "placeholder") if written in _FILLERS else (written, FINE)


def _parts(plain: str) -> tuple[int, int, int] | tuple[()] | None:
    """Year, month, day; nothing where it reads two ways; None where it is no date."""
    if found := re.fullmatch(
        r"(\d{4}|[〇零○一二三四五六七八九]{4})\s*年\s*([^月\s]{1,3})\s*月\s*([^日号\s]{1,3})\s*[日号]", plain
    ):
        numbers = [_chinese(part) for part in found.groups()]
        return None if None in numbers else (numbers[0], numbers[1], numbers[2])  # type: ignore[return-value]
    if found := re.fullmatch(r"(\d{4})[-/. ](\d{1,2})[-/. ](\d{1,2})|(\d{4})(\d{2})(\d{2})", plain):
        year, month, of_month = (int(part) for part in found.groups() if part)
        return year, month, of_month
    if found := re.fullmatch(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})", plain):
        a, b, year = (int(part) for part in found.groups())
        if a == b or a > 12:
            return year, b, a
        # Points part days from months in the order of the continent.
        return (year, b, a) if "." in plain else (year, a, b) if b > 12 else ()
    if found := re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th)?[- ]([a-z]{3,9})\.?,?[- ](\d{4})", plain, re.IGNORECASE):
        month = _MONTHS.get(found[2][:3].casefold(), 0)
        return int(found[3]), month, int(found[1])
    if found := re.fullmatch(r"([a-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})", plain, re.IGNORECASE):
        return int(found[3]), _MONTHS.get(found[1][:3].casefold(), 0), int(found[2])
    if (found := re.fullmatch(r"(\d{5})(?:\.0+)?", plain)) and 20_000 <= int(found[1]) < 60_000:
        then = day(1899, 12, 30) + timedelta(int(found[1]))  # the day number of a spreadsheet
        return then.year, then.month, then.day
    return None


def _chinese(text: str) -> int | None:
    """二十三 → 23, 二〇二四 → 2024, 05 → 5."""
    if text.isdecimal() and text.isascii():
        return int(text)
    if "十" in text:
        tens, _ten, ones = text.partition("十")
        parts = [one.translate(_DIGITS) for one in (tens or "一", ones or "〇")]
        return int("".join(parts)) if all(one.isdecimal() for one in parts) else None
    digits = text.translate(_DIGITS)
    return int(digits) if digits.isdecimal() and digits.isascii() else None


_MEND = Words("Mend it in the source", "在来源系统中更正")

date = Standard(
    name="date",
    words=Words("Date", "日期"),
    meaning=Words("Year, month and day as 2025-03-04; a time of day is left out", "年月日写作 2025-03-04；不含时刻"),
    source=Words("ISO 8601; GB/T 7408", "ISO 8601；GB/T 7408"),
    faults={
        "placeholder": Fault(Words("A filler, not a date", "占位内容，不是日期"), _MEND),
        "form": Fault(Words("Not the form of a date", "不符合日期格式"), _MEND),
        "two_ways": Fault(
            Words("Day and month can't be told apart", "无法区分日与月"),
            Words("Write the year first, or say the order when importing", "请将年份写在前面，或在导入时指明顺序"),
        ),
        "no_day": Fault(Words("No such day in the calendar", "日历中没有这一天"), _MEND),
    },
    examples=(
        Example("2025-03-04", "2025-03-04"),
        Example("2025/3/4 08:30", "2025-03-04"),
        Example("20250304", "2025-03-04"),
        Example("2025年3月4日", "2025-03-04"),
        Example("二〇二四年十二月三十一日", "2024-12-31"),
        Example("13/04/2025", "2025-04-13"),
        Example("4 Mar 2025", "2025-03-04"),
        Example("March 4, 2025", "2025-03-04"),
        Example("04.03.2025", "2025-03-04"),
        Example("45720", "2025-03-04"),
        Example("03/04/2025", None, "two_ways"),
        Example("2025-02-29", None, "no_day"),
        Example("1900-01-01", None, "placeholder"),
        Example("soon", None, "form"),
    ),
    read=_read,
    quick=_quick,
)
