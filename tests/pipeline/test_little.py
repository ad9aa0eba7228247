"""A lake with next to nothing in it refreshes too, and says what can't be told and why, rather than a number."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from django.core.cache import caches
from django.test import Client
from django.utils.html import escape

from tenure.desk.governance.services import create_user
from tests.pipeline.conftest import CLOCK, Shop

pytestmark = pytest.mark.django_db

LUCK = random.Random(4)
START = datetime(2026, 1, 1, 4, tzinfo=UTC)
PAGES = ["/", "/today/numbers/", "/customers/", "/data/", "/insight/", "/insight/stages/", "/insight/value/", "/churn/survival/",
         "/insight/cohorts/", "/insight/campaigns/", "/churn/model/"]  # fmt: skip


def order(number: int, customer: str, day: int, amount: int) -> dict[str, Any]:
    return {"order_id": f"A-{number}", "line_no": 1, "customer_id": customer, "ordered_at": START + timedelta(days=day),
            "amount_minor": amount, "quantity": 1.0 if amount >= 0 else -1.0, "kind": "sale" if amount >= 0 else "refund"}  # fmt: skip


def customer(number: int) -> dict[str, Any]:
    return {"customer_id": f"C-{number}", "name": f"客户{number}", "updated_at": START}


# Visits on different days, most by a few: what the models of purchases expect.
VISITS = sorted({(f"C-{int(LUCK.expovariate(0.02))}", LUCK.randrange(400)) for _ in range(600)})
LAKES: dict[str, dict[str, list[dict[str, Any]]]] = {
    "nothing": {},
    "customers only": {"customers": [customer(n) for n in range(5)]},
    "one customer": {"orders": [order(n, "C-1", 9 * n, 1_000 + n) for n in range(6)]},
    "one purchase each": {"orders": [order(n, f"C-{n}", n % 90, 1_000 + 7 * n) for n in range(120)]},
    "equal amounts": {"orders": [order(n, who, day, 1_000) for n, (who, day) in enumerate(VISITS)]},
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
    if lake == "equal amounts":
        # Everyone spends the same each time, so what sets the customers apart is how often they come.
        bought = shop.table("scores/value").to_pylist()
        assert bought
        assert all(abs(row["value_base_minor"] - 1_000 * row["expected_purchases"]) <= 0.5 for row in bought)
        assert len({row["value_decile"] for row in bought}) > 5
    else:
        assert cards["churn_probability"].null_count == cards.num_rows
        why = shop.lake.document("churn_card")["not_enough_data"]
        assert re.match(
            r"Not enough data, because|The history is too short|There is nothing to tell who left by", why["en"]
        )
        assert re.match("[一-鿿]", why["zh"])
    monkeypatch.setenv("TENURE_HOME", str(shop.here.home))
    monkeypatch.setattr("tenure.web.headlines.MONTHS", 2)
    caches["figures"].clear()
    client = Client()
    client.force_login(create_user("ada", password="correct-horse-battery", role="admin", actor=None, now=CLOCK))
    for page in [*PAGES, *(f"/customers/{row['person_id']}/" for row in cards.slice(0, 1).to_pylist())]:
        for language in ("en", "zh-hans"):
            answer = client.get(page, headers={"accept-language": language})
            assert answer.status_code == 200, page
            text = answer.content.decode()
            if page == "/churn/model/" and lake != "equal amounts":
                assert escape(why["en" if language == "en" else "zh"]) in text
            assert not re.search(r"\bnan\b", re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL), re.IGNORECASE)


@pytest.mark.parametrize("wide", [True, False])
def test_where_orders_reach_back_too_little_the_way_out_is_named(
    wide: bool, new_shop: Callable[[], Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = new_shop()
    rows = [{"customer_id": f"C-{n}", "observed_at": START, "outcome": n % 3 == 0} for n in range(60)]
    shop.receive(
        orders=[order(n, f"C-{n % 40}", n % 20, 1_000) for n in range(120)], **({"snapshot": rows} if wide else {})
    )

    shop.refresh()

    card = shop.lake.document("churn_card")
    assert card is not None
    assert "too short" in card["not_enough_data"]["en"]
    out = card["way_out"]
    assert out["definition"] == ("outcome" if wide else "")
    assert ("The outcome of a snapshot" in out["en"]) is wide
    assert ("快照中的结果列" in out["zh"]) is wide
    monkeypatch.setenv("TENURE_HOME", str(shop.here.home))
    client = Client()
    client.force_login(create_user("ada", password="correct-horse-battery", role="admin", actor=None, now=CLOCK))
    for page in ("/churn/model/", "/churn/drivers/"):
        for language in ("en", "zh"):
            text = client.get(
                page, headers={"accept-language": "en" if language == "en" else "zh-hans"}
            ).content.decode()
            assert escape(out[language]) in text, page
            assert ("/churn/definitions/?kind=outcome" in text) is wide
    if wide:  # and the way out is one: what the page it leads to saves is learned by from then on
        assert (
            't-chosen" aria-current="true"><b>The outcome'
            in client.get("/churn/definitions/?kind=outcome").content.decode()
        )
        client.post("/churn/definitions/save/", {"as": "main", "kind": "outcome"})
        shop.refresh()
        again = shop.lake.document("churn_card")
        assert "too short" not in again.get("not_enough_data", {"en": ""})["en"]
        assert "way_out" not in again


def test_an_order_placed_tomorrow_does_not_move_the_clock(new_shop: Callable[[], Shop]) -> None:
    shop = new_shop()
    shop.receive(
        orders=[order(1, "C-1", 0, 1_000), {**order(2, "C-1", 0, 900), "ordered_at": CLOCK + timedelta(days=9)}]
    )

    assert shop.refresh().as_of.date() == date(2026, 1, 2)
    [card] = shop.cards()
    assert (card["frequency"], card["last_order_on"]) == (1, date(2026, 1, 1))
