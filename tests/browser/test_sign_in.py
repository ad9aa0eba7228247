"""Coming in with a real browser: passkeys, and no page that breaks its own policy."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.urls import NoReverseMatch, get_resolver, reverse

from tenure.desk.governance.models import AuditEntry, User
from tests.browser.test_journey import browser, sign_in
from tests.cast import PASSWORD, WANG

__all__ = ["browser"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def watched(browser: Any, live_server: Any, company: dict[str, User]) -> Iterator[Callable[..., Any]]:
    """A page in a window of its own; a breach of the policy or an error in a script fails the test."""
    wrong: list[str] = []
    windows = []

    def opened(**options: Any) -> Any:
        window = browser.new_context(base_url=live_server.url, **options)
        windows.append(window)
        page = window.new_page()
        page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda said: wrong.append(f"{page.url}: {said.text}") if "Content Security Policy" in said.text else None,
        )
        page.add_init_script(
            "document.addEventListener('securitypolicyviolation', e => "
            "console.error('Content Security Policy: ' + e.effectiveDirective + ' ' + e.blockedURI))"
        )
        return page

    yield opened
    for window in windows:
        window.close()
    assert wrong == []


def fixed_pages() -> list[str]:
    """Every address of the product that opens without an argument."""
    return sorted(set(_fixed(get_resolver().url_patterns, "")))


def _fixed(patterns: Iterable[Any], space: str) -> Iterator[str]:
    for pattern in patterns:
        inner = getattr(pattern, "url_patterns", None)
        if inner is not None:
            named = getattr(pattern, "namespace", None)
            yield from _fixed(inner, f"{space}{named}:" if named else space)
        elif getattr(pattern, "name", None):
            with suppress(NoReverseMatch):  # it needs an argument
                yield reverse(f"{space}{pattern.name}")


NOT_PAGES = re.compile(
    r"/api/|/(language|logout|login|jsi18n|autocomplete|save_view|export|file|acs)/|/customers/views/|/by/"
)


def test_no_page_breaks_its_own_policy(watched: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    # Planning a metric takes long; two months are drawn by what draws thirteen.
    monkeypatch.setattr("tenure.web.headlines.MONTHS", 2)
    monkeypatch.setattr("tenure.web.metrics.worked.MONTHS", 2)
    page = watched(locale="en-GB", viewport={"width": 1440, "height": 900})
    walked = [path for path in fixed_pages() if not NOT_PAGES.search(path)]
    assert {"/", "/customers/", "/data/", "/account/devices/", "/governance/user/add/"} <= set(walked)

    for path in ("/account/login/", "/account/password/reset/", "/account/signup/"):
        page.goto(path)
    sign_in(page, "dee")
    for path in [*walked, f"/customers/{WANG}/", *(f"/insight/{part}/" for part in ("stages", "value", "cohorts"))]:
        # Asked first: the browser's own page on an address that is only sent to would cut in on the next one.
        answer = page.request.get(path)
        if answer.status != 405 and "attachment" not in answer.headers.get("content-disposition", ""):
            page.goto(path)
    page.goto("/insight/stages/")
    page.wait_for_selector("[data-drawn='1'] .main-svg")
    page.goto("/governance/user/")
    page.keyboard.press("Control+k")
    page.wait_for_load_state("load")


def test_the_policy_stops_a_script_that_got_into_a_page(
    browser: Any, live_server: Any, company: dict[str, User]
) -> None:
    """The walk above means something only if a breach is stopped, and seen."""
    window = browser.new_context(base_url=live_server.url)
    page = window.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto("/account/login/")

    page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.got = 1'; document.body.append(s); }"
    )

    assert page.evaluate("window.got") is None
    assert any("Content Security Policy" in line for line in said)
    window.close()


def authenticator(page: Any) -> Any:
    """A security chip that answers for its owner, built into the browser for tests."""
    chip = page.context.new_cdp_session(page)
    chip.send("WebAuthn.enable")
    chip.send(
        "WebAuthn.addVirtualAuthenticator",
        {"options": {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
                     "isUserVerified": True, "automaticPresenceSimulation": True}},
    )  # fmt: skip
    return chip


def test_a_passkey_added_once_signs_in_alone_and_answers_as_second_factor(watched: Callable[..., Any]) -> None:
    page = watched(locale="en-GB", viewport={"width": 390, "height": 844})
    authenticator(page)
    sign_in(page, "ann")

    page.goto("/account/second-factor/keys/add/")
    page.fill("#id_password", PASSWORD)
    page.click("main button[type=submit], main .a-button")
    page.wait_for_url("**/keys/add/**")
    page.check("#id_passwordless")
    page.click("#mfa_webauthn_add")
    page.wait_for_selector("#recovery_codes")
    page.check("#codes_saved")

    page.goto("/account/logout/")
    page.click("main .a-button")
    page.wait_for_selector("#passkey_login")
    page.click("#passkey_login")
    page.wait_for_selector(".t-page")
    page.goto("/account/logout/")
    page.click("main .a-button")
    page.wait_for_selector("#id_login")
    page.fill("#id_login", "ann")
    page.fill("#id_password", PASSWORD)
    page.click("#sign-in button[type=submit]")
    page.wait_for_selector("#mfa_webauthn_authenticate")
    page.click("#mfa_webauthn_authenticate")
    page.wait_for_selector(".t-page")

    methods = AuditEntry.objects.filter(verb="sign_in").order_by("pk").values_list("detail__method", flat=True)
    assert list(methods) == ["password", "passkey", "password+webauthn"]
    factors = AuditEntry.objects.filter(verb="add_factor").values_list("detail__factor", flat=True)
    assert set(factors) == {"webauthn", "recovery_codes"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_the_pages_of_coming_in_fit_a_phone_in_the_readers_theme(
    watched: Callable[..., Any], scheme: str, locale: str
) -> None:
    page = watched(locale=locale, viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page.goto("/account/login/")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert ("dark" in (page.locator("html").get_attribute("class") or "")) == (scheme == "dark")
    sign_in(page, "ann")

    for path in ("second-factor/", "devices/", "linked/", "password/change/"):
        page.goto(f"/account/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_the_theme_chosen_in_the_shell_holds_on_the_pages_of_coming_in(watched: Callable[..., Any]) -> None:
    page = watched(locale="en-GB", viewport={"width": 1440, "height": 900}, color_scheme="light")
    sign_in(page, "ann")

    page.evaluate("localStorage.setItem('adminTheme', JSON.stringify('dark'))")
    page.goto("/account/devices/")

    assert "dark" in page.locator("html").get_attribute("class")
