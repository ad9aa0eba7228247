"""Spark, for a lake too large for one machine: the same questions over the same files."""

import threading
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from tenure.lake.engines import at_home
from tenure.lake.engines.duckdb import DuckDBEngine
from tenure.lake.engines.whole import whole_persons

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_PIECE = "piece"  # the column in which a batch of rows travels as one value
_STILL_KEPT = 48  # tables that were let go last, which the next step of a refresh is likely to work out again
_SMALL_BYTES = 1 << 20  # a table in memory of no more is known by what it holds


@ibis.udf.scalar.builtin(name="from_utc_timestamp")  # type: ignore[untyped-decorator]
def _in_zone(instant: ibis.dtype("timestamp('UTC')"), zone: str) -> ibis.dtype("timestamp"):  # type: ignore[valid-type]
    """Spark's own function: the wall clock of a zone at an instant, since its sessions count in UTC."""


class SparkEngine:
    """A session of this process's Spark over the lake's files.

    What opens sealed columns runs here, on an engine for one machine, since the keys never leave (`at_home`).
    """

    name = "spark"

    def __init__(self, master: str, scratch: Path, memory: int) -> None:
        from tenure.lake.engines.spark_session import new_session
        from tenure.lake.engines.spark_sql import SparkBackend

        self._session = new_session(master, scratch, memory // 2)
        self._backend = SparkBackend()
        self._backend.do_connect(self._session)
        self._backend.run = self.to_arrow
        self._home = DuckDBEngine(scratch, memory // 2)
        self._home.run("CREATE MACRO from_utc_timestamp(instant, zone) AS timezone(zone, instant)")
        self._kept: dict[str, tuple[str, str, DataFrame]] = {}
        self._let_go: dict[str, DataFrame] = {}
        self._small: dict[str, Any] = {}
        self._count = 0

    def files(self, paths: Sequence[str], *, version_key: str) -> ibis.Table:
        name = "files_" + blake2b(version_key.encode(), digest_size=12).hexdigest()
        if self._backend.knows(name):
            return self._backend.table(name)
        # From the footers, so that no machine is asked before the question is; a column that a file lacks is null in it.
        found = pa.unify_schemas([pq.read_schema(path) for path in paths], promote_options="permissive")
        schema = ibis.Schema.from_pyarrow(found)
        return self._backend.put(name, self._backend.read(paths, schema), schema)

    def to_arrow(self, expr: ibis.Expr) -> pa.Table:
        table = expr.as_table()
        question, standing = self._asked(table)
        if standing is None:
            return self._fetch(question)
        return self._opened_here(standing, self._fetch(question))

    def to_reader(self, expr: ibis.Expr) -> pa.RecordBatchReader:
        table = expr.as_table()
        question, standing = self._asked(table)
        rows = self._stream(question)
        if standing is None:
            return rows
        root, below = standing
        name = self._name("fetched")
        opened = self._home.to_reader(root.replace({below: self._home.of_arrow(rows, name).op()}).to_expr())

        def batches() -> Iterator[pa.RecordBatch]:
            yield from opened
            self._home.let_go(name)

        return pa.RecordBatchReader.from_batches(opened.schema, batches())

    def planned(self, expr: ibis.Expr, stands_in: int) -> Callable[[int], pa.Table]:
        # Each question is planned where the rows are; only Ibis's part of the work is the same, and it is the smaller.
        root, marked = expr.as_table().op(), ops.Literal(stands_in, dt.int64)

        def ask(number: int) -> pa.Table:
            return self.to_arrow(root.replace({marked: ops.Literal(number, dt.int64)}).to_expr())

        return ask

    def keep(self, expr: ibis.Expr, name: str) -> ibis.Table:
        from pyspark import StorageLevel

        table = expr.as_table()
        question, standing = self._asked(table)
        if standing is None:
            sql = self._backend.asked(question)
            there = self._let_go.pop(sql, None) or next(
                (one for *__, said, one in self._kept.values() if said == sql), None
            )
            frame = there or self._backend.frame(question, sql)
        else:
            sql = ""
            frame = self._backend.from_arrow(self._opened_here(standing, self._fetch(question)), table.schema())
        self.drop(name)
        # Worked out by whoever reads it first, and not again: the files of a version never change. Under a name of its
        # own, since what is asked of it is known by its text.
        view = self._name(name)
        self._kept[name] = view, sql, frame.persist(StorageLevel.MEMORY_AND_DISK)
        return self._backend.put(view, frame, table.schema())

    def drop(self, name: str) -> None:
        if name not in self._kept:
            return
        view, sql, frame = self._kept.pop(name)
        self._backend.forget(view)
        if any(one is frame for *__, one in self._kept.values()):
            return
        if not sql:  # what was opened is not left lying
            frame.unpersist()
            return
        # The steps of a refresh ask for the same history one after the other.
        self._let_go[sql] = frame
        while len(self._let_go) > _STILL_KEPT:
            self._let_go.pop(next(iter(self._let_go))).unpersist()

    def map_by_person(
        self,
        expr: ibis.Table,
        function: Callable[[pa.Table], pa.Table],
        schema: pa.Schema,
        order: Sequence[str] = (),
    ) -> ibis.Table:
        question, standing = self._asked(expr)
        frame = self._backend.frame(question)
        if standing is not None:
            frame = self._backend.from_arrow(self._opened_here(standing, self._fetch(question)), expr.schema())
        shape, of_rows = schema, expr.schema().to_pyarrow()

        def each(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for persons in whole_persons(batches, of_rows):
                yield from function(persons).cast(shape).to_batches()

        wanted = ibis.Schema.from_pyarrow(schema)
        sorted_ = frame.repartition("person_id").sortWithinPartitions("person_id", *order)
        return self._backend.put(self._name("mapped"), self._backend.mapped(sorted_, each, wanted), wanted)

    def local_day(self, instant: ibis.Value, zone: str) -> ibis.Value:
        return _in_zone(instant, zone).date()

    def splink(self) -> Any:
        # What people are compared by lies sealed and was opened here; a cluster on this machine holds no more than this
        # process does, and takes longer.
        here = str(self._session.sparkContext.master).startswith("local")
        return self._home.splink() if here else self.splink_there()

    def splink_there(self) -> Any:
        """A Splink database API on the cluster itself, for more customers than one machine compares."""
        from splink import SparkAPI

        return SparkAPI(spark_session=self._session)  # type: ignore[no-untyped-call]

    # How

    def _asked(self, table: ir.Table) -> tuple[ir.Table, Any]:
        """What is asked of Spark, and what of the question stands for it at home (`at_home.split`)."""
        # Planning is most of what a question costs, and columns nobody reads are most of what is planned.
        node = at_home.pruned(self._known(table.op()))
        if not at_home.opens(node):
            return node.to_expr(), None
        question, standing = at_home.split(node, self._opened)
        return question.to_expr(), None if standing is None else (node, standing)

    def _known(self, node: Any) -> Any:
        """The question with small tables in memory under names of what they hold: the same question is the same text."""
        found = {}
        for one in node.find(ops.InMemoryTable):
            rows = one.data.to_pyarrow(one.schema)
            if rows.nbytes <= _SMALL_BYTES:
                sink = pa.BufferOutputStream()
                with pa.ipc.new_stream(sink, rows.schema) as stream:
                    stream.write_table(rows)
                name = "few_" + blake2b(sink.getvalue(), digest_size=12).hexdigest()
                found[one] = self._small.setdefault(name, one.copy(name=name))
        return node.replace(found) if found else node

    def _opened(self, relation: Any) -> Any:
        """Rows that were opened here, back on Spark."""
        rows = self._opened_here((relation, relation.parent), self._fetch(relation.parent.to_expr()))
        schema = relation.schema
        return self._backend.put(self._name("opened"), self._backend.from_arrow(rows, schema), schema).op()

    def _opened_here(self, standing: Any, rows: pa.Table) -> pa.Table:
        """What the part of a question that opens something makes of the rows that were fetched for it."""
        root, below = standing
        name = self._name("fetched")
        try:
            return self._home.to_arrow(root.replace({below: self._home.of_arrow(rows, name).op()}).to_expr())
        finally:
            self._home.let_go(name)

    def _fetch(self, question: ir.Table) -> pa.Table:
        return self._backend.frame(question).toArrow().cast(question.schema().to_pyarrow())

    def _stream(self, question: ir.Table) -> pa.RecordBatchReader:
        """The rows in their order, a part at a time: each batch travels as one value, whatever Spark streams else."""
        schema = question.schema().to_pyarrow()
        packed = self._backend.packed(self._backend.frame(question), _PIECE)

        def batches() -> Iterator[pa.RecordBatch]:
            for row in packed.toLocalIterator(prefetchPartitions=True):
                with pa.ipc.open_stream(row[0]) as piece:
                    yield from piece.read_all().cast(schema).to_batches()

        return pa.RecordBatchReader.from_batches(schema, batches())

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{self._count}_{threading.get_ident()}"
