"""The analyst's door to segments: any pandas, Polars or Arrow frame in, the same kind out."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import ibis
import narwhals.stable.v2 as nw
import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts import CONTRACTS
from tenure.insight import lifecycle as life
from tenure.insight.frames import to_arrow
from tenure.insight.segments.clusters import MixedClusters, Said
from tenure.insight.segments.rfm import rfm as rfm_of


def rfm(orders: Any, as_of: datetime, *, columns: Mapping[str, str] | None = None) -> Any:
    """Who buys lately, often and much, as known at `as_of`: `segments.rfm.rfm` for any frame, the same kind back.

    orders: an Ibis table of order records, or a frame with a row an order line: person_id (whole numbers or text),
    ordered_at (an instant) or ordered_on (a date), amount_base_minor (whole minor units), and where there are such, kind
    and status. columns: what these are called in the frame, by the names here: {"person_id": "customer"}.
    Every other column is passed over. Times without a zone are taken to be in the zone of `as_of`.

    Raises ValueError where a column is missing, or `as_of` has no zone.
    """
    if isinstance(orders, ibis.Table):
        return rfm_of(orders, as_of)
    table, people = _records("orders", orders, columns or {}, as_of)
    found = rfm_of(ibis.memtable(table), as_of).order_by("person_id").to_pyarrow()
    return _like(orders, _with_people(found, people))


def lifecycle(
    orders: Any = None, subscriptions: Any = None, *, as_of: datetime, columns: Mapping[str, str] | None = None
) -> Any:
    """The stage of each customer at `as_of` and why, in both languages: `lifecycle.stages` for any frames.

    orders: as for `rfm`. subscriptions: a frame with a row a contract: person_id, started_at and, where known,
    ended_at, term_ends_at, auto_renew, fee_base_minor, period_months. At least one of the two; the answer is of the kind
    of the first given. Adds why_en and why_zh to the columns of `lifecycle.stages`.

    Raises ValueError where neither is given, a column is missing, or `as_of` has no zone.
    """
    given = {name: frame for name, frame in (("orders", orders), ("subscriptions", subscriptions)) if frame is not None}
    if not given:
        raise ValueError("give orders, subscriptions or both")
    # One numbering of people for both.
    frames = {name: _renamed(name, frame, columns or {}) for name, frame in given.items()}
    people = _people([table["person_id"] for table in frames.values()])
    tables = {name: ibis.memtable(_shaped(name, table, people, as_of)) for name, table in frames.items()}
    found = life.stages(tables, as_of).order_by("person_id").to_pyarrow()
    why = life.explained(found)
    found = found.append_column("why_en", pa.array([words.en for words in why], pa.string()))
    found = found.append_column("why_zh", pa.array([words.zh for words in why], pa.string()))
    return _like(next(iter(given.values())), _with_people(found, people))


def cluster(
    frame: Any, *, k: int | None = None, keep: str = "person_id", before: str | None = None, seed: int = 7,
    said: Mapping[str, Said] | None = None,
) -> Any:  # fmt: skip
    """Groups of customers alike in numbers and categories together, named by what sets them apart: `MixedClusters`.

    frame: a row a customer. keep: the column that names the customer; it takes no part, and may be missing. before: a
    column with the group of last time, whose numbers are then kept. Gives back a frame of the same kind: the kept
    column, cluster (a lasting whole number), cluster_en and cluster_zh (its name).

    Raises NotEnoughDataError where there are too few rows or nothing tells them apart.
    """
    table = to_arrow(frame)
    last = table[before] if before is not None else None
    features = table.drop_columns([name for name in (keep, before) if name in table.column_names])
    found = MixedClusters(k, seed=seed, said=said).fit(features, before=last)
    names = {group.number: group.name for group in found.groups_}
    labels = found.labels_.tolist()
    columns = {keep: table[keep]} if keep in table.column_names else {}
    return _like(
        frame,
        pa.table(
            {
                **columns,
                "cluster": found.labels_,
                "cluster_en": [names[n].en for n in labels],
                "cluster_zh": [names[n].zh for n in labels],
            }
        ),
    )


def _records(contract: str, frame: Any, columns: Mapping[str, str], as_of: datetime) -> tuple[pa.Table, pa.Array]:
    table = _renamed(contract, frame, columns)
    people = _people([table["person_id"]])
    return _shaped(contract, table, people, as_of), people


def _renamed(contract: str, frame: Any, columns: Mapping[str, str]) -> pa.Table:
    """The frame under the contract's names; raises ValueError for what is missing."""
    table = to_arrow(frame)
    own = {theirs: ours for ours, theirs in columns.items() if theirs in table.column_names}
    table = table.rename_columns([own.get(name, name) for name in table.column_names])
    needed = {"orders": ("person_id", "amount_base_minor"), "subscriptions": ("person_id", "started_at")}[contract]
    missing = [name for name in needed if name not in table.column_names]
    if contract == "orders" and not {"ordered_at", "ordered_on"} & set(table.column_names):
        missing.append("ordered_on")
    if missing:
        raise ValueError(
            f"{contract} has no column {', '.join(missing)}; it has {', '.join(table.column_names)}. "
            f'Say which is meant: columns={{"{missing[0]}": "…"}}'
        )
    return table


def _people(columns: list[pa.ChunkedArray]) -> pa.Array:
    """Everybody named, each once; their place is the number they are known by within."""
    return pa.concat_arrays([pc.unique(column.combine_chunks().cast(columns[0].type)) for column in columns]).unique()


def _shaped(contract: str, table: pa.Table, people: pa.Array, as_of: datetime) -> pa.Table:
    """The frame as records of the contract: its own columns where it has them, in their types; null elsewhere."""
    schema = CONTRACTS[contract].records_schema
    numbers = pc.index_in(table["person_id"], value_set=people)
    columns: dict[str, Any] = {"person_id": pc.if_else(pc.is_valid(table["person_id"]), numbers, None)}
    for name in ("ordered_at", "ordered_on", "started_at", "ended_at", "term_ends_at", "auto_renew", "fee_base_minor",
                 "period_months", "amount_base_minor", "kind", "status"):  # fmt: skip
        if name in table.column_names and name in schema.names:
            column = table[name]
            if pa.types.is_timestamp(schema.field(name).type):
                column = _instants(column, as_of)
            elif name == "ordered_on" and not pa.types.is_date(column.type):
                column = _days(_instants(column, as_of), as_of)
            columns[name] = column
    if contract == "orders":
        if "ordered_on" not in columns:
            columns["ordered_on"] = _days(columns["ordered_at"], as_of)
        if "ordered_at" not in columns:
            columns["ordered_at"] = _instants(columns["ordered_on"], as_of)
    return pa.table(
        [
            columns[field.name].cast(field.type) if field.name in columns else pa.nulls(table.num_rows, field.type)
            for field in schema
        ],
        schema=schema,
    )


def _instants(column: pa.ChunkedArray, as_of: datetime) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type) and column.type.tz:
        return column.cast(pa.timestamp("us", tz="UTC"))
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = pa.chunked_array([[_read(text) for text in column.to_pylist()]])
        if pa.types.is_null(column.type):
            return column.cast(pa.timestamp("us", tz="UTC"))
    values = [
        None
        if value is None
        else (value if isinstance(value, datetime) else datetime.combine(value, datetime.min.time()))
        for value in column.to_pylist()
    ]
    aware = [value and (value if value.tzinfo else value.replace(tzinfo=as_of.tzinfo)) for value in values]
    return pa.chunked_array([pa.array(aware, pa.timestamp("us", tz="UTC"))])


def _read(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _days(instants: pa.ChunkedArray, as_of: datetime) -> pa.ChunkedArray:
    days: list[date | None] = [value and value.astimezone(as_of.tzinfo).date() for value in instants.to_pylist()]
    return pa.chunked_array([pa.array(days, pa.date32())])


def _with_people(found: pa.Table, people: pa.Array) -> pa.Table:
    return found.set_column(0, "person_id", people.take(found["person_id"]))


def _like(given: Any, found: pa.Table) -> Any:
    """The table as the kind of frame that was given."""
    if isinstance(given, pa.Table):
        return found
    if isinstance(given, pa.RecordBatch):
        return (
            found.combine_chunks().to_batches()[0] if found.num_rows else pa.RecordBatch.from_pylist([], found.schema)
        )
    backend = nw.get_native_namespace(given)
    return nw.from_arrow(found, backend=backend).to_native()
