"""Records put in their place: the same rows in the same order as the question gives, and a log that holds no values."""

import json
import os
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from tenure.errors import TenureError
from tenure.lake import SYSTEM, Lake, parts
from tenure.lake.engines import allowed_memory
from tenure.lake.parts import alike

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
ORDER = ("person_id", "valid_at", "ids_of", "order_id", "line_no")


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def lines(count, *, start=0, **more):
    luck = random.Random(start + count)
    made = [
        {
            "order_id": f"A-{start + number // 2:07}",
            "line_no": number % 2 + 1,
            "customer_id": f"C-{luck.randrange(50)}",
            "ordered_at": MONDAY - timedelta(minutes=luck.randrange(10_000)),
            "amount_minor": luck.randrange(100_000),
            "currency": "CNY",
            **{name: value(number) for name, value in more.items()},
        }
        for number in range(count)
    ]
    luck.shuffle(made)
    return pa.Table.from_pylist([row | {"row": at} for at, row in enumerate(made, 1)])


def send(lake, rows, *, once=True, source="main"):
    columns = [name for name in rows.column_names if name != "row"]
    with lake.receiving("orders", source=source, columns=columns, now=MONDAY) as batch:
        batch.report["each_key_once"] = once
        batch.append(rows)


def lying(lake, table="records/orders"):
    """The rows as they lie in the files, in the order of the commit's files."""
    names = [add["path"] for add in pa.table(DeltaTable(str(lake.store.path(table))).get_add_actions()).to_pylist()]
    return pa.concat_tables([pq.read_table(lake.store.path(table) / name) for name in names])


def asked(lake):
    current = lake.current("orders", sealed=True)
    return lake.to_arrow(current.order_by(*ORDER))


@pytest.mark.parametrize("once", [True, False])
def test_what_is_settled_are_the_rows_of_the_question_in_its_order(lake, once):
    send(lake, lines(5_000), once=once)

    assert lake.settle("orders", *ORDER) == 5_000

    assert lying(lake).equals(asked(lake))


def test_rows_that_several_batches_speak_of_are_settled_as_they_are_asked(lake):
    send(lake, lines(3_000))
    send(lake, lines(1_000, channel=lambda number: "web" if number % 3 else None), source="shop")
    send(lake, lines(500, start=2_000))

    assert lake.settle("orders", *ORDER) == lake.to_arrow(lake.current("orders").count())["value"][0].as_py()

    assert lying(lake).equals(asked(lake))


def test_order_is_kept_across_files_and_row_groups(lake, monkeypatch):
    monkeypatch.setattr(parts, "_ROWS_A_GROUP", 20_000)
    monkeypatch.setattr(parts, "_GROUPS_A_FILE", 1)
    send(lake, lines(150_000))

    lake.settle("orders", *ORDER)

    assert len(lake.store.files("records/orders")[0]) > 1
    there = pa.concat_tables([pq.read_table(file) for file in sorted_by_start(lake)])
    assert there.equals(asked(lake))


def sorted_by_start(lake):
    """The table's files by their first row's time (nobody has a person here, so time leads)."""
    files, _ = lake.store.files("records/orders")
    return sorted(files, key=lambda file: pq.ParquetFile(file).read_row_group(0, ["valid_at"])["valid_at"][0].as_py())


def test_the_log_of_settled_and_received_rows_holds_no_values(lake):
    send(lake, lines(60_000))
    send(lake, lines(60_000, start=100_000))
    lake.settle("orders", *ORDER)
    lake.settle("orders", *ORDER)

    for table in ("records/orders", "received/orders"):
        told = [json.loads(line) for log in sorted((lake.store.path(table) / "_delta_log").glob("*.json"))
                for line in log.read_text().splitlines()]  # fmt: skip
        stats = [json.loads(one["add"]["stats"]) for one in told if "add" in one]
        assert stats
        assert all(one["numRecords"] for one in stats)
        assert not any(one.get("minValues") or one.get("maxValues") for one in stats)
        assert lake.store.is_of_today(table)


def test_a_table_settled_with_other_columns_than_before_takes_them_on(lake):
    older = pa.table({"order_id": ["A-1"], "gone": [1]})
    lake.store.replace("records/orders", older)
    send(lake, lines(10))

    lake.settle("orders", *ORDER)

    assert lake.store.schema("records/orders") == asked(lake).schema
    assert lake.to_arrow(lake.read("records/orders", actor=SYSTEM)).num_rows == 10


def test_many_rows_received_at_once_come_out_as_they_went_in(lake):
    send(lake, lines(10))
    many = lines(60_000, start=100, channel=lambda number: ["web", "app", None][number % 3])
    send(lake, many)

    out = lake.to_arrow(lake.read("received/orders", actor=SYSTEM).filter(lambda t: t.order_id >= "A-0000100"))

    names = [name for name in many.column_names if name != "ordered_at"]
    assert out.select(names).sort_by("row").equals(many.select(names).cast(out.select(names).schema))


def test_a_settling_that_is_killed_leaves_the_records_of_before(lake):
    send(lake, lines(2_000))
    lake.settle("orders", *ORDER)
    before, version = lying(lake), lake.version("records/orders")
    send(lake, lines(2_000, start=50_000))
    killed = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom tenure.lake import Lake, parts\n"
        "parts._Part.close = lambda part: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"Lake(Path(sys.argv[1])).settle('orders', *{ORDER!r})"
    )

    done = subprocess.run([sys.executable, "-c", killed, str(lake.folder)], env=dict(os.environ), check=False)

    assert done.returncode == -signal.SIGKILL
    again = Lake(lake.folder)
    assert again.version("records/orders") == version
    assert lying(again).equals(before)
    assert again.settle("orders", *ORDER) == 4_000


def test_a_settling_that_fails_leaves_no_file(lake, monkeypatch):
    send(lake, lines(2_000))
    monkeypatch.setattr(parts._Part, "write", lambda part, rows: (_ for _ in ()).throw(OSError("the disk is full")))

    with pytest.raises(OSError, match="full"):
        lake.settle("orders", *ORDER)

    assert not list(lake.store.path("records/orders").glob("*.parquet"))


def test_columns_alike_are_told_by_the_footers_of_all_files(tmp_path):
    def written(name, **columns):
        pq.write_table(pa.table(columns), tmp_path / name)
        return str(tmp_path / name)

    schema = pa.schema({n: pa.string() for n in ("one", "none", "two", "hole", "late")} | {"ratio": pa.float64()})
    nothing = pa.nulls(2, pa.string())
    files = [
        written("a", one=["x", "x"], none=nothing, two=["x", "x"], hole=["x", None], late=nothing, ratio=[1.0, 1.0]),
        written("b", one=["x"], two=["y"], hole=["x"], late=["z"], ratio=[1.0]),
    ]

    assert {name: value.as_py() for name, value in alike(files, schema).items()} == {"one": "x", "none": None}


@pytest.mark.parametrize(("told", "amount"), [("2GB", 2 * 1024**3), ("800 mb", 800 * 1024**2)])
def test_the_engine_holds_no_more_memory_than_it_is_told(tmp_path, monkeypatch, told, amount):
    monkeypatch.setenv("TENURE_MEMORY", told)

    assert allowed_memory() == amount
    lake = Lake(tmp_path)
    limit = lake._engine._connection.raw_sql("SELECT current_setting('memory_limit')").fetchone()[0]
    number, unit = limit.split()
    assert float(number) * {"MiB": 1024**2, "GiB": 1024**3}[unit] == amount


def test_an_amount_of_memory_that_is_none_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("TENURE_MEMORY", "plenty")

    with pytest.raises(TenureError, match="plenty"):
        Lake(tmp_path)


def test_without_being_told_the_engine_takes_a_share_of_the_machine(monkeypatch):
    monkeypatch.delenv("TENURE_MEMORY", raising=False)

    assert 0 < allowed_memory() <= 3 * 1024**3


def test_files_half_packed_when_the_rows_fail_are_taken_away(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "_ROWS_A_GROUP", 10)
    schema = pa.schema([("n", pa.int64())])

    def rows():
        for at in range(11):
            yield pa.record_batch([pa.array(range(at * 10, at * 10 + 10))], schema=schema)
        assert len(list(tmp_path.iterdir())) > 1
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        parts.write_parts(tmp_path, pa.RecordBatchReader.from_batches(schema, rows()), schema)

    assert list(tmp_path.iterdir()) == []


def test_a_lake_and_an_import_begin_without_the_dictionaries_that_names_need():
    asked = (
        "import sys, tenure.lake, tenure.sources.importing\n"
        "print(sorted({'pypinyin', 'phonenumbers', 'scipy'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == "[]"
