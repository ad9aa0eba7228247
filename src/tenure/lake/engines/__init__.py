"""The only place that names DuckDB or Spark."""

from pathlib import Path

from tenure.errors import TenureError
from tenure.lake.engines.base import Engine
from tenure.language import tr

__all__ = ["Engine", "open_engine"]


def open_engine(name: str, scratch: Path) -> Engine:
    """The engine of this name; `scratch` is where it may spill what does not fit in memory."""
    if name == "duckdb":
        from tenure.lake.engines.duckdb import DuckDBEngine

        return DuckDBEngine(scratch)
    raise TenureError(tr('There is no engine "{name}". Set TENURE_ENGINE to duckdb, or leave it unset.', name=name))
