"""The one door to the lake: every row goes in by `receiving` or `publish`, and comes out by `read` or `history`."""

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
from tenure.errors import TenureError
from tenure.lake.batches import SCHEMA as BATCHES_SCHEMA
from tenure.lake.batches import TABLE as BATCHES
from tenure.lake.batches import Batch, BatchInfo, is_writing, line_of, read_batches
from tenure.lake.engines import open_engine
from tenure.lake.fields import FIELDS, field_of, shown_in_part
from tenure.lake.money import with_base_money
from tenure.lake.resolve import resolve
from tenure.lake.scope import CUSTOMERS, SYSTEM, Scope
from tenure.lake.sealed import saying_why, seal, seal_reader, sealed_columns, stored_schema, unsealed
from tenure.lake.store import Store, read_document, write_document
from tenure.lake.tables import COMPUTED
from tenure.language import tr

PRECEDENCE = "precedence"  # the document that holds, by contract and field, the order of sources


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
        schema = contract_named(name).records_schema if kind == "records" else self._computed_schema(table)
        return self._scoped(self._stored(table, schema), table, actor)

    def history(self, contract: str, *, as_of: datetime, actor: Scope) -> ibis.Table:
        """The records of a contract as they could be known at an instant (schema of `records/…`).

        Read from everything received, never from the current records: a row counts from its business time on, and
        what became known later reads as null.
        """
        return self._scoped(self._resolved(contract_named(contract), as_of), f"records/{contract}", actor)

    def current(self, contract: str, *, sealed: bool = False) -> ibis.Table:
        """The current truth of a contract, worked out from everything received (what `records/…` is built from).

        sealed: personal columns stay as they lie, to be published again so.
        """
        shape = contract_named(contract)
        rows = self._resolved(shape)
        return rows if sealed else unsealed(rows, f"records/{contract}", self._home)

    def to_arrow(self, expr: ibis.Expr) -> pa.Table:
        """Run an expression over the lake's tables."""
        with saying_why():
            return self._engine.to_arrow(expr)

    def to_reader(self, expr: ibis.Expr) -> pa.RecordBatchReader:
        """Run an expression and stream its rows."""
        return self._engine.to_reader(expr)

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
    ) -> Iterator[Batch]:
        """A batch to append rows to. Leaving the block commits it whole; an exception leaves nothing to be seen.

        columns: those of the contract that the file has; the others are absent, not null.
        ids_of: the source whose numbering the keys follow; `source` itself unless said.
        """
        shape = contract_named(contract)
        if unknown := sorted(set(columns) - set(shape.names)):
            raise TenureError(
                tr("Contract {contract} has no columns {unknown}.", contract=contract, unknown=", ".join(unknown))
            )
        self._seal_older(f"received/{contract}")
        home = self._home
        batch = Batch(self._store, shape, home, source, ids_of or source, tuple(columns), file, fingerprint, now)
        self._store.append(BATCHES, batch.line("begun", now))
        try:
            yield batch
            batch.flush()
            self._store.append(BATCHES, batch.line("committed", now))
        except BaseException:
            self._abandon(batch, now)
            raise

    def undo(self, batch_id: str, *, now: datetime) -> BatchInfo:
        """Take a committed batch back: its rows no longer count, whatever else was received since still does.

        Raises TenureError where there is no such batch, or it does not count already.
        """
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
        undone = BatchInfo(**{**info.__dict__, "state": "undone", "at": now})
        self._store.append(BATCHES, line_of(undone))
        return undone

    def publish(self, table: str, rows: pa.Table | pa.RecordBatchReader, *, sealed: bool = False) -> None:
        """Put a computed table in its place, whole and at once. Its personal columns are sealed unless they are already."""
        if not sealed:
            whole = isinstance(rows, pa.Table)
            rows = seal(rows, table, self._home) if whole else seal_reader(rows, table, self._home)
        self._store.replace(table, rows)

    def add(self, table: str, rows: pa.Table) -> None:
        """Add rows to a computed table, their personal columns sealed."""
        self._store.append(table, seal(rows, table, self._home))

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
                self._store.delete(f"received/{info.contract}", f"batch = '{info.batch}'")
                self._store.append(BATCHES, line_of(BatchInfo(**{**info.__dict__, "state": "abandoned", "at": now})))
                swept.append(info.batch)
        return swept

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
        if table in COMPUTED:
            return COMPUTED[table]
        if table == BATCHES:
            return BATCHES_SCHEMA
        if self._store.exists(table):
            return self._store.schema(table)
        raise TenureError(tr('There is no table "{table}" yet. Compute it with: tenure refresh', table=table))

    def _stored(self, table: str, schema: pa.Schema) -> ibis.Table:
        """The table in exactly this schema, sealed as it lies: files of before a column was added have it null."""
        schema = stored_schema(table, schema)
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

    def _resolved(self, contract: Contract, as_of: datetime | None = None) -> ibis.Table:
        """The contract's records from what its live batches say; without one, empty and with nothing to work out."""
        live = self._live(contract.name)
        if not live:
            return ibis.memtable(stored_schema(f"records/{contract.name}", contract.records_schema).empty_table())
        received = self._stored(f"received/{contract.name}", contract.received_schema)
        rules = self.rules(contract.name)
        return self._as_records(resolve(received, contract, live, self.precedence, as_of, rules), contract)

    def _as_records(self, resolved: ibis.Table, contract: Contract) -> ibis.Table:
        """Add what records have beyond what was received: the person, the business date, money in base currency."""
        rows = self._with_person(resolved, contract)
        if contract.day and contract.valid_at:
            rows = rows.mutate(**{contract.day: self._engine.local_day(rows[contract.valid_at], self.zone)})
        money = {c.name: base_money(c.name) for c in contract.columns if c.type == "money"}
        if money and contract.day:
            live = self._live("exchange_rates")
            rates = None
            if live:
                shape = CONTRACTS["exchange_rates"]
                rates = resolve(
                    self._stored("received/exchange_rates", shape.received_schema), shape, live, self.precedence
                )
            rows = with_base_money(rows, rates, day=contract.day, money=money, base=self.currency)
        return rows.select(*contract.records_schema.names)

    def _scoped(self, rows: ibis.Table, table: str, actor: Scope) -> ibis.Table:
        """The rows within the actor's reach, each column as the actor may see it."""
        kind = table.rpartition("/")[2]
        reach = actor.on(kind if kind in CONTRACTS and not table.startswith("scores/") else CUSTOMERS)
        if not reach.sees_all:
            if reach.sees_none or "person_id" not in rows.columns or self._assigned is None:
                rows = rows.filter(ibis.literal(False))
            else:
                reached = self._assigned(reach)
                rows = rows.semi_join(ibis.memtable(pa.table({"person_id": reached.cast(pa.int64())})), "person_id")
        # Opened for the rows that are left, and only where a column is read in the end; hidden ones never are.
        rows = unsealed(rows, table, self._home)
        # Masked last: a mask is worked out for the rows that are left, and none is joined or filtered by.
        seen: dict[str, ibis.Value] = {}
        for name in rows.columns:
            field = field_of(table, name)
            shown = actor.shows(field)
            if shown == "masked" and FIELDS[field or ""].mask is not None and rows[name].type().is_string():
                seen[name] = _in_part(rows[name], field)
            elif shown != "clear":
                seen[name] = ibis.null(rows[name].type())
        return rows.mutate(**seen) if seen else rows


@ibis.udf.scalar.python  # type: ignore[untyped-decorator]
def _in_part(value: str, field: str) -> str:
    return shown_in_part(field, value)  # type: ignore[no-any-return]


__all__ = ["SYSTEM", "Lake", "Scope"]
