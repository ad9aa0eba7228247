"""What a person does on a morning, in a real browser, in both languages, on a desk and on a phone."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from tenure.desk.governance.models import User
from tests.cast import CUSTOMERS, PASSWORD, WANG
from tests.conftest import chromium

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# The browser's driver runs an event loop in this thread, which Django takes for a server's.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

WORDS = {
    "en-GB": {"today": "Today", "customers": "Customers", "insight": "Insight", "attention": "Who needs attention",
              "timeline": "Timeline", "cell": "Loyal"},
    "zh-CN": {"today": "今日", "customers": "客户", "insight": "洞察", "attention": "需要关注的客户",
              "timeline": "时间线", "cell": "忠诚客户"},
}  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                 "--disable-component-update", "--disable-sync"]  # fmt: skip
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        yield opened
        opened.close()


@contextmanager
def readers_beside_writers() -> Iterator[None]:
    """What the tests' database in memory lacks and the one in a file has: who reads is not refused while another writes.

    A page that asks how a job goes does so while the job's own connection notes it.
    """
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA read_uncommitted = 1")
    yield
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA read_uncommitted = 0")


@pytest.fixture
def open_page(browser: Any, live_server: Any, company: dict[str, User]) -> Iterator[Callable[..., Any]]:
    """A page of the desk; whatever it asks of another host, fails to load or reports as an error, fails the test."""
    wrong: list[str] = []
    contexts = []

    def opened(**options: Any) -> Any:
        context = browser.new_context(base_url=live_server.url, **options)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "request",
            lambda r: wrong.append(r.url) if not r.url.startswith((live_server.url, "data:", "blob:")) else None,
        )
        page.on("response", lambda r: wrong.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        return page

    with readers_beside_writers():
        yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def sign_in(page: Any, name: str) -> None:
    page.goto("/")
    page.fill("#id_login", name)
    page.fill("#id_password", PASSWORD)
    page.click("#sign-in button[type=submit]")
    page.wait_for_selector(".t-page")


@pytest.mark.parametrize("locale", WORDS)
def test_from_signing_in_to_insight(open_page: Callable[..., Any], locale: str) -> None:
    words = WORDS[locale]
    page = open_page(locale=locale, viewport={"width": 1440, "height": 900})
    name = CUSTOMERS[WANG][0]

    sign_in(page, "dee")
    page.get_by_role("heading", name=words["attention"]).wait_for()
    page.wait_for_selector(".t-metrics")

    page.click(f"#nav-sidebar a:has-text('{words['customers']}')")
    page.wait_for_url("**/customers/", wait_until="load")
    page.keyboard.press("/")
    page.keyboard.type("wxm")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=wxm*", wait_until="load")
    assert page.locator("tbody tr").count() == 1

    page.click(f"tbody a:has-text('{name}')")
    page.get_by_role("heading", name=words["timeline"]).wait_for()
    page.locator(".t-timeline li").nth(5).wait_for()

    page.click(f"#nav-sidebar a:has-text('{words['insight']}')")
    page.click(f".t-table a:has-text('{words['cell']}')")
    page.wait_for_url("**cell=loyal*", wait_until="load")
    assert page.locator("tbody tr").count() == len(CUSTOMERS)


def test_charts_are_drawn_and_lead_to_the_customers(open_page: Callable[..., Any]) -> None:
    page = open_page(locale="en-GB", viewport={"width": 1440, "height": 900})
    sign_in(page, "dee")

    for part in ("stages", "value", "campaigns"):
        page.goto(f"/insight/{part}/")
        page.wait_for_selector("[data-drawn='1'] .main-svg")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_never_scrolls_sideways(open_page: Callable[..., Any], scheme: str) -> None:
    page = open_page(locale="zh-CN", viewport={"width": 390, "height": 844}, color_scheme=scheme)
    sign_in(page, "dee")

    for path in (
        "/",
        "/customers/",
        f"/customers/{WANG}/",
        "/insight/",
        "/insight/stages/",
        "/insight/cohorts/",
        "/data/",
    ):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    assert ("dark" in (page.locator("html").get_attribute("class") or "")) == (scheme == "dark")


def test_on_a_phone_the_open_tab_is_in_sight(open_page: Callable[..., Any]) -> None:
    page = open_page(locale="zh-CN", viewport={"width": 390, "height": 844})
    sign_in(page, "dee")

    page.goto("/insight/campaigns/")
    page.wait_for_load_state("load")

    tab = page.locator(".t-tabs [aria-current]").bounding_box()
    assert tab["x"] >= 0
    assert tab["x"] + tab["width"] <= 390


def test_the_language_is_switched_on_the_page(open_page: Callable[..., Any]) -> None:
    page = open_page(locale="en-GB", viewport={"width": 1440, "height": 900})
    sign_in(page, "ann")

    page.click("text=ann >> visible=true")
    page.click("button:has-text('简体中文')")

    page.get_by_role("heading", name="需要关注的客户").wait_for()


def test_a_board_s_tiles_are_put_in_order_by_keys_and_by_dragging(open_page: Callable[..., Any]) -> None:
    page = open_page(locale="en-GB", viewport={"width": 1440, "height": 900})
    sign_in(page, "dee")
    page.goto("/boards/")
    page.fill("input[name=name]", "Morning")
    page.click("button:has-text('New board')")
    for metric in ("orders", "nps", "complaint_rate"):
        page.select_option(".t-addtile:has(input[value=metric]) select[name='o.metric']", metric)
        with page.expect_navigation():
            page.click(".t-addtile:has(input[value=metric]) button")

    def shown() -> list[str]:
        page.wait_for_function("document.querySelectorAll('[data-waits]').length === 0")
        return [text.strip() for text in page.locator(".t-spot .t-tile > span:first-child").all_inner_texts()]

    assert shown() == ["Orders", "Net promoter score (NPS)", "Complaint rate"]
    page.locator(".t-spot").nth(2).focus()
    with page.expect_navigation():
        page.keyboard.press("ArrowLeft")
    assert shown() == ["Orders", "Complaint rate", "Net promoter score (NPS)"]
    # The tile that moved is in focus again, so the next press moves it further.
    with page.expect_navigation():
        page.keyboard.press("ArrowLeft")
    assert shown() == ["Complaint rate", "Orders", "Net promoter score (NPS)"]
    with page.expect_navigation():
        page.drag_and_drop(".t-spot >> nth=0", ".t-spot >> nth=2", target_position={"x": 200, "y": 20})
    assert shown() == ["Orders", "Net promoter score (NPS)", "Complaint rate"]
    with page.expect_navigation():
        page.select_option("select[name=period]", "quarter")
    assert "period=quarter" in page.url
    # Nothing of the server may be at work on figures when the run ends.
    assert len(shown()) == 3

    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
