"""A lake with next to nothing in it refreshes too, and says what can't be told and why, rather than a number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from django.core.cache import cache
from django.test import Client

from tenure.desk.governance.services import create_user
from tests.pipeline.conftest import CLOCK, Shop

pytestmark = pytest.mark.django_db

START = datetime(2026, 1, 1, 4, tzinfo=UTC)
PAGES = ["/", "/today/numbers/", "/customers/", "/data/", "/insight/", "/insight/stages/", "/insight/value/",
         "/insight/cohorts/", "/insight/campaigns/", "/insight/model/"]  # fmt: skip


def order(number: int, customer: str, day: int, amount: int) -> dict[str, Any]:
    return {"order_id": f"A-{number}", "line_no": 1, "customer_id": customer, "ordered_at": START + timedelta(days=day),
            "amount_minor": amount, "quantity": 1.0 if amount >= 0 else -1.0, "kind": "sale" if amount >= 0 else "refund"}  # fmt: skip


def customer(number: int) -> dict[str, Any]:
    return {"customer_id": f"C-{number}", "name": f"客户{number}", "updated_at": START}


LAKES: dict[str, dict[str, list[dict[str, Any]]]] = {
    "nothing": {},
    "customers only": {"customers": [customer(n) for n in range(5)]},
    "one customer": {"orders": [order(n, "C-1", 9 * n, 1_000 + n) for n in range(6)]},
    "one order": {"orders": [order(1, "C-1", 0, 1_000)]},
    "one purchase each": {"orders": [order(n, f"C-{n}", n % 90, 1_000 + 7 * n) for n in range(120)]},
    "equal amounts": {"orders": [order(n, f"C-{n % 120}", (n * 37) % 400, 1_000) for n in range(600)]},
    "free of charge": {"orders": [order(n, f"C-{n % 40}", (n * 37) % 200, 0) for n in range(160)]},
    "refunds only": {"orders": [order(n, f"C-{n % 7}", n, -1_000) for n in range(40)]},
    "nobody's orders": {"orders": [{**order(n, "", n, 1_000), "customer_id": None} for n in range(40)]},
}


@pytest.mark.parametrize("lake", LAKES)
def test_a_refresh_of_next_to_nothing_works_and_the_pages_say_why_there_is_no_score(
    lake: str, new_shop: Callable[[], Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = new_shop()
    shop.receive(**LAKES[lake])

    shop.refresh()

    cards = shop.table("scores/customers")
    for name, table in shop.scores().items():
        for column in table.column_names:
            if pa.types.is_floating(table[column].type):
                assert not pc.any(pc.is_nan(table[column])).as_py(), (name, column)
                assert not pc.any(pc.is_inf(table[column])).as_py(), (name, column)
    named = {row.get("customer_id") for rows in LAKES[lake].values() for row in rows} - {None}
    assert cards.num_rows == len(named)
    if lake != "equal amounts":
        assert cards["churn_probability"].null_count == cards.num_rows
        assert shop.lake.document("churn_card")["not_enough_data"]
    monkeypatch.setenv("TENURE_HOME", str(shop.here.home))
    cache.clear()
    client = Client()
    client.force_login(create_user("ada", password="correct-horse-battery", role="admin", actor=None, now=CLOCK))
    for page in [*PAGES, *(f"/customers/{row['person_id']}/" for row in cards.slice(0, 1).to_pylist())]:
        for language in ("en", "zh-hans"):
            answer = client.get(page, headers={"accept-language": language})
            assert answer.status_code == 200, page
            assert "nan" not in answer.content.decode().lower().replace("nan'an", "").split("<main")[-1].split()
    assert shop.refresh().as_of == shop.refresh().as_of


def test_a_lake_of_equal_amounts_is_scored_like_any_other(new_shop: Callable[[], Shop]) -> None:
    shop = new_shop()
    shop.receive(**LAKES["equal amounts"])
    shop.refresh()

    cards = shop.cards()

    assert all(card["value_base_minor"] >= 0 for card in cards)
    # Everyone spends the same each time, so what sets the customers apart is how often they come.
    worth = {round(card["value_base_minor"] / row["expected_purchases"])
             for card, row in zip(cards, shop.table("scores/value").to_pylist(), strict=True)
             if row["expected_purchases"] > 1}  # fmt: skip
    assert all(900 <= each <= 1_100 for each in worth)


def test_an_order_placed_tomorrow_does_not_move_the_clock(new_shop: Callable[[], Shop]) -> None:
    shop = new_shop()
    shop.receive(
        orders=[order(1, "C-1", 0, 1_000), {**order(2, "C-1", 0, 900), "ordered_at": CLOCK + timedelta(days=9)}]
    )

    assert shop.refresh().as_of.date() == date(2026, 1, 2)
    [card] = shop.cards()
    assert (card["frequency"], card["last_order_on"]) == (1, date(2026, 1, 1))
