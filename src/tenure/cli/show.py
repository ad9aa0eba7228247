"""How commands speak: tables for people, JSON and CSV for programs, one style of progress and complaint."""

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

_KEPT = 0.75  # share of the screen that columns which must not break may take


class Format(StrEnum):
    table = "table"
    json = "json"
    csv = "csv"


def complain(message: str) -> None:
    err.print(message, style="red", markup=False)


def hint(message: str) -> None:
    """A next step, for people; programs read standard output and do not see it."""
    err.print(message, style="dim", markup=False)


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
    kept = 0
    for name in names:
        numeric = all(_is_figure(row.get(name)) for row in found)
        # Prose and headings may wrap; a number, a code or a key broken over lines can't be read, or copied.
        shown = [_text(row.get(name)) for row in found]
        widest = max(map(cell_len, shown), default=0)
        whole = kept + widest <= _KEPT * out.width and not any(" " in text for text in shown)
        kept += widest + 2 if whole else 0
        heading = (headings or {}).get(name, name)
        table.add_column(
            heading,
            justify="right" if numeric else "left",
            overflow="fold",
            min_width=widest if whole else min(widest, 8),
        )
    for row in found:
        table.add_row(*(_text(row.get(name)) for name in names))
    out.print(table)


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
