"""Pages of why customers leave, as each person of the cast may open them."""

import csv
import json
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from django.core.cache import caches
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from tenure.desk.causes import statements, taxonomy
from tenure.desk.causes.models import Idea, KeptCause, Mention, Statement
from tenure.desk.causes.statements import Said
from tenure.desk.customers.models import Customer
from tenure.desk.governance import keys
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import AuditEntry, User
from tenure.desk.lake import lake
from tenure.insight.churn.drivers import words_of
from tenure.lake import Lake
from tenure.lake.tables import COMPUTED
from tenure.web.causes import fishbone
from tenure.web.causes.fishbone import Bone, Figure, Rib, folded
from tests.cast import LI, MONDAY, SMITH, WANG

pytestmark = pytest.mark.django_db

SignIn = Callable[[str], Client]
DAY = date(2026, 2, 20)


@pytest.fixture
def said(company: dict[str, User]) -> dict[int, Statement]:
    """WANG and SMITH left over the price and the network, LI moved away."""
    told = {WANG: "太贵了", SMITH: "No signal <b>at home</b>", LI: "搬到外地了"}
    dee = company["dee"]
    return {
        person: statements.record_statement(
            person, Said("staff_interview", text, DAY, DAY), lake=lake(), scope=scope_of(dee), actor=dee, now=MONDAY
        )
        for person, text in told.items()
    }


def page_of(client: Client, path: str, **asked: str) -> str:
    answer = client.get(path, asked)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.content.decode()


def test_leavers_are_shown_as_far_as_the_asker_sees_them(sign_in: SignIn, said: dict[int, Statement]) -> None:
    whole = page_of(sign_in("dee"), "/churn/causes/")
    east = page_of(sign_in("mia"), "/churn/causes/")
    none = page_of(sign_in("noa"), "/churn/causes/", control="uncontrollable")

    assert "Left: 3" in whole
    assert "Poor coverage, drops, outages" in whole
    assert "Left: 2" in east
    assert "Poor coverage, drops, outages" not in east
    assert "Nobody who left says why in this period" in none


def test_the_filters_narrow_by_axis_group_and_period(sign_in: SignIn, said: dict[int, Statement]) -> None:
    dee = sign_in("dee")

    assert "Left: 1" in page_of(dee, "/churn/causes/", control="uncontrollable")
    assert "Left: 2" in page_of(dee, "/churn/causes/", who="region:浙江")
    assert "Left: 3" in page_of(dee, "/churn/causes/", days="nonsense", control="nonsense", who="in:99999")
    Statement.objects.update(left_on=date(2024, 1, 1))
    assert "Look at all time" in page_of(dee, "/churn/causes/", days="90")
    assert "Left: 3" in page_of(dee, "/churn/causes/", days="all")


def test_a_cause_shows_what_was_said_and_a_branch_those_of_its_causes(
    sign_in: SignIn, said: dict[int, Statement]
) -> None:
    dee = sign_in("dee")

    for code in ("network_quality", "network_branch"):
        text = page_of(dee, f"/churn/causes/of/{code}/")
        assert "No signal &lt;b&gt;at home&lt;/b&gt;" in text
        assert "太贵了" not in text
    assert "The text is hidden" in page_of(sign_in("ivy"), "/churn/causes/of/network_quality/")
    assert "No signal" not in page_of(sign_in("mia"), "/churn/causes/of/network_quality/")
    assert dee.get("/churn/causes/of/nothing/").status_code == 404
    assert sign_in("ann").get("/churn/causes/of/network_quality/").status_code == 403


def test_the_queue_settles_several_and_says_what_somebody_else_settled(
    sign_in: SignIn, company: dict[str, User], said: dict[int, Statement]
) -> None:
    dee = sign_in("dee")
    assert "3 statements" in page_of(dee, "/churn/causes/review/")
    statements.review({said[LI].pk: 1}, "cant_tell", scope=scope_of(company["mia"]), actor=company["mia"], now=MONDAY)

    told = dee.post(
        "/churn/causes/review/", {"s": [f"{row.pk}:1" for row in said.values()], "do": "confirm"}, follow=True
    ).content.decode()

    assert "Reviewed: 2." in told
    assert "Somebody else reviewed 1 of these" in told
    assert "Nothing waits to be reviewed" in told
    answer = dee.post(
        "/churn/causes/review/", {"s": f"{said[WANG].pk}:2", "do": "set", "verdict": "no_need"}, follow=True
    )
    assert "Reviewed: 1." in answer.content.decode()
    assert Statement.objects.get(own_id=WANG).confirmed == "no_need"
    for wrong in ({"do": "confirm"}, {"s": "x:y", "do": "set"}, {"s": f"{said[WANG].pk}:3", "do": "set"}):
        assert dee.post("/churn/causes/review/", wrong).status_code == 302
    assert (
        sign_in("mia").post("/churn/causes/review/", {"s": f"{said[SMITH].pk}:2", "do": "confirm"}).status_code == 404
    )
    assert sign_in("ivy").get("/churn/causes/review/").status_code == 403


def test_what_was_said_is_written_down_on_the_customers_page(sign_in: SignIn, company: dict[str, User]) -> None:
    ann = sign_in("ann")
    assert "Nothing said so far" in page_of(ann, f"/customers/{WANG}/causes/")

    ann.post(f"/customers/{WANG}/causes/", {"came_from": "call_note", "text": "配送慢", "said_on": "2026-02-20"})

    assert "suggested: Slow or late delivery" in page_of(ann, f"/customers/{WANG}/causes/")
    assert ann.post(f"/customers/{SMITH}/causes/", {"came_from": "note", "text": "x"}).status_code == 404
    bad = ann.post(f"/customers/{WANG}/causes/", {"came_from": "note", "text": "x", "said_on": "20th"}, follow=True)
    assert "is no date" in bad.content.decode()
    unknown = ann.post("/churn/causes/new/", {"number": "C-4", "came_from": "note", "text": "kept while mended"})
    assert "kept while mended" in unknown.content.decode()
    assert Statement.objects.count() == 1
    assert "Your role does not write down" in page_of(sign_in("ivy"), "/churn/causes/new/")


def test_an_idea_goes_from_the_page_to_a_decision(sign_in: SignIn, company: dict[str, User]) -> None:
    ivy, mia = sign_in("ivy"), sign_in("mia")
    ivy.post("/churn/causes/of/delivery_late/ideas/", {"text": "Rent a warehouse"})
    idea = Idea.objects.get()

    def act(client: Client, verb: str, **sent: object) -> int:
        return client.post(f"/churn/causes/ideas/{idea.pk}/{verb}/", sent).status_code

    assert [act(mia, "vote"), act(mia, "comment", text="Where?"), act(ivy, "decide", decision="Yes")] == [302] * 3
    assert act(mia, "decide", decision="East first", owner=company["ann"].pk, due="2099-01-01") == 302
    assert act(mia, "nonsense") == 404

    text = page_of(mia, "/churn/causes/of/delivery_late/")
    assert all(one in text for one in ("Rent a warehouse", "Where?", "East first", "decision taken"))
    idea.refresh_from_db()
    assert (idea.state, idea.owner) == ("decided", company["ann"])


def test_a_colleague_called_in_finds_it_on_today_and_nobody_else_does(
    sign_in: SignIn, company: dict[str, User]
) -> None:
    ivy, mia = sign_in("ivy"), sign_in("mia")

    told = ivy.post(
        "/churn/causes/of/delivery_late/ideas/", {"text": "Rent a SECRET warehouse @mia @ann @nobody"}, follow=True
    ).content.decode()
    notice = Mention.objects.get()

    assert "Called in: mia" in told
    assert "@ann, @nobody" in told  # who may not see it, and who is not there, in the same words
    first = page_of(mia, "/")
    assert "ivy calls you in an idea: Slow or late delivery" in first
    assert "SECRET" in first
    for name in ("ann", "noa", "dee"):
        assert "SECRET" not in page_of(sign_in(name), "/")
    assert sign_in("noa").post(f"/churn/causes/notices/{notice.pk}/").status_code == 404
    opened = mia.post(f"/churn/causes/notices/{notice.pk}/")
    assert opened.headers["Location"] == f"/churn/causes/of/delivery_late/#idea-{notice.idea_id}"
    assert "Nothing unread" in page_of(mia, "/")
    assert mia.post(f"/churn/causes/notices/{notice.pk}/", {"unread": "1"}).headers["Location"] == "/#called"
    assert "1 unread" in page_of(mia, "/")
    offered = ivy.get("/churn/causes/people/", {"q": "m"}).json()
    assert offered == {"people": [{"name": "mia", "shown": "mia"}]}
    assert sign_in("ann").get("/churn/causes/people/").status_code == 403
    Idea.objects.all().delete()
    assert "SECRET" not in page_of(mia, "/")


def test_an_agent_does_what_was_decided_from_today(sign_in: SignIn, company: dict[str, User]) -> None:
    mia, ann = sign_in("mia"), sign_in("ann")
    mia.post("/churn/causes/of/delivery_late/ideas/", {"text": "Rent a SECRET warehouse"})
    idea = Idea.objects.get()
    mia.post(f"/churn/causes/ideas/{idea.pk}/decide/", {"decision": "Ask the carrier", "owner": company["ann"].pk, "due": "2099-01-01"})  # fmt: skip
    notice = Mention.objects.get()

    first = page_of(ann, "/")
    opened = ann.post(f"/churn/causes/notices/{notice.pk}/")

    assert all(one in first for one in ("Ask the carrier", "until 2099-01-01", "Done"))
    assert "SECRET" not in first
    assert opened.headers["Location"] == "/#called"  # the cause's page is closed to agents
    assert "/churn/causes/of/" not in page_of(ann, "/")
    assert ann.post(f"/churn/causes/notices/{notice.pk}/", {"done": "1"}).status_code == 302
    idea.refresh_from_db()
    assert idea.state == "done"
    again = ann.post(f"/churn/causes/notices/{notice.pk}/", {"done": "1"}, follow=True)
    assert "changed meanwhile" in again.content.decode()
    assert "until 2099-01-01" not in page_of(ann, "/")
    assert sign_in("mia").post(f"/churn/causes/notices/{notice.pk}/").status_code == 404


def test_the_tree_is_edited_in_settings_by_whoever_may(sign_in: SignIn, said: dict[int, Statement]) -> None:
    dee = sign_in("dee")
    named = {"name_en": "No night service", "name_zh": "没有夜间服务", "parent": "service", "control": "controllable",
             "side": "internal", "nature": "objective"}  # fmt: skip

    dee.post("/settings/causes/", {"do": "add", **named})
    dee.post("/settings/causes/", {"do": "retire", "code": "price_high", "version": "0", "into": "no_night_service"})

    assert KeptCause.objects.count() == 2
    assert Statement.objects.get(own_id=WANG).suggested == "no_night_service"
    text = page_of(dee, "/settings/causes/")
    assert "<s>Price too high, or raised</s>" in text
    assert "1 statements" in text
    again = dee.post("/settings/causes/", {"do": "retire", "code": "moved", "version": "7"}, follow=True)
    assert "changed this cause meanwhile" in again.content.decode()
    assert dee.post("/settings/causes/", {"do": "change", "code": "none", **named}).status_code == 404
    assert sign_in("mia").get("/settings/causes/").status_code == 403
    assert taxonomy.tree()["price_high"].retired


def test_a_tree_is_brought_from_a_file_by_whoever_may_change_it(sign_in: SignIn, company: dict[str, User]) -> None:
    dee = sign_in("dee")

    def send(client: Client, text: str) -> str:
        file = SimpleUploadedFile("tree.csv", text.encode(), "text/csv")
        return client.post("/settings/causes/import/", {"file": file}, follow=True).content.decode()

    assert "Added: 1." in send(dee, "name_en,branch\nNo night service,service\n")
    assert "Nothing was taken from the file. Line 2: There is no branch" in send(dee, "name_en,branch\nX,nowhere\n")
    assert "Choose a file first" in dee.post("/settings/causes/import/", follow=True).content.decode()
    assert sign_in("mia").post("/settings/causes/import/").status_code == 403
    assert KeptCause.objects.get().name_en == "No night service"


def test_files_hold_what_their_reader_may_see_and_leave_a_trace(sign_in: SignIn, said: dict[int, Statement]) -> None:
    mia = sign_in("mia")

    told = mia.post("/churn/causes/statements.csv").content.decode()

    assert "太贵了" in told
    assert "No signal" not in told
    assert AuditEntry.objects.filter(verb="export_statements").count() == 1
    assert "太贵了" not in sign_in("ivy").post("/churn/causes/statements.csv").content.decode()
    assert sign_in("ann").post("/churn/causes/statements.csv").status_code == 403
    tree = sign_in("dee").post("/settings/causes/causes.csv").content.decode()
    assert "moved,away,Moved out of reach,搬离服务区,uncontrollable,external,objective,," in tree
    drawing = sign_in("dee").get("/churn/causes/fishbone.svg")
    assert drawing["Content-Type"].startswith("image/svg+xml")
    assert b"<style>" in drawing.content
    assert b"href" not in drawing.content


def test_a_fishbone_has_a_bone_a_branch_cuts_long_names_and_escapes_them() -> None:
    from xml.etree import ElementTree

    ribs = [
        Rib("<script>alert(1)</script>" * 3, Figure(5, "5"), "controllable", "/a/"),
        Rib("很长的原因名称" * 6, Figure(1, "1"), "mixed", "/b/"),
    ]
    bones = [Bone(f"Branch {n}", Figure(6, "6"), "controllable", f"/{n}/", ribs) for n in range(11)]

    for drawn in (fishbone.lying(bones, "Left: 66", "All"), fishbone.standing(bones, "Left: 66", "All"), fishbone.lying([], "Left: 0", "None")):  # fmt: skip
        ElementTree.fromstring(drawn)
        assert "<script>" not in drawn
    assert str(fishbone.lying(bones, "x", "y")).count("fb-bone") == 11
    assert fishbone.fit("Price too high", 40).endswith("…")


def interviewed(company: dict[str, User]) -> None:
    """Forty statements of price by WANG's and LI's neighbours' numbers, of whom 32 told a member of staff what it was."""
    for n in range(100, 140):
        common = {"own_id": n, "left_on": DAY, "said_at": MONDAY, "made_at": MONDAY, "state": "confirmed"}
        Customer.objects.create(person_id=n, customer_id=f"C-{n}", team_id=company["mia"].team_id)
        Statement.objects.create(**common, came_from="exit_survey", confirmed="price_high")
        if n < 132:
            meant = "competitor_offer" if n < 128 else "price_high"
            Statement.objects.create(**common, came_from="staff_interview", confirmed=meant)


def test_causes_rank_as_interviews_correct_them_and_as_said_on_demand(
    sign_in: SignIn, company: dict[str, User]
) -> None:
    interviewed(company)
    dee = sign_in("dee")

    better, plain = (dee.get("/churn/causes/", asked) for asked in ({}, {"rank": "said"}))

    first = better.context["rows"][0]
    assert (first["name"], better.context["estimated"]) == ("Better offer elsewhere", True)
    assert 28 < first["better"].low <= first["better"].value <= first["better"].high <= 36
    assert first["leavers"] == 28
    assert sum(row["share"] for row in better.context["rows"]) == pytest.approx(1)
    assert "of 32 leavers whom somebody asked in depth, 28 meant something else" in better.content.decode()
    assert [trace["name"] for trace in better.context["pareto"]["data"]] == ["Estimated", "As said", "Cumulative"]
    assert not plain.context["estimated"]
    assert [trace["name"] for trace in plain.context["pareto"]["data"]] == ["Confirmed", "Suggested", "Cumulative"]
    held = dee.get("/churn/causes/", {"control": "controllable"}).context["rows"]
    assert [row["name"] for row in held] == ["Price too high, or raised"]


def test_fishbone_cause_page_file_and_program_tell_the_estimate_beside_what_is_said(
    sign_in: SignIn, company: dict[str, User]
) -> None:
    interviewed(company)
    dee = sign_in("dee")

    whole = dee.get("/churn/causes/")
    first = next(row["better"] for row in whole.context["rows"] if row["node"].code == "competitor_offer")
    told = f"≈{first.value:.0f} ({first.low:.0f}–{first.high:.0f}), said 28"

    for drawn in (whole.context["wide"], whole.context["tall"], page_of(dee, "/churn/causes/fishbone.svg")):
        assert told in drawn
    plain = page_of(dee, "/churn/causes/fishbone.svg", rank="said")
    assert "≈" not in plain
    assert "· 28" in plain
    one, branch = (dee.get(f"/churn/causes/of/{code}/").context for code in ("competitor_offer", "competition"))
    assert one["better"] == branch["better"] == first
    assert one["leavers"] == 28
    assert one["share_better"] == pytest.approx(first.value / 40)
    written = dee.post("/churn/causes/leavers.csv").content.decode()
    line = next(row for row in csv.reader(written.splitlines()) if row[0] == "competitor_offer")
    assert line[4:] == [
        "28", "28", str(round(first.value, 1)), str(round(first.low, 1)), str(round(first.high, 1)), "32", "28",
    ]  # fmt: skip
    assert AuditEntry.objects.filter(verb="export_leavers").count() == 1
    key = keys.make_key(
        company["dee"], role=company["dee"].role, expires_at=timezone.now() + timedelta(days=9), name="t", actor=None,
        now=timezone.now(),
    )[1]  # fmt: skip
    answer = Client().get("/api/v1/causes", headers={"Authorization": f"Bearer {key}"}).json()
    assert answer["interviews"] == {"asked": 32, "meant_something_else": 28}
    top = answer["causes"][0]
    assert (top["code"], top["leavers"], top["estimated"]["value"]) == ("competitor_offer", 28, round(first.value, 1))
    assert (
        Client().get("/api/v1/causes", {"control": "none"}, headers={"Authorization": f"Bearer {key}"}).status_code
        == 422
    )


def test_below_thirty_interviews_nothing_is_estimated_anywhere(sign_in: SignIn, said: dict[int, Statement]) -> None:
    dee = sign_in("dee")

    assert dee.get("/churn/causes/of/price_high/").context["better"] is None
    assert "≈" not in page_of(dee, "/churn/causes/fishbone.svg")
    assert "estimated" not in dee.post("/churn/causes/leavers.csv").content.decode()


def test_a_figure_on_the_fishbone_stays_whole_where_the_name_is_long() -> None:
    assert folded("A cause with a very long name indeed · ≈205 (174–234), said 162", 240, "≈205 (174–234), said 162") == [
        "A cause with a very long name indeed", "≈205 (174–234), said 162"
    ]  # fmt: skip
    assert folded("短 · ≈2", 220, "≈2") == ["短 · ≈2"]
    assert folded("Offer · ≈1,588 (1,518–1,658), said 1,199", 154, "≈1,588 (1,518–1,658), said 1,199") == [
        "Offer", "≈1,588 (1,518–1,658)", "said 1,199",
    ]  # fmt: skip


def test_what_the_model_read_is_of_those_who_left_by_the_last_score_before_they_did(
    sign_in: SignIn, company: dict[str, User], filled_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interviewed(company)
    home = tmp_path / "home"
    shutil.copytree(filled_home, home)
    monkeypatch.setenv("TENURE_HOME", str(home))
    points = [
        {"person_id": n, "as_of": day, "churn_probability": 0.5, "drivers": json.dumps({code: 1.0, "buying": -0.5})}
        for n in range(100, 130)
        for day, code in ((date(2026, 1, 1), "price"), (date(2026, 2, 1), "service"), (date(2026, 2, 25), "quality"))
    ]
    schema = COMPUTED["scores/churn_history"]
    Lake(home / "lake").publish("scores/churn_history", pa.Table.from_pylist(points, schema=schema))
    caches["figures"].clear()

    told = sign_in("dee").get("/churn/causes/")
    few = sign_in("dee").get("/churn/causes/", {"control": "controllable"})

    assert [one["words"] for one in told.context["drivers"]] == [words_of("service")]
    assert told.context["of_drivers"] == 30
    assert "What raised the risk of 30 of these leavers" in told.content.decode()
    assert few.context["of_drivers"] == 0


def test_before_anybody_said_anything_the_page_says_what_to_do(sign_in: SignIn) -> None:
    text = page_of(sign_in("dee"), "/churn/causes/")

    assert "tenure import exits.csv --as survey_responses" in text
    assert "/churn/causes/new/" in text
