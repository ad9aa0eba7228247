"""A wide file's own columns, out of the text they are kept in, with the types they have."""

import json
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts import CONTRACTS
from tenure.insight.churn.columns import as_float, is_text

_SLICE_ROWS = 100_000


def widen(snapshot: pa.Table) -> pa.Table:
    """The snapshot with each key of its `extra` JSON object as a typed column, in order of first appearance.

    A key is a number where every value that is not blank reads as one (blank and missing become null), true/false
    where all are, text otherwise. A key that is also one of the table's columns gets `_extra` after its name.

    Raises ValueError, with the row's number, where `extra` holds something that is not a JSON object.
    """
    kept = snapshot.drop_columns(["extra"])
    wide = attributes(snapshot)
    for name in wide.column_names:
        own = name
        while own in kept.column_names:
            own += "_extra"
        kept = kept.append_column(own, wide[name])
    return kept


def attributes(snapshot: pa.Table) -> pa.Table:
    """Only the columns that came in `extra`: what a model may learn from."""
    texts = snapshot["extra"].cast(pa.string())
    slices = [_parsed(texts.slice(start, _SLICE_ROWS), start) for start in range(0, max(len(texts), 1), _SLICE_ROWS)]
    names = list(dict.fromkeys(name for part in slices for name in part.column_names))
    columns = {}
    for name in names:
        parts = [
            part[name] if name in part.column_names else pa.chunked_array([pa.nulls(part.num_rows)]) for part in slices
        ]
        columns[name] = _typed(parts)
    if not columns:
        # A table without columns forgets how many rows it has; nothing was said about any of them.
        return pa.table({})
    return pa.table(columns)


def _typed(parts: list[pa.ChunkedArray]) -> pa.ChunkedArray:
    """The parts of one column under one type."""
    kinds = {part.type for part in parts if not pa.types.is_null(part.type)}
    if kinds and all(pa.types.is_boolean(kind) for kind in kinds):
        return _joined(parts, pa.bool_())
    if kinds and all(pa.types.is_integer(kind) for kind in kinds):
        return _joined(parts, pa.int64())
    if kinds and all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds):
        return _joined(parts, pa.float64())
    column = _joined([_as_text(part) for part in parts], pa.string())
    trimmed = pc.utf8_trim_whitespace(column)
    given = pc.if_else(pc.equal(trimmed, ""), None, trimmed)
    read = as_float(given)
    if read.null_count > given.null_count or given.null_count == len(given):
        return given
    whole = pc.all(pc.match_substring_regex(given, r"^[+-]?\d{1,15}$")).as_py()
    return read.cast(pa.int64()) if whole else read


def _joined(parts: list[pa.ChunkedArray], kind: pa.DataType) -> pa.ChunkedArray:
    return pa.chunked_array([chunk for part in parts for chunk in part.cast(kind).chunks], kind)


def _as_text(part: pa.ChunkedArray) -> pa.ChunkedArray:
    if is_text(part.type) or pa.types.is_null(part.type):
        return part.cast(pa.string())
    # As written in JSON, so that 3 among words stays "3".
    return pa.chunked_array([pa.array([None if v is None else json.dumps(v) for v in part.to_pylist()], pa.string())])


def _parsed(texts: pa.ChunkedArray, first: int) -> pa.Table:
    """One slice of JSON objects as columns, without a loop over rows where the reader can tell the types itself."""
    from pyarrow import json as arrow_json

    filled = pc.if_else(pc.equal(pc.utf8_trim_whitespace(texts), ""), None, texts)
    # One object a line: a line break inside JSON is only ever layout.
    lines = pc.replace_substring_regex(pc.fill_null(filled, "{}"), r"[\r\n]+", " ")
    joined = pc.binary_join_element_wise(lines, "\n", "").combine_chunks()
    data = b"".join(_bytes(chunk) for chunk in (joined.chunks if isinstance(joined, pa.ChunkedArray) else [joined]))
    block = arrow_json.ReadOptions(block_size=max(len(data), 1) + 1)
    try:
        found = arrow_json.read_json(BytesIO(data), read_options=block)
        guessed = {
            field.name: pa.string()
            for field in found.schema
            if not (_is_plain(field.type) or is_text(field.type) or pa.types.is_null(field.type))
        }
        if guessed:  # the reader takes "2026-01-05" for an instant; a column keeps the text it was given
            options = arrow_json.ParseOptions(explicit_schema=pa.schema(list(guessed.items())))
            found = arrow_json.read_json(BytesIO(data), read_options=block, parse_options=options)
        if found.num_rows == len(texts):
            return found
    except pa.ArrowInvalid:
        pass  # one key with numbers and words, or objects inside: told apart row by row below
    return _row_by_row(lines.to_pylist(), first)


def _is_plain(kind: pa.DataType) -> bool:
    return bool(pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _bytes(texts: pa.Array) -> bytes:
    """The text of an array, end to end, as it lies in memory."""
    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return b""
    bounds = pa.Array.from_buffers(pa.int32(), texts.offset + len(texts) + 1, [None, offsets])
    return bytes(data.slice(bounds[texts.offset].as_py(), bounds[-1].as_py() - bounds[texts.offset].as_py()))


def _row_by_row(lines: list[str], first: int) -> pa.Table:
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=first + 1):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"extra of row {number} is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise ValueError(f"extra of row {number} must be a JSON object; found {type(row).__name__}")
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        try:
            if any(isinstance(value, dict | list) for value in values):
                raise pa.ArrowInvalid("nested")
            columns[name] = pa.chunked_array([pa.array(values)])
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            told = [v if v is None or isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in values]
            columns[name] = pa.chunked_array([pa.array(told, pa.string())])
    return pa.table(columns)


def own_columns() -> frozenset[str]:
    """The names a snapshot has by its contract, which are not what it says about the customer."""
    return frozenset(CONTRACTS["snapshot"].records_schema.names)
