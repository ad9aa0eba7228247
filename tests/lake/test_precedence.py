"""Which source wins, field by field."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.cast import MONDAY

from tenure.contracts import CONTRACTS
from tenure.lake import SYSTEM, Lake
from tenure.lake.stored import PRECEDENCE


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def receive(lake: Lake, source: str, days: int, **row: Any) -> None:
    columns = ["customer_id", *row]
    schema = pa.schema([CONTRACTS["customers"].schema.field(name) for name in columns] + [("row", pa.int64())])
    with lake.receiving(
        "customers", source=source, ids_of="shop", columns=columns, now=MONDAY + timedelta(days=days)
    ) as batch:
        batch.append(pa.Table.from_pylist([{"customer_id": "C-1", "row": 1} | row], schema=schema))


def current(lake: Lake) -> dict[str, Any]:
    (row,) = lake.to_arrow(lake.current("customers")).to_pylist()
    return dict(row)


def test_a_field_follows_its_own_rule_and_the_others_the_usual_order(lake: Lake) -> None:
    receive(lake, "crm", 0, phone="1", email="crm@example.com", city="杭州")
    receive(lake, "shop", 1, phone="2", email="shop@example.com", city="宁波")

    lake.publish_document(PRECEDENCE, {"customers": {"phone": ["crm", "shop"]}})

    row = current(lake)
    assert (row["phone"], row["email"], row["city"]) == ("1", "shop@example.com", "宁波")


def test_the_newest_of_the_source_that_goes_first_wins(lake: Lake) -> None:
    receive(lake, "crm", 0, phone="1")
    receive(lake, "crm", 1, phone="3")
    receive(lake, "shop", 2, phone="2")

    lake.publish_document(PRECEDENCE, {"customers": {"phone": ["crm"]}})

    assert current(lake)["phone"] == "3"


def test_what_people_correct_goes_before_every_rule(lake: Lake) -> None:
    receive(lake, "desk", 0, phone="9")
    receive(lake, "crm", 1, phone="1")

    lake.publish_document(PRECEDENCE, {"customers": {"phone": ["crm", "shop"]}})

    assert current(lake)["phone"] == "9"


def test_a_source_that_goes_first_but_lacks_the_column_leaves_the_word_to_the_next(lake: Lake) -> None:
    receive(lake, "crm", 0, city="杭州")
    receive(lake, "shop", 1, phone="2", city="宁波")
    receive(lake, "web", 2, phone="3", city="温州")

    lake.publish_document(PRECEDENCE, {"customers": {"phone": ["crm", "shop"], "city": ["crm"]}})

    row = current(lake)
    assert (row["phone"], row["city"]) == ("2", "杭州")


def test_the_past_is_told_by_the_same_rule(lake: Lake) -> None:
    receive(lake, "crm", 0, phone="1")
    receive(lake, "shop", 1, phone="2")
    lake.publish_document(PRECEDENCE, {"customers": {"phone": ["crm"]}})

    told = lake.history("customers", as_of=MONDAY + timedelta(days=9), actor=SYSTEM)

    assert [row["phone"] for row in lake.to_arrow(told).to_pylist()] == ["1"]
