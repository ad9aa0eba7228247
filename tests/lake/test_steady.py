"""Records that came once each: told without asking who has the last word, and their history is they themselves, cut down."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from tenure.contracts import CONTRACTS
from tenure.lake import SYSTEM, Lake
from tenure.lake.resolve import cut_down

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def send(lake: Lake, contract: str, rows: list[dict[str, Any]], **report: Any) -> str:
    shape = pa.schema([f for f in CONTRACTS[contract].schema if f.name in rows[0]])
    table = pa.Table.from_pylist(rows, schema=shape).append_column("row", pa.array(range(1, len(rows) + 1), pa.int64()))
    with lake.receiving(contract, source="shop", columns=shape.names, now=MONDAY) as batch:
        batch.append(table)
        batch.report.update({"each_key_once": True, "created": len(rows), "updated": 0, **report})
    return batch.id


def line(number: int, days: int, delivered: int | None = None) -> dict[str, Any]:
    return {
        "order_id": f"A-{number}", "line_no": 1, "customer_id": f"C-{number % 3}", "ordered_at": MONDAY - timedelta(days),
        "amount_minor": 100 * number, "currency": "CNY",
        "delivered_at": None if delivered is None else MONDAY - timedelta(delivered),
    }  # fmt: skip


def told(lake: Lake, table: Any, *order: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = lake.to_arrow(table.order_by(*order)).to_pylist()
    return rows


def test_a_second_batch_of_new_records_alone_leaves_all_undisputed(lake):
    first = send(lake, "orders", [line(1, 30), line(2, 20)])

    send(lake, "orders", [line(3, 10)], beside=[first])

    assert lake.steady("orders")
    assert [row["order_id"] for row in told(lake, lake.current("orders"), "order_id")] == ["A-1", "A-2", "A-3"]


@pytest.mark.parametrize(
    "report",
    [{"created": 0, "updated": 1}, {"beside": []}, {"each_key_once": False}],
    ids=["changed", "unseen", "twice"],
)
def test_a_batch_that_may_speak_of_known_records_is_asked_which_has_the_last_word(lake, report):
    first = send(lake, "orders", [line(1, 30), line(2, 20)])

    send(lake, "orders", [line(2, 25)], **{"beside": [first], **report})

    assert not lake.steady("orders")
    [two] = [row for row in told(lake, lake.current("orders"), "order_id") if row["order_id"] == "A-2"]
    assert two["ordered_at"] == MONDAY - timedelta(20), "the newest by business time"


def test_an_undone_batch_counts_for_nothing(lake):
    send(lake, "orders", [line(1, 30)])
    second = send(lake, "orders", [line(1, 20)], created=0, updated=1)

    lake.undo(second, now=MONDAY)

    assert lake.steady("orders")
    assert not lake.steady("cases"), "nothing was received"


@pytest.mark.parametrize("days", [25, 15, 5, -1])
def test_the_history_of_records_that_came_once_is_they_themselves_cut_down(lake, days):
    orders = [line(1, 30, 28), line(2, 20, 10), line(3, 10, 2), line(4, 0)]
    joined = {"C-1": (40, 40), "C-2": (40, 12), "C-3": (8, 8)}
    people = [
        {"customer_id": name, "gender": "f", "region": "浙江", "created_at": MONDAY - timedelta(since),
         "updated_at": MONDAY - timedelta(said)}
        for name, (since, said) in joined.items()
    ]  # fmt: skip
    first = send(lake, "orders", orders[:2])
    send(lake, "orders", orders[2:], beside=[first])
    send(lake, "customers", people)
    moment = MONDAY - timedelta(days)

    for name, key in (("orders", "order_id"), ("customers", "customer_id")):
        lake.settle(name, "person_id", key)
        shape = CONTRACTS[name]

        found = told(lake, cut_down(lake.read(f"records/{name}", actor=SYSTEM), shape, moment), key)

        expected = told(lake, lake.history(name, as_of=moment, actor=SYSTEM), key)
        assert len(found) == len(expected)
        for ours, theirs in zip(found, expected, strict=True):
            assert {name for name in ours if ours[name] != theirs[name]} == set()
