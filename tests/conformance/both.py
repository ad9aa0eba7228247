"""Two engines asked the same, and what it means that they answer the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pyarrow as pa
import pytest

from tenure.lake import Lake
from tenure.lake.engines import Engine

MASTER = "local-cluster[2,1,1024]"  # two workers on this machine, as processes of their own
AS_OF = datetime(2026, 6, 1, tzinfo=ZoneInfo("Asia/Shanghai"))


@dataclass
class Both:
    """The two engines, to be asked the same."""

    here: Engine
    there: Engine
    scratch: Path  # where Spark writes what it does not hold

    def lay(self, name: str, rows: pa.Table) -> ibis.Table:
        """A few rows on Spark, as they are."""
        backend = self.there._backend  # type: ignore[attr-defined]
        schema = ibis.Schema.from_pyarrow(rows.schema)
        return backend.put(f"few_{name}", backend.from_arrow(rows, schema), schema)

    def agree(self, ask: Callable[[Engine], ibis.Expr]) -> pa.Table:
        """What both engines answer, which must be one thing."""
        expected, found = (engine.to_arrow(ask(engine)) for engine in (self.here, self.there))
        same(found, expected)
        return expected


def same(found: pa.Table, expected: pa.Table) -> None:
    """The same rows, whatever their order: exactly, but for floats, which may differ in the tenth digit."""
    assert found.schema.names == expected.schema.names
    assert [field.type for field in found.schema] == [field.type for field in expected.schema]
    assert found.num_rows == expected.num_rows
    exact = [field.name for field in expected.schema if not pa.types.is_floating(field.type)]
    left, right = (_in_order(table, exact) for table in (found, expected))
    for field in expected.schema:
        one, other = left[field.name], right[field.name]
        if pa.types.is_floating(field.type):
            assert one.is_null().equals(other.is_null()), field.name
            np.testing.assert_allclose(
                one.to_numpy(zero_copy_only=False), other.to_numpy(zero_copy_only=False), rtol=1e-9, err_msg=field.name
            )
        else:
            assert one.to_pylist() == other.to_pylist(), field.name


def _in_order(table: pa.Table, exact: list[str]) -> pa.Table:
    """Sorted by what is exact first, so that a float's last digits part no pair of rows."""
    inexact = [name for name in table.column_names if name not in exact]
    keys = [
        tuple((value is not None, repr(value)) for value in row)
        for row in zip(*(table[name].to_pylist() for name in (*exact,)), strict=True)
    ] if exact else [()] * table.num_rows  # fmt: skip
    beside = [
        tuple((value is not None, float(f"{value or 0:.6g}")) for value in row)
        for row in zip(*(table[name].to_pylist() for name in inexact), strict=True)
    ] if inexact else [()] * table.num_rows  # fmt: skip
    order = sorted(range(table.num_rows), key=lambda at: (keys[at], beside[at]))
    return table.take(pa.array(order, pa.int64()))


def asked_by_either(folder: Path) -> tuple[Lake, Lake]:
    here = Lake(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENURE_ENGINE", MASTER)
        return here, Lake(folder)
