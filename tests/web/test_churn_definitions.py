"""What counts as leaving, on its page: tried before it is saved, several side by side, by whoever may set it."""

from __future__ import annotations

import html
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tenure.desk.customers import churn_definitions, packs
from tenure.desk.customers.churn_definitions import put_beside, set_churn, take_from_beside
from tenure.desk.customers.events import PracticeSet
from tenure.desk.customers.models import PracticeVersion
from tenure.desk.governance import services
from tenure.desk.governance.access import role_named
from tenure.desk.governance.models import AuditEntry, User
from tenure.errors import TenureError
from tenure.lake import SYSTEM, Lake, Scope
from tenure.pipeline.following import practice
from tests.cast import CHEN, CUSTOMERS, MONDAY, WANG, ZHANG
from tests.web import SignIn

pytestmark = pytest.mark.django_db

PAGE, PIECE, SAVE = "/churn/definitions/", "/churn/definitions/preview/", "/churn/definitions/save/"
SILENCE = {"definition": "silence", "horizon_days": 30, "active_days": 60}


@pytest.fixture(autouse=True)
def _few_months(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three months show what twelve would, in a fourth of the time."""
    monkeypatch.setattr("tenure.insight.churn.preview.MONTHS", 3)


@pytest.fixture
def lake(company: dict[str, User], filled_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A lake of the test's own, for what is set is told to it."""
    shutil.copytree(filled_home, tmp_path / "home")
    monkeypatch.setenv("TENURE_HOME", str(tmp_path / "home"))
    return Lake(tmp_path / "home" / "lake")


def by(actor: User | None, lake: Lake, scope: Scope = SYSTEM) -> dict[str, object]:
    return {"lake": lake, "scope": scope, "actor": actor, "now": MONDAY}


def test_definitions_stand_beside_the_main_one_under_codes_that_mean_one_thing_for_good(
    company: dict[str, User], lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    monkeypatch.setattr(churn_definitions, "announce", told.append)
    dee = by(company["dee"], lake)

    set_churn({"definition": "leaking"}, **dee)  # type: ignore[arg-type]
    first = put_beside(SILENCE, **dee)  # type: ignore[arg-type]
    again = put_beside(SILENCE, **dee)  # type: ignore[arg-type]
    other = put_beside({**SILENCE, "horizon_days": 60}, **dee)  # type: ignore[arg-type]
    take_from_beside("silence", **dee)  # type: ignore[arg-type]
    third = put_beside({**SILENCE, "horizon_days": 90}, **dee)  # type: ignore[arg-type]
    back = put_beside(SILENCE, **dee)  # type: ignore[arg-type]

    assert (first, again, other, third, back) == ("silence", "silence", "silence_2", "silence_3", "silence")
    assert [one["code"] for one in practice(lake).beside] == ["silence_2", "silence_3", "silence"]
    assert told[1:4] == [
        PracticeSet(2, "churn:silence"),
        PracticeSet(3, "churn:silence_2"),
        PracticeSet(4, "churn:silence"),
    ]
    verbs = list(AuditEntry.objects.filter(object_id="churn").order_by("pk").values_list("verb", flat=True))
    assert verbs == ["set_churn", *["put_churn_beside"] * 2, "take_churn_from_beside", *["put_churn_beside"] * 2]

    set_churn({**SILENCE, "horizon_days": 60}, **dee)  # type: ignore[arg-type]

    assert "silence_2" not in [one["code"] for one in practice(lake).beside], "what is the main one is not scored twice"
    packs.choose("telecom", **dee)  # type: ignore[arg-type]
    assert len(practice(lake).beside) == 2, "a pack leaves what people set"


def test_what_cannot_stand_beside_is_refused(company: dict[str, User], lake: Lake) -> None:
    dee = by(company["dee"], lake)
    set_churn(SILENCE, **dee)  # type: ignore[arg-type]
    versions = PracticeVersion.objects.count()

    with pytest.raises(TenureError, match="This is the main definition already"):
        put_beside(SILENCE, **dee)  # type: ignore[arg-type]
    with pytest.raises(TenureError, match='No definition "whim" stands beside'):
        take_from_beside("whim", **dee)  # type: ignore[arg-type]
    with pytest.raises(TenureError, match="somebody who sees every customer"):
        put_beside({"definition": "leaking"}, **by(company["mia"], lake))  # type: ignore[arg-type]
    assert PracticeVersion.objects.count() == versions

    for days in range(40, 90, 10):
        put_beside({**SILENCE, "horizon_days": days}, **dee)  # type: ignore[arg-type]
    with pytest.raises(TenureError, match="5 definitions stand beside"):
        put_beside({"definition": "leaking"}, **dee)  # type: ignore[arg-type]


def names(page: str) -> set[int]:
    return {int(found) for found in re.findall(r'/customers/(\d+)/"', page)}


def test_a_preview_names_only_customers_the_asker_may_see_and_offers_saving_to_who_may(sign_in: SignIn) -> None:
    asked = {"kind": "silence", "horizon_days": "30", "active_days": "60"}
    dee, mia = sign_in("dee"), sign_in("mia")

    waits = dee.get(PAGE, asked).content.decode()
    everybody = dee.get(PIECE, asked).content.decode()
    ready = dee.get(PAGE, asked).content.decode()
    own = mia.get(PIECE, asked).content.decode()

    assert "/churn/definitions/preview/?kind=silence&amp;horizon_days=30" in waits
    assert "Make it the main definition" not in waits
    # The ones with an odd number buy in odd months alone, so a month goes by without them.
    assert names(everybody) == names(ready) - names(waits) == {WANG, ZHANG, CHEN}
    assert names(own) == {WANG, ZHANG}
    assert CUSTOMERS[CHEN][0] in everybody
    assert CUSTOMERS[CHEN][0] not in own
    assert "Make it the main definition" in everybody
    assert "Put it beside the main one" in ready
    assert "Make it the main definition" not in own
    assert "Over the customers you may see." in own


def test_a_number_of_a_preview_opens_the_customers_it_is_made_of(sign_in: SignIn) -> None:
    asked = {"part": "churn_definitions", "kind": "silence", "horizon_days": "30", "active_days": "60"}
    dee, mia = sign_in("dee"), sign_in("mia")
    opens = re.findall(r'href="(/insight/customers/[^"]*who=left[^"]*)"', dee.get(PIECE, asked).content.decode())

    of_a_month = dee.get(html.unescape(opens[-1])).content.decode()
    of_mine = mia.get(html.unescape(opens[-1])).content.decode()
    of_the_year = mia.get("/insight/customers/", {**asked, "who": "only_new"})

    assert names(of_a_month) == {WANG, ZHANG, CHEN}
    assert names(of_mine) == {WANG, ZHANG}
    assert "Revenue of the year before" in of_mine
    assert of_the_year.status_code == 404, "it differs in nothing from what holds, so nobody is in it alone"
    assert dee.get("/insight/customers/", {**asked, "who": "left", "at": "2001-01-01"}).status_code == 404


def test_who_sees_no_amounts_is_shown_none_and_no_definition_made_of_them(sign_in: SignIn) -> None:
    analyst = role_named("analyst")
    services.save_role(replace(analyst, fields={**analyst.fields, "amounts": "hidden"}), actor=None, now=MONDAY)
    ivy = sign_in("ivy")

    silence = ivy.get(PIECE, {"kind": "silence", "horizon_days": "30"}).content.decode()
    leaking = ivy.get(PIECE, {"kind": "leaking"}).content.decode()

    assert "Would have counted as leaving" in silence
    assert "¥" not in silence
    assert "Their revenue" not in silence
    assert "Your role hides amounts" in leaking
    assert not names(leaking)


def test_what_was_tried_is_saved_as_the_main_one_or_beside_it_and_taken_away(sign_in: SignIn, lake: Lake) -> None:
    client = sign_in("dee")

    client.post(SAVE, {"kind": "leaking", "share": "30", "as": "main"})
    client.post(SAVE, {"kind": "usage_decline", "counted": "orders", "as": "beside"})
    page = client.get(PAGE).content.decode()

    assert practice(lake).churn == [{"definition": "leaking", "share": 0.3}]
    assert practice(lake).beside == [{"definition": "usage_decline", "counted": "orders", "code": "usage_decline"}]
    assert "more than 30 % less" in page
    assert "the number of orders falls" in page

    client.post("/churn/definitions/usage_decline/take/")
    client.post(SAVE, {"as": "usual"})

    assert (practice(lake).churn, practice(lake).beside) == ([], [])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"kind": "silence", "horizon_days": "1"}, "1 days can&#x27;t be; give 7 to 730."),
        ({"kind": "leaking", "share": "400"}, "400% can&#x27;t be; give 5% to 95%."),
        ({"kind": "leaking", "share": "lots"}, "&quot;lots&quot; is no number."),
        ({"kind": "whim"}, "There is no definition of churn &quot;whim&quot;"),
        ({"kind": "usage_decline", "horizon_days": "200"}, "fewer than the 200 days looked ahead"),
    ],
)
def test_settings_that_cannot_be_are_refused_on_the_page(sign_in: SignIn, given: dict[str, str], says: str) -> None:
    client = sign_in("dee")

    saved = client.post(SAVE, {**given, "as": "main"}, follow=True).content.decode()

    assert says in saved
    assert not PracticeVersion.objects.exists()


def test_only_who_may_set_a_pack_may_set_what_counts_as_leaving(sign_in: SignIn) -> None:
    for name in ("mia", "ann", "ivy"):
        assert sign_in(name).post(SAVE, {"kind": "leaking", "as": "main"}).status_code == 403
        assert sign_in(name).post("/churn/definitions/silence/take/").status_code == 403
    assert not PracticeVersion.objects.exists()


def test_without_its_records_the_preview_says_what_to_import(sign_in: SignIn) -> None:
    page = sign_in("dee").get(PIECE, {"kind": "downgrade"}).content.decode()

    assert "There are no records to tell" in page
    assert "Subscriptions" in page


def test_the_terminal_tells_the_same_preview_and_what_is_in_force(
    company: dict[str, User], lake: Lake, capsys: pytest.CaptureFixture[str]
) -> None:
    from tenure.cli.churn_definitions import definitions, preview
    from tenure.cli.show import Format

    put_beside({"definition": "leaking", "share": 0.3}, **by(company["dee"], lake))  # type: ignore[arg-type]
    capsys.readouterr()

    preview("silence", ["horizon_days=30", "active_days=60"], Format.json)
    months = json.loads(capsys.readouterr().out)
    definitions(Format.json)
    known = json.loads(capsys.readouterr().out)

    assert [(one["month"], one["asked"], one["left"]) for one in months][-1] == ("2025-12", 6, 3)
    assert (known[0]["name"], known[0]["in_force"]) == ("leaking", "leaking")
    with pytest.raises(TenureError, match='"often" is no setting'):
        preview("silence", ["often"], Format.json)
