"""From everything received to the current truth, field by field, as Ibis expressions."""

from collections.abc import Sequence
from datetime import datetime

import ibis
import pyarrow as pa
from ibis import _

from tenure.contracts import Contract
from tenure.lake.batches import BatchInfo


def resolve(
    received: ibis.Table,
    contract: Contract,
    batches: Sequence[BatchInfo],
    precedence: Sequence[str],
    as_of: datetime | None = None,
) -> ibis.Table:
    """One row per key from the rows of the live batches: each field from the row that has the last word on it.

    The last word: the source first in `precedence`, then the newest by business time, receipt, and row number.
    A column that a row's file lacked is absent and says nothing; an empty field in a column it had says "empty".
    With `as_of`, what could be known at that instant. Facts: rows valid before it, with what became known later
    (`known_at`) read as null. Entities: fields of rows valid before it; of rows received since, only those that
    never change, from the row's `created_at` on.
    """
    if not batches:
        return received.filter(ibis.literal(False))
    if len(batches) == 1 and batches[0].report.get("each_key_once") and as_of is None:
        # Every row has the last word, and saying so costs nothing.
        return received.filter(received.batch == batches[0].batch)
    key = ["ids_of", *contract.key]
    rows = received.inner_join(ibis.memtable(_said(contract, batches, precedence)), "batch")
    speaks = {name: rows[f"has_{name}"] for name in _partial(contract, batches)}
    if as_of is not None:
        known = rows.valid_at < as_of
        if contract.fact:
            rows = _hide_later(rows.filter(known), contract, as_of)
            speaks = {name: rows[f"has_{name}"] for name in speaks}
        else:
            rows = rows.filter(known | (rows.created_at < as_of) if "created_at" in contract else known)
            changing = [c.name for c in contract.columns if not c.fixed and c.name not in contract.key]
            speaks |= {name: speaks.get(name, ibis.literal(True)) & (rows.valid_at < as_of) for name in changing}
    last_word = (_.place, _.valid_at.desc(), _.received_at.desc(), _.row.desc(), _.batch.desc())
    rows = rows.mutate(
        turn=ibis.row_number().over(ibis.window(group_by=key, order_by=last_word)),
        **{f"speaks_{name}": flag for name, flag in speaks.items() if name not in key},
    )
    speaking = rows.filter(_.turn == 0)
    said = [name for name in speaks if name not in key]
    if not said:
        return speaking.select(*received.columns)
    spoken = rows.group_by(key).agg(
        **{
            # A null that was sent is an answer too, so the value travels in a struct, which is never null itself.
            f"said_{name}": ibis.struct({"value": rows[name]}).argmin(rows.turn, where=rows[f"speaks_{name}"])
            for name in said
        }
    )
    joined = speaking.inner_join(spoken, key)
    return joined.select(
        *(joined[f"said_{name}"]["value"].name(name) if name in said else joined[name] for name in received.columns)
    )


def _partial(contract: Contract, batches: Sequence[BatchInfo]) -> list[str]:
    """Columns that some files had and others lacked; one that nobody ever sent is null whichever row speaks."""
    signatures = {info.columns for info in batches}
    return [n for n in contract.names if any(n in s for s in signatures) and not all(n in s for s in signatures)]


def _said(contract: Contract, batches: Sequence[BatchInfo], precedence: Sequence[str]) -> pa.Table:
    """One row per live batch: its place in the precedence, and which of the partial columns it had."""
    rank = {source: place for place, source in enumerate(precedence)}
    return pa.table(
        {
            "batch": [info.batch for info in batches],
            "place": [rank.get(info.source, len(rank)) for info in batches],
            **{f"has_{name}": [name in info.columns for info in batches] for name in _partial(contract, batches)},
        }
    )


def _hide_later(rows: ibis.Table, contract: Contract, as_of: datetime) -> ibis.Table:
    """Null each field whose `known_at` is not before the instant; all at once, since one may be another's clock."""
    hidden = {
        column.name: ibis.ifelse(rows[column.known_at] < as_of, rows[column.name], ibis.null(rows[column.name].type()))
        for column in contract.columns
        if column.known_at
    }
    return rows.mutate(**hidden) if hidden else rows
