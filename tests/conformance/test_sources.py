"""The same little table through every source gives the same rows; one more source joins by one more writer here."""

import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet
import pytest
from openpyxl import Workbook

from tenure.lake import SYSTEM, Lake
from tenure.sources import SOURCES
from tenure.sources.importing import import_file

# A sheet, as people write it, has no zone.
FIRST = datetime.fromisoformat("2026-03-01T09:30:00")
SECOND = datetime.fromisoformat("2026-03-02T00:00:00")
HEADER = ["订单号", "customer_id", "order_date", "quantity", "unit_price", "status", "note"]
ROWS = [
    ["A-1", "王小明", FIRST, 2, 19.99, "已完成", "第一单 😀"],
    ["A-1", "王小明", FIRST, 1, 0.5, None, None],
    [None, "C-3", SECOND, 1, 1.0, None, "no order number"],
    ["A-2", None, SECOND, -1, 19.99, "cancelled", 'say "hi", then\nleave'],
]


def write_csv(path):
    import csv

    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER, *ROWS])


def write_excel(path):
    book = Workbook()
    for row in [HEADER, *ROWS]:
        book.active.append(row)
    book.save(path)


def write_parquet(path):
    columns = {name: [row[place] for row in ROWS] for place, name in enumerate(HEADER)}
    pa.parquet.write_table(pa.table(columns), path)


def write_jsonl(path):
    lines = [json.dumps(dict(zip(HEADER, row, strict=True)), default=str, ensure_ascii=False) for row in ROWS]
    path.write_text("\n".join(lines), encoding="utf-8")


WRITERS = {"csv": write_csv, "excel": write_excel, "parquet": write_parquet, "jsonl": write_jsonl}


def test_every_source_is_held_to_it():
    assert set(WRITERS) == set(SOURCES)


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_a_little_table_is_the_same_through_every_source(tmp_path, name):
    path = tmp_path / f"shop{SOURCES[name].suffixes[0]}"
    WRITERS[name](path)
    lake = Lake(tmp_path / "lake")

    report = import_file(
        lake, path, "orders", zone="Asia/Shanghai", currency="CNY", rejects_folder=tmp_path / "rejects",
        now=datetime(2026, 4, 1, tzinfo=UTC),
    )  # fmt: skip

    rows = lake.to_arrow(lake.read("received/orders", actor=SYSTEM)).sort_by("row").to_pylist()
    names = ("order_id", "line_no", "customer_id", "quantity", "amount_minor", "kind", "status", "row")
    assert (report.read, report.accepted, report.rejected) == (4, 3, 1)
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("A-1", 1, "王小明", 2.0, 3998, "sale", "completed", 1),
        ("A-1", 2, "王小明", 1.0, 50, "sale", None, 2),
        ("A-2", 1, None, -1.0, -1999, "refund", "cancelled", 4),
    ]
    assert [str(row["ordered_at"]) for row in rows[::2]] == ["2026-03-01 01:30:00+00:00", "2026-03-01 16:00:00+00:00"]
    assert [json.loads(row["extra"]) for row in rows] == [
        {"note": "第一单 😀"},
        {"note": None},
        {"note": 'say "hi", then\nleave'},
    ]
