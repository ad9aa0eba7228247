from datetime import date

import pytest

from tenure.insight.cohorts import buyers, contract_retention, holders, retention
from tenure.insight.metrics import Period
from tests.tables import records


def cells(*rows, until=None):
    lines = [{"person_id": p, "ordered_on": on, "amount_minor": amount} for p, on, amount in rows]
    found = retention(records("orders", lines), until).to_pyarrow().to_pylist()
    return {(row["cohort"], row["age"]): (row["buyers"], row["size"], row["share"]) for row in found}


JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)


def test_a_cohort_is_followed_month_by_month():
    table = cells(
        (1, "2026-01-05", 100), (1, "2026-03-01", 100), (1, "2026-03-09", 100),
        (2, "2026-01-31", 100), (2, "2026-02-01", 100),
        (3, "2026-02-10", 100),
    )  # fmt: skip

    assert table == {
        (JANUARY, 0): (2, 2, 1.0),
        (JANUARY, 1): (1, 2, 0.5),
        (JANUARY, 2): (1, 2, 0.5),
        (FEBRUARY, 0): (1, 1, 1.0),
        (FEBRUARY, 1): (0, 1, 0.0),
    }


def test_a_month_in_which_nobody_bought_is_a_zero_and_the_year_turns():
    table = cells((1, "2025-11-05", 100), (1, "2026-02-05", 100))

    assert [table[date(2025, 11, 1), age][0] for age in range(4)] == [1, 0, 0, 1]


def test_december_is_the_twelfth_month_of_its_own_year():
    assert list(cells((1, "2025-12-31", 100))) == [(date(2025, 12, 1), 0)]


def test_a_refund_brings_nobody_back():
    table = cells((1, "2026-01-05", 100), (1, "2026-02-05", -100), (2, "2026-02-05", 100))

    assert table[JANUARY, 1] == (0, 1, 0.0)


def test_the_running_month_can_be_left_out():
    table = cells((1, "2026-01-05", 100), (1, "2026-02-05", 100), until=FEBRUARY)

    assert list(table) == [(JANUARY, 0)]


def test_no_orders_give_no_cohorts():
    assert retention(records("orders")).to_pyarrow().num_rows == 0


def test_nobody_s_orders_found_no_cohort():
    assert cells((None, "2026-01-05", 100)) == pytest.approx({})


def money(found):
    return {(r["cohort"], r["age"]): (r["revenue"], r["first_revenue"], r["revenue_share"]) for r in found}


def test_what_a_cohort_brings_is_held_against_its_first_month():
    lines = [
        (1, "2026-01-05", 1000), (1, "2026-02-01", 900), (1, "2026-03-09", 2500),
        (2, "2026-01-31", 1000), (2, "2026-02-20", -400),
        (3, "2026-02-10", 100),
    ]  # fmt: skip
    orders = records("orders", [{"person_id": p, "ordered_on": on, "amount_minor": a} for p, on, a in lines])

    found = retention(orders).to_pyarrow().to_pylist()
    february = buyers(orders, JANUARY, 1).to_pyarrow().to_pylist()

    assert money(found) == {
        (JANUARY, 0): (2000, 2000, 1.0), (JANUARY, 1): (500, 2000, 0.25), (JANUARY, 2): (2500, 2000, 1.25),
        (FEBRUARY, 0): (100, 100, 1.0), (FEBRUARY, 1): (0, 100, 0.0),
    }  # fmt: skip
    assert february == [{"person_id": 1, "revenue": 900}]


def test_a_cohort_whose_first_month_brought_nothing_has_no_share_of_it():
    lines = [{"person_id": 1, "ordered_on": "2026-01-05", "amount_minor": 0, "kind": "sale"}]

    assert money(retention(records("orders", lines)).to_pyarrow().to_pylist()) == {(JANUARY, 0): (0, 0, None)}


def contracts(*rows):
    named = [{"person_id": p, "started_at": a, "ended_at": b, "fee_minor": f} for p, a, b, f in rows]
    return records("subscriptions", named)


def test_contracts_make_cohorts_of_their_first_and_follow_their_fees():
    held = contracts(
        (1, "2026-01-05", "2026-02-10", 1000), (1, "2026-02-10", None, 3000),
        (2, "2026-01-20", "2026-02-20", 2000), (3, "2026-01-02", "2026-01-20", 500), (4, "2026-02-02", None, None),
        (5, "2025-06-01", None, 9900),
    )  # fmt: skip

    found = contract_retention(held, Period.months(JANUARY, 3)).to_pyarrow().to_pylist()

    assert {(r["cohort"], r["age"]): (r["buyers"], r["size"]) for r in found} == {
        (JANUARY, 0): (2, 3), (JANUARY, 1): (1, 3), (JANUARY, 2): (1, 3), (FEBRUARY, 0): (1, 1), (FEBRUARY, 1): (1, 1),
    }  # fmt: skip
    assert money(found)[JANUARY, 0] == (3000, 3000, 1.0)
    assert money(found)[JANUARY, 2] == (3000, 3000, 1.0)
    assert money(found)[FEBRUARY, 1] == (0, 0, None)
    (february,) = Period.months(FEBRUARY, 1)
    assert holders(held, JANUARY, february).to_pyarrow().to_pylist() == [{"person_id": 1, "revenue": 3000}]
