"""New, changed or as they were: what an import makes of records that are there already, and how it finds them."""

import csv
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from tenure.errors import TenureError
from tenure.lake import SYSTEM
from tenure.sources.importing import import_table

FIRST = "customer_id,name,phone,email,city,updated_at\n" + (
    "C-1,Ann,138 0013 8000,ann@example.com,Hull,2026-01-01\n"
    "C-2,Bo,13900139000,bo@example.com,York,2026-01-01\n"
    "C-3,Cy,13700137000,,Bath,2026-01-01\n"
    "C-4,Di,13700137000,di@example.com,Bath,2026-01-01\n"
)
LATER = datetime(2026, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def customers(shop, write):
    shop.take(write(FIRST, "first.csv"), "customers")
    return shop


def rejects(report):
    with report.reject_file.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def names(shop):
    rows = shop.lake.to_arrow(shop.lake.current("customers")).sort_by("customer_id").to_pylist()
    return {row["customer_id"]: row["name"] for row in rows}


SECOND = "customer_id,name,city,updated_at\nC-1,Ann,Hull,2026-02-01\nC-2,Bob,York,2026-02-01\nC-9,Ed,Deal,2026-02-01\n"


@pytest.mark.parametrize("dry_run", [True, False])
def test_rows_are_counted_as_new_changed_or_as_they_were(customers, write, dry_run):
    report = customers.take(write(SECOND), "customers", dry_run=dry_run, now=LATER)

    assert (report.created, report.updated, report.unchanged, report.accepted) == (1, 1, 1, 3)
    assert {kind: [row["customer_id"] for row in rows] for kind, rows in report.samples.items()} == {
        "created": ["C-9"], "updated": ["C-2"], "unchanged": ["C-1"],
    }  # fmt: skip
    assert report.samples["updated"][0]["name"] == "Bob"
    assert "Of these 1 new, 1 changed, 1 as they were." in report.summary()


def test_what_was_taken_back_is_new_again(customers, write):
    customers.lake.undo(customers.lake.batches()[0].batch, now=LATER)

    report = customers.take(write(SECOND), "customers", now=LATER)

    assert (report.created, report.updated, report.unchanged) == (3, 0, 0)


def test_the_numbers_of_another_source_are_other_records(customers, write):
    report = customers.take(write(SECOND), "customers", source="web", now=LATER)
    same = customers.take(write(SECOND), "customers", source="till", ids_of="main", now=LATER)

    assert (report.created, report.updated) == (3, 0)
    assert (same.created, same.updated, same.unchanged) == (1, 1, 1)


def test_the_mode_create_refuses_what_is_there(customers, write):
    report = customers.take(write(SECOND), "customers", mode="create", now=LATER)

    assert (report.accepted, report.created, report.rejected) == (1, 1, 2)
    assert [(r.row, r.line, r.value, r.reason) for r in report.rejects] == [
        (1, 2, "C-1", "customer_id C-1 is in already, and only new records were to be created"),
        (2, 3, "C-2", "customer_id C-2 is in already, and only new records were to be created"),
    ]
    assert rejects(report)[0]["reject_remedy"] == "Take the row out, or import with the mode upsert"
    assert names(customers)["C-2"] == "Bo"


def test_the_mode_update_refuses_what_is_not_there(customers, write):
    report = customers.take(write(SECOND), "customers", mode="update", now=LATER)

    assert (report.accepted, report.updated, report.unchanged, report.rejected) == (2, 1, 1, 1)
    assert report.rejects[0].reason == "there is no customer_id C-9 to update"
    assert names(customers) == {"C-1": "Ann", "C-2": "Bob", "C-3": "Cy", "C-4": "Di"}


def test_a_mode_that_does_not_exist_is_told(customers, write):
    with pytest.raises(TenureError, match=r'no mode "replace".*upsert, create, update'):
        customers.take(write(SECOND), "customers", mode="replace")


def test_a_row_finds_its_record_by_phone_or_email_in_standard_form(customers, write):
    path = write(
        "name,phone,email\nAnna,+86 138-0013-8000,\nBob,, BO@Example.com \nFay,13600136000,fay@example.com\n",
        "list.csv",
    )

    report = customers.take(path, "customers", match_on=["phone", "email"], now=LATER)

    assert (report.created, report.updated, report.rejected) == (1, 2, 0)
    new = f"{report.fingerprint[:8]}-3"
    assert names(customers) == {"C-1": "Anna", "C-2": "Bob", "C-3": "Cy", "C-4": "Di", new: "Fay"}


def test_a_row_that_fits_more_than_one_record_is_rejected_with_their_numbers(customers, write):
    path = write("name,phone,email\nX,13700137000,\nY,13800138000,bo@example.com\nAnna,13800138000,\n")

    report = customers.take(path, "customers", match_on=["phone", "email"], now=LATER)

    assert (report.accepted, report.rejected) == (1, 2)
    assert [(r.column, r.value, r.reason) for r in report.rejects] == [
        ("phone", "13700137000", "“13700137000” is found with more than one record: C-3, C-4"),
        ("email", "bo@example.com", "“bo@example.com” is found with more than one record: C-1, C-2"),
    ]


def test_a_row_of_the_same_file_is_found_by_a_later_one(customers, write):
    path = write(
        "customer_id,name,phone,email,updated_at\n"
        "N-1,Gil,13500135000,,2026-01-01\n,Gill,135 0013 5000,gil@example.com,2026-01-02\n"
        ",Gilly,,gil@example.com,2026-01-03\n,Gil,13500135000,,2026-01-03\n"
    )

    report = customers.take(path, "customers", match_on=["phone", "email"], now=LATER)

    assert names(customers)["N-1"] == "Gilly"
    assert (report.created, report.rejected) == (3, 1)
    assert report.rejects[0].reason == "the same key and time as row 3, which was taken"


def test_only_records_of_one_number_are_found_by_other_fields(shop, write):
    with pytest.raises(TenureError, match=r"orders are known by order_id \+ line_no alone"):
        shop.take(write("order_id,ordered_at,amount\nA-1,2026-03-01,5\n"), match_on=["customer_id"])
    with pytest.raises(TenureError, match=r"can't be matched on shoe_size\. Match on: customer_id, name, phone"):
        shop.take(write(FIRST), "customers", match_on=["shoe_size"])
    with pytest.raises(TenureError, match="no column for id_number, which rows are to be matched on"):
        shop.take(write(FIRST), "customers", match_on=["id_number"])


def table_in(shop, rows, contract="customers", **given):
    settings = {"source": "main", "zone": "Asia/Shanghai", "currency": "CNY", "now": LATER}
    return import_table(shop.lake, rows, contract, **{**settings, **given})


def test_rows_in_memory_go_in_as_a_files_rows_do(customers):
    rows = pa.table(
        {
            "customer_id": ["C-1", "C-2", "C-9", None],
            "name": ["Ann", "Bob", "Ed", "Nobody"],
            "birth_date": pa.array(["1990-01-01", None, None, None]).cast(pa.date32()),
        }
    )

    report = table_in(customers, rows, name="api")

    assert (report.created, report.updated, report.unchanged, report.rejected) == (1, 2, 0, 1)
    assert (report.kind, report.reject_file, report.rejects[0].reason) == ("table", None, "customer_id is blank")
    assert customers.lake.batches()[-1].file == "api"
    assert names(customers) == {"C-1": "Ann", "C-2": "Bob", "C-3": "Cy", "C-4": "Di", "C-9": "Ed"}


def test_rows_in_memory_may_come_twice_and_say_nothing_new(customers):
    rows = pa.table({"customer_id": ["C-1", "C-2"], "name": ["Ann", "Bob"]})

    table_in(customers, rows)
    report = table_in(customers, rows)

    assert (report.updated, report.unchanged) == (0, 2)


def test_orders_in_memory_are_told_apart_by_order_and_line(shop):
    rows = pa.table(
        {"order_id": ["A", "A", "B"], "ordered_at": ["2026-03-01"] * 3, "amount": [1.5, 2, 3], "line_no": [1, 2, 1]}
    )
    table_in(shop, rows, "orders")

    report = table_in(shop, rows.set_column(2, "amount", pa.array([1.5, 2, 4])), "orders", now=LATER + DAY)
    numbered = table_in(shop, rows.drop(["line_no"]), "orders", dry_run=True)

    assert (report.created, report.updated, report.unchanged) == (0, 1, 2)
    assert (numbered.updated, numbered.unchanged) == (1, 2)


def test_no_rows_are_no_import(shop):
    with pytest.raises(TenureError, match="There are no rows to import"):
        table_in(shop, pa.table({"customer_id": pa.array([], pa.string())}))


def test_many_small_imports_keep_the_list_of_batches_in_few_files(shop, monkeypatch):
    from tenure.lake.store import Store

    compact = Store.compact
    monkeypatch.setattr(Store, "compact", lambda self, name: compact(self, name, files=6))
    for n in range(6):
        table_in(shop, pa.table({"customer_id": [f"C-{n}"]}))

    assert len(shop.lake.store.files("batches")[0]) <= 6
    assert [info.state for info in shop.lake.batches()] == ["committed"] * 6
    assert shop.lake.to_arrow(shop.lake.read("received/customers", actor=SYSTEM)).num_rows == 6
