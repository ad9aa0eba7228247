"""What the tiles that draw a part of Insight share."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tenure.insight.metrics import Period
from tenure.lake import Scope
from tenure.language import Words
from tenure.web.boards.tiles.base import Cell, Draw, Table, Tile
from tenure.web.insight.drawn import Drawn
from tenure.web.metrics.showing import period_shown

FEW, AGES = 9, 12  # rows a tile shows beside its figure; months of a heat map it has room for


def drawn_by(
    part: Callable[[Scope, Period, str, Mapping[str, str]], Drawn], meaning: Words, *, shares: bool = False
) -> Draw:
    """A tile of what a part of Insight draws; the segment is said again, so that its links are narrowed too.

    shares: its rows are shares of one, and are shown as a tinted table in the figure's place, on paper too.
    """

    def draw(scope: Scope, period: Period, segment: int | None, options: Mapping[str, str]) -> Tile:
        found = part(scope, period, f"in:{segment}" if segment is not None else "", options)
        table = _tinted(found.rows) if shares else _plain(found.rows)
        return Tile(
            title=found.title, meaning=str(meaning), period=period_shown(period), url=found.url,
            figure=None if shares else found.figure, table=table, rows=found.rows,
            notes=(found.said,) if found.said else (), why=found.why, lights=found.lights,
        )  # fmt: skip

    return draw


def _plain(rows: Sequence[Sequence[Any]]) -> Table | None:
    """The rows as a table; None for none, and for so many that the figure says them better."""
    if not 1 < len(rows) <= FEW:
        return None
    heads = [(str(head), at > 0) for at, head in enumerate(rows[0])]
    return Table(heads, [[Cell(_said(value), number=at > 0) for at, value in enumerate(row)] for row in rows[1:]])


def _tinted(rows: Sequence[Sequence[Any]]) -> Table | None:
    if not rows:
        return None
    heads = [(str(head), at > 0) for at, head in enumerate(rows[0][: AGES + 1])]
    cells = [
        [Cell(str(row[0])), *(Cell("" if v is None else f"{v:.0%}", number=True, heat=None if v is None else min(1.0, max(0.0, v)))
                              for v in row[1 : AGES + 1])]
        for row in rows[1:][-AGES:]
    ]  # fmt: skip
    return Table(heads, cells, cut=max(0, len(rows) - 1 - AGES))


def _said(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
