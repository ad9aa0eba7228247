"""A board on paper: the same grid of tiles, A4 across, in Chinese and in English without a font of the machine's.

Latin letters are in a font every reader of PDF has; everything else in STSong, which readers bring along for Chinese.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby, pairwise
from typing import Any

from django.utils.translation import gettext as _

from tenure.web.boards.tiles import Tile

LATIN, BOLD, HAN = "Helvetica", "Helvetica-Bold", "STSong-Light"
PAGE_WIDTH, PAGE_HEIGHT, EDGE, GAP = 842.0, 595.0, 32.0, 10.0
COLUMNS = 4
FEW_PLACES = 8  # bars that are all named; of more the first and the last
NUMBER_HIGH, PLAIN_HIGH = 92.0, 176.0
INK, TEXT, QUIET, LINE = "#111827", "#374151", "#6b7280", "#e5e7eb"
TINTS = {"$primary": "#00807f", "$good": "#15803d", "$bad": "#b91c1c", "$muted": "#9ca3af", "$text": TEXT}
TONES = {"good": TINTS["$good"], "bad": TINTS["$bad"]}
# Signs neither font has, by what stands in for them; a sign without one is a box.
INSTEAD = {"−": "-", "\u2009": " ", "\u202f": " ", "\u00a0": " ", "…": "..."}


def pdf(name: str, about: Sequence[str], tiles: Sequence[tuple[int, Tile]], foot: str) -> bytes:
    """The board as a PDF. about: lines under its name. tiles: each with its width in columns, in order.

    The same board gives the same bytes: no clock goes into it.
    """
    from reportlab.pdfgen.canvas import Canvas  # loads slowly; here alone

    _fonts()
    written = io.BytesIO()
    paper = _Paper(Canvas(written, pagesize=(PAGE_WIDTH, PAGE_HEIGHT), invariant=1), foot)
    paper.canvas.setTitle(name)
    paper.head(name, about)
    for row in _rows(tiles):
        paper.row(row)
    paper.end()
    return written.getvalue()


@cache
def _fonts() -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont

    pdfmetrics.registerFont(UnicodeCIDFont(HAN))


def _rows(tiles: Sequence[tuple[int, Tile]]) -> Iterator[list[tuple[int, Tile]]]:
    """Tiles side by side as the page's grid puts them."""
    row: list[tuple[int, Tile]] = []
    for width, tile in tiles:
        if sum(other for other, _one in row) + width > COLUMNS:
            yield row
            row = []
        row.append((width, tile))
    if row:
        yield row


class _Paper:
    """A canvas with a place to write next."""

    def __init__(self, canvas: Any, foot: str) -> None:
        self.canvas, self._foot, self._page = canvas, foot, 1
        self._y = PAGE_HEIGHT - EDGE

    def head(self, name: str, about: Sequence[str]) -> None:
        self.text(EDGE, self._y - 14, name, 18, INK, bold=True, wide=PAGE_WIDTH - 2 * EDGE)
        self._y -= 22
        for line in about:
            self.text(EDGE, self._y - 8, line, 9, QUIET, wide=PAGE_WIDTH - 2 * EDGE)
            self._y -= 13
        self._y -= 6

    def row(self, row: Sequence[tuple[int, Tile]]) -> None:
        high = max(NUMBER_HIGH if tile.number is not None else PLAIN_HIGH for _width, tile in row)
        if self._y - high < EDGE + 12:
            self._turn()
        column = (PAGE_WIDTH - 2 * EDGE - (COLUMNS - 1) * GAP) / COLUMNS
        x = EDGE
        for width, tile in row:
            wide = column * width + GAP * (width - 1)
            self._box(x, self._y - high, wide, high, tile)
            x += wide + GAP
        self._y -= high + GAP

    def end(self) -> None:
        self._footer()
        self.canvas.save()

    def text(
        self, x: float, y: float, text: str, size: float, colour: str, *, bold: bool = False, wide: float = 0,
        right: bool = False,
    ) -> None:  # fmt: skip
        """One line, cut where it would be too wide; right: it ends at x."""
        runs = _fitted(text, size, bold, wide)
        if right:
            x -= sum(_width(run, font, size) for font, run in runs)
        self.canvas.setFillColor(colour)
        for font, run in runs:
            self.canvas.setFont(font, size)
            self.canvas.drawString(x, y, run)
            x += _width(run, font, size)

    def _box(self, x: float, y: float, wide: float, high: float, tile: Tile) -> None:
        self.canvas.setStrokeColor(LINE)
        self.canvas.roundRect(x, y, wide, high, 5)
        inner, top = wide - 20, y + high
        self.text(x + 10, top - 16, tile.title, 9, QUIET, wide=inner)
        said = " · ".join(one for one in (tile.period, *tile.notes) if one)
        if tile.why or (tile.number is None and tile.figure is None and tile.table is None):
            self._why(x + 10, top - 34, inner, tile)
            return
        if tile.number is not None:
            self._number(x + 10, top, inner, tile)
        elif tile.figure is not None and _drawable(tile.figure):
            self.text(x + 10, top - 28, said, 7.5, QUIET, wide=inner)
            self._chart(x + 10, y + 10, inner, high - 46, tile.figure)
        else:
            self.text(x + 10, top - 28, said, 7.5, QUIET, wide=inner)
            self._table(x + 10, top - 42, inner, y + 8, tile)

    def _why(self, x: float, y: float, wide: float, tile: Tile) -> None:
        for line in _wrapped(tile.why, 8, wide)[:6]:
            self.text(x, y, line, 8, TEXT)
            y -= 11
        for name in tile.lights:
            self.text(x, y, f"tenure import {name}.csv --as {name}", 7, QUIET, wide=wide)
            y -= 10

    def _number(self, x: float, top: float, wide: float, tile: Tile) -> None:
        number = tile.number
        assert number is not None
        self.text(x, top - 38, number.shown, 18, INK, bold=True, wide=wide)
        y = top - 52
        for moved, words in ((number.before, _words()[0]), (number.year, _words()[1])):
            if moved is not None:
                self.text(x, y, f"{moved.shown} {words}", 7.5, TONES.get(moved.tone, QUIET), wide=wide)
                y -= 10
        self.text(x, top - 84, " · ".join(one for one in (number.period, number.verdict) if one), 7.5, QUIET, wide=wide)

    def _table(self, x: float, top: float, wide: float, bottom: float, tile: Tile) -> None:
        table = tile.table
        if table is None:
            return
        # As wide as what stands in it, so that many columns find room beside it.
        named = [table.heads[0][0], *(row[0].text for row in table.rows)] if table.heads else []
        needed = max((_wide(text, 8.0) for text in named), default=0.0) + 12
        most = wide * (0.5 if len(table.heads) > 2 else 0.6)
        first = most if len(table.heads) <= 4 else min(needed, most)
        rest = (wide - first) / max(len(table.heads) - 1, 1)
        lines: list[tuple[Sequence[tuple[str, bool, str]], float, str]] = [
            ([(head, number, "") for head, number in table.heads], 7.0, QUIET),
            *(([(cell.text, cell.number, cell.tone) for cell in row], 8.0, TEXT) for row in table.rows),
        ]
        y = top
        for cells, size, colour in lines:
            if y < bottom:
                break
            for at, (text, number, tone) in enumerate(cells):
                tint = TONES.get(tone, colour)
                if at == 0:
                    self.text(x, y, text, size, tint, wide=first - 6)
                elif number:
                    self.text(x + first + rest * at, y, text, size, tint, wide=rest - 4, right=True)
                else:
                    self.text(x + first + rest * (at - 1) + 4, y, text, size, tint, wide=rest - 4)
            y -= 13

    def _chart(self, x: float, y: float, wide: float, high: float, figure: Mapping[str, Any]) -> None:
        traces = list(_lines(figure))
        # The longest tells the order; what marks a few of its places has only those.
        longest = max(traces, key=lambda trace: len(trace["x"]))
        places = list(dict.fromkeys(at for trace in (longest, *traces) for at in trace["x"]))
        bars = [trace for trace in traces if trace.get("type") == "bar"]
        stacked = _stacked(bars) if figure.get("layout", {}).get("barmode") == "stack" else {}
        values = [value for trace in traces for value in trace["y"] if value is not None]
        values += [value for both in stacked.values() for value in both]
        low, top = min(0.0, *values), max(0.0, *values)
        span = (top - low) or 1.0
        share = "%" in str(figure.get("layout", {}).get("yaxis", {}).get("tickformat", ""))
        left, base = x + 38, y + 12
        across, up = wide - 42, high - 16
        for level in (low, low + span / 2, top):
            at = base + up * (level - low) / span
            self.canvas.setStrokeColor(LINE)
            self.canvas.line(left, at, left + across, at)
            self.text(left - 4, at - 2.5, _level(level, share), 6.5, QUIET, right=True)
        # Bars stand in the middle of a place of their own; a line runs from edge to edge.
        step = across / (len(places) if bars else max(len(places) - 1, 1))
        first = left + step / 2 if bars else left
        for trace in traces:
            tint = TINTS.get(
                str((trace.get("line") or trace.get("marker") or {}).get("color", "$primary")), TINTS["$muted"]
            )
            if trace in bars:
                beside = 1 if stacked else len(bars)
                wide_bar = step * 0.6 / beside
                x_bar = first - step * 0.3 + (0 if stacked else wide_bar * bars.index(trace))
                self.canvas.setFillColor(tint)
                for at, value in zip(trace["x"], trace["y"], strict=True):
                    bottom, end = stacked.get((bars.index(trace), at), (0.0, value or 0.0))
                    under, height = base + up * (bottom - low) / span, up * (end - bottom) / span
                    self.canvas.rect(x_bar + step * places.index(at), under, wide_bar, height, stroke=0, fill=1)
                continue
            dots = [
                None if value is None else (first + step * places.index(at), base + up * (value - low) / span)
                for at, value in zip(trace["x"], trace["y"], strict=True)
            ]
            self._draw(trace, dots, tint)
        if bars and len(places) <= FEW_PLACES:
            for at, place in enumerate(places):
                self._middle(left + step * (at + 0.5), y, str(place), step - 4)
        else:
            self.text(left, y, str(places[0]), 6.5, QUIET)
            self.text(left + across, y, str(places[-1]), 6.5, QUIET, right=True)

    def _middle(self, x: float, y: float, text: str, wide: float) -> None:
        self.text(x - min(_wide(text, 6.5), wide) / 2, y, text, 6.5, QUIET, wide=wide)

    def _draw(self, trace: Mapping[str, Any], dots: Sequence[Any], tint: str) -> None:
        self.canvas.setStrokeColor(tint)
        self.canvas.setFillColor(tint)
        if trace.get("mode") == "markers":
            for dot in dots:
                if dot is not None:
                    self.canvas.circle(*dot, 2.2, stroke=0, fill=1)
            return
        dash = (trace.get("line") or {}).get("dash")
        self.canvas.setDash([2, 2] if dash else [])
        self.canvas.setLineWidth(0.8 if dash else 1.5)
        for known, run in groupby(dots, key=lambda dot: dot is not None):
            points = list(run) if known else []
            for a, b in pairwise(points):
                self.canvas.line(*a, *b)
            if len(points) == 1:
                self.canvas.circle(*points[0], 1.4, stroke=0, fill=1)
        self.canvas.setDash([])
        self.canvas.setLineWidth(1)

    def _turn(self) -> None:
        self._footer()
        self.canvas.showPage()
        self._page += 1
        self._y = PAGE_HEIGHT - EDGE

    def _footer(self) -> None:
        self.text(EDGE, EDGE - 12, self._foot, 7, QUIET, wide=PAGE_WIDTH - 2 * EDGE - 40)
        self.text(PAGE_WIDTH - EDGE, EDGE - 12, str(self._page), 7, QUIET, right=True)


def _words() -> tuple[str, str]:
    return _("on the period before"), _("on a year before")


def _runs(text: str, bold: bool) -> list[tuple[str, str]]:
    """The text in pieces of one font each."""
    signs = [_sign(sign) for sign in "".join(INSTEAD.get(sign, sign) for sign in text)]
    latin = BOLD if bold else LATIN
    return [
        (font, "".join(sign for _font, sign in run))
        for font, run in groupby(((latin if _is_latin(s) else HAN, s) for s in signs), key=lambda one: one[0])
    ]


def _sign(sign: str) -> str:
    if _is_latin(sign):
        return sign
    try:
        sign.encode("gbk")
    except UnicodeEncodeError:
        return "□"
    return sign


def _is_latin(sign: str) -> bool:
    try:
        return sign.isprintable() and len(sign.encode("cp1252")) == 1
    except UnicodeEncodeError:
        return False


def _width(text: str, font: str, size: float) -> float:
    from reportlab.pdfbase.pdfmetrics import stringWidth

    return float(stringWidth(text, font, size))


def _wide(text: str, size: float) -> float:
    """How wide the text is as it is written, in the fonts its signs are in."""
    return sum(_width(run, font, size) for font, run in _runs(text, False))


def _fitted(text: str, size: float, bold: bool, wide: float) -> list[tuple[str, str]]:
    runs = _runs(text, bold)
    if not wide or sum(_width(run, font, size) for font, run in runs) <= wide:
        return runs
    while text and sum(_width(run, font, size) for font, run in _runs(text + "…", bold)) > wide:
        text = text[:-1]
    return _runs(text.rstrip() + "…", bold)


def _wrapped(text: str, size: float, wide: float) -> list[str]:
    """The text in lines; broken at spaces, and anywhere in Chinese."""
    lines, line = [], ""
    pieces: list[str] = []
    for sign in text:
        if pieces and pieces[-1] != " " and sign != " " and _is_latin(sign) and _is_latin(pieces[-1][-1]):
            pieces[-1] += sign
        else:
            pieces.append(sign)
    for piece in pieces:
        if line and sum(_width(run, font, size) for font, run in _runs(line + piece, False)) > wide:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line] if line.strip() else lines


def _lines(figure: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The traces that are lines or bars over places in a row; bands and the like are left out."""
    for trace in figure.get("data", ()):
        x, y = trace.get("x"), trace.get("y")
        if trace.get("type") not in ("scatter", "bar") or trace.get("fill") == "toself" or not x or not y:
            continue
        if len(x) == len(y) and all(value is None or isinstance(value, int | float) for value in y):
            yield trace


def _stacked(bars: Sequence[Mapping[str, Any]]) -> dict[tuple[int, Any], tuple[float, float]]:
    """Where each bar begins and ends when they stand on each other: by the trace's place and what it stands over."""
    reached: dict[tuple[Any, bool], float] = {}
    found = {}
    for number, trace in enumerate(bars):
        for at, value in zip(trace["x"], trace["y"], strict=True):
            bottom = reached.get((at, (value or 0) < 0), 0.0)
            found[number, at] = (bottom, bottom + (value or 0.0))
            reached[at, (value or 0) < 0] = bottom + (value or 0.0)
    return found


def _drawable(figure: Mapping[str, Any]) -> bool:
    return any(value is not None for trace in _lines(figure) for value in trace["y"])


def _level(value: float, share: bool) -> str:
    if share:
        return f"{value * 100:.1f}%"
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if abs(value) >= size:
            return f"{value / size:.1f}{letter}"
    return f"{value:.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.1f}"
