"""Signing in as a visitor does, through the served application: two processes, real mail, real other servers."""

from __future__ import annotations

import html
import json
import re
import socket
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from oidc_provider_mock import run_server_in_thread

from tests.outside.providers import CLIENT, SECRET, Workplace, workplace
from tests.running import PASSWORD, serving, tenure

WORKPLACES = ("dingtalk", "feishu", "wechat", "wecom")
ANN = "ann@example.com"


class Mailbox:
    """Keeps what an SMTP server receives."""

    def __init__(self) -> None:
        self.received: list[str] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        from email import message_from_bytes, policy

        message = message_from_bytes(envelope.content, policy=policy.default)
        body = message.get_body(("plain",))
        assert body is not None
        self.received.append(f"To: {envelope.rcpt_tos}\n{body.get_content()}")
        return "250 OK"


@dataclass
class World:
    """One workspace, served by two processes, and everything around it."""

    home: Path
    one: str
    two: str
    mailbox: Mailbox
    workplace: Workplace
    identities: str
    log: Path

    def audit(self, verb: str) -> list[dict[str, Any]]:
        with sqlite3.connect(self.home / "desk.sqlite3") as database:
            rows = database.execute(
                "select object_id, detail from governance_auditentry where verb = ? order by id", [verb]
            ).fetchall()
        return [{"object": who, **json.loads(detail)} for who, detail in rows]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    from aiosmtpd.controller import Controller

    home = tmp_path_factory.mktemp("signing-in")
    mailbox = Mailbox()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    mail = Controller(mailbox, hostname="127.0.0.1", port=port)
    mail.start()
    with workplace() as work, run_server_in_thread() as identities:
        provider = f"http://localhost:{identities.server_port}"
        tables = "".join(
            f'[[sign_in]]\nkind = "{kind}"\nclient_id = "{CLIENT}"\nsecret_env = "WORK_SECRET"\n'
            f'server = "{work.address}"\n' + ('agent_id = "1000002"\n' if kind == "wecom" else "")
            for kind in WORKPLACES
        )
        (home / "tenure.toml").write_text(
            f'contact = "Dee, extension 12"\n{tables}[[sign_in]]\nkind = "oidc"\nid = "company"\nname = "Company"\n'
            f'server = "{provider}"\nclient_id = "tenure"\nsecret_env = "WORK_SECRET"\n',
            encoding="utf-8",
        )
        more = {"WORK_SECRET": SECRET, "TENURE_MAIL": f"smtp://127.0.0.1:{port}", "TENURE_LOG": "DEBUG"}
        for name in ("ann", "bo", "cy", "dan"):
            tenure(home, "user", "add", name, "--email", f"{name}@example.com", TENURE_PASSWORD=PASSWORD, **more)
        log = home / "server.log"
        with serving(home, log=log, **more) as one, serving(home, **more) as two:
            yield World(home, one, two, mailbox, work, provider, log)
    mail.stop()


class Browser(requests.Session):
    """Keeps cookies, fills forms."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.trust_env = False
        self.headers["Accept-Language"] = "en"

    def page(self, path: str) -> str:
        return html.unescape(self.get(self.address + path).text)

    def fill(self, path: str, at: str = "", **fields: str) -> requests.Response:
        """POST a form as the page `at` holds it."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.page(at or path))
        assert token is not None
        sent = {"csrfmiddlewaretoken": token[1], **fields}
        return self.post(self.address + path, sent, headers={"Referer": self.address + path})

    def sign_in(self, name: str, password: str = PASSWORD) -> requests.Response:
        return self.fill("/account/login/", login=name, password=password)

    @property
    def is_in(self) -> bool:
        return self.get(self.address + "/customers/", allow_redirects=False).status_code == 200

    def go_to(self, provider: str, process: str = "login") -> str:
        """Press the provider's button; gives the address one is sent on to."""
        at = "/account/login/" if process == "login" else "/account/linked/"
        provider = {"wechat": "weixin"}.get(provider, provider)
        action = re.search(rf'action="(/account/by/(?:oidc/)?{provider}/\?[^"]*process={process}[^"]*)"', self.page(at))
        assert action is not None, self.page(at)
        leaving = self.fill(action[1], at=at)
        onward = re.search(r'id="onward" class="a-button" href="([^"]+)"', leaving.text)
        assert onward is not None, leaving.text
        return html.unescape(onward[1])

    def by_workplace(self, kind: str, process: str = "login") -> requests.Response:
        return self.shown_again(self.get(self.go_to(kind, process)))

    def by_company(self, subject: str, process: str = "login") -> requests.Response:
        asked = self.go_to("company", process)
        granted = requests.post(asked, {"sub": subject}, allow_redirects=False, timeout=30)
        return self.shown_again(self.get(granted.headers["Location"]))

    def shown_again(self, answer: requests.Response) -> requests.Response:
        """Before an identity is linked, the password is asked for once more."""
        if urlsplit(answer.url).path != "/account/reauthenticate/":
            return answer
        return self.fill("/account/reauthenticate/", password=PASSWORD)


def claims(world: World, subject: str, **told: object) -> None:
    requests.put(f"{world.identities}/users/{subject}", json=told, timeout=30).raise_for_status()


def test_attempts_are_counted_over_both_processes_and_the_door_stays_shut_for_the_right_password(world: World) -> None:
    for address in (world.one, world.two, world.one, world.two, world.one):
        assert "is not right" in Browser(address).sign_in("dan", "wrong-wrong-wrong").text

    for address in (world.two, world.one):
        refused = Browser(address).sign_in("dan")
        assert "Too many attempts" in refused.text
    assert len(world.audit("lock_out")) == 1
    assert [entry["why"] for entry in world.audit("sign_in_refused")] == ["password"] * 5
    other = Browser(world.two)
    other.sign_in("cy")
    assert other.is_in


def test_a_new_password_comes_by_mail_once_and_ends_the_sessions_there_were(world: World) -> None:
    there = Browser(world.one)
    there.sign_in("bo")
    assert there.is_in
    stranger, owner = Browser(world.one), Browser(world.two)

    unknown = stranger.fill("/account/password/reset/", email="nobody@example.com")
    known = owner.fill("/account/password/reset/", email="bo@example.com")

    def plain(page: str) -> str:
        return re.sub(r'value="[^"]{60,}"', "", page)

    assert plain(unknown.text) == plain(known.text)
    assert [mail for mail in world.mailbox.received if "nobody@" in mail] == []
    (mail,) = [mail for mail in world.mailbox.received if "bo@example.com" in mail]
    link = re.search(r"http://127\.0\.0\.1:\d+(/account/password/reset/key/\S+)", mail)
    assert link is not None
    form = owner.get(owner.address + link[1])
    path = urlsplit(form.url).path
    owner.fill(path, password1="a-whole-new-password", password2="a-whole-new-password")
    assert not there.is_in
    owner.sign_in("bo", "a-whole-new-password")
    assert owner.is_in
    assert "used already" in Browser(world.one).page(link[1])
    assert len(world.audit("reset_password")) == 1


def test_a_verified_address_of_the_companys_provider_opens_the_account_that_has_it(world: World) -> None:
    claims(world, "s-ann", email=ANN.upper(), email_verified=True, name="Ann")
    browser = Browser(world.one)

    browser.by_company("s-ann")

    assert browser.is_in
    assert [entry["method"] for entry in world.audit("sign_in")][-1] == "company"
    # The password stays what it was.
    with_password = Browser(world.two)
    with_password.sign_in("ann")
    assert with_password.is_in


@pytest.mark.parametrize(
    "told",
    [
        {"email": ANN, "email_verified": False},
        {"email": ANN},
        {"email": "nobody@example.com", "email_verified": True},
        {},
    ],
    ids=["not verified", "not said", "another address", "no address"],
)
def test_any_other_identity_opens_nothing_makes_nothing_and_is_told_whom_to_ask(
    world: World, told: dict[str, object]
) -> None:
    claims(world, "s-other", **told)
    browser = Browser(world.one)

    answer = browser.by_company("s-other")

    assert answer.status_code == 403
    assert "Dee, extension 12" in answer.text
    assert not browser.is_in
    with sqlite3.connect(world.home / "desk.sqlite3") as database:
        assert database.execute("select count(*) from governance_user").fetchone() == (4,)


@pytest.mark.parametrize("kind", WORKPLACES)
def test_an_identity_of_a_workplace_opens_the_account_it_is_linked_to_and_no_other(world: World, kind: str) -> None:
    world.workplace.member = f"ann-at-{kind}"
    assert Browser(world.one).by_workplace(kind).status_code == 403
    own = Browser(world.one)
    own.sign_in("ann")

    own.by_workplace(kind, "connect")

    browser = Browser(world.two)
    browser.by_workplace(kind)
    assert browser.is_in
    assert world.audit("link_identity")[-1]["provider"] == kind
    world.workplace.member = "somebody-else"
    other = Browser(world.two)
    assert other.by_workplace(kind).status_code == 403
    assert not other.is_in


def test_an_identity_linked_to_one_account_is_not_linked_to_another(world: World) -> None:
    world.workplace.member = "shared-phone"
    first, second = Browser(world.one), Browser(world.one)
    first.sign_in("ann")
    first.by_workplace("feishu", "connect")
    second.sign_in("cy")

    second.by_workplace("feishu", "connect")

    browser = Browser(world.one)
    browser.by_workplace("feishu")
    assert "ann" in browser.page("/")


def test_a_visitor_from_outside_the_company_in_wecom_does_not_come_in(world: World) -> None:
    world.workplace.member = None
    browser = Browser(world.one)

    assert browser.by_workplace("wecom").status_code == 401
    assert not browser.is_in


@pytest.mark.parametrize("path", ["oidc/company", "wecom", "dingtalk"])
def test_a_forged_or_replayed_return_opens_nothing(world: World, path: str) -> None:
    browser = Browser(world.one)

    for query in ("?code=the-code&state=forged", "?code=the-code", "?state=x", "?error=server_error&state=x"):
        answer = browser.get(f"{world.one}/account/by/{path}/back/{query}")
        assert answer.status_code == 401
        assert "did not work" in answer.text
    assert not browser.is_in


def test_a_return_meant_for_another_browser_opens_nothing(world: World) -> None:
    world.workplace.member = "ann-at-wecom"
    mine, theirs = Browser(world.one), Browser(world.one)
    asked = mine.go_to("wecom")
    back = requests.get(asked, allow_redirects=False, timeout=30).headers["Location"]

    assert theirs.get(back).status_code == 401
    assert not theirs.is_in


def test_nothing_secret_is_in_what_the_server_wrote(world: World) -> None:
    world.workplace.member = "ann-at-wechat"
    Browser(world.one).by_workplace("wechat")
    Browser(world.one).sign_in("ann", "my-password-typed-wrong")

    written = world.log.read_text(encoding="utf-8")

    assert "SignedIn(" in written  # it does write at this level
    for secret in (SECRET, PASSWORD, "my-password-typed-wrong", "the-token", "the-app-token", "a-whole-new-password"):
        assert secret not in written, secret


@pytest.mark.parametrize(
    "there", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_the_way_back_leads_to_this_host_alone(world: World, there: str) -> None:
    browser = Browser(world.one)

    answer = browser.post(
        world.one + "/account/login/",
        {"login": "cy", "password": PASSWORD, "next": there, "csrfmiddlewaretoken": _token(browser)},
        headers={"Referer": world.one}, allow_redirects=False,
    )  # fmt: skip

    assert answer.headers["Location"] == "/"
    asked = parse_qs(urlsplit(browser.get(world.one + "/login/", params={"next": there}).url).query).get("next", [""])[
        0
    ]
    assert asked in {"", there}  # carried along, and refused above
    left = browser.post(
        world.one + "/account/logout/", {"next": there, "csrfmiddlewaretoken": _token(browser, "/account/logout/")},
        headers={"Referer": world.one}, allow_redirects=False,
    )  # fmt: skip
    assert left.headers["Location"] == "/account/login/"


def _token(browser: Browser, path: str = "/account/login/") -> str:
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.page(path))
    assert token is not None
    return token[1]
