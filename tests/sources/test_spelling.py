"""Misspelt values: found where a person would nod, left alone where not, mended for all rows with the original beside."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from tenure.errors import TenureError
from tenure.sources.spelling import Known, checked, corrections_of, find, form, is_slip, slips, suspects

CRM = Path(__file__).resolve().parents[3] / "shared" / "data" / "crm_sales"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("technolgy", "technology"), ("Philipines", "Philippines"), ("marketting", "marketing"), ("finnace", "finance"),
        ("GTX Plus Basci", "GTX Plus Basic"), ("telecomunicatons", "telecommunications"), ("大客户事业部二", "大客户事业部 二"),
    ],
)  # fmt: skip
def test_a_slip_of_the_keys_is_known_for_one(left, right):
    assert is_slip(left, right) or form(left) == form(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("GTK 500", "GTK 550"), ("East", "West"), ("North East", "North West"), ("华东一区", "华东二区"), ("华东", "华北"),
        ("Austria", "Australia"), ("Iran", "Iraq"), ("import", "export"), ("A-", "A+"), ("1.5", "15"), ("C", "C++"),
        ("Southeast", "Southwest"), ("hardware", "software"), ("GTX Plus Pro", "GTX Pro"), ("男", "女"),
    ],
)  # fmt: skip
def test_two_things_with_like_names_stay_two(left, right):
    assert not is_slip(left, right)
    assert form(left) != form(right)


def test_slips_are_counted_by_key():
    assert [slips(*pair) for pair in (("", "ab"), ("abc", "acb"), ("abc", "abc"), ("kitten", "sitting"))] == [
        2,
        1,
        0,
        3,
    ]


def test_the_rare_one_of_two_is_suspected_and_equals_are_not():
    counts = {"enterprise": 900, "enterprize": 8, "Konexa": 40, "Konexo": 41, "e-mail": 70, "email": 30}

    found = {one.value: (one.better, one.rows, one.among, one.how) for one in suspects("kind", counts)}

    assert found == {
        "enterprize": ("enterprise", 8, 900, "slip"),
        "email": ("e-mail", 30, 70, "form"),
    }


def test_a_value_near_to_two_things_is_left_to_people():
    known = [Known("products", frozenset({"Tea Box A-line", "Tea Box B-line"}))]

    assert suspects("product", {"Tea Box line": 500}, known) == []


def test_a_column_of_names_or_numbers_is_no_list_of_words():
    rows = [f"Customer {n:05d}" for n in range(5000)] + ["Custommer 00001"]

    assert find([pa.record_batch({"title": rows})], {}) == []


def test_columns_that_hold_people_are_passed_over():
    rows = ["Jon Smithson"] * 100 + ["Jon Smithsen"]

    assert find([pa.record_batch({"who": rows})], {"name": "who"}) == []
    assert [one.value for one in find([pa.record_batch({"who": rows})], {})] == ["Jon Smithsen"]


@pytest.mark.data
def test_in_the_sales_records_all_faults_are_found_and_nothing_else():
    read = {path.stem: pa.parquet.read_table(path) for path in sorted(CRM.glob("*.parquet"))}
    products = Known("products", frozenset(read["products"]["product"].to_pylist()))

    found = {
        (name, one.column, one.value, one.better, one.rows)
        for name, table in read.items()
        for one in find(table.to_batches(), {}, {"product": [products]} if name == "sales_pipeline" else {})
    }

    assert found == {
        ("accounts", "sector", "technolgy", "technology", 12),
        ("accounts", "office_location", "Philipines", "Philippines", 1),
        ("sales_pipeline", "product", "GTXPro", "GTX Pro", 1480),
    }


def test_mended_values_are_read_as_meant_and_kept_as_received(shop, write):
    path = write(
        "order_id,ordered_at,amount,product,note\n"
        "A-1,2026-03-01,1,GTXPro,x\nA-2,2026-03-01,1, GTX Pro,GTXPro\nA-3,2026-03-01,1,,x\n"
    )

    report = shop.take(path, corrections={"product": {"GTXPro": "GTX Pro"}, "nowhere": {"a": "b"}})

    rows = shop.rows()
    assert [row["product_id"] for row in rows] == ["GTX Pro", "GTX Pro", None]
    assert [json.loads(row["extra"]).get("product (original)") for row in rows] == ["GTXPro", None, None]
    assert [json.loads(row["extra"])["note"] for row in rows] == ["x", "GTXPro", "x"]
    assert (report.accepted, report.rejected) == (3, 0)


def test_a_file_with_mended_values_still_rejects_what_cannot_be_read(shop, write):
    path = write("order_id,ordered_at,amount,product\nA-1,2026-03-01,1,GTXPro\nA-2,soon,1,GTXPro\nA-3,2026-03-01\n")

    report = shop.take(path, corrections={"product": {"GTXPro": "GTX Pro"}})

    assert (report.read, report.accepted, report.rejected) == (3, 1, 2)


def test_what_is_meant_is_not_itself_mended():
    with pytest.raises(TenureError, match="both what is meant and what is mended"):
        checked({"product": {"a": "b", "b": "c"}})
    assert checked({"product": {"a": "a"}}) == {}
    known = [Known("products", frozenset({"GTX Pro"}))]
    assert corrections_of(suspects("product", {"GTXPro": 5}, known)) == {"product": {"GTXPro": "GTX Pro"}}
