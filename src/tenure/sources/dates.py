"""Dates as people and programs write them, read to instants in UTC.

01/03/2026 is 1 March or 3 January. A column decides for itself from those of its values that can be read one way only;
no row is ever read on its own.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.errors import TenureError
from tenure.language import tr
from tenure.sources.parse import NOT_A_DATE, NOTHING, REPUBLICAN, Parsed, as_text, each, is_ascii, over_distinct

Order: TypeAlias = Literal["dmy", "mdy"]
DAYS_FROM_1900_TO_1904 = 1462.0
INSTANT = pa.timestamp("us", tz="UTC")
_NAIVE = pa.timestamp("us")

_ORDERS: dict[str, Order] = {
    "dmy": "dmy", "day": "dmy", "day-first": "dmy", "mdy": "mdy", "month": "mdy", "month-first": "mdy",
}  # fmt: skip


def order_named(name: str | None) -> Order | None:
    """`dmy` or `mdy` (also day-first, month-first). Raises TenureError for anything else."""
    if name is None:
        return None
    try:
        return _ORDERS[name.lower().replace("_", "-")]
    except KeyError:
        raise TenureError(
            tr('There is no date order "{name}". Give dmy for 31/12/2026 or mdy for 12/31/2026.', name=name)
        ) from None


@dataclass
class OrderEvidence:
    """What a column's own values say about the order of day and month."""

    day_first: str | None = None
    month_first: str | None = None
    unclear: str | None = None

    def look(self, column: pa.Array) -> None:
        """Take note of the values of a text column that are written with two numbers before the year."""
        if not pa.types.is_string(column.type):
            return
        distinct = pc.unique(column)
        if not is_ascii(distinct):
            distinct = pc.utf8_normalize(distinct, form="NFKC")
        self.day_first = self.day_first or _first_match(distinct, _BEFORE + _LATE + _MARK + _EARLY + _AFTER)
        self.month_first = self.month_first or _first_match(distinct, _BEFORE + _EARLY + _MARK + _LATE + _AFTER)
        if not (self.day_first or self.month_first or self.unclear):
            self.unclear = _first_match(distinct, _BEFORE + _EARLY + _MARK + _EARLY + _AFTER)

    def decide(self, column: str) -> Order:
        """Raises TenureError, asking for --date-order, where the values leave it open or contradict each other."""
        if self.day_first and self.month_first:
            raise TenureError(
                tr(
                    "{column} has dates with the day first ({day_first}) and with the month first ({month_first}). Say "
                    "which is right with --date-order dmy or --date-order mdy; rows with the other will be rejected.",
                    column=column,
                    day_first=self.day_first,
                    month_first=self.month_first,
                )
            )
        if self.unclear and not (self.day_first or self.month_first):
            raise TenureError(
                tr(
                    "{column} has dates like {value}, and none that tells the day from the month. Say which comes first "
                    "with --date-order dmy or --date-order mdy.",
                    column=column,
                    value=self.unclear,
                )
            )
        return "mdy" if self.month_first else "dmy"


def instant(column: pa.Array, zone: str, order: Callable[[], Order]) -> Parsed:
    """Instants in UTC. What has no zone is read in `zone`: of two such moments in autumn the earlier, and a moment
    that spring skips is the first one after the gap.

    order: asked only when the column has dates written with two numbers before the year.
    """
    kind = column.type
    if pa.types.is_timestamp(kind):
        column = pc.cast(column, pa.timestamp("us", kind.tz), safe=False)
        return Parsed(pc.cast(column, INSTANT) if kind.tz else _in_zone(column, zone))
    if pa.types.is_date(kind):
        return Parsed(_in_zone(pc.cast(column, _NAIVE), zone))
    column = as_text(column)
    values = _iso(column)
    if values is not None:
        return Parsed(values if values.type.tz else _in_zone(values, zone))
    chosen = _order_of(column, order)
    shaped = by_shape(column, chosen)
    rest = pc.if_else(shaped.is_valid(), pa.scalar(None, pa.string()), column)
    if rest.null_count == len(rest):
        return Parsed(_in_zone(shaped, zone))

    def read(distinct: pa.Array) -> Parsed:
        local = each(distinct, lambda cell: moment(cell, chosen), _NAIVE)
        fixed = each(distinct, lambda cell: moment(cell, chosen, zoned=True), INSTANT)
        values = pc.coalesce(fixed.values, _in_zone(local.values, zone))
        return Parsed(values, local.fault, local.faults)

    parsed = over_distinct(rest, read)
    return Parsed(pc.coalesce(_in_zone(shaped, zone), parsed.values), parsed.fault, parsed.faults)


def day(column: pa.Array, order: Callable[[], Order]) -> Parsed:
    """Calendar days. A time of day is cut off as it is written, without turning it into another zone."""
    kind = column.type
    if pa.types.is_date(kind):
        return Parsed(pc.cast(column, pa.date32()))
    if pa.types.is_timestamp(kind):
        return Parsed(pc.cast(pc.floor_temporal(pc.cast(column, pa.timestamp("us")), unit="day"), pa.date32()))
    text = as_text(column)
    values = _iso(text)
    if values is not None and not values.type.tz:
        return Parsed(pc.cast(pc.floor_temporal(values, unit="day"), pa.date32()))

    chosen = _order_of(text, order)

    def read(cell: str) -> object:
        found = moment(cell, chosen, any_zone=True)
        return found.date() if isinstance(found, dt.datetime) else found

    return over_distinct(text, lambda distinct: each(distinct, read, pa.date32()))


def _in_zone(values: pa.Array, zone: str) -> pa.Array:
    local = pc.assume_timezone(values, zone, ambiguous="earliest", nonexistent="latest")
    return pc.cast(local, INSTANT)


def _iso(column: pa.Array) -> pa.Array | None:
    """The whole column as Arrow's own ISO reading, with or without a zone; None where a cell is anything else."""
    first = next((value.as_py() for value in column if value.is_valid), "")
    # To fail is what costs: the first cell says which of the two is likely.
    for kind in (INSTANT, _NAIVE) if _ZONED.search(first) else (_NAIVE, INSTANT):
        try:
            return pc.cast(column, kind)
        except pa.ArrowInvalid:
            continue
    return None


_ZONED = re.compile(r":\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})$")
_BEFORE = r"^\s*(?:[A-Za-z]+,? +)?"
_MARK = r"[/.\-]"
_EARLY = r"(?:0?[1-9]|1[0-2])"
_LATE = r"(?:1[3-9]|2\d|3[01])"
_AFTER = r"[/.\-](?:\d{4}|\d{2})(?:\D|$)"
_CLOCK = r"(?:[ T](?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?)?$"
_SHAPE_YEAR_FIRST = r"^(?P<year>\d{4})[-/.年](?P<month>\d{1,2})[-/.月](?P<day>\d{1,2})日?" + _CLOCK
_SHAPE_DAY_FIRST = r"^(?P<day>\d{1,2})[-/.](?P<month>\d{1,2})[-/.](?P<year>\d{4})" + _CLOCK
_SHAPE_MONTH_FIRST = r"^(?P<month>\d{1,2})[-/.](?P<day>\d{1,2})[-/.](?P<year>\d{4})" + _CLOCK
_MONTH_DAYS = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def _first_match(distinct: pa.Array, pattern: str) -> str | None:
    hits = distinct.filter(pc.match_substring_regex(distinct, pattern))
    for value in hits.to_pylist():
        match = _NUMBERS_FIRST.match(_tidy(value))
        # 03/03/2026 is the third of March either way.
        if match and int(match[1]) != int(match[2]):
            return str(value)
    return None


def _order_of(column: pa.Array, order: Callable[[], Order]) -> Order:
    if not is_ascii(column):
        column = pc.utf8_normalize(column, form="NFKC")
    number = _BEFORE + r"\d{1,2}" + _MARK + r"\d{1,2}" + _AFTER
    return order() if pc.any(pc.match_substring_regex(column, number)).as_py() else "dmy"


def by_shape(column: pa.Array, order: Order) -> pa.Array:
    """The two common shapes of numbers with marks between, read a column at a time; null where it is neither."""
    found = pa.nulls(len(column), _NAIVE)
    for shape in (_SHAPE_YEAR_FIRST, _SHAPE_DAY_FIRST if order == "dmy" else _SHAPE_MONTH_FIRST):
        parts = pc.extract_regex(column, shape)
        if parts.null_count == len(parts):
            continue
        year, month, date, hour, minute, second = (
            _digits(pc.struct_field(parts, name)) for name in ("year", "month", "day", "hour", "minute", "second")
        )
        good = ~parts.is_null().to_numpy(zero_copy_only=False) & (month >= 1) & (month <= 12) & (year >= 1)
        leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
        length = _MONTH_DAYS[np.where(good, month, 0)] - ((month == 2) & ~leap)
        good &= (date >= 1) & (date <= length) & (hour < 24) & (minute < 60) & (second < 60)
        year, month, date = np.where(good, year, 1970), np.where(good, month, 1), np.where(good, date, 1)
        months = (year - 1970).astype("datetime64[Y]").astype("datetime64[M]") + (month - 1)
        days = months.astype("datetime64[D]") + (date - 1)
        moment = days.astype("datetime64[us]").astype(np.int64) + ((hour * 60 + minute) * 60 + second) * 1_000_000
        found = pc.coalesce(found, pa.array(moment, pa.int64(), mask=~good).cast(_NAIVE))
    return found


def _digits(part: pa.Array) -> Any:
    filled = pc.if_else(pc.equal(pc.binary_length(part), 0), "0", part).fill_null("0")
    return pc.cast(filled, pa.int64()).to_numpy(zero_copy_only=False)


_NUMBERS_FIRST = re.compile(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4}|\d{2})(?=\D|$)")
_YEAR_FIRST = re.compile(r"(\d{4})(?:[/.\-年])(\d{1,2})(?:[/.\-月])(\d{1,2})日?(?=\D|$)")
_CLOSE = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T?(\d{2})(\d{2})(\d{2})?)?$")
_DAY_MONTH = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[ \-,.]*([a-z]{3,9})\.?[ \-,]*(\d{4}|\d{2})(?=\D|$)", re.IGNORECASE)
_MONTH_DAY = re.compile(r"([a-z]{3,9})\.?[ \-]*(\d{1,2})(?:st|nd|rd|th)?[ ,\-]+(\d{4})(?=\D|$)", re.IGNORECASE)
_WEEKDAY = re.compile(r"^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? +|(?:星期|周)[一二三四五六日天]", re.IGNORECASE)
_TIME = re.compile(
    r"[T ,]*(?:(?P<early>上午|下午|凌晨|晚上|中午) *)?"
    r"(?P<hour>\d{1,2})[:时点](?P<minute>\d{1,2})?分?(?::?(?P<second>\d{1,2})(?:[.,](?P<part>\d{1,9}))?秒?)?"
    r" *(?P<half>[AaPp]\.?[Mm]\.?)? *(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?$"
)
_NUMBER = re.compile(r"\d+(?:\.\d*)?$")
_MONTHS = {name: place for place, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1)}  # noqa: SIM905
_LONG_MONTHS = dict(
    zip(
        "january february march april may june july august september october november december".split(),  # noqa: SIM905
        range(1, 13),
        strict=True,
    )
) | {"sept": 9}
_EXCEL_EPOCH = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet has no zone
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - made UTC where it is used


# 二〇二四年三月五日: the year digit by digit, month and day as numbers up to thirty-one.
_IN_WORDS = re.compile(
    r"([〇零○一二三四五六七八九]{4})年([一二三四五六七八九十]{1,2})月([一二三四五六七八九十廿卅]{1,3})[日号號]?"
)
_DIGITS = {"〇": 0, "零": 0, "○": 0} | {
    character: value for value, character in enumerate("一二三四五六七八九", start=1)
}
_REPUBLICAN = re.compile(r"^(?:中[华華])?民[国國]")


def _tidy(cell: str) -> str:
    tidy = " ".join(_WEEKDAY.sub("", unicodedata.normalize("NFKC", cell).strip()).split())
    return _IN_WORDS.sub(_in_digits, tidy) if "年" in tidy else tidy


def _in_digits(words: re.Match[str]) -> str:
    year = "".join(str(_DIGITS[character]) for character in words[1])
    return f"{year}年{_counted(words[2])}月{_counted(words[3])}日"


def _counted(words: str) -> int:
    """三十一 is 31, 十 is 10, 廿三 is 23."""
    words = words.replace("廿", "二十").replace("卅", "三十")
    tens, ten, ones = words.rpartition("十")
    if not ten:
        return int("".join(str(_DIGITS[character]) for character in words))
    return (_DIGITS.get(tens, 9) if tens else 1) * 10 + (_DIGITS.get(ones, 9) if ones else 0)


def moment(cell: str, order: Order, *, zoned: bool = False, any_zone: bool = False) -> object:
    """One date as a naive datetime: local, or with `zoned` in UTC and None for what names no zone. A Fault if neither."""
    tidy = _tidy(cell)
    if tidy.casefold() in NOTHING:
        return None
    found = _read(tidy, order)
    if found is None:
        return REPUBLICAN if _REPUBLICAN.match(tidy) else NOT_A_DATE
    moment, shift = found
    if any_zone:
        return moment
    if zoned:
        if shift is None:
            return None
        return (moment - shift).replace(tzinfo=dt.UTC)
    return None if shift is not None else moment


def _read(text: str, order: Order) -> tuple[dt.datetime, dt.timedelta | None] | None:
    if match := _CLOSE.match(text):
        year, month, day_, hour, minute, second = (int(part or 0) for part in match.groups())
        if 1900 <= year <= 2200 and 1 <= month <= 12:
            return _made(year, month, day_, hour, minute, second)
    if _NUMBER.match(text):
        return _from_number(float(text))
    if match := _YEAR_FIRST.match(text):
        year, month, day_ = (int(part) for part in match.groups())
    elif match := _NUMBERS_FIRST.match(text):
        first, second, year = int(match[1]), int(match[2]), _full_year(match[3])
        day_, month = (first, second) if order == "dmy" else (second, first)
    elif match := _DAY_MONTH.match(text):
        day_, month, year = int(match[1]), _month(match[2]), _full_year(match[3])
    elif match := _MONTH_DAY.match(text):
        day_, month, year = int(match[2]), _month(match[1]), int(match[3])
    else:
        return None
    rest = text[match.end() :].strip(" ,")
    if not rest:
        return _made(year, month, day_)
    time = _TIME.match(rest)
    if not time:
        return None
    hour = int(time["hour"])
    half = (time["half"] or "").lower().replace(".", "")
    early = time["early"]
    if half or early in ("上午", "下午", "晚上"):
        if half and not 1 <= hour <= 12:
            return None
        late = half == "pm" or early in ("下午", "晚上")
        hour = hour % 12 + 12 if late else hour % 12 if half or hour == 12 else hour
    micro = int((time["part"] or "").ljust(6, "0")[:6] or 0)
    made = _made(year, month, day_, hour, int(time["minute"] or 0), int(time["second"] or 0), micro)
    return made and (made[0], _shift(time["zone"]))


def _made(*parts: int) -> tuple[dt.datetime, None] | None:
    try:
        return dt.datetime(*parts), None  # type: ignore[arg-type]  # noqa: DTZ001 - its zone is settled by the caller
    except ValueError:
        return None


def _shift(zone: str | None) -> dt.timedelta | None:
    if not zone:
        return None
    if zone in ("Z", "UTC", "GMT"):
        return dt.timedelta(0)
    digits = zone[1:].replace(":", "").ljust(4, "0")
    shift = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -shift if zone[0] == "-" else shift


def _month(name: str) -> int:
    name = name.lower()
    return _MONTHS.get(name) or _LONG_MONTHS.get(name) or 0


def _full_year(text: str) -> int:
    year = int(text)
    # Two digits: 69 to 99 are of the last century, as POSIX has it.
    return year if len(text) == 4 else year + (1900 if year >= 69 else 2000)


def _from_number(value: float) -> tuple[dt.datetime, dt.timedelta | None] | None:
    """A day number of Excel (1954 to 2119), or seconds, milli- or microseconds since 1970 (2001 to 2286)."""
    if 20_000 <= value < 80_000:
        # A sheet keeps a second as a fraction of a day, so it is rounded to one.
        return _EXCEL_EPOCH + dt.timedelta(seconds=round(value * 86_400)), None
    for scale in (1, 1_000, 1_000_000):
        if 1e9 * scale <= value < 1e10 * scale:
            return _EPOCH + dt.timedelta(microseconds=round(value * (1_000_000 // scale))), dt.timedelta(0)
    return None
