"""Tags: choices that grow as people type, and are a field like any other."""

import pytest

from tenure.desk.customers.fields.definitions import known
from tenure.desk.customers.fields.models import CustomValue
from tenure.desk.customers.fields.tags import growing, tag, tags_of, untag
from tenure.desk.customers.models import Customer
from tenure.desk.customers.selectors import Filters, page_in
from tenure.desk.governance.access import scope_of
from tenure.desk.governance.models import AuditEntry, User
from tenure.errors import TenureError
from tenure.lake import SYSTEM
from tests.cast import LI, MONDAY, SMITH, WANG

pytestmark = pytest.mark.django_db


def say(label: str, person: int = WANG, **more: object) -> list[int]:
    return tag(person, label, scope=SYSTEM, actor=None, now=MONDAY, **more)  # type: ignore[arg-type]


def shown(person: int = WANG) -> list[str]:
    return [str(one) for one in tags_of(SYSTEM, person, growing(SYSTEM))]


def test_the_first_tag_makes_the_field_and_later_ones_fill_it(company: dict[str, User]) -> None:
    say("VIP guest")
    say("老客户")
    say("vip  GUEST", LI)

    (field,) = known()
    assert field.grows
    assert field.kind == "choices"
    assert shown() == ["VIP guest", "老客户"]
    assert shown(LI) == ["VIP guest"]
    assert len(field.open_options) == 2


def test_a_list_narrows_to_who_has_a_tag(company: dict[str, User]) -> None:
    say("VIP")
    (field,) = known()

    rows = page_in(SYSTEM, Filters.read({field.code: field.options[0].code}), 1).rows

    assert [card.pk for card in rows] == [WANG]


def test_a_tag_taken_off_is_gone_and_the_last_one_leaves_no_value(company: dict[str, User]) -> None:
    say("VIP")
    say("Loud")
    (field,) = known()

    untag(WANG, "vip", scope=SYSTEM, actor=None, now=MONDAY, field_id=field.pk)
    assert shown() == ["Loud"]
    untag(WANG, "loud", scope=SYSTEM, actor=None, now=MONDAY, field_id=field.pk)
    assert shown() == []
    assert not CustomValue.objects.filter(customer_id=WANG).exists()
    assert untag(WANG, "loud", scope=SYSTEM, actor=None, now=MONDAY, field_id=field.pk) == []


def test_who_tagged_whom_is_in_the_audit(company: dict[str, User]) -> None:
    tag(WANG, "VIP", scope=scope_of(company["ann"]), actor=company["ann"], now=MONDAY)

    verbs = AuditEntry.objects.filter(actor=company["ann"]).values_list("verb", flat=True)
    assert {"add_custom_field", "change_custom_field", "edit_custom_values"} >= set(verbs)
    assert "edit_custom_values" in verbs


@pytest.mark.parametrize("label", ["", "  ", "!!", "a, b", "一、二", "x" * 41])
def test_what_makes_no_tag_is_refused_and_nothing_is_made(company: dict[str, User], label: str) -> None:
    with pytest.raises(TenureError):
        say(label)

    assert known() == []


def test_nobody_tags_customers_out_of_reach_and_their_words_do_not_become_choices(company: dict[str, User]) -> None:
    with pytest.raises(Customer.DoesNotExist):
        tag(SMITH, "Secret word", scope=scope_of(company["ann"]), actor=company["ann"], now=MONDAY)

    assert known() == []


def test_a_closed_tag_that_is_typed_again_is_open_again(company: dict[str, User]) -> None:
    from dataclasses import replace

    from tenure.desk.customers.fields.definitions import Draft, change_field

    say("VIP")
    say("Loud")
    (field,) = known()
    draft = Draft.of(field)
    change_field(field.pk, replace(draft, choices=draft.choices[1:]), scope=SYSTEM, actor=None, now=MONDAY)

    say("vip", LI)

    assert shown(LI) == ["VIP"]
