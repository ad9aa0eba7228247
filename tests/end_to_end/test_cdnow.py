"""CDNOW, the purchases of a music shop's first-quarter-1997 customers, through to the pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tenure.insight.value import BGNBD, ParetoNBD
from tests.conftest import DATA
from tests.end_to_end.conftest import Filled, assert_back_tested
from tests.running import Visitor, shown

pytestmark = pytest.mark.data

FILE = DATA / "cdnow" / "cdnow_master.parquet"
LAST_DAY = dt.date(1998, 6, 30)


@pytest.fixture(scope="module")
def purchases() -> pd.DataFrame:
    return pq.read_table(FILE).to_pandas()


@pytest.fixture(scope="module")
def shop(company: Callable[..., Filled]) -> Filled:
    # The file numbers no order: each row is one.
    return company(
        ("init", "--zone", "America/New_York", "--currency", "USD"),
        ("import", FILE, "--as", "orders", "--map", "row=order_id"),
    )


@pytest.fixture(scope="module")
def pages(shop: Filled) -> Iterator[Visitor]:
    with shop.pages() as visitor:
        yield visitor


def test_every_purchase_is_in_to_the_cent(shop: Filled, purchases: pd.DataFrame) -> None:
    orders = shop.table("records/orders").to_pandas()

    assert len(orders) == len(purchases) == 69_659
    assert orders.amount_base_minor.sum() == (purchases.spend * 100).round().sum() == 250_031_563
    assert orders.quantity.sum() == purchases.quantity.sum() == 167_881
    assert (orders.ordered_on.min(), orders.ordered_on.max()) == (dt.date(1997, 1, 1), LAST_DAY)
    assert shop.table("scores/customers").num_rows == 23_570


def histories(purchases: pd.DataFrame, last_day: pd.Timestamp) -> tuple[pd.Index, Any, Any, Any]:
    """Who bought, x, t_x and T in weeks, of what was bought until a day."""
    seen = purchases[pd.to_datetime(purchases.date) <= last_day]
    days = seen.groupby("customer_id").date.agg(["nunique", "min", "max"])
    first, last = pd.to_datetime(days["min"]), pd.to_datetime(days["max"])
    x = days["nunique"].to_numpy() - 1.0
    return days.index, x, (last - first).dt.days.to_numpy() / 7, (last_day - first).dt.days.to_numpy() / 7


def test_the_value_step_fits_what_a_direct_fit_of_the_file_fits(shop: Filled, purchases: pd.DataFrame) -> None:
    today = pd.Timestamp(LAST_DAY)
    # Learned from before the month, told of customers as they are today.
    _people, *past = histories(purchases, today.replace(day=1) - pd.Timedelta(days=1))
    people, x, t_x, T = histories(purchases, today)

    direct = BGNBD().fit(*past)

    card = shop.card("value_card")
    for name in ("r", "alpha", "a", "b", "log_likelihood"):
        assert card["bgnbd"][name] == pytest.approx(getattr(direct, f"{name}_"), rel=1e-6)
    assert card["repeat_buyers"] <= (x > 0).sum()
    chances = shop.table("scores/customers").to_pandas()
    chances = chances.set_index(chances.customer_id.astype(int)).p_alive.reindex(people)
    # The back-test finds that learning explains most; its chances are those of Pareto/NBD, which it corrects.
    assert card["model"] == "hybrid"
    assert card["learned_before"] == "1998-06-01"
    assert abs(card["tried"]["hybrid"]["bias"]["value"]) < 0.05 < abs(card["tried"]["bgnbd"]["bias"]["value"])
    assert np.allclose(chances, ParetoNBD().fit(*past).p_alive(x, t_x, T), rtol=1e-4)


def test_the_card_of_customer_3_is_what_a_hand_works_out(shop: Filled) -> None:
    # Bought on 2 January, 30 March, 2 April, 15 and 25 November 1997 and 28 May 1998:
    # 20.76 + 20.76 + 19.54 + 57.45 + 20.96 + 16.99 = 156.46; from 28 May to 1 July 1998 are 34 days.
    card = shop.one("3")

    assert (card["first_order_on"], card["last_order_on"]) == (dt.date(1997, 1, 2), dt.date(1998, 5, 28))
    assert (card["frequency"], card["monetary_base_minor"], card["recency_days"]) == (6, 15_646, 34)
    assert 0.5 < card["p_alive"] < 1
    assert card["value_base_minor"] > 0


def test_two_orders_on_one_day_are_one_purchase(shop: Filled) -> None:
    card = shop.one("2")

    assert (card["frequency"], card["monetary_base_minor"]) == (1, 8_900)


def test_churn_is_back_tested_and_the_riskiest_come_first(shop: Filled) -> None:
    assert_back_tested(shop.card())
    assert shop.card()["metrics"]["auc"] > 0.65
    assert {other["column"] for other in shop.card()["comparators"]} == {"order_recency_days", "p_alive"}

    listed = shown(shop.home, "churn")

    risks = [row["churn_probability"] for row in listed]
    assert len(risks) == 20
    assert risks == sorted(risks, reverse=True)
    assert all(len(row["reasons"]) == 3 and row["reasons"][0]["zh"] for row in listed)


def test_the_pages_show_the_shops_figures(shop: Filled, pages: Visitor) -> None:
    card = shop.one("3")

    assert "23.6K" in pages.get("/")
    assert "2.4万" in pages.get("/", language="zh-hans")
    page = pages.get(f"/customers/{card['person_id']}/")
    assert "$156" in page
    assert "1998-05-28" in page
    assert f"{shop.card()['metrics']['auc']:.3f}" in pages.get("/churn/model/")
    # 7,846 first bought in January 1997, the cohort the data set is known for.
    january = shop.table("records/orders").to_pandas().groupby("person_id").ordered_on.min()
    size = sum(day < dt.date(1997, 2, 1) for day in january)
    assert f'1997-01</th><td class="t-num">{size:,}</td>' in pages.get("/insight/cohorts/")
