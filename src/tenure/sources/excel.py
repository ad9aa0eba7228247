"""Excel workbooks: one sheet, its first row the header; cells keep their types."""

import datetime as dt
import re
import zipfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook

from tenure.errors import TenureError
from tenure.language import Words, tr
from tenure.sources.base import Chunk, Options, Source, distinct, without_blank_rows

_ROWS = 16_384
_MOST_UNPACKED = 4 << 30  # a zip bomb unpacks to more than any sheet can hold

# A formula that no spreadsheet program has computed yet: nothing, or an empty value, after it.
_UNCOMPUTED = re.compile(
    rb'<c [^>]*?r="([A-Z]+[0-9]+)"[^>]*>\s*<f(?:\s[^>]*)?>[^<]*</f>\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>'
)


class ExcelReader:
    """A worksheet, .xlsx or .xls: dates come as dates, numbers as numbers, formulas as their saved results."""

    encoding: str | None = None
    delimiter: str | None = None

    def __init__(self, path: Path, options: Options) -> None:
        self._path = path
        if not path.stat().st_size:
            raise TenureError(tr("{name} is empty. Save the workbook again.", name=path.name))
        _refuse_a_bomb(path)
        try:
            with CalamineWorkbook.from_path(str(path)) as book:
                names = book.sheet_names
                sheet = self._choose(book, names, options.sheet)
                first, rows = self._shape(book.get_sheet_by_name(sheet))
        except (CalamineError, OSError, ValueError) as error:
            raise TenureError(
                tr(
                    "{name} can't be read as an Excel workbook: {error}. Open it in Excel, save it as .xlsx, and import "
                    "that.",
                    name=path.name,
                    error=error,
                )
            ) from error
        self.sheet: str | None = sheet
        self._name = sheet
        _refuse_uncomputed(path, names.index(sheet), sheet)
        if not first:
            raise TenureError(
                tr(
                    'Sheet "{sheet}" of {name} is empty. Its first row should name the columns.',
                    sheet=sheet,
                    name=path.name,
                )
            )
        self.headers = distinct([_as_text(cell) or "" for cell in first])
        self.rows = rows

    def chunks(self, only: Sequence[str] | None = None) -> Iterator[Chunk]:
        with CalamineWorkbook.from_path(str(self._path)) as book:
            cells = self._rows(book)
            next(cells)
            start = 1
            while True:
                rows = [row for _, row in zip(range(_ROWS), cells, strict=False)]
                if not rows:
                    return
                width = len(self.headers)
                columns = [_column([row[i] if i < len(row) else "" for row in rows]) for i in range(width)]
                batch = pa.RecordBatch.from_arrays(columns, names=list(self.headers))
                numbers = np.arange(start, start + len(rows), dtype=np.int64)
                start += len(rows)
                if only is not None:
                    yield Chunk(batch.select(list(only)), numbers)
                    continue
                batch, numbers, blank = without_blank_rows(batch, numbers)
                yield Chunk(batch, numbers, blank=blank)

    def _choose(self, book: Any, names: list[str], wanted: str | None) -> str:
        if wanted is not None:
            if wanted in names:
                return wanted
            raise TenureError(
                tr(
                    '{name} has no sheet "{wanted}". It has: {sheets}.',
                    name=self._path.name,
                    wanted=wanted,
                    sheets=", ".join(names),
                )
            )
        filled = [name for name in names if book.get_sheet_by_name(name).start is not None]
        if len(filled) > 1:
            raise TenureError(
                tr(
                    "{name} has several sheets: {sheets}. Say which to import with --sheet, for example --sheet {first}.",
                    name=self._path.name,
                    sheets=", ".join(filled),
                    first=filled[0],
                )
            )
        return filled[0] if filled else names[0]

    def _shape(self, sheet: Any) -> tuple[list[Any], int]:
        """The header, and the number of rows by the sheet's own extent."""
        if sheet.start is None or sheet.end is None:
            return [], 0
        top, bottom = int(sheet.start[0]), int(sheet.end[0])
        rows = sheet.iter_rows()
        first: list[Any] = next(islice(rows, top, None), [])
        return list(first), bottom - top

    def _rows(self, book: Any) -> Iterator[list[Any]]:
        """The sheet's rows from its header on; empty rows above it don't count."""
        sheet = book.get_sheet_by_name(self._name)
        yield from islice(sheet.iter_rows(), int(sheet.start[0]), None)


def _column(cells: list[Any]) -> pa.Array:
    kinds = {type(cell) for cell in cells if cell != "" and cell is not None}
    values = [None if cell == "" else cell for cell in cells]
    if kinds and kinds <= {int, float}:
        return pa.array([None if v is None else float(v) for v in values], pa.float64())
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    if kinds and kinds <= {dt.datetime, dt.date}:
        midnight = dt.time()
        return pa.array(
            [v if v is None or isinstance(v, dt.datetime) else dt.datetime.combine(v, midnight) for v in values],
            pa.timestamp("us"),
        )
    return pa.array([_as_text(v) for v in values], pa.string())


def _as_text(cell: Any) -> str | None:
    """A cell of a mixed column as a person would type it."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, dt.datetime):
        return cell.isoformat(sep=" ")
    return str(cell)


def _refuse_a_bomb(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > _MOST_UNPACKED:
        raise TenureError(
            tr(
                "{name} would unpack to {size} GB, more than a workbook can hold. Export the sheet as CSV.",
                name=path.name,
                size=unpacked >> 30,
            )
        )


def _refuse_uncomputed(path: Path, place: int, sheet: str) -> None:
    """A formula without a saved result would read as blank, and nobody would know."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        part = _part_of(archive, place)
        if part is None:
            return
        rest = b""
        with archive.open(part) as file:
            while block := file.read(1 << 20):
                found = _UNCOMPUTED.search(rest + block)
                if found:
                    raise TenureError(
                        tr(
                            'Sheet "{sheet}" of {name} has formulas whose results were never saved, first in {cell}. '
                            "Open it in Excel or LibreOffice, save it, and import it again.",
                            sheet=sheet,
                            name=path.name,
                            cell=found.group(1).decode(),
                        )
                    )
                rest = block[-4096:]


def _part_of(archive: zipfile.ZipFile, place: int) -> str | None:
    """The part of an .xlsx that holds its sheet number `place`."""
    try:
        book = archive.read("xl/workbook.xml").decode("utf-8", "replace")
        links = archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
    except KeyError:
        return None
    sheets = re.findall(r"<(?:\w+:)?sheet\b[^>]*?\br:id=\"([^\"]+)\"", book)
    if place >= len(sheets):
        return None
    for link in re.findall(r"<(?:\w+:)?Relationship\b[^>]*>", links):
        if f'Id="{sheets[place]}"' in link and (target := re.search(r'Target="([^"]+)"', link)):
            name = target.group(1)
            part = name.lstrip("/") if name.startswith("/") else f"xl/{name}"
            return part if part in archive.namelist() else None
    return None


source = Source(
    name="excel",
    suffixes=(".xlsx", ".xlsm", ".xls"),
    words=Words("Excel workbook", "Excel 工作簿"),
    open=ExcelReader,
)
