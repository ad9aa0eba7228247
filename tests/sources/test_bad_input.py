"""Whatever is wrong with a file: a clear error, nothing half done, nothing lost."""

import csv
import os
import subprocess
import sys
import zipfile
from datetime import datetime
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pytest

from tenure.errors import TenureError
from tenure.sources import ahead, running
from tenure.sources import csv as csv_source
from tenure.sources import encoding as encodings
from tenure.sources import excel as excel_source
from tenure.sources.importing import ReconciliationError
from tenure.sources.looking import look
from tenure.sources.watched import FileChangedError

HEADER = "order_id,customer_id,ordered_at,amount\n"
GOOD = HEADER + "A-1,C-1,2026-03-01 09:30:00,19.90\nA-2,C-2,2026-03-02,5\n"


def rejects(report):
    with report.reject_file.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (HEADER.encode(), "has a header and no rows"),
        (HEADER.rstrip("\n").encode(), "has a header and no rows"),
        ((HEADER + "\n\n,,,\n").encode(), "no row with a cell filled"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)) * 40, "is not a text file but JPEG"),
        (b"PK\x03\x04" + b"\0" * 100, r"but Excel \(.xlsx\) or ZIP"),
        (b"order_id,\0\0\0amount\n1,2\n", "zero byte at position 9"),
        ("order_id,customer\nA-1,Müller\n".encode("latin-1"), "byte 0xFC at position 23, line 2"),
        ((HEADER + 'A-1,"C-1,2026-03-01,5\nA-2,C-2,2026-03-02,6\n').encode(), "opened in row 1 is never closed"),
        ((HEADER + 'A-1,"C-1,2026-03-01,5\nA-2,"C-2",2026-03-02,6\n').encode(), "out of place in row 1"),
    ],
)
def test_a_file_of_no_use_is_refused_in_a_sentence_and_leaves_nothing(shop, write, content, said):
    path = write(content)

    with pytest.raises(TenureError, match=said):
        shop.take(path)

    assert shop.is_untouched


def test_a_missing_column_is_told_with_what_there_is_and_how_to_map_it(shop, write):
    path = write("order_id,when,total\nA-1,2026-03-01,5\n")

    with pytest.raises(TenureError) as told:
        shop.take(path, source="shop")

    assert str(told.value) == (
        'Source "shop" has no column for ordered_at (when the order was placed). It has: order_id, when, total. '
        "Map one with --map when=ordered_at."
    )


def test_short_and_long_rows_are_rejected_by_their_physical_number(shop, write):
    path = write(GOOD + "A-3,C-3\n\nA-4,C-4,2026-03-04,1,too,many\nA-5,C-5,2026-03-05,7\n")

    report = shop.take(path)

    assert (report.read, report.accepted, report.rejected, report.blank) == (5, 3, 2, 1)
    assert [row["row"] for row in shop.rows()] == [1, 2, 6]
    assert [(line["reject_row"], line["reject_reason"]) for line in rejects(report)] == [
        ("3", "the row has 2 cells where the header has 4"),
        ("5", "the row has 6 cells where the header has 4"),
    ]


def make_orders(path: Path, rows: int, bad_every: int) -> int:
    number = np.arange(rows)
    bad = number % bad_every == 7
    day = (np.datetime64("2026-01-01") + number % 365).astype(str)
    table = pa.table(
        {
            "order_id": pc.binary_join_element_wise("A-", pc.cast(pa.array(number // 2), pa.string()), ""),
            "customer_id": pc.binary_join_element_wise("C-", pc.cast(pa.array(number % 999), pa.string()), ""),
            "ordered_at": pa.array(np.where(bad & (number % 2 == 1), "soon", day)),
            "amount": pa.array(np.where(bad & (number % 2 == 0), "many", "1.25")),
        }
    )
    pa.csv.write_csv(table, path, pa.csv.WriteOptions(quoting_style="none"))
    return int(bad.sum())


def assert_bad_rows_are_set_apart(shop, path, rows, bad):
    report = shop.take(path)

    assert (report.read, report.accepted, report.rejected) == (rows, rows - bad, bad)
    assert report.sums == {"amount_minor": 125 * (rows - bad)}
    assert shop.table().num_rows == rows - bad
    assert pc.sum(shop.table()["amount_minor"]).as_py() == 125 * (rows - bad)
    assert len(rejects(report)) == bad


def test_two_thousand_bad_rows_among_two_hundred_thousand_are_set_apart(shop, tmp_path):
    path = tmp_path / "many.csv"
    bad = make_orders(path, 200_000, 100)

    assert bad == 2_000
    assert_bad_rows_are_set_apart(shop, path, 200_000, bad)


@pytest.mark.soak
def test_ten_thousand_bad_rows_among_a_million_are_set_apart(shop, tmp_path):
    path = tmp_path / "many.csv"
    bad = make_orders(path, 1_000_000, 100)

    assert bad == 10_000
    assert_bad_rows_are_set_apart(shop, path, 1_000_000, bad)


def test_when_every_row_is_rejected_nothing_is_committed_and_the_reasons_stay(shop, write):
    path = write(HEADER + "A-1,C-1,soon,5\nA-2,C-2,later,6\n")

    with pytest.raises(TenureError, match=r"All 2 rows of shop.csv were rejected.*is not a date"):
        shop.take(path)

    assert shop.is_untouched
    assert len(list((shop.home / "rejects").glob("*.csv"))) == 1


def test_of_two_rows_with_one_key_and_time_the_first_stands(shop, write):
    path = write(
        "customer_id,name,updated_at\nC-1,Ann,2026-01-01\nC-2,Bo,2026-01-01\nC-1,Anna,2026-01-01\nC-1,Anne,2026-02-01\n"
    )

    report = shop.take(path, "customers")

    assert [row["name"] for row in shop.rows("customers")] == ["Ann", "Bo", "Anne"]
    (line,) = rejects(report)
    assert line["reject_reason"] == "the same key and time as row 1, which was taken"
    assert line["name"] == "Anna"


def test_a_key_must_not_be_blank(shop, write):
    report = shop.take(write("customer_id,name\n,Ann\nC-2,Bo\n"), "customers")

    (line,) = rejects(report)
    assert (line["reject_column"], line["reject_reason"]) == ("customer_id", "customer_id is blank")


def test_three_ways_to_write_a_date_in_one_column_are_one_day(shop, write):
    path = write(HEADER + "A-1,C-1,2026-03-01,5\nA-2,C-2,2026/3/1,5\nA-3,C-3,1 Mar 2026,5\nA-4,C-4,2026年3月1日,5\n")

    shop.take(path)

    assert {row["ordered_at"].isoformat() for row in shop.rows()} == {"2026-02-28T16:00:00+00:00"}


def test_a_column_tells_day_from_month_by_a_value_far_down_the_file(shop, tmp_path):
    path = tmp_path / "far.csv"
    lines = [f"A-{n},C-1,0{n % 9 + 1}/03/2026,1\n" for n in range(300_000)]
    path.write_text(HEADER + "".join(lines) + "A-x,C-1,31/03/2026,1\n")

    shop.take(path)

    months = set(pc.unique(pc.month(pc.assume_timezone(pc.local_timestamp(shop.table()["ordered_at"].cast(
        pa.timestamp("us", "Asia/Shanghai"))), "UTC"))).to_pylist())  # fmt: skip
    assert months == {3}


def test_dates_that_leave_day_and_month_open_are_asked_about(shop, write):
    path = write(HEADER + "A-1,C-1,01/03/2026,5\nA-2,C-1,02/03/2026,5\n")

    with pytest.raises(TenureError, match="--date-order dmy or --date-order mdy"):
        shop.take(path)
    shop.take(path, date_order="mdy")

    assert [row["ordered_at"].day for row in shop.rows()] == [2, 2]  # 3 January in Shanghai is the 2nd in UTC
    assert [row["ordered_at"].month for row in shop.rows()] == [1, 2]


def test_dates_that_contradict_each_other_are_never_read_row_by_row(shop, write):
    path = write(HEADER + "A-1,C-1,13/03/2026,5\nA-2,C-1,03/14/2026,5\n")

    with pytest.raises(TenureError, match=r"day first \(13/03/2026\) and with the month first \(03/14/2026\)"):
        shop.take(path)
    report = shop.take(path, date_order="dmy")

    assert (report.accepted, report.rejected) == (1, 1)


def test_negative_amounts_are_refunds_and_are_counted(shop, write):
    report = shop.take(write(GOOD + "A-3,C-1,2026-03-03,-19.90\nA-4,C-1,2026-03-03,(1.10)\n"))

    assert report.refunds == 2
    assert report.sums == {"amount_minor": 1990 + 500 - 1990 - 110}
    assert [row["kind"] for row in shop.rows()] == ["sale", "sale", "refund", "refund"]


def test_emoji_and_full_width_digits_are_read(shop, write):
    path = write(
        "order_id,customer_id,ordered_at,amount,product_name\nA-1,C-１,２０２６-０３-０１,￥１，２３４．５０,Tee ☕😀\n"
    )

    shop.take(path)

    (row,) = shop.rows()
    assert (row["amount_minor"], row["product_name"], row["customer_id"]) == (123450, "Tee ☕😀", "C-１")


def test_two_headers_of_one_name_are_asked_about(shop, write):
    path = write("order_id,customer_id,ordered_at,total,total\nA-1,C-1,2026-03-01,5,6\n")

    with pytest.raises(TenureError, match=r"more than one column that could be amount_minor.*total, total \(2\)"):
        shop.take(path)
    shop.take(path, mapping=["total (2)=amount"])

    (row,) = shop.rows()
    assert (row["amount_minor"], row["extra"]) == (600, '{"total": "5"}')


def test_utf16_and_gb18030_read_like_utf8(shop, write):
    text = "订单号,客户编号,下单时间,金额\nA-1,客户一,2026年3月1日 09:30,19.90\n"

    for name, encoding in [("a.csv", "utf-8-sig"), ("b.csv", "utf-16"), ("c.csv", "gb18030"), ("d.csv", "utf-8")]:
        shop.take(write(text, name, encoding))

    assert {(r["order_id"], r["customer_id"], r["amount_minor"], str(r["ordered_at"])) for r in shop.rows()} == {
        ("A-1", "客户一", 1990, "2026-03-01 01:30:00+00:00")
    }
    assert len(shop.rows()) == 4


def test_an_encoding_that_is_named_wins_and_must_fit(shop, write):
    path = write("order_id,customer_id,ordered_at,amount\nA-1,陳,2026-03-01,5\n", encoding="big5")

    shop.take(path, encoding="big5")
    with pytest.raises(TenureError, match="does not read as utf-8: byte"):
        shop.take(path, encoding="utf-8")

    assert shop.rows()[0]["customer_id"] == "陳"


def test_a_broken_line_of_json_is_rejected_alone(shop, write):
    path = write(
        '{"order_id":"A-1","customer_id":"C-1","ordered_at":"2026-03-01","amount":19.90,"tags":{"a":[1]}}\n'
        '{"order_id":"A-2",\n\n'
        '{"order_id":"A-3","customer_id":"C-1","ordered_at":"2026-03-01","amount":0.1}\n',
        "shop.jsonl",
    )

    report = shop.take(path)

    assert [(row["row"], row["amount_minor"]) for row in shop.rows()] == [(1, 1990), (4, 10)]
    assert shop.rows()[0]["extra"] == '{"tags": "{\\"a\\": [1]}"}'
    assert [line["reject_row"] for line in rejects(report)] == ["2"]


def test_an_excel_sheet_is_named_where_there_are_several(shop, tmp_path):
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["order_id", "customer_id", "ordered_at", "amount"])
    book.active.append(["A-1", 17850, np.datetime64("2026-03-01T09:30").item(), 19.9])
    other = book.create_sheet("Notes")
    other.append(["just text"])
    path = tmp_path / "shop.xlsx"
    book.save(path)

    with pytest.raises(TenureError, match=r"several sheets: Sheet, Notes\. Say which"):
        shop.take(path)
    with pytest.raises(TenureError, match='no sheet "Orders"'):
        shop.take(path, sheet="Orders")
    shop.take(path, sheet="Sheet")

    (row,) = shop.rows()
    assert (row["customer_id"], row["amount_minor"], str(row["ordered_at"])) == (
        "17850", 1990, "2026-03-01 01:30:00+00:00",
    )  # fmt: skip


def test_formulas_without_saved_results_are_not_read_as_blanks(shop, tmp_path):
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["order_id", "ordered_at", "amount"])
    book.active.append(["A-1", "2026-03-01", "=1+1"])
    path = tmp_path / "shop.xlsx"
    book.save(path)

    with pytest.raises(TenureError, match="results were never saved, first in C2"):
        shop.take(path)


@pytest.mark.parametrize("name", ["photo.xlsx", "photo.parquet"])
def test_a_photo_by_any_other_name_is_no_table(shop, write, name):
    with pytest.raises(TenureError, match="can't be read as"):
        shop.take(write(b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40, name))

    assert shop.is_untouched


@pytest.mark.parametrize("how", ["appended to", "written over", "replaced", "deleted"])
def test_a_file_that_changes_while_it_is_read_is_refused(shop, write, how):
    path = write(GOOD)
    before = path.stat()

    def meddle(done: int, total: int) -> None:
        if how == "appended to":
            with path.open("a") as file:
                file.write("A-3,C-3,2026-03-03,7\n")
        elif how == "written over":
            # The same size and the same time of change: only the content tells.
            path.write_text(GOOD.replace("19.90", "91.90"))
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        elif how == "replaced":
            other = path.with_suffix(".new")
            other.write_text(GOOD)
            other.replace(path)
        else:
            path.unlink()

    with pytest.raises(FileChangedError, match="changed while it was read"):
        shop.take(path, progress=meddle)

    assert shop.is_untouched


def test_rows_lost_on_the_way_fail_the_batch(shop, write, monkeypatch):
    decide = running.decide
    monkeypatch.setattr(running, "decide", lambda *given: decide(*given).slice(1))

    with pytest.raises(ReconciliationError, match="2 accepted, 1 stored"):
        shop.take(write(GOOD))

    assert shop.is_untouched


def test_money_lost_on_the_way_fails_the_batch(shop, write, monkeypatch):
    convert = ahead.convert

    def lossy(plan, chunk):
        found = convert(plan, chunk)
        kept = found.columns["amount_minor"]

        class Forgetful(dict):
            def values(self):  # what is handed on is a cent short of what was read
                return [pc.subtract(v, 1) if v is kept else v for v in super().values()]

        found.columns = Forgetful(found.columns)
        return found

    monkeypatch.setattr(ahead, "convert", lossy)

    with pytest.raises(ReconciliationError, match="minor units read"):
        shop.take(write(GOOD))

    assert shop.is_untouched


def test_rows_the_reader_passes_over_fail_the_batch(shop, write, monkeypatch):
    from tenure.sources.csv import CsvReader

    chunks = CsvReader.chunks

    def forgetful(self, only=None):
        for chunk in chunks(self, only):
            yield type(chunk)(chunk.batch.slice(1), chunk.rows[1:], chunk.broken, chunk.blank)

    monkeypatch.setattr(CsvReader, "chunks", forgetful)

    with pytest.raises(ReconciliationError, match="2 in the file, 1 read"):
        shop.take(write(GOOD))


def test_the_reject_file_runs_no_formulas_and_goes_in_again_once_mended(shop, write):
    path = write(
        "order_id,customer_id,ordered_at,amount,note\n"
        'A-7,C-1,2026-03-01,1,first\nA-7,C-1,soon,2,"=HYPERLINK(""x"")"\nA-7,C-1,2026-03-01,-3,third\n'
    )

    report = shop.take(path)
    (line,) = rejects(report)
    mended = write(
        report.reject_file.read_text(encoding="utf-8-sig").replace(",soon,2,", ",2026-03-01,2,"), "mended.csv"
    )
    shop.take(mended)

    assert line["note"] == '\'=HYPERLINK("x")'
    assert line["line_no"] == "2"
    assert sorted((r["line_no"], r["amount_minor"], r["extra"]) for r in shop.rows()) == [
        (1, 100, '{"note": "first"}'),
        (2, 200, '{"note": "=HYPERLINK(\\"x\\")"}'),
        (3, -300, '{"note": "third"}'),
    ]


def test_five_hundred_columns_are_read_and_more_than_any_table_has_are_refused(shop, write):
    names = ",".join(f"field {n}" for n in range(500))
    cells = ",".join(str(n) for n in range(500))
    report = shop.take(write(f"order_id,ordered_at,amount,{names}\nA-1,2026-03-01,5,{cells}\n"))

    assert len(report.unmapped) == 500
    assert '"field 499": "499"' in shop.rows()[0]["extra"]
    with pytest.raises(TenureError, match=r"has 2,500 columns; at most 2,000 are read"):
        shop.take(write(",".join(f"c{n}" for n in range(2_500)) + "\n"))


@pytest.mark.parametrize("inside", ["", '"'])
def test_a_line_without_end_is_refused_before_it_is_held(shop, write, monkeypatch, inside):
    monkeypatch.setattr(csv_source, "BLOCK", 1 << 20)
    monkeypatch.setattr(encodings, "BLOCK", 1 << 18)
    path = write(GOOD + "A-3," + inside + "x" * (3 << 20))

    with pytest.raises(TenureError, match=r"has a line longer than 1 MB, line 4\. Is it a table at all"):
        shop.take(path)

    assert shop.is_untouched


@pytest.mark.soak
def test_a_line_of_two_gigabytes_needs_no_two_gigabytes_of_memory(tmp_path):
    path = tmp_path / "long.csv"
    with path.open("wb") as file:
        file.write(GOOD.encode())
        for _ in range(32):
            file.write(b"x" * (64 << 20))
    told = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from tenure.errors import TenureError\n"
        "from tenure.sources.csv import CsvReader, Options\n"
        "try:\n    CsvReader(Path(sys.argv[1]), Options())\n"
        "except TenureError as error:\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10, error)\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", told, str(path)], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src"), "TENURE_LANG": "en"},
    )  # fmt: skip

    path.unlink()
    megabytes, said = ended.stdout.split(" ", 1)
    assert "has a line longer than 8 MB, line 4" in said
    assert int(megabytes) < 1_000, ended.stdout


def test_formulas_in_a_text_file_are_text_and_never_numbers(shop, write):
    path = write(
        "order_id,ordered_at,amount,product_name\nA-1,2026-03-01,=1+1,a\nA-2,2026-03-01,2,=cmd|' /C calc'!A0\n"
    )

    report = shop.take(path)

    assert [(r.line, r.column, r.value) for r in report.rejects] == [(2, "amount", "=1+1")]
    assert shop.rows()[0]["product_name"] == "=cmd|' /C calc'!A0"


def sheet_of(path, rows, **given):
    from openpyxl import Workbook

    book = Workbook()
    for row in rows:
        book.active.append(row)
    for name, value in given.items():
        setattr(book, name, value)
    book.save(path)
    return path


ORDER = [["order_id", "ordered_at", "amount"], ["A-1", "2026-03-01", 5]]


def test_a_workbook_that_would_unpack_to_too_much_is_refused(shop, tmp_path, monkeypatch):
    path = sheet_of(tmp_path / "bomb.xlsx", [*ORDER, *([["A-2", "2026-03-01", "0" * 1000]] * 100)])
    monkeypatch.setattr(excel_source, "_MOST_UNPACKED", 20_000)

    with pytest.raises(TenureError, match="more than a workbook can hold"):
        shop.take(path)
    with pytest.raises(TenureError, match="more than a workbook can hold"):
        look(path)


def test_a_workbook_that_lies_about_its_size_is_refused(shop, tmp_path):
    path = sheet_of(tmp_path / "liar.xlsx", ORDER)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    at = content.rfind(b"xl/worksheets/sheet1.xml")  # in the list of contents, 46 bytes after its beginning
    assert int.from_bytes(content[at - 22 : at - 18], "little") == size
    content[at - 22 : at - 18] = (10).to_bytes(4, "little")
    path.write_bytes(content)

    with pytest.raises(TenureError, match=r"says that xl/worksheets/sheet1\.xml unpacks to 10 bytes"):
        shop.take(path)


def test_a_locked_workbook_says_how_to_unlock_it(shop, write):
    # A locked .xlsx is an older kind of container, with the workbook in it as a part of this name.
    path = write(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000) + "EncryptedPackage".encode("utf-16-le"), "locked.xlsx"
    )

    with pytest.raises(TenureError, match=r"is locked with a password.* take the password off"):
        shop.take(path)


def test_an_empty_sheet_is_told(shop, tmp_path):
    path = sheet_of(tmp_path / "empty.xlsx", [])

    for read in (shop.take, look):
        with pytest.raises(TenureError, match=r'Sheet "Sheet" of empty\.xlsx is empty'):
            read(path)


@pytest.mark.parametrize("cell", [datetime.fromisoformat("2026-03-01T09:30:00"), 46082.395833333 - 1462])
def test_a_workbook_that_counts_days_from_1904_is_read_right(shop, tmp_path, cell):
    from openpyxl.utils.datetime import CALENDAR_MAC_1904

    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    book.active.append(ORDER[0])
    book.active.append(["A-1", cell, 5])
    path = tmp_path / "mac.xlsx"
    book.save(path)

    shop.take(path)

    assert str(shop.rows()[0]["ordered_at"]) == "2026-03-01 01:30:00+00:00"


@pytest.mark.parametrize("left", ["nothing", "the list of batches"])
def test_a_lake_that_goes_away_in_the_middle_is_told_and_nothing_counts(shop, tmp_path, monkeypatch, left):
    monkeypatch.setattr("tenure.lake.batches._ROWS_A_WRITE", 100)
    monkeypatch.setattr(csv_source, "BLOCK", 1 << 12)
    path = tmp_path / "orders.csv"
    path.write_text(HEADER + "".join(f"A-{n},C-1,2026-03-01,1\n" for n in range(2_000)))
    gone = []

    def go_away(*_):
        if not gone and shop.lake.exists("received/orders"):
            gone.append(tmp_path / "gone")
            (shop.home / ("lake" if left == "nothing" else "lake/received")).rename(gone[0])

    # By chance the disk goes between two writes or within one.
    with pytest.raises(TenureError, match=r"are there, so nothing was imported|can't be written"):
        shop.take(path, progress=go_away)

    after = type(shop)(shop.home)
    assert gone
    assert after.rows() == []
    after.take(path, again=True)
    assert len(after.rows()) == 2_000
