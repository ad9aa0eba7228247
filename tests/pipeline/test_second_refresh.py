"""What comes on a day that was refreshed already is told as a refresh of everything tells it, and is less work."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tenure.desk.customers.models import Customer, Publication, Score
from tenure.insight.churn import ChurnModel
from tenure.lake import SYSTEM
from tenure.pipeline import kept
from tests.pipeline.conftest import Shop
from tests.pipeline.test_runs import FIRST_DAY, customers, orders

pytestmark = pytest.mark.django_db

HISTORY = orders(240, FIRST_DAY, date(2026, 3, 20))
LAST = max(row["ordered_at"] for row in HISTORY)
TODAYS = [
    {**row, "order_id": f"B-{n}", "ordered_at": LAST, "amount_minor": 700 + n} for n, row in enumerate(HISTORY[:400:25])
]
LATE = [{**HISTORY[3], "order_id": "L-1", "ordered_at": datetime(2025, 6, 3, 4, tzinfo=UTC)}]
MONTHS = ("scores/rfm_months", "scores/stages")
TABLES = ("scores/rfm", *MONTHS, "scores/stages_now", "scores/value", "scores/churn", "scores/lives", "scores/tiers")


@pytest.fixture
def shop(desk: None, new_shop: Callable[[], Shop]) -> Shop:
    shop = new_shop()
    shop.receive(orders=HISTORY, customers=customers(240))
    shop.refresh()
    return shop


def told(shop: Shop) -> dict[str, Any]:
    """Everything the lake and the desk say of customers, but what says when it was worked out."""
    lake = shop.lake
    found: dict[str, Any] = {}
    for name in (*TABLES, "scores/customers"):
        rows = lake.read(name, actor=SYSTEM)
        keys = [key for key in ("person_id", "as_of") if key in rows.columns]
        found[name] = lake.to_arrow(rows.order_by(*keys)).to_pylist()
    figures = [field.attname for field in Score._meta.concrete_fields if field.attname not in ("id", "generation")]
    shown = Publication.current()
    assert shown is not None
    found["figures"] = list(Score.objects.filter(generation=shown.generation).order_by("customer_id").values(*figures))
    found["customers"] = list(Customer.objects.order_by("pk").values())
    return found


def files(shop: Shop, table: str) -> set[str]:
    return {Path(file).name for file in shop.lake.store.files(table)[0]}


def test_new_orders_of_the_day_come_to_what_a_refresh_of_everything_says(shop: Shop) -> None:
    before = {table: files(shop, table) for table in MONTHS}
    shown = Publication.current()

    shop.receive(orders=TODAYS)
    shop.refresh()

    gone_on = told(shop)
    # The months before stay as they lie, and the generation shown is changed, not another put beside it.
    assert all(len(before[table] & files(shop, table)) == len(before[table]) - 1 > 0 for table in MONTHS)
    assert Publication.current().generation == shown.generation  # type: ignore[union-attr]
    shop.refresh(again=True)
    assert _but_learned(told(shop)) == _but_learned(gone_on)


def _but_learned(said: dict[str, Any]) -> dict[str, Any]:
    """All but the risk of leaving, which is scored by the model there is until one is learned again, and the group of
    customers alike, of which there are those found on the day first."""
    learned = {"churn_probability", "risk_band", "reasons", "risk_key", "at_risk_minor", "told", "persona"}
    return {
        table: [{name: value for name, value in row.items() if name not in learned} for row in rows]
        for table, rows in said.items()
        if table != "scores/churn"
    }


def test_tables_of_a_restored_lake_are_not_taken_for_those_before_because_of_their_number(shop: Shop) -> None:
    shop.receive(orders=TODAYS)
    shop.refresh()
    shown = Publication.current()
    assert shown is not None
    assert shown.lake_version == shop.lake.version("scores/customers") == 1
    # Restored, the tables are there, and their versions are counted from the start.
    lake = shop.lake
    for table in (name for name in lake.store.names() if name.startswith("scores/")):
        lies = lake.to_arrow(lake.as_it_lies(table))
        shutil.rmtree(lake.store.path(table))
        lake.store.replace(table, lies)
        assert lake.version(table) == 0

    shop.receive(orders=[row | {"order_id": f"C-{n}"} for n, row in enumerate(TODAYS[:5])])
    shop.refresh()

    gone_on = told(shop)
    assert shop.lake.version("scores/customers") == 1
    shop.refresh(again=True)
    assert _but_learned(told(shop)) == _but_learned(gone_on)


def test_an_order_of_long_ago_has_the_months_since_worked_out_anew(shop: Shop) -> None:
    before = {table: files(shop, table) for table in MONTHS}

    shop.receive(orders=LATE)
    shop.refresh()

    gone_on = told(shop)
    assert not any(before[table] & files(shop, table) for table in MONTHS)
    shop.refresh(again=True)
    whole = told(shop)
    assert {name for name in MONTHS if whole[name] != gone_on[name]} == set()


def test_a_name_that_changed_reaches_card_and_desk(shop: Shop) -> None:
    shop.receive(
        customers=[{"customer_id": "C-007", "name": "Renamed", "updated_at": datetime(2026, 3, 1, tzinfo=UTC)}]
    )
    shop.refresh()

    [card] = [row for row in told(shop)["scores/customers"] if row["customer_id"] == "C-007"]
    assert (card["name"], card["phone"]) == ("Renamed", "+8613800000007")
    assert Customer.objects.get(customer_id="C-007").name == "Renamed"


def test_rows_met_before_are_taken_from_what_is_kept_and_only_of_the_same_model(shop: Shop) -> None:
    import numpy as np

    from tenure.pipeline.run import Context

    lake = shop.lake
    context = Context(lake, shop.here, LAST, LAST)
    path = kept.path_of(lake, "test.npz")
    asked: list[int] = []

    def work_out(rows: Any) -> Any:
        asked.append(len(rows))
        return rows.sum(axis=1, keepdims=True)

    rows = np.random.default_rng(1).normal(size=(50, 4))
    kept.by_row(context, path, "a", rows, work_out)
    rows[7] += 1
    again = kept.by_row(context, path, "a", rows[::-1], work_out)
    kept.by_row(context, path, "b", rows, work_out)

    assert asked == [50, 1, 50]
    assert (again == rows[::-1].sum(axis=1, keepdims=True)).all()


def test_only_those_whose_facts_changed_are_scored_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    scored: list[int] = []
    opened = ChurnModel.opened

    def counted(model: ChurnModel, X: Any, *given: Any, **more: Any) -> Any:
        scored.append(X.num_rows)
        return opened(model, X, *given, **more)

    monkeypatch.setattr(ChurnModel, "opened", counted)
    buyers = {row["customer_id"] for row in TODAYS}

    shop.receive(orders=TODAYS)
    shop.refresh()

    assert 0 < sum(scored) <= len(buyers)
