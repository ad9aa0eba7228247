"""IBM Telco, one wide row a customer with a yes/no outcome and no time in it, through to the pages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.conftest import DATA
from tests.end_to_end.conftest import Filled, assert_back_tested
from tests.running import Visitor, tenure

pytestmark = pytest.mark.data

FILE = DATA / "telco_churn" / "telco_classic.parquet"


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return pq.read_table(FILE).to_pandas().set_index("customerID")


@pytest.fixture(scope="module")
def telco(company: Callable[..., Filled]) -> Filled:
    return company(("import", FILE, "--as", "snapshot", "--id", "customerID", "--outcome", "Churn=Yes"))


@pytest.fixture(scope="module")
def pages(telco: Filled) -> Iterator[Visitor]:
    with telco.pages() as visitor:
        yield visitor


def test_each_customer_is_in_with_their_outcome(telco: Filled, rows: pd.DataFrame) -> None:
    snapshot = telco.table("records/snapshot").to_pandas().set_index("customer_id")

    assert len(snapshot) == len(rows) == 7_043
    assert snapshot.outcome.sum() == 1_869
    assert (snapshot.outcome == (rows.Churn == "Yes").reindex(snapshot.index)).all()
    sent = {name: str(value) for name, value in rows.loc["7590-VHVEG"].drop("Churn").items()}
    kept = {name: str(value) for name, value in json.loads(snapshot.extra["7590-VHVEG"]).items()}
    assert kept == sent


def test_validation_is_by_folds_and_the_card_says_so(telco: Filled) -> None:
    card = telco.card()

    assert "validation is by folds" in card["protocol"]["en"]
    assert "按折验证" in card["protocol"]["zh"]
    assert any("how well the model holds in a later month is not known" in limit["en"] for limit in card["limits"])
    assert_back_tested(card)
    # Between what the protocol reaches and what only a leak would give.
    assert 0.84 <= card["metrics"]["auc"] < 0.87
    assert card["metrics"]["brier"] < 0.14
    assert (card["data"]["rows"], card["data"]["left"]) == (7_043, 1_869)


def test_the_outcome_is_no_reason_of_itself_and_reasons_name_the_files_columns(
    telco: Filled, rows: pd.DataFrame
) -> None:
    cards = telco.table("scores/customers").to_pandas()
    told = [(key, reason) for key, text in zip(cards.customer_id, cards.reasons, strict=True)
            for reason in json.loads(text)]  # fmt: skip

    named = {reason["feature"] for _key, reason in told}

    assert named <= set(rows.columns) - {"Churn"}
    assert len(named) > 8
    contracts = [(key, reason["en"]) for key, reason in told if reason["feature"] == "Contract"]
    assert len(contracts) > 1_000
    assert all(sentence == f"Contract: {rows.Contract[key]}" for key, sentence in contracts)


def test_who_is_said_to_be_likely_to_leave_left_more_often(telco: Filled, rows: pd.DataFrame) -> None:
    cards = telco.table("scores/customers").to_pandas().set_index("customer_id")
    left = (rows.Churn == "Yes").reindex(cards.index)

    by_band = left.groupby(cards.risk_band).mean()

    assert cards.churn_probability.notna().all()
    assert by_band["high"] > 0.7 > by_band["medium"] > 0.4 > by_band["low"]
    assert abs(cards.churn_probability.mean() - left.mean()) < 0.01


def test_without_orders_there_is_no_value_and_the_command_says_why(telco: Filled) -> None:
    said = tenure(telco.home, "show", "value", fails=True).stderr

    assert "No customer could be scored" in said


def test_the_pages_show_the_snapshots_figures(telco: Filled, pages: Visitor) -> None:
    card = telco.one("7590-VHVEG")

    assert "7,043" in pages.get("/")
    assert f"{(telco.table('scores/customers').to_pandas().risk_band == 'high').sum()}" in pages.get("/")
    assert "7590-VHVEG" in pages.get("/customers/?q=7590-VHVEG")
    page = pages.get(f"/customers/{card['person_id']}/")
    assert "Month-to-month" in page
    assert "Electronic check" in page
    assert json.loads(card["reasons"])[0]["en"] in page
    model = pages.get("/churn/model/")
    assert f"{telco.card()['metrics']['auc']:.3f}" in model
    assert "validation is by folds" in model
    assert "按折验证" in pages.get("/churn/model/", language="zh-hans")
    for part in ("", "stages/", "value/", "cohorts/", "campaigns/"):
        assert "Traceback" not in pages.get(f"/insight/{part}")
