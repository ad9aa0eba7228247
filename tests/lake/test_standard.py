"""The standard form beside what was written: worked out on receipt, sealed, masked and resolved with its original."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tenure.lake import SYSTEM, Lake, Scope

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def receive(lake, *rows, now=NOW, source="shop"):
    columns = [name for name in rows[0] if name != "row"]
    table = pa.Table.from_pylist([{"extra": None, "row": place + 1, **row} for place, row in enumerate(rows)])
    with lake.receiving("customers", source=source, columns=columns, now=now) as batch:
        batch.append(table)


def read(lake, *names, actor=SYSTEM, table="received/customers"):
    rows = lake.read(table, actor=actor)
    return lake.to_arrow(rows.select("customer_id", *names).order_by("customer_id")).to_pylist()


def test_the_standard_stands_beside_what_was_written(lake):
    receive(
        lake,
        {
            "customer_id": "C-1",
            "name": "王小明先生",
            "phone": "138 0013 8000",
            "email": "Ming@QQ.com",
            "region": "浙江省",
        },
        {"customer_id": "C-2", "name": "李娜", "phone": "65551234", "email": None, "region": "浙江"},
    )

    first, second = read(lake, "name", "name_standard", "name_fault", "phone", "phone_standard", "phone_fault",
                         "email_standard", "email_fault", "region_standard")  # fmt: skip

    assert first == {
        "customer_id": "C-1", "name": "王小明先生", "name_standard": "王小明", "name_fault": "title", "phone": "138 0013 8000",
        "phone_standard": "+8613800138000", "phone_fault": "", "email_standard": "ming@qq.com", "email_fault": "",
        "region_standard": "浙江",
    }  # fmt: skip
    # What was in standard form already is read as its own standard; what is wrong has none.
    assert (second["name_standard"], second["name_fault"]) == ("李娜", "")
    assert (second["phone_standard"], second["phone_fault"]) == (None, "no_area_code")
    assert (second["email_standard"], second["email_fault"]) == (None, None)


def test_no_standard_of_a_personal_value_lies_in_clear(lake, tmp_path):
    receive(lake, {"customer_id": "C-1", "name": "王小明先生", "phone": "138 0013 8000", "email": "Ming@QQ.com"})

    rows = [row for file in (tmp_path / "lake/received").rglob("*.parquet") for row in pq.read_table(file).to_pylist()]

    assert rows[0]["email_standard"]
    assert not [clear for clear in ("王小明", "+8613800138000", "ming@qq.com") if clear in str(rows)]


def test_a_value_in_standard_form_already_is_sealed_once(lake, tmp_path):
    receive(lake, {"customer_id": "C-1", "name": "李娜", "phone": "138 0013 8000"})

    rows = [row for file in (tmp_path / "lake/received").rglob("*.parquet") for row in pq.read_table(file).to_pylist()]

    assert [(bool(row["name"]), row["name_standard"], row["name_fault"]) for row in rows] == [(True, None, "")]
    assert rows[0]["phone_standard"].startswith("tnV1")


def test_the_standard_is_masked_and_hidden_as_its_original(lake):
    receive(lake, {"customer_id": "C-1", "name": "王小明先生", "phone": "138 0013 8000", "email": "Ming@QQ.com"})
    actor = Scope(reach="all", masked=frozenset({"phone", "name"}), hidden=frozenset({"email"}))

    assert read(lake, "name_standard", "phone_standard", "phone_fault", "email_standard", "email_fault", actor=actor) == [
        {"customer_id": "C-1", "name_standard": "王**", "phone_standard": "138****8000", "phone_fault": None, "email_standard": None,
         "email_fault": None}
    ]  # fmt: skip


def test_a_file_without_the_column_leaves_its_standard_as_it_was(lake):
    receive(lake, {"customer_id": "C-1", "name": "王小明", "phone": "65551234"})
    receive(lake, {"customer_id": "C-1", "name": "王小明女士"}, now=NOW + timedelta(days=1))

    [row] = lake.to_arrow(lake.current("customers")).to_pylist()

    assert (row["phone"], row["phone_standard"], row["phone_fault"]) == ("65551234", None, "no_area_code")
    assert (row["name_standard"], row["name_fault"]) == ("王小明", "title")


def test_rows_received_before_there_were_standards_have_none(lake, monkeypatch):
    from tenure.lake import batches

    monkeypatch.setattr(batches, "with_standards", lambda rows, contract: rows)
    receive(lake, {"customer_id": "C-1", "name": "王小明先生", "phone": "138 0013 8000"})
    monkeypatch.undo()
    receive(lake, {"customer_id": "C-2", "name": "李娜", "phone": "13800138001"})

    old, new = read(lake, "name", "name_standard", "name_fault")

    assert (old["name"], old["name_standard"], old["name_fault"]) == ("王小明先生", None, None)
    assert (new["name_standard"], new["name_fault"]) == ("李娜", "")
