"""The metric catalogue for programs, within the key's reach and fields."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tenure.desk.customers.segments import changes
from tenure.desk.customers.segments import services as segments
from tenure.desk.customers.segments.asking import asker_of
from tenure.desk.customers.segments.services import Draft
from tenure.desk.governance import keys, services
from tenure.desk.governance.access import scope_of
from tenure.desk.governance.models import User
from tenure.desk.governance.roles import BUILT_IN, Role
from tenure.desk.lake import lake
from tests.cast import EAST, MONDAY, SOUTH

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(company: dict[str, User]) -> Any:
    """What the API answers to a key of this person."""

    def ask(name: str, path: str, role: str = "") -> Any:
        until = timezone.now() + timedelta(days=9)
        user = company[name]
        key = keys.make_key(user, role=role or user.role, expires_at=until, name="t", actor=None, now=timezone.now())[1]
        return Client().get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {key}"})

    return ask


def test_every_metric_is_defined_with_formula_source_and_lines(ask: Any) -> None:
    found = {one["name"]: one for one in ask("dee", "metrics").json()["metrics"]}

    assert len(found) >= 40
    assert found["nps"]["benchmark"]["value"] == 50
    assert found["revenue"]["formula"]["en"].startswith("sales")
    assert found["csat"]["source"]["zh"]


@pytest.mark.parametrize(("name", "reached"), [("dee", EAST | SOUTH), ("mia", EAST)])
def test_figures_are_of_the_customers_the_key_reaches(ask: Any, name: str, reached: set[int]) -> None:
    told = ask(name, "metrics/revenue?grain=year&periods=1&by=team").json()

    whole = sum(2_000 * p * len(range(3, 13, 1 + p % 2)) for p in reached)
    assert [row["value"] for row in told["figures"]] == [whole]
    assert sum(row["value"] for row in told["parts"]) == whole


def test_a_segment_the_company_built_tells_a_figure_apart(ask: Any, company: dict[str, User]) -> None:
    dee = company["dee"]
    draft = Draft("Zhejiang", {"field": "region", "is": "in", "value": ["浙江"]})
    row = segments.create(draft, asker=asker_of(dee, scope_of(dee)), actor=dee, now=MONDAY)
    changes.work_out(lake(), row.pk, now=MONDAY, actor=dee)
    asked = f"metrics/revenue?grain=year&periods=1&by=own:{row.pk}"
    behind = f"metrics/revenue/behind?start=2025-03-01&end=2025-04-01&by=own:{row.pk}&part={row.pk}"

    told = {one["part"]: one["value"] for one in ask("dee", asked).json()["parts"]}

    def brought(reached: set[int]) -> int:
        return sum(2_000 * p * len(range(3, 13, 1 + p % 2)) for p in reached)

    assert told == {str(row.pk): brought(EAST), "0": brought(SOUTH)}
    assert {one["person_id"] for one in ask("dee", behind).json()["rows"]} == EAST
    assert [ask("ivy", path).status_code for path in (asked, behind)] == [404, 404]


def test_what_is_behind_a_figure_adds_up_to_it(ask: Any) -> None:
    told = ask("mia", "metrics/revenue/behind?start=2025-03-01&end=2025-04-01").json()

    assert {row["person_id"]: row["numerator"] for row in told["rows"]} == {p: 2_000 * p for p in EAST}
    assert (told["total"], told["of"]) == (len(EAST), "customers")


def test_a_key_that_sees_no_amounts_is_told_of_no_money(ask: Any) -> None:
    manager = BUILT_IN["manager"]
    purse = Role("purse", manager.words, manager.meaning, "all", manager.permissions, {"amounts": "hidden"})
    services.save_role(purse, actor=None, now=MONDAY)

    named = {one["name"] for one in ask("dee", "metrics", "purse").json()["metrics"]}

    assert "orders" in named
    assert not named & {
        "revenue",
        "arpu",
        "refund_rate",
        "clv_to_cac",
        "customer_concentration",
        "gross_revenue_retention",
    }
    assert ask("dee", "metrics/refund_rate", "purse").status_code == 404
    assert ask("dee", "metrics/refund_rate/behind", "purse").status_code == 404


def test_a_role_without_insight_is_told_of_none(ask: Any) -> None:
    assert ask("mia", "metrics", "agent").status_code == 403


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("metrics/happiness", 404, "no such metric"),
        ("metrics/nps?grain=decade", 422, "day, week"),
        ("metrics/nps?by=shoe", 422, "segment, tier"),
        ("metrics/nps?by=product", 422, "name no product"),
        ("metrics/nps?periods=9000", 422, "1 to 60"),
        ("metrics/clv/behind", 422, "revenue"),
        ("metrics/nps/behind?start=x&end=y", 422, "2026-03-01"),
    ],
)
def test_what_cannot_be_asked_is_answered_with_what_can(ask: Any, path: str, status: int, said: str) -> None:
    answer = ask("dee", path)

    assert answer.status_code == status
    assert said in answer.json()["detail"]


def test_a_figure_that_is_null_says_why(ask: Any) -> None:
    [row] = ask("dee", "metrics/stock_cover_days?periods=1").json()["figures"]

    assert row["value"] is None
    assert row["why"]["en"] == "Not enough data, because there are no stock among the records."
