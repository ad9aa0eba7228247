"""What the lake's door makes of what was received is the same on Spark and on DuckDB, field by field."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tenure.contracts import CONTRACTS
from tenure.lake import SYSTEM, Lake, Scope
from tests.cast import MONDAY
from tests.conformance.both import MASTER, same

pytestmark = pytest.mark.spark


@pytest.mark.soak
def test_everything_received_of_a_company_is_read_and_worked_out_alike(telecoms):
    here, there = telecoms

    for name in ("customers", "orders", "subscriptions", "cases"):
        same(there.to_arrow(there.current(name)), here.to_arrow(here.current(name)))


def test_the_current_truth_is_the_same_field_by_field(mixed):
    here, there = mixed

    for name in ("customers", "orders", "exchange_rates"):
        expected = here.to_arrow(here.current(name))
        same(there.to_arrow(there.current(name)), expected)
        if name == "customers":
            rows = {row["customer_id"]: row for row in expected.to_pylist()}
            assert [rows[f"C-{n}"]["phone"] for n in (1, 2, 3, 5)] == [
                "13900139001",
                None,
                "057188880000",
                "13800138005",
            ]
            assert (rows["C-3"]["c_1"], rows["C-1"]["c_1"], rows["C-1"]["c_unfit"]) == (12050, None, "c_1")
            assert (rows["C-2"]["c_1"], rows["C-6"]["name"]) == (None, "王小6")
        if name == "orders":
            half = {row["order_id"]: row["amount_base_minor"] for row in expected.to_pylist()}
            assert half["A-8-USD"] == 508  # 1017 / 2 = 508.5, to the even neighbour
            assert half["A-1-GBP"] is None


def test_the_past_is_the_same(mixed):
    here, there = mixed

    for as_of in (MONDAY - timedelta(days=3), MONDAY + timedelta(hours=30), MONDAY + timedelta(days=30)):
        for name in ("customers", "orders"):
            expected = here.to_arrow(here.history(name, as_of=as_of, actor=SYSTEM))
            same(there.to_arrow(there.history(name, as_of=as_of, actor=SYSTEM)), expected)


def test_records_put_in_place_by_spark_are_those_duckdb_puts_in_place(mixed, tmp_path):
    found = {}
    for lake, name in zip(mixed, ("duckdb", MASTER), strict=True):
        shutil.copytree(lake.folder.parent, tmp_path / name[:4], ignore=shutil.ignore_patterns(".scratch"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TENURE_ENGINE", name)
            copy = Lake(tmp_path / name[:4] / "lake")
        counts = [copy.settle(each, "person_id", "valid_at", "ids_of", *CONTRACTS[each].key) for each in ("customers", "orders")]  # fmt: skip
        reader = Lake(copy.folder)
        tables = [reader.to_arrow(reader.read(f"records/{each}", actor=SYSTEM)) for each in ("customers", "orders")]
        files = [pa.concat_tables([pq.read_table(file) for file in copy.store.files(f"records/{each}")[0]]) for each in ("customers", "orders")]  # fmt: skip
        found[name] = counts, tables, [table["person_id"].to_pylist() for table in files]

    counts, tables, persons = found[MASTER]
    assert counts == found["duckdb"][0]
    for one, other in zip(tables, found["duckdb"][1], strict=True):
        same(one, other)
    # In order of the person, as those who read them in runs rely on; rows of nobody last.
    assert persons == found["duckdb"][2]


@pytest.mark.parametrize("shown", ["clear", "masked", "hidden"])
def test_a_person_sees_the_same_rows_and_the_same_of_them(mixed, shown: str):
    here, there = mixed
    reach = lambda scope: pa.array([2, 4])  # noqa: E731
    fields = {shown: frozenset({"name", "phone", "amounts"})} if shown != "clear" else {}
    actor = Scope(reach="own", **fields)

    for lake in mixed:
        lake._assigned = reach
    for table in ("received/customers", "received/orders"):
        expected = here.to_arrow(here.read(table, actor=actor))
        same(there.to_arrow(there.read(table, actor=actor)), expected)
        assert expected.num_rows
    names = set(here.to_arrow(here.read("received/customers", actor=actor))["name"].to_pylist())
    assert ("王**" in names) is (shown == "masked")


def test_quality_is_counted_alike(lakes, mixed):
    from tenure.pipeline.quality import fields_of

    for here, there in (lakes, mixed):
        for name in ("customers", "orders", "cases"):
            expected = list(fields_of(here, CONTRACTS[name], MONDAY))
            found = list(fields_of(there, CONTRACTS[name], MONDAY))
            key = lambda row: (row["source"], row["field"], row["month"])  # noqa: E731
            assert sorted(found, key=key) == sorted(expected, key=key)
