"""A company's own fields in the lake: read from what sources sent beyond a contract, and carried by records as columns.

The desk publishes their definitions as the document `fields`. What was received stays as it came, in `extra`; a value
that does not fit its field is null in the column, and the column's name stands in the record's `c_unfit`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import pyarrow as pa

from tenure.contracts.custom import CustomColumn, as_text, canonical, plain
from tenure.errors import TenureError

DOCUMENT = "fields"
UNFIT = "c_unfit"
"""Which of a record's columns hold nothing because what was sent does not fit, by name, parted by blanks."""
_BAD = "\ufffe"  # among values on their way: sent, and not what the field can hold
_KEPT = 200_000  # values remembered at once, so that the same one is not read twice


def columns_of(document: Any, contract: str) -> tuple[CustomColumn, ...]:
    """The fields of a contract, as the document says."""
    told = (document or {}).get(contract) or ()
    return tuple(CustomColumn.of_plain(one) for one in told)


def schema_of(columns: Sequence[CustomColumn]) -> list[pa.Field]:
    """The Arrow fields that these add to a table; none for none."""
    found = [pa.field(column.name, column.arrow_type) for column in columns]
    return [*found, pa.field(UNFIT, pa.string())] if found else []


def with_sent(rows: ibis.Table, extra: ibis.Value, columns: Sequence[CustomColumn]) -> ibis.Table:
    """The rows with what each sent for every field, as text: null where it said nothing, empty where it said "none"."""
    if not columns:
        return rows
    sent = _picker(columns)(extra)
    rows = rows.mutate(c_sent=sent)
    return rows.mutate(**{column.name: rows.c_sent[place] for place, column in enumerate(columns)}).drop("c_sent")


def as_columns(rows: ibis.Table, columns: Sequence[CustomColumn]) -> ibis.Table:
    """The texts as typed columns, beside the names of those that do not fit. Personal ones stay text, to be sealed."""
    if not columns:
        return rows
    misfits = [(rows[column.name] == _BAD).fill_null(False).ifelse(column.name, "") for column in columns]
    joined = reduce(lambda left, right: left + " " + right, misfits).strip()
    found = {column.name: _kept(rows[column.name]) for column in columns}
    return rows.mutate(
        **{column.name: found[column.name] if column.personal else in_type(found[column.name], column)
           for column in columns},
        **{UNFIT: joined.re_replace(r" +", " ").nullif("")},
    )  # fmt: skip


def in_type(text: ibis.Value, column: CustomColumn) -> ibis.Value:
    """A canonical text as the column's type."""
    if column.kind == "money":
        return (text.cast(dt.Decimal(18, 6)) * 10**column.digits).cast("int64")
    if column.kind == "decimal":
        return text.cast(dt.Decimal(18, 6))
    if column.kind == "whole":
        return text.cast("int64")
    if column.kind == "date":
        return text.cast("date")
    if column.kind == "yes_no":
        return text == "true"
    return text.split(",") if column.kind == "choices" else text


def as_stored(rows: pa.Table, columns: Sequence[CustomColumn]) -> dict[str, pa.Array]:
    """The personal fields of typed rows as canonical text, which is what is sealed."""
    from tenure.contracts.custom import of_table

    return {
        column.name: pa.array([of_table(column, value) for value in rows[column.name].to_pylist()], pa.string())
        for column in columns
        if column.personal and column.name in rows.column_names
    }


def _kept(text: ibis.Value) -> ibis.Value:
    return text.nullif(_BAD).nullif("")


def _picker(columns: Sequence[CustomColumn]) -> Callable[[ibis.Value], ibis.Value]:
    """The function an engine runs over `extra`: of each row, the text of every field in order."""
    named = {column.name: place for place, column in enumerate(columns)}
    keyed = {key: place for place, column in reversed(list(enumerate(columns))) for key in column.keys}
    places: dict[str, tuple[int, bool] | None] = {}  # of each header met: which field, and whether by its own name
    read: list[dict[str, str]] = [{} for _ in columns]

    def place_of(header: str) -> tuple[int, bool] | None:
        if header not in places:
            place = named.get(header)
            found = (place, True) if place is not None else None
            if found is None and (place := keyed.get(plain(header))) is not None:
                found = (place, False)
            places[header] = found
        return places[header]

    def of_row(extra: str) -> list[str | None] | None:
        try:
            told: Mapping[str, Any] = json.loads(extra)
            pairs = list(told.items())
        except (ValueError, AttributeError):
            return None
        found: list[str | None] = [None] * len(columns)
        sure = [False] * len(columns)
        for header, value in pairs:
            where = place_of(header)
            if where is not None and (found[where[0]] is None or where[1] >= sure[where[0]]):
                found[where[0]], sure[where[0]] = _read(columns[where[0]], value, read[where[0]]), where[1]
        return found

    @ibis.udf.scalar.pyarrow(null_handling="special", signature=((dt.string,), dt.Array(dt.string)))
    def sent(extra):  # type: ignore[no-untyped-def]
        rows = [None if text is None else of_row(text) for text in extra.to_pylist()]
        return pa.array(rows, pa.list_(pa.string()))

    return sent  # type: ignore[no-any-return]


def _read(column: CustomColumn, value: Any, known: dict[str, str]) -> str:
    text = as_text(value)
    if text not in known:
        if len(known) > _KEPT:
            known.clear()
        try:
            known[text] = canonical(column, text) or ""
        except TenureError:
            known[text] = _BAD
    return known[text]
