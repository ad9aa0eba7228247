from dataclasses import replace

import pytest

from tenure.desk.customers.fields.definitions import Draft, add_field, change_field
from tenure.desk.customers.fields.values import edit_values
from tenure.desk.customers.models import Customer, CustomField, SavedView
from tenure.desk.customers.names import search_text
from tenure.desk.customers.selectors import SORTS, Filters, attention, card_of, listing, page_of, saved_views
from tenure.desk.customers.services import assign_customer, delete_view, save_view
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import AuditEntry, User
from tenure.errors import TenureError
from tenure.lake import SYSTEM
from tests.cast import CHEN, EAST, LI, MONDAY, QUIET, SMITH, SOUTH, WANG, ZHANG

pytestmark = pytest.mark.django_db
EVERYONE = EAST | SOUTH


def found(user: User, **wanted: object) -> list[int]:
    return [score.customer_id for score in listing(scope_of(user), Filters(**wanted))]  # type: ignore[arg-type]


def test_a_name_is_found_in_pinyin_in_full_by_initials_and_by_number() -> None:
    assert search_text("王小明", "", ["C-1", "crm-9"]) == "王小明 wangxiaoming wxm c-1 crm-9"
    assert search_text("Ana Souza", "", ["C-2"]) == "ana souza c-2"


@pytest.mark.parametrize("text", ["王小", "wangxiaoming", "WangXiao", "wxm", "c-1", "CRM-1"])
def test_the_search_finds_wang(company: dict[str, User], text: str) -> None:
    assert found(company["dee"], q=text) == [WANG]


def test_every_word_of_a_search_must_match(company: dict[str, User]) -> None:
    assert found(company["dee"], q="smith john") == [SMITH]
    assert found(company["dee"], q="smith wang") == []


@pytest.mark.parametrize("text", ["1211", "+8613800001211", "13800001211", "c1@example.com"])
def test_a_phone_is_found_whole_or_by_its_last_four_digits_and_an_email_whole(
    company: dict[str, User], text: str
) -> None:
    assert found(company["dee"], q=text) == [WANG]
    assert found(company["ivy"], q=text) == []


def test_a_wildcard_is_only_a_character(company: dict[str, User]) -> None:
    assert found(company["dee"], q="%") == []
    assert found(company["dee"], q="_") == []


def test_filters_narrow_together(company: dict[str, User]) -> None:
    assert found(company["dee"], risk="high", region="浙江") == [WANG]
    assert found(company["dee"], decile=1 + CHEN) == [CHEN]
    assert found(company["dee"], owner=company["bo"].pk, sort="value") == [CHEN, SMITH]


def test_a_filter_never_widens_what_one_may_see(company: dict[str, User]) -> None:
    assert found(company["ann"], owner=company["bo"].pk) == []
    assert found(company["mia"], region="广东") == []


@pytest.mark.parametrize("sort", SORTS)
def test_every_sort_lists_everyone_and_what_is_unknown_last(company: dict[str, User], sort: str) -> None:
    order = found(company["dee"], sort=sort)

    assert sorted(order) == sorted(EVERYONE)
    if sort in {"risk", "at_risk"}:
        assert order[-1] == QUIET


def test_the_list_is_sorted_by_what_is_at_risk(company: dict[str, User]) -> None:
    assert found(company["dee"])[:3] == [WANG, SMITH, ZHANG]


def test_a_query_string_that_means_nothing_is_passed_over() -> None:
    filters = Filters.read({"team": "x", "decile": "٣", "sort": "phone", "stage": " mature\x00", "nonsense": "1"})

    assert filters == Filters(stage="mature")
    assert Filters.read({"team": "9" * 40}).team is None


def test_a_list_is_counted_only_so_far(company: dict[str, User], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenure.desk.customers.selectors.COUNTED", 5)
    monkeypatch.setattr("tenure.desk.customers.selectors.PAGE", 2)
    everyone = listing(SYSTEM, Filters(sort="value"))

    pages = [page_of(SYSTEM, everyone, number) for number in (1, 2, 3, 99)]

    assert [[card.person_id for card in page.rows] for page in pages] == [[CHEN, WANG], [SMITH, ZHANG], [LI], [LI]]
    assert (pages[0].found, pages[0].pages, pages[0].more) == (5, 3, True)


def test_attention_leaves_the_blocked_and_the_safe_alone(company: dict[str, User]) -> None:
    Customer.objects.filter(pk=SMITH).update(blocked=True)

    assert [card.person_id for card in attention(scope_of(company["dee"]))] == [WANG, ZHANG]


def test_beyond_reach_is_the_same_as_not_there(company: dict[str, User]) -> None:
    assert card_of(scope_of(company["ann"]), SMITH) is None
    assert card_of(scope_of(company["ann"]), 999) is None


def test_a_customer_is_assigned_only_by_who_reaches_it(company: dict[str, User]) -> None:
    with pytest.raises(Customer.DoesNotExist):
        assign_customer(
            SMITH, owner=company["ann"], team=None, scope=scope_of(company["mia"]), actor=company["mia"], now=MONDAY
        )

    assign_customer(
        ZHANG, owner=company["ann"], team=None, scope=scope_of(company["mia"]), actor=company["mia"], now=MONDAY
    )

    assert set(found(company["ann"])) == {WANG, LI, ZHANG}
    assert AuditEntry.objects.get(verb="assign_customer").detail["after"]["owner"] == company["ann"].pk


def test_no_customer_is_given_to_who_can_no_longer_sign_in(company: dict[str, User]) -> None:
    with pytest.raises(TenureError, match="can no longer sign in"):
        assign_customer(WANG, owner=company["old"], team=None, scope=SYSTEM, actor=None, now=MONDAY)


def test_a_saved_view_is_ones_own_unless_shared(company: dict[str, User]) -> None:
    save_view(company["mia"], "Mine", "risk=high", shared=False, now=MONDAY)
    shared = save_view(company["mia"], "Ours", "stage=decline", shared=True, now=MONDAY)

    assert [view.name for view in saved_views(company["ann"])] == ["Ours"]
    with pytest.raises(SavedView.DoesNotExist):
        delete_view(company["ann"], shared.pk, now=MONDAY)


def test_saving_a_view_under_its_name_again_replaces_it(company: dict[str, User]) -> None:
    save_view(company["mia"], "Mine", "risk=high", shared=False, now=MONDAY)
    save_view(company["mia"], "Mine", "?risk=low", shared=False, now=MONDAY)

    assert [view.query for view in saved_views(company["mia"])] == ["risk=low"]


def own(name: str, said: dict[int, str], **more: object) -> CustomField:
    field = add_field(Draft(name_en=name, **more), actor=None, now=MONDAY)  # type: ignore[arg-type]
    for person, value in said.items():
        edit_values(person, {field.pk: value}, scope=SYSTEM, actor=None, now=MONDAY)
    return field


def test_a_customer_is_found_by_what_stands_in_the_own_fields(company: dict[str, User]) -> None:
    own("Dealer", {WANG: "Harbour Trading", CHEN: "Harbour Motors"})
    own("Policies", {LI: "1024"}, kind="whole")
    own("Plate", {ZHANG: "浙A12345"}, personal=True)
    unsought = own("Remark", {QUIET: "harbour view"}, searched=False)
    dee, ann = company["dee"], company["ann"]

    assert set(found(dee, q="harbour")) == {WANG, CHEN}
    assert found(dee, q="HARBOUR 王小明") == [WANG]
    assert found(dee, q="1024") == [LI]
    assert found(dee, q="102") == []
    assert found(dee, q="浙a12345") == [ZHANG]
    assert found(dee, q="浙a1234") == []
    assert found(ann, q="harbour") == [WANG], "never beyond the reach"
    change_field(unsought.pk, replace(Draft.of(unsought), searched=True), scope=SYSTEM, actor=None, now=MONDAY)
    assert set(found(dee, q="harbour")) == {WANG, CHEN, QUIET}


def test_nobody_finds_by_an_own_field_they_may_not_see(company: dict[str, User]) -> None:
    own("Dealer", {WANG: "Harbour"}, guarded_as="text")
    own("Plate", {LI: "浙A1"}, personal=True, guarded_as="identity")
    hidden = replace(scope_of(company["dee"]), hidden=frozenset({"text"}), masked=frozenset({"identity"}))

    for text in ("harbour", "浙A1"):
        assert list(listing(hidden, Filters(q=text))) == []
        assert len(listing(scope_of(company["dee"]), Filters(q=text))) == 1
