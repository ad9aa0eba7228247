"""What lies in the lake's folder: tables in their schemas, batches, documents."""

import hashlib
import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa

from tenure.contracts import contract_named
from tenure.contracts.custom import CustomColumn
from tenure.errors import TenureError
from tenure.in_memory import in_memory
from tenure.lake import archived as put_away
from tenure.lake import custom as customs
from tenure.lake.batches import SCHEMA as BATCHES_SCHEMA
from tenure.lake.batches import TABLE as BATCHES
from tenure.lake.batches import BatchInfo, read_batches
from tenure.lake.engines import open_engine
from tenure.lake.scope import Scope
from tenure.lake.sealed import (
    stored_schema,
)
from tenure.lake.store import Store, read_document
from tenure.lake.tables import COMPUTED
from tenure.language import tr

PRECEDENCE = "precedence"  # the document that holds, by contract and field, the order of sources


class Stored:
    """The tables of one workspace as they lie, sealed, each in the schema that readers find it in."""

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
        self._kept: set[str] = set()  # names tables are kept under just now
        self._plans: dict[tuple[Any, ...], Callable[[int], pa.Table]] = {}
        self._batches_at: tuple[int, list[BatchInfo]] | None = None
        self._store = Store(folder)
        self._engine = open_engine(os.environ.get("TENURE_ENGINE", "duckdb"), folder / ".scratch")

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

    def content(self, table: str, version: int | None = None) -> str | None:
        """A digest of what the table holds, which holds for a restored copy too; None where there is none.

        Of its files' names: each is drawn anew, and no file is ever changed. version: what it held then; raises
        FileNotFoundError where nothing tells of that any more.
        """
        if not self._store.exists(table):
            return None
        names = sorted(Path(file).name for file in self._store.files(table, version)[0])
        return hashlib.sha256("\n".join(names).encode()).hexdigest()

    def files(self, table: str) -> list[str]:
        """The names of the files the table lies in, oldest first; none where there is no such table.

        No file is ever changed: rows that come, change or go do so in files of other names.
        """
        if not self._store.exists(table):
            return []
        return [Path(file).name for file in self._store.files(table)[0]]

    def batches(self, contract: str | None = None) -> list[BatchInfo]:
        """Every batch in its latest state, oldest first."""
        version = self._store.version(BATCHES)
        if version is None:
            return []
        if self._batches_at is None or self._batches_at[0] != version:
            self._batches_at = version, read_batches(self._store)
        return [info for info in self._batches_at[1] if contract in (None, info.contract)]

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

    @property
    def store(self) -> Store:
        """The tables themselves: for what takes people out of them, never for reading rows."""
        return self._store

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

    def _stored(self, table: str, schema: pa.Schema, only: Collection[str] | None = None) -> ibis.Table:
        """The table in exactly this schema, sealed as it lies: files of before a column was added have it null.

        only: names of files; rows that lie in others are left out.
        """
        schema = stored_schema(table, schema, self.custom(table))
        if not self._store.exists(table):
            return in_memory(schema.empty_table())
        files, version = self._store.files(table)
        key = f"{self._store.path(table)}@{version}"
        if only is not None:
            files = [file for file in files if Path(file).name in only]
            key = "\n".join((key, *files))
        if not files:
            return in_memory(schema.empty_table())
        found = self._engine.files(files, version_key=key)
        wanted = ibis.Schema.from_pyarrow(schema)
        # What lies as it is wanted needs no choosing of columns, which is a good part of planning a question.
        if tuple(found.schema().items()) == tuple(wanted.items()):
            return found
        return found.select(
            **{
                name: ibis.null(kind) if name not in found.columns
                else found[name] if found[name].type() == kind else found[name].cast(kind)
                for name, kind in wanted.items()
            }
        )  # fmt: skip
