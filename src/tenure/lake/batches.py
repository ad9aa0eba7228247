"""A batch: the rows of one import, seen all at once when it is committed, and taken back as a whole.

The rows of a batch lie in `received/<contract>` from the first chunk on, but readers pass over every row whose
batch has no `committed` line in the table `batches`: that one line is the commit. Undo adds an `undone` line.
"""

import json
import os
import secrets
import socket
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
from deltalake.exceptions import DeltaError

from tenure.contracts import Contract
from tenure.errors import TenureError
from tenure.lake.sealed import seal
from tenure.lake.standard import with_standards
from tenure.lake.store import Store
from tenure.lake.tombstones import TABLE as ERASED_TABLE
from tenure.lake.tombstones import without_buried
from tenure.language import tr

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
# An import that was killed may be gone on with for so long; then its rows are cleared away.
RESUMABLE_FOR = timedelta(days=7)
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

    @property
    def may_resume(self) -> bool:
        """Whether its writer noted down all it takes to go on, should it die."""
        return self.state == "begun" and "plan" in self.report


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
    stored_to: int = 0  # rows up to this number of their file are in the lake from before, and are not written again
    rows: int = 0
    report: dict[str, Any] = field(default_factory=dict)
    _written: int = 0
    _graves: int | None = None
    _waiting: list[pa.Table] = field(default_factory=list)
    _waiting_rows: int = 0
    _made: dict[str, pa.Array] = field(default_factory=dict)
    _writer: ThreadPoolExecutor | None = None
    _writing: Future[None] | None = None

    def __post_init__(self) -> None:
        self._graves = self.store.version(ERASED_TABLE)
        if self.id:
            return
        stamp = self.now.astimezone(UTC).strftime("%Y%m%dT%H%M%S")
        self.id = f"{stamp}-{self.contract.name}-{secrets.token_hex(4)}"

    def append(self, rows: pa.Table) -> None:
        """Take rows with the contract's columns (those missing are absent), `extra` and `row`."""
        self.rows += rows.num_rows
        if self.stored_to:
            rows = rows.filter(pc.greater(rows["row"], self.stored_to))
        self._waiting.append(self._stamped(rows))
        self._waiting_rows += rows.num_rows
        if self._waiting_rows >= _ROWS_A_WRITE:
            self.send()

    def flush(self) -> None:
        """Write what waits, and see to it that it is written."""
        self.send()
        self._settle()

    def close(self) -> None:
        """Wait for a write that is under way, however it ends."""
        with suppress(Exception):
            self._settle()
        if self._writer is not None:
            self._writer.shutdown()
            self._writer = None

    def send(self) -> None:
        """Hand what waits to the writer, who has one thing to write at a time; rows are read and decided meanwhile."""
        self._settle()
        if self._waiting_rows:
            if self._writer is None:
                self._writer = ThreadPoolExecutor(1, thread_name_prefix="lake")
            # The language is chosen for each context, and the writer may have to explain itself.
            self._writing = self._writer.submit(copy_context().run, self._write, self._waiting)
        self._waiting, self._waiting_rows = [], 0

    def _settle(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _write(self, waiting: list[pa.Table]) -> None:
        if waiting:
            # Looked at as late as can be: somebody may have been erased since the import began.
            rows = without_buried(self.store, self.contract, pa.concat_tables(waiting))
            table = f"received/{self.contract.name}"
            sealed = seal(rows, table, self.home)
            try:
                self.store.append(table, sealed)
            except (DeltaError, OSError) as error:
                raise TenureError(
                    tr(
                        "{path} can't be written: {error}. Is the disk still there, and may this user write to it?",
                        path=self.store.path(table),
                        error=str(error).splitlines()[0][:200],
                    )
                ) from error
            self._written += rows.num_rows

    def check(self) -> None:
        """See that what was written is there. Raises TenureError where it is not: a disk that went away takes rows along."""
        if not self._written or self._graves != self.store.version(ERASED_TABLE):
            return  # somebody was erased meanwhile, whose rows are rightly gone
        there = f"batch = '{self.id}'" + (f" AND row > {self.stored_to}" if self.stored_to else "")
        found = self.store.count(f"received/{self.contract.name}", there)
        if found != self._written or not self.store.count(TABLE, f"batch = '{self.id}'"):
            raise TenureError(
                tr(
                    "Of {written:,} rows written to {path}, {found:,} are there, so nothing was imported. Is the disk still "
                    "there, and does nobody else change the folder? Then import again.",
                    written=self._written,
                    found=found,
                    path=self.store.folder,
                )
            )

    def _stamped(self, rows: pa.Table) -> pa.Table:
        rows = with_standards(rows, self.contract)
        received_at = pa.scalar(self.now, pa.timestamp("us", tz="UTC"))
        columns: dict[str, Any] = {
            "source": self._in_all("source", pa.scalar(self.source), rows),
            "ids_of": self._in_all("ids_of", pa.scalar(self.ids_of), rows),
            "batch": self._in_all("batch", pa.scalar(self.id), rows),
            "received_at": self._in_all("received_at", received_at, rows),
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
                else self._in_all(f.name, pa.scalar(None, f.type), rows)
                for f in schema
            ],
            schema=schema,
        )  # fmt: skip

    def _in_all(self, name: str, value: pa.Scalar, rows: pa.Table) -> pa.Array:
        """A column that holds one value; made once for all tables of the batch."""
        made = self._made.get(name)
        if made is None or len(made) < rows.num_rows:
            made = self._made[name] = pa.repeat(value, rows.num_rows)
        return made.slice(0, rows.num_rows)

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
