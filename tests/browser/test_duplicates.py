"""Pairs decided with the keyboard alone: the next comes by itself, and one key takes the last decision back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tenure.desk.customers.models import IdentityDecision
from tenure.desk.governance.models import User
from tests.browser.test_journey import browser, open_page, sign_in  # noqa: F401
from tests.cast import LI, WANG, ZHANG
from tests.likely import fill_with_pairs

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_pair_is_joined_and_parted_again_with_the_keyboard(
    open_page: Callable[..., Any],  # noqa: F811
    company: dict[str, User],
    filled_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TENURE_HOME", str(fill_with_pairs(filled_home, tmp_path / "home")))
    page = open_page(locale="en-GB", viewport={"width": 1440, "height": 900})
    sign_in(page, "mia")

    page.goto("/duplicates/")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/duplicates/{WANG}/{LI}/")
    page.keyboard.press("j")
    page.wait_for_url(f"**/duplicates/{LI}/{ZHANG}/")
    page.keyboard.press("k")
    page.wait_for_url(f"**/duplicates/{WANG}/{LI}/")
    page.keyboard.press("1")
    page.get_by_role("heading", name="Duplicates").or_(page.locator(".t-lastdeed")).first.wait_for()

    decision = IdentityDecision.objects.get()
    assert (decision.pair, decision.verdict) == ((WANG, LI), "join")
    # Committed in earnest: links, records and cards followed before the page came back.
    assert decision.settled_at is not None
    page.goto(f"/customers/{LI}/")
    assert page.url.endswith(f"/customers/{WANG}/")
    page.locator("#numbers >> text=C-2").wait_for()
    page.goto("/duplicates/")
    page.keyboard.press("u")
    page.wait_for_url(f"**/duplicates/{WANG}/{LI}/")
    decision.refresh_from_db()
    assert decision.withdrawn_at is not None
