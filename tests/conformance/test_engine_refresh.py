"""A refresh by Spark gives the tables, the cards and the pages' figures that DuckDB gives."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tenure.contracts import CONTRACTS
from tenure.demo import simulate
from tenure.lake import SYSTEM, Lake
from tenure.pipeline import refresh
from tenure.workspace import Workspace, create
from tests.conformance.both import MASTER, Both, same

pytestmark = [pytest.mark.spark, pytest.mark.django_db]

RECEIVED = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
CLOCK = datetime(2026, 7, 2, 2, 0, tzinfo=UTC)
MADE = ("records", "identity", "scores", "quality")
_OWN = ("id", "generation", "extra", "sealed_under")  # numbered and sealed anew each time
CARDS = ("value_card", "churn_card", "lives_card", "personas", "quality")


@pytest.mark.parametrize(
    ("customers", "months", "among"),
    [
        pytest.param(1_000, 12, 3, id="small"),
        pytest.param(20_000, 24, 1, id="whole", marks=pytest.mark.soak),  # the demo company as it comes
    ],
)
def test_a_refresh_by_spark_gives_the_tables_and_the_cards_that_duckdb_gives(
    both: Both, tmp_path: Path, customers: int, months: int, among: int
):
    here = create(tmp_path / "duckdb")
    _receive(Lake(here.lake_folder), simulate(customers=customers, months=months, seed=7).tables, among)
    shutil.copytree(here.home, tmp_path / "spark")
    there = create(tmp_path / "spark")

    expected, found = _refreshed(here, "duckdb"), _refreshed(there, MASTER)

    lakes = [Lake(each.lake_folder) for each in (here, there)]
    names, also = ([name for name in lake.store.names() if name.split("/")[0] in MADE] for lake in lakes)
    assert also == names
    for name in names:
        one, other = (lake.to_arrow(lake.read(name, actor=SYSTEM)) for lake in lakes)
        same(other, one)
    for name in CARDS:
        one, other = (lake.document(name) for lake in lakes)
        assert one
        assert "not_enough_data" not in one  # a model that learned nothing would agree with any other
        assert _to_nine_digits(other) == _to_nine_digits(one)
    assert len(expected) > customers / among / 2
    assert found == expected


def _receive(lake: Lake, tables: dict[str, pa.Table], among: int) -> None:
    """The records of one customer in so many, as an import would bring them in."""
    numbers = tables["customers"]["customer_id"]
    some = numbers.take(pa.array(range(0, len(numbers), among))) if among > 1 else numbers
    for name, table in tables.items():
        shape = CONTRACTS[name]
        if shape.person:
            table = table.filter(pc.is_in(table[shape.person], value_set=some.combine_chunks()))
        rows = table.append_column("row", pa.array(range(1, table.num_rows + 1), pa.int64()))
        columns = [column for column in table.column_names if column in shape]
        once = table.group_by(list(shape.key)).aggregate([]).num_rows == table.num_rows
        with lake.receiving(name, source="demo", columns=columns, now=RECEIVED) as batch:
            batch.append(rows)
            batch.report.update(each_key_once=once)


def _refreshed(here: Workspace, engine: str) -> list[list[Any]]:
    """What the desk shows of each customer once this engine has refreshed the company."""
    from tenure.desk.customers import api
    from tenure.desk.customers.models import Score

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENURE_ENGINE", engine)
        lake = Lake(here.lake_folder, zone=here.zone, currency=here.currency)
    refresh(here, lake, now=CLOCK, again=True)
    shown = api.shown()
    assert shown is not None
    kept = [field.attname for field in Score._meta.concrete_fields if field.name not in _OWN]
    rows = Score.objects.filter(generation=shown.generation).order_by("customer_id").values_list(*kept)
    return [[f"{each:.8e}" if isinstance(each, float) else each for each in row] for row in rows]


def _to_nine_digits(document: Any) -> Any:
    return json.loads(json.dumps(document), parse_float=lambda text: f"{float(text):.8e}")
