"""Coming in, going out, and what is written down of it."""

import base64
import hashlib
import hmac
import re
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.test import Client

from tenure.desk.governance import services
from tenure.desk.governance.models import AuditEntry, User
from tenure.web.middleware import PUBLIC_POLICY
from tenure.workspace import Workspace, open_workspace
from tests.cast import PASSWORD, TUESDAY

pytestmark = pytest.mark.django_db

ACCOUNT = [
    "/account/second-factor/",
    "/account/devices/",
    "/account/linked/",
    "/account/password/change/",
    "/account/second-factor/keys/",
    "/account/logout/",
]
PUBLIC = ["/account/login/", "/account/password/reset/", "/account/password/reset/sent/", "/account/signup/",
          "/account/password/reset/done/", "/account/cancelled/"]  # fmt: skip


def come_in(name: str, password: str = PASSWORD, client: Client | None = None, **headers: str) -> Client:
    client = client or Client()
    client.post("/account/login/", {"login": name, "password": password}, headers=headers)
    return client


def is_in(client: Client) -> bool:
    return client.get("/customers/").status_code == 200


def verbs() -> list[str]:
    return list(AuditEntry.objects.exclude(verb="create_user").order_by("pk").values_list("verb", flat=True))


def code(secret: str) -> str:
    """The code an authenticator app shows now (RFC 6238)."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(time.time() // 30)), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def add_app(client: Client) -> tuple[str, list[str]]:
    """Add an authenticator app; gives its secret and the recovery codes shown."""
    client.get("/account/second-factor/app/add/")
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    page = client.get("/account/second-factor/app/add/").content.decode()
    found = re.search(r'id="authenticator_secret">([A-Z2-7]+)<', page)
    assert found is not None
    done = client.post("/account/second-factor/app/add/", {"code": code(found[1])}, follow=True)
    shown = re.search(r"<textarea[^>]*>([^<]+)</textarea>", done.content.decode())
    assert shown is not None, done.content.decode()
    return found[1], shown[1].split()


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_page_of_coming_in_opens_and_runs_no_script_of_its_own(people: dict[str, User], language: str) -> None:
    signed_in = come_in("ann")

    for client, pages in ((Client(), PUBLIC), (signed_in, ACCOUNT)):
        for path in pages:
            page = client.get(path, headers={"accept-language": language})
            assert page.status_code == 200, path
            assert page.headers["Content-Security-Policy"] == PUBLIC_POLICY, path
            assert page.headers["X-Frame-Options"] == "DENY"
            assert f'lang="{language}"' in page.content.decode(), path
            inline = re.findall(r"<script(?![^>]*(?:src=|application/json))", page.content.decode())
            assert inline == [], path
            assert not re.search(r"\son\w+=|style=", page.content.decode()), path
    for unwanted in ("'unsafe-inline'", "'unsafe-eval'", "http:", "https:", "*"):
        assert unwanted not in PUBLIC_POLICY


def test_a_wrong_password_an_unknown_name_no_role_and_a_closed_account_answer_the_same(people: dict[str, User]) -> None:
    def answer(name: str, password: str) -> str:
        page = Client().post("/account/login/", {"login": name, "password": password})
        assert page.status_code == 200
        return re.sub(r'value="[^"]*"', "", page.content.decode())

    wrong = answer("ann", "wrong-wrong-wrong")

    assert "is not right" in wrong
    for name, password in (("nobody", PASSWORD), ("zed", PASSWORD), ("old", PASSWORD), ("ann", "")):
        if password:
            assert answer(name, password) == wrong, name


def test_djangos_staff_and_superuser_flags_let_nobody_in(people: dict[str, User]) -> None:
    User.objects.filter(username="zed").update(is_staff=True, is_superuser=True)

    assert not is_in(come_in("zed"))


def test_what_is_written_of_a_refused_sign_in_holds_neither_password_nor_a_name_nobody_has(
    people: dict[str, User],
) -> None:
    come_in("ann", "not-the-password")
    come_in("my-password-in-the-wrong-field", "x")

    entries = list(AuditEntry.objects.filter(verb="sign_in_refused").order_by("pk").values("object_id", "detail"))
    assert [entry["object_id"] for entry in entries] == [str(people["ann"].pk), ""]
    assert "password-in-the" not in str(entries)
    assert "not-the-password" not in str(entries)


def test_coming_in_and_going_are_written_down(people: dict[str, User]) -> None:
    client = come_in("ann")
    client.post("/account/logout/")

    assert not is_in(client)
    assert verbs() == ["sign_in", "sign_out"]
    entry = AuditEntry.objects.get(verb="sign_in")
    assert (entry.actor, entry.detail) == (people["ann"], {"method": "password", "address": "127.0.0.1"})


def test_five_wrong_passwords_close_the_door_for_that_account_whatever_its_spelling(people: dict[str, User]) -> None:
    for name in ("ann", "ANN", "ann", "Ann", "ann"):
        come_in(name, "wrong-wrong-wrong")

    assert not is_in(come_in("ann"))
    assert not is_in(come_in("aNN"))
    assert is_in(come_in("bo"))
    assert verbs().count("lock_out") == 1
    assert AuditEntry.objects.get(verb="lock_out").object_id == str(people["ann"].pk)


def test_behind_a_proxy_the_visitors_address_counts_and_no_visitor_can_invent_one(
    people: dict[str, User], settings: Any
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1

    come_in("ann", **{"X-Forwarded-For": "6.6.6.6, 203.0.113.9"})

    assert AuditEntry.objects.get(verb="sign_in").detail["address"] == "203.0.113.9"


@pytest.mark.parametrize("change", ["closed", "without a role"])
def test_a_session_ends_for_good_when_the_account_is_closed_or_loses_its_role(
    people: dict[str, User], change: str
) -> None:
    client = come_in("ann")
    assert is_in(client)
    User.objects.filter(username="ann").update(**({"is_active": False} if change == "closed" else {"role": ""}))

    assert client.get("/customers/").status_code == 302
    User.objects.filter(username="ann").update(is_active=True, role="agent")
    assert not is_in(client)


@pytest.mark.parametrize(
    ("password", "why"),
    [("short-1", "too short"), ("password123", "too common"), ("ann-the-agent", "too similar")],
)
def test_a_weak_password_is_refused_with_the_reason(people: dict[str, User], password: str, why: str) -> None:
    User.objects.filter(username="ann").update(first_name="ann-the-agent")
    client = come_in("ann")

    sent = {"oldpassword": PASSWORD, "password1": password, "password2": password}
    page = client.post("/account/password/change/", sent)

    assert why in page.content.decode()
    assert User.objects.get(username="ann").check_password(PASSWORD)


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(people: dict[str, User]) -> None:
    here, there = come_in("ann"), come_in("ann")

    sent = {"oldpassword": PASSWORD, "password1": "another-long-one-7", "password2": "another-long-one-7"}
    here.post("/account/password/change/", sent)

    assert is_in(here)
    assert not is_in(there)
    assert "change_password" in verbs()


def test_one_or_all_other_devices_are_signed_out(people: dict[str, User]) -> None:
    here, phone, office = come_in("ann"), come_in("ann"), come_in("ann")
    theirs = come_in("bo")
    of = {client: UserSession.objects.get(session_key=client.session.session_key) for client in (phone, theirs)}

    here.post("/account/devices/", {"session": of[phone].pk})
    assert [is_in(client) for client in (here, phone, office)] == [True, False, True]
    assert here.post("/account/devices/", {"session": of[theirs].pk}).status_code == 404
    here.post("/account/devices/")

    assert [is_in(client) for client in (here, office, theirs)] == [True, False, True]
    assert [entry.detail["sessions"] for entry in AuditEntry.objects.filter(verb="end_sessions")] == [1, 1]


def test_an_authenticator_app_is_asked_for_and_each_of_its_codes_and_recovery_codes_works_once(
    people: dict[str, User],
) -> None:
    secret, recovery = add_app(come_in("ann"))
    other = come_in("ann")
    assert not is_in(other)
    assert other.post("/account/second-factor/ask/", {"code": "000000"}).status_code == 200

    other.post("/account/second-factor/ask/", {"code": recovery[0]})
    assert is_in(other)
    again = come_in("ann")
    again.post("/account/second-factor/ask/", {"code": recovery[0]})
    assert not is_in(again)
    again.post("/account/second-factor/ask/", {"code": code(secret)})
    assert is_in(again)
    replayed = come_in("ann")
    replayed.post("/account/second-factor/ask/", {"code": code(secret)})
    assert not is_in(replayed)

    assert verbs().count("add_factor") == 2  # the app, and the recovery codes that come with it
    methods = [entry.detail["method"] for entry in AuditEntry.objects.filter(verb="sign_in").order_by("pk")]
    assert methods == ["password", "password+recovery_codes", "password+totp"]
    refused = AuditEntry.objects.filter(verb="sign_in_refused").values_list("detail__why", flat=True)
    assert set(refused) == {"code"}


def test_the_secret_of_an_authenticator_app_is_not_readable_in_the_database(people: dict[str, User]) -> None:
    secret, recovery = add_app(come_in("ann"))

    kept = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in kept
    assert not any(one in kept for one in recovery)


def test_codes_guessed_too_often_close_the_door(people: dict[str, User]) -> None:
    secret, _recovery = add_app(come_in("ann"))
    client = come_in("ann")

    for _ in range(5):
        client.post("/account/second-factor/ask/", {"code": "000000"})
    page = client.post("/account/second-factor/ask/", {"code": code(secret)})

    assert "Too many attempts" in page.content.decode()
    assert not is_in(client)
    assert AuditEntry.objects.get(verb="lock_out").object_id == str(people["ann"].pk)


def test_removing_a_factor_asks_for_the_password_again_and_is_written_down(people: dict[str, User]) -> None:
    client = come_in("ann")
    add_app(client)
    fresh = come_in("ann")
    fresh.post("/account/second-factor/ask/", {"code": "x"})

    client.post("/account/second-factor/app/remove/")

    assert not Authenticator.objects.exists()
    assert verbs().count("remove_factor") >= 1
    client.session.flush()
    unsure = come_in("ann")
    assert "/reauthenticate/" in unsure.get("/account/second-factor/app/add/").headers["Location"]


@pytest.fixture
def asks_for_second_factor(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def asks(*roles: str) -> None:
        def here() -> Workspace:
            from dataclasses import replace

            return replace(open_workspace(), second_factor=roles)

        monkeypatch.setattr("tenure.web.sign_in.adapters.workspace", here)

    return asks


def test_who_must_have_a_second_factor_does_nothing_else_until_there_is_one(
    people: dict[str, User], asks_for_second_factor: Callable[..., None]
) -> None:
    asks_for_second_factor("agent")
    ann, mia = come_in("ann"), come_in("mia")

    assert is_in(mia)
    for path in ("/", "/customers/", "/account/linked/"):
        assert ann.get(path).headers["Location"] == "/account/second-factor/", path
    assert ann.post("/customers/views/", {"name": "x"}).headers["Location"] == "/account/second-factor/"
    assert ann.get("/account/second-factor/").status_code == 200
    add_app(ann)
    assert is_in(ann)


def test_the_last_factor_stays_where_the_role_must_have_one(
    people: dict[str, User], asks_for_second_factor: Callable[..., None]
) -> None:
    asks_for_second_factor("*")
    ann = come_in("ann")
    add_app(ann)

    page = ann.post("/account/second-factor/app/remove/")

    assert page.status_code == 200
    assert Authenticator.objects.filter(type="totp").exists()


def test_an_administrator_takes_the_factors_of_whoever_lost_them(people: dict[str, User]) -> None:
    add_app(come_in("ann"))
    dee = come_in("dee")

    sent = {"action": "remove_factors", "_selected_action": [str(people["ann"].pk)]}
    assert dee.post("/governance/user/", sent).status_code == 302

    assert not Authenticator.objects.filter(user=people["ann"]).exists()
    entry = AuditEntry.objects.filter(verb="remove_factor").order_by("pk")[0]
    assert (entry.actor, entry.object_id) == (people["dee"], str(people["ann"].pk))
    assert is_in(come_in("ann"))


def test_nobody_signs_up(people: dict[str, User]) -> None:
    before = User.objects.count()

    sent = {"username": "eve", "password1": "quite-a-long-one-7", "password2": "quite-a-long-one-7"}
    page = Client().post("/account/signup/", sent)

    assert "made by an administrator" in page.content.decode()
    assert User.objects.count() == before


def test_the_old_address_of_signing_in_leads_to_the_new_one_and_back_to_where_one_was_going(
    people: dict[str, User],
) -> None:
    client = Client()

    sent_to = client.get("/customers/?risk=high", follow=True)
    assert sent_to.redirect_chain[-1][0] == "/account/login/?next=%2Fcustomers%2F%3Frisk%3Dhigh"
    came = client.post(
        sent_to.redirect_chain[-1][0], {"login": "dee", "password": PASSWORD, "next": "/customers/?risk=high"}
    )

    assert came.headers["Location"] == "/customers/?risk=high"


def test_a_closed_account_gets_no_mail_for_a_new_password(people: dict[str, User], mailoutbox: list[Any]) -> None:
    User.objects.filter(username__in=["zed", "old", "ann"]).update(email="same@example.com")

    Client().post("/account/password/reset/", {"email": "same@example.com"})

    assert len(mailoutbox) <= 1
    assert all("zed" not in mail.body and "account old" not in mail.body for mail in mailoutbox)


def test_the_language_on_the_account_goes_before_the_browsers(people: dict[str, User]) -> None:
    services.choose_language(people["ann"], "zh-hans")

    page = come_in("ann").get("/account/devices/", headers={"accept-language": "en"})

    assert 'lang="zh-hans"' in page.content.decode()


def test_a_role_taken_on_the_users_page_counts_at_the_next_click(people: dict[str, User]) -> None:
    client = come_in("bo")
    services.change_access(
        people["bo"], role="agent", team=people["bo"].team, regions=[], active=False, actor=people["dee"], now=TUESDAY
    )

    assert client.get("/").status_code == 302
