from datetime import date

import pytest

from tenure.insight.cohorts import retention
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
