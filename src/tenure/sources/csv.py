"""CSV and its kin: comma, semicolon, tab or bar between the cells, quotes around those that need them."""

import csv as lines
import io
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from tenure.errors import TenureError
from tenure.language import Words, tr
from tenure.sources.base import Broken, Chunk, Fault, Glance, Options, Source, distinct, without_blank_rows
from tenure.sources.encoding import GLANCE, Utf8Stream, doubt_of, encoding_of, head_of, utf8_blocks
from tenure.sources.shape import header_place, notes_on, refuse_too_many

DELIMITERS = (",", ";", "\t", "|")
BLOCK = 8 << 20
_SAMPLE_ROWS = 50
# Rows are counted by two threads, in blocks that a processor's own memory holds with what is made of them.
_COUNTERS, _COUNTED = 2, 1 << 20
_QUOTE = ord('"')

TOO_SHORT = Fault(
    Words("the row has {found} cells where the header has {expected}", "本行有 {found} 个单元格，表头有 {expected} 个"),
    Words(
        "Fill in the missing cells, or put quotation marks around line breaks",
        "补全缺少的单元格，或为含换行的内容加引号",
    ),
)
TOO_LONG = Fault(
    TOO_SHORT.reason,
    Words("Put quotation marks around the cell that has a delimiter in it", "为含分隔符的单元格加上引号"),
)


class CsvReader:
    """A text file of delimited rows; its first row names the columns."""

    sheet: str | None = None
    from_1904 = False

    def __init__(self, path: Path, options: Options) -> None:
        self._path = path
        if not path.stat().st_size:
            raise _empty(path)
        self._codec = encoding_of(path, options.encoding)
        self.encoding: str | None = self._codec
        head = head_of(path, self._codec)
        if not head.strip():
            raise _empty(path)
        delimiter = _given(options.delimiter) or sniff(head)
        self.delimiter: str | None = delimiter
        self._separator = delimiter
        first = _rows(head, delimiter)
        # What stands above the header, lines left empty too, is no rows and no header.
        self._above = header_place(first, options.header_row, path.name)
        self.header_row = self._above + 1
        self.headers = distinct(first[self._above])
        refuse_too_many(self.headers, path.name)
        self.rows = self._count(delimiter) - 1 - self._above

    def chunks(self, only: Sequence[str] | None = None) -> Iterator[Chunk]:
        if self.rows <= 0:
            return
        bad: deque[Broken] = deque()
        kept = list(self.headers if only is None else only)

        def note(row: Any) -> str:
            fault = TOO_SHORT if row.actual_columns < row.expected_columns else TOO_LONG
            fault = Fault(fault.reason.format(found=row.actual_columns, expected=row.expected_columns), fault.remedy)
            bad.append(Broken(row.number - 1 - self._above, tuple(_first_row(row.text, self._separator)), fault))
            return "skip"

        source: Any = (
            str(self._path) if self._codec == "utf-8" else pa.PythonFile(Utf8Stream(self._path, self._codec), "r")
        )
        try:
            # Rows are numbered only when one thread reads; other work goes on beside it all the same.
            stream = pa.csv.open_csv(
                source,
                read_options=pa.csv.ReadOptions(
                    use_threads=False,
                    block_size=BLOCK,
                    column_names=list(self.headers),
                    skip_rows_after_names=1 + self._above,
                ),
                parse_options=pa.csv.ParseOptions(
                    delimiter=self._separator,
                    newlines_in_values=True,
                    ignore_empty_lines=False,
                    invalid_row_handler=note,
                ),
                convert_options=pa.csv.ConvertOptions(
                    column_types=dict.fromkeys(self.headers, pa.string()),
                    include_columns=kept,
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
            start = 1
            for batch in stream:
                before = [broken for broken in bad if broken.row >= start]
                rows = physical(start, batch.num_rows, np.array([broken.row for broken in before], dtype=np.int64))
                start = int(rows[-1]) + 1 if len(rows) else start
                broken = []
                while bad and bad[0].row < start:
                    broken.append(bad.popleft())
                yield _chunk(batch, rows, tuple(broken), blanks=only is None)
        except pa.ArrowInvalid as error:
            if "straddling" in str(error):
                raise TenureError(
                    tr(
                        "{name} has a row longer than {size} MB. A quotation mark that is never closed does this; look "
                        "for one after row {row}.",
                        name=self._path.name,
                        size=BLOCK >> 20,
                        row=start - 1,
                    )
                ) from error
            raise
        if bad:
            empty = pa.RecordBatch.from_pylist([], schema=pa.schema([(name, pa.string()) for name in kept]))
            yield _chunk(empty, np.empty(0, dtype=np.int64), tuple(bad), blanks=False)

    def _count(self, delimiter: str) -> int:
        try:
            return count_rows(_of_bounded_lines(self._path, self._codec), delimiter)
        except _StrayQuoteError:
            pass
        stream: Any = Utf8Stream(self._path, self._codec)
        text = io.TextIOWrapper(io.BufferedReader(stream), encoding="utf-8", newline="")
        count = 0
        try:
            for _ in lines.reader(text, delimiter=delimiter, strict=True):
                count += 1
        except lines.Error as error:
            raise TenureError(
                tr(
                    "{name} has a quotation mark out of place in row {row}: a cell goes on after its closing quotation "
                    "mark, or never closes. Double the marks inside a cell, or export the file again.",
                    name=self._path.name,
                    row=count,
                )
            ) from error
        return count


def glance(path: Path, options: Options) -> Glance:
    """The header and the first rows, from the first part of the file alone; the number of rows by its size."""
    size = path.stat().st_size
    if not size:
        raise _empty(path)
    codec = encoding_of(path, options.encoding, most=GLANCE)
    head = head_of(path, codec, GLANCE)
    if not head.strip():
        raise _empty(path)
    delimiter = _given(options.delimiter) or sniff(head)
    first = _rows(head, delimiter)
    above = header_place(first, options.header_row, path.name)
    headers = distinct(first[above])
    refuse_too_many(headers, path.name)
    whole = size <= GLANCE
    text = head if whole else head[: head.rfind("\n") + 1] or head
    try:
        count = count_rows([text.encode("utf-8", "surrogatepass")], delimiter)
    except (_StrayQuoteError, TenureError):
        count = text.count("\n")
    if not whole:
        count = round(count * size / max(1, len(text.encode(codec, "replace"))))
    notes = [*notes_on(first, above)]
    if doubt := None if options.encoding else doubt_of(path, codec):
        notes.append(doubt)
    cells = tuple(tuple(row) for row in first[above + 1 :] if any(cell.strip() for cell in row))
    return Glance(
        headers, cells, max(0, count - 1 - above), not whole, codec, delimiter, header_row=above + 1, notes=tuple(notes)
    )


def _given(delimiter: str | None) -> str | None:
    if delimiter is None:
        return None
    delimiter = {"tab": "\t", "\\t": "\t"}.get(delimiter, delimiter)
    if len(delimiter) != 1 or delimiter in '"\r\n' or ord(delimiter) > 127:
        raise TenureError(
            tr('"{given}" can\'t stand between cells. Give one character, such as , or ; or tab.', given=delimiter)
        )
    return delimiter


def _of_bounded_lines(path: Path, codec: str) -> Iterator[bytes]:
    """The file's blocks, as long as none of its lines is longer than a row may be."""
    since = 0
    for place, block in enumerate(utf8_blocks(path, codec, _COUNTED)):
        first = block.find(b"\n")
        if (since + (len(block) if first < 0 else first)) > BLOCK and b"\r" not in block:
            before = (earlier.count(b"\n") for earlier in islice(utf8_blocks(path, codec, _COUNTED), place))
            raise TenureError(
                tr(
                    "{name} has a line longer than {size} MB, line {row}. Is it a table at all? Export the data again, with "
                    "one record on each line.",
                    name=path.name,
                    size=BLOCK >> 20,
                    row=1 + sum(before),
                )
            )
        since = since + len(block) if first < 0 else len(block) - block.rfind(b"\n") - 1
        yield block


def sniff(head: str) -> str:
    """The delimiter that gives most of the first rows one number of cells, the larger the better; a comma where there
    is but one column."""
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        rows = _rows(head, delimiter)[:_SAMPLE_ROWS]
        rows = [row for row in rows if row]
        if not rows:
            continue
        # Titles above the header have fewer cells than the table; what most rows have counts.
        widths = Counter(len(row) for row in rows)
        width = max(widths, key=lambda width: (widths[width], width))
        if width < 2:
            continue
        score = (sum(len(row) == width for row in rows) / len(rows), width)
        # Cells that agree in number say more than their number does.
        if (round(score[0], 1), score[1]) > (round(best_score[0], 1), best_score[1]):
            best, best_score = delimiter, score
    return best


def physical(start: int, count: int, bad: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers of the next `count` good rows from `start` on, when the rows numbered in `bad` (ascending) are left out."""
    place = np.arange(count, dtype=np.int64)
    skipped = np.searchsorted(bad - start - np.arange(len(bad)), place, side="right")
    return start + place + skipped


class _StrayQuoteError(Exception):
    """A quotation mark inside an unquoted cell: only a full parse counts such a file."""


class _Counted(NamedTuple):
    """Rows that end in a block. opened: those that end before its last opening quotation mark, None without one."""

    rows: int
    opened: int | None = None


def count_rows(blocks: Iterable[bytes], delimiter: str) -> int:
    """Rows of a CSV file, header and blank ones included, by line ends outside of quotation marks alone.

    Blocks are looked through beside each other: where one begins, within quotation marks or not, is known beforehand.

    Raises TenureError for a file that ends within quotation marks.
    """
    separator, newline = ord(delimiter), ord("\n")
    count, inside, last, held = 0, False, newline, b""
    opened_in = 0
    waiting: deque[Future[_Counted]] = deque()

    def take(counted: _Counted) -> None:
        nonlocal count, opened_in
        if counted.opened is not None:
            opened_in = count + counted.opened
        count += counted.rows

    with ThreadPoolExecutor(_COUNTERS, thread_name_prefix="count") as pool:
        for raw in blocks:
            block = held + raw if held else raw
            held = b""
            if b"\r" in block:
                if block.endswith(b"\r"):
                    block, held = block[:-1], b"\r"
                block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            if not block:
                continue
            data = np.frombuffer(block, dtype=np.uint8)
            quoted = data == _QUOTE
            quotes = int(np.count_nonzero(quoted))
            waiting.append(pool.submit(_ends_of_rows, data, quoted if quotes else None, separator, inside, last))
            inside ^= bool(quotes % 2)
            last = block[-1]
            while len(waiting) > _COUNTERS:
                take(waiting.popleft().result())
        while waiting:
            take(waiting.popleft().result())
    if inside:
        raise TenureError(
            tr(
                "A quotation mark opened in row {row} is never closed, so the rest of the file would be one cell. Close "
                "it or take it out.",
                row=opened_in,
            )
        )
    if held:
        count += 1
        last = newline
    return count + (last != newline)


def _ends_of_rows(
    data: NDArray[np.uint8], quoted: NDArray[np.bool_] | None, separator: int, inside: bool, last: int
) -> _Counted:
    """Line ends of a block outside of quotation marks. quoted: where these are. last: the byte before the block."""
    newline = ord("\n")
    if quoted is None:
        return _Counted(0 if inside else int(np.count_nonzero(data == newline)))
    quotes = np.flatnonzero(quoted)
    opening = quotes[int(inside) :: 2]
    previous = data[opening - 1]
    if len(opening) and opening[0] == 0:
        previous[0] = last
    if not ((previous == separator) | (previous == newline) | (previous == _QUOTE)).all():
        raise _StrayQuoteError
    line_ends = np.flatnonzero(data == newline)
    within = (np.searchsorted(quotes, line_ends) + int(inside)) % 2 == 1
    opened = None
    if len(opening):
        opened = int((~within[: np.searchsorted(line_ends, opening[-1])]).sum())
    return _Counted(int((~within).sum()), opened)


def _chunk(batch: pa.RecordBatch, rows: NDArray[np.int64], broken: tuple[Broken, ...], *, blanks: bool) -> Chunk:
    blank = 0
    if blanks:
        batch, rows, blank = without_blank_rows(batch, rows)
    return Chunk(batch, rows, broken, blank)


def _rows(text: str, delimiter: str) -> list[list[str]]:
    rows = []
    try:
        for row in lines.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            rows.append(row)
            if len(rows) > _SAMPLE_ROWS:
                break
    except lines.Error:
        pass  # a sample cut off within a cell
    return rows


def _first_row(text: str, delimiter: str) -> list[str]:
    rows = _rows(text, delimiter)
    return rows[0] if rows else []


def _empty(path: Path) -> TenureError:
    return TenureError(
        tr("{name} is empty. Its first row should name the columns; the others hold the records.", name=path.name)
    )


source = Source(
    name="csv",
    suffixes=(".csv", ".tsv", ".txt"),
    words=Words("CSV: comma, semicolon, tab or bar between the cells", "CSV：以逗号、分号、制表符或竖线分隔"),
    open=CsvReader,
    glance=glance,
)
