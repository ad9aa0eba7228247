"""How commands speak: tables for people, JSON and CSV for programs, one style of progress and complaint."""

import csv
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tenure.language import tr

_SHORT = 12  # cells: no wider value is ever broken
_PROSE = 24  # cells that prose is given before headings are


class _Out(Console):
    def on_broken_pipe(self) -> None:
        """The reader (head, less) has seen enough, which is no failure."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0)


class Format(StrEnum):
    table = "table"
    json = "json"
    csv = "csv"


Tell: TypeAlias = Annotated[Format, typer.Option("--format", help=tr("table, json or csv"))]

out = _Out(highlight=False)
err = Console(stderr=True, highlight=False)


def complain(message: str) -> None:
    _say(message, "red")


def hint(message: str) -> None:
    """A next step, for people; programs read standard output and do not see it."""
    _say(message, "dim")


def _say(message: str, style: str) -> None:
    # A log is searched by line: only a screen needs sentences broken to its width.
    err.print(message, style=style, markup=False, soft_wrap=not err.is_terminal)


def rows(
    found: Sequence[Mapping[str, Any]], format: Format, *, headings: Mapping[str, str] | None = None, title: str = ""
) -> None:
    """Print rows as asked. headings: what people read above a column; programs get the column's own name.

    A table leaves out what no row has; programs always get every column.
    """
    names = list(headings or (found[0] if found else {}))
    if format is Format.json:
        print(
            json.dumps(
                [{name: row.get(name) for name in names} for row in found], ensure_ascii=False, indent=1, default=_plain
            )
        )
        return
    if format is Format.csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(names)
        writer.writerows([_plain(row.get(name)) for name in names] for row in found)
        return
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    if found:
        names = [name for name in names if any(row.get(name) is not None for row in found)]
    shown = {name: [_text(row.get(name)) for row in found] for name in names}
    heads = {name: (headings or {}).get(name, name) for name in names}
    for name, width in _widths(heads, shown, out.width).items():
        numeric = all(_is_figure(row.get(name)) for row in found)
        table.add_column(heads[name], justify="right" if numeric else "left", overflow="fold", width=width)
    for number in range(len(found)):
        table.add_row(*(shown[name][number] for name in list(heads)[: len(table.columns)]))
    out.print(table)


def _widths(heads: Mapping[str, str], shown: Mapping[str, Sequence[str]], screen: int) -> dict[str, int]:
    """How many cells each column gets; on a narrow screen columns that find no room are left out, the last first.

    A number, a code or a key broken over lines can't be read, or copied, so these come first; then prose, then headings.
    """
    widest = {name: max(map(cell_len, texts), default=0) for name, texts in shown.items()}
    prose = {name for name, texts in shown.items() if widest[name] > _SHORT and any(" " in text for text in texts)}
    # A Latin word stays in one piece; Chinese may break anywhere.
    words = {name: max(len(word) if word.isascii() else 4 for word in head.split()) for name, head in heads.items()}
    full = {name: max(widest[name], cell_len(head)) for name, head in heads.items()}
    width = {name: min(widest[name], _SHORT) if name in prose else widest[name] for name in heads}
    width = {name: max(cells, min(words[name], _SHORT)) for name, cells in width.items()}
    while len(width) > 1 and sum(width.values()) + 2 * (len(width) - 1) > screen:
        width.popitem()
    left = screen - sum(width.values()) - 2 * (len(width) - 1)
    for goal in (
        {n: min(full[n], _PROSE) if n in prose else 0 for n in width},
        {n: cell_len(heads[n]) for n in width},
        full,
    ):
        for name in width:
            more = min(left, max(0, goal[name] - width[name]))
            width[name] += more
            left -= more
    return width


def facts(pairs: Iterable[tuple[str, Any]], *, title: str = "") -> None:
    """Name and value, one a line."""
    table = Table(title=title or None, title_justify="left", box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(name, _text(value))
    out.print(table)


def progress() -> Progress:
    """A progress display on standard error, gone when it is done."""
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=err, transient=True,
    )  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return "" if value is None else value


def _is_figure(value: Any) -> bool:
    return isinstance(value, int | float | None) or (isinstance(value, str) and value.endswith("%"))


def _text(value: Any) -> str:
    from rich.markup import escape

    if value is None:
        return "–"
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return f"{value.astimezone():%Y-%m-%d %H:%M}"
    return escape(str(value))
