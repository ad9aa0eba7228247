"""What the tiles that draw a part of Insight share."""

from collections.abc import Callable, Mapping

from tenure.insight.metrics import Period
from tenure.lake import Scope
from tenure.language import Words
from tenure.web.boards.tiles.base import Cell, Draw, Table, Tile
from tenure.web.insight.drawn import Drawn
from tenure.web.metrics.showing import period_shown


def _said(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def drawn_by(part: Callable[[Scope, Period, str, Mapping[str, str]], Drawn], meaning: Words) -> Draw:
    """A tile of what a part of Insight draws; the segment is said again, so that its links are narrowed too."""

    def draw(scope: Scope, period: Period, segment: int | None, options: Mapping[str, str]) -> Tile:
        found = part(scope, period, f"in:{segment}" if segment is not None else "", options)
        # Where a figure can't be drawn (a heat map on paper), its rows stand for it.
        heads = [(str(head), at > 0) for at, head in enumerate(found.rows[0])] if found.rows else []
        cells = [[Cell(_said(value), number=at > 0) for at, value in enumerate(row)] for row in found.rows[1:]]
        return Tile(
            title=found.title, meaning=str(meaning), period=period_shown(period),
            url=found.url, figure=found.figure,
            table=Table(heads, cells) if heads else None, rows=found.rows, notes=(found.said,) if found.said else (), why=found.why,
            lights=found.lights,
        )  # fmt: skip

    return draw
