"""The page a person opens by a link, and the consents on the customer's page."""

import re
from datetime import timedelta

import pytest
from django.core import signing
from django.test import Client
from django.utils import timezone

from tenure.desk.governance import consents, preferences
from tenure.desk.governance.models import (
    AuditEntry,
    ConsentEntry,
    ErasedPerson,
    PreferenceLink,
    SubjectRequest,
    User,
)
from tests.cast import CUSTOMERS, SMITH, WANG
from tests.web import SignIn

pytestmark = pytest.mark.django_db


@pytest.fixture
def token(company: dict[str, User]) -> str:
    return preferences.issue_link(WANG, actor=company["ann"], now=timezone.now())


def path(token: str) -> str:
    return f"/preferences/{token}/"


def allowed() -> set[tuple[str, str]]:
    return {(one.purpose, one.channel) for one in consents.standing(WANG, timezone.now()) if one.allowed}


def test_a_person_gives_and_withdraws_without_an_account(token: str) -> None:
    outside = Client()

    answer = outside.post(path(token), {"what": "save", "yes": ["marketing.mail", "profiling.", "service.mail"]})

    assert answer.status_code == 302
    assert allowed() == {("marketing", "mail"), ("profiling", ""), ("service", "mail")}
    assert {entry.source for entry in ConsentEntry.objects.all()} == {"preference page"}
    assert all("preference page, link issued" in (consents.evidence_of(e) or "") for e in ConsentEntry.objects.all())
    shown = outside.get(path(token)).content.decode()
    assert re.findall(r'value="([\w.]+)" checked', shown) == ["service.mail", "marketing.mail", "profiling."]

    outside.post(path(token), {"what": "save", "yes": ["service.mail", "profiling."]})
    assert allowed() == {("profiling", ""), ("service", "mail")}


def test_everything_is_withdrawn_with_one_click(token: str) -> None:
    Client().post(path(token), {"what": "save", "yes": ["marketing.mail", "partners.", "service.mail"]})

    Client().post(path(token), {"what": "withdraw"})

    assert {purpose for purpose, _ in allowed()} == {"service"}


def test_saving_what_stands_already_writes_nothing(token: str) -> None:
    ticked = [f"{purpose}.{channel}" for purpose, channel in allowed()]

    Client().post(path(token), {"what": "save", "yes": ticked})

    assert not ConsentEntry.objects.exists()


def test_looking_changes_nothing(token: str) -> None:
    entries = AuditEntry.objects.count()

    for query in ("", "?what=withdraw", "?what=save&yes=marketing.mail"):
        assert Client().get(path(token) + query).status_code == 200
        assert Client().head(path(token) + query).status_code == 200
    assert Client().delete(path(token)).status_code == 405

    assert not ConsentEntry.objects.exists()
    assert AuditEntry.objects.count() == entries


def test_the_page_runs_no_script_and_names_nobody(token: str) -> None:
    for language in ("en", "zh-hans"):
        answer = Client().get(path(token), headers={"accept-language": language})
        html = answer.content.decode()

        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
        assert "script" not in html
        assert not re.search(r"\son\w+=|style=", html)
        assert CUSTOMERS[WANG][0] not in html
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert ("Your choices" in html) is (language == "en")


def test_a_link_that_does_not_hold_says_the_same_whoever_it_was_for(company: dict[str, User], token: str) -> None:
    now = timezone.now()
    old = preferences.issue_link(WANG, actor=None, now=now - timedelta(days=91))
    revoked = preferences.issue_link(SMITH, actor=None, now=now)
    preferences.revoke_links(SMITH, actor=None, now=now)
    erased = preferences.issue_link(2, actor=None, now=now)
    request = SubjectRequest.objects.create(kind="erase", person_id=2, received_at=now, due_on=now.date())
    ErasedPerson.objects.create(own_id=2, request=request)
    signed_otherwise = signing.dumps({"p": WANG, "n": "x", "i": 0, "e": 9_999_999_999})
    nonce = PreferenceLink.objects.filter(person_id=WANG).latest("pk").nonce
    longer = signing.dumps({"p": SMITH, "n": nonce, "i": 0, "e": 9_999_999_999}, salt=preferences.SALT)
    head, signature = token.rsplit(":", 1)
    refused = {
        old: 410, revoked: 410, erased: 410, longer: 410, signed_otherwise: 404, "x": 404, f"{head}:{signature[::-1]}": 404,
        token[:-1]: 404, signing.dumps([1], salt=preferences.SALT): 404, signing.dumps({"p": "a"}, salt=preferences.SALT): 404,
    }  # fmt: skip

    pages = set()
    for bad, status in refused.items():
        for answer in (Client().get(path(bad)), Client().post(path(bad), {"what": "withdraw"})):
            assert answer.status_code == status, bad
            html = re.sub(r'value="[^"]*"', "", answer.content.decode())
            assert not any(name in html for name, *_ in CUSTOMERS.values())
            pages.add(html)
    assert len(pages) == 1
    assert not ConsentEntry.objects.exists()


def test_a_forgery_needs_a_token_of_its_own_against_cross_site_posts(token: str) -> None:
    strict = Client(enforce_csrf_checks=True)

    assert strict.post(path(token), {"what": "withdraw"}).status_code == 403


def test_the_customers_page_shows_how_consents_stand_to_those_who_may(sign_in: SignIn) -> None:
    assert "History and changes" in sign_in("ann").get(f"/customers/{WANG}/").content.decode()
    assert "History and changes" not in sign_in("ivy").get(f"/customers/{WANG}/").content.decode()
    assert sign_in("ivy").get(f"/customers/{WANG}/consents/").status_code == 403


def test_a_change_on_the_desk_is_written_with_its_evidence_and_author(
    sign_in: SignIn, company: dict[str, User]
) -> None:
    ann = sign_in("ann")
    said = {
        "purpose": "marketing",
        "channel": "phone",
        "state": "given",
        "evidence": "Told me so",
        "expires_on": "2099-01-01",
    }

    assert ann.post(f"/customers/{WANG}/consents/change/", said).status_code == 302

    entry = ConsentEntry.objects.get()
    assert (entry.actor, entry.source, entry.state) == (company["ann"], "desk", "given")
    shown = ann.get(f"/customers/{WANG}/consents/").content.decode()
    assert "Told me so" in shown
    assert "until 2099-01-01" in shown


def test_consents_beyond_reach_are_not_there(sign_in: SignIn) -> None:
    ann = sign_in("ann")

    for where in ("", "change/", "link/"):
        method = ann.post if where else ann.get
        assert method(f"/customers/{SMITH}/consents/{where}").status_code == 404


def test_a_link_is_made_on_the_desk_and_ended_there(sign_in: SignIn) -> None:
    ann = sign_in("ann")

    shown = ann.post(f"/customers/{WANG}/consents/link/").content.decode()
    found = re.search(r"http://testserver(/preferences/[^<\s]+/)", shown)

    assert found is not None
    assert Client().get(found[1]).status_code == 200
    ann.post(f"/customers/{WANG}/consents/link/", {"revoke": "1"})
    assert Client().get(found[1]).status_code == 410
