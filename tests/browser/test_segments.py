"""A segment built in a real browser, on a phone: groups added without a reload, and a count that follows."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.test_journey import browser, open_page, sign_in

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# The browser's driver runs an event loop in this thread, which Django takes for a server's.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


def test_the_count_follows_what_is_built(open_page: Callable[..., Any]) -> None:
    page = open_page(locale="zh-CN", viewport={"width": 390, "height": 844})
    sign_in(page, "mia")
    page.goto("/segments/new/")
    page.fill("[name=name]", "East")

    page.select_option("[name='n.0.ask']", "field:region")
    page.fill("[name='n.0.value']", "浙江")
    page.locator("#count b:text-is('3')").wait_for()
    page.click("button[value='group n']")
    page.select_option("[name='n.1.0.ask']", "did:complained")
    page.locator("#count b:text-is('1')").wait_for()

    assert page.input_value("[name=name]") == "East"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click(".t-segment .t-keyform button.t-button")
    page.wait_for_url("**/segments/*/", wait_until="load")
