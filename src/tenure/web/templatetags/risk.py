"""How a churn score and its history are drawn: points of chance, a small line over time, drivers beside a score."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from tenure.insight.churn.drivers import driver_of, words_of
from tenure.web.templatetags.tenure import percent

register = template.Library()

WIDTH, HEIGHT, LEFT, TOP, FOOT = 268, 92, 30, 8, 18


@register.filter
def as_points(part: float) -> str:
    """0.114 → +11; less than half a point is ±0."""
    whole = round(part * 100)
    return f"{'−' if whole < 0 else '+' if whole else '±'}{abs(whole)}"


@register.filter
def tenths(part: float) -> str:
    """0.0314 → 3.1: points of chance with a tenth."""
    return f"{part * 100:.1f}"


@register.filter
def by_driver(reasons: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The reasons beside a score gathered by driver, strongest first: words, the share of the strongest, the reasons."""
    told: dict[str, list[Mapping[str, Any]]] = {}
    for reason in reasons:
        # Published before reasons named their driver: the column says it.
        told.setdefault(reason.get("driver") or driver_of(str(reason.get("feature", ""))), []).append(reason)
    sizes = {code: sum(float(reason.get("effect", 0)) for reason in mine) for code, mine in told.items()}
    most = max(sizes.values(), default=0.0) or 1.0
    return [
        {"code": code, "words": words_of(code), "length": max(0.0, sizes[code] / most), "reasons": told[code]}
        for code in sorted(told, key=lambda code: (-sizes[code], code))
    ]


@register.simple_tag
def risk_line(points: Sequence[Mapping[str, Any]]) -> SafeString:
    """The risk at each point of its history, days to scale; a hollow point is one that was worked out later."""
    if not points:
        return SafeString("")
    first, last = points[0]["as_of"], points[-1]["as_of"]
    span = max((last - first).days, 1)
    top = max(0.1, 1.15 * max(point["churn_probability"] for point in points))
    top = min(1.0, top)
    wide, high = WIDTH - LEFT - 8, HEIGHT - TOP - FOOT

    def at(point: Mapping[str, Any]) -> tuple[str, str]:
        x = LEFT + wide * ((point["as_of"] - first).days / span if len(points) > 1 else 1.0)
        return f"{x:.1f}", f"{TOP + high * (1 - point['churn_probability'] / top):.1f}"

    path = "M" + " L".join(f"{x} {y}" for x, y in map(at, points))
    dots = format_html_join(
        "",
        '<circle class="{}" cx="{}" cy="{}" r="3.5"><title>{} · {}</title></circle>',
        (
            ("t-hollow" if point["kind"] == "tried" else "t-dot", *at(point), date_format(point["as_of"]), percent(point["churn_probability"], 1))
            for point in points
        ),
    )  # fmt: skip
    return format_html(
        '<svg class="t-riskline" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<line x1="{}" x2="{}" y1="{}" y2="{}"/><line x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<text x="{}" y="{}" text-anchor="end">{}</text><text x="{}" y="{}" text-anchor="end">0</text>'
        '<path d="{}"/>{}<text x="{}" y="{}">{}</text><text x="{}" y="{}" text-anchor="end">{}</text></svg>',
        WIDTH, HEIGHT, _("Churn risk over time"),
        LEFT, WIDTH - 8, TOP, TOP, LEFT, WIDTH - 8, TOP + high, TOP + high,
        LEFT - 5, TOP + 4, percent(top), LEFT - 5, TOP + high + 4,
        path, dots,
        LEFT, HEIGHT - 4, date_format(first, "Y-m-d") if len(points) > 1 else "", WIDTH - 8, HEIGHT - 4, date_format(last, "Y-m-d"),
    )  # fmt: skip
