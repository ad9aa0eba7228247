"""What the contract does not know of, kept as one JSON object a row."""

import json
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from tenure.sources.parse import as_text

_NULL = "null"


def as_json(batch: pa.RecordBatch, names: list[str], called: Mapping[str, str] | None = None) -> pa.Array:
    """The columns `names` of a batch as JSON text, built a column at a time.

    Text stays text to the letter, numbers and truth values that come typed stay what they are, dates are ISO text, a
    blank cell is null. Without any column the result is null. called: other names to keep some of them under.
    """
    if not names:
        return pa.nulls(batch.num_rows, pa.string())
    parts: list[object] = []
    for place, name in enumerate(names):
        parts.append(
            ("{" if place == 0 else ", ") + json.dumps((called or {}).get(name, name), ensure_ascii=False) + ": "
        )
        parts.append(_value(batch.column(name)))
    parts.append("}")
    return pc.binary_join_element_wise(*parts, "")


def _value(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        text = pc.cast(column, pa.string())
    elif pa.types.is_floating(kind):
        finite = pc.if_else(pc.is_finite(column), column, pa.scalar(None, kind))
        text = pc.cast(finite, pa.string())
    elif pa.types.is_decimal(kind):
        text = pc.cast(column, pa.string())
    elif pa.types.is_nested(kind):
        text = as_text(column)
    else:
        text = _quoted(as_text(column))
    return pc.coalesce(text, _NULL) if text.null_count else text


def _quoted(text: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring_regex(text, r'["\\\x00-\x1f]')).as_py():
        encoded = text.dictionary_encode()
        words = [None if v is None else json.dumps(v, ensure_ascii=False) for v in encoded.dictionary.to_pylist()]
        return pa.array(words, pa.string()).take(encoded.indices)
    return pc.binary_join_element_wise('"', text, '"', "")
