"""Small record tables, written the way a story tells them.

    records("orders", [{"person_id": 1, "ordered_at": "2026-03-01", "amount_minor": 1990}])

is an Ibis table with exactly `CONTRACTS["orders"].records_schema`.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

import ibis
import pyarrow as pa

from tenure.contracts import CONTRACTS, Contract, base_money

Row = Mapping[str, Any]


def records(contract: str, rows: Iterable[Row] = ()) -> ibis.Table:
    """The rows as `records/<contract>`, in memory; no rows give the typed-empty table."""
    return ibis.memtable(record_rows(contract, rows))


def record_rows(contract: str, rows: Iterable[Row] = ()) -> pa.Table:
    """The rows as an Arrow table with the contract's records schema.

    Instants may be datetimes (naive is UTC), dates or ISO text; a day alone is its midnight in UTC. What the lake would
    have derived is derived unless given: the business date and `valid_at` from the instant (or the instant from the
    business date), `*_base_minor` from `*_minor`. Key columns left out are numbered, so that no two rows are one.
    Every other missing column is null. Raises KeyError for a column the contract has not: a typing slip tests nothing.
    """
    shape = CONTRACTS[contract]
    schema = shape.records_schema
    filled = [_filled(shape, row, number) for number, row in enumerate(rows, start=1)]
    return pa.Table.from_pylist(filled, schema=schema)


def company(**rows: Iterable[Row]) -> dict[str, ibis.Table]:
    """Several record tables by contract name: `company(orders=[…], subscriptions=[…])`."""
    return {contract: records(contract, given) for contract, given in rows.items()}


def _filled(shape: Contract, row: Row, number: int) -> dict[str, Any]:
    if unknown := set(row) - set(shape.records_schema.names):
        raise KeyError(f"{shape.name} has no column {', '.join(sorted(unknown))}")
    full = {
        name: _typed(shape.records_schema.field(name).type, row[name]) if name in row else None
        for name in shape.records_schema.names
    }
    for column in shape.columns:
        if column.type == "money" and base_money(column.name) not in row:
            full[base_money(column.name)] = full[column.name]
    if shape.valid_at and shape.day:
        if shape.valid_at not in row and full[shape.day] is not None:
            full[shape.valid_at] = _typed(shape.records_schema.field(shape.valid_at).type, full[shape.day])
        if shape.day not in row and full[shape.valid_at] is not None:
            full[shape.day] = full[shape.valid_at].date()
        if "valid_at" not in row:
            full["valid_at"] = full[shape.valid_at]
    for name in shape.key:
        if name not in row:
            if shape[name].type == "text":
                full[name] = f"{shape.name}-{number}"
            elif shape[name].type == "integer":
                full[name] = 1
    return full


def _typed(kind: pa.DataType, value: Any) -> Any:
    if value is None:
        return None
    if pa.types.is_timestamp(kind):
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        elif not isinstance(value, datetime):
            value = datetime.combine(value, time())
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if pa.types.is_date(kind) and isinstance(value, str):
        return date.fromisoformat(value)
    return value
