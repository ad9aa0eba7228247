"""From everything received to the current truth, field by field, as Ibis expressions."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import ibis
import pyarrow as pa
from ibis import _

from tenure.contracts import Contract, base_money
from tenure.in_memory import in_memory
from tenure.lake.batches import BatchInfo

DESK = "desk"  # the source of what people say on the desk


def resolve(
    received: ibis.Table,
    contract: Contract,
    batches: Sequence[BatchInfo],
    precedence: Sequence[str],
    as_of: datetime | None = None,
    custom: Sequence[str] = (),
    rules: Mapping[str, Sequence[str]] | None = None,
) -> ibis.Table:
    """One row per key from the rows of the live batches: each field from the row that has the last word on it.

    The last word: the source first in `precedence`, then the newest by business time, receipt, and row number. For a
    field in `rules` its own order of sources goes in the place of `precedence`.
    A column that a row's file lacked is absent and says nothing; an empty field in a column it had says "empty".
    With `as_of`, what could be known at that instant. Facts: rows valid before it, with what became known later
    (`known_at`) read as null. Entities: fields of rows valid before it; of rows received since, only those that
    never change, from the row's `created_at` on.
    custom: columns of the company's own fields; a row in which one is null says nothing of it.
    """
    if not batches:
        return received.filter(ibis.literal(False))
    if undisputed(batches) and as_of is None:
        # Every row has the last word, and saying so costs nothing.
        return received.filter(received.batch.isin([info.batch for info in batches]))
    key = ["ids_of", *contract.key]
    ruled = {name: tuple(order) for name, order in (rules or {}).items() if name in contract and name not in key}
    orders = sorted(set(ruled.values()))
    ruled |= {beside: order for name, order in ruled.items() for beside in contract.beside(name)}
    rows = received.inner_join(in_memory(_said(contract, batches, precedence, orders)), "batch")
    partial, desk = _partial(contract, batches), any(info.source == DESK for info in batches)
    speaks = _speaks(rows, partial, custom, desk=desk)
    if as_of is not None:
        known = rows.valid_at < as_of
        if contract.fact:
            rows = _hide_later(rows.filter(known), contract, as_of)
            speaks = _speaks(rows, partial, custom, desk=desk)
        else:
            rows = rows.filter(known | (rows.created_at < as_of) if "created_at" in contract else known)
            changing = [c.name for c in contract.columns if not c.fixed and c.name not in contract.key]
            changing += [*custom, *(["extra"] if "extra" in speaks else [])]
            speaks |= {name: speaks.get(name, ibis.literal(True)) & (rows.valid_at < as_of) for name in changing}
    speaks = {name: ibis.literal(True) for name in ruled} | speaks
    speaks |= {beside: flag for name, flag in speaks.items() for beside in contract.beside(name)}
    newest = (_.valid_at.desc(), _.received_at.desc(), _.row.desc(), _.batch.desc())
    rows = rows.mutate(
        turn=ibis.row_number().over(ibis.window(group_by=key, order_by=(_.place, *newest))),
        **{
            f"turn_{at}": ibis.row_number().over(ibis.window(group_by=key, order_by=(_[f"place_{at}"], *newest)))
            for at in range(len(orders))
        },
        **{f"speaks_{name}": flag for name, flag in speaks.items() if name not in key},
    )
    speaking = rows.filter(_.turn == 0)
    said = [name for name in speaks if name not in key]
    if not said:
        return speaking.select(*received.columns)
    spoken = rows.group_by(key).agg(
        **{
            # A null that was sent is an answer too, so the value travels in a struct, which is never null itself.
            f"said_{name}": ibis.struct({"value": rows[name]}).argmin(
                rows[f"turn_{orders.index(ruled[name])}"] if name in ruled else rows.turn, where=rows[f"speaks_{name}"]
            )
            for name in said
        }
    )
    joined = speaking.inner_join(spoken, key)
    return joined.select(
        *(joined[f"said_{name}"]["value"].name(name) if name in said else joined[name] for name in received.columns)
    )


def undisputed(batches: Sequence[BatchInfo]) -> bool:
    """Whether every row that was received is a record as it stands: each key came once, in whichever batch it came."""
    return of_their_own(batches, batches)


def of_their_own(some: Sequence[BatchInfo], batches: Sequence[BatchInfo]) -> bool:
    """Whether every row of some of the batches is a record as it stands: its key came once, in none of the others.

    One that came beside others was compared with them by its import, which says whether it had new records only; of two
    that were on their way at once neither was.
    """
    if not all(info.report.get("each_key_once") for info in some):
        return False
    beside = {info.batch: set(info.report.get("beside") or ()) for info in batches}
    for one in some:
        for other in batches:
            if one.batch == other.batch or one.ids_of != other.ids_of:
                continue
            later = one if other.batch in beside[one.batch] else other
            if {one.batch, other.batch} - {later.batch} - beside[later.batch]:
                return False
            if later.report.get("created") != later.rows:
                return False
    return True


def cut_down(records: ibis.Table, contract: Contract, as_of: datetime) -> ibis.Table:
    """What could be known at an instant of records of which each key came once: the same as resolving them anew."""
    known = records.valid_at < as_of
    if contract.fact:
        return _hide_later(records.filter(known), contract, as_of)
    rows = records.filter(known | (records.created_at < as_of) if "created_at" in contract else known)
    changing = [c.name for c in contract.columns if not c.fixed and c.name not in contract.key]
    changing = [name for each in changing for name in (each, *contract.beside(each), base_money(each))]
    changing += [contract.day] if contract.day else []
    hidden = {
        name: ibis.ifelse(rows.valid_at < as_of, rows[name], ibis.null(rows[name].type()))
        for name in changing
        if name in rows.columns
    }
    return rows.mutate(**hidden) if hidden else rows


def _speaks(rows: ibis.Table, partial: Sequence[str], custom: Sequence[str], *, desk: bool) -> dict[str, ibis.Value]:
    """Of each column that some rows have a word on and others do not: whether this row has."""
    found = {name: rows[f"has_{name}"] for name in partial} | {name: rows[name].notnull() for name in custom}
    if desk:
        # A correction made on the desk is about one field; what a source sent beyond the contract stands beside it.
        found["extra"] = rows.extra.notnull() & (rows.source != DESK)
    return found


def _partial(contract: Contract, batches: Sequence[BatchInfo]) -> list[str]:
    """Columns that some files had and others lacked; one that nobody ever sent is null whichever row speaks."""
    signatures = {info.columns for info in batches}
    return [n for n in contract.names if any(n in s for s in signatures) and not all(n in s for s in signatures)]


def _said(
    contract: Contract, batches: Sequence[BatchInfo], precedence: Sequence[str], orders: Sequence[Sequence[str]] = ()
) -> pa.Table:
    """One row per live batch: its place in the precedence and in each further order, and which partial columns it had."""

    def places(order: Sequence[str]) -> list[int]:
        rank = {source: place for place, source in enumerate(order)}
        return [rank.get(info.source, len(rank)) for info in batches]

    return pa.table(
        {
            "batch": [info.batch for info in batches],
            "place": places(precedence),
            **{f"place_{at}": places(order) for at, order in enumerate(orders)},
            **{f"has_{name}": [name in info.columns for info in batches] for name in _partial(contract, batches)},
        }
    )


def _hide_later(rows: ibis.Table, contract: Contract, as_of: datetime) -> ibis.Table:
    """Null each field whose `known_at` is not before the instant; all at once, since one may be another's clock."""
    hidden = {
        name: ibis.ifelse(rows[column.known_at] < as_of, rows[name], ibis.null(rows[name].type()))
        for column in contract.columns
        if column.known_at
        for name in (column.name, *contract.beside(column.name), base_money(column.name))
        if name in rows.columns
    }
    return rows.mutate(**hidden) if hidden else rows
