"""How an administrator lays out the form of a customer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tenure.desk.customers.fields.definitions import Draft, add_field, archive_field, known, restore_field
from tenure.desk.customers.fields.layouts import Laid, Wish, drop_layout, laid_out, save_layout
from tenure.desk.customers.fields.models import CustomField
from tenure.desk.customers.fields.values import MisfitError, edit_values
from tenure.desk.customers.models import Customer, FormLayout
from tenure.desk.governance.models import AuditEntry
from tenure.errors import TenureError
from tenure.lake import SYSTEM
from tests.cast import MONDAY, WANG

if TYPE_CHECKING:
    from tenure.desk.governance.models import User

pytestmark = pytest.mark.django_db


def made(name: str, **more: Any) -> CustomField:
    return add_field(Draft(name_en=name, **more), actor=None, now=MONDAY)


def lay(wish: Wish, audience: str = "") -> FormLayout:
    return save_layout(wish, audience=audience, actor=None, now=MONDAY)


def shape(laid: Laid) -> list[tuple[str, list[str]]]:
    return [(one.name, [str(placed.field) + "*" * placed.required for placed in one.fields]) for one in laid.sections]


def test_without_a_layout_fields_stand_as_they_were_made(db: None) -> None:
    made("Size", section="Firm")
    made("Tier", required=True)
    made("Branch", section="Firm")

    assert shape(laid_out(known())) == [("", ["Tier*"]), ("Firm", ["Size", "Branch"])]


def test_a_layout_says_order_sections_and_what_is_demanded_of_which_kind_of_customer(db: None) -> None:
    size, tier, hobby = made("Size", section="Firm"), made("Tier"), made("Hobby")
    lay(Wish({tier.code: ("Membership", False), hobby.code: ("", True)}, hidden=[size.code]))
    lay(Wish({size.code: ("Firm", True), tier.code: ("Firm", False)}, ["owner", "phone"], [hobby.code, "language"]),
        "enterprise")  # fmt: skip

    assert shape(laid_out(known(), "individual")) == [("Membership", ["Tier"]), ("", ["Hobby*"])]
    firm = laid_out(known(), "enterprise")
    assert shape(firm) == [("Firm", ["Size*", "Tier"])]
    assert firm.facts[:2] == ("owner", "phone")
    assert "language" not in firm.facts
    entry = AuditEntry.objects.filter(verb="save_layout").latest("pk")
    assert entry.detail["after"] == {"Firm": [size.code, tier.code]}

    assert drop_layout(audience="enterprise", actor=None, now=MONDAY)
    assert shape(laid_out(known(), "enterprise")) == shape(laid_out(known(), "individual"))
    assert not drop_layout(audience="enterprise", actor=None, now=MONDAY)


def test_a_field_archived_leaves_its_place_and_finds_it_again(db: None) -> None:
    size, tier = made("Size"), made("Tier")
    lay(Wish({tier.code: ("A", False), size.code: ("B", False)}))

    archive_field(tier.pk, actor=None, now=MONDAY)
    later = made("Later", section="B")
    assert shape(laid_out(known())) == [("B", ["Size", "Later"])]

    restore_field(tier.pk, actor=None, now=MONDAY)
    assert shape(laid_out(known())) == [("A", ["Tier"]), ("B", ["Size", "Later"])]
    assert later.code in {one.field.code for one in laid_out(known()).sections[1].fields}


def test_the_form_demands_what_the_layout_of_this_kind_of_customer_demands(company: dict[str, User]) -> None:
    size, tier = made("Size"), made("Tier", required=True)
    lay(Wish({size.code: ("", True)}, hidden=[tier.code]), "individual")

    with pytest.raises(MisfitError, match="Size: This field is required"):
        edit_values(WANG, {}, scope=SYSTEM, actor=None, now=MONDAY, whole_form=True)
    assert edit_values(WANG, {size.pk: "9"}, scope=SYSTEM, actor=None, now=MONDAY, whole_form=True) == [size.pk]

    Customer.objects.filter(pk=WANG).update(kind="enterprise")
    with pytest.raises(MisfitError, match="Tier: This field is required"):
        edit_values(WANG, {size.pk: ""}, scope=SYSTEM, actor=None, now=MONDAY, whole_form=True)


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (Wish({"c_999": ("", False)}), "no field c_999"),
        (Wish({"phone'; DROP TABLE": ("", False)}), "There is no field"),
        (Wish(facts=["salary"]), "no field salary"),
        (Wish({"phone": ("", False)}, hidden=["phone"]), "both shown and hidden"),
        (Wish({"phone": ("x" * 61, False)}), "too long: 61"),
    ],
)
def test_a_layout_that_makes_no_sense_says_why(db: None, wish: Wish, says: str) -> None:
    with pytest.raises(TenureError, match=says):
        lay(wish)
    assert not FormLayout.objects.exists()


def test_there_is_a_layout_only_for_a_kind_of_customer_there_is(db: None) -> None:
    with pytest.raises(TenureError, match="no kind of customer"):
        lay(Wish(), "robot")


def test_five_hundred_fields_are_laid_out_in_one_query_of_layouts(db: None, django_assert_num_queries: Any) -> None:
    CustomField.objects.bulk_create(
        CustomField(name_en=f"F{n}", kind="text", place=n, made_at=MONDAY) for n in range(500)
    )
    fields = known()
    lay(Wish({one.code: (f"Part {n % 50}", n % 2 == 0) for n, one in enumerate(fields)}))

    with django_assert_num_queries(1):
        laid = laid_out(fields, "individual")

    assert (len(laid.sections), len(laid.required)) == (50, 250)
