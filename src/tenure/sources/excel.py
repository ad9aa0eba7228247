"""Excel workbooks: one sheet with its column names; cells keep their types."""

import datetime as dt
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook

from tenure.errors import TenureError
from tenure.language import Words, tr
from tenure.sources.base import Chunk, Glance, Options, Source, distinct, without_blank_rows
from tenure.sources.shape import LOOKED_AT, header_place, notes_on, refuse_too_many

_ROWS = 16_384
_MOST_UNPACKED = 2 << 30  # a sheet filled to its last cell unpacks to less
_SAMPLES = 50

# A formula that no spreadsheet program has computed yet: nothing, or an empty value, after it.
_UNCOMPUTED = re.compile(
    rb'<c [^>]*?r="([A-Z]+[0-9]+)"[^>]*>\s*<f(?:\s[^>]*)?>[^<]*</f>\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>'
)
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


class ExcelReader:
    """A worksheet, .xlsx or .xls: dates come as dates, numbers as numbers, formulas as their saved results.

    A cell merged over several rows counts for each of them. Macros are never run.
    """

    encoding: str | None = None
    delimiter: str | None = None

    def __init__(self, path: Path, options: Options) -> None:
        self._path = path
        with _opened(path) as book:
            sheet = _choose(book, path, options.sheet)
            found = _Sheet(book.get_sheet_by_name(sheet))
        self.from_1904 = _counts_from_1904(path)
        _refuse_uncomputed(path, book.sheet_names.index(sheet), sheet)
        if not found.first:
            raise _empty(path, sheet)
        self.sheet: str | None = sheet
        self._name = sheet
        self._above = header_place(found.first, options.header_row and options.header_row - found.top, path.name)
        self._merged = found.merged
        self.header_row = found.top + self._above + 1
        self.headers = distinct(found.first[self._above])
        refuse_too_many(self.headers, path.name)
        self.rows = found.rows - 1 - self._above

    def chunks(self, only: Sequence[str] | None = None) -> Iterator[Chunk]:
        with CalamineWorkbook.from_path(str(self._path)) as book:
            cells = _rows(book.get_sheet_by_name(self._name), self.header_row, self._merged)
            start = 1
            while True:
                rows = list(islice(cells, _ROWS))
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


class _Sheet:
    """The extent of a sheet and its first rows as text. top: empty rows above it; merged: column → spans of rows."""

    def __init__(self, sheet: Any) -> None:
        self.first: list[list[str]] = []
        self.rows = self.top = 0
        self.merged: dict[int, list[tuple[int, int]]] = {}
        self.ranges = list(sheet.merged_cell_ranges or ())
        if sheet.start is None or sheet.end is None:
            return
        self.top = int(sheet.start[0])
        self.rows = int(sheet.end[0]) - self.top + 1
        for (top, left), (bottom, right) in self.ranges:
            if bottom > top and left == right:
                self.merged.setdefault(int(left), []).append((int(top), int(bottom)))
        for row in islice(_rows(sheet, self.top, {}), LOOKED_AT + _SAMPLES):
            self.first.append([_as_text(cell) or "" for cell in row])


def glance(path: Path, options: Options) -> Glance:
    """The sheets, and of one its header, first rows and extent."""
    with _opened(path) as book:
        names = list(book.sheet_names)
        filled = [name for name in names if book.get_sheet_by_name(name).start is not None]
        sheet = _choose(book, path, options.sheet or (filled[0] if filled else None))
        found = _Sheet(book.get_sheet_by_name(sheet))
    if not found.first:
        raise _empty(path, sheet)
    above = header_place(found.first, options.header_row and options.header_row - found.top, path.name)
    headers = distinct(found.first[above])
    refuse_too_many(headers, path.name)
    notes = notes_on(found.first, above)
    if len(filled) > 1:
        notes.append(
            tr("The workbook has several sheets: {sheets}. Each is imported by itself.", sheets=", ".join(filled))
        )
    if found.ranges:
        notes.append(
            tr(
                "{count:,} groups of cells are merged. One merged over several rows counts for each of them; one merged "
                "over several columns counts for the first.",
                count=len(found.ranges),
            )
        )
    if path.suffix.lower() == ".xlsm":
        notes.append(tr("The workbook may hold macros. They are not run; only the cells' values are read."))
    cells = tuple(tuple(row) for row in found.first[above + 1 :] if any(cell.strip() for cell in row))
    return Glance(
        headers,
        cells,
        max(0, found.rows - 1 - above),
        sheet=sheet,
        sheets=tuple(filled or names),
        header_row=found.top + above + 1,
        notes=tuple(notes),
    )


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The workbook. Raises TenureError, in a person's words, for what can't be opened or unpacks to too much."""
    if not path.stat().st_size:
        raise TenureError(tr("{name} is empty. Save the workbook again.", name=path.name))
    _refuse_a_bomb(path)
    try:
        with CalamineWorkbook.from_path(str(path)) as book:
            yield book
    except TenureError:
        raise
    except (CalamineError, OSError, ValueError) as error:
        if _is_locked(path, error):
            raise TenureError(
                tr(
                    "{name} is locked with a password. Open it in Excel, take the password off under File, Info, and "
                    "import the copy.",
                    name=path.name,
                )
            ) from error
        raise TenureError(
            tr(
                "{name} can't be read as an Excel workbook: {error}. Open it in Excel, save it as .xlsx, and import "
                "that.",
                name=path.name,
                error=error,
            )
        ) from error


def _is_locked(path: Path, error: Exception) -> bool:
    if "password" in str(error).lower() or "encrypt" in str(error).lower():
        return True
    with path.open("rb") as file:
        if file.read(4) != b"\xd0\xcf\x11\xe0":
            return False
        # The list of what the container holds may stand anywhere in it.
        rest = b""
        while block := file.read(1 << 20):
            if _ENCRYPTED in rest + block:
                return True
            rest = block[-64:]
    return False


def _choose(book: Any, path: Path, wanted: str | None) -> str:
    names: list[str] = book.sheet_names
    if wanted is not None:
        if wanted in names:
            return wanted
        raise TenureError(
            tr(
                '{name} has no sheet "{wanted}". It has: {sheets}.',
                name=path.name,
                wanted=wanted,
                sheets=", ".join(names),
            )
        )
    filled = [name for name in names if book.get_sheet_by_name(name).start is not None]
    if len(filled) > 1:
        raise TenureError(
            tr(
                "{name} has several sheets: {sheets}. Say which to import with --sheet, for example --sheet {first}.",
                name=path.name,
                sheets=", ".join(filled),
                first=filled[0],
            )
        )
    return filled[0] if filled else names[0]


def _rows(sheet: Any, begin: int, merged: Mapping[int, Sequence[tuple[int, int]]]) -> Iterator[list[Any]]:
    """The sheet's rows from place `begin` on; cells merged over several rows repeat what the first of them says."""
    last = int(sheet.end[0])
    rows = islice(sheet.iter_rows(), last + 1)
    if not merged:
        yield from islice(rows, begin, None)
        return
    starts = {(top, column) for column, spans in merged.items() for top, _ in spans}
    inside = {
        (row, column) for column, spans in merged.items() for top, end in spans for row in range(top + 1, end + 1)
    }
    said: dict[int, Any] = {}
    for place, cells in enumerate(rows):
        row = list(cells)
        for column in merged:
            if column < len(row):
                if (place, column) in starts:
                    said[column] = row[column]
                elif (place, column) in inside and row[column] in ("", None):
                    row[column] = said.get(column, "")
        if place >= begin:
            yield row


def _empty(path: Path, sheet: str) -> TenureError:
    return TenureError(
        tr('Sheet "{sheet}" of {name} is empty. Its first row should name the columns.', sheet=sheet, name=path.name)
    )


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
    """Unpack without keeping anything: what a part says of its own size is not to be believed."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        unpacked = sum(part.file_size for part in parts)
        if unpacked <= _MOST_UNPACKED:
            lies = next((part for part in parts if _unpacks_to_more(path, part)), None)
            if lies is None:
                return
            raise TenureError(
                tr(
                    "{name} says that {part} unpacks to {size:,} bytes, and it unpacks to more. The file is damaged or made "
                    "to do harm. Export the sheet as CSV.",
                    name=path.name,
                    part=lies.filename,
                    size=lies.file_size,
                )
            )
    raise TenureError(
        tr(
            "{name} would unpack to {size} GB, more than a workbook can hold. Export the sheet as CSV.",
            name=path.name,
            size=unpacked >> 30,
        )
    )


def _unpacks_to_more(path: Path, part: zipfile.ZipInfo) -> bool:
    if part.compress_type != zipfile.ZIP_DEFLATED:
        return part.compress_type == zipfile.ZIP_STORED and part.compress_size != part.file_size
    with path.open("rb") as file:
        file.seek(part.header_offset + 26)
        name, extra = struct.unpack("<HH", file.read(4))
        file.seek(name + extra, 1)
        unpack, left, size = zlib.decompressobj(-15), part.compress_size, 0
        try:
            while left and not unpack.eof:
                packed = file.read(min(left, 1 << 16))
                if not packed:
                    break
                left -= len(packed)
                while packed and not unpack.eof:
                    size += len(unpack.decompress(packed, 1 << 20))
                    packed = unpack.unconsumed_tail
                    if size > part.file_size:
                        return True
        except zlib.error:
            return False  # damaged, which opening the workbook will say
    return False


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


def _counts_from_1904(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        try:
            book = archive.read("xl/workbook.xml")
        except KeyError:
            return False
    return re.search(rb"<(?:\w+:)?workbookPr\b[^>]*\bdate1904=\"(?:1|true)\"", book) is not None


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
    glance=glance,
)
