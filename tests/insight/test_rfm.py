from datetime import UTC, datetime, timedelta, timezone

import pytest

from tenure.insight.segments import CELLS, cell_of, concentration, gini, rfm, top_share
from tenure.insight.segments.rfm import CELL_OF
from tests.tables import records

MARCH = datetime(2026, 3, 1, tzinfo=UTC)


def scored(*rows, as_of=MARCH):
    lines = [
        dict(zip(("person_id", "ordered_at", "amount_minor"), row[:3], strict=True), **dict(row[3:])) for row in rows
    ]
    found = rfm(records("orders", lines), as_of).to_pyarrow().to_pylist()
    return {row["person_id"]: row for row in found}


def test_five_different_customers_score_one_to_five():
    rows = scored(*[(n, f"2026-01-{n:02}", n * 1000) for n in range(1, 6)])

    assert [rows[n]["r"] for n in range(1, 6)] == [1, 2, 3, 4, 5]
    assert [rows[n]["m"] for n in range(1, 6)] == [1, 2, 3, 4, 5]
    assert [rows[n]["f"] for n in range(1, 6)] == [3, 3, 3, 3, 3]


def test_recency_is_days_from_the_last_order_to_the_date_of_the_figure():
    assert scored((1, "2026-02-01", 100), (1, "2026-02-27", 100))[1]["recency_days"] == 2


def test_recency_counts_to_the_date_the_caller_s_zone_has():
    shanghai = timezone(timedelta(hours=8))
    orders = [{"person_id": 1, "ordered_at": "2026-02-27T17:00", "ordered_on": "2026-02-28", "amount_minor": 1}]

    row = rfm(records("orders", orders), datetime(2026, 3, 1, 0, 30, tzinfo=shanghai)).to_pyarrow().to_pylist()[0]

    assert row["recency_days"] == 1


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        rfm(records("orders"), datetime(2026, 3, 1))  # noqa: DTZ001


def test_two_orders_on_one_day_are_one_visit():
    row = scored((1, "2026-02-01T09:00", 100), (1, "2026-02-01T18:00", 100), (1, "2026-02-02", 100))[1]

    assert row["frequency"] == 2


def test_a_refund_lowers_monetary_value_and_is_no_visit():
    row = scored((1, "2026-02-01", 5000), (1, "2026-02-09", -2000), (1, "2026-02-10", 500, ("kind", "refund")))[1]

    assert row["monetary_base_minor"] == 2500
    assert row["frequency"] == 1
    assert row["recency_days"] == 28


def test_cancelled_future_and_nobody_s_orders_do_not_count():
    rows = scored(
        (1, "2026-02-01", 100),
        (1, "2026-02-20", 900, ("status", "cancelled")),
        (1, "2026-03-01", 900),
        (None, "2026-02-01", 900),
    )

    assert list(rows) == [1]
    assert (rows[1]["monetary_base_minor"], rows[1]["recency_days"]) == (100, 28)


def test_equal_customers_score_alike_whatever_their_number():
    rows = scored((9, "2026-01-01", 100), (2, "2026-01-01", 100), (5, "2026-01-01", 100))

    assert {(row["r"], row["f"], row["m"]) for row in rows.values()} == {(3, 3, 3)}
    assert {row["cell"] for row in rows.values()} == {"need_attention"}


def test_ties_across_a_cut_stay_together():
    rows = scored(*[(n, "2026-01-01", 100 if n <= 6 else n * 1000) for n in range(1, 11)])

    assert {rows[n]["m"] for n in range(1, 7)} == {2}
    assert [rows[n]["m"] for n in range(7, 11)] == [4, 4, 5, 5]


def test_numbering_customers_anew_changes_no_score():
    amounts = {1: 10, 2: 10, 3: 40, 4: 40, 5: 40, 6: 70, 7: 90}
    once = scored(*[(n, "2026-01-01", a) for n, a in amounts.items()])
    again = scored(*[(100 - n, "2026-01-01", a) for n, a in reversed(amounts.items())])

    assert {n: once[n]["m"] for n in amounts} == {n: again[100 - n]["m"] for n in amounts}


def test_no_orders_give_no_rows_and_the_same_columns():
    table = rfm(records("orders"), MARCH).to_pyarrow()

    assert table.num_rows == 0
    assert table.column_names[:9] == [
        "person_id", "recency_days", "frequency", "monetary_base_minor", "r", "f", "m", "cell", "abc",
    ]  # fmt: skip


def test_every_score_has_a_named_cell_and_every_cell_is_reached():
    assert len(CELL_OF) == 125
    assert set(CELL_OF.values()) == set(CELLS)


def test_the_table_s_cell_is_the_documented_one():
    rows = scored(
        *[
            (n, f"2026-{n % 2 + 1:02}-{(n * 7 + visit) % 28 + 1:02}", (n * 37) % 11 * 100 + 1)
            for n in range(1, 40)
            for visit in range(n % 5 + 1)
        ]
    )

    assert all(row["cell"] == cell_of(row["r"], row["f"], row["m"]) for row in rows.values())
    assert len({row["cell"] for row in rows.values()}) > 5


def test_abc_by_money_and_by_frequency_are_two_answers():
    rows = scored(
        (1, "2026-01-01", 80_00),
        (2, "2026-01-01", 15_00),
        *[(3, f"2026-01-{day:02}", 50) for day in range(1, 11)],
    )

    assert {n: row["abc"] for n, row in rows.items()} == {1: "A", 2: "B", 3: "C"}
    assert {n: row["abc_frequency"] for n, row in rows.items()} == {1: "B", 2: "B", 3: "A"}


def test_a_customer_who_brought_nothing_is_c():
    rows = scored((1, "2026-01-01", 100), (1, "2026-01-02", -100))

    assert (rows[1]["monetary_base_minor"], rows[1]["abc"], rows[1]["m"]) == (0, "C", 3)


def test_the_best_group_brought_82_percent():
    three_years = [820, 60, 40, 40, 40]

    curve = concentration(three_years, points=None).to_pydict()

    assert curve["share_of_customers"][:2] == [0.0, 0.2]
    assert curve["share_of_value"] == pytest.approx([0, 0.82, 0.88, 0.92, 0.96, 1])
    assert top_share(three_years, 0.2) == pytest.approx(0.82)


def test_a_long_curve_keeps_its_ends_and_at_most_the_points_asked():
    curve = concentration(range(1, 5001), points=51).to_pydict()

    assert len(curve["share_of_value"]) == 51
    assert (curve["share_of_customers"][0], curve["share_of_value"][0]) == (0, 0)
    assert (curve["share_of_customers"][-1], curve["share_of_value"][-1]) == (1, 1)


def test_a_net_refund_counts_as_nothing_and_the_curve_never_falls():
    shares = concentration([10, -5, None, 5], points=None).to_pydict()["share_of_value"]

    assert shares == pytest.approx([0, 2 / 3, 1, 1, 1])


def test_gini_is_zero_for_equals_and_near_one_for_one_who_brings_all():
    assert gini([5, 5, 5]) == pytest.approx(0)
    assert gini([0, 0, 0, 10]) == pytest.approx(0.75)
    assert gini([1, 2, 3]) == pytest.approx(2 / 9)


def test_no_value_at_all_has_no_concentration():
    assert concentration([0, 0]).num_rows == 0
    assert gini([]) is None
    assert top_share([0], 0.2) is None
