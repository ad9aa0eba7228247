"""What is closed, gone or broken is said in the reader's language, with a way on, and tells nothing of what is there."""

import re

import pytest
from django.test import Client

from tenure.desk.governance.models import User
from tests.cast import CUSTOMERS, SMITH
from tests.web import SignIn

pytestmark = pytest.mark.django_db
TO_TODAY = 'class="a-button" href="/"'


def shown(page: bytes) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.decode()).split())


@pytest.mark.parametrize(
    ("path", "status", "english", "chinese"),
    [
        ("/churn/cost/", 403, "This page is closed to you", "您无权打开此页面"),
        (f"/customers/{SMITH}/", 404, "There is nothing here", "这里没有内容"),
        ("/no/such/page/", 404, "There is nothing here", "这里没有内容"),
    ],
)
def test_a_refusal_says_why_and_leads_on(sign_in: SignIn, path: str, status: int, english: str, chinese: str) -> None:
    ann = sign_in("ann")

    first, second = ann.get(path), ann.get(path, headers={"accept-language": "zh-hans"})

    assert (first.status_code, second.status_code) == (status, status)
    assert english in shown(first.content)
    assert chinese in shown(second.content)
    assert TO_TODAY in first.content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", first.content.decode())


def test_who_is_there_and_who_is_not_are_refused_alike(sign_in: SignIn) -> None:
    ann = sign_in("ann")

    hidden, absent = ann.get(f"/customers/{SMITH}/").content, ann.get("/customers/999/").content

    assert CUSTOMERS[SMITH][0] not in hidden.decode()
    assert shown(hidden) == shown(absent)


def test_a_stranger_is_led_to_sign_in(company: dict[str, User]) -> None:
    stranger = Client(enforce_csrf_checks=True)

    assert stranger.get("/no/such/page/").headers["Location"].startswith("/login/")
    page = stranger.post("/login/").content.decode()

    assert 'account/login/">Sign in</a>' in page
    assert TO_TODAY not in page


def test_a_form_that_stood_open_too_long_says_that_nothing_was_changed(company: dict[str, User]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(company["ann"])

    answer = client.post("/customers/export/")

    assert answer.status_code == 403
    assert "Nothing was changed" in shown(answer.content)


def test_a_page_that_breaks_says_so_without_a_database_or_a_language(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("SECRET")

    ann = sign_in("ann")
    ann.raise_request_exception = False
    monkeypatch.setattr("tenure.web.today._called", broken)

    answer = ann.get("/")

    assert answer.status_code == 500
    assert all(one in shown(answer.content) for one in ("Something went wrong", "出错了"))
    assert "SECRET" not in answer.content.decode()
