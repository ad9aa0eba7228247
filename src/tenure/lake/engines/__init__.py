"""The only place that names DuckDB or Spark."""

import contextlib
import os
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pyarrow as pa

from tenure.errors import TenureError
from tenure.lake.engines.base import Engine
from tenure.language import tr

# Beside what the engine holds there is what came out of it; and a machine has more to do than one question.
_SHARE, _MOST = 0.5, 3 * 1024**3
_UNITS = {"MB": 1024**2, "GB": 1024**3}

__all__ = ["Engine", "open_engine", "spark_parts"]


def open_engine(name: str, scratch: Path) -> Engine:
    """The engine of this name; `scratch` is where it may spill what does not fit in memory."""
    if name == "duckdb":
        from tenure.lake.engines.duckdb import DuckDBEngine

        _keep_memory()
        return DuckDBEngine(scratch, allowed_memory())
    from tenure.lake.engines.spark_session import is_spark

    if is_spark(name):
        from tenure.lake.engines.spark import SparkEngine

        return SparkEngine(name, scratch, allowed_memory())
    raise TenureError(
        tr(
            'There is no engine "{name}". Set TENURE_ENGINE to duckdb, spark or the address of a Spark master '
            "(spark://…), or leave it unset.",
            name=name,
        )
    )


def spark_parts() -> tuple[list[str], list[str]]:
    """Of what Spark needs on this machine: what is there, with its version or place, and what is missing."""
    from tenure.lake.engines.spark_session import java

    there, missing = [], []
    try:
        there.append(f"pyspark {version('pyspark')}")
    except PackageNotFoundError:
        missing.append("pyspark")
    if (program := java()) is not None:
        there.append(f"Java {program}")
    else:
        missing.append("Java")
    return there, missing


def allowed_memory() -> int:
    """How much memory an engine may hold, in bytes: TENURE_MEMORY, else half of the machine's and 3 GB at most.

    A container's own limit counts as the machine's memory. Raises TenureError where TENURE_MEMORY says no amount.
    """
    told = os.environ.get("TENURE_MEMORY", "").strip()
    if told:
        found = re.fullmatch(r"(\d+)\s*([MG]B)", told.upper())
        if not found or not int(found[1]):
            raise TenureError(
                tr('TENURE_MEMORY is "{value}", and must be an amount such as 2GB or 800MB, or unset.', value=told)
            )
        return int(found[1]) * _UNITS[found[2]]
    return min(int(_machine_memory() * _SHARE), _MOST)


def _keep_memory() -> None:
    """Let Arrow take its memory by jemalloc, which keeps for a moment what is given back, unless somebody chose already.

    By Arrow's own choice the system clears the same pages over and over, which was a quarter of an import's processor time.
    """
    if "ARROW_DEFAULT_MEMORY_POOL" in os.environ:
        return
    with contextlib.suppress(NotImplementedError):  # not on every system
        pa.set_memory_pool(pa.jemalloc_memory_pool())


def _machine_memory() -> int:
    amounts = []
    with contextlib.suppress(AttributeError, OSError, ValueError):
        amounts.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            amounts.append(int(Path(file).read_text()))
        except (OSError, ValueError):  # no such file, or it says "max"
            continue
    return min((amount for amount in amounts if amount > 0), default=2 * _MOST)
