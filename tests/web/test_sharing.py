"""The pages of sharing: what staff give, and what a partner gets by a link."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tenure.desk.customers.models import Customer
from tenure.desk.governance import services
from tenure.desk.governance.models import AuditEntry, Grant, User
from tests.cast import CUSTOMERS, EAST, LI, MONDAY, SMITH, SOUTH, WANG
from tests.web import SignIn

pytestmark = pytest.mark.django_db

UNTIL = (timezone.localdate() + timedelta(days=7)).isoformat()


def made(client: Client, **changed: object) -> str:
    """Share through the page; the link's path as the partner gets it."""
    sent = {"partner": "Courier Ltd", "field": ["name", "phone"], "until": UNTIL, "region": "浙江"} | changed
    response = client.post("/settings/sharing/new/", sent)
    found = re.search(r'value="http://testserver(/shared/[^"]+)"', response.content.decode())
    assert found is not None, response.content.decode()
    return found[1]


def test_a_partner_sees_exactly_what_was_given_without_signing_in(sign_in: SignIn) -> None:
    link = made(sign_in("dee"))

    response = Client().get(link)
    shown = response.content.decode()

    assert response.status_code == 200
    assert [CUSTOMERS[p][0] for p in EAST if CUSTOMERS[p][0] not in shown] == []
    assert [CUSTOMERS[p][0] for p in SOUTH if CUSTOMERS[p][0] in shown] == []
    assert "+8613800001211" in shown
    assert "@example.com" not in shown
    assert re.findall("<th>([^<]+)", shown) == ["Name", "Phone"]


def test_the_file_holds_the_same_and_runs_no_formula(sign_in: SignIn) -> None:
    Customer.objects.filter(pk=LI).update(name="=cmd|' /C calc'!A0")
    link = made(sign_in("dee"))

    response = Client().get(f"{link}csv/")
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]

    rows = text.lstrip("\ufeff").strip().splitlines()
    assert rows[0] == "Name,Phone"
    assert len(rows) == 1 + len(EAST)
    assert any(row.startswith("'=cmd") for row in rows)
    assert not any(CUSTOMERS[p][0] in text for p in SOUTH)


def test_the_page_runs_no_script_is_kept_by_nobody_and_found_by_no_search_engine(sign_in: SignIn) -> None:
    link = made(sign_in("dee"))

    for path, status in ((link, 200), (f"{link}csv/", 200), ("/shared/nothing/", 404)):
        response = Client().get(path)
        assert response.status_code == status
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert response.headers["Cache-Control"] == "no-store"
        assert "noindex" in response.headers["X-Robots-Tag"]
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["X-Frame-Options"] == "DENY"
        assert not response.cookies
        if not response.streaming:
            html = response.content.decode()
            assert "<script" not in html
            assert "style=" not in html
            assert not re.search(r"\son\w+=", html)


def test_every_opening_is_written_down_and_shown_to_staff(sign_in: SignIn) -> None:
    dee = sign_in("dee")
    link = made(dee)

    Client().get(link)
    Client().get(link)
    b"".join(Client().get(f"{link}csv/").streaming_content)  # type: ignore[attr-defined]

    verbs = AuditEntry.objects.filter(object_type="grant").order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["grant", "open_grant", "open_grant", "download_grant"]
    assert dee.get("/settings/sharing/").context["rows"][0].openings == 3


def test_whatever_is_not_available_looks_the_same(sign_in: SignIn, company: dict[str, User]) -> None:
    dee, partner = sign_in("dee"), Client()
    links = {name: made(dee, partner=name) for name in ("revoked", "over", "not begun", "giver gone")}
    now = timezone.now()
    Grant.objects.filter(partner="over").update(starts_at=now - timedelta(days=2), until=now - timedelta(days=1))
    Grant.objects.filter(partner="not begun").update(starts_at=now + timedelta(days=1))
    Grant.objects.filter(partner="giver gone").update(created_by=company["old"])
    assert all(partner.get(links[name]).status_code == (200 if name == "revoked" else 404) for name in links)
    dee.post(f"/settings/sharing/{Grant.objects.get(partner='revoked').pk}/revoke/")

    answers = {
        path: partner.get(path) for link in [*links.values(), "/shared/forged/"] for path in (link, f"{link}csv/")
    }

    assert {answer.status_code for answer in answers.values()} == {404}
    assert len({answer.content for answer in answers.values()}) == 1
    assert len({tuple(sorted(answer.headers.items())) for answer in answers.values()}) == 1


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_partner_reads_in_the_browsers_own_language(sign_in: SignIn, language: str) -> None:
    link = made(sign_in("dee"))

    response = Client().get(link, headers={"accept-language": language})

    assert response.headers["Content-Language"] == language
    assert f'lang="{language}"' in response.content.decode()


def test_a_link_only_shows_and_takes_nothing(sign_in: SignIn) -> None:
    assert Client().post(made(sign_in("dee"))).status_code in {403, 405}


def test_a_customers_name_cannot_run_as_script_at_the_partners(sign_in: SignIn) -> None:
    Customer.objects.filter(pk=WANG).update(name="<script>alert(1)</script>")

    assert "<script>" not in Client().get(made(sign_in("dee"))).content.decode()


def test_long_lists_come_in_pages_in_the_order_of_the_list(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenure.web.sharing.PAGE", 2)
    link = made(sign_in("dee"), sort="name")
    names = []

    for number in (1, 2, 99):
        names += re.findall("<td>([^<+]+)</td>", Client().get(f"{link}?page={number}").content.decode())

    assert names == ["张伟", "李娜", "王小明", "王小明"]


def test_the_list_page_offers_sharing_to_whose_role_shares(sign_in: SignIn) -> None:
    assert "/settings/sharing/new/?risk=high" in sign_in("dee").get("/customers/?risk=high").content.decode()
    assert "/settings/sharing/" not in sign_in("mia").get("/customers/?risk=high").content.decode()


@pytest.mark.parametrize("name", ["mia", "noa", "ann", "bo", "ivy"])
def test_whose_role_does_not_share_finds_every_page_of_it_closed(sign_in: SignIn, name: str) -> None:
    made(sign_in("dee"))
    client = sign_in(name)

    assert client.get("/settings/sharing/").status_code == 403
    assert client.get("/settings/sharing/new/").status_code == 403
    assert client.post("/settings/sharing/new/", {"partner": "x", "field": ["name"], "until": UNTIL}).status_code == 403
    assert client.post(f"/settings/sharing/{Grant.objects.get().pk}/revoke/").status_code == 403
    assert Grant.objects.get().revoked_at is None


def test_a_manager_who_shares_offers_only_the_own_customers_and_fields(
    sign_in: SignIn, company: dict[str, User]
) -> None:
    from dataclasses import replace

    from tenure.desk.governance.roles import BUILT_IN

    manager = BUILT_IN["manager"]
    services.save_role(
        replace(manager, permissions=manager.permissions | {"grants"}, fields={"phone": "masked"}),
        actor=None,
        now=MONDAY,
    )
    mia = sign_in("mia")

    page = mia.get("/settings/sharing/new/")
    assert page.context["count"] == len(EAST)
    assert "phone" not in {name for name, _, _ in page.context["fields"]}
    refused = mia.post("/settings/sharing/new/", {"partner": "x", "field": ["phone"], "until": UNTIL})

    assert "do not see phone in clear" in refused.content.decode()
    assert not Grant.objects.exists()
    shown = Client().get(made(mia, field=["name", "email"], region="")).content.decode()
    assert CUSTOMERS[SMITH][0] not in shown


@pytest.mark.parametrize("until", ["", "soon", "2020-01-01", "9999-12-31", "2026-02-30"])
def test_a_date_that_makes_no_sense_is_refused_and_what_was_typed_stays(sign_in: SignIn, until: str) -> None:
    page = sign_in("dee").post("/settings/sharing/new/", {"partner": "Courier Ltd", "field": ["email"], "until": until})

    assert not Grant.objects.exists()
    assert 'value="Courier Ltd"' in page.content.decode()
    assert [name for name, _, on in page.context["fields"] if on] == ["email"]


def test_an_end_holds_to_the_end_of_its_day_in_the_business_zone(sign_in: SignIn) -> None:
    made(sign_in("dee"))

    assert timezone.localtime(Grant.objects.get().until).isoformat()[:16] == (
        (timezone.localdate() + timedelta(days=8)).isoformat() + "T00:00"
    )
