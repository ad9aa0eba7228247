"""The pages of a company's own fields, and the same for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tenure.contracts.custom import Choice
from tenure.desk.customers.fields.definitions import Draft, add_field, archive_field
from tenure.desk.customers.fields.models import CustomField, CustomValue
from tenure.desk.customers.fields.values import edit_values
from tenure.desk.customers.models import SavedView
from tenure.desk.governance import keys
from tenure.desk.governance.models import AuditEntry
from tenure.lake import SYSTEM
from tests.cast import LI, MONDAY, SMITH, WANG, ZHANG

if TYPE_CHECKING:
    from tenure.desk.governance.models import User

pytestmark = pytest.mark.django_db
SignIn = Callable[[str], Client]
TIERS = (Choice("", "Gold", "金卡"), Choice("", "Silver", "银卡"))


@pytest.fixture
def tier(company: dict[str, User]) -> CustomField:
    return add_field(
        Draft(name_en="Tier", name_zh="会员等级", kind="choice", choices=TIERS, section="Membership"),
        actor=None,
        now=MONDAY,
    )


@pytest.fixture
def staff(company: dict[str, User]) -> CustomField:
    return add_field(Draft(name_en="Staff", kind="whole"), actor=None, now=MONDAY)


def say(person: int, field: CustomField, value: object) -> None:
    edit_values(person, {field.pk: value}, scope=SYSTEM, actor=None, now=MONDAY)


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def test_without_a_field_the_page_says_what_to_do(sign_in: SignIn) -> None:
    assert "No fields yet" in text(sign_in("dee").get("/settings/fields/"))
    assert sign_in("mia").get("/settings/fields/").status_code == 403


def test_a_field_is_made_on_its_page_and_filled_in_at_once(sign_in: SignIn, company: dict[str, User]) -> None:
    form = {
        "name_en": "Tier", "name_zh": "会员等级", "kind": "choice", "section": "Membership", "required": "on",
        "choice_code": ["", "", ""], "choice_en": ["Silver", "Gold", ""], "choice_zh": ["银卡", "金卡", ""],
        "choice_place": ["2", "1", "3"], "headers": "level\n\n",
    }  # fmt: skip
    assert sign_in("dee").post("/settings/fields/new/", form).headers["Location"] == "/settings/fields/"
    (field,) = CustomField.objects.all()
    assert ([one.code for one in field.options], field.headers) == (["gold", "silver"], ["level"])

    ann = sign_in("ann")
    page = text(ann.get(f"/customers/{WANG}/fields/"))
    assert "Membership" in page
    assert '<option value="gold" >Gold</option>' in page
    empty = ann.post(f"/customers/{WANG}/fields/", {field.code: ""})
    assert "This field is required." in text(empty)
    assert ann.post(f"/customers/{WANG}/fields/", {field.code: "gold"}).headers["Location"] == f"/customers/{WANG}/"
    assert "<dd>金卡</dd>" in text(ann.get(f"/customers/{WANG}/", headers={"accept-language": "zh-hans"}))
    assert "Ann" in text(ann.get(f"/customers/{WANG}/fields/")) or "ann" in text(ann.get(f"/customers/{WANG}/fields/"))


def test_a_form_with_a_fault_keeps_what_was_typed_and_says_what_is_wrong(sign_in: SignIn, staff: CustomField) -> None:
    page = text(sign_in("ann").post(f"/customers/{WANG}/fields/", {staff.code: "a few"}))

    assert 'value="a few"' in page
    assert "is no number. Write digits" in page
    assert not CustomValue.objects.exists()


def test_a_customer_out_of_reach_has_no_form(sign_in: SignIn, staff: CustomField) -> None:
    ann = sign_in("ann")

    assert ann.get(f"/customers/{SMITH}/fields/").status_code == 404
    assert ann.post(f"/customers/{SMITH}/fields/", {staff.code: "1"}).status_code == 404
    assert sign_in("ivy").get(f"/customers/{WANG}/fields/").status_code == 403


def test_fields_are_put_in_order_by_arrow_and_by_dragging(
    sign_in: SignIn, tier: CustomField, staff: CustomField
) -> None:
    dee = sign_in("dee")

    dee.post("/settings/fields/order/", {"up": str(staff.pk)})
    assert [one.pk for one in CustomField.objects.all()] == [staff.pk, tier.pk]
    dee.post("/settings/fields/order/", {"order": f"{tier.pk},{staff.pk},forged"})
    assert [one.pk for one in CustomField.objects.all()] == [tier.pk, staff.pk]


def test_the_page_counts_who_has_a_value_and_opens_them(sign_in: SignIn, tier: CustomField) -> None:
    say(WANG, tier, "gold")
    say(LI, tier, "gold")
    dee = sign_in("dee")

    assert f'href="/customers/?{tier.code}.is=set&amp;cols={tier.code}">2</a>' in text(dee.get("/settings/fields/"))
    listed = dee.get(f"/customers/?{tier.code}.is=set&cols={tier.code}")
    assert [card.pk for card in listed.context["page"].rows] == [WANG, LI]
    assert '<td class="">Gold</td>' in text(listed)


def test_an_archived_field_is_brought_back_on_the_page(sign_in: SignIn, tier: CustomField) -> None:
    dee = sign_in("dee")
    dee.post(f"/settings/fields/{tier.pk}/archive/")
    assert "Archived" in text(dee.get("/settings/fields/"))
    assert tier.code not in text(dee.get(f"/customers/{WANG}/fields/"))

    dee.post(f"/settings/fields/{tier.pk}/archive/", {"back": "1"})
    assert tier.code in text(dee.get(f"/customers/{WANG}/fields/"))


def test_a_change_of_kind_is_tried_before_it_is_made(sign_in: SignIn, company: dict[str, User]) -> None:
    field = add_field(Draft(name_en="Staff"), actor=None, now=MONDAY)
    say(WANG, field, "a few")
    form = {"name_en": "Staff", "kind": "whole"}

    tried = text(sign_in("dee").post(f"/settings/fields/{field.pk}/", {**form, "try": "1"}))
    assert "These values would not fit" in tried
    assert "a few" in tried
    assert "1 of 1 values do not fit" in text(sign_in("dee").post(f"/settings/fields/{field.pk}/", form))
    assert CustomField.objects.get().kind == "text"


def test_columns_are_kept_for_the_user_and_in_a_saved_view(
    sign_in: SignIn, tier: CustomField, staff: CustomField
) -> None:
    say(WANG, staff, 12_000)
    mia = sign_in("mia")
    kept = mia.post("/customers/columns/", {"show": [staff.code], "stage": "mature"})
    assert kept.headers["Location"] == f"/customers/?stage=mature&cols={staff.code}"

    page = text(mia.get("/customers/"))
    assert "12,000" in page
    assert f"sort={staff.code}" in page
    assert page.count("t-view") == 0 or "Delete" not in page  # what is kept without a name is no view to open
    mia.post(
        "/customers/views/", {"name": "Big", "cols": staff.code, "sort": f"-{staff.code}", f"{staff.code}.from": "10"}
    )
    view = SavedView.objects.get(name="Big")
    rows = mia.get(f"/customers/?{view.query}").context["page"].rows
    assert [card.pk for card in rows] == [WANG]
    assert "12,000" not in text(sign_in("bo").get("/customers/"))


def test_a_filter_stands_as_a_chip_that_lifts_it(sign_in: SignIn, tier: CustomField, staff: CustomField) -> None:
    page = text(sign_in("dee").get(f"/customers/?{staff.code}.from=3&{tier.code}=gold&risk=high"))

    assert 'title="Lift this filter">Staff: ≥ 3 ×</a>' in page
    assert f'href="?risk=high&amp;{tier.code}=gold"' in page


def test_the_list_asks_as_often_however_many_columns_it_shows(
    sign_in: SignIn, tier: CustomField, staff: CustomField
) -> None:
    for person in (WANG, LI, ZHANG):
        say(person, staff, person)
        say(person, tier, "gold")
    dee = sign_in("dee")
    path = f"/customers/?cols={tier.code},{staff.code}"
    dee.get(path)

    with CaptureQueriesContext(connection) as asked:
        dee.get(path)

    assert len(asked) == 10, [query["sql"][:120] for query in asked]


def test_an_export_has_the_fields_and_so_has_the_reading_of_personal_ones_its_trace(
    sign_in: SignIn, tier: CustomField, company: dict[str, User]
) -> None:
    plate = add_field(Draft(name_en="Plate", personal=True), actor=None, now=MONDAY)
    say(WANG, plate, "浙A12345")
    say(WANG, tier, "gold")
    dee = sign_in("dee")

    sent = b"".join(dee.post("/customers/export/", {"q": "C-1"}).streaming_content).decode()  # type: ignore[attr-defined]
    assert sent.splitlines()[0].endswith("Tier,Plate")
    assert sent.splitlines()[1].endswith("Gold,浙A12345")
    dee.get(f"/customers/?cols={plate.code}")
    assert AuditEntry.objects.filter(verb="read", object_type="customers", detail__fields=["identity"]).exists()


@pytest.fixture
def ask(company: dict[str, User]) -> Callable[..., Any]:
    """Ask the API with a key of this person's: ask("ann", "get", "/customers")."""

    def asked(name: str, method: str, path: str, data: Any = None) -> Any:
        until = timezone.now() + timedelta(days=9)
        key = keys.make_key(
            company[name], role=company[name].role, expires_at=until, name="t", actor=None, now=timezone.now()
        )[1]
        headers = {"Authorization": f"Bearer {key}"}
        if method == "get":
            return Client().get(f"/api/v1{path}", headers=headers)
        return getattr(Client(), method)(f"/api/v1{path}", json.dumps(data), "application/json", headers=headers)

    return asked


def test_a_program_finds_the_fields_and_values_typed(ask: Any, tier: CustomField, staff: CustomField) -> None:
    say(WANG, tier, "gold")
    say(WANG, staff, "12")

    told = ask("mia", "get", "/fields").json()
    assert [(one["column"], one["kind"], [c["code"] for c in one["choices"]]) for one in told] == [
        (tier.code, "choice", ["gold", "silver"]), (staff.code, "whole", [])
    ]  # fmt: skip
    assert ask("mia", "get", f"/customers/{WANG}").json()["custom"] == {tier.code: "gold", staff.code: 12}
    listed = ask("mia", "get", f"/customers?{staff.code}.from=12&sort={staff.code}").json()
    assert [one["person_id"] for one in listed["customers"]] == [WANG]
    assert ask("mia", "get", f"/customers/count?{tier.code}=银卡").json() == {"count": 0}


def test_a_program_pages_through_the_order_of_a_field(ask: Any, staff: CustomField) -> None:
    for person, value in ((WANG, 3), (LI, 5), (ZHANG, 4)):
        say(person, staff, value)
    found, cursor = [], ""
    while True:
        page = ask("dee", "get", f"/customers?sort={staff.code}&limit=2&cursor={cursor}").json()
        found += [one["person_id"] for one in page["customers"]]
        cursor = page["next"]
        if not cursor:
            break

    assert found[:3] == [LI, ZHANG, WANG]
    assert sorted(found) == [1, 2, 3, 4, 5, 6]


def test_a_program_changes_values_or_is_told_which_do_not_fit(ask: Any, tier: CustomField, staff: CustomField) -> None:
    done = ask("mia", "patch", f"/customers/{WANG}/custom", {tier.code: "金卡", staff.code: 7})
    assert done.json() == {"changed": [tier.code, staff.code], "custom": {tier.code: "gold", staff.code: 7}}

    wrong = ask("mia", "patch", f"/customers/{WANG}/custom", {tier.code: None, staff.code: "many"})
    assert (wrong.status_code, list(wrong.json()["fields"])) == (422, [staff.code])
    assert ask("mia", "patch", f"/customers/{WANG}/custom", {"name": "x"}).status_code == 422
    assert ask("mia", "patch", f"/customers/{WANG}/custom", {"c_99": "x"}).status_code == 422
    assert ask("mia", "patch", f"/customers/{SMITH}/custom", {tier.code: "gold"}).status_code == 404
    assert ask("ivy", "patch", f"/customers/{WANG}/custom", {tier.code: "gold"}).status_code == 403
    assert ask("mia", "get", f"/customers/{WANG}").json()["custom"] == {tier.code: "gold", staff.code: 7}


def test_what_a_role_hides_no_program_finds(ask: Any, tier: CustomField) -> None:
    say(WANG, tier, "gold")

    assert ask("ivy", "get", "/fields").json() == []  # the analyst's role hides what is beyond the contract
    assert ask("ivy", "get", f"/customers/{WANG}").json()["custom"] == {}
    assert ask("ivy", "get", f"/customers/count?{tier.code}=gold").json() == {"count": 6}


def test_an_archived_field_is_gone_from_lists_that_were_saved_with_it(sign_in: SignIn, tier: CustomField) -> None:
    say(WANG, tier, "gold")
    archive_field(tier.pk, actor=None, now=MONDAY)

    page = sign_in("dee").get(f"/customers/?{tier.code}=gold&cols={tier.code}&sort={tier.code}")
    assert len(page.context["page"].rows) == 6


def test_every_choice_of_the_browser_is_read_back(sign_in: SignIn, company: dict[str, User], tmp_path: Path) -> None:
    tags = add_field(Draft(name_en="Tags", kind="choices", choices=TIERS), actor=None, now=MONDAY)
    vip = add_field(Draft(name_en="VIP", kind="yes_no"), actor=None, now=MONDAY)
    ann = sign_in("ann")
    ann.post(f"/customers/{WANG}/fields/", {tags.code: ["silver", "gold"], vip.code: "false"})

    assert dict(CustomValue.objects.values_list("field_id", "value")) == {tags.pk: "gold,silver", vip.pk: "false"}
    page = text(ann.get(f"/customers/{WANG}/fields/"))
    assert page.count(" checked") == 2
    ann.post(f"/customers/{WANG}/fields/", {vip.code: ""})
    assert not CustomValue.objects.exists()
