"""The one door to the lake: every row goes in by `receiving` or `publish`, and comes out by `read` or `history`."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from itertools import count
from typing import Any

import ibis
import pyarrow as pa

from tenure.contracts import CONTRACTS, contract_named
from tenure.errors import TenureError
from tenure.in_memory import in_memory
from tenure.lake.batches import RESUMABLE_FOR, Batch, BatchInfo, is_writing, line_of
from tenure.lake.batches import TABLE as BATCHES
from tenure.lake.fields import FIELDS, field_of, shown_in_part
from tenure.lake.parts import read_parts
from tenure.lake.resolve import resolve
from tenure.lake.scope import CUSTOMERS, SYSTEM, Scope
from tenure.lake.sealed import (
    saying_why,
    seal,
    seal_reader,
    sealed_columns,
    stored_schema,
    unsealed,
)
from tenure.lake.store import write_document
from tenure.lake.truth import Truth
from tenure.language import tr

# A number no person has, in whose place a planned question is asked of somebody.
_SOMEBODY = 6_174_002_538_917_346_021
_MOST_PLANS = 400


class Lake(Truth):
    """The lake of one workspace. One object serves one thread at a time; any number may be open.

    Personal columns lie sealed in it, under keys of the vault in the folder's own home (the folder above it).
    zone, currency: the workspace's business zone and reporting currency.
    precedence: sources whose word goes first, strongest first; the others follow, newest first.
    assigned: given a scope that is neither none nor all, the person ids it reaches (int64); without it such a scope
    sees nothing.
    """

    # What comes out

    def read(self, table: str, *, actor: Scope) -> ibis.Table:
        """The table as the actor may see it: `received/…`, `records/…` or a computed one.

        A table with no rows yet has its columns and types all the same. Rows of persons beyond the actor's reach
        are left out, and so are rows that belong to nobody unless the actor sees all; columns whose field is hidden from the
        actor read as null, masked ones as the part that shows.
        """
        kind, __, name = table.partition("/")
        if kind == "received":
            contract = contract_named(name)
            live = self._live(name)
            rows = self._stored(table, contract.received_schema)
            rows = rows.semi_join(
                in_memory(pa.table({"batch": pa.array([b.batch for b in live], pa.string())})), "batch"
            )
            return self._scoped(self._with_person(rows, contract), table, actor)
        return self._scoped(self._stored(table, self.schema(table)), table, actor)

    def of_person(
        self, table: str, person_id: int, pick: Callable[[ibis.Table], ibis.Table], *, named: str, actor: Scope
    ) -> pa.Table:
        """What `pick` makes of one person's rows of a stored table (`records/…` or computed), as the actor may see them.

        named: says what `pick` does, beside the table: under one name it must always do the same. The question is
        planned once for all persons and all who see the same fields, which is most of what it costs to answer one.
        """
        reach = self._reach_on(table, actor)
        reached = reach.sees_all or (
            not reach.sees_none and self._assigned is not None and person_id in self._assigned(reach).to_pylist()
        )
        key = (
            table, named, reached, self.version(table), self.custom(table), tuple(actor.shows(field) for field in sorted(FIELDS)),
        )  # fmt: skip
        if key not in self._plans:
            # Whoever is planned for last goes last; what a refresh replaced is asked for no more.
            while len(self._plans) >= _MOST_PLANS:
                self._plans.pop(next(iter(self._plans)))
            rows = self._stored(table, self.schema(table))
            marked = rows.filter(rows.person_id == ibis.literal(_SOMEBODY, type="int64"), ibis.literal(reached))
            self._plans[key] = self._engine.planned(pick(self._as_shown(marked, table, actor)), _SOMEBODY)
        with saying_why():
            return self._plans[key](person_id)

    def history(self, contract: str, *, as_of: datetime, actor: Scope) -> ibis.Table:
        """The records of a contract as they could be known at an instant (schema of `records/…`).

        Read from everything received, never from the current records: a row counts from its business time on, and
        what became known later reads as null.
        """
        shape = contract_named(contract)
        rows = self._custom_in_type(self._resolved(shape, as_of), shape)
        return self._scoped(rows, f"records/{contract}", actor, resolved=True)

    def to_arrow(self, expr: ibis.Expr) -> pa.Table:
        """Run an expression over the lake's tables."""
        with saying_why():
            return self._engine.to_arrow(expr)

    def to_reader(self, expr: ibis.Expr) -> pa.RecordBatchReader:
        """Run an expression and stream its rows."""
        return self._engine.to_reader(expr)

    def map_by_person(
        self,
        rows: ibis.Table,
        function: Callable[[pa.Table], pa.Table],
        schema: pa.Schema,
        order: Sequence[str] = (),
    ) -> ibis.Table:
        """What a function from Arrow to Arrow makes of the rows of whole persons, sorted by person_id and `order`."""
        with saying_why():
            return self._engine.map_by_person(rows, function, schema, order)

    @contextmanager
    def kept(self, tables: Mapping[str, ibis.Table]) -> Iterator[dict[str, ibis.Table]]:
        """The same tables, each worked out once for all that is read from it within the block."""
        names = {table: self._free_name(table) for table in tables}
        try:
            with saying_why():
                kept = {table: self._engine.keep(expr, names[table]) for table, expr in tables.items()}
            yield kept
        finally:
            for name in names.values():
                self._engine.drop(name)
            self._kept.difference_update(names.values())

    def _free_name(self, table: str) -> str:
        """A name to keep a table under that no other is kept under meanwhile; the same again once it is free.

        Questions about tables of the same name are worked out once.
        """
        plain = re.sub(r"\W", "_", table)
        name = next(name for at in count() if (name := f"kept_{plain}_{at}") not in self._kept)
        self._kept.add(name)
        return name

    def splink(self) -> Any:
        """A Splink database API on the lake's engine, for rows that were read from it."""
        return self._engine.splink()

    def local_day(self, instant: ibis.Value) -> ibis.Value:
        """The business date of a UTC instant column."""
        return self._engine.local_day(instant, self.zone)

    # What goes in

    @contextmanager
    def receiving(
        self,
        contract: str,
        *,
        source: str,
        columns: Collection[str],
        now: datetime,
        ids_of: str | None = None,
        file: str | None = None,
        fingerprint: str | None = None,
        plan: Mapping[str, Any] | None = None,
        resume: str | None = None,
    ) -> Iterator[Batch]:
        """A batch to append rows to. Leaving the block commits it whole; an exception leaves nothing to be seen.

        columns: those of the contract that the file has; the others are absent, not null.
        ids_of: the source whose numbering the keys follow; `source` itself unless said.
        plan: all it takes to go on with the batch should this process die. resume: a batch to go on with; the same
        rows are to be appended in the same order, and those that are in the lake already are passed over. What is in
        `received` says which, so it matters to nothing at which instant the process died.
        """
        shape = contract_named(contract)
        if unknown := sorted(set(columns) - set(shape.names)):
            raise TenureError(
                tr("Contract {contract} has no columns {unknown}.", contract=contract, unknown=", ".join(unknown))
            )
        table = f"received/{contract}"
        self._seal_older(table)
        home = self._home
        earlier = next((info for info in self.batches(contract) if info.batch == resume), None) if resume else None
        begun = datetime.fromisoformat(earlier.report["begun"]) if earlier else now
        batch = Batch(self._store, shape, home, source, ids_of or source, tuple(columns), file, fingerprint, begun)
        if earlier:
            batch.id = earlier.batch
            batch.stored_to = self._store.highest(table, "row", f"batch = '{batch.id}'") or 0
        if plan is not None:
            batch.report.update(plan=dict(plan), begun=begun.isoformat())
        self._store.append(BATCHES, batch.line("begun", now))
        now = begun
        try:
            yield batch
            batch.flush()
            batch.check()
            self._store.append(BATCHES, batch.line("committed", now))
            self._store.compact(BATCHES)
        except BaseException:
            batch.close()
            self._abandon(batch, now)
            raise
        finally:
            batch.close()

    def undo(self, batch_id: str, *, now: datetime) -> BatchInfo:
        """Take a committed batch back: its rows no longer count, whatever else was received since still does.

        Raises TenureError where there is no such batch, or it does not count already.
        """
        info = self.committed(batch_id)
        undone = BatchInfo(**{**info.__dict__, "state": "undone", "at": now})
        self._store.append(BATCHES, line_of(undone))
        return undone

    def committed(self, batch_id: str) -> BatchInfo:
        """The batch of that name. Raises TenureError where there is none, or it does not count."""
        for info in self.batches():
            if info.batch == batch_id:
                break
        else:
            raise TenureError(tr('There is no batch "{batch}". List them with: tenure batches', batch=batch_id))
        if info.state != "committed":
            raise TenureError(
                tr(
                    'Batch "{batch}" is {state}; only a committed batch can be undone.',
                    batch=batch_id,
                    state=info.state,
                )
            )
        return info

    def undo_all(self, batch_ids: Collection[str], *, now: datetime) -> list[BatchInfo]:
        """Take several batches back at once: all of them count, or none does. Those that do not count already are left.

        Raises TenureError where there is no such batch.
        """
        found = {info.batch: info for info in self.batches()}
        if unknown := sorted(set(batch_ids) - set(found)):
            raise TenureError(tr('There is no batch "{batch}". List them with: tenure batches', batch=unknown[0]))
        undone = [
            BatchInfo(**{**found[batch].__dict__, "state": "undone", "at": now})
            for batch in dict.fromkeys(batch_ids)
            if found[batch].state == "committed"
        ]
        if undone:
            self._store.append(BATCHES, pa.concat_tables([line_of(info) for info in undone]))
        return undone

    def publish(self, table: str, rows: pa.Table | pa.RecordBatchReader, *, sealed: bool = False) -> None:
        """Put a computed table in its place, whole and at once. Its personal columns are sealed unless they are already.

        sealed: those of the contract are; the company's own personal fields never are when they come here.
        """
        self._store.replace(table, self._sealed(table, rows, sealed=sealed))

    def renew(
        self, table: str, fresh: Sequence[pa.RecordBatchReader], carried: Collection[str] = ()
    ) -> list[list[str]]:
        """Put fresh rows, nothing personal among them, in the place of all but the files carried over, at once.

        Returns the names of each one's files, for the next time. carried: none of them is touched. Raises ValueError for
        a table with personal columns.
        """
        if sealed_columns(table):
            raise ValueError(f"{table} has personal columns; publish it whole")
        return self._store.renew(table, fresh, carried)

    def in_runs(self, table: str, columns: Sequence[str] | None = None, version: int | None = None) -> pa.Table:
        """A computed table's columns, all unless said, the rows of each of its files in the order they lie in.

        For the product itself, which put them in an order. Nothing among them may be personal: that is a ValueError.
        version: as it was then. Raises FileNotFoundError where that, or a column, is there no more.
        """
        schema = self.schema_as_it_lies(table)
        if columns is not None:
            schema = pa.schema([schema.field(name) for name in columns])
        if personal := {*sealed_columns(table), *(one.name for one in self.custom(table) if one.personal)} & {
            *schema.names
        }:
            raise ValueError(f"{sorted(personal)} of {table} are personal; read it")
        if not self.exists(table):
            return schema.empty_table()
        return read_parts(self._store.files(table, version)[0], schema)

    def carry(self, table: str, rows: pa.Table) -> None:
        """Put a computed table in its place, of which whatever is personal was read `as_it_lies`."""
        self._store.replace(table, rows.select(self.schema(table).names).cast(self.schema_as_it_lies(table)))

    def schema_as_it_lies(self, table: str) -> pa.Schema:
        """The schema of a table whose tokens are text, whatever they stand for."""
        return stored_schema(table, self.schema(table), self.custom(table))

    def _sealed(self, table: str, rows: Any, *, sealed: bool) -> Any:
        custom = self.custom(table)
        if not sealed or any(column.personal for column in custom):
            sealing = seal if isinstance(rows, pa.Table) else seal_reader
            rows = sealing(rows, table, self._home, custom, rest=not sealed)
        return rows

    def settle(self, contract: str, *order: str, batches: Collection[str] | None = None) -> int:
        """Work out the current truth of a contract and put it in its place (`records/…`) in this order; returns its rows.

        batches: those that bring new records only, which are added, as a run in order of its own, to what is there.
        """
        counted, table = self.in_order(contract, *order, batches=batches), f"records/{contract}"
        if batches is None:
            self.publish(table, counted.reader, sealed=True)
        else:
            self._store.append(table, self._sealed(table, counted.reader, sealed=True))
        return counted.rows

    def add(self, table: str, rows: pa.Table) -> None:
        """Add rows to a computed table, their personal columns sealed."""
        self._store.append(table, seal(rows, table, self._home, self.custom(table)))

    def publish_document(self, name: str, content: Any) -> None:
        """Put a computed JSON document in its place, whole and at once."""
        write_document(self._document(name), content)

    def writing(self, what: str) -> AbstractContextManager[None]:
        """Hold the one place of those who rebuild tables; raises TenureError where it is taken."""
        return self._store.writing(what)

    def sweep(self, *, now: datetime, restored: bool = False) -> list[str]:
        """Clear away rows of batches whose writer died before it committed; returns those batches' ids.

        restored: the lake was put back from a copy, so whoever was writing then writes somewhere else now.
        """
        for table in self._store.names():
            self._seal_older(table)
        swept = []
        for info in self.batches():
            if info.state == "begun" and (restored or not is_writing(info.writer)):
                # One that can be gone on with is left alone for a while: its rows are half the work done.
                if info.may_resume and not restored and now - info.at < RESUMABLE_FOR:
                    continue
                self.abandon(info, now=now)
                swept.append(info.batch)
        return swept

    def abandon(self, info: BatchInfo, *, now: datetime) -> None:
        """Clear away the rows of a batch that was begun and will not be gone on with."""
        self._store.delete(f"received/{info.contract}", f"batch = '{info.batch}'")
        self._store.append(BATCHES, line_of(BatchInfo(**{**info.__dict__, "state": "abandoned", "at": now})))

    def known(
        self,
        contract: str,
        *,
        ids_of: str,
        columns: Sequence[str],
        batches: Collection[str],
        among: pa.Table | None = None,
    ) -> pa.RecordBatchReader:
        """The key and some columns, in clear, of what stands under one numbering by the word of some batches.

        For the import alone, which tells new records from known ones by it. among: keys; only these are looked at.
        """
        shape = contract_named(contract)
        table = f"received/{contract}"
        told = [info for info in self.batches(contract) if info.batch in batches]
        names = [*shape.key, *(name for name in columns if name not in shape.key)]
        if not told:
            return _nothing(pa.schema([shape.received_schema.field(name) for name in names]))
        rows = self._stored(table, shape.received_schema)
        rows = rows.filter(rows.ids_of == ids_of)
        if among is not None:
            rows = rows.semi_join(ibis.memtable(among), list(shape.key))
        rows = resolve(rows, shape, told, self.precedence).select(*names)
        return self._engine.to_reader(unsealed(rows, table, self._home))

    # How

    def _seal_older(self, table: str) -> None:
        """Seal a table begun before personal columns were, and forget what its older versions and log say in clear.

        Killed half way, the next call does it again from the start.
        """
        if not self._store.exists(table) or self._store.is_of_today(table):
            return
        if sealed_columns(table):
            lies = self._stored(table, self._store.schema(table))
            rows = self._engine.to_reader(unsealed(lies, table, self._home))
            self._store.replace(table, seal_reader(rows, table, self._home))
        self._store.forget_past(table)

    def _abandon(self, batch: Batch, now: datetime) -> None:
        # The rows can't be seen in any case; clearing them is tidiness, and may fail (the disk may be full).
        try:
            self._store.delete(f"received/{batch.contract.name}", f"batch = '{batch.id}'")
            self._store.append(BATCHES, batch.line("abandoned", now))
        except Exception:
            pass

    def _scoped(self, rows: ibis.Table, table: str, actor: Scope, *, resolved: bool = False) -> ibis.Table:
        """The rows within the actor's reach, each column as the actor may see it.

        resolved: they were just worked out, so the company's own personal fields do not lie sealed.
        """
        reach = self._reach_on(table, actor)
        if not reach.sees_all:
            if reach.sees_none or "person_id" not in rows.columns or self._assigned is None:
                rows = rows.filter(ibis.literal(False))
            else:
                reached = self._assigned(reach)
                rows = rows.semi_join(in_memory(pa.table({"person_id": reached.cast(pa.int64())})), "person_id")
        return self._as_shown(rows, table, actor, resolved=resolved)

    def _reach_on(self, table: str, actor: Scope) -> Scope:
        if table.startswith("features/") and actor != SYSTEM:
            # What figures are made of, with columns nobody named a field for: for the product alone.
            return Scope()
        kind = table.rpartition("/")[2]
        return actor.on(kind if kind in CONTRACTS and not table.startswith("scores/") else CUSTOMERS)

    def _as_shown(self, rows: ibis.Table, table: str, actor: Scope, *, resolved: bool = False) -> ibis.Table:
        """Rows within reach, each column as the actor may see it."""
        # Opened for the rows that are left, and only where a column is read in the end; hidden ones never are.
        custom = self.custom(table)
        rows = unsealed(rows, table, self._home, () if resolved else custom)
        of_custom = {column.name: column.field for column in custom}
        # Masked last: a mask is worked out for the rows that are left, and none is joined or filtered by.
        seen: dict[str, ibis.Value] = {}
        for name in rows.columns:
            field = of_custom.get(name) or field_of(table, name)
            shown = actor.shows(field)
            if shown == "masked" and FIELDS[field or ""].mask is not None and rows[name].type().is_string():
                seen[name] = _in_part(rows[name].nullif(""), field)
            elif shown != "clear":
                seen[name] = ibis.null(rows[name].type())
        return rows.mutate(**seen) if seen else rows


def _nothing(schema: pa.Schema) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(schema, [])


@ibis.udf.scalar.python  # type: ignore[untyped-decorator]
def _in_part(value: str, field: str) -> str:
    return shown_in_part(field, value)  # type: ignore[no-any-return]


__all__ = ["SYSTEM", "Lake", "Scope"]
