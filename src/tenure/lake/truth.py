"""The current truth of each contract, worked out from everything received: what `records/…` is built from."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

import ibis
import pyarrow as pa

from tenure.contracts import CONTRACTS, Contract, base_money, contract_named
from tenure.in_memory import in_memory
from tenure.lake import archived as put_away
from tenure.lake import custom as customs
from tenure.lake.money import with_base_money
from tenure.lake.parts import alike
from tenure.lake.resolve import of_their_own, resolve, undisputed
from tenure.lake.sealed import (
    opened_extra,
    stored_schema,
    unsealed,
)
from tenure.lake.stored import Stored
from tenure.lake.tables import COMPUTED


class Truth(Stored):
    """The lake's records: resolved field by field, each with its person, its business date and money in one currency."""

    def as_it_lies(self, table: str, only: Collection[str] | None = None) -> ibis.Table:
        """The table (`records/…` or computed) with what is personal still sealed. Never for a person to see.

        only: names of its files; the rows in these alone.
        """
        return self._stored(table, self.schema(table), only)

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

    def in_order(self, contract: str, *order: str, batches: Collection[str] | None = None) -> "Counting":
        """The current truth of a contract in this order, its personal columns sealed as they lie.

        batches: the word of these alone.
        Columns of which the files say that all rows hold the same are not carried through the sort.
        """
        shape = contract_named(contract)
        rows = self._resolved(shape, batches=batches)
        same = self._same_everywhere(shape) if self._live(contract) else {}
        moving = [name for name in rows.columns if name not in same]
        by = [name for name in order if name in moving]
        moved = rows.select(*moving)
        return Counting(self._engine.to_reader(moved.order_by(*by) if by else moved), rows.schema().to_pyarrow(), same)

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
            return in_memory(stored_schema(table, self.schema(table), self.custom(contract.name)).empty_table())
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


class Counting:
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
