"""How figures are written on pages: money, shares, words for codes, small pictures."""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tenure.currencies import minor_digits, sign_of
from tenure.desk.customers.words import words_for
from tenure.desk.lake import workspace
from tenure.lake.fields import FIELDS
from tenure.language import Words, is_chinese

register = template.Library()

UNKNOWN = "–"  # also for what a template could not find: it hands over an empty text then
# Why a number belongs to its person, as the lake's links say it.
WHY_JOINED: Mapping[str, Words] = {
    "same ID number": Words("same ID number", "证件号相同"),
    "same phone and name": Words("same phone and name", "手机号与姓名相同"),
    "same e-mail and name": Words("same e-mail and name", "邮箱与姓名相同"),
    "same phone and e-mail": Words("same phone and e-mail", "手机号与邮箱相同"),
    "joined by a person": Words("joined by a person", "人工判定为同一人"),
    "minted": Words("first known by this number", "首次以此编号出现"),
}


def in_units(minor: float) -> float:
    return float(minor / 10 ** minor_digits(workspace().currency))


def symbol() -> str:
    return sign_of(workspace().currency)


@register.filter
def money(minor: float | None) -> str:
    """12345 → ¥123; minor units of the reporting currency, to the whole unit."""
    if not isinstance(minor, Real):
        return UNKNOWN
    units = round(in_units(minor))
    return f"{'−' if units < 0 else ''}{symbol()}{abs(units):,}"


@register.filter
def compact(number: float | None) -> str:
    """1234567 → 1.23M, in Chinese 123.5万."""
    if not isinstance(number, Real):
        return UNKNOWN
    steps = ((1e8, "亿"), (1e4, "万")) if is_chinese() else ((1e9, "B"), (1e6, "M"), (1e4, "K"))
    for size, letter in steps:
        if abs(number) >= size:
            scaled = number / (1e3 if letter == "K" else size)
            return f"{scaled:,.{0 if abs(scaled) >= 100 else 1}f}{letter}"
    return f"{number:,.0f}"


@register.filter
def compact_money(minor: float | None) -> str:
    if not isinstance(minor, Real):
        return UNKNOWN
    units = in_units(minor)
    return f"{'−' if units < 0 else ''}{symbol()}{compact(abs(units))}"


@register.filter
def own(card: Any, field: Any) -> str:
    """What a customer has in one of the company's own fields, as the asker may see it."""
    value = card.custom.get(field.pk)
    return value.text if value is not None and value.text else UNKNOWN


@register.filter
def ownvalue(record: Any, field: Any) -> str:
    """What an own record has in a field, as the asker may see it."""
    value = record.values.get(field.pk)
    return value.text if value is not None and value.text else UNKNOWN


@register.filter
def grouped(number: object) -> str:
    """1234567 → 1,234,567; what is no whole number is rounded to one."""
    if isinstance(number, float):
        return f"{number:,.0f}"
    return f"{number:,}" if isinstance(number, int) else str(number)


@register.filter
def percent(share: float | None, places: int = 0) -> str:
    """0.237 → 24 %."""
    return f"{share * 100:.{places}f}%" if isinstance(share, Real) else UNKNOWN


@register.filter
def words(code: object, kind: str) -> str:
    """The word for a code: {{ score.stage|words:"stage" }}."""
    return words_for(kind, code)


@register.filter
def said(reason: Mapping[str, Any]) -> str:
    """A reason of a score, in the page's language."""
    return str(reason.get("zh" if is_chinese() else "en") or reason.get("en") or reason.get("feature") or "")


@register.filter
def heat(value: float | None, most: float | None) -> str:
    """How strongly to tint a cell, 0 to 1; the square root keeps small ones visible."""
    if not value or not most:
        return "0"
    return f"{min(1.0, max(0.0, value / most)) ** 0.5:.2f}"


@register.filter
def heat_of(weight: float, most: float) -> str:
    """How long a bar is, 0 to 1, whichever way it points."""
    return f"{min(1.0, abs(weight) / most):.2f}" if most else "0"


@register.filter
def signed(weight: float | None) -> str:
    """3.21 → +3.2; −1.5."""
    return f"{'−' if weight < 0 else '+'}{abs(weight):.1f}" if isinstance(weight, Real) else UNKNOWN


@register.filter
def joined_why(reason: str) -> str:
    """Why a number belongs to its person, in the page's language."""
    likely = "likely the same: "
    if reason.startswith(likely) and is_chinese():
        fields = [name.replace(" ", "_") for name in reason.removeprefix(likely).split(", ")]
        return "很可能为同一人：" + "、".join(str(FIELDS[name].words) if name in FIELDS else name for name in fields)
    return str(WHY_JOINED.get(reason, reason))


@register.simple_tag
def sparkline(values: Sequence[float | None], width: int = 120, height: int = 28) -> SafeString:
    """A line of values over time, oldest first; a gap stays a gap."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return SafeString("")
    low, high = min(known), max(known)
    span = (high - low) or 1
    step = (width - 4) / max(len(values) - 1, 1)
    pieces: list[str] = []
    drawing = False
    for index, value in enumerate(values):
        if value is None:
            drawing = False
            continue
        y = height - 3 - (height - 6) * (value - low) / span
        pieces.append(f"{'L' if drawing else 'M'}{2 + index * step:.1f} {y:.1f}")
        drawing = True
    return format_html(
        '<svg class="t-spark" viewBox="0 0 {} {}" width="{}" height="{}" preserveAspectRatio="none" aria-hidden="true"><path d="{}"/></svg>',
        width, height, width, height, " ".join(pieces),
    )  # fmt: skip


@register.simple_tag
def gauge(share: float | None, band: str = "") -> SafeString:
    """A half circle filled as far as the risk goes."""
    filled = 0 if share is None else min(max(share, 0), 1) * 157.08
    return format_html(
        '<svg class="t-gauge t-band-{}" viewBox="0 0 120 66" width="120" height="66" role="img" aria-label="{}">'
        '<path class="t-gauge-track" d="M10 60 A50 50 0 0 1 110 60"/>'
        '<path class="t-gauge-fill" d="M10 60 A50 50 0 0 1 110 60" stroke-dasharray="{} 158"/>'
        '<text x="60" y="56" text-anchor="middle">{}</text></svg>',
        band, percent(share), f"{filled:.1f}", percent(share),
    )  # fmt: skip
