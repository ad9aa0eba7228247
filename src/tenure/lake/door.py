"""The one door to the lake: every row goes in by `receiving` or `publish`, and comes out by `read` or `history`."""

import hashlib
import os
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa

from tenure.contracts import CONTRACTS, Contract, base_money, contract_named
from tenure.contracts.custom import CustomColumn
from tenure.errors import TenureError
from tenure.lake import archived as put_away
from tenure.lake import custom as customs
from tenure.lake.batches import RESUMABLE_FOR, Batch, BatchInfo, is_writing, line_of, read_batches
from tenure.lake.batches import SCHEMA as BATCHES_SCHEMA
from tenure.lake.batches import TABLE as BATCHES
from tenure.lake.engines import open_engine
from tenure.lake.fields import FIELDS, field_of, shown_in_part
from tenure.lake.money import with_base_money
from tenure.lake.parts import alike
from tenure.lake.resolve import of_their_own, resolve, undisputed
from tenure.lake.scope import CUSTOMERS, SYSTEM, Scope
from tenure.lake.sealed import (
    opened_extra,
    saying_why,
    seal,
    seal_reader,
    sealed_columns,
    stored_schema,
    unsealed,
)
from tenure.lake.store import Store, read_document, write_document
from tenure.lake.tables import COMPUTED
from tenure.language import tr

PRECEDENCE = "precedence"  # the document that holds, by contract and field, the order of sources


# A number no person has, in whose place a planned question is asked of somebody.
_SOMEBODY = 6_174_002_538_917_346_021
_MOST_PLANS = 400


class Lake:
    """The lake of one workspace. One object serves one thread at a time; any number may be open.

    Personal columns lie sealed in it, under keys of the vault in the folder's own home (the folder above it).
    zone, currency: the workspace's business zone and reporting currency.
    precedence: sources whose word goes first, strongest first; the others follow, newest first.
    assigned: given a scope that is neither none nor all, the person ids it reaches (int64); without it such a scope
    sees nothing.
    """

    def __init__(
        self,
        folder: Path,
        *,
        zone: str = "Asia/Shanghai",
        currency: str = "CNY",
        precedence: Sequence[str] = ("desk",),
        assigned: Callable[[Scope], pa.Array] | None = None,
    ) -> None:
        self.folder = folder
        self.zone = zone
        self.currency = currency
        self.precedence = tuple(precedence)
        self._assigned = assigned
        self._plans: dict[tuple[Any, ...], Callable[[int], pa.Table]] = {}
        self._batches_at: tuple[int, list[BatchInfo]] | None = None
        self._store = Store(folder)
        self._engine = open_engine(os.environ.get("TENURE_ENGINE", "duckdb"), folder / ".scratch")

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
                ibis.memtable({"batch": [b.batch for b in live]}, schema={"batch": "string"}), "batch"
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

    def as_it_lies(self, contract: str) -> ibis.Table:
        """The records of a contract with what is personal still sealed: to count what is there. Never for a person to see."""
        return self._stored(f"records/{contract}", contract_named(contract).records_schema)

    def history(self, contract: str, *, as_of: datetime, actor: Scope) -> ibis.Table:
        """The records of a contract as they could be known at an instant (schema of `records/…`).

        Read from everything received, never from the current records: a row counts from its business time on, and
        what became known later reads as null.
        """
        shape = contract_named(contract)
        rows = self._custom_in_type(self._resolved(shape, as_of), shape)
        return self._scoped(rows, f"records/{contract}", actor, resolved=True)

    def steady(self, contract: str) -> bool:
        """Whether each record came once: then its history is `records/…`, once up to date, by `resolve.cut_down`."""
        live = self._live(contract)
        return bool(live) and undisputed(live)

    def adds_only(self, contract: str, batches: Collection[str]) -> bool:
        """Whether these batches bring nothing but records that no other batch in force speaks of."""
        live = self._live(contract)
        return of_their_own([info for info in live if info.batch in batches], live)

    def current(self, contract: str, *, sealed: bool = False, archived: bool = False) -> ibis.Table:
        """The current truth of a contract, worked out from everything received (what `records/…` is built from).

        sealed: personal columns stay as they lie, to be published again so; the company's own personal fields are
        text, which `publish` seals. archived: with the records that are put away.
        """
        shape = contract_named(contract)
        rows = self._resolved(shape, archived=archived)
        if sealed:
            return rows
        return unsealed(self._custom_in_type(rows, shape), f"records/{contract}", self._home)

    def custom(self, table: str) -> tuple[CustomColumn, ...]:
        """The company's own fields that a contract has, or a table (`records/customers`, `scores/customers`) carries."""
        kind, __, name = table.rpartition("/")
        if kind not in ("", "records") and table != "scores/customers":
            return ()
        return customs.columns_of(self.document(customs.DOCUMENT), name)

    def schema(self, table: str) -> pa.Schema:
        """The schema of `records/…` or a computed table as readers find it, the company's own fields with it."""
        kind, __, name = table.partition("/")
        own = contract_named(name).records_schema if kind == "records" else self._computed_schema(table)
        added = [field for field in customs.schema_of(self.custom(table)) if field.name not in own.names]
        if table == "scores/customers":
            added = [field for field in added if field.name != customs.UNFIT]
        return pa.schema([*own, *added]) if added else own

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
        names = {table: f"kept_{secrets.token_hex(6)}" for table in tables}
        try:
            with saying_why():
                kept = {table: self._engine.keep(expr, names[table]) for table, expr in tables.items()}
            yield kept
        finally:
            for name in names.values():
                self._engine.drop(name)

    def splink(self) -> Any:
        """A Splink database API on the lake's engine, for rows that were read from it."""
        return self._engine.splink()

    @property
    def store(self) -> Store:
        """The tables themselves: for what takes people out of them, never for reading rows."""
        return self._store

    def local_day(self, instant: ibis.Value) -> ibis.Value:
        """The business date of a UTC instant column."""
        return self._engine.local_day(instant, self.zone)

    def document(self, name: str) -> Any | None:
        """A computed JSON document, such as a model card; None where it has not been computed."""
        return read_document(self._document(name))

    def rules(self, contract: str) -> dict[str, tuple[str, ...]]:
        """Which source goes first for which field, where that differs from the lake's own order; strongest first.

        What people correct on the desk goes first whatever a rule says, unless the rule names the desk itself.
        """
        told = (self.document(PRECEDENCE) or {}).get(contract, {})
        return {
            field: tuple(order) if "desk" in order else ("desk", *order)
            for field, order in sorted(told.items())
            if order
        }

    def exists(self, table: str) -> bool:
        return self._store.exists(table)

    def version(self, table: str) -> int | None:
        """Grows by one with each change of the table; None where there is none. Good for keys of caches."""
        return self._store.version(table)

    def content(self, table: str) -> str | None:
        """A digest of what the table holds, which holds for a restored copy too; None where there is none.

        Of its files' names: each is drawn anew, and no file is ever changed.
        """
        if not self._store.exists(table):
            return None
        names = sorted(Path(file).name for file in self._store.files(table)[0])
        return hashlib.sha256("\n".join(names).encode()).hexdigest()

    def batches(self, contract: str | None = None) -> list[BatchInfo]:
        """Every batch in its latest state, oldest first."""
        version = self._store.version(BATCHES)
        if version is None:
            return []
        if self._batches_at is None or self._batches_at[0] != version:
            self._batches_at = version, read_batches(self._store)
        return [info for info in self._batches_at[1] if contract in (None, info.contract)]

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

    def _sealed(self, table: str, rows: Any, *, sealed: bool) -> Any:
        custom = self.custom(table)
        if not sealed or any(column.personal for column in custom):
            sealing = seal if isinstance(rows, pa.Table) else seal_reader
            rows = sealing(rows, table, self._home, custom, rest=not sealed)
        return rows

    def settle(self, contract: str, *order: str, batches: Collection[str] | None = None) -> int:
        """Work out the current truth of a contract and put it in its place (`records/…`) in this order; returns its rows.

        batches: those that bring new records only, which are added, as a run in order of its own, to what is there.
        Columns of which the files say that all rows hold the same are not carried through the sort.
        """
        shape = contract_named(contract)
        rows = self._resolved(shape, batches=batches)
        same = self._same_everywhere(shape) if self._live(contract) else {}
        moving = [name for name in rows.columns if name not in same]
        by = [name for name in order if name in moving]
        moved = rows.select(*moving)
        counted = _Counting(
            self._engine.to_reader(moved.order_by(*by) if by else moved), rows.schema().to_pyarrow(), same
        )
        table = f"records/{contract}"
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

    @property
    def _home(self) -> Path:
        return self.folder.absolute().parent

    def _document(self, name: str) -> Path:
        return self.folder / "documents" / f"{name}.json"

    def _live(self, contract: str) -> list[BatchInfo]:
        return [info for info in self.batches(contract) if info.state == "committed"]

    def _computed_schema(self, table: str) -> pa.Schema:
        kind, __, name = table.partition("/")
        if kind == "archived":
            return put_away.schema_of(contract_named(name))
        if table in COMPUTED:
            return COMPUTED[table]
        if table == BATCHES:
            return BATCHES_SCHEMA
        if self._store.exists(table):
            return self._store.schema(table)
        raise TenureError(tr('There is no table "{table}" yet. Compute it with: tenure refresh', table=table))

    def _stored(self, table: str, schema: pa.Schema) -> ibis.Table:
        """The table in exactly this schema, sealed as it lies: files of before a column was added have it null."""
        schema = stored_schema(table, schema, self.custom(table))
        if not self._store.exists(table):
            return ibis.memtable(schema.empty_table())
        files, version = self._store.files(table)
        if not files:
            return ibis.memtable(schema.empty_table())
        found = self._engine.files(files, version_key=f"{self._store.path(table)}@{version}")
        wanted = ibis.Schema.from_pyarrow(schema)
        return found.select(
            **{
                name: ibis.null(kind) if name not in found.columns
                else found[name] if found[name].type() == kind else found[name].cast(kind)
                for name, kind in wanted.items()
            }
        )  # fmt: skip

    def _with_person(self, rows: ibis.Table, contract: Contract) -> ibis.Table:
        """Say who each row belongs to; `person_id` is null where the row names nobody."""
        if contract.person is None:
            return rows.mutate(person_id=ibis.null("int64"))
        links = self._stored("identity/links", COMPUTED["identity/links"])
        links = links.select(link_ids_of="ids_of", link_customer_id="customer_id", person_id="person_id")
        joined = rows.left_join(
            links, [rows.ids_of == links.link_ids_of, rows[contract.person] == links.link_customer_id]
        )
        return joined.drop("link_ids_of", "link_customer_id")

    def _resolved(
        self,
        contract: Contract,
        as_of: datetime | None = None,
        *,
        archived: bool = False,
        batches: Collection[str] | None = None,
    ) -> ibis.Table:
        """The contract's records from what its live batches say; without one, empty and with nothing to work out.

        archived: with those that are put away. batches: the word of these alone.
        """
        live = [info for info in self._live(contract.name) if batches is None or info.batch in batches]
        if not live:
            table = f"records/{contract.name}"
            return ibis.memtable(stored_schema(table, self.schema(table), self.custom(contract.name)).empty_table())
        received = self._stored(f"received/{contract.name}", contract.received_schema)
        if not archived:
            received = self._not_put_away(received, contract)
        custom = self.custom(contract.name)
        if custom:
            received = customs.with_sent(received, opened_extra(received, contract, self._home), custom)
        names = [column.name for column in custom]
        resolved = resolve(received, contract, live, self.precedence, as_of, names, self.rules(contract.name))
        return self._as_records(customs.as_columns(resolved, custom), contract, archived=archived)

    def _not_put_away(self, received: ibis.Table, contract: Contract) -> ibis.Table:
        """The rows whose record is not archived."""
        table = put_away.table_of(contract)
        if not self._store.exists(table):
            return received
        key = ["ids_of", *contract.key]
        return received.anti_join(self._stored(table, put_away.schema_of(contract)).select(*key), key)

    def _same_everywhere(self, contract: Contract) -> dict[str, pa.Scalar]:
        """The columns of the records that are the same in every row, with their value: those nobody fills, above all."""
        table = f"received/{contract.name}"
        same = alike(self._store.files(table)[0], stored_schema(table, contract.received_schema))
        certain = undisputed(self._live(contract.name))
        # Rows tell records apart whatever else is the same; and where rows have to be put together, who spoke may differ.
        same = {
            name: value
            for name, value in same.items()
            if name != "row" and name in contract.records_schema.names and (certain or not value.is_valid)
        }
        bases = {base_money(name): name for name in same if name in contract and contract[name].type == "money"}
        return same | {
            base: pa.scalar(None, contract.records_schema.field(base).type)
            for base, name in bases.items()
            if base in contract.records_schema.names and not same[name].is_valid
        }

    def _as_records(self, resolved: ibis.Table, contract: Contract, *, archived: bool = False) -> ibis.Table:
        """Add what records have beyond what was received: the person, the business date, money in base currency."""
        rows = self._with_person(resolved, contract)
        if contract.person and not archived and self._store.exists(put_away.PERSONS):
            # What hangs on a customer who is put away is nobody's to count.
            rows = rows.anti_join(self._stored(put_away.PERSONS, COMPUTED[put_away.PERSONS]), "person_id")
        if contract.day and contract.valid_at:
            rows = rows.mutate(**{contract.day: self._engine.local_day(rows[contract.valid_at], self.zone)})
        money = {c.name: base_money(c.name) for c in contract.columns if c.type == "money"}
        if money and contract.day:
            live = self._live("exchange_rates")
            rates = None
            if live:
                shape = CONTRACTS["exchange_rates"]
                said = self._not_put_away(self._stored("received/exchange_rates", shape.received_schema), shape)
                rates = resolve(said, shape, live, self.precedence)
            rows = with_base_money(rows, rates, day=contract.day, money=money, base=self.currency)
        return rows.select(
            *contract.records_schema.names, *(f.name for f in customs.schema_of(self.custom(contract.name)))
        )

    def _custom_in_type(self, rows: ibis.Table, contract: Contract) -> ibis.Table:
        """The company's own personal fields were read from what lay sealed, and are in clear, as text."""
        texts = [column for column in self.custom(contract.name) if column.personal]
        return rows.mutate(**{c.name: customs.in_type(rows[c.name], c) for c in texts}) if texts else rows

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
                rows = rows.semi_join(ibis.memtable(pa.table({"person_id": reached.cast(pa.int64())})), "person_id")
        return self._as_shown(rows, table, actor, resolved=resolved)

    def _reach_on(self, table: str, actor: Scope) -> Scope:
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


class _Counting:
    """A stream of rows given the columns that are the same in all of them, which knows how many rows went through it."""

    def __init__(self, rows: pa.RecordBatchReader, schema: pa.Schema, same: Mapping[str, pa.Scalar]) -> None:
        self.rows = 0
        self._same = same
        self.reader = pa.RecordBatchReader.from_batches(schema, self._through(rows, schema))

    def _through(self, rows: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        longest, same = 0, {}
        for batch in rows:
            self.rows += batch.num_rows
            if batch.num_rows > longest:
                longest = batch.num_rows
                same = {name: pa.repeat(value, longest) for name, value in self._same.items()}
            columns = [
                same[name].slice(0, batch.num_rows) if name in same else batch.column(name) for name in schema.names
            ]
            yield pa.record_batch(columns, schema=schema)


def _nothing(schema: pa.Schema) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(schema, [])


@ibis.udf.scalar.python  # type: ignore[untyped-decorator]
def _in_part(value: str, field: str) -> str:
    return shown_in_part(field, value)  # type: ignore[no-any-return]


__all__ = ["SYSTEM", "Lake", "Scope"]
