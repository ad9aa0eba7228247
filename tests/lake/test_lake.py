"""The door of the lake: what goes in whole comes out whole, resolved field by field, as the asker may see it."""

import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from tenure.errors import TenureError
from tenure.lake import SYSTEM, Lake, Scope

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def send(lake, contract, rows, *, source="main", ids_of=None, now=MONDAY):
    columns = {name for row in rows for name in row}
    table = pa.Table.from_pylist([{name: row.get(name) for name in columns} for row in rows])
    table = table.append_column("row", pa.array(range(1, len(rows) + 1)))
    with lake.receiving(contract, source=source, ids_of=ids_of, columns=columns, now=now) as batch:
        batch.append(table)
    return batch.id


def rows(lake, expr, *columns):
    return lake.to_arrow(expr.select(*columns)).to_pylist()


def order(order_id, at, amount, **more):
    return {"order_id": order_id, "line_no": 1, "customer_id": "C-1", "ordered_at": at, "amount_minor": amount, **more}


def test_a_table_nobody_wrote_is_empty_and_typed(lake):
    orders = lake.to_arrow(lake.read("records/orders", actor=SYSTEM))

    assert orders.num_rows == 0
    assert orders.schema.field("amount_minor").type == pa.int64()


@pytest.mark.parametrize("name", ["my company", "常客 数据"])
def test_a_lake_opens_in_a_folder_of_any_name(tmp_path, name):
    lake = Lake(tmp_path / name / "lake")

    send(lake, "orders", [order("A-1", MONDAY, 1990)])

    assert rows(lake, lake.current("orders"), "order_id") == [{"order_id": "A-1"}]


def test_rows_of_a_batch_show_only_once_it_is_committed(lake):
    with lake.receiving("orders", source="main", columns=["order_id"], now=MONDAY) as batch:
        batch.append(pa.table({"order_id": ["A-1"], "row": [1]}))
        batch.flush()
        seen_within = lake.to_arrow(lake.read("received/orders", actor=SYSTEM)).num_rows

    assert seen_within == 0
    assert lake.to_arrow(lake.read("received/orders", actor=SYSTEM)).num_rows == 1


def test_a_batch_that_fails_leaves_nothing_to_see(lake):
    def fail():
        with lake.receiving("orders", source="main", columns=["order_id"], now=MONDAY) as batch:
            batch.append(pa.table({"order_id": ["A-1"], "row": [1]}))
            batch.flush()
            raise RuntimeError("the file went away")

    with pytest.raises(RuntimeError):
        fail()

    assert lake.to_arrow(lake.read("received/orders", actor=SYSTEM)).num_rows == 0
    assert [info.state for info in lake.batches()] == ["abandoned"]


def test_a_writer_killed_before_its_commit_leaves_nothing_and_is_swept(lake, tmp_path):
    script = (
        "import sys, pyarrow as pa, pathlib, datetime as dt, time\n"
        "from tenure.lake import Lake\n"
        "lake = Lake(pathlib.Path(sys.argv[1]))\n"
        "with lake.receiving('orders', source='main', columns=['order_id'], now=dt.datetime(2026, 3, 2, tzinfo=dt.UTC)) as batch:\n"
        "    batch.append(pa.table({'order_id': ['A-1'], 'row': [1]})); batch.flush()\n"
        "    print('written', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "lake")], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"written\n"
    assert lake.sweep(now=MONDAY) == []  # its writer still lives

    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    assert lake.to_arrow(lake.read("received/orders", actor=SYSTEM)).num_rows == 0
    assert len(lake.sweep(now=MONDAY)) == 1
    assert lake.sweep(now=MONDAY) == []


def test_undo_takes_back_one_batch_and_leaves_what_came_later(lake):
    first = send(lake, "customers", [{"customer_id": "C-1", "name": "Ann", "city": "Hull"}])
    send(lake, "customers", [{"customer_id": "C-1", "city": "York"}], now=MONDAY + DAY)

    lake.undo(first, now=MONDAY + DAY)

    assert rows(lake, lake.current("customers"), "name", "city") == [{"name": None, "city": "York"}]
    with pytest.raises(TenureError, match="is undone"):
        lake.undo(first, now=MONDAY)
    with pytest.raises(TenureError, match="no batch"):
        lake.undo("nothing", now=MONDAY)


def test_a_column_the_file_lacked_is_absent_and_an_empty_field_is_an_answer(lake):
    send(lake, "customers", [{"customer_id": "C-1", "name": "Ann", "city": "Hull"}])
    send(lake, "customers", [{"customer_id": "C-1", "city": None}], now=MONDAY + DAY)

    assert rows(lake, lake.current("customers"), "name", "city") == [{"name": "Ann", "city": None}]


def test_the_source_first_in_precedence_has_the_last_word_however_old(lake):
    send(lake, "customers", [{"customer_id": "C-1", "name": "Anne"}], source="desk", ids_of="main")
    send(lake, "customers", [{"customer_id": "C-1", "name": "Ann"}], now=MONDAY + DAY)

    assert rows(lake, lake.current("customers"), "name", "ids_of") == [{"name": "Anne", "ids_of": "main"}]


def test_two_sources_with_the_same_numbers_are_not_confused(lake):
    send(lake, "customers", [{"customer_id": "1", "name": "Ann"}], source="shop")
    send(lake, "customers", [{"customer_id": "1", "name": "Bo"}], source="till")

    assert {row["name"] for row in rows(lake, lake.current("customers"), "name")} == {"Ann", "Bo"}


def test_history_shows_a_case_as_it_stood_on_the_day(lake):
    case = {
        "case_id": "Q-1",
        "customer_id": "C-1",
        "opened_at": MONDAY,
        "resolved_at": MONDAY + 3 * DAY,
        "outcome": "mended",
    }
    send(lake, "cases", [case], now=MONDAY + 9 * DAY)

    before = lake.history("cases", as_of=MONDAY, actor=SYSTEM)
    open_still = lake.history("cases", as_of=MONDAY + DAY, actor=SYSTEM)
    closed = lake.history("cases", as_of=MONDAY + 4 * DAY, actor=SYSTEM)

    assert rows(lake, before, "case_id") == []
    assert rows(lake, open_still, "resolved_at", "outcome") == [{"resolved_at": None, "outcome": None}]
    assert rows(lake, closed, "outcome") == [{"outcome": "mended"}]


def test_history_refuses_an_attribute_that_has_none_but_keeps_what_never_changes(lake):
    born = date(1988, 5, 1)
    send(
        lake, "customers", [{"customer_id": "C-1", "city": "Hull", "birth_date": born, "created_at": MONDAY - 99 * DAY}]
    )

    earlier = lake.history("customers", as_of=MONDAY - DAY, actor=SYSTEM)
    later = lake.history("customers", as_of=MONDAY + DAY, actor=SYSTEM)

    assert rows(lake, earlier, "city", "birth_date") == [{"city": None, "birth_date": born}]
    assert rows(lake, later, "city") == [{"city": "Hull"}]


def test_a_later_row_without_a_city_does_not_hide_the_city_known_before(lake):
    send(lake, "customers", [{"customer_id": "C-1", "city": "Hull", "created_at": MONDAY - 99 * DAY}])
    send(
        lake, "customers", [{"customer_id": "C-1", "city": None, "created_at": MONDAY - 99 * DAY}], now=MONDAY + 9 * DAY
    )

    between = lake.history("customers", as_of=MONDAY + DAY, actor=SYSTEM)

    assert rows(lake, between, "city") == [{"city": "Hull"}]


def test_the_business_date_is_the_day_in_the_business_zone(lake):
    send(lake, "orders", [order("A-1", datetime(2026, 3, 1, 20, 0, tzinfo=UTC), 1990)])

    assert rows(lake, lake.current("orders"), "ordered_on") == [{"ordered_on": date(2026, 3, 2)}]


def test_money_is_converted_by_the_rate_of_the_day_and_rounds_half_to_even(lake):
    rate = {"currency": "USD", "base_currency": "CNY"}
    send(lake, "exchange_rates", [
        {**rate, "valid_on": date(2026, 1, 1), "rate": Decimal("7.000000")},
        {**rate, "valid_on": date(2026, 2, 1), "rate": Decimal("0.500000")},
    ])  # fmt: skip
    at = datetime(2026, 1, 20, tzinfo=UTC)
    send(lake, "orders", [
        order("A-1", at, 1001, currency="USD"),
        order("A-2", at + 20 * DAY, 1001, currency="USD"),
        order("A-3", at + 20 * DAY, -1003, currency="USD"),
        order("A-4", at, 5, currency="CNY"),
        order("A-5", at, 7, currency=None),
        order("A-6", at, 9, currency="GBP"),
        order("A-7", at - 90 * DAY, 9, currency="USD"),
    ])  # fmt: skip

    found = rows(lake, lake.current("orders").order_by("order_id"), "amount_base_minor")

    # 1001 / 2 = 500.5 → 500 (even); -1003 / 2 = -501.5 → -502 (even); no rate → null, never a guess.
    assert [row["amount_base_minor"] for row in found] == [7007, 500, -502, 5, 7, None, None]


def test_currencies_with_other_minor_units_are_converted_by_their_own(lake):
    rates = [{"currency": c, "base_currency": "CNY", "valid_on": date(2026, 1, 1), "rate": Decimal(r)}
             for c, r in (("JPY", "0.046000"), ("KWD", "23.000000"))]  # fmt: skip
    send(lake, "exchange_rates", rates)
    send(lake, "orders", [order("A-1", MONDAY, 1000, currency="JPY"), order("A-2", MONDAY, 1000, currency="KWD")])

    found = rows(lake, lake.current("orders").order_by("order_id"), "amount_base_minor")

    assert [row["amount_base_minor"] for row in found] == [4600, 2300]


def link(lake):
    links = {
        "ids_of": ["main", "main"],
        "customer_id": ["C-1", "C-2"],
        "own_id": [1, 2],
        "person_id": [1, 2],
        "why": [None, None],
    }
    lake.publish("identity/links", pa.table(links))


def test_a_scope_sees_the_rows_of_the_persons_it_reaches_and_no_others(tmp_path):
    lake = Lake(tmp_path / "lake", assigned=lambda scope: pa.array([2]))
    link(lake)
    nobody = order("A-3", MONDAY, 5) | {"customer_id": None}
    send(lake, "orders", [order("A-1", MONDAY, 5), order("A-2", MONDAY, 5) | {"customer_id": "C-2"}, nobody])

    def seen(scope):
        return {row["order_id"] for row in rows(lake, lake.read("received/orders", actor=scope), "order_id")}

    assert seen(SYSTEM) == {"A-1", "A-2", "A-3"}
    assert seen(Scope(reach="own", user_id=1)) == {"A-2"}
    assert seen(Scope()) == set()


def test_a_limited_scope_sees_nothing_where_nobody_can_say_what_it_reaches(lake):
    link(lake)
    send(lake, "orders", [order("A-1", MONDAY, 5)])

    assert rows(lake, lake.read("received/orders", actor=Scope(reach="team")), "order_id") == []


def test_a_hidden_column_reads_as_null_on_every_way_out(lake):
    send(lake, "customers", [{"customer_id": "C-1", "name": "Ann", "phone": "13800138000"}])
    masked = Scope(reach="all", hidden=frozenset({"phone"}))
    lake.publish("records/customers", lake.to_reader(lake.current("customers")))

    for table in ("received/customers", "records/customers"):
        assert rows(lake, lake.read(table, actor=masked), "name", "phone") == [{"name": "Ann", "phone": None}]
    assert rows(lake, lake.history("customers", as_of=MONDAY + DAY, actor=masked), "phone") == [{"phone": None}]


def test_files_of_before_a_column_was_added_read_it_as_null(lake):
    lake._store.append("received/orders", pa.table({"order_id": ["A-1"], "batch": ["b"]}))

    assert rows(
        lake, lake._stored("received/orders", pa.schema([("order_id", pa.string()), ("new", pa.int64())])), "new"
    ) == [{"new": None}]


def test_two_writers_do_not_rebuild_at_once(lake, tmp_path):
    with lake.writing("refresh"), pytest.raises(TenureError, match="being written by: refresh"), lake.writing("other"):
        pass
    with lake.writing("other"):
        pass
