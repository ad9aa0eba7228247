"""From revenue down to what moves it, to the cent."""

import random
from datetime import date
from math import isfinite

import pytest

from tenure.insight.driver_tree import TREE, Driver, figures, moved, shapley
from tenure.insight.metrics import METRICS, Period, measure
from tests.tables import company

FEBRUARY, MARCH = Period.month(2026, 2), Period.month(2026, 3)


def sale(person, day, minor, quantity=1.0, **more):
    return {"person_id": person, "ordered_at": day, "amount_minor": minor, "quantity": quantity, **more}


BOOKS = company(
    orders=[
        sale(1, "2026-02-03", 1_000, 2.0), sale(2, "2026-02-04", 3_000, 1.0), sale(1, "2026-03-03", 5_000, 5.0),
        sale(1, "2026-03-09", 1_000), sale(3, "2026-03-05", 777, 3.0), sale(3, "2026-03-06", -500),
        sale(None, "2026-03-07", 250), sale(9, "2026-03-08", 9_999, status="cancelled"),
    ],
    subscriptions=[
        {"person_id": 5, "started_at": "2025-01-01", "fee_minor": 3_000},
        {"person_id": 6, "started_at": "2026-03-11", "fee_minor": 9_000},
        {"person_id": 7, "started_at": "2025-01-01", "ended_at": "2026-02-15", "fee_minor": 2_000},
    ],
)  # fmt: skip


def by_name(found):
    return {one.driver.name: one for one in found.flat()}


def test_the_root_is_the_catalogues_revenue_and_its_leaves_add_up_to_its_change():
    before, after = (figures(BOOKS, period) for period in (FEBRUARY, MARCH))
    found = moved(before, after)

    revenue = [measure(METRICS["revenue"], BOOKS, period)["value"][0].as_py() for period in (FEBRUARY, MARCH)]
    assert (found.before, found.after) == pytest.approx(revenue)
    assert found.effect == sum(leaf.effect for leaf in found.leaves) == round(revenue[1]) - round(revenue[0])
    told = by_name(found)
    assert (told["refunds"].effect, told["ownerless"].effect) == (-500, 250)
    assert (told["new_buyers"].after, told["old_buyers"].after, told["buyers"].after) == (1, 1, 2)


def test_every_named_metric_is_the_nodes_own_figure():
    after = moved(figures(BOOKS, FEBRUARY), figures(BOOKS, MARCH))

    named = [one for one in after.flat() if one.driver.metric]
    assert named
    for one in named:
        assert measure(METRICS[one.driver.metric], BOOKS, MARCH)["value"][0].as_py() == pytest.approx(one.after)
    assert all((one.driver.metric or one.driver.opens) in METRICS for one in after.flat())


def test_a_product_is_shared_as_worked_by_hand():
    # 10 customers × 2 orders → 12 × 3: customers (12−10)·(2+3)/2 = 5, orders (3−2)·(10+12)/2 = 11.
    tree = Driver(
        "r", TREE.words, "money", "product", (Driver("n", TREE.words, "number"), Driver("f", TREE.words, "number"))
    )

    found = moved({"n": 10, "f": 2}, {"n": 12, "f": 3}, tree)

    assert [part.effect for part in found.parts] == [5, 11]


def test_sales_that_begin_or_end_are_all_customers():
    nothing = figures(company(), FEBRUARY)
    some = figures(company(orders=[sale(1, "2026-03-03", 5_000, 5.0)]), MARCH)

    begun, ended = (by_name(moved(*pair)) for pair in ((nothing, some), (some, nothing)))

    assert (begun["new_buyers"].effect, begun["price"].effect) == (5_000, 0)
    assert (ended["new_buyers"].effect, ended["price"].effect) == (-5_000, 0)
    assert by_name(moved(nothing, nothing))["revenue"].effect == 0


def test_refunds_larger_than_orders_and_one_customer_leave_finite_figures():
    books = company(orders=[sale(1, "2026-02-01", 100), sale(1, "2026-03-02", 100, None), sale(1, "2026-03-03", -900)])

    found = moved(figures(books, FEBRUARY), figures(books, MARCH))

    assert (found.after, found.effect) == (-800, -900)
    assert all(value is None or isfinite(value) for one in found.flat() for value in (one.before, one.after))


def test_parts_sum_to_the_cent_whatever_the_figures():
    chance = random.Random(5)
    names = [leaf.driver.name for leaf in moved({}, {}).leaves]
    for _turn in range(50):
        before, after = (
            {name: None if chance.random() < 0.1 else chance.uniform(-50, 300) for name in names} for _ in "ab"
        )
        found = moved(before, after)
        assert sum(leaf.effect for leaf in found.leaves) == found.effect == round(found.after) - round(found.before)


def test_what_is_narrowed_to_some_adds_up_to_all():
    import ibis

    halves = [
        figures(BOOKS, MARCH, ibis.memtable({"person_id": some}, schema={"person_id": "int64"}))
        for some in ([1, 5], [3, 6, 7])
    ]
    whole = moved({}, figures(BOOKS, MARCH))

    assert sum(moved({}, half).after for half in halves) + 250 == pytest.approx(whole.after)


def test_the_shapley_parts_of_three_factors_come_to_the_change():
    def volume(sides):
        return sides["a"] * sides["b"] * sides["c"]

    found = shapley(volume, {"a": 1, "b": 2, "c": 3}, {"a": 4, "b": 2, "c": 5}, ["a", "b", "c"])

    assert found == pytest.approx({"a": 3 * 2 * 4, "b": 0, "c": 2 * 2 * 2.5})


def test_a_half_month_of_a_contract_is_half_a_month():
    told = figures(
        company(subscriptions=[{"person_id": 1, "started_at": "2026-04-16", "fee_minor": 3_000}]),
        Period(date(2026, 4, 1), date(2026, 5, 1)),
    )

    assert (told["months_each"], told["fee"], told["new_subscribers"]) == (0.5, 3_000, 1)
