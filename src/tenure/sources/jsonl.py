"""JSON Lines: one object to a line; what is nested stays JSON text."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tenure.errors import TenureError
from tenure.language import Words, tr
from tenure.sources.base import ROWS_PER_CHUNK, Broken, Chunk, Fault, Glance, Options, Source
from tenure.sources.encoding import GLANCE, encoding_of, head_of, utf8_blocks

BROKEN_LINE = Fault(
    Words("the line is no JSON object: {error}", "本行不是 JSON 对象：{error}"),
    Words("Write one object in braces on each line", "每行写一个花括号对象"),
)
_LONGEST = 16 << 20
_SAMPLES = 50
_CELL = 200  # characters of a broken line that are shown


class JsonLinesReader:
    """A text file with one JSON object to a line; numbers are read as they are written, digit for digit."""

    delimiter: str | None = None
    sheet: str | None = None
    from_1904 = False
    header_row = 0

    def __init__(self, path: Path, options: Options) -> None:
        self._path = path
        if not path.stat().st_size:
            raise _empty(path)
        self._codec = encoding_of(path, options.encoding)
        self.encoding: str | None = self._codec
        # A key may turn up on the last line only, and the mapping has to be known before the first row is taken.
        names: dict[str, None] = {}
        shapes: set[tuple[str, ...]] = set()
        for _, line in self._lines():
            try:
                keys = tuple(json.loads(line))
            except (ValueError, TypeError, RecursionError):
                continue
            if line.lstrip().startswith(b"{") and keys not in shapes:
                shapes.add(keys)
                names.update(dict.fromkeys(keys))
        self.headers = tuple(names)
        self.rows = sum(1 for _ in self._lines())
        if not self.rows:
            raise _empty(path)
        if not names:
            raise _no_objects(path)

    def chunks(self, only: Sequence[str] | None = None) -> Iterator[Chunk]:
        headers = self.headers if only is None else tuple(only)
        schema = pa.schema([(name, pa.string()) for name in headers])
        numbers: list[int] = []
        objects: list[dict[str, Any]] = []
        broken: list[Broken] = []

        def flush() -> Chunk:
            columns = [pa.array([_text(row.get(name)) for row in objects], pa.string()) for name in headers]
            batch = pa.RecordBatch.from_arrays(columns, schema=schema)
            chunk = Chunk(batch, np.array(numbers, dtype=np.int64), tuple(broken))
            for taken in (numbers, objects, broken):
                taken.clear()
            return chunk

        for number, line in self._lines():
            try:
                found = json.loads(line, parse_float=_Literal, parse_int=_Literal)
                if not isinstance(found, dict):
                    raise ValueError(type(found).__name__)
                if any(isinstance(value, dict | list) for value in found.values()):
                    plain = json.loads(line)
                    found = {k: plain[k] if isinstance(v, dict | list) else v for k, v in found.items()}
            except (ValueError, RecursionError) as error:
                fault = Fault(
                    BROKEN_LINE.reason.format(error=getattr(error, "msg", str(error))[:_CELL]), BROKEN_LINE.remedy
                )
                broken.append(Broken(number, (line.decode("utf-8", "replace")[:_CELL],), fault))
            else:
                numbers.append(number)
                objects.append(found)
            if len(objects) + len(broken) >= ROWS_PER_CHUNK:
                yield flush()
        if objects or broken:
            yield flush()

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Lines with something on them, and their numbers from 1."""
        number, rest = 0, b""
        for block in utf8_blocks(self._path, self._codec):
            *whole, rest = (rest + block).split(b"\n")
            if len(rest) > _LONGEST:
                raise TenureError(
                    tr(
                        "{name} has a line longer than {size} MB, line {row}. Write one record on each line.",
                        name=self._path.name,
                        size=_LONGEST >> 20,
                        row=number + len(whole) + 1,
                    )
                )
            for line in whole:
                number += 1
                if line.strip():
                    yield number, line
        if rest.strip():
            yield number + 1, rest


class _Literal(str):
    """A number as the file writes it."""

    __slots__ = ()


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    # A lone surrogate is JSON but no text.
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()


def _empty(path: Path) -> TenureError:
    return TenureError(tr("{name} is empty. Each line should hold one record as a JSON object.", name=path.name))


def glance(path: Path, options: Options) -> Glance:
    """The keys and the objects of the first part of the file; the number of rows by its size."""
    size = path.stat().st_size
    if not size:
        raise _empty(path)
    codec = encoding_of(path, options.encoding, most=GLANCE)
    head = head_of(path, codec, GLANCE)
    whole = size <= GLANCE
    lines = [line for line in head.split("\n") if line.strip()]
    if not whole and len(lines) > 1:
        lines.pop()  # cut off
    found: list[dict[str, Any]] = []
    for line in lines[:_SAMPLES]:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            found.append(row)
    if not found:
        raise _no_objects(path)
    headers = tuple(dict.fromkeys(key for row in found for key in row))
    cells = tuple(tuple(_text(row.get(name)) or "" for name in headers) for row in found)
    nested = [name for name in headers if any(isinstance(row.get(name), dict | list) for row in found)]
    notes = []
    if nested:
        notes.append(
            tr("Nested in each line, and kept as JSON text beside the fields: {names}.", names=", ".join(nested[:10]))
        )
    used = sum(len(line.encode("utf-8", "replace")) + 1 for line in lines)
    rows = len(lines) if whole else round(len(lines) * size / max(1, used))
    return Glance(headers, cells, rows, not whole, codec, header_row=0, notes=tuple(notes))


def _no_objects(path: Path) -> TenureError:
    return TenureError(
        tr("{name} has no line that is a JSON object. Write one object in braces on each line.", name=path.name)
    )


source = Source(
    name="jsonl",
    suffixes=(".jsonl", ".ndjson"),
    words=Words("JSON Lines: one object to a line", "JSON Lines：每行一个对象"),
    open=JsonLinesReader,
    glance=glance,
)
