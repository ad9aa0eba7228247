"""Pulls at their promised interface, from real servers: nothing lost, nothing doubled, nothing said that is secret."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tenure.errors import TenureError
from tenure.sources import running
from tenure.sources.pull import KINDS, Asked, Range, check_query, dsn_of, open_database
from tenure.sources.pulling import Kept, Pulled, fetch, pull
from tests.sources.conftest import NOW, Shop
from tests.sources.databases import Written, sqlite_address

SECRET = "hunter-two"
SERVERS = [
    pytest.param("postgresql", marks=pytest.mark.postgres),
    pytest.param("mysql", marks=pytest.mark.mariadb),
    "sqlite",
]


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Written]:
    address = {
        "postgresql": lambda: request.getfixturevalue("postgresql_url"),
        "mysql": lambda: request.getfixturevalue("mysql_url"),
        "sqlite": lambda: sqlite_address(tmp_path),
    }[request.param]()
    written = Written(address)
    written.orders()
    yield written
    written.close()


@pytest.fixture
def run(server: Written, shop: Shop, tmp_path: Path) -> Any:
    """Pull the orders once more, going on from where the last run came to."""
    kept = [Kept()]

    def run(**given: Any) -> Pulled:
        settings: dict[str, Any] = {
            "watermark": "changed_at", "overlap": 3600, "zone": "Asia/Shanghai", "currency": "CNY", "source": "crm",
            "rejects_folder": shop.home / "rejects", "now": NOW, "folder": tmp_path / "pulls", "kept": kept[0],
        }  # fmt: skip
        pulled = pull(shop.lake, server.address, Asked(table="orders"), "orders", **{**settings, **given})
        # As it is kept between runs.
        kept[0] = Kept.of_document(pulled.fetched.kept.as_document())
        return pulled

    return run


def numbers(shop: Shop) -> list[str]:
    """Every row ever received that still counts, repeated ones as often as they came."""
    return sorted(row["order_id"] for row in shop.rows())


def test_every_kind_of_database_is_tried_here():
    assert {getattr(one, "values", [one])[0] for one in SERVERS} == set(KINDS)


def test_a_table_comes_in_with_its_money_to_the_cent(server, shop, run):
    server.add(
        ("A-1", "12345678901.23", "2026-03-01 10:00:00"), ("A-2", "0.07", "2026-03-01 10:00:00"),
        ("A-3", "-19.99", "2026-03-01 10:00:00"),
    )  # fmt: skip

    report = run().report

    assert report is not None
    assert [(r["order_id"], r["amount_minor"], r["kind"]) for r in shop.rows()] == [
        ("A-1", 1234567890123, "sale"), ("A-2", 7, "sale"), ("A-3", -1999, "refund"),
    ]  # fmt: skip
    assert (report.read, report.accepted, report.rounded) == (3, 3, 0)
    if server.kind != "sqlite":  # a text without a zone is read in the workspace's
        assert {str(row["ordered_at"]) for row in shop.rows()} == {"2026-01-01 00:00:00+00:00"}


def test_a_later_run_brings_what_is_new_and_nothing_twice(server, shop, run):
    server.add(("A-1", "1", "2026-03-01 10:00:00"), ("A-2", "1", "2026-03-01 11:00:00"))
    run()

    nothing = run()
    server.add(("A-3", "1", "2026-03-01 12:00:00"))
    second = run()

    assert nothing.report is None
    assert (second.fetched.rows, second.fetched.known) == (1, 2)
    assert numbers(shop) == ["A-1", "A-2", "A-3"]
    assert [info.state for info in shop.lake.batches()] == ["committed", "committed"]


def test_rows_that_tie_with_the_watermark_are_neither_lost_nor_doubled(server, shop, run):
    server.add(("A-1", "1", "2026-03-01 10:00:00"))
    run(overlap=0)

    server.add(("A-2", "1", "2026-03-01 10:00:00"), ("A-3", "1", "2026-03-01 10:00:00"))
    run(overlap=0)
    run(overlap=0)

    assert numbers(shop) == ["A-1", "A-2", "A-3"]


def test_a_row_committed_late_lies_within_the_overlap(server, shop, run):
    if server.kind == "sqlite":
        pytest.skip("SQLite has one writer at a time; nothing is committed late")
    slow = server.connect()
    server.add(("late", "1", "2026-03-01 09:30:00"), on=slow)
    server.add(("A-1", "1", "2026-03-01 10:00:00"))
    run()

    slow.commit()
    slow.close()
    run()

    assert numbers(shop) == ["A-1", "late"]


def test_a_changed_row_is_the_newest_word_on_its_key(server, shop, run):
    server.add(("A-1", "1", "2026-03-01 10:00:00"))
    run()

    server.run("UPDATE orders SET amount = 2.50, changed_at = '2026-03-01 10:00:01'")
    run(now=NOW + timedelta(minutes=5))

    found = shop.lake.to_arrow(shop.lake.current("orders")).to_pylist()
    assert [(row["order_id"], row["amount_minor"]) for row in found] == [("A-1", 250)]


def test_a_run_sees_one_snapshot_and_writes_nothing(server):
    server.add(("A-1", "1", "2026-03-01 10:00:00"))

    with open_database(server.address) as database:
        before = database.count(Asked(table="orders"))
        if server.kind != "sqlite":  # its writer waits until the reader is done
            server.add(("A-2", "1", "2026-03-01 11:00:00"))
        assert database.count(Asked(table="orders")) == before == 1
        with pytest.raises(TenureError, match="read"):
            list(database.batches("DELETE FROM orders"))

    with open_database(server.address) as database:
        assert database.count(Asked(table="orders")) == (1 if server.kind == "sqlite" else 2)


def test_tables_are_listed_with_a_guess_of_what_they_are(server):
    with open_database(server.address) as database:
        table = next(one for one in database.tables() if one.name == "orders")

    assert [column.name for column in table.columns][:2] == ["order_id", "line_no"]
    assert table.guesses()[0][0] == "orders"
    assert table.watermarks[0] == "changed_at"


def test_a_query_and_a_range_of_it_are_read(server, shop, run):
    server.add(*((f"A-{n}", str(n), f"2026-03-0{n} 10:00:00") for n in range(1, 6)))
    asked = Asked(
        query="SELECT order_id, ordered_at, amount FROM orders WHERE amount > 1 -- not all\n",
        ranges=(Range("amount", "number", "3", "5"),),
    )

    with open_database(server.address) as database:
        rows = pa.Table.from_batches(list(database.stream(asked))).to_pylist()
        with pytest.raises(TenureError, match="one SELECT"):
            list(database.stream(Asked(query="SELECT 1) AS x; DROP TABLE orders; --")))
        with pytest.raises(TenureError, match="could not be read"):
            list(database.stream(Asked(query="SELECT 1) AS x, (DELETE FROM orders RETURNING 1")))

    assert sorted(row["order_id"] for row in rows) == ["A-3", "A-4"]


def test_a_value_with_quotes_is_a_value(server):
    server.add(("O'Neil\\", "1", "2026-03-01 10:00:00"), ("P", "1", "2026-03-01 10:00:00"))

    with open_database(server.address) as database:
        asked = Asked(table="orders", ranges=(Range("order_id", "text", "O'Neil\\", "O'Neil\\ "),))
        found = [row["order_id"] for batch in database.stream(asked) for row in batch.to_pylist()]

    # Where blanks at the end do not count, the range is empty; it is never more than was asked for.
    assert found in (["O'Neil\\"], [])


def test_a_column_that_is_not_there_is_named_with_those_that_are(server, tmp_path):
    with pytest.raises(TenureError, match=r'no column "touched".*order_id'):
        fetch(server.address, Asked(table="orders"), tmp_path / "pulls", stem="x", watermark="touched")


@pytest.mark.parametrize(
    ("address", "needed"),
    [
        (f"postgresql://reader:{SECRET}@127.0.0.1:1/shop", "127.0.0.1, port 1 "),
        (f"mysql://reader:{SECRET}@127.0.0.1:1/shop", "127.0.0.1, port 1 "),
        (f"postgresql://reader:{SECRET}@no.such.host.invalid/shop", "no.such.host.invalid, port 5432 "),
        (f"mysql://reader:{SECRET}@no.such.host.invalid/shop", "no.such.host.invalid, port 3306 "),
        (f"oracle://reader:{SECRET}@db/shop", "no address of a database"),
        (f"postgresql://reader:{SECRET}@db:port/shop", "no address of a database"),
        (f"postgresql://reader:{SECRET}@db", "names no host or no database"),
        (f"postgresql://reader:{SECRET}@db/shop?options=-c%20x", "options that are not taken here: options"),
        ("sqlite:///no/such/file", "There is no file"),
    ],
)
def test_an_address_to_nowhere_is_refused_without_its_password(address, needed):
    with pytest.raises(TenureError, match=needed) as refused:
        open_database(address)

    told = repr(refused.value) + str(refused.value.__cause__)
    assert SECRET not in told


@pytest.mark.parametrize("server", [pytest.param("mysql", marks=pytest.mark.mariadb)], indirect=True)
def test_a_wrong_password_is_said_and_not_shown(server):
    wrong = server.address.replace("p%40ss%2Fw%3Ard", SECRET)

    with pytest.raises(TenureError, match='does not let "reader" into "shop"') as refused:
        open_database(wrong)

    assert SECRET not in str(refused.value)
    assert SECRET not in repr(dsn_of(wrong)) + str(dsn_of(wrong)) + f"{dsn_of(wrong).shown}"


def test_tenures_own_files_are_not_for_pulling(tmp_path, monkeypatch):
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    Written(sqlite_address(tmp_path)).orders()

    with pytest.raises(TenureError, match="Tenure's own folder"):
        open_database(sqlite_address(tmp_path))


@pytest.mark.postgres
def test_a_database_that_goes_away_in_the_middle_leaves_nothing_and_the_next_run_goes_on(
    postgresql_url, shop, tmp_path
):
    server = Written(postgresql_url)
    server.orders()
    server.run("ALTER TABLE orders ALTER customer_id TYPE text")
    server.run(
        "INSERT INTO orders SELECT 'A-' || n, 1, repeat('x', 500), now(), 1, now() FROM generate_series(1, 60000) n"
    )
    settings: dict[str, Any] = {
        "zone": "Asia/Shanghai", "currency": "CNY", "source": "crm", "rejects_folder": tmp_path, "now": NOW,
        "folder": tmp_path / "pulls",
    }  # fmt: skip
    told = threading.Event()

    class Cut:
        """The wire is cut as soon as the first rows are through."""

        def __init__(self, batches: Any) -> None:
            self.batches = batches

        def __iter__(self) -> Any:
            for batch in self.batches:
                yield batch
                if not told.is_set():
                    told.set()
                    server.run(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tenure'"
                    )

    from tenure.sources.pull.postgres import Postgres

    with pytest.MonkeyPatch.context() as patch:
        whole = Postgres.stream
        patch.setattr(Postgres, "stream", lambda self, asked: iter(Cut(whole(self, asked))))
        with pytest.raises(TenureError, match="could not be read to the end"):
            pull(shop.lake, postgresql_url, Asked(table="orders"), "orders", **settings)

    assert told.is_set()
    assert shop.lake.batches() == []
    assert list((tmp_path / "pulls").iterdir()) == []
    again = pull(shop.lake, postgresql_url, Asked(table="orders"), "orders", **settings)
    assert again.report is not None
    assert again.report.accepted == 60_000
    server.close()


@pytest.mark.postgres
def test_types_without_a_like_here_come_as_text(postgresql_url, tmp_path):
    server = Written(postgresql_url)
    server.run("DROP TABLE IF EXISTS odd; DROP TYPE IF EXISTS mood; CREATE TYPE mood AS ENUM ('fine')")
    server.run(
        "CREATE TABLE odd (a numeric, b real, c money, d uuid, e jsonb, f bytea, g interval, h int[], i mood, j inet)"
    )
    server.run(
        "INSERT INTO odd VALUES (1.234567890123456789, 0.1, '12.34', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', "
        "'{\"k\": 1}', '\\x00ff', '1 day', '{1,2}', 'fine', '10.0.0.1')"
    )

    with open_database(postgresql_url) as database:
        rows = [row for batch in database.stream(Asked(table="odd")) for row in batch.to_pylist()]

    assert [list(row.values()) for row in rows] == [
        ["1.234567890123456789", "0.1", "12.34", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", '{"k": 1}', "\\x00ff", "1 day",
         "{1,2}", "fine", "10.0.0.1/32"]
    ]  # fmt: skip
    server.close()


@pytest.mark.mariadb
def test_what_mysql_calls_the_zero_date_is_none_and_large_numbers_stay_whole(mysql_url):
    server = Written(mysql_url)
    server.run("DROP TABLE IF EXISTS odd")
    server.run("SET sql_mode = ''")
    server.run(
        "CREATE TABLE odd (a bigint unsigned, b datetime, c bit(3), d blob, e tinyint(1), f text CHARACTER SET utf8mb4)"
    )
    server.run("INSERT INTO odd VALUES (18446744073709551615, '0000-00-00', 5, x'00ff', 1, '王😀')")

    with open_database(mysql_url) as database:
        rows = [row for batch in database.stream(Asked(table="odd")) for row in batch.to_pylist()]
        top = database.highest(Asked(table="odd"), "a")

    assert [list(row.values()) for row in rows] == [["18446744073709551615", None, 5, "00ff", "1", "王😀"]]
    assert top is not None
    assert top.back(10).value == "18446744073709551605"
    server.close()


def test_a_cell_may_change_its_type_in_sqlite(tmp_path, shop):
    server = Written(sqlite_address(tmp_path))
    server.orders()
    server.add(
        *((f"A-{n}", "1", "2026-03-01 10:00:00") for n in range(20_000)), ("last", "many", "2026-03-01 10:00:00")
    )

    report = pull(
        shop.lake, server.address, Asked(table="orders"), "orders", folder=tmp_path / "pulls", zone="UTC", currency="CNY",
        rejects_folder=tmp_path / "rejects", now=NOW,
    ).report  # fmt: skip

    assert report is not None
    assert (report.accepted, report.rejected) == (20_000, 1)


def test_a_query_is_one_question():
    assert check_query(" select 1 ; ") == "select 1"
    assert check_query("select a from b where c = ';'") == "select a from b where c = ';'"
    for wrong in ("drop table x", "select 1; drop table x", "", "copy x to program 'sh'"):
        with pytest.raises(TenureError, match="one SELECT"):
            check_query(wrong)


def test_a_run_whose_import_fails_keeps_nothing_for_the_next(server, shop, run, tmp_path, monkeypatch):
    server.add(("A-1", "1", "2026-03-01 10:00:00"))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(running.Tally, "__init__", full)
        with pytest.raises(TenureError, match="disk is full"):
            run()

    assert list((tmp_path / "pulls").iterdir()) == []
    run()
    assert numbers(shop) == ["A-1"]
