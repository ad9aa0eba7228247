"""The import at its promised interface: what a clean file becomes, row by row."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from tenure.contracts import CONTRACTS
from tenure.errors import TenureError

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def test_amount_kind_and_line_are_worked_out_where_the_file_lacks_them(shop, write):
    path = write(
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        "489434,85048,LIGHTS,12,2009-12-01 07:45:00,6.95,13085,United Kingdom\n"
        "C489449,22087,PAPER BUNTING,-3,2009-12-01 10:33:00,2.345,,Australia\n"
        "489434,79323P,PINK LIGHTS,0.5,2009-12-01 07:45:00,6.75,13085,United Kingdom\n"
    )

    report = shop.take(path)

    wanted = ("order_id", "line_no", "customer_id", "amount_minor", "kind", "unit_price", "row", "extra")
    assert [tuple(row[name] for name in wanted) for row in shop.rows()] == [
        ("489434", 1, "13085", 8340, "sale", Decimal("6.950000"), 1, None),
        ("C489449", 1, None, -704, "refund", Decimal("2.345000"), 2, None),  # 7.035 to the even cent
        ("489434", 2, "13085", 338, "sale", Decimal("6.750000"), 3, None),  # 3.375 to the even cent
    ]
    assert (report.refunds, report.rounded, report.sums) == (1, 2, {"amount_minor": 8340 - 704 + 338})
    assert shop.lake.batches()[0].columns >= {"line_no", "amount_minor", "kind"}


def test_lines_of_an_order_are_numbered_across_chunks(shop, tmp_path):
    path = tmp_path / "long.csv"
    count = 250_000  # several blocks of the reader
    padding = "x" * 60
    with path.open("w") as file:
        file.write("order_id,ordered_at,amount,product_name\n")
        file.writelines(f"A-{n % 1000},2026-03-01,1,{padding}\n" for n in range(count))

    shop.take(path)

    table = shop.table()
    assert table["line_no"].to_pylist() == [n // 1000 + 1 for n in range(count)]
    assert table["row"].to_pylist() == list(range(1, count + 1))


def test_money_is_whole_minor_units_of_the_rows_own_currency(shop, write):
    path = write(
        "order_id,ordered_at,amount,currency\n"
        "A-1,2026-03-01,1234,JPY\nA-2,2026-03-01,1.2345,KWD\nA-3,2026-03-01,1.005,\nA-4,2026-03-01,2.5,jpy\n"
        "A-5,2026-03-01,1.5,pounds\n"
    )

    report = shop.take(path)

    assert [(row["amount_minor"], row["currency"]) for row in shop.rows()] == [
        (1234, "JPY"), (1234, "KWD"), (100, None), (2, "JPY"),
    ]  # fmt: skip
    assert (report.rounded, report.rejected, report.currency) == (3, 1, None)


def test_money_in_a_foreign_sign_without_a_column_of_currencies_is_rejected(shop, write):
    report = shop.take(write("order_id,ordered_at,amount\nA-1,2026-03-01,€5\nA-2,2026-03-01,¥5\n"))

    assert (report.accepted, report.rejected) == (1, 1)


def test_times_without_a_zone_are_read_in_the_workspaces_zone(shop, write):
    path = write(
        "order_id,ordered_at,amount\n"
        "gap,2026-03-29 01:30:00,1\noverlap,2026-10-25 01:30:00,1\nfixed,2026-07-01T12:00:00+02:00,1\n"
    )

    shop.take(path, zone="Europe/London")

    assert [str(row["ordered_at"])[:16] for row in shop.rows()] == [
        "2026-03-29 01:00",  # the first moment after the gap
        "2026-10-25 00:30",  # the earlier of the two
        "2026-07-01 10:00",
    ]


def test_a_wide_file_becomes_a_snapshot_whose_outcome_is_not_among_its_columns(shop, write):
    path = write("customerID,gender,tenure,Churn\n7590,Female,1,No\n5575,Male,34,yes\n3668,Male,,\n", "telco.csv")

    report = shop.take(path, "snapshot", id_column="customerID", outcome="Churn=Yes")

    assert [(r["customer_id"], r["outcome"], r["extra"]) for r in shop.rows("snapshot")] == [
        ("7590", False, '{"gender": "Female", "tenure": "1"}'),
        ("5575", True, '{"gender": "Male", "tenure": "34"}'),
        ("3668", None, '{"gender": "Male", "tenure": null}'),
    ]
    assert report.unmapped == ("gender", "tenure")


def test_an_outcome_that_never_happens_is_a_mistake(shop, write):
    path = write("customerID,Churn\n7590,No\n5575,Ja\n")

    with pytest.raises(TenureError, match='No row has Churn = "Yes"'):
        shop.take(path, "snapshot", id_column="customerID", outcome="Churn=Yes")

    assert shop.lake.batches()[-1].state == "abandoned"


def test_a_period_takes_its_first_instant_and_leaves_its_last(shop, write):
    path = write(
        "order_id,ordered_at,amount\n"
        "A-1,2026-02-28 23:59:59,1\nA-2,2026-03-01,1\nA-3,2026-03-31 23:59:59,oops\nA-4,2026-03-31,1\nA-5,2026-04-01,oops\n"
    )

    report = shop.take(path, since=date(2026, 3, 1), before="2026-04-01")

    assert [row["order_id"] for row in shop.rows()] == ["A-2", "A-4"]
    assert (report.read, report.accepted, report.rejected, report.left_out) == (5, 2, 1, 2)


def test_a_period_nothing_lies_in_imports_nothing(shop, write):
    with pytest.raises(TenureError, match=r"No row of shop\.csv lies in the period"):
        shop.take(write("order_id,ordered_at,amount\nA-1,2026-02-28,1\n"), since="2027-01-01")

    assert shop.is_untouched


def test_a_dry_run_says_the_same_and_leaves_no_trace_in_the_lake(shop, write):
    path = write("order_id,ordered_at,amount\nA-1,2026-02-28,1\nA-2,soon,1\n")

    dry = shop.take(path, dry_run=True)
    wet = shop.take(path)

    assert (dry.batch, dry.accepted, dry.rejected, dry.sums) == (None, 1, 1, wet.sums)
    assert len(shop.lake.batches()) == 1
    assert "This was a dry run: nothing was imported." in dry.summary()


def test_files_without_an_order_number_are_numbered_by_row(shop, write):
    path = write("customer_id,date,quantity,spend\n1,1997-01-01,1,11.77\n2,1997-01-12,1,12.00\n", "cdnow.csv")

    with pytest.raises(TenureError, match="Or number the rows with --map row=order_id"):
        shop.take(path)
    shop.take(path, mapping={"row": "order_id", "spend": "amount"})

    assert [(r["order_id"], r["line_no"], r["amount_minor"]) for r in shop.rows()] == [
        ("cdnow-1", 1, 1177),
        ("cdnow-2", 1, 1200),
    ]


def test_typed_columns_of_parquet_need_no_text_in_between(shop, tmp_path):
    path = tmp_path / "shop.parquet"
    table = pa.table(
        {
            "order_id": pa.array([1, 2], pa.int32()),
            "customer_id": pa.array([17850.0, None]),
            "ordered_at": pa.array(["2026-03-01", "2026-03-02"]).cast(pa.timestamp("ns")),
            "amount": pa.array([0.1 + 0.2, 2.675]),
            "vip": pa.array([True, None]),
            "weight": pa.array([0.5, float("nan")]),
            "tags": pa.array([["a"], None]),
        }
    )
    pa.parquet.write_table(table, path)

    report = shop.take(path)

    assert [(r["order_id"], r["customer_id"], r["amount_minor"], r["extra"]) for r in shop.rows()] == [
        ("1", "17850", 30, '{"vip": true, "weight": 0.5, "tags": ["a"]}'),
        ("2", None, 268, '{"vip": null, "weight": null, "tags": null}'),
    ]
    assert report.rounded == 2


def test_the_report_tells_guesses_from_what_a_person_said(shop, write):
    path = write("订单号,when,金额,备注\nA-1,2026-03-01,5,急\n")

    report = shop.take(path, mapping=["when=ordered_at"])

    assert dict(report.mapping) == {"order_id": "订单号", "ordered_at": "when", "amount_minor": "金额"}
    assert (report.given, report.guessed) == ({"ordered_at"}, {"order_id", "amount_minor"})
    assert (report.unmapped, report.delimiter, report.encoding) == (("备注",), ",", "utf-8")
    assert report.summary()[0] == "shop.csv: 1 rows read = 1 accepted + 0 rejected + 0 left out."


def test_records_that_no_column_ties_to_a_customer_are_said_to_be_nobody_s(shop, write):
    nobody = shop.take(write("order_id,date,spend\nA-1,2026-01-05,10\n"), mapping={"spend": "amount"})
    known = shop.take(write("order_id,date,amount,customer_id\nA-2,2026-01-05,10,C-1\n", "more.csv"))

    assert "--map COLUMN=customer_id" in " ".join(nobody.summary())
    assert "--map COLUMN" not in " ".join(known.summary())


def test_a_batch_can_be_undone(shop, write):
    report = shop.take(write("order_id,ordered_at,amount\nA-1,2026-03-01,5\n"))

    shop.lake.undo(report.batch, now=datetime(2026, 5, 1, tzinfo=UTC))

    assert shop.rows() == []


def test_progress_ends_at_all_rows(shop, write):
    told = []

    shop.take(
        write("order_id,ordered_at,amount\nA-1,2026-03-01,5\n\nA-2,2026-03-01,5\n"), progress=lambda *n: told.append(n)
    )

    assert told[-1] == (3, 3)


def test_a_codes_words_are_understood_in_both_languages(shop, write):
    path = write(
        "order_id,ordered_at,amount,status\nA,2026-03-01,5,已取消\nB,2026-03-01,5,Pending\nC,2026-03-01,5,lost\n"
    )

    report = shop.take(path)

    assert [row["status"] for row in shop.rows()] == ["cancelled", "pending"]
    assert report.rejected == 1


needs_data = pytest.mark.skipif(not DATA.exists(), reason=f"the public data sets are not at {DATA.name}")


@pytest.mark.data
@needs_data
def test_online_retail_halves_join_without_their_overlap(shop):
    first = shop.take(DATA / "online_retail" / "online_retail_2009_2010.parquet", zone="Europe/London", currency="GBP",
                      before="2010-12-01")  # fmt: skip
    second = shop.take(DATA / "online_retail" / "online_retail_2010_2011.parquet", zone="Europe/London", currency="GBP")

    assert (first.read, first.left_out, second.read) == (525_461, 22_523, 541_909)
    assert (first.rejected, second.rejected) == (0, 0)
    assert second.accepted == 541_909
    # Quantity times price over the published second half: 9,747,747.93 pounds.
    assert second.sums["amount_minor"] == 974_774_793


@pytest.mark.data
@needs_data
def test_cdnow_comes_to_its_published_sum(shop):
    report = shop.take(
        DATA / "cdnow" / "cdnow_master.parquet", currency="USD", zone="America/New_York",
        mapping=["row=order_id", "spend=amount"],
    )  # fmt: skip

    assert (report.accepted, report.sums["amount_minor"]) == (69_659, 250_031_563)


@pytest.mark.data
@needs_data
def test_telco_has_1869_customers_who_left(shop):
    shop.take(DATA / "telco_churn" / "telco_classic.parquet", "snapshot", id_column="customerID", outcome="Churn=Yes")

    outcomes = shop.table("snapshot")["outcome"].to_pylist()
    assert (len(outcomes), sum(outcomes)) == (7_043, 1_869)


@pytest.mark.parametrize("name", list(CONTRACTS))
def test_the_template_of_every_contract_goes_in_as_it_is(shop, write, name):
    report = shop.take(write(CONTRACTS[name].template), name)

    assert (report.accepted, report.rejected, report.unmapped) == (1, 0, ())
    assert set(report.mapping) == set(CONTRACTS[name].names)


@pytest.mark.parametrize("name", list(CONTRACTS))
def test_chinese_headers_are_recognised_for_every_contract(shop, write, name):
    contract = CONTRACTS[name]
    header = ",".join(column.words.zh for column in contract.columns)
    path = write(header + "\n" + contract.template.splitlines()[1] + "\n", encoding="gb18030")

    report = shop.take(path, name)

    assert set(report.mapping) == set(contract.names)
    assert report.encoding == "gb18030"


def test_broken_rows_at_the_end_of_a_file_are_not_lost(shop, write):
    report = shop.take(write("order_id,ordered_at,amount\nA-1,2026-03-01,5\nA-2\n\nA-3\n"))

    assert (report.read, report.accepted, report.rejected, report.blank) == (3, 1, 2, 1)


def test_five_hundred_columns_are_kept(shop, write):
    names = [f"c{n}" for n in range(500)]
    path = write(
        "order_id,ordered_at," + ",".join(names) + "\nA-1,2026-03-01," + ",".join(str(n) for n in range(500)) + "\n"
    )

    shop.take(path)

    assert json.loads(shop.rows()[0]["extra"]) == {f"c{n}": str(n) for n in range(500)}


@pytest.mark.parametrize(
    ("rows", "once"),
    [
        ("A,1,2026-03-01,1\nA,2,2026-03-01,1\nB,1,2026-03-01,1\n", True),
        ("A,1,2026-03-01,1\nA,1,2026-03-02,3\nB,1,2026-03-01,1\n", False),
        ("A,1,2026-03-01,1\nA,1,2026-03-01,3\nB,1,2026-03-01,1\n", True),  # the second is rejected
    ],
)
def test_a_batch_knows_whether_each_of_its_keys_comes_once(shop, write, rows, once):
    shop.take(write("order_id,line_no,ordered_at,amount\n" + rows))

    (info,) = shop.lake.batches()
    current = shop.lake.to_arrow(shop.lake.current("orders")).to_pylist()
    assert info.report["each_key_once"] is once
    keys = [(row["order_id"], row["line_no"]) for row in current]
    assert len(keys) == len(set(keys))
    assert {(row["order_id"], row["line_no"]): row["amount_minor"] for row in current}["A", 1] == (100 if once else 300)


def test_a_batch_whose_lines_were_numbered_has_each_key_once(shop, write):
    shop.take(write("order_id,ordered_at,amount\nA,2026-03-01,1\nA,2026-03-02,1\n"))

    assert shop.lake.batches()[0].report["each_key_once"] is True
    assert shop.lake.to_arrow(shop.lake.current("orders")).num_rows == 2
