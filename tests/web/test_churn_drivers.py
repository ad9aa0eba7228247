"""What a score rests on, what would lower it and how it came to be: on the customer's page, and over all of them."""

from __future__ import annotations

import html
import json
import re
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from django.core.cache import caches

from tenure.desk.customers.models import Publication, Score
from tenure.desk.governance import services
from tenure.desk.governance.access import role_named
from tenure.desk.governance.models import User
from tenure.insight.churn import ChurnModel, facts, history
from tenure.insight.churn.drivers import as_json, log_odds
from tenure.insight.churn.learners import learner_named
from tenure.lake import Lake
from tenure.lake.tables import COMPUTED
from tests.cast import LI, MONDAY, SMITH, WANG, ZHANG
from tests.web import SignIn

pytestmark = pytest.mark.django_db

OWN = {
    WANG: (3.0, 40.0, 8_800.0, 12.0, 33.0, "Month-to-month"), LI: (0.0, None, 2_500.0, 3.0, 61.0, "Two year"),
    ZHANG: (1.0, 9.0, 6_000.0, 30.0, 45.0, "Month-to-month"), SMITH: (2.0, 20.0, 8_000.0, 25.0, 52.0, "One year"),
}  # fmt: skip
COLUMNS = (
    "unresolved_cases",
    "oldest_unresolved_days",
    "monthly_fee_base_minor",
    "order_recency_days",
    "age_years",
    "Contract",
)
SINCE = date(2026, 1, 5)
CHAMPION = Path("models/churn/contract_end/1/model")


def base(rows: int = 500) -> tuple[pa.Table, Any]:
    r = np.random.default_rng(3)
    cases, fee = r.poisson(0.8, rows).astype(float), r.uniform(2_000, 9_000, rows)
    contract = r.choice(["Month-to-month", "One year", "Two year"], rows)
    risk = -2.8 + 1.2 * cases + 0.0002 * (fee - 5_000) + 1.0 * (contract == "Month-to-month")
    columns = [cases, pa.array(np.where(cases > 0, 9.0 * cases, np.nan), from_pandas=True), fee, r.uniform(1, 60, rows),
               r.uniform(20, 80, rows), contract]  # fmt: skip
    return pa.table(dict(zip(COLUMNS, columns, strict=True))), r.random(rows) < 1 / (1 + np.exp(-risk))


@pytest.fixture(scope="module")
def scored_home(filled_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cast's company with a churn model: its scores, what they were made from, and a point before them."""
    home = tmp_path_factory.mktemp("scored") / "home"
    shutil.copytree(filled_home, home)
    lake = Lake(home / "lake")
    X, left = base()
    model = ChurnModel(rounds=60, folds=2, rate=0.1).fit(X, left)
    model.save(lake.folder / CHAMPION)
    card = lake.document("churn_card") or {}
    lake.publish_document("churn_card", {**card, "model": {"code": "contract_end", "version": 1}})
    own = pa.Table.from_pylist([dict(zip(COLUMNS, told, strict=True)) for told in OWN.values()], schema=X.schema)
    chance, reasons, effects = model.opened(own)
    people = pa.array(list(OWN), pa.int64())
    rests_on, bands = as_json(effects), ["high", "low", "medium", "high"]
    lake.publish(
        "scores/churn",
        pa.table({"person_id": people, "churn_probability": chance, "risk_band": bands, "reasons": reasons, "drivers": rests_on}),
    )  # fmt: skip
    others = facts.packed(pa.array(range(100, 600)), X, model.readings)
    lake.publish("features/churn_facts", pa.concat_tables([facts.packed(people, own, model.readings), others]))
    points = []
    for person, p, band, drivers in zip(OWN, chance.tolist(), bands, rests_on, strict=True):
        told = {"service": {"feature": "unresolved_cases", "en": "Unresolved cases: 0 → 3", "zh": "未解决工单数：0 → 3"},
                "price": {"feature": "monthly_fee_base_minor", "en": "Monthly fee: 61.00 → 88.00", "zh": "月费：61.00 → 88.00"}}  # fmt: skip
        whole = log_odds(p) - log_odds(0.05)
        change = history.as_json(SINCE, 0.05, {"service": whole * 0.75, "price": whole * 0.25}, told)
        row = {"person_id": person, "risk_band": band, "drivers": drivers}
        points += [
            row | {"as_of": SINCE, "churn_probability": 0.05, "change": None, "model": "", "kind": "tried"},
            row | {"as_of": MONDAY.date(), "churn_probability": p, "change": change, "model": "m", "kind": "scored"},
        ]
    lake.publish("scores/churn_history", pa.Table.from_pylist(points, schema=COMPUTED["scores/churn_history"]))
    return home


@pytest.fixture
def scored(company: dict[str, User], scored_home: Path, monkeypatch: pytest.MonkeyPatch) -> ChurnModel:
    """The pages with that lake behind them."""
    monkeypatch.setenv("TENURE_HOME", str(scored_home))
    caches["figures"].clear()
    return ChurnModel.load(scored_home / "lake" / CHAMPION)


def piece(sign_in: SignIn, name: str, person: int = WANG) -> str:
    return html.unescape(sign_in(name).get(f"/customers/{person}/risk/").content.decode())


def drivers_page(sign_in: SignIn, name: str, query: str = "") -> str:
    return html.unescape(sign_in(name).get(f"/churn/drivers/{query}").content.decode())


def without_amounts(name: str) -> None:
    role = role_named(name)
    services.save_role(replace(role, fields={**role.fields, "amounts": "hidden"}), actor=None, now=MONDAY)


def test_the_customers_page_fetches_the_drivers_and_they_add_up_to_the_score(
    sign_in: SignIn, scored: ChurnModel
) -> None:
    assert f'hx-get="/customers/{WANG}/risk/"' in sign_in("ann").get(f"/customers/{WANG}/").content.decode()

    told = piece(sign_in, "ann")

    own = pa.Table.from_pylist([dict(zip(COLUMNS, OWN[WANG], strict=True))], schema=base(20)[0].schema)
    share = scored.predict_proba(own)[0, 1]
    level = 1 / (1 + np.exp(-scored.baseline_))
    assert f"From the model's level, {level:.1%}, the parts add up to {share:.1%}" in told
    points = [
        int(sign + size) for sign, size in re.findall(r"<b>([−+±])(\d+)</b>", told.replace("−", "-").replace("±", "+"))
    ]
    assert sum(points) == pytest.approx((share - level) * 100, abs=3)  # each is rounded
    assert "Service and complaints" in told
    assert "Cases still unresolved: 3" in told


def test_what_would_lower_it_is_what_the_model_says_of_the_changed_customer(
    sign_in: SignIn, scored: ChurnModel
) -> None:
    told = piece(sign_in, "ann")

    own = dict(zip(COLUMNS, OWN[WANG], strict=True))
    schema = base(20)[0].schema
    before, after = (
        scored.predict_proba(pa.Table.from_pylist([row], schema=schema))[0, 1]
        for row in (own, own | {"unresolved_cases": 0.0, "oldest_unresolved_days": None})
    )
    assert (
        f"If every open case were resolved: {before:.0%} → {after:.0%}, by the model's reckoning, not a promise" in told
    )
    assert "years old were" not in told


def test_the_newest_change_is_told_fact_by_fact(sign_in: SignIn, scored: ChurnModel) -> None:
    told = piece(sign_in, "ann")

    assert re.search(
        r"Risk \+\d+ points since Jan\. 5, 2026: Unresolved cases: 0 → 3 \(\+\d+\); Monthly fee: 61.00 → 88.00", told
    )
    assert "worked out later" in told, "the first point is said to be one nobody saw"
    assert told.count("<circle") == 2


def test_who_may_not_see_amounts_is_told_of_none(sign_in: SignIn, scored: ChurnModel) -> None:
    without_amounts("agent")

    told = piece(sign_in, "ann")

    assert "Cases still unresolved: 3" in told
    assert "Price and bills" in told, "that it is the price may be said; how much it is, not"
    assert not re.search(r"Monthly fee|monthly fee|a month|88\.00|Contract:|Contract were", told)


def test_a_customer_out_of_reach_is_not_there(sign_in: SignIn, scored: ChurnModel) -> None:
    assert sign_in("ann").get(f"/customers/{SMITH}/risk/").status_code == 404


def test_a_customer_without_a_score_of_a_lake_of_before_has_no_drivers(
    sign_in: SignIn, company: dict[str, User]
) -> None:
    answer = sign_in("ann").get(f"/customers/{WANG}/risk/")

    assert answer.status_code == 200
    assert "What the score rests on" not in answer.content.decode()


def test_the_page_of_drivers_counts_and_names_only_whom_the_asker_sees(sign_in: SignIn, scored: ChurnModel) -> None:
    east = drivers_page(sign_in, "mia", "?driver=service")
    south = drivers_page(sign_in, "noa", "?driver=service")
    everyone = drivers_page(sign_in, "ivy", "?driver=service")

    assert "the risk of 3 customers" in east
    assert "the risk of 1 customers" in south
    assert "the risk of 4 customers" in everyone
    assert "王小明" in east
    assert "John Smith" not in east
    assert "John Smith" in south
    assert "王小明" not in south


def test_an_opened_driver_shows_its_columns_and_the_curve_of_one(sign_in: SignIn, scored: ChurnModel) -> None:
    told = drivers_page(sign_in, "ivy", "?driver=price")

    assert "Whose risk it raises most" in told
    figure = json.loads(re.search(r'<script id="curve" type="application/json">(.*?)</script>', told)[1])  # type: ignore[index]
    assert [len(trace["x"]) for trace in figure["data"]] == [4, 4], "the fees of the four"
    assert sum(figure["data"][0]["y"]) == pytest.approx(1.0)
    assert figure["layout"]["xaxis"]["title"]["text"] == "Monthly fee"
    assert 'id="curve"' not in drivers_page(sign_in, "ivy", "?driver=nonsense")


def test_the_curve_of_an_amount_is_not_for_whom_amounts_are_hidden(sign_in: SignIn, scored: ChurnModel) -> None:
    without_amounts("analyst")

    told = drivers_page(sign_in, "ivy", "?driver=price&column=monthly_fee_base_minor")

    assert "Monthly fee" in told
    assert 'id="curve"' not in told


def test_reasons_are_said_to_be_no_causes_and_to_lead_on(sign_in: SignIn, scored: ChurnModel) -> None:
    from tenure.web.churn.page import PARTS

    told = drivers_page(sign_in, "ivy")

    assert "These are the model's reasons, not causes" in told
    assert ("/churn/causes/" in told) is ("causes" in PARTS)


def test_before_there_is_a_model_the_page_says_what_to_do(sign_in: SignIn, company: dict[str, User]) -> None:
    assert "tenure refresh" in drivers_page(sign_in, "ivy")


def test_the_list_of_customers_names_the_drivers_of_each_score(sign_in: SignIn, company: dict[str, User]) -> None:
    shown = Publication.current()
    assert shown is not None
    reasons = [{"feature": "unresolved_cases", "driver": "service", "effect": 0.9, "en": "Cases: 3", "zh": "工单：3"},
               {"feature": "monthly_fee_base_minor", "effect": 0.3, "en": "Pays 88.00", "zh": "月费 88.00"}]  # fmt: skip
    Score.objects.filter(generation=shown.generation, customer_id=WANG).update(reasons=reasons)

    told = sign_in("ann").get("/customers/").content.decode()

    assert "Service and complaints" in told
    assert "Price and bills" in told, "of a reason published before it named its driver the column says it"


def test_a_score_of_another_learner_the_refresh_did_not_take_apart_is_taken_apart_where_somebody_looks(
    sign_in: SignIn, company: dict[str, User], scored_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    shutil.copytree(scored_home, home)
    monkeypatch.setenv("TENURE_HOME", str(home))
    caches["figures"].clear()
    lake, (X, left) = Lake(home / "lake"), base()
    model = learner_named("tree").make().fit(X, left)
    shutil.rmtree(lake.folder / CHAMPION)
    model.save(lake.folder / CHAMPION)
    own = pa.Table.from_pylist([dict(zip(COLUMNS, told, strict=True)) for told in OWN.values()], schema=X.schema)
    monkeypatch.setattr("tenure.insight.churn.learners.base.MOST_SCORINGS", 2 * 4 * len(COLUMNS) * 3)
    chance, reasons, effects = model.opened(own)
    untold = reasons.index("[]")
    lake.publish(
        "scores/churn",
        pa.table({"person_id": pa.array(list(OWN), pa.int64()), "churn_probability": chance,
                  "risk_band": ["high"] * 4, "reasons": reasons, "drivers": as_json(effects)}),
    )  # fmt: skip

    told = piece(sign_in, "ivy", list(OWN)[untold])

    level = 1 / (1 + np.exp(-model.baseline_))
    assert f"From the model's level, {level:.1%}, the parts add up to {chance[untold]:.1%}" in told
    assert "the risk of 3 customers" in drivers_page(sign_in, "ivy")
