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

    def keep(self, expr: ibis.Expr, name: str) -> ibis.Table:
        """Run the expression once and read its rows from then on, until `drop`; may spill to disk."""
        ...

    def drop(self, name: str) -> None:
        """Let go of what `keep` keeps under this name."""
        ...

    def local_day(self, instant: ibis.Value, zone: str) -> ibis.Value:
        """The calendar date of a UTC instant in a time zone."""
        ...

    def map_by_person(
        self,
        expr: ibis.Table,
        function: Callable[[pa.Table], pa.Table],
        schema: pa.Schema,
        order: Sequence[str] = (),
    ) -> ibis.Table:
        """What `function` makes of the rows of whole persons (sorted by person_id, then `order`), as a table of `schema`.

        A person's rows are never parted over two calls; one call may be given those of many persons.
        """
        ...

    def splink(self) -> Any:
        """A Splink database API whose tables live in this engine, apart from the lake's."""
        ...
