"""What churn costs, what moved revenue and what a programme pays, as their readers see it: to the cent, and their own alone."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from math import exp
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.core.cache import caches

from tenure.desk.causes.models import Statement
from tenure.desk.causes.statements import Said, record_statement, review
from tenure.desk.customers import packs
from tenure.desk.customers.assumptions import set_assumptions
from tenure.desk.customers.models import Customer, SavedView
from tenure.desk.governance.access import scope_of
from tenure.desk.governance.models import AuditEntry, User
from tenure.desk.lake import lake
from tenure.errors import TenureError
from tenure.insight.cost_of_churn import in_force
from tenure.insight.metrics import Period
from tenure.insight.metrics.base import DAYS_A_MONTH
from tenure.lake import Lake
from tenure.lake.tables import COMPUTED
from tenure.web.boards.tiles import kinds
from tests.cast import CHEN, CUSTOMERS, EAST, LI, MONDAY, QUIET, SMITH, SOUTH, WANG, ZHANG
from tests.web import SignIn

pytestmark = pytest.mark.django_db

PRICE = {"part": "cost", "what": "left", "by": "reason", "code": "price"}
COST, TREE, ROI = "/churn/cost/", "/churn/tree/", "/churn/roi/"
FEES = {WANG: 10_000, LI: 5_000, ZHANG: 3_000, SMITH: 20_000, QUIET: 1_000}
SAID = {
    "margin_of_fees": 0.5, "margin_of_orders": 0.0, "discount_rate": 0.0, "horizon_months": 12.0, "acquisition_cost": 700.0,
    "tell_share": 0.0, "referrals_a_year": 0.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def left_home(filled_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small company with contracts: in February all but Chen left, each after 360 days."""
    home = tmp_path_factory.mktemp("left") / "home"
    shutil.copytree(filled_home, home)
    lake = Lake(home / "lake")
    rows = [
        {"subscription_id": f"S-{p}", "customer_id": f"C-{p}", "fee_minor": fee, "currency": "CNY", "plan": "gold",
         "started_at": datetime(2025, 2, 15, tzinfo=UTC), "ended_at": datetime(2026, 2, 10, tzinfo=UTC),
         "end_reason": "price" if p in (WANG, SMITH) else None, "channel": "web"}
        for p, fee in FEES.items()
    ]  # fmt: skip
    rows.append({**rows[0], "subscription_id": "S-9", "customer_id": f"C-{CHEN}", "ended_at": None, "end_reason": None})
    with lake.receiving(
        "subscriptions", source="shop", columns=set(rows[0]), now=MONDAY, file="contracts.csv"
    ) as batch:
        schema = batch.contract.schema.append(pa.field("extra", pa.string())).append(pa.field("row", pa.int64()))
        filled = [dict.fromkeys(schema.names) | row | {"row": n} for n, row in enumerate(rows, start=1)]
        batch.append(pa.Table.from_pylist(filled, schema=schema))
        batch.report.update(read=len(rows), accepted=len(rows), rejected=0)
    lake.publish("records/subscriptions", lake.to_arrow(lake.current("subscriptions")))
    lives = [
        {"person_id": p, "days": 360, "ended": p != CHEN, "kind": "contract", "plan": "gold"}
        for p in sorted(EAST | SOUTH)
    ]
    lake.publish("scores/lives", pa.Table.from_pylist(lives, schema=COMPUTED["scores/lives"]))
    habits = [dict.fromkeys(COMPUTED["scores/habits"].names) | {"person_id": p, "brought_base_minor": 10_000, "margin_share": -0.1 if p == LI else 0.2}
              for p in sorted(EAST | SOUTH)]  # fmt: skip
    lake.publish("scores/habits", pa.Table.from_pylist(habits, schema=COMPUTED["scores/habits"]))
    return home


def told_by(page: Any) -> str:
    """What a page says, without the tokens of its forms, in which any letters may come."""
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page.content.decode())


@pytest.fixture
def left(company: dict[str, User], left_home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Opens that company; called, it says what is assumed."""
    monkeypatch.setenv("TENURE_HOME", str(left_home))
    monkeypatch.setattr("tenure.web.churn.tree.SHOWN", {"month": 2, "quarter": 1, "year": 1})
    caches["figures"].clear()

    def said(**values: float | None) -> None:
        dee = company["dee"]
        set_assumptions(values, lake=lake(), scope=scope_of(dee), actor=dee, now=MONDAY)

    return said


def test_cost_and_risk_are_as_by_hand_add_up_by_region_cause_month_and_band_and_open_their_customers(
    sign_in: SignIn, left: Any
) -> None:
    left(**SAID)
    rate = 5 / (6 * 360 / DAYS_A_MONTH)
    months = (1 - exp(-12 * rate)) / rate
    # What they bought has no margin here (0 %), so it is half of each fee.
    lost = {p: round(fee * 0.5 * months) for p, fee in FEES.items()}

    dee = sign_in("dee")
    page = dee.get(COST, {"by": "region"})

    whole = page.context["whole"]
    assert (whole["customers"], whole["lost"], whole["replaced"]) == (5, sum(lost.values()), 5 * 700)
    assert whole["total"] == sum(lost.values()) + 3_500
    assert whole["lost_low"] < whole["lost"] < whole["lost_high"]
    told = {row["name"]: row["lost"] for row in page.context["lines"]}
    assert told == {"浙江": sum(lost[p] for p in (WANG, LI, ZHANG)), "广东": lost[SMITH] + lost[QUIET]}
    causes = {row["name"]: (row["customers"], row["lost"]) for row in page.context["causes"]}
    assert causes == {"Price": (2, lost[WANG] + lost[SMITH]), "Not said": (3, lost[LI] + lost[ZHANG] + lost[QUIET])}
    february = [trace["y"][-1] for trace in page.context["months_figure"]["data"]]
    assert sum(february) == pytest.approx(whole["total"] / 100)
    assert "NaN" not in told_by(page)
    behind = dee.get("/insight/customers/", PRICE).content.decode()
    assert CUSTOMERS[WANG][0] in behind
    assert CUSTOMERS[SMITH][0] in behind
    assert CUSTOMERS[LI][0] not in behind
    risk = page.context["risk"]
    assert risk["at_risk"] == 310_000 + 74_400 + 165_000 + 35_000
    assert sum(row["at_risk"] for row in page.context["bands"]) == risk["at_risk"]
    assert risk["low"] <= risk["at_risk"] <= risk["high"]
    assert (risk["customers"], risk["unknown"]) == (4, 1)
    assert "risk=high" in page.context["bands"][0]["url"]


def test_each_leaver_costs_under_the_one_cause_that_counts_as_far_as_the_reader_sees_what_was_said(
    sign_in: SignIn, company: dict[str, User], left: Any
) -> None:
    left(**SAID)
    dee = company["dee"]
    told = ((WANG, "太贵了", "competitor_offer"), (LI, "No signal at home", ""), (SMITH, "搬家了", "moved"))
    for person, text, cause in told:
        said = Said("staff_interview", text, date(2026, 2, 10), date(2026, 2, 10), cause=cause)
        record_statement(person, said, lake=lake(), scope=scope_of(dee), actor=dee, now=MONDAY)

    whole, east = sign_in("dee").get(COST), sign_in("mia").get(COST)

    lines = {row["name"]: (row["customers"], row["confirmed"]) for row in whole.context["said"]["lines"]}
    assert lines == {
        "Not said": (2, 0), "Better offer elsewhere": (1, 1), "Poor coverage, drops, outages": (1, 0),
        "Moved out of reach": (1, 1),
    }  # fmt: skip
    total = sum(row["total"] for row in whole.context["said"]["lines"])
    assert total == whole.context["whole"]["total"]
    controls = {code: row["customers"] for code, _words, row, _better in whole.context["said"]["controls"]}
    assert controls == {"controllable": 1, "mixed": 1, "uncontrollable": 1}
    assert "Moved out of reach" not in {row["name"] for row in east.context["said"]["lines"]}
    behind = sign_in("dee").get("/insight/customers/", PRICE | {"by": "cause", "code": "moved"}).content.decode()
    assert CUSTOMERS[SMITH][0] in behind
    assert CUSTOMERS[WANG][0] not in behind
    review({s.pk: s.version for s in Statement.objects.filter(own_id=LI)}, "delivery_late", scope=scope_of(dee), actor=dee, now=MONDAY)  # fmt: skip
    again = {row["name"]: row["confirmed"] for row in sign_in("dee").get(COST).context["said"]["lines"]}
    assert again["Slow or late delivery"] == 1


def test_the_cost_of_a_cause_is_corrected_by_interviews_with_what_is_said_beside_it(
    sign_in: SignIn, company: dict[str, User], left: Any
) -> None:
    left(**SAID)
    dee = company["dee"]
    day = date(2026, 2, 10)
    # Thirty-two asked in depth, who cost nothing here, and three who did.
    for n in (*range(100, 132), WANG, LI, SMITH):
        if n > 99:
            Customer.objects.create(person_id=n, customer_id=f"C-{n}", team_id=dee.team_id)
        common = {"own_id": n, "said_at": MONDAY, "made_at": MONDAY, "text": "", "left_on": day, "state": "confirmed"}
        Statement.objects.create(**common, came_from="exit_survey", confirmed="price_high")
        if n > 99:
            meant = "competitor_offer" if n < 124 else "price_high"
            Statement.objects.create(**common, came_from="staff_interview", confirmed=meant)

    page = sign_in("dee").get(COST)

    rows = {row["segment"]: row for row in page.context["said"]["lines"]}
    price, offer = rows["price_high"], rows["competitor_offer"]
    assert (price["customers"], offer["customers"], offer["total"], offer["url"]) == (3, 0, 0, "")
    whole = price["total"]
    assert offer["better"].value == pytest.approx(whole * (24 + 0.75) / 34)
    assert offer["better"].value + price["better"].value == pytest.approx(whole)
    assert offer["people"].value == pytest.approx(3 * (24 + 0.75) / 34)
    assert [row["segment"] for row in page.context["said"]["lines"]][:2] == ["competitor_offer", "price_high"]
    control = {
        code: (row["total"], better.value) for code, _words, row, better in page.context["said"]["controls"] if better
    }
    assert control["controllable"] == (whole, pytest.approx(price["better"].value))
    assert "of 32 leavers whom somebody asked in depth, 24 meant something else" in page.content.decode()
    behind = sign_in("dee").get("/insight/customers/", PRICE | {"by": "cause", "code": "price_high"}).content.decode()
    assert "as interviews correct it ≈1 (" in behind
    written = sign_in("dee").post("/churn/cost/causes.csv").content.decode()
    line = next(row for row in csv.reader(written.splitlines()) if row[0] == "price_high")
    assert line[2:4] == ["3", "3"]
    assert float(line[8]) == pytest.approx(whole / 100)
    assert float(line[12]) == pytest.approx(price["better"].value / 100, abs=0.01)
    assert AuditEntry.objects.filter(verb="export_cost").count() == 1


def test_a_team_sees_its_own_and_is_told_where_they_are_too_few(sign_in: SignIn, left: Any) -> None:
    left(**SAID)
    mia = sign_in("mia")

    page, behind = mia.get(COST), mia.get("/insight/customers/", PRICE).content.decode()

    assert (page.context["whole"]["customers"], page.context["whole"]["total"]) == (3, 0)
    assert "fewer than 5" in page.content.decode()
    # 0.62 × 500,000 + 0.31 × 240,000; Li is served at a loss and told apart.
    assert page.context["risk"]["at_risk"] == 310_000 + 74_400
    assert (page.context["risk"]["apart"], page.context["risk"]["apart_at_risk"]) == (1, 7_200)
    assert page.context["losing"]["customers"] == 1
    assert CUSTOMERS[WANG][0] in behind
    assert CUSTOMERS[SMITH][0] not in behind


def test_without_a_margin_or_spending_the_page_says_what_is_missing(sign_in: SignIn, left: Any) -> None:
    text = told_by(sign_in("dee").get(COST))

    assert "no margin is assumed" in text
    assert "spending on winning customers is not recorded" in text
    assert "NaN" not in text


def test_assumptions_are_set_by_who_may_kept_in_the_trail_and_follow_at_once(sign_in: SignIn, left: Any) -> None:
    dee = sign_in("dee")
    left(**SAID)
    before = dee.get(COST).context["whole"]["lost"]

    dee.post("/settings/pack/assumptions/", {"margin_of_fees": "100", "replaced": "", "horizon_months": "12"})

    after = dee.get(COST).context["whole"]["lost"]
    assert after == pytest.approx(2 * before, abs=5)
    assert lake().document("practice")["assumptions"]["margin_of_fees"] == 1.0
    entry = AuditEntry.objects.filter(verb="set_assumptions").latest("pk")
    assert (entry.detail["before"], entry.detail["after"]) == ({"margin_of_fees": 0.5}, {"margin_of_fees": 1.0})
    assert sign_in("mia").post("/settings/pack/assumptions/", {"replaced": "5"}).status_code == 403
    refused = dee.post("/settings/pack/assumptions/", {"replaced": "500"}, follow=True).content.decode()
    assert "give 0 to 1" in refused
    assert "no number" in dee.post("/settings/pack/assumptions/", {"replaced": "many"}, follow=True).content.decode()


def test_a_blank_assumption_goes_back_to_what_is_usual_and_no_change_makes_no_version(
    company: dict[str, User], left: Any
) -> None:
    left(replaced=0.5)
    left(replaced=0.5)
    state = packs.state()
    assert state is not None
    assert (state.version, in_force(packs.in_force().assumptions)["replaced"]) == (1, 0.5)

    left(replaced=None)

    assert in_force(packs.in_force().assumptions)["replaced"] == 1.0
    with pytest.raises(TenureError, match="no assumption"):
        left(nonsense=1.0)


def test_the_tree_leads_from_revenue_to_its_metrics_and_adds_up_within_reach(sign_in: SignIn, left: Any) -> None:
    page, narrowed = sign_in("mia").get(TREE), sign_in("dee").get(TREE, {"of": "region:浙江"})
    root = page.context["root"]

    assert sum(leaf["effect"] for leaf in page.context["leaves"]) == root["effect"] == page.context["change"]
    # In February Mia's three paid for ten days at most of what they paid for all of January.
    assert -18_000 < root["effect"] < -9_000
    assert narrowed.context["change"] == page.context["change"]
    assert root["url"] == "/metrics/revenue/"
    assert "NaN" not in told_by(page)


def test_a_programme_is_reckoned_from_its_address_kept_and_compared(sign_in: SignIn, left: Any) -> None:
    dee = sign_in("dee")
    asked = {"of": "", "customers": "1000", "leaving": "20", "margin": "300", "saved": "25", "saved_low": "15",
             "saved_high": "35", "contact": "2", "offer": "10", "taken": "40", "fixed": "500", "months": "12"}  # fmt: skip

    page = dee.get(ROI, asked)
    dee.post("/churn/roi/keep/", {"name": "Spring", "query": page.context["query"]})
    view = SavedView.objects.get(about="roi")
    other = dee.get(ROI, {**asked, "contact": "4", "beside": str(view.pk)})

    assert page.context["one"]["net"] == "¥8,500.00"
    assert page.context["one"]["break_even"] == "10.8%"
    assert (other.context["one"]["net"], other.context["other"]["net"]) == ("¥6,500.00", "¥8,500.00")
    assert "Spring" in dee.get(ROI).content.decode()
    assert "Spring" not in sign_in("mia").get(ROI).content.decode()
    assert sign_in("mia").post(f"/churn/roi/keep/{view.pk}/drop/").status_code == 404
    assert dee.post(f"/churn/roi/keep/{view.pk}/drop/").status_code == 302
    assert not SavedView.objects.filter(pk=view.pk).exists()


def test_a_programme_begins_with_the_readers_own_customers_at_high_risk(sign_in: SignIn, left: Any) -> None:
    left(margin_of_orders=0.5)

    dee, mia = (sign_in(name).get(ROI) for name in ("dee", "mia"))

    assert dee.context["audience"]["customers"] == 2
    assert mia.context["audience"]["customers"] == 1
    assert mia.context["audience"]["leaving"] == 0.62
    assert mia.context["one"]["programme"].margin == 250_000
    everyone = sign_in("dee").get(ROI, {"of": ""})
    assert everyone.context["audience"]["apart"] == 1


def test_what_can_not_be_reckoned_is_said(sign_in: SignIn, left: Any) -> None:
    dee = sign_in("dee")
    left(margin_of_orders=0.5)

    for wrong in ({"saved": "120"}, {"leaving": "much"}, {"customers": "nan"}, {"margin": "inf"}, {"months": "0"}):
        page = dee.get(ROI, wrong)
        assert page.status_code == 200
        assert page.context["wrong"]
        assert "one" not in page.context


def test_tiles_say_what_the_page_says(company: dict[str, User], left: Any) -> None:
    left(**SAID)
    dee, month = scope_of(company["dee"]), Period.month(2026, 2)

    cost, risk = (kinds()[name].draw(dee, month, None, {}) for name in ("cost_of_churn", "revenue_at_risk"))

    assert (cost.url, risk.url) == (COST, COST)
    assert sum(row[-2] for row in cost.rows[1:]) == pytest.approx(cost.rows[-1][-2])
    assert sum(row[1] for row in risk.rows[1:]) == pytest.approx(5_844)
    assert "5 customers left" in cost.notes[0]


def test_before_any_refresh_each_page_says_what_to_do(
    people: dict[str, User], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.test import Client

    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    caches["figures"].clear()
    client = Client()
    client.force_login(people["dee"])

    for path in (COST, TREE, ROI):
        page = client.get(path)
        assert page.status_code == 200
        assert "NaN" not in told_by(page)
    assert "tenure import" in client.get(COST).content.decode()
