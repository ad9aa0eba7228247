"""DuckDB in this process: the default engine."""

import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import numpy as np
import pyarrow as pa
from ibis.backends.duckdb import Backend
from ibis.expr import operations as ops

from tenure.in_memory import MOST_ROWS

_MOST_REMEMBERED = 1_000  # questions whose SQL a connection remembers, and the process
_ROWS_A_CALL = 1_000_000  # of whole persons, for what is worked out over their rows


@ibis.udf.scalar.builtin(name="timezone")  # type: ignore[untyped-decorator]
def _in_zone(zone: str, instant: dt.Timestamp(timezone="UTC")) -> dt.timestamp:  # type: ignore[valid-type]
    """DuckDB's own function: the wall clock of a zone at an instant."""


_FILES = "files_"  # begins the name of a table made of the files of one version of one lake


class _Texts:
    """The SQL of questions as they are whatever connection they are asked on, for all threads and lakes of the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[Any, str] = OrderedDict()

    def of(self, question: Any, work_out: Callable[[], str]) -> str:
        with self._lock:
            if question in self._known:
                self._known.move_to_end(question)
                return self._known[question]
        sql = work_out()
        with self._lock:
            self._known[question] = sql
            if len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)
        return sql


_texts = _Texts()


class _Connection(Backend):  # type: ignore[misc]
    """Ibis's own, which turns a question into SQL once, and lets go of tables in memory that nobody asks for any more.

    Most of what a small question costs is turning it into SQL, and pages ask the same again for the next reader. The SQL
    depends on the question alone. One that reads a large table in memory is not remembered, nor are its rows kept.
    """

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._remembered: OrderedDict[Any, str] = OrderedDict()
        self._unused: deque[str] = deque()

    def compile(self, expr: ibis.Expr, /, *, limit: Any = None, params: Any = None, pretty: bool = False) -> str:
        question, really = expr.op(), super().compile
        if limit is not None or params is not None or pretty:
            return str(really(expr, limit=limit, params=params, pretty=pretty))
        if (sql := self._remembered.get(question)) is not None:
            self._remembered.move_to_end(question)
            return sql
        if not all(_is_small(table) for table in question.find(ops.InMemoryTable)):
            return str(really(expr))
        if any(table.name.startswith(_FILES) for table in question.find(ops.DatabaseTable)):
            sql = str(really(expr))
        else:
            # Told without the connection, which would live as long as what is remembered does.
            unbound = expr.unbind()
            sql = _texts.of(unbound.op(), lambda: str(really(unbound)))
        self._remembered[question] = sql
        if len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return sql

    def _run_pre_execute_hooks(self, expr: ibis.Expr) -> None:
        # What was asked before has its functions and small tables here already.
        if expr.as_table().op() not in self._remembered:
            super()._run_pre_execute_hooks(expr)

    def _register_in_memory_tables(self, expr: ibis.Expr) -> None:
        while self._unused:
            self.con.unregister(self._unused.popleft())
        for table in self._verify_in_memory_tables_are_unique(expr):
            if table not in self._memtables:
                self._register_in_memory_table(table)
                self._memtables.add(table)
                # Noted, not done: it may become free in the middle of a question, when nothing else may be asked here.
                weakref.finalize(table, self._unused.append, table.name)


def _is_small(table: ops.InMemoryTable) -> bool:
    return bool(table.data.to_pyarrow(table.schema).num_rows <= MOST_ROWS)


class DuckDBEngine:
    """One in-memory connection over the lake's files; what outgrows `memory` (bytes) is spilled to `scratch`."""

    name = "duckdb"

    def __init__(self, scratch: Path, memory: int) -> None:
        self._connection = _Connection().connect(temp_directory=str(scratch), memory_limit=f"{memory // 1024}KiB")
        self._connection.raw_sql("SET TimeZone = 'UTC'")
        # What is opened for a question must not lie about in clear if this process dies in the middle of it. Without the
        # second line DuckDB 2 refuses to spill at all: it asks for an extension that would have to be downloaded. What it
        # calls unsafe is the source of its one-time key, which is good enough for files that die with the process.
        self._connection.raw_sql("SET temp_file_encryption = true")
        self._connection.raw_sql("SET force_mbedtls_unsafe = 'true'")
        # Functions of ours that are still registered when Python ends are complained about at the terminal.
        weakref.finalize(self._connection, self._connection.con.close)
        # Its bar would draw over the command's own, and into the output of programs.
        self._connection.raw_sql("SET enable_progress_bar = false")
        # Streams of rows are consumed in any order; keeping the order of files costs memory and buys nothing.
        self._connection.raw_sql("SET preserve_insertion_order = false")

    def files(self, paths: Sequence[str], *, version_key: str) -> ibis.Table:
        name = _FILES + blake2b(version_key.encode(), digest_size=12).hexdigest()
        return self._connection.read_parquet(list(paths), table_name=name, union_by_name=True)

    def to_arrow(self, expr: ibis.Expr) -> pa.Table:
        result = self._connection.to_pyarrow(expr)
        return result if isinstance(result, pa.Table) else pa.table({"value": [result.as_py()]})

    def to_reader(self, expr: ibis.Expr) -> pa.RecordBatchReader:
        # Ibis 12's own streaming asks for a method that DuckDB 2 no longer has; these are its other steps.
        table = expr.as_table()
        self._connection._run_pre_execute_hooks(table)
        result = self._connection.con.sql(self._connection.compile(table))
        return result.to_arrow_reader(131_072).cast(table.schema().to_pyarrow())

    def planned(self, expr: ibis.Expr, stands_in: int) -> Callable[[int], pa.Table]:
        table = expr.as_table()
        self._connection._run_pre_execute_hooks(table)
        sql, schema = self._connection.compile(table), table.schema().to_pyarrow()
        before, *after = sql.split(str(stands_in))
        if not after:
            raise RuntimeError(f"the question does not ask for {stands_in}")

        # It holds on to the expression: what Ibis put into the connection for it goes when it goes.
        def ask(number: int, expr: ibis.Expr = expr) -> pa.Table:
            found = self._connection.con.sql(str(int(number)).join((before, *after)))
            return found.to_arrow_table().cast(schema)

        return ask

    def map_by_person(
        self,
        expr: ibis.Table,
        function: Callable[[pa.Table], pa.Table],
        schema: pa.Schema,
        order: Sequence[str] = (),
    ) -> ibis.Table:
        made = [function(rows) for rows in _whole_persons(self.to_reader(expr.order_by("person_id", *order)))]
        return ibis.memtable(
            pa.concat_tables(made) if made else schema.empty_table(), schema=ibis.Schema.from_pyarrow(schema)
        )

    def keep(self, expr: ibis.Expr, name: str) -> ibis.Table:
        # Ibis 12's own create_table asks DuckDB 2 for a statement it no longer parses.
        table = expr.as_table()
        self._connection._run_pre_execute_hooks(table)
        self._connection.raw_sql(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {self._connection.compile(table)}')
        return self._connection.table(name)

    def drop(self, name: str) -> None:
        self._connection.raw_sql(f'DROP TABLE IF EXISTS "{name}"')

    def local_day(self, instant: ibis.Value, zone: str) -> ibis.Value:
        return _in_zone(zone, instant).date()

    def run(self, sql: str) -> None:
        """Run a statement of DuckDB's own."""
        self._connection.raw_sql(sql)

    def of_arrow(self, rows: pa.Table | pa.RecordBatchReader, name: str) -> ibis.Table:
        """Rows that are in memory, or are on their way and can be read once, as a table until `let_go`."""
        self._connection.con.register(name, rows)
        return self._connection.table(name)

    def let_go(self, name: str) -> None:
        self._connection.con.unregister(name)

    def splink(self) -> Any:
        from splink import DuckDBAPI

        # A cursor of its own: same memory, same sealed spill, and no name of Splink's among the lake's.
        return DuckDBAPI(self._connection.con.cursor())


def _whole_persons(rows: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """The sorted rows in tables of some million rows, none of which ends within a person."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in rows:
        waiting.append(batch)
        count += batch.num_rows
        if count >= _ROWS_A_CALL:
            table = pa.Table.from_batches(waiting)
            person = table["person_id"].combine_chunks().to_numpy()
            whole = int(np.searchsorted(person, person[-1]))
            if whole:
                yield table.slice(0, whole)
            rest = table.slice(whole)
            waiting, count = rest.to_batches(), rest.num_rows
    if count:
        yield pa.Table.from_batches(waiting)
