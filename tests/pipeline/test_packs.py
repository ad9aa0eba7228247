"""A pack chosen is a pack worked by: real records come in under the trade's own names, and a refresh goes by the pack."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tenure.demo import Company
from tenure.desk.customers import packs, tiers
from tenure.errors import TenureError
from tenure.insight.churn import ChurnModel
from tenure.insight.segments.tiers import Rule
from tenure.lake import SYSTEM
from tenure.pipeline import numbers
from tenure.sources.importing import import_file
from tests.conftest import DATA
from tests.pipeline.conftest import CLOCK, RECEIVED, Shop

pytestmark = pytest.mark.django_db

TELCO = DATA / "telco_churn" / "telco_extended.parquet"
RETAIL = DATA / "online_retail" / "online_retail_2010_2011.parquet"
EVERY = 12  # of so many customers one is taken: the effect shows on a part, in seconds


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the refresh goes by the pack shows with a model of few rounds as well."""
    monkeypatch.setattr("tenure.pipeline.churn._MODEL", ChurnModel(folds=2, rounds=20, rate=0.2, tree_seeds=1))


def choose(shop: Shop, name: str) -> packs.Plan:
    return packs.choose(name, lake=shop.lake, scope=SYSTEM, actor=None, now=CLOCK)


def bring_in(shop: Shop, file: Path, contract: str) -> Any:
    """Import a file as it is: nobody says which column is which."""
    return import_file(
        shop.lake, file, contract, zone="UTC", currency="CNY", rejects_folder=shop.here.rejects_folder, now=RECEIVED
    )


def judged(shop: Shop, metric: str, until: date) -> str | None:
    rows = numbers.monthly(shop.lake, actor=SYSTEM, until=until, months=2, names=[metric])
    found: str | None = rows[-1]["judgement"]
    return found


@pytest.mark.data
def test_a_telecom_s_lines_come_in_by_their_own_names_and_its_refresh_goes_by_the_pack(
    new_shop: Callable[[], Shop], tmp_path: Path
) -> None:
    # IBM's file says how long each line ran and whether it ended, but no day: those that did end on some day of the last year.
    until = date(2024, 1, 1)
    rows = pq.read_table(TELCO).to_pylist()[::EVERY]
    lines = ["MSISDN,订购实例编号,合约名称,Activation Date,合约到期日,Disconnect Date,离网原因,月租"]
    for place, row in enumerate(rows):
        ended = until - timedelta(days=1 + place % 365) if row["Churn Label"] == "Yes" else None
        began = (ended or until) - timedelta(days=30 * max(1, row["Tenure Months"]))
        months = {"Month-to-month": 0, "One year": 12, "Two year": 24}[row["Contract"]]
        term = until + timedelta(days=place * 7 % (30 * months)) if months and not ended else None
        reason = (row["Churn Reason"] or "").replace(",", " ") if ended else ""
        lines.append(f"{row['CustomerID']},S-{place},{row['Contract']},{began},{term or ''},{ended or ''},{reason},{row['Monthly Charges']}")  # fmt: skip
    file = tmp_path / "lines.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    shop = new_shop()

    with pytest.raises(TenureError, match="no column for subscription_id"):
        bring_in(shop, file, "subscriptions")
    choose(shop, "telecom")
    report = bring_in(shop, file, "subscriptions")
    shop.refresh(until)

    held = shop.table("records/subscriptions").to_pylist()
    assert report.accepted == len(held) == len(rows)
    assert sum(1 for row in held if row["ended_at"]) == sum(row["Churn Label"] == "Yes" for row in rows)
    card = shop.lake.document("churn_card")
    assert "ends within 30 days" in card["definition"]["en"], card  # type: ignore[index]
    assert set(shop.table("scores/tiers")["tier_version"].to_pylist()) == {1}
    ending = [row for row in shop.table("scores/stages_now").to_pylist() if row["rule"] == "contract_ending"]
    assert 60 < max(row["term_left_days"] for row in ending) <= 90
    assert "3 %" in (judged(shop, "churn_rate", until) or "")

    packs.take_back(lake=shop.lake, scope=SYSTEM, actor=None, now=CLOCK)
    again = shop.refresh(until)

    done = {step.name for step in again.steps if not step.skipped}
    assert {"stages", "churn", "tiers"} <= done
    assert "rfm" not in done, "nothing of it depends on a pack"
    assert "ends within 60 days" in shop.lake.document("churn_card")["definition"]["en"]  # type: ignore[index]
    ending = [row for row in shop.table("scores/stages_now").to_pylist() if row["rule"] == "contract_ending"]
    assert max(row["term_left_days"] for row in ending) <= 60
    assert "5 %" in (judged(shop, "churn_rate", until) or "")


@pytest.mark.data
def test_the_wide_table_of_a_telecom_is_known_with_its_label_and_learned_from(
    new_shop: Callable[[], Shop], tmp_path: Path
) -> None:
    file = tmp_path / "wide.parquet"
    told_after = ["Churn Value", "Churn Score", "CLTV", "Churn Reason"]
    wide = pq.read_table(TELCO).drop_columns(told_after)
    pq.write_table(wide.take(list(range(0, wide.num_rows, EVERY))), file)
    shop = new_shop()
    choose(shop, "telecom")

    bring_in(shop, file, "snapshot")
    shop.refresh()

    left = shop.table("records/snapshot")["outcome"].to_pylist()
    assert None not in left
    card = shop.lake.document("churn_card")
    assert card["definition"]["en"] == "The outcome column of the snapshot"  # type: ignore[index]
    assert card["data"]["left"] == sum(left) > 0  # type: ignore[index]


@pytest.mark.data
def test_a_shop_s_refresh_goes_by_the_retail_pack(new_shop: Callable[[], Shop], tmp_path: Path) -> None:
    rows = pq.read_table(RETAIL).to_pandas()
    rows = rows[(rows.CustomerID % (2 * EVERY) == 1).fillna(False)]
    # As a till's export in China heads these columns.
    headed = rows.rename(columns={"InvoiceNo": "小票号", "StockCode": "条码", "Description": "商品标题", "Quantity": "销售数量",
                                  "InvoiceDate": "交易时间", "UnitPrice": "成交单价", "CustomerID": "会员卡号", "Country": "地区"})  # fmt: skip
    file = tmp_path / "till.csv"
    headed.to_csv(file, index=False)
    shop = new_shop()
    choose(shop, "retail")

    report = bring_in(shop, file, "orders")
    shop.refresh()

    orders = shop.table("records/orders")
    assert report.accepted == len(rows) == orders.num_rows
    assert set(orders["customer_id"].to_pylist()) == {str(number) for number in rows.CustomerID}
    definition = shop.lake.document("churn_card")["definition"]["en"]  # type: ignore[index]
    assert "among customers who bought in the 365 days before" in definition
    found = shop.table("scores/tiers")
    by_pack = {tier: found["tier"].to_pylist().count(tier) / found.num_rows for tier in ("strategic", "core")}
    assert by_pack["strategic"] <= 0.06, "strategic from 95 points"
    assert by_pack["strategic"] + by_pack["core"] == pytest.approx(0.2, abs=0.03), "core from 80"
    assert "benchmark of 15 %" in (judged(shop, "repurchase_rate", date(2011, 12, 1)) or "")


@pytest.mark.soak
def test_the_demo_company_s_tiers_move_by_the_pack_and_say_why(
    new_shop: Callable[[], Shop], cloudbridge: Company
) -> None:
    some = pa.array(cloudbridge.tables["customers"]["customer_id"].to_pylist()[:250])
    shop = new_shop()
    shop.receive(
        {
            name: cloudbridge.tables[name].filter(pc.is_in(cloudbridge.tables[name]["customer_id"], some))
            for name in ("customers", "orders", "subscriptions")
        }
    )
    shop.refresh()
    before = shop.table("scores/tiers")["tier"].to_pylist()

    choose(shop, "manufacturing")
    shop.refresh()

    assert shop.table("scores/tiers")["tier"].to_pylist() != before
    moves = shop.table("scores/tier_moves").to_pylist()
    assert moves
    assert all(move["tier_why_en"].startswith("The rule for tiers was changed.") for move in moves)
    assert tiers.in_force().rule == Rule(
        weights={"value": 30, "brought": 40, "margin": 20, "tenure": 10}, tenure_least_days=365, growth_from=15
    )
    definition = shop.lake.document("churn_card")["definition"]["en"]  # type: ignore[index]
    assert definition == "No purchase within 180 days, among customers who bought in the 730 days before"
