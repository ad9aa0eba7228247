import random
from datetime import date, timedelta

import ibis
import pytest

from tenure.insight.bridge import MOVES, bridge, moves
from tenure.insight.metrics import METRICS, Period, measure
from tenure.insight.metrics._shared import FEES_OF_MARCH
from tests.tables import records

MARCH = Period.month(2026, 3)


def one(rows, period=MARCH, segment=None):
    return bridge(records("subscriptions", rows), period, segment).to_pylist()


def fee(person, minor, since="2025-01-01", until=None, **more):
    return {"person_id": person, "fee_minor": minor, "started_at": since, "ended_at": until, **more}


def test_a_month_goes_from_its_opening_to_its_closing_by_five_moves():
    (found,) = one([
        fee(1, 6000),                                           # as it was
        fee(2, 2000, until="2026-03-15"),                       # left
        fee(3, 2000, until="2026-03-10"), fee(3, 5000, since="2026-03-10"),  # pays more
        fee(4, 9000, until="2026-03-10"), fee(4, 4000, since="2026-03-10"),  # pays less
        fee(5, 9900, since="2026-03-02"),                       # came
        fee(6, 700, until="2025-08-01"), fee(6, 800, since="2026-03-20"),    # came back
    ])  # fmt: skip

    money = {name: found[name] for name in ("opening", *MOVES, "closing")}
    assert money == {
        "opening": 19_000, "new": 9_900, "reactivated": 800, "expansion": 3_000, "contraction": -5_000,
        "churned": -2_000, "closing": 25_700,
    }  # fmt: skip
    assert [found[f"{name}_customers"] for name in ("opening", *MOVES, "closing")] == [4, 1, 1, 1, 1, 1, 5]
    assert (found["grr"], found["nrr"]) == (12_000 / 19_000, 15_000 / 19_000)


def test_it_says_the_retention_that_the_catalogue_says():
    subscriptions = records("subscriptions", FEES_OF_MARCH["subscriptions"])

    (found,) = bridge(subscriptions, MARCH).to_pylist()

    assert (found["grr"], found["nrr"]) == (0.8, 1.1)
    for name, column in (
        ("gross_revenue_retention", "grr"), ("net_revenue_retention", "nrr"), ("recurring_revenue", "closing"),
    ):  # fmt: skip
        assert found[column] == measure(METRICS[name], {"subscriptions": subscriptions}, MARCH)["value"][0].as_py()


def test_who_came_and_left_within_the_month_is_in_no_move():
    (found,) = one([fee(1, 1000, since="2026-03-03", until="2026-03-20")])

    assert {found[name] for name in ("opening", *MOVES, "closing")} == {0}
    assert (found["grr"], found["nrr"]) == (None, None)


def test_a_customer_changing_products_grows_as_a_whole_and_is_lost_and_won_by_product():
    rows = [fee(1, 1000, until="2026-03-10", product_id="A"), fee(1, 3000, since="2026-03-10", product_id="B")]

    assert one(rows)[0]["expansion"] == 2000
    by_product = {row["segment"]: row for row in one(rows, segment="product_id")}
    assert by_product["A"]["churned"] == -1000
    assert by_product["B"]["new"] == 3000


def test_segments_add_up_to_the_whole_and_one_month_closes_where_the_next_opens():
    rows = [
        fee(1, 1000, period_months=12), fee(1, 1000, period_months=3), fee(2, 999, period_months=7, until="2026-04-02"),
        fee(3, 4999, since="2026-03-09", period_months=6),
    ]  # fmt: skip
    who = ibis.memtable({"person_id": [1, 2], "segment": ["gold", "tin"]})
    months = Period.months(date(2026, 2, 1), 4)

    whole = one(rows, months)
    parts = one(rows, months, who)

    assert {row["segment"] for row in parts} == {"gold", "tin", None}
    for at, row in enumerate(whole):
        mine = [part for part in parts if part["period_start"] == row["period_start"]]
        for name in ("opening", *MOVES, "closing"):
            assert sum(part[name] for part in mine) == row[name]
        if at:
            assert row["opening"] == whole[at - 1]["closing"]
    assert whole[0]["opening"] == 83 + 333 + 143  # each fee by the month, to the nearest cent


def test_nobody_with_a_fee_is_a_bridge_of_nothing():
    (found,) = one([])

    assert (found["opening"], found["closing"], found["grr"]) == (0, 0, None)


def test_a_fee_of_nothing_before_is_no_customer_won_back():
    rows = [fee(1, 0, until="2026-01-01"), fee(1, 500, since="2026-03-05")]

    assert moves(records("subscriptions", rows), MARCH).to_pyarrow()["move"].to_pylist() == ["new"]


def test_every_bridge_adds_up_and_agrees_with_the_catalogue():
    drawn, first = random.Random(7), date(2025, 12, 1)
    rows = []
    for person in range(1, 401):
        for _ in range(drawn.randint(1, 3)):
            since, until = (first + timedelta(days=drawn.randint(0, 180)) for _ in range(2))
            rows.append(
                fee(person, drawn.randint(-300, 9_999), since=since, until=drawn.choice([None, until]),
                    period_months=drawn.choice([None, 0, 1, 3, 7, 12]))
            )  # fmt: skip
    table = records("subscriptions", rows)
    each = ibis.memtable({"person_id": range(1, 401), "segment": [str(n % 200) for n in range(400)]})

    found = bridge(table, MARCH, each).to_pylist()

    assert len(found) > 150
    assert all(row["opening"] + sum(row[name] for name in MOVES) == row["closing"] for row in found)
    for name, column in (("gross_revenue_retention", "grr"), ("net_revenue_retention", "nrr")):
        said = measure(METRICS[name], {"subscriptions": table}, MARCH, each).to_pylist()
        values = {row["segment"]: row["value"] for row in said if row["value"] is not None}
        assert {row["segment"]: row[column] for row in found if row[column] is not None} == pytest.approx(values)
