"""The pages where people say who is who."""

from pathlib import Path

import pytest
from django.core.cache import caches

from tenure.desk.customers.models import IdentityDecision
from tenure.desk.governance.models import AuditEntry, User
from tests.cast import CHEN, CUSTOMERS, LI, QUIET, SMITH, WANG, ZHANG
from tests.likely import fill_with_pairs
from tests.web import SignIn

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def likely_home(filled_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill_with_pairs(filled_home, tmp_path_factory.mktemp("likely") / "home")


@pytest.fixture(autouse=True)
def _likely(company: dict[str, User], likely_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENURE_HOME", str(likely_home))
    caches["figures"].clear()


def standing() -> set[tuple[int, int, str]]:
    return set(IdentityDecision.objects.standing().values_list("left_own", "right_own", "verdict"))


def test_the_queue_names_only_pairs_whose_both_customers_one_reaches(sign_in: SignIn) -> None:
    shown = sign_in("mia").get("/duplicates/").content.decode()

    assert f"/duplicates/{WANG}/{LI}/" in shown
    assert CUSTOMERS[SMITH][0] not in shown
    assert CUSTOMERS[CHEN][0] not in shown


def test_the_queue_is_narrowed_to_what_speaks_for_a_pair(sign_in: SignIn) -> None:
    client = sign_in("dee")

    shown = client.get("/duplicates/?reason=email").content.decode()

    assert f"/duplicates/{WANG}/{SMITH}/" in shown
    assert f"/duplicates/{WANG}/{LI}/" not in shown


def test_agents_have_no_queue_and_no_way_to_decide(sign_in: SignIn) -> None:
    client = sign_in("ann")

    assert client.get("/duplicates/").status_code == 403
    assert client.post(f"/duplicates/{WANG}/{LI}/decide/", {"verdict": "join"}).status_code == 403
    assert "/duplicates/" not in client.get("/").content.decode()


def test_a_pair_shows_what_is_alike_what_speaks_for_it_and_what_each_brought(sign_in: SignIn) -> None:
    shown = sign_in("dee").get(f"/duplicates/{LI}/{WANG}/").content.decode()

    assert "Same phone" in shown
    assert "Different names" in shown
    assert "13800001234" in shown
    assert "C-1 (shop)" in shown
    assert "+9.0" in shown
    assert "−4.0" in shown
    assert AuditEntry.objects.filter(verb="read", object_id=str(WANG)).exists()


def test_a_pair_out_of_reach_is_not_there(sign_in: SignIn) -> None:
    client = sign_in("mia")

    assert client.get(f"/duplicates/{WANG}/{SMITH}/").status_code == 404
    assert client.post(f"/duplicates/{WANG}/{SMITH}/decide/", {"verdict": "join"}).status_code == 404
    assert standing() == set()


def test_deciding_leads_to_the_next_pair_and_the_last_decision_is_one_click_from_undone(sign_in: SignIn) -> None:
    client = sign_in("mia")

    answer = client.post(f"/duplicates/{WANG}/{LI}/decide/", {"verdict": "join"})

    assert answer["Location"] == f"/duplicates/{LI}/{ZHANG}/"
    assert standing() == {(WANG, LI, "join")}
    deed = IdentityDecision.objects.get().deed
    shown = client.get(answer["Location"]).content.decode()
    assert f"/duplicates/undo/{deed}/" in shown
    undone = client.post(f"/duplicates/undo/{deed}/")
    assert undone["Location"] == f"/duplicates/{WANG}/{LI}/"
    assert standing() == set()


def test_the_last_pair_leads_back_to_the_queue(sign_in: SignIn) -> None:
    client = sign_in("dee")

    answer = client.post(f"/duplicates/{CHEN}/{QUIET}/decide/", {"verdict": "apart", "reason": "birth_date"})

    assert answer["Location"] == "/duplicates/?reason=birth_date"


def test_what_is_put_off_comes_last(sign_in: SignIn) -> None:
    client = sign_in("mia")

    client.post(f"/duplicates/{WANG}/{LI}/decide/", {"verdict": "later"})

    shown = client.get("/duplicates/").content.decode()
    assert shown.index(f"/duplicates/{LI}/{ZHANG}/") < shown.rindex(f"/duplicates/{WANG}/{LI}/")
    assert standing() == set()


def test_many_are_accepted_as_they_were_looked_at_or_not_at_all(sign_in: SignIn) -> None:
    client = sign_in("dee")
    page = client.get("/duplicates/bulk/?weight=4.5")
    assert page.context["chosen"] == 3
    digest = page.context["digest"]

    client.post(f"/duplicates/{WANG}/{LI}/decide/", {"verdict": "apart"})
    refused = client.post("/duplicates/bulk/", {"weight": "4.5", "digest": digest})

    assert "The list changed" in refused.content.decode()
    assert standing() == {(WANG, LI, "apart")}
    fresh = client.get("/duplicates/bulk/?weight=4.5")
    client.post("/duplicates/bulk/", {"weight": "4.5", "digest": fresh.context["digest"]})
    assert standing() == {(WANG, LI, "apart"), (WANG, SMITH, "join"), (CHEN, QUIET, "join")}


def test_who_does_not_see_a_field_can_not_choose_by_its_weight(sign_in: SignIn, company: dict[str, User]) -> None:
    from dataclasses import replace

    from tenure.desk.governance.roles import BUILT_IN
    from tenure.desk.governance.services import save_role
    from tests.cast import MONDAY

    analyst = BUILT_IN["analyst"]
    save_role(replace(analyst, permissions=analyst.permissions | {"merge"}), actor=None, now=MONDAY)
    client = sign_in("ivy")

    assert client.get("/duplicates/bulk/?weight=4").context["chosen"] == 2  # what the name and the city say
    shown = client.get(f"/duplicates/{WANG}/{LI}/").content.decode()
    assert "Same phone" not in shown
    assert "13800001234" not in shown


def test_the_own_page_lists_a_persons_numbers_to_whoever_may_part_them(sign_in: SignIn) -> None:
    assert 'id="numbers"' in sign_in("mia").get(f"/customers/{WANG}/").content.decode()
    assert 'id="numbers"' not in sign_in("ann").get(f"/customers/{WANG}/").content.decode()


def test_today_says_how_many_pairs_wait(sign_in: SignIn) -> None:
    assert "2 pairs of customers" in sign_in("mia").get("/today/numbers/").content.decode()
    assert "pairs of customers" not in sign_in("ann").get("/today/numbers/").content.decode()
