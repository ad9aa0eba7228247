"""How commands speak: tables for people, JSON and CSV for programs, one style of progress and complaint."""

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


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
    """Print rows as asked. headings: what people read above a column; programs get the column's own name."""
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
    for name in names:
        numeric = all(isinstance(row.get(name), int | float | None) for row in found)
        table.add_column((headings or {}).get(name, name), justify="right" if numeric else "left", overflow="fold")
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
    return escape(str(value))
