"""Tiers, personas and moves as people see and set them."""

import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tenure.desk.customers.api import publish
from tenure.desk.customers.models import Cover, TierRule
from tenure.desk.customers.segments.asking import asker_of, ground_of, known_of
from tenure.desk.customers.segments.compiled import count_of
from tenure.desk.customers.segments.definition import read
from tenure.desk.customers.tiers import Style
from tenure.desk.customers.tiers import in_force as tiers_in_force
from tenure.desk.governance.access import scope_of
from tenure.desk.governance.models import AuditEntry, User
from tenure.desk.lake import lake as desk_lake
from tenure.insight.segments.tiers import Rule, parts, tiers
from tenure.lake import Lake
from tenure.lake.tables import COMPUTED
from tests.cast import CHEN, CUSTOMERS, EAST, LI, MONDAY, QUIET, SMITH, WANG, ZHANG, cards
from tests.web import SignIn

pytestmark = pytest.mark.django_db

BROUGHT = {WANG: 900, LI: 800, ZHANG: 700, SMITH: 600, CHEN: 500, QUIET: 0}
FORM = {
    "weight_value": "0", "weight_brought": "1", "weight_margin": "0", "weight_tenure": "0", "strategic_from": "90",
    "core_from": "70", "tenure_least_days": "180", "growth_from": "20", "growth_points_from": "30",
    "strategic.contact_days": "14", "strategic.looked_after": "Two names, always", "core.response_hours": "6",
}  # fmt: skip


@pytest.fixture
def lake(company: dict[str, User], filled_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """The company's lake with everybody's tier by what they brought in, one move, and two personas."""
    home = tmp_path / "home"
    shutil.copytree(filled_home, home)
    monkeypatch.setenv("TENURE_HOME", str(home))
    lake = Lake(home / "lake")
    people = list(CUSTOMERS)
    inputs = pa.table(
        {
            "person_id": people, "value_base_minor": pa.nulls(6, pa.int64()),
            "brought_base_minor": [BROUGHT[p] * 100 for p in people], "before_base_minor": [BROUGHT[p] * 100 for p in people],
            "margin_share": pa.nulls(6, pa.float64()), "tenure_days": [400] * 6,
        }
    )  # fmt: skip
    stood = parts(inputs)
    found = tiers(stood, Rule())
    tier = dict(zip(people, found["tier"].to_pylist(), strict=True))
    columns = {name: stood[name] for name in stood.column_names if name != "person_id"}
    columns |= {
        "person_id": stood["person_id"],
        "tier": found["tier"],
        "tier_points": found["points"],
        "tier_rule": found["rule"],
    }
    columns |= {"brought_base_minor": inputs["brought_base_minor"], "tier_version": pa.array([0] * 6),
                "tier_before": pa.array([None] * 6, pa.string()), "as_of": pa.array([MONDAY.date()] * 6)}  # fmt: skip
    schema = COMPUTED["scores/tiers"]
    lake.publish("scores/tiers", pa.table([columns[f.name].cast(f.type) for f in schema], schema=schema))
    move = {"person_id": WANG, "as_of": MONDAY.date(), "at": MONDAY, "tier_before": "core", "tier": "strategic",
            "tier_why_en": "From 75 to 91 points.", "tier_why_zh": "积分从 75 变为 91。", "tier_version": 0}  # fmt: skip
    lake.publish("scores/tier_moves", pa.Table.from_pylist([move], schema=COMPUTED["scores/tier_moves"]))
    habits = [{"person_id": p, "visits": 2 * p, "recency_days": 3, "brought_base_minor": BROUGHT[p] * 100, "channel": "app"}
              for p in people]  # fmt: skip
    lake.publish("scores/habits", pa.Table.from_pylist(habits, schema=COMPUTED["scores/habits"]))
    months = [{"person_id": p, "as_of": day, "r": 3, "f": 3, "m": 3, "cell": cell, "abc": "A"}
              for p in people for day, cell in ((date(2026, 1, 1), "loyal"), (date(2026, 2, 1), "lost" if p == LI else "loyal"))]  # fmt: skip
    lake.publish("scores/rfm_months", pa.Table.from_pylist(months, schema=COMPUTED["scores/rfm_months"]))
    traits = [{"column": "visits", "level": None, "score": -1.2, "here": 3, "among": 6},
              {"column": "channel", "level": "app", "score": 0.8, "here": 0.9, "among": 0.5}]  # fmt: skip
    lake.publish_document("personas", {"kept_share": 0.95, "tried": {"3": 0.41}, "groups": [
        {"number": 1, "rows": 4, "en": "Seldom, app", "zh": "购买稀少、app", "traits": traits},
        {"number": 2, "rows": 2, "en": "Frequent", "zh": "购买频繁", "traits": []},
    ]})  # fmt: skip
    table = cards(tier=tier, persona={p: "1" if p < 5 else "2" for p in people})
    lake.publish("scores/customers", table)
    publish(table, as_of=MONDAY, now=MONDAY)
    return lake


def test_the_rule_is_tried_before_it_is_saved_and_each_save_is_a_version(sign_in: SignIn, lake: Lake) -> None:
    client = sign_in("dee")
    page = client.get("/settings/tiers/").content.decode()
    assert "What each tier holds" in page

    looked = client.post("/settings/tiers/", FORM | {"core_from": "40", "look": "1"}).content.decode()

    assert "What each tier would hold" in looked
    assert not TierRule.objects.exists()
    assert lake.document("tiers") is None

    client.post("/settings/tiers/", FORM | {"core_from": "40", "note": "More core", "save": "1"})

    saved = TierRule.objects.get()
    assert (saved.version, saved.rule["core_from"], saved.note) == (1, 40, "More core")
    assert saved.policies["strategic"]["looked_after"] == "Two names, always"
    assert lake.document("tiers")["rule"]["core_from"] == 40  # type: ignore[index]
    entry = AuditEntry.objects.get(verb="set_tiers")
    assert (entry.detail["before"]["core_from"], entry.detail["after"]["core_from"]) == (70, 40)
    client.post("/settings/tiers/", FORM | {"core_from": "40", "save": "1"})
    assert TierRule.objects.count() == 1, "what is in force already makes no version"


def test_a_region_is_served_in_its_own_style_and_its_customers_pages_say_so(sign_in: SignIn, lake: Lake) -> None:
    client = sign_in("dee")
    page = client.get("/settings/tiers/").content.decode()
    assert page.count('name="region"') == len({region for *_, region, _risk, _value in CUSTOMERS.values()})
    said = {"region": ["浙江", "广东"], "region0.language": "吴语", "region0.hours": "9–18", "region1.channel": ""}

    client.post("/settings/tiers/", FORM | said | {"save": "1"})

    assert tiers_in_force().styles == {"浙江": Style("吴语", "", "9–18", "")}
    assert AuditEntry.objects.get(verb="set_tiers").detail["regions"] == ["浙江"]
    here, elsewhere = (client.get(f"/customers/{one}/").content.decode() for one in (WANG, SMITH))
    assert "Service in 浙江" in here
    assert "吴语" in here
    assert "Service in" not in elsewhere
    client.post("/settings/tiers/", FORM | {"core_from": "60", "save": "1"})
    assert tiers_in_force().styles["浙江"].hours == "9–18", "what was not asked stays"
    long = client.post("/settings/tiers/", FORM | said | {"region0.note": "x" * 301, "save": "1"}).content.decode()
    assert "at most 300 characters" in long
    client.post("/settings/tiers/", FORM | said | {"region0.language": "", "region0.hours": "", "save": "1"})
    assert tiers_in_force().styles == {}


def test_lines_that_contradict_each_other_and_numbers_that_are_none_are_refused(sign_in: SignIn, lake: Lake) -> None:
    client = sign_in("dee")

    crossed = client.post("/settings/tiers/", FORM | {"core_from": "95", "save": "1"}).content.decode()
    lettered = client.post("/settings/tiers/", FORM | {"growth_from": "much", "save": "1"}).content.decode()
    steep = client.post("/settings/tiers/", FORM | {"core.discount_percent": "101", "save": "1"}).content.decode()

    assert "contradict each other" in crossed
    assert "&quot;much&quot; is no whole number" in lettered
    assert "101 is no number for Core; give 0 to 100." in steep
    assert not TierRule.objects.exists()


def test_only_who_sees_everybody_may_set_tiers(sign_in: SignIn, lake: Lake) -> None:
    assert sign_in("mia").get("/settings/tiers/").status_code == 403
    assert sign_in("ivy").post("/settings/tiers/", FORM | {"save": "1"}).status_code == 403
    assert not TierRule.objects.exists()


def test_a_customer_s_page_says_the_tier_why_how_it_is_served_and_every_move(sign_in: SignIn, lake: Lake) -> None:
    page = sign_in("ann").get(f"/customers/{WANG}/").content.decode()

    assert "Ahead of 91 % of customers; strategic from 90" in page
    assert "Answer within" in page
    assert "4 hours" in page
    assert "From 75 to 91 points." in page
    assert "Seldom, app" in page


def test_the_list_is_narrowed_to_a_tier_a_persona_and_to_those_nobody_looks_after(sign_in: SignIn, lake: Lake) -> None:
    client = sign_in("dee")

    def shown(query: str) -> set[str]:
        page = client.get(f"/customers/?{query}").content.decode()
        return {name for name, *_rest in CUSTOMERS.values() if name in page}

    assert shown("tier=strategic") == {"王小明"}
    assert shown("persona=2") == {"陈静", "赵敏"}
    assert shown("owner=0") == {"张伟", "赵敏"}


def test_insight_says_what_each_tier_holds_and_who_moved_and_why(sign_in: SignIn, lake: Lake) -> None:
    page = sign_in("mia").get("/insight/tiers/").content.decode()

    assert "From 75 to 91 points." in page
    assert "/customers/?tier=core&amp;" in page or "tier=core" in page
    assert "John Smith" not in page


def test_a_persona_s_page_says_what_sets_it_apart_and_leads_to_its_customers(sign_in: SignIn, lake: Lake) -> None:
    client = sign_in("dee")

    overview = client.get("/insight/personas/").content.decode()
    page = client.get("/insight/personas/1/").content.decode()

    assert "95.0% of the customers stayed" in overview
    assert "Purchase days in 12 months" in page
    assert "Main channel · app" in page
    assert "90%, among all 50%" in page
    assert "/customers/?persona=1" in page
    assert client.get("/insight/personas/9/").status_code == 404


def test_a_segment_by_rule_opens_its_customers_within_reach(sign_in: SignIn, lake: Lake) -> None:
    client, path = sign_in("mia"), "/insight/customers/?part=personas&rule=behaviour&code=sometimes"

    overview = client.get("/insight/personas/").content.decode()
    opened = client.get(path).content.decode()

    assert path.replace("&", "&amp;") in overview
    assert all(CUSTOMERS[p][0] in opened for p in EAST)
    assert CUSTOMERS[SMITH][0] not in opened
    for wrong in ("rule=secret&code=x", "rule=behaviour", ""):
        assert client.get(f"/insight/customers/?part=personas&{wrong}").status_code == 404


def test_personas_and_segments_by_rule_tell_a_metric_apart_by_their_names(sign_in: SignIn, lake: Lake) -> None:
    client = sign_in("dee")

    def parts(by: str) -> dict[str, int]:
        told = client.get(f"/metrics/active_customers/figures/?grain=year&by={by}").context["parts"]
        return {part["name"]: part["count"] for part in told}

    assert parts("persona") == {"Seldom, app": 4, "Frequent": 2}
    assert parts("behaviour") == {"Some visits a year": 5, "Twelve visits a year or more": 1}
    assert parts("main_channel") == {"app": 6}


def test_personas_and_segments_by_rule_are_asked_in_the_builder(lake: Lake, company: dict[str, User]) -> None:
    def count(name: str, **told: Any) -> int:
        user = company[name]
        asker = asker_of(user, scope_of(user))
        return count_of(read(told, known_of(asker)), ground_of(desk_lake(), asker, MONDAY, remember=False))

    assert count("dee", field="persona", **{"is": "in"}, value=["1"]) == 4
    assert count("mia", field="persona", **{"is": "not_in"}, value=["2"]) == 3
    assert count("dee", field="persona", **{"is": "in"}, value=["77"]) == 0, "one that was there before a refresh"
    assert count("dee", field="behaviour", **{"is": "in"}, value=["often"]) == 1
    assert count("dee", field="main_channel", **{"is": "has"}, value="ap") == 6
    assert count("dee", any=[{"field": "potential", "is": "empty"}, {"field": "behaviour", "is": "set"}]) == 6


def test_moves_between_two_months_open_the_customers_who_made_them(sign_in: SignIn, lake: Lake) -> None:
    client = sign_in("mia")

    table = client.get("/insight/moves/?of=cell").content.decode()
    people = client.get("/insight/moves/?of=cell&before=loyal&after=lost").content.decode()

    assert "2 of 3 stayed" in table
    assert "李娜" in people
    assert "王小明" not in people
    assert client.get("/insight/moves/?of=forged").status_code == 404


def test_who_stands_in_shows_on_the_customer_s_page_until_it_ends(
    sign_in: SignIn, lake: Lake, company: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: MONDAY)
    client, ann, bo = sign_in("mia"), company["ann"], company["bo"]
    said = {"manager": ann.pk, "deputy": bo.pk, "since": "2026-03-01", "until": "2026-03-08"}

    client.post("/settings/cover/", said)

    assert "stands in until 2026-03-08" in client.get(f"/customers/{WANG}/").content.decode()
    assert AuditEntry.objects.get(verb="set_cover").detail["deputy"] == bo.pk
    wrong = client.post("/settings/cover/", said | {"until": "2026-02-01"}).content.decode()
    assert "before it begins" in wrong
    client.post("/settings/cover/", said | {"deputy": ""})
    assert not Cover.objects.exists()
    monkeypatch.setattr("django.utils.timezone.now", lambda: MONDAY + timedelta(days=20))
    assert "stands in until" not in client.get(f"/customers/{WANG}/").content.decode()
