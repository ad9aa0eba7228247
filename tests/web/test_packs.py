"""The industry pack as an administrator meets it: offered, looked at, chosen, put off, changed and taken back."""

import shutil
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tenure.desk.customers import churn_definitions, packs, tiers
from tenure.desk.customers.events import PackChosen
from tenure.desk.customers.models import PracticeVersion, Publication, TierRule
from tenure.desk.customers.tiers import Policy
from tenure.desk.governance.models import AuditEntry, User
from tenure.desk.work.models import Upload
from tenure.errors import TenureError
from tenure.insight.segments.tiers import Rule
from tenure.lake import SYSTEM, Lake
from tenure.language import using
from tenure.pipeline.following import practice
from tenure.sources.mentions import Mentions
from tests.cast import MONDAY
from tests.web import SignIn

pytestmark = pytest.mark.django_db


@pytest.fixture
def lake(company: dict[str, User], filled_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    home = tmp_path / "home"
    shutil.copytree(filled_home, home)
    monkeypatch.setenv("TENURE_HOME", str(home))
    return Lake(home / "lake")


def by(actor: User | None, lake: Lake) -> dict[str, object]:
    return {"lake": lake, "scope": SYSTEM, "actor": actor, "now": MONDAY}


def test_an_administrator_is_asked_for_the_line_of_business_until_it_is_decided(sign_in: SignIn, lake: Lake) -> None:
    client = sign_in("dee")
    Publication.objects.all().delete()

    first = client.get("/").content.decode()
    others = sign_in("mia").get("/").content.decode() + sign_in("mia").get("/today/numbers/").content.decode()
    client.post("/settings/pack/later/")
    client.post("/settings/pack/later/")
    after = client.get("/").content.decode() + client.get("/today/numbers/").content.decode()

    assert "Which line of business are you in?" in first
    assert "/settings/pack/look/telecom/" in first
    assert "Which line of business" not in others + after
    assert [row.deed for row in PracticeVersion.objects.all()] == ["later"]
    assert AuditEntry.objects.filter(verb="leave_pack").count() == 1


def test_a_pack_shows_what_it_would_change_and_changes_it_in_one_deed(
    sign_in: SignIn, lake: Lake, company: dict[str, User], django_capture_on_commit_callbacks: object
) -> None:
    client = sign_in("dee")

    looked = client.get("/settings/pack/look/telecom/").content.decode()

    assert "ends within 30 days" in looked
    assert "benchmark 2 % · excellent 1 % · limit 3 %" in looked
    assert not PracticeVersion.objects.exists()
    assert lake.document("practice") is None

    client.post("/settings/pack/look/telecom/")

    state, rule = PracticeVersion.objects.get(), TierRule.objects.get()
    assert (state.pack, state.tiers_version, state.made_by) == ("telecom", rule.version, company["dee"])
    assert (rule.rule["core_from"], rule.policies["strategic"]["contact_days"]) == (65, 60)
    assert practice(lake).churn[0] == {"definition": "contract_end", "horizon_days": 30}
    assert lake.document("tiers")["rule"]["core_from"] == 65  # type: ignore[index]
    entries = AuditEntry.objects.filter(object_type__in=["pack", "tiers", "metric"])
    assert [entry.verb for entry in entries] == ["choose_pack"], "one deed is one entry"
    assert set(entries[0].detail["changed"]) == set(packs.PARTS_OF_A_PACK)
    page = client.get("/settings/pack/").content.decode()
    assert "In force: Telecommunications" in page


def test_choosing_announces_one_event(
    company: dict[str, User], lake: Lake, django_capture_on_commit_callbacks: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[object] = []
    monkeypatch.setattr(packs, "announce", heard.append)

    packs.choose("retail", **by(company["dee"], lake))  # type: ignore[arg-type]

    assert heard == [PackChosen(1, "retail")]


def test_a_pack_chosen_twice_makes_no_second_version_in_either_language(company: dict[str, User], lake: Lake) -> None:
    with using("zh-hans"):
        packs.choose("retail", **by(company["dee"], lake))  # type: ignore[arg-type]
    again = packs.choose("retail", **by(company["dee"], lake))  # type: ignore[arg-type]

    assert not again.moves
    assert not again.changes
    assert (PracticeVersion.objects.count(), TierRule.objects.count()) == (1, 1)
    assert AuditEntry.objects.filter(verb="choose_pack").count() == 1


def test_what_people_set_is_never_gone_over_and_is_named(company: dict[str, User], lake: Lake) -> None:
    dee = company["dee"]
    tiers.set_tiers(Rule(core_from=55), {"core": Policy(7)}, note="ours", **by(dee, lake))  # type: ignore[arg-type]
    packs.set_target("nps", {"benchmark": 33.0}, **by(dee, lake))  # type: ignore[arg-type]
    churn_definitions.set_churn({"definition": "silence", "horizon_days": 45}, **by(dee, lake))  # type: ignore[arg-type]

    plan = packs.choose("telecom", **by(dee, lake))  # type: ignore[arg-type]

    assert {one.part for one in plan.kept} == {"leaving", "tiers", "service", "targets"}
    assert "Net promoter score (NPS)" in {one.what for one in plan.kept}
    assert tiers.in_force().rule.core_from == 55
    now = practice(lake)
    assert now.churn == [{"definition": "silence", "horizon_days": 45}]
    assert (now.targets["nps"]["benchmark"], now.targets["churn_rate"]["limit"]) == (33.0, 0.03)
    entry = AuditEntry.objects.get(verb="choose_pack")
    assert "targets: Net promoter score (NPS)" in entry.detail["kept"]

    packs.set_target("nps", None, **by(dee, lake))  # type: ignore[arg-type]
    churn_definitions.set_churn(None, **by(dee, lake))  # type: ignore[arg-type]

    assert practice(lake).targets["nps"]["benchmark"] == 30, "what the pack says, once nobody says otherwise"
    assert practice(lake).churn[0]["definition"] == "contract_end"


def test_another_pack_replaces_all_of_the_first_and_taking_back_leaves_nothing_of_it(
    company: dict[str, User], lake: Lake
) -> None:
    dee = company["dee"]
    packs.choose("retail", **by(dee, lake))  # type: ignore[arg-type]
    packs.choose("saas", **by(dee, lake))  # type: ignore[arg-type]

    second = practice(lake)
    assert (second.pack, "refund_rate" in second.targets, "orders" in second.names) == ("saas", False, False)
    assert tiers.in_force().rule.tenure_least_days == 90

    packs.take_back(**by(dee, lake))  # type: ignore[arg-type]

    after = practice(lake)
    assert (after.pack, after.churn, after.targets, after.names, after.headlines) == ("", [], {}, {}, [])
    assert tiers.in_force().rule == Rule()
    assert tiers.in_force().policies == tiers.USUAL
    with pytest.raises(TenureError, match="No industry pack is in force"):
        packs.take_back(**by(dee, lake))  # type: ignore[arg-type]
    assert packs.choose("telecom", **by(dee, lake)).changed, "and another can be chosen, tiers included"  # type: ignore[arg-type]
    assert tiers.in_force().rule.core_from == 65


def test_tiers_changed_since_the_pack_are_left_when_it_is_taken_back(company: dict[str, User], lake: Lake) -> None:
    dee = company["dee"]
    packs.choose("retail", **by(dee, lake))  # type: ignore[arg-type]
    tiers.set_tiers(Rule(core_from=50), {}, note="", **by(dee, lake))  # type: ignore[arg-type]

    plan = packs.take_back(**by(dee, lake))  # type: ignore[arg-type]

    assert tiers.in_force().rule.core_from == 50
    assert {"tiers", "service"} <= {one.part for one in plan.kept}


def test_only_who_sees_everybody_and_may_choose_does(sign_in: SignIn, lake: Lake) -> None:
    for name in ("mia", "ann", "ivy"):
        client = sign_in(name)
        assert client.get("/settings/pack/").status_code == 403
        assert client.post("/settings/pack/look/retail/").status_code == 403
        assert client.post("/metrics/nps/target/", {"benchmark": "1"}).status_code == 403
    assert not PracticeVersion.objects.exists()


def test_a_pack_there_is_not_is_not_found_and_changes_nothing(
    sign_in: SignIn, lake: Lake, company: dict[str, User]
) -> None:
    assert sign_in("dee").post("/settings/pack/look/bakery/").status_code == 404
    with pytest.raises(TenureError, match='no industry pack "bakery"'):
        packs.choose("bakery", **by(company["dee"], lake))  # type: ignore[arg-type]
    assert not PracticeVersion.objects.exists()


def test_a_target_set_on_a_metric_s_page_is_what_its_figure_is_held_against(sign_in: SignIn, lake: Lake) -> None:
    client = sign_in("dee")

    client.post("/metrics/complaint_rate/target/", {"benchmark": "1.5", "excellent": "0.5 %", "limit": ""})
    page = client.get("/metrics/complaint_rate/").content.decode()

    assert practice(lake).targets["complaint_rate"]["benchmark"] == pytest.approx(0.015)
    assert "1.5 % · Set by your company" in page
    assert 'name="drop"' in page
    client.post("/metrics/complaint_rate/target/", {"drop": "1"})
    assert "complaint_rate" not in practice(lake).targets
    verbs = AuditEntry.objects.filter(object_type="metric").values_list("verb", flat=True)
    assert list(verbs) == ["set_target", "set_target"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"benchmark": "much"}, "&quot;much&quot; is no number"),
        ({"benchmark": "nan"}, "&quot;nan&quot; is no number"),
        ({"benchmark": "1", "excellent": "2"}, "the lines of complaint_rate cross"),
        ({}, "says nothing"),
    ],
)
def test_a_target_that_makes_no_sense_is_refused(sign_in: SignIn, lake: Lake, given: dict[str, str], said: str) -> None:
    page = sign_in("dee").post("/metrics/complaint_rate/target/", given, follow=True).content.decode()

    assert said in page
    assert not PracticeVersion.objects.exists()


def test_what_was_cut_off_between_desk_and_lake_is_healed(company: dict[str, User], lake: Lake) -> None:
    packs.choose("retail", **by(company["dee"], lake))  # type: ignore[arg-type]
    for name in ("practice", "tiers"):
        (lake.folder / "documents" / f"{name}.json").unlink()

    packs.tell(lake)

    assert practice(lake).pack == "retail"
    assert lake.document("tiers")["rule"]["core_from"] == 80  # type: ignore[index]


def test_a_tile_shows_its_target_and_the_first_page_the_pack_s_numbers(
    sign_in: SignIn, lake: Lake, company: dict[str, User]
) -> None:
    packs.choose("retail", **by(company["dee"], lake))  # type: ignore[arg-type]
    client = sign_in("dee")

    tiles = client.get("/metrics/chapter/satisfaction/").content.decode()
    numbers = client.get("/today/numbers/").content.decode()

    assert "Target 80 · excellent 90" in tiles
    assert "Average order value" in numbers
    assert "Churn rate" not in numbers


def test_the_wizard_maps_the_columns_of_the_trade_once_the_pack_is_chosen(
    sign_in: SignIn, lake: Lake, company: dict[str, User]
) -> None:
    client = sign_in("dee")
    till = "小票号,会员卡号,交易时间,条码,实收金额,门店名称\nT-1,M-1,2026-03-01 10:00,69001,19.90,西湖店\n"

    def mapped() -> tuple[str, dict[str, str]]:
        client.post("/data/import/", {"file": SimpleUploadedFile("till.csv", till.encode())})
        at = f"/data/import/{Upload.objects.latest('pk').pk}/"
        looked = client.get(at).context["contract"]
        client.post(at, {"next": "1", "contract": "orders"})
        page = client.get(f"{at}map/")
        return looked, {one.header: one.choice for one in page.context["columns"]}

    _looked, before = mapped()
    packs.choose("retail", **by(company["dee"], lake))  # type: ignore[arg-type]
    looked, after = mapped()

    assert looked == "orders"
    assert after == {"小票号": "order_id", "会员卡号": "customer_id", "交易时间": "ordered_at", "条码": "product_id",
                     "实收金额": "amount_minor", "门店名称": "channel"}  # fmt: skip
    assert set(before.values()) == {"-"}, "nobody but this trade calls them so"


def test_a_file_of_rejects_is_searched_in_the_column_a_pack_took_for_customers() -> None:
    found = Mentions(["M-1"], {})

    assert found.number_columns(["小票号", "会员卡号", "MSISDN", "实收金额"]) == [1, 2]
