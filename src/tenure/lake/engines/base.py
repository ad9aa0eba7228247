"""What the lake asks of an engine: read Parquet files as an Ibis table, run an expression, tell a business date."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import ibis
import pyarrow as pa


class Engine(Protocol):
    """Runs Ibis expressions. One engine object serves one thread at a time."""

    name: str

    def files(self, paths: Sequence[str], *, version_key: str) -> ibis.Table:
        """The rows of these Parquet files, by column name; `version_key` names this exact list of files."""
        ...

    def to_arrow(self, expr: ibis.Expr) -> pa.Table:
        """Run the expression and hold the whole result."""
        ...

    def to_reader(self, expr: ibis.Expr) -> pa.RecordBatchReader:
        """Run the expression and stream the result."""
        ...

    def map_by_person(
        self,
        expr: ibis.Table,
        function: Callable[[pa.Table], pa.Table],
        schema: pa.Schema,
        order: Sequence[str] = (),
    ) -> ibis.Table:
        """What the function makes of the rows of whole persons, put together; for what no SQL does well.

        expr: has a person_id, null in no row. function: is given rows sorted by person_id, then `order`; a person is
        never split over two calls, how many persons a call brings is the engine's to choose. It may run in another
        process, so it is a function of a module, or a partial of one. schema: of what it returns.
        """
        ...

    def keep(self, expr: ibis.Expr, name: str) -> ibis.Table:
        """Run the expression once and read its rows from then on, until `drop`; may spill to disk."""
        ...

    def drop(self, name: str) -> None:
        """Let go of what `keep` keeps under this name."""
        ...

    def local_day(self, instant: ibis.Value, zone: str) -> ibis.Value:
        """The calendar date of a UTC instant in a time zone."""
        ...

    def splink(self) -> Any:
        """A Splink database API whose tables live in this engine, apart from the lake's."""
        ...
