"""The page on which forms are laid out, and what follows on the others."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from tenure.desk.customers.fields.definitions import Draft, add_field
from tenure.desk.customers.fields.models import CustomField
from tenure.desk.customers.fields.values import edit_values
from tenure.desk.customers.models import FormLayout
from tenure.lake import SYSTEM
from tests.cast import MONDAY, WANG

if TYPE_CHECKING:
    from tenure.desk.governance.models import User

pytestmark = pytest.mark.django_db
SignIn = Callable[[str], Client]
URL = "/settings/fields/layout/"


@pytest.fixture
def fields(company: dict[str, User]) -> list[CustomField]:
    return [
        add_field(Draft(name_en=name, section=section), actor=None, now=MONDAY)
        for name, section in (("Size", "Firm"), ("Tier", ""), ("Hobby", ""))
    ]


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def form(*rows: tuple[CustomField, str, str], **more: str) -> dict[str, str]:
    sent = {}
    for one, section, state in rows:
        sent |= {f"section.{one.code}": section, f"as.{one.code}": state}
    return sent | more


def test_what_is_arranged_shows_at_once_on_the_form_and_the_page(sign_in: SignIn, fields: list[CustomField]) -> None:
    size, tier, hobby = fields
    edit_values(WANG, {one.pk: f"value {one}" for one in fields}, scope=SYSTEM, actor=None, now=MONDAY)
    dee, ann = sign_in("dee"), sign_in("ann")
    rows = ((tier, "Membership", "required"), (size, "Membership", "shown"), (hobby, "", "hidden"))

    sent = form(*rows, audience="individual", **{"fact.language": "hidden", "fact.phone": "shown"})
    assert dee.post(URL, sent).headers["Location"] == f"{URL}?audience=individual"

    page = text(ann.get(f"/customers/{WANG}/"))
    assert page.index("<h4>Membership</h4>") < page.index("value Tier") < page.index("value Size")
    assert "value Hobby" not in page
    assert "<dt>Language</dt>" not in page
    filled = text(ann.get(f"/customers/{WANG}/fields/"))
    assert "Hobby" not in filled.split("Who said what")[0]
    assert "This field is required." in text(ann.post(f"/customers/{WANG}/fields/", {tier.code: "", size.code: "9"}))
    assert ann.post(f"/customers/{WANG}/fields/", {tier.code: "x", size.code: "9"}).status_code == 302
    assert "value Hobby" in str(ann.get("/customers/?cols=" + hobby.code).content.decode()), "hidden, not lost"


def test_an_arrow_moves_a_row_and_nothing_counts_until_it_is_saved(sign_in: SignIn, fields: list[CustomField]) -> None:
    size, tier, hobby = fields
    rows = [(size, "Firm", "shown"), (tier, "", "required"), (hobby, "New", "shown")]

    page = text(sign_in("dee").post(URL, form(*rows, move=f"{hobby.code}:up")))

    assert page.index(f"as.{size.code}") < page.index(f"as.{hobby.code}") < page.index(f"as.{tier.code}")
    assert 'value="New"' in page
    assert not FormLayout.objects.exists()


def test_a_kind_goes_back_to_everybodys_layout(sign_in: SignIn, fields: list[CustomField]) -> None:
    dee = sign_in("dee")
    dee.post(URL, form((fields[0], "", "shown"), audience="enterprise", save="1"))
    assert "own layout" in text(dee.get(URL))

    dee.post(URL, {"audience": "enterprise", "drop": "1"})

    assert not FormLayout.objects.exists()
    assert "There is no layout yet" in text(dee.get(f"{URL}?audience=nonsense"))


def test_only_who_keeps_the_fields_lays_them_out(sign_in: SignIn, fields: list[CustomField]) -> None:
    for name in ("mia", "ann", "ivy"):
        assert sign_in(name).get(URL).status_code == 403
        assert sign_in(name).post(URL, {"save": "1"}).status_code == 403
