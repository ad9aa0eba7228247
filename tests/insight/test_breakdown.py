"""A figure told apart by period and dimension, and what records that are out of the ordinary do to it."""

import math
from datetime import date
from itertools import pairwise
from typing import Any

import ibis
import pytest

from tenure.insight.metrics import METRICS, Period, lacking, measure
from tenure.insight.metrics.breakdown import (
    CARDS,
    DIMENSIONS,
    GRAINS,
    MEMBERS,
    NEITHER,
    STAGES,
    behind,
    by,
    cautions,
    fits,
    segments_in,
    spans,
    split,
    why_not,
    why_nothing,
)
from tests.tables import company

MARCH = Period.month(2026, 3)


def order(person: int | None, amount: int, on: str = "2026-03-05", **more: Any) -> dict[str, Any]:
    return {"person_id": person, "ordered_at": on, "amount_minor": amount, **more}


def cards(**columns: list[Any]) -> ibis.Table:
    return ibis.memtable(columns)


@pytest.mark.parametrize(
    ("grain", "first", "last"),
    [
        ("day", date(2026, 7, 7), date(2026, 7, 14)),
        ("week", date(2026, 6, 29), date(2026, 7, 13)),
        ("month", date(2026, 5, 1), date(2026, 7, 1)),
        ("quarter", date(2026, 1, 1), date(2026, 7, 1)),
        ("year", date(2024, 1, 1), date(2026, 1, 1)),
    ],
)
def test_the_last_whole_periods_before_a_day_touch_and_are_over(grain: str, first: date, last: date) -> None:
    n = 7 if grain == "day" else 2

    found = spans(grain, date(2026, 7, 14), n)

    assert (found[0].start, found[-1].end, len(found)) == (first, last, n)
    assert all(a.end == b.start for a, b in pairwise(found))


def test_a_year_before_is_the_same_months_or_the_same_weekdays() -> None:
    assert Period.month(2024, 2).year_before() == Period.month(2023, 2)
    week = Period(date(2026, 7, 6), date(2026, 7, 13))
    assert week.year_before() == Period(date(2025, 7, 7), date(2025, 7, 14))


def test_a_figure_is_told_apart_by_team_product_category_and_channel() -> None:
    tables = company(
        orders=[
            order(1, 100, product_id="A", channel="app"),
            order(2, 200, product_id="B", channel="app"),
            order(3, 400, product_id="C", channel="store"),
        ],
        subscriptions=[],
        products=[{"product_id": "A", "category": "tea"}, {"product_id": "B", "category": "tea"}],
    ) | {CARDS: cards(person_id=[1, 2, 3], team=["East", "East", None])}
    told = {}
    for name in ("team", "product", "category", "channel"):
        rows = split(METRICS["revenue"], tables, [MARCH], name).to_pylist()
        told[name] = {row["segment"]: row["value"] for row in rows}

    assert told == {
        "team": {"East": 300, None: 400},
        "product": {"A": 100, "B": 200, "C": 400},
        "category": {"tea": 300, None: 400},
        "channel": {"app": 300, "store": 400},
    }


def test_a_stage_is_the_one_when_the_period_began() -> None:
    tables = company(subscriptions=[{"person_id": 1, "started_at": "2025-01-01", "ended_at": "2026-03-09"}]) | {
        CARDS: cards(person_id=[1], stage=["left"]),
        STAGES: cards(person_id=[1, 1], as_of=[date(2026, 2, 28), date(2026, 3, 31)], stage=["decline", "left"]),
    }

    [row] = split(METRICS["churn_rate"], tables, [MARCH], "stage").to_pylist()

    assert (row["segment"], row["value"]) == ("decline", 1)
    assert isinstance(by("product", tables), str)


@pytest.mark.parametrize(
    ("metric", "dimension", "said"),
    [
        ("nps", "product", "It rests on survey responses, which name no product."),
        ("acquisition_cost", "team", "It rests on spending, which belong to no customer in particular."),
        ("cross_channel_share", "channel", "Within one channel it would always be the same."),
        ("nps", "tier", "No customer has a tier yet."),
    ],
)
def test_a_dimension_that_does_not_apply_says_why(metric: str, dimension: str, said: str) -> None:
    tables = {CARDS: cards(person_id=[1], team=["East"])}

    why = why_not(METRICS[metric], DIMENSIONS[dimension], tables)

    assert why is not None
    assert said in why.en
    assert any("\u4e00" <= letter <= "\u9fff" for letter in why.zh)
    with pytest.raises(ValueError, match=r"It rests|Within|No customer"):
        split(METRICS[metric], tables, [MARCH], dimension)


def test_every_metric_but_those_of_the_company_as_a_whole_is_told_apart_by_team() -> None:
    tables = {CARDS: cards(person_id=[1], team=["East"])}

    whole = {name for name, metric in METRICS.items() if "team" not in {one.name for one in fits(metric, tables)}}

    assert whole == {"acquisition_cost", "clv_to_cac", "cost_to_serve", "stock_cover_days"}


def test_a_segment_of_the_company_s_own_tells_a_figure_apart_and_opens_its_own_customers() -> None:
    tables = company(orders=[order(1, 100), order(2, 200), order(3, 400), order(None, 50)], subscriptions=[]) | {
        CARDS: cards(person_id=[1, 2, 3]), MEMBERS: cards(person_id=[1, 2, 2, 9], segment=["4", "4", "7", "7"]),
    }  # fmt: skip

    def told(dimension: str) -> dict[str | None, float]:
        rows = split(METRICS["revenue"], tables, [MARCH], dimension).to_pylist()
        return {row["segment"]: row["value"] for row in rows}

    def drilled(part: str | None) -> set[int | None]:
        rows = behind(METRICS["revenue"], tables, MARCH, "own:4,7", part).to_pyarrow().to_pylist()
        return {row["person_id"] for row in rows}

    assert told("own:4") == {"4": 300, NEITHER: 400, None: 50}
    assert told("own:4,7") == {"4": 300, "7": 200, NEITHER: 400, None: 50}, "who is in both counts in both"
    assert [drilled(part) for part in ("4", "7", NEITHER, None)] == [{1, 2}, {2}, {3}, {None}]


@pytest.mark.parametrize("said", ["own:", "own", "own:0", "own:x", "own:3,", "own:1,2,3,4,5,6", "own:٣", "team:3", ""])
def test_what_names_no_segments_is_no_dimension(said: str) -> None:
    assert segments_in(said) == []
    assert segments_in("own:3,7,3") == ["3", "7"]


def test_a_drill_of_a_part_holds_that_part_alone() -> None:
    tables = company(orders=[order(1, 100), order(2, 200), order(None, 50)], subscriptions=[]) | {
        CARDS: cards(person_id=[1, 2], team=["East", None])
    }

    def drilled(part: str | None) -> dict[int | None, float]:
        rows = behind(METRICS["revenue"], tables, MARCH, "team", part).to_pyarrow().to_pylist()
        return {row["person_id"]: row["numerator"] for row in rows}

    assert drilled("East") == {1: 100}
    assert drilled(None) == {2: 200, None: 50}


def test_a_mark_in_the_name_of_a_part_splits_nothing_wrongly() -> None:
    tables = company(orders=[order(1, 100, channel="a|b"), order(1, 30, channel="b", order_id="x|y")])

    rows = behind(METRICS["orders"], tables, MARCH, "channel", "a|b").to_pyarrow().to_pylist()
    others = behind(METRICS["orders"], tables, MARCH, "channel", "b").to_pyarrow().to_pylist()

    assert [row["record"] for row in rows] == ["/orders-1"]
    assert [row["record"] for row in others] == ["/x|y"]


STRANGE: dict[str, list[dict[str, Any]]] = {
    "one order only": [order(1, 100)],
    "refunds larger than orders": [order(1, 100), order(1, -900), order(2, 50)],
    "refunds only": [order(1, -900)],
    "all equal amounts": [order(n, 500, order_id=f"A-{n}") for n in range(1, 9)],
    "free of charge": [order(n, 0) for n in range(1, 4)],
    "only in the future": [order(1, 100, on="2031-01-01")],
    "nobody's": [order(None, 100)],
    "no rate for the currency": [{**order(1, 100, currency="USD"), "amount_base_minor": None}],
    "costs above the price": [order(1, 100, cost_minor=900)],
}


@pytest.mark.parametrize("kind", ["refunds only", "only in the future", "nobody's", "no rate for the currency"])
def test_records_out_of_the_ordinary_give_a_sensible_number_or_plain_words(kind: str) -> None:
    tables = company(orders=STRANGE[kind], subscriptions=[])

    for metric in METRICS.values():
        if "orders" not in metric.reads or metric.heavy:
            continue
        [row] = measure(metric, tables, MARCH).to_pylist()
        for name in ("value", "numerator", "denominator"):
            assert row[name] is None or math.isfinite(row[name]), (metric.name, name)
        if row["value"] is None:
            why = why_nothing(metric, lacking(metric, tables), row)
            assert why.en.startswith("Not enough data, because ")
            assert why.zh.startswith("数据不足")


@pytest.mark.parametrize(
    ("kind", "metric", "value"),
    [
        ("refunds larger than orders", "revenue", -750),
        ("refunds larger than orders", "refund_rate", 6),
        ("refunds larger than orders", "customer_concentration", 1),
        ("all equal amounts", "high_value_share", 7 / 8),
        ("all equal amounts", "customer_concentration", 1 / 8),
        ("one order only", "average_order_value", 100),
        ("only in the future", "orders", 0),
        ("costs above the price", "contribution_margin", -8),
        ("refunds only", "refund_rate", None),
    ],
)
def test_what_is_out_of_the_ordinary_comes_to(kind: str, metric: str, value: float | None) -> None:
    [row] = measure(METRICS[metric], company(orders=STRANGE[kind], subscriptions=[]), MARCH).to_pylist()

    assert row["value"] == (None if value is None else pytest.approx(value))


def test_money_without_an_exchange_rate_is_left_out_and_said() -> None:
    rows = [order(1, 100, currency="CNY"), {**order(2, 900, currency="USD"), "amount_base_minor": None}]
    tables = company(orders=rows, subscriptions=[])

    [revenue] = measure(METRICS["revenue"], tables, MARCH).to_pylist()

    assert revenue["value"] == 100
    assert cautions(METRICS["revenue"], tables, [MARCH]) == [
        {"contract": "orders", "currencies": ["USD"], "records": 1}
    ]
    assert cautions(METRICS["orders"], tables, [MARCH]) == []


def test_gross_retention_and_revenue_churn_are_the_whole() -> None:
    rows = METRICS["revenue_churn"].example.rows

    kept, lost = (
        measure(METRICS[name], company(**rows), MARCH).to_pylist()[0]["value"]
        for name in ("gross_revenue_retention", "revenue_churn")
    )

    assert kept + lost == pytest.approx(1)


def test_who_sees_a_part_is_not_told_to_import_what_is_the_company_s() -> None:
    why = why_nothing(METRICS["acquisition_cost"], ("spending",), None, False)

    assert "kept for the company as a whole" in why.en
    assert set(GRAINS) == {"day", "week", "month", "quarter", "year"}
