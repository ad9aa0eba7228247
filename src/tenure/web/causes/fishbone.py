"""The fishbone: branches as bones, their causes as ribs, each as thick as leavers are many and opening its cause.

Drawn as plain SVG, lying for a desk and standing for a phone. Colours are classes the page's style fills in, in both
themes; a drawing that leaves the page carries its own.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

WIDE, LINE, THIRD, TOP = 1180, 37, 14, 34
TALL = 380
OWN_STYLE = """
.fb-bg{fill:#fff}.fb-spine,.fb-bone,.fb-rib{fill:none;stroke:#64748b;stroke-linecap:round}
.fb-controllable{stroke:#0e7490}.fb-mixed{stroke:#b7791f}.fb-uncontrollable{stroke:#94a3b8;stroke-dasharray:5 4}
text{font:12px "Noto Sans CJK SC","Microsoft YaHei",Inter,sans-serif;fill:#334155}.fb-name{font-weight:600;fill:#0f172a}
.fb-head{fill:#0e7490}.fb-headtext{fill:#fff;font-weight:600}
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """How many leavers, which the line is as thick as, and how that is told."""

    count: float
    told: str


@dataclass(frozen=True, slots=True)
class Rib:
    """One cause: its name, leavers, who of us could prevent it, and where it leads."""

    name: str
    figure: Figure
    control: str
    url: str


@dataclass(frozen=True, slots=True)
class Bone:
    """One branch with its causes, the most frequent first."""

    name: str
    figure: Figure
    control: str
    url: str
    ribs: Sequence[Rib]


def lying(bones: Sequence[Bone], head: str, label: str, *, alone: bool = False, note: str = "") -> SafeString:
    """The fishbone as it is known, the head at the right. alone: a file of its own, with its colours; note: what its
    figures are, below it."""
    most = max((bone.figure.count for bone in bones), default=1) or 1
    upper, lower = bones[::2], bones[1::2]
    places = max(len(upper), 1)
    step = (WIDE - 150) / places
    # A figure too wide for one line takes two below its name, and all ribs stand that much further apart.
    figures = [bone.figure.told for bone in bones] + [rib.figure.told for bone in bones for rib in bone.ribs]
    more = THIRD if any(_wide(told) > _room(step) for told in figures) else 0
    above = max((len(bone.ribs) for bone in upper), default=0) * (LINE + more) + 46
    below = max((len(bone.ribs) for bone in lower), default=0) * (LINE + more) + 46
    top = TOP + more
    spine, height = top + above, top + above + below + 30 + more
    parts: list[SafeString] = []
    for row, up in ((upper, True), (lower, False)):
        for at, bone in enumerate(row):
            foot = 20 + step * (at + 1) + (0 if up else min(30, step / 6))
            far = above if up else below
            parts.append(_lying_bone(bone, foot, step, spine, far, up, most, LINE + more))
    head_x = WIDE - 118
    parts.append(
        format_html(
            '<line class="fb-spine" x1="16" y1="{0}" x2="{1}" y2="{0}" stroke-width="4"/>'
            '<path class="fb-head" d="M{1} {2} L{3} {2} L{4} {0} L{3} {5} L{1} {5} Z"/>'
            '<text class="fb-headtext" x="{6}" y="{7}" text-anchor="middle">{8}</text>',
            spine, head_x, spine - 26, WIDE - 26, WIDE - 4, spine + 26, head_x + 50, spine + 4, fit(head, 98),
        )
    )  # fmt: skip
    if note:
        height += 24
        parts.append(format_html('<text x="16" y="{}">{}</text>', _n(height - 10), note))
    return _svg(WIDE, height, label, parts, "t-fish-wide", alone)


def _lying_bone(
    bone: Bone, foot: float, step: float, spine: float, far: float, up: bool, most: float, apart: int
) -> SafeString:
    way = -1 if up else 1
    lean = min(70.0, step * 0.3)
    end_x, end_y = foot - lean, spine + way * (far - 10)
    name = f"{bone.name} · {bone.figure.told}"
    lines = folded(name, step * 0.86, bone.figure.told)
    first = end_y - 8 - 14 * (len(lines) - 1) if up else end_y + 17
    parts = [
        format_html(
            '<a href="{}"><line class="fb-bone fb-{}" x1="{}" y1="{}" x2="{}" y2="{}" stroke-width="{}"/>'
            '<text class="fb-name" text-anchor="middle">{}</text><title>{}</title></a>',
            bone.url, bone.control, _n(end_x), _n(end_y), _n(foot), _n(spine), _n(2 + 6 * (bone.figure.count / most)),
            _lines(lines, max(end_x, _half(lines)), first, 14), name,
        )
    ]  # fmt: skip
    # Bones of a side are parallel, so a rib has the whole step between two of them.
    length = min(step - 26, 240)
    for at, rib in enumerate(bone.ribs):
        # Ribs stand from the far end to the spine, the most frequent outermost.
        y = end_y - way * (apart - 6 + apart * at)
        x = end_x + (foot - end_x) * abs(y - end_y) / max(abs(spine - end_y), 1)
        name = f"{rib.name} · {rib.figure.told}"
        lines = folded(name, _room(step), rib.figure.told)
        parts.append(
            format_html(
                '<a href="{}"><line class="fb-rib fb-{}" x1="{}" y1="{}" x2="{}" y2="{}" stroke-width="{}"/>'
                '<text text-anchor="end">{}</text><title>{}</title></a>',
                rib.url, rib.control, _n(x - length), _n(y), _n(x), _n(y), _n(1 + 4 * (rib.figure.count / most)),
                _lines(lines, x - 18, y - 5 - 13 * (len(lines) - 1), 13), name,
            )
        )  # fmt: skip
    return mark_safe("".join(parts))


def _room(step: float) -> float:
    """Pixels a rib has for its words."""
    return min(step - 26, 240) - 26


def _lines(lines: Sequence[str], x: float, y: float, high: float) -> SafeString:
    return format_html_join(
        "", '<tspan x="{}" y="{}">{}</tspan>', ((_n(x), _n(y + high * n), line) for n, line in enumerate(lines))
    )


def _half(lines: Sequence[str]) -> float:
    """Half of what the longest of them takes, so that it does not start outside."""
    return max(_wide(line) for line in lines) / 2 + 4


def standing(bones: Sequence[Bone], head: str, label: str) -> SafeString:
    """The same for a narrow screen: the spine down the left, the head above."""
    most = max((bone.figure.count for bone in bones), default=1) or 1
    parts: list[SafeString] = []
    y = 66.0
    for bone in bones:
        lines = folded(f"{bone.name} · {bone.figure.told}", TALL - 80, bone.figure.told)
        parts.append(
            format_html(
                '<a href="{}"><path class="fb-bone fb-{}" d="M20 {} L52 {}" stroke-width="{}"/><text class="fb-name">{}</text></a>',
                bone.url, bone.control, _n(y + 22), _n(y), _n(2 + 6 * (bone.figure.count / most)),
                _lines(lines, 58, y + 4, 16),
            )
        )  # fmt: skip
        y += 16 * (len(lines) - 1)
        for rib in bone.ribs:
            y += 27
            lines = folded(f"{rib.name} · {rib.figure.told}", TALL - 90, rib.figure.told)
            parts.append(
                format_html(
                    '<a href="{}"><path class="fb-rib fb-{}" d="M44 {} H72" stroke-width="{}"/><text>{}</text></a>',
                    rib.url, rib.control, _n(y), _n(1 + 4 * (rib.figure.count / most)), _lines(lines, 80, y + 4, 15),
                )
            )  # fmt: skip
            y += 15 * (len(lines) - 1)
        y += 38
    spine = format_html(
        '<line class="fb-spine" x1="20" y1="40" x2="20" y2="{}" stroke-width="4"/><rect class="fb-head" x="4" y="8" width="{}" '
        'height="34" rx="8"/><text class="fb-headtext" x="16" y="30">{}</text>',
        _n(y - 6), TALL - 8, fit(head, TALL - 40),
    )  # fmt: skip
    return _svg(TALL, y + 6, label, [spine, *parts], "t-fish-tall", alone=False)


def _svg(width: float, height: float, label: str, parts: Sequence[SafeString], name: str, alone: bool) -> SafeString:
    inside = format_html_join("", "{}", ((part,) for part in parts))
    own = (
        format_html(
            '<style>{}</style><rect class="fb-bg" width="{}" height="{}"/>', mark_safe(OWN_STYLE), width, _n(height)
        )
        if alone
        else ""
    )
    size = format_html(' width="{}" height="{}"', width, _n(height)) if alone else ""
    return format_html(
        '<svg xmlns="http://www.w3.org/2000/svg" class="t-fish {}" viewBox="0 0 {} {}"{} role="img" aria-label="{}">{}{}</svg>',
        name, width, _n(height), size, label, own, inside,
    )  # fmt: skip


def fit(text: str, room: float) -> str:
    """The text cut to about so many pixels of 12-pixel letters; a Chinese one is as wide as two others."""
    used, kept = 0.0, ""
    for letter in text:
        used += _letter(letter)
        if used > room:
            return kept.rstrip() + "…"
        kept += letter
    return kept


def _letter(letter: str) -> float:
    return 12.2 if unicodedata.east_asian_width(letter) in "WF" else 6.4


def _wide(text: str) -> float:
    return sum(map(_letter, text))


def folded(text: str, room: float, end: str = "") -> list[str]:
    """The text in one line, or in two where one is too short for it. end: a figure it ends with, which stays whole: in
    a second line, or with its interval in the second and what is said in a third."""
    if fit(text, room) == text:
        return [text]
    if _wide(end) > room / 3:  # a figure and where it lies: the name before it has a line of its own
        cut = max(end.rfind(")"), end.rfind("）")) + 1 if _wide(end) > room else 0
        told = [end[:cut], end[cut:].lstrip(",， ")] if cut else [end]
        return [fit(text.removesuffix(end).rstrip(" ·"), room), *(fit(one, room) for one in told)]
    first = fit(text, room).rstrip("…")
    cut = first.rfind(" ") if " " in first.strip() else len(first)
    return [text[:cut].rstrip(), fit(text[cut:].lstrip(), room)]


def _n(number: float) -> str:
    return f"{number:.1f}"
