"""Online Retail, two years of a UK gift wholesaler: both files in, overlap dropped, through to the pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_EVEN, Decimal

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.conftest import DATA
from tests.end_to_end.conftest import Filled, assert_back_tested
from tests.running import Visitor

pytestmark = pytest.mark.data

FOLDER = DATA / "online_retail"
FIRST, SECOND = FOLDER / "online_retail_2009_2010.parquet", FOLDER / "online_retail_2010_2011.parquet"
OVERLAP = dt.datetime(2010, 12, 1)  # noqa: DTZ001 - the file says no zone
BEST = "18102"  # spent the most


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    """The two files by other means: 1,067,370 lines less the 22,523 that both have, each worth whole pence."""
    first = pq.read_table(FIRST).to_pandas()
    first = first[first.InvoiceDate < OVERLAP]
    both = pd.concat([first, pq.read_table(SECOND).to_pandas()], ignore_index=True)
    pairs = both[["Quantity", "UnitPrice"]].drop_duplicates()
    pence = [
        int((Decimal(quantity) * Decimal(repr(price)) * 100).quantize(Decimal(1), ROUND_HALF_EVEN))
        for quantity, price in zip(pairs.Quantity.tolist(), pairs.UnitPrice.tolist(), strict=True)
    ]
    return both.merge(pairs.assign(pence=pence), on=["Quantity", "UnitPrice"])


@pytest.fixture(scope="module")
def shop(company: Callable[..., Filled]) -> Filled:
    return company(
        ("init", "--zone", "Europe/London", "--currency", "GBP"),
        ("import", FIRST, "--as", "orders", "--before", "2010-12-01"),
        ("import", SECOND, "--as", "orders"),
    )


@pytest.fixture(scope="module")
def pages(shop: Filled) -> Iterator[Visitor]:
    with shop.pages() as visitor:
        yield visitor


def test_every_line_of_both_halves_is_in_and_the_overlap_only_once(shop: Filled, lines: pd.DataFrame) -> None:
    orders = shop.table("records/orders").to_pandas()

    assert len(orders) == len(lines) == 1_067_370 - 22_523
    assert "502,938 accepted + 0 rejected + 22,523 left out" in " ".join(shop.said[1].split())
    assert orders.amount_base_minor.sum() == orders.amount_minor.sum() == lines.pence.sum() == 1_890_974_410
    by_order = orders.groupby("order_id").amount_minor.sum().to_dict()
    assert by_order == lines.groupby("InvoiceNo").pence.sum().to_dict()


def test_a_cancellation_is_a_refund(shop: Filled, lines: pd.DataFrame) -> None:
    orders = shop.table("records/orders").to_pandas()
    cancelled = lines[lines.InvoiceNo.str.startswith("C") & (lines.Quantity < 0)]

    refunds = orders[orders.kind == "refund"]

    assert refunds.amount_minor.sum() == lines.pence[lines.pence < 0].sum()
    assert len(refunds) == (lines.pence < 0).sum()
    assert refunds.order_id.str.startswith("C").sum() == len(cancelled) == 19_164
    # What else is negative: bad debts written off, which name nobody.
    assert refunds.person_id[~refunds.order_id.str.startswith("C")].isna().all()


def test_lines_without_a_customer_are_kept_and_belong_to_nobody(shop: Filled, lines: pd.DataFrame) -> None:
    orders = shop.table("records/orders").to_pandas()

    nobody = orders[orders.customer_id.isna()]

    assert len(nobody) == lines.CustomerID.isna().sum() == 235_287
    assert nobody.person_id.isna().all()
    assert nobody.amount_minor.sum() == lines.pence[lines.CustomerID.isna()].sum()
    assert orders.person_id.notna().sum() == lines.CustomerID.notna().sum()
    assert shop.table("scores/customers").num_rows == lines.CustomerID.nunique() == 5_942


def test_what_a_customer_paid_is_what_they_bought_less_what_they_gave_back(shop: Filled, lines: pd.DataFrame) -> None:
    own = lines[lines.CustomerID.notna()].assign(day=lines.InvoiceDate.dt.date)
    sales = own[own.pence >= 0].groupby("CustomerID").day.agg(["nunique", "min", "max"])
    paid = own.groupby("CustomerID").pence.sum()

    cards = shop.table("scores/customers").to_pandas()
    cards = cards.set_index(cards.customer_id.astype(int)).dropna(subset="frequency")

    assert set(cards.index) == set(sales.index)
    assert (cards.frequency == sales["nunique"].reindex(cards.index)).all()
    assert (cards.last_order_on == sales["max"].reindex(cards.index)).all()
    assert (cards.first_order_on == sales["min"].reindex(cards.index)).all()
    assert (cards.monetary_base_minor == paid.reindex(cards.index)).all()
    assert cards.customer_id[cards.monetary_base_minor.idxmax()] == BEST


def test_the_churn_model_is_tried_on_a_later_date_than_it_learned_from(shop: Filled) -> None:
    card = shop.card()

    assert_back_tested(card)
    assert card["metrics"]["auc"] > 0.7
    test = dt.datetime.fromisoformat(card["cuts"]["test"])
    horizon = dt.timedelta(days=card["definition"]["horizon_days"])
    learned = [dt.datetime.fromisoformat(cut) for cut in [*card["cuts"]["train"], card["cuts"]["calibrate"]]]
    assert all(cut + horizon <= test for cut in learned)
    assert test + horizon <= dt.datetime.fromisoformat(card["as_of"])
    by_name = {other["column"]: other for other in card["comparators"]}
    assert set(by_name) == {"order_recency_days", "p_alive"}
    assert all(other["gain_low"] > 0 for other in by_name.values())


def test_today_and_the_list_count_the_shops_customers(pages: Visitor) -> None:
    assert "5,942" in pages.get("/")
    found = pages.get(f"/customers/?q={BEST}")
    assert BEST in found
    assert "12346" not in found


def test_the_page_of_the_best_customer_tells_what_they_bought(
    shop: Filled, pages: Visitor, lines: pd.DataFrame
) -> None:
    card = shop.one(BEST)
    paid = lines.pence[lines.CustomerID == int(BEST)].sum()

    page = pages.get(f"/customers/{card['person_id']}/")

    assert f"£{round(paid / 100):,}" in page
    assert "2011-12-09" in page
    assert "Champions" in page
    assert card["stage_why_en"] in page


def test_insight_shows_the_grid_the_cohorts_and_the_model_card(
    shop: Filled, pages: Visitor, lines: pd.DataFrame
) -> None:
    first = lines[lines.CustomerID.notna() & (lines.pence >= 0)].groupby("CustomerID").InvoiceDate.min()
    began_in_april_2011 = (first.dt.strftime("%Y-%m") == "2011-04").sum()
    champions = (shop.table("scores/customers").to_pandas().rfm_cell == "champions").sum()

    assert f'2011-04</th><td class="t-num">{began_in_april_2011}</td>' in pages.get("/insight/cohorts/")
    assert f'Champions</a></td><td class="t-num">{champions:,}</td>' in pages.get("/insight/")
    assert f"{shop.card()['metrics']['auc']:.3f}" in pages.get("/churn/model/")
