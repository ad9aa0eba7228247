"""A batch: the rows of one import, seen all at once when it is committed, and taken back as a whole.

The rows of a batch lie in `received/<contract>` from the first chunk on, but readers pass over every row whose
batch has no `committed` line in the table `batches`: that one line is the commit. Undo adds an `undone` line.
"""

import json
import os
import secrets
import socket
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet

from tenure.contracts import Contract
from tenure.lake.sealed import seal
from tenure.lake.standard import with_standards
from tenure.lake.store import Store
from tenure.lake.tombstones import without_buried

State = Literal["begun", "committed", "undone", "abandoned"]
TABLE = "batches"
SCHEMA = pa.schema(
    [
        pa.field("batch", pa.string()),
        pa.field("contract", pa.string()),
        pa.field("state", pa.string()),
        pa.field("at", pa.timestamp("us", tz="UTC")),
        pa.field("source", pa.string()),
        pa.field("ids_of", pa.string()),
        pa.field("file", pa.string()),
        pa.field("fingerprint", pa.string()),
        pa.field("columns", pa.list_(pa.string())),
        pa.field("rows", pa.int64()),
        pa.field("writer", pa.string()),
        pa.field("report", pa.string()),
    ]
)
# One Delta commit for about this many rows: few files, bounded memory.
_ROWS_A_WRITE = 500_000


@dataclass(frozen=True)
class BatchInfo:
    """What is known of a batch: `columns` are the contract's columns its file had; a column it lacked is absent."""

    batch: str
    contract: str
    state: State
    at: datetime
    source: str
    ids_of: str
    file: str | None
    fingerprint: str | None
    columns: frozenset[str]
    rows: int
    writer: str
    report: dict[str, Any]


@dataclass
class Batch:
    """Rows on their way into the lake. Made by `Lake.receiving`; nothing shows until that block ends well."""

    store: Store
    contract: Contract
    home: Path
    source: str
    ids_of: str
    columns: Collection[str]
    file: str | None
    fingerprint: str | None
    now: datetime
    id: str = ""
    rows: int = 0
    report: dict[str, Any] = field(default_factory=dict)
    _waiting: list[pa.Table] = field(default_factory=list)
    _waiting_rows: int = 0

    def __post_init__(self) -> None:
        stamp = self.now.astimezone(UTC).strftime("%Y%m%dT%H%M%S")
        self.id = f"{stamp}-{self.contract.name}-{secrets.token_hex(4)}"

    def append(self, rows: pa.Table) -> None:
        """Take rows with the contract's columns (those missing are absent), `extra` and `row`."""
        self._waiting.append(self._stamped(rows))
        self._waiting_rows += rows.num_rows
        self.rows += rows.num_rows
        if self._waiting_rows >= _ROWS_A_WRITE:
            self.flush()

    def flush(self) -> None:
        if self._waiting_rows:
            # Looked at as late as can be: somebody may have been erased since the import began.
            rows = without_buried(self.store, self.contract, pa.concat_tables(self._waiting))
            table = f"received/{self.contract.name}"
            self.store.append(table, seal(rows, table, self.home))
        self._waiting, self._waiting_rows = [], 0

    def _stamped(self, rows: pa.Table) -> pa.Table:
        rows = with_standards(rows, self.contract)
        count = rows.num_rows
        received_at = pa.scalar(self.now, pa.timestamp("us", tz="UTC"))
        columns: dict[str, Any] = {
            "source": pa.repeat(pa.scalar(self.source), count),
            "ids_of": pa.repeat(pa.scalar(self.ids_of), count),
            "batch": pa.repeat(pa.scalar(self.id), count),
            "received_at": pa.repeat(received_at, count),
        }
        valid_at = rows[self.contract.valid_at] if self.contract.valid_at in rows.column_names else None
        columns["valid_at"] = (
            columns["received_at"]
            if valid_at is None
            else valid_at.cast(pa.timestamp("us", tz="UTC")).fill_null(received_at)
        )
        schema = self.contract.received_schema
        return pa.table(
            [
                columns[f.name] if f.name in columns
                else rows[f.name].cast(f.type) if f.name in rows.column_names
                else pa.nulls(count, f.type)
                for f in schema
            ],
            schema=schema,
        )  # fmt: skip

    def line(self, state: State, at: datetime) -> pa.Table:
        """The line of table `batches` that puts the batch into this state."""
        return line_of(
            BatchInfo(
                self.id, self.contract.name, state, at, self.source, self.ids_of, self.file, self.fingerprint,
                frozenset(self.columns), self.rows, writer(), self.report,
            )
        )  # fmt: skip


def line_of(info: BatchInfo) -> pa.Table:
    row = {
        **{name: getattr(info, name) for name in SCHEMA.names},
        "columns": sorted(info.columns),
        "report": json.dumps(info.report, ensure_ascii=False, default=str),
    }
    return pa.Table.from_pylist([row], schema=SCHEMA)


def read_batches(store: Store) -> list[BatchInfo]:
    """Every batch in its latest state, oldest first by when it was begun."""
    if not store.exists(TABLE):
        return []
    files, _ = store.files(TABLE)
    lines = pa.concat_tables([pa.parquet.read_table(file) for file in files]) if files else SCHEMA.empty_table()
    latest: dict[str, BatchInfo] = {}
    rank = {"begun": 0, "committed": 1, "abandoned": 2, "undone": 2}
    rows = lines.to_pylist()
    for row in sorted(rows, key=lambda row: (row["at"], rank[row["state"]])):
        row["columns"] = frozenset(row["columns"] or ())
        row["report"] = json.loads(row["report"])
        earlier = latest.get(row["batch"])
        if earlier is None or rank[row["state"]] >= rank[earlier.state]:
            latest[row["batch"]] = BatchInfo(**row)
    return list(latest.values())


def writer() -> str:
    """Who is writing: machine, process and the instant that process began (ids are reused, births are not)."""
    return f"{socket.gethostname()}/{os.getpid()}/{_born(os.getpid())}"


def is_writing(writer: str) -> bool:
    """Whether the process that began a batch may still be at it; one on another machine is given the benefit."""
    host, pid, born = writer.rsplit("/", 2)
    return host != socket.gethostname() or (_born(int(pid)) == born and born != "0")


def _born(pid: int) -> str:
    try:
        # Field 22 of /proc/<pid>/stat, counted after the command's closing bracket.
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        try:
            os.kill(pid, 0)
        except OSError:
            return "0"
        return "1"
