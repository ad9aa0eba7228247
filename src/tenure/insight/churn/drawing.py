"""Small charts as inline SVG for a page that loads nothing: lines, points and steps, in the page's own colours.

Colours are classes (`line`, `band`, `dot`, `guide`, `alt`), so that light, dark and print each dress them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 480, 280
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 12, 40


@dataclass(frozen=True)
class Mark:
    """One thing drawn: kind is line, step, band (low and high), dots, or guide (a dotted line)."""

    kind: str
    x: Sequence[float]
    y: Sequence[float]
    high: Sequence[float] = ()


def chart(
    marks: Sequence[Mark],
    *,
    title: str,
    x_title: str,
    y_title: str,
    x_percent: bool = False,
    y_percent: bool = True,
    y_most: float | None = None,
) -> str:
    """An SVG of some marks on shared axes; both start at 0 unless a value lies below."""
    xs = [value for mark in marks for value in mark.x]
    ys = [value for mark in marks for value in (*mark.y, *mark.high)]
    x0, x1 = min(0.0, *xs), max(xs)
    y0, y1 = min(0.0, *ys), y_most if y_most is not None else max(ys)
    x_ticks, y_ticks = ticks(x0, x1), ticks(y0, y1)
    x1, y1 = max(x1, x_ticks[-1] if x_percent else x1), max(y1, y_ticks[-1])

    def px(value: float) -> str:
        return f"{LEFT + (value - x0) / ((x1 - x0) or 1) * (WIDTH - LEFT - RIGHT):.1f}"

    def py(value: float) -> str:
        return f"{HEIGHT - BOTTOM - (value - y0) / ((y1 - y0) or 1) * (HEIGHT - TOP - BOTTOM):.1f}"

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">']
    for tick in y_ticks:
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{py(tick)}" y2="{py(tick)}"/>')
        parts.append(
            f'<text x="{LEFT - 6}" y="{float(py(tick)) + 4:.1f}" text-anchor="end">{shown(tick, y_percent)}</text>'
        )
    for tick in x_ticks:
        parts.append(
            f'<text x="{px(tick)}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{shown(tick, x_percent)}</text>'
        )
    parts.append(
        f'<text class="axis" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_title)}</text>'
    )
    middle = (HEIGHT - BOTTOM + TOP) / 2
    parts.append(
        f'<text class="axis" x="12" y="{middle}" text-anchor="middle" transform="rotate(-90 12 {middle})">{escape(y_title)}</text>'
    )
    for mark in marks:
        x, y = list(mark.x), list(mark.y)
        if mark.kind == "dots":
            parts += [f'<circle class="dot" cx="{px(a)}" cy="{py(b)}" r="4"/>' for a, b in zip(x, y, strict=True)]
            if mark.high:
                low = mark.high[: len(x)]
                high = mark.high[len(x) :]
                parts += [
                    f'<line class="whisker" x1="{px(a)}" x2="{px(a)}" y1="{py(b)}" y2="{py(c)}"/>'
                    for a, b, c in zip(x, low, high, strict=True)
                ]
        elif mark.kind == "band":
            up, down = _steps(x, list(mark.high)), _steps(x, y)
            points = " ".join(f"{px(a)},{py(b)}" for a, b in [*up, *reversed(down)])
            parts.append(f'<polygon class="band" points="{points}"/>')
        else:
            pairs = _steps(x, y) if mark.kind == "step" else list(zip(x, y, strict=True))
            points = " ".join(f"{px(a)},{py(b)}" for a, b in pairs)
            parts.append(f'<polyline class="{"guide" if mark.kind == "guide" else "line"}" points="{points}"/>')
    return "".join([*parts, "</svg>"])


def _steps(x: Sequence[float], y: Sequence[float]) -> list[tuple[float, float]]:
    """The corners of a curve that keeps its height until the next point."""
    corners: list[tuple[float, float]] = []
    for place, (a, b) in enumerate(zip(x, y, strict=True)):
        if place:
            corners.append((a, y[place - 1]))
        corners.append((a, b))
    return corners


def ticks(low: float, high: float) -> list[float]:
    """Four to seven round numbers that span a range."""
    import math

    span = (high - low) or 1.0
    step: float = 10 ** math.floor(math.log10(span / 4))
    step = next(step * factor for factor in (1, 2, 2.5, 5, 10) if span / (step * factor) <= 6)
    first = math.floor(low / step)
    return [round((first + n) * step, 10) for n in range(math.ceil((high - 1e-9 * span) / step) - first + 1)]


def shown(value: float, percent: bool) -> str:
    return f"{100 * value:g}%" if percent else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"
