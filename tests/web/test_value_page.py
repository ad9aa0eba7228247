"""The pages of value and survival: what they show is the asker's own, and every number leads somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from tenure.desk.governance import services
from tenure.desk.governance.access import role_named
from tenure.desk.lake import lake
from tenure.lake import SYSTEM
from tenure.lake.tables import COMPUTED
from tenure.web.insight.shared import span_around
from tests.cast import CHEN, EAST, MONDAY, SOUTH, WANG, cards

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _as_it_was(sign_in: Any) -> Iterator[None]:
    """The company's lake is shared: what a test computes into it is taken out again."""
    yield
    for table in ("scores/value", "scores/lives"):
        lake().publish(table, COMPUTED[table].empty_table())
    for document in ("value_card", "lives_card"):
        lake().publish_document(document, {})


def valued() -> None:
    """Everybody fell from the highest tenth to the fifth, by as much as their number."""
    rows = [
        {"person_id": p, "p_alive": 0.9, "expected_purchases": 2.0, "value_base_minor": 10_000, "value_decile": 5,
         "contract_base_minor": 0, "simple_base_minor": 9_000, "as_of": date(2026, 2, 28), "before_on": date(2026, 1, 31),
         "before_base_minor": 10_000 + 100 * p, "before_decile": 10}
        for p in sorted(EAST | SOUTH)
    ]  # fmt: skip
    lake().publish("scores/value", pa.Table.from_pylist(rows, schema=COMPUTED["scores/value"]))


def lived() -> None:
    rows = [
        {"person_id": p, "days": 100 * n, "ended": n % 2 == 0, "kind": "buyer", "plan": None}
        for n, p in enumerate(sorted(EAST | SOUTH), 1)
    ]
    lake().publish("scores/lives", pa.Table.from_pylist(rows, schema=COMPUTED["scores/lives"]))
    lake().publish_document("lives_card", {"as_of": "2026-02-28", "silence_days": 120})


def test_who_moved_is_told_of_the_readers_customers_and_leads_to_them(sign_in: Any) -> None:
    valued()

    everyone, east = (sign_in(name).get("/insight/value/") for name in ("dee", "mia"))

    assert everyone.context["moved"] == len(EAST | SOUTH)
    assert east.context["moved"] == len(EAST)
    furthest = east.context["fallen"][0]
    assert furthest["person_id"] == max(EAST)
    assert furthest["change"] == -100 * max(EAST)
    assert f'href="/customers/{max(EAST)}/"' in east.content.decode()
    assert all(f'href="/customers/{person}/"' not in east.content.decode() for person in SOUTH)


def test_the_model_in_use_is_named_with_how_it_was_tried_and_why_others_could_not_be(sign_in: Any) -> None:
    valued()
    interval = {"value": -0.021, "low": -0.05, "high": 0.01}
    tried = {"customers": 500, "foretold": 9.0, "happened": 10.0, "bias": interval, "spearman": None, "pearson": None,
             "gini": 0.7, "explained": 0.44, "mae": 1.0, "rmse": 2.0,
             "deciles": [{"decile": 10, "customers": 50, "foretold": 9.0, "happened": interval}]}  # fmt: skip
    lake().publish_document("value_card", {
        "model": "hybrid", "learned_before": "2026-03-01", "reach_days": 181.0,
        "tried": {"hybrid": tried, "bgnbd": {**tried, "explained": 0.4}},
        "refused": {"pareto": {"en": "Not enough data, because it is so.", "zh": "数据不足。"}}, "simple": {**tried, "bias": None},
        "calibration": [{"n": 50, "predicted": 0.2, "observed": 0.25, "low": 0.15, "high": 0.4}],
    })  # fmt: skip

    page = sign_in("dee").get("/insight/value/")
    text = page.content.decode()

    assert [row["taken"] for row in page.context["tried"]] == [True, False, False]
    assert "Habits corrected by learning" in text
    assert "-2.1%" in text
    assert "Not enough data, because it is so." in text
    assert "Learned from what was bought before March 1, 2026" in text


def test_a_customer_s_value_is_shown_with_how_far_such_customers_strayed(sign_in: Any) -> None:
    spans = [{"decile": 1, "upto": 100.0, "low": 0.0, "high": 0.0},
             {"decile": 10, "upto": 500_000.0, "low": 0.4, "high": 2.5}]  # fmt: skip
    lake().publish_document("value_card", {"model": "mbgnbd", "spans": spans})

    page = sign_in("dee").get(f"/customers/{WANG}/").content.decode()
    beyond = sign_in("dee").get(f"/customers/{CHEN}/").content.decode()

    [said] = re.findall("8 of 10 such customers[^<]*", page)
    assert said == "8 of 10 such customers bring ¥2,000 to ¥12,500"
    assert "8 of 10" not in beyond, "nobody of so high a forecast was tried"
    assert span_around(90) == (0, 0)


def test_survival_counts_the_readers_customers_and_states_what_leaving_means(sign_in: Any) -> None:
    lived()

    everyone, east = (sign_in(name).get("/churn/survival/") for name in ("dee", "mia"))

    assert everyone.context["everyone"]["customers"] == len(EAST | SOUTH)
    assert east.context["everyone"]["customers"] == len(EAST)
    assert "120 days after the last purchase" in everyone.content.decode()


def many(count: int = 240) -> dict[int, tuple[int, bool, str, str]]:
    """Customers of two plans and two regions by turns: days, whether they left, plan, region. Monthly leave early."""
    told = {}
    for n in range(count):
        monthly = n % 2 == 0
        told[1000 + n] = (
            (30 + n % 60 if monthly else 200 + n), n % 5 > 0 if monthly else n % 5 == 0, "monthly" if monthly else "yearly",
            "浙江" if n % 4 < 2 else "广东",
        )  # fmt: skip
    return told


@pytest.fixture
def two_plans() -> Iterator[dict[int, tuple[int, bool, str, str]]]:
    told = many()
    lives = [
        {
            "person_id": p,
            "days": days,
            "ended": ended,
            "kind": "contract",
            "plan": plan,
            "ahead_days": None if ended else 200.4,
        }
        for p, (days, ended, plan, _region) in told.items()
    ]
    before = cards()
    blank = dict.fromkeys(before.schema.names)
    rows = [blank | {"person_id": p, "region": region, "stage": "mature"} for p, (*_, region) in told.items()]
    lake().publish("scores/lives", pa.Table.from_pylist(lives, schema=COMPUTED["scores/lives"]))
    lake().publish("scores/customers", pa.Table.from_pylist(rows, schema=before.schema))
    yield told
    lake().publish("scores/customers", before)


def test_survival_is_told_apart_by_what_customers_were_from_the_start_with_a_test_of_the_difference(
    sign_in: Any, two_plans: Any
) -> None:
    page = sign_in("dee").get("/churn/survival/?by=plan")

    ways = {way["code"]: way for way in page.context["splits"]}
    assert set(ways) == {"plan", "region"}  # one stage, one kind: nothing to tell apart
    assert ways["plan"]["differs"]
    assert not ways["region"]["differs"]
    monthly, yearly = sorted(page.context["split"]["rows"], key=lambda row: row["name"])
    assert (monthly["customers"], yearly["customers"]) == (120, 120)
    assert monthly["ahead"]["low"] < monthly["ahead"]["value"] < yearly["ahead"]["value"] < 365
    assert monthly["odds"]["low"] > 1 > yearly["odds"]["high"]


def test_a_curve_opens_its_customers_those_still_there_first(sign_in: Any, two_plans: Any) -> None:
    client = sign_in("dee")
    (monthly,) = [
        row for row in client.get("/churn/survival/?by=plan").context["split"]["rows"] if row["name"] == "monthly"
    ]

    opened = client.get(monthly["url"]).context["opened"]

    assert opened.people
    assert set(opened.people) == {p for p, told in two_plans.items() if told[2] == "monthly"}
    there = [not two_plans[p][1] for p in opened.people]
    assert there == sorted(there, reverse=True)


def test_what_amounts_decide_does_not_tell_apart_for_who_may_not_see_them(sign_in: Any, two_plans: Any) -> None:
    before = lake().to_arrow(lake().read("scores/customers", actor=SYSTEM))
    tiers = ["core" if n % 2 else "growth" for n in range(before.num_rows)]
    place = before.column_names.index("tier")
    lake().publish("scores/customers", before.set_column(place, "tier", pa.array(tiers)))
    sees, looks = sign_in("ivy").get("/churn/survival/?by=tier"), None
    role = role_named("analyst")
    services.save_role(replace(role, fields={**role.fields, "amounts": "hidden"}), actor=None, now=MONDAY)
    looks = sign_in("ivy").get("/churn/survival/?by=tier")

    assert sees.context["by"] == "tier"
    assert sees.context["split"]["back"]
    assert {way["code"]: way["p"] for way in sees.context["splits"]}["tier"] is None
    assert "tier" not in {way["code"] for way in looks.context["splits"]}
    assert sign_in("ivy").get("/insight/customers/?part=survival&by=tier&value=core").status_code == 404


def test_the_page_of_a_customer_says_how_long_it_is_expected_to_stay(sign_in: Any) -> None:
    rows = [{"person_id": WANG, "days": 90, "ended": False, "kind": "buyer", "plan": None, "ahead_days": 287.6}]
    lake().publish("scores/lives", pa.Table.from_pylist(rows, schema=COMPUTED["scores/lives"]))

    assert "288 of the next 365 days" in sign_in("ann").get(f"/customers/{WANG}/means/").content.decode()


def test_before_any_refresh_survival_says_what_to_import(sign_in: Any) -> None:
    assert "tenure import contracts.csv" in sign_in("dee").get("/churn/survival/").content.decode()
