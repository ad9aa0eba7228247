"""What Ibis says to Spark, where that would not mean what it means to DuckDB; and tables in and out as Arrow."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ibis.common.exceptions as com
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa
import sqlglot as sg
import sqlglot.expressions as sge
from ibis.backends.pyspark import Backend
from ibis.backends.pyspark.datatypes import PySparkSchema
from ibis.backends.sql.compilers.base import NULL, SQLGlotCompiler
from ibis.backends.sql.compilers.pyspark import PySparkCompiler
from pyspark.sql import DataFrame, SparkSession

_SECONDS = {"second": 1, "minute": 60, "hour": 3600}


class _Compiler(PySparkCompiler):  # type: ignore[misc]
    """Ibis's SQL for Spark with DuckDB's meaning. Each change says what would differ."""

    __slots__ = ()

    def visit_Cast(self, op: Any, *, arg: Any, to: Any) -> Any:
        # Spark cuts a fraction off; DuckDB rounds: halves of floats to even, of decimals away from zero.
        if to.is_integer() and op.arg.dtype.is_floating():
            return self.cast(self.f.rint(arg), to)
        if to.is_integer() and op.arg.dtype.is_decimal():
            return self.cast(self.f.anon.round(arg, 0), to)
        return super().visit_Cast(op, arg=arg, to=to)

    def visit_Field(self, op: Any, *, rel: Any, name: str) -> Any:
        # Ibis has an option by which a NaN is null on Spark, and looks it up for each column.
        return SQLGlotCompiler.visit_Field(self, op, rel=rel, name=name)

    def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:
        if dtype.is_floating():
            # 7.0 is a decimal in Spark, and what is divided by one has six digits.
            return self.f.double(self.visit_DefaultLiteral(op, value=value, dtype=dtype))
        return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

    def visit_IsNull(self, op: Any, *, arg: Any) -> Any:
        # Ibis lets a NaN pass for null on Spark alone.
        return arg.is_(NULL)

    def visit_NotNull(self, op: Any, *, arg: Any) -> Any:
        return arg.is_(sg.not_(NULL))

    def visit_CountStar(self, op: Any, *, arg: Any, where: Any) -> Any:
        # A sum over no rows is null; a count is 0.
        return self.f.count_if(where) if where is not None else super().visit_CountStar(op, arg=arg, where=where)

    def visit_ArrayIndex(self, op: Any, *, arg: Any, index: Any) -> Any:
        # Beyond the end there is nothing, which is no error.
        return self.f.anon.get(arg, index)

    def visit_ArrayCollect(
        self, op: Any, *, arg: Any, where: Any, order_by: Any, include_null: bool, distinct: bool
    ) -> Any:
        # Spark does not collect in an order: the key travels beside the value and is taken off once sorted.
        if include_null or distinct:
            raise com.UnsupportedOperationError("collect: neither nulls nor distinct values on Spark")
        keep = arg.is_(sg.not_(NULL))
        keep = sg.and_(keep, where) if where is not None else keep
        if not order_by:
            found = self.f.collect_list(self.if_(keep, arg, NULL))
        else:
            if any(key.args.get("desc") for key in order_by):
                raise com.UnsupportedOperationError("collect: only ascending order on Spark")
            names = [f"k{at}" for at in range(len(order_by))]
            pair = sge.Struct.from_arg_list(
                [
                    sge.PropertyEQ(this=sg.to_identifier(name), expression=key.this.copy())
                    for name, key in zip(names, order_by, strict=True)
                ]
                + [sge.PropertyEQ(this=sg.to_identifier("v"), expression=arg)]
            )
            one = sg.to_identifier("one")
            found = self.f.transform(
                self.f.array_sort(self.f.collect_list(self.if_(keep, pair, NULL))),
                sge.Lambda(this=sge.Dot(this=one, expression=sg.to_identifier("v")), expressions=[one]),
            )
        # Nothing collected is null on DuckDB, and an empty array on Spark.
        return self.if_(self.f.anon.size(found).eq(0), NULL, found)

    def visit_TimestampDelta(self, op: Any, *, part: Any, left: Any, right: Any) -> Any:
        unit = str(part.this if hasattr(part, "this") else part).strip("'").lower()
        if unit == "day":
            return self.cast(self.f.anon.datediff(self.cast(left, dt.date), self.cast(right, dt.date)), dt.int64)
        if unit in _SECONDS:
            # How many beginnings of the unit lie between, as DuckDB counts.
            every = _SECONDS[unit]
            ends = [self.f.anon.unix_seconds(self.cast(side, dt.timestamp)) for side in (left, right)]
            if every == 1:
                return ends[0] - ends[1]
            begun = [
                self.f.anon.floor(sge.Div(this=self.f.anon.double(end), expression=sge.convert(every))) for end in ends
            ]
            return self.cast(begun[0] - begun[1], dt.int64)
        raise com.UnsupportedOperationError(f"delta by {unit} on Spark")

    visit_DateDelta = visit_TimestampDelta

    def visit_DateTruncate(self, op: Any, *, arg: Any, unit: Any) -> Any:
        return self.cast(self.visit_TimestampTruncate(op, arg=arg, unit=unit), dt.date)


class SparkBackend(Backend):  # type: ignore[misc]
    """Ibis's backend for Spark with our SQL, tables in and out as Arrow, and schemas as they were declared."""

    compiler = _Compiler()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._declared: dict[str, Any] = {}
        self.run: Callable[[ir.Table], pa.Table]

    def put(self, name: str, frame: DataFrame, schema: Any) -> ir.Table:
        """A table of these rows under a name, with the types Ibis is to know them by."""
        frame.createOrReplaceTempView(name)
        self._declared[name] = schema
        return self.table(name)

    def knows(self, name: str) -> bool:
        return name in self._declared

    def read(self, paths: Sequence[str], schema: Any) -> DataFrame:
        """The rows of Parquet files by column name."""
        session: SparkSession = self._session
        # Told as files of this machine's system, whatever a cluster's own is; and a name is not a pattern.
        named = ["file:" + re.sub(r"([][{}*?\\])", r"\\\1", str(path)) for path in paths]
        return session.read.schema(PySparkSchema.from_ibis(schema)).parquet(*named)

    def mapped(self, frame: DataFrame, function: Callable[[Any], Any], schema: Any) -> DataFrame:
        return frame.mapInArrow(function, PySparkSchema.from_ibis(schema))

    def packed(self, frame: DataFrame, name: str) -> DataFrame:
        """The rows with each batch of them as one binary value."""

        def pack(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                sink = pa.BufferOutputStream()
                with pa.ipc.new_stream(sink, batch.schema) as stream:
                    stream.write_batch(batch)
                yield pa.record_batch([pa.array([sink.getvalue().to_pybytes()], pa.binary())], names=[name])

        return frame.mapInArrow(pack, f"{name} binary")

    def forget(self, name: str) -> None:
        self._declared.pop(name, None)
        # By the catalogue within: Spark's public one would let go of the rows as well, which may be asked for again.
        self._session._jsparkSession.sessionState().catalog().dropTempView(name)

    def asked(self, table: ir.Table) -> str:
        """The question as Spark is asked it; the same text has the same answer, since no name is used for two things."""
        self._run_pre_execute_hooks(table)
        return str(self.compile(table))

    def frame(self, table: ir.Table, sql: str | None = None) -> DataFrame:
        """The rows of a table, each column in its declared type; nothing has run yet. sql: what `asked` gave, if it was."""
        session: SparkSession = self._session
        found = session.sql(sql or self.asked(table))
        wanted = PySparkSchema.from_ibis(table.schema())
        have = {field.name: field.dataType for field in found.schema.fields}
        if all(have[field.name].simpleString() == field.dataType.simpleString() for field in wanted.fields):
            return found
        return found.select(
            *(found[f"`{field.name}`"].cast(field.dataType).alias(field.name) for field in wanted.fields)
        )

    def from_arrow(self, rows: pa.Table, schema: Any) -> DataFrame:
        session: SparkSession = self._session
        return session.createDataFrame(_plain(rows, schema), PySparkSchema.from_ibis(schema))

    # What Ibis calls

    def get_schema(self, table_name: str, *, catalog: str | None = None, database: str | None = None) -> Any:
        # Spark tells neither an instant's zone nor its precision.
        if table_name in self._declared:
            return self._declared[table_name]
        return super().get_schema(table_name, catalog=catalog, database=database)

    def to_pyarrow(self, expr: ir.Expr, /, *, params: Any = None, limit: Any = None, **kwargs: Any) -> Any:
        table = expr.as_table()
        return expr.__pyarrow_result__(self.run(table if limit is None else table.limit(limit)))

    def to_pyarrow_batches(self, expr: ir.Expr, /, **kwargs: Any) -> pa.RecordBatchReader:
        return self.run(expr.as_table()).to_reader()

    def execute(self, expr: ir.Expr, /, *, params: Any = None, limit: Any = None, **kwargs: Any) -> Any:
        from ibis.formats.pandas import PandasData

        table = expr.as_table()
        found = self.run(table if limit is None else table.limit(limit)).to_pandas()
        return expr.__pandas_result__(PandasData.convert_table(found, table.schema()))

    def _register_in_memory_table(self, op: Any) -> None:
        # Ibis goes through pandas, which knows no nulls among numbers and no microseconds of decimals.
        self.from_arrow(op.data.to_pyarrow(op.schema), op.schema).createOrReplaceTempView(op.name)

    def _make_memtable_finalizer(self, name: str) -> Any:
        return None


def _plain(rows: pa.Table, schema: Any) -> pa.Table:
    """The rows in the very types Spark reads: nothing packed, instants in UTC."""
    return rows.cast(schema.to_pyarrow())
