"""How good the records are, counted by hand and by rule."""

from datetime import UTC, date, datetime, timedelta

import ibis
import pyarrow as pa
import pytest

from tenure.contracts import CONTRACTS
from tenure.insight import quality
from tenure.insight.quality import Told

NOW = datetime(2026, 3, 2, tzinfo=UTC)
MARCH, FEBRUARY = date(2026, 3, 1), date(2026, 2, 1)


def records(contract, *rows):
    schema = pa.schema([*CONTRACTS[contract].records_schema, pa.field("month", pa.date32())])
    full = [{"source": "shop", "ids_of": "shop", "month": MARCH, "valid_at": NOW, **row} for row in rows]
    return ibis.memtable(pa.Table.from_pylist([{n: row.get(n) for n in schema.names} for row in full], schema=schema))


def measured(contract, *rows):
    return (
        quality.measure(records(contract, *rows), CONTRACTS[contract], NOW)
        .order_by("source", "month")
        .execute()
        .to_dict("records")
    )


def test_what_is_missing_wrong_and_only_noted_is_counted_by_source_and_month():
    february, march = measured(
        "customers",
        {"customer_id": "1", "phone": "x", "phone_fault": "", "month": FEBRUARY},
        {"customer_id": "2", "phone": "x", "phone_fault": "no_area_code"},
        {"customer_id": "3", "phone": "x", "phone_fault": "several"},
        {"customer_id": "4"},
        {"customer_id": "5", "phone": "x"},
    )

    assert (february["rows"], february["phone__missing"], february["phone__no_area_code"]) == (1, 0, 0)
    assert march["rows"] == 4
    assert {code: march[f"phone__{code}"] for code in ("missing", "no_area_code", "several", "unseen")} == {
        "missing": 1, "no_area_code": 1, "several": 1, "unseen": 1,
    }  # fmt: skip


def test_what_happened_can_not_lie_ahead_and_what_is_due_may():
    later = NOW + timedelta(days=9)

    [orders] = measured("orders", {"order_id": "A", "line_no": 1, "ordered_at": later, "promised_at": later})
    assert orders["ordered_at__future"] == 1
    assert "promised_at__future" not in orders

    [payments] = measured("payments", {"payment_id": "A", "due_at": later, "paid_at": datetime(1900, 1, 1, tzinfo=UTC)})
    assert payments["paid_at__long_ago"] == 1
    assert "due_at__future" not in payments


def test_a_refund_may_be_negative_and_a_price_may_not():
    [found] = measured(
        "orders", {"order_id": "A", "line_no": 1, "amount_minor": -100, "cost_minor": -5, "quantity": -1.0}
    )

    assert found["cost_minor__negative"] == 1
    assert not [name for name in found if name in ("amount_minor__negative", "quantity__negative")]


def test_an_address_of_a_family_is_its_own_and_one_of_a_whole_office_is_not():
    rows = [{"customer_id": str(n), "person_id": n, "email_standard": "front@x.com"} for n in range(5)]
    rows += [{"customer_id": f"f{n}", "person_id": 10 + n, "email_standard": "home@x.com"} for n in range(3)]
    # One person with many numbers shares with nobody.
    rows += [{"customer_id": f"m{n}", "person_id": 20, "email_standard": "me@x.com"} for n in range(6)]

    found = quality.sharing(records("customers", *rows), "email").execute()

    assert found["n"].tolist() == [5]


def test_two_rows_of_one_source_for_one_person_are_doubles_and_rows_of_two_sources_are_not():
    rows = records(
        "customers",
        {"customer_id": "1", "person_id": 1},
        {"customer_id": "2", "person_id": 1},
        {"customer_id": "3", "person_id": 2},
        {"customer_id": "4", "person_id": 2, "source": "crm"},
    )

    assert quality.doubles(rows).execute()["n"].tolist() == [2]


def test_a_row_nobody_touched_for_two_years_is_stale():
    [found] = measured("customers", {"customer_id": "1", "valid_at": NOW - timedelta(days=731)}, {"customer_id": "2"})

    assert found["__stale"] == 1


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_flaw_counted_opens_exactly_the_rows_it_counted(contract):
    shape = CONTRACTS[contract]
    odd = {name: -1 for name in shape.names if shape[name].type in ("integer", "number", "money", "decimal")}
    instants = {name: datetime(1900, 1, 1, tzinfo=UTC) for name in shape.names if shape[name].type == "instant"}
    texts = {name: "?" for name in shape.names if shape[name].type == "text"}
    faults = {f"{column.name}_fault": "placeholder" for column in shape.standards}
    table = records(
        contract, odd | instants | texts | faults, instants | {"valid_at": datetime(1900, 1, 1, tzinfo=UTC)}, {}
    )

    [counted] = quality.measure(table, shape, NOW).execute().to_dict("records")

    names = [name for name in counted if "__" in name]
    assert names
    for name in names:
        field, _between, code = name.rpartition("__")
        assert quality.having(table, shape, field, code, NOW).count().execute() == counted[name], name


def test_a_score_is_the_share_of_rows_whose_value_is_there_valid_and_ones_own():
    told = Told("customers", "shop", "phone", 100, {"missing": 20, "no_area_code": 8, "several": 5, "shared": 40})

    assert (told.completeness, told.validity, told.uniqueness) == (0.8, 0.9, 0.5)
    assert told.score == pytest.approx(36.0)
    assert told.sentence.en == "40.0%: several people share it"
    assert told.sentence.zh == "40.0%：多人共用"


def test_what_was_only_put_in_standard_form_takes_nothing_away():
    told = Told("customers", "shop", "name", 100, {"title": 30})

    assert told.score == 100
    assert told.sentence.en == "Nothing to mend; 30 were put in standard form"


def test_months_are_summed_and_the_worst_field_comes_first():
    rows = [
        {"contract": "customers", "source": "shop", "field": field, "rows": 10, "flaws": flaws}
        for field, flaws in (("phone", {"missing": 1}), ("name", {}), ("phone", {"missing": 2}), ("email", {"missing": 20}))
    ]  # fmt: skip

    found = quality.told(rows)

    assert [(one.field, one.rows, one.filled) for one in found] == [
        ("email", 10, 0),
        ("phone", 20, 17),
        ("name", 10, 10),
    ]
    assert quality.score_of(found) == pytest.approx((85 + 100) / 2)


def test_a_source_silent_for_twice_its_rhythm_is_overdue_and_a_new_one_has_no_rhythm_yet():
    def ago(*days):
        return [NOW - timedelta(days=n) for n in days]

    weekly, late, new = quality.freshness(
        {("orders", "a"): ago(14, 7, 1), ("orders", "b"): ago(40, 33, 26, 19), ("orders", "c"): ago(90)}, {}, NOW
    )

    assert (weekly.every_days, weekly.overdue) == (6.5, False)
    assert (late.every_days, late.overdue) == (7, True)
    assert (new.every_days, new.overdue) == (None, False)


def test_an_end_that_has_not_come_is_not_missing_and_a_reason_for_one_that_has_is():
    [found] = measured(
        "subscriptions",
        {"subscription_id": "runs"},
        {"subscription_id": "ended", "ended_at": NOW, "end_reason": "price"},
        {"subscription_id": "unexplained", "ended_at": NOW},
    )

    assert (found["ended_at__missing"], found["ended_at__not_yet"]) == (0, 1)
    assert (found["end_reason__missing"], found["end_reason__not_yet"]) == (1, 1)
    told = Told("subscriptions", "shop", "end_reason", 3, {"missing": 1, "not_yet": 1})
    assert (told.due, told.filled, told.completeness) == (2, 1, 0.5)


def test_what_few_fill_in_costs_nothing_where_it_is_blank_and_half_where_it_is_wrong():
    def row(source, field, **flaws):
        return {"contract": "customers", "source": source, "field": field, "rows": 100, "flaws": flaws}

    found = quality.told(
        [row("a", "phone", missing=40), row("b", "phone", missing=30), row("c", "phone", missing=90),
         row("a", "street", missing=95), row("b", "street", missing=20),
         row("a", "id_number", missing=90, checksum=4)]
    )  # fmt: skip

    by = {(one.source, one.field): one for one in found}
    assert [one.expected for one in found if one.field == "phone"] == [True] * 3
    assert by["a", "street"].expected is False
    assert by["a", "street"].score == 100
    assert by["a", "street"].sentence.en == "Nothing to mend; it need not be there"
    assert not by["a", "street"].mendable
    assert (by["a", "id_number"].score, by["a", "id_number"].cost) == (pytest.approx(60), pytest.approx(20))
    assert [(one.source, one.field) for one in found[:3]] == [("c", "phone"), ("a", "phone"), ("b", "phone")]


def test_a_required_field_goes_before_another_that_is_as_bad():
    rows = [{"contract": "orders", "source": "a", "field": field, "rows": 10, "flaws": {"missing": 2}}
            for field in ("channel", "ordered_at")]  # fmt: skip

    assert [one.field for one in quality.told(rows)] == ["ordered_at", "channel"]


def test_a_row_is_stale_only_where_its_customer_was_silent_too():
    old = NOW - timedelta(days=800)
    rows = records("customers", *({"customer_id": str(n), "person_id": n, "valid_at": old} for n in (1, 2, 3)))
    facts = ibis.memtable(
        pa.table({"person_id": [1, 2, None], "valid_at": pa.array([NOW, old, NOW], pa.timestamp("us", "UTC"))})
    )

    heard = quality.with_heard(rows, [facts], NOW, 730)

    stale = quality.having(heard, CONTRACTS["customers"], "", "stale", NOW, 730).execute()
    assert sorted(stale["customer_id"]) == ["2", "3"]
