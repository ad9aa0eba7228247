"""Roles a company edits: what they open, whom they reach, what they hide, and that nobody gives more than they have."""

from dataclasses import replace

import pytest

from tenure.desk.customers.models import Customer, Publication
from tenure.desk.customers.selectors import Filters, attention, card_of, listing, sorts, totals
from tenure.desk.governance import access, services
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import AuditEntry, CustomRole, User
from tenure.desk.governance.roles import BUILT_IN, Role
from tenure.errors import TenureError
from tenure.language import Words
from tests.cast import EAST, MONDAY, SMITH, TUESDAY, WANG

pytestmark = pytest.mark.django_db

CLERK = Role(
    "clerk",
    Words("Clerk", "文员"),
    Words("", ""),
    "team",
    frozenset({"today", "customers"}),
    {"phone": "masked", "email": "hidden", "amounts": "hidden"},
    {"cases": "all"},
)


def as_role(user: User, role: Role) -> User:
    services.save_role(role, actor=None, now=MONDAY)
    services.change_role(user, role=role.code, actor=None, now=MONDAY)
    return User.objects.get(pk=user.pk)


def test_a_role_of_ones_own_says_whom_one_sees_and_what_one_may(company: dict[str, User]) -> None:
    ann = as_role(company["ann"], CLERK)

    assert set(Customer.objects.visible_to(scope_of(ann)).values_list("pk", flat=True)) == EAST
    assert may(ann, "customers")
    assert not may(ann, "export")
    assert scope_of(ann).on("cases").sees_all


def test_a_built_in_role_changed_is_changed_for_all_who_have_it_and_can_be_taken_back(people: dict[str, User]) -> None:
    services.save_role(replace(BUILT_IN["agent"], reach="team"), actor=people["dee"], now=MONDAY)
    assert scope_of(User.objects.get(username="ann")).reach == "team"

    services.drop_role("agent", actor=people["dee"], now=TUESDAY)

    assert scope_of(User.objects.get(username="ann")).reach == "own"
    assert [entry.verb for entry in AuditEntry.objects.order_by("pk")][-2:] == ["save_role", "drop_role"]


def test_the_administrators_role_stays_as_it_is(people: dict[str, User]) -> None:
    with pytest.raises(TenureError, match="can't be changed"):
        services.save_role(replace(BUILT_IN["admin"], reach="none"), actor=people["dee"], now=MONDAY)


def test_nobody_hands_out_more_than_they_have(people: dict[str, User]) -> None:
    keeper = replace(
        CLERK, code="keeper", permissions=frozenset({"today", "users", "roles"}), objects={},
        fields={"phone": "hidden"},
    )  # fmt: skip
    ann = as_role(people["ann"], keeper)

    for wider in (
        replace(keeper, permissions=keeper.permissions | {"export"}),
        replace(keeper, reach="all"),
        replace(keeper, fields={"phone": "masked"}),
        replace(keeper, objects={"orders": "all"}),
    ):
        with pytest.raises(TenureError, match="more than you yourself"):
            services.save_role(wider, actor=ann, now=TUESDAY)
    with pytest.raises(TenureError, match="more than you yourself"):
        services.change_role(ann, role="admin", actor=ann, now=TUESDAY)
    with pytest.raises(TenureError, match="more than you yourself"):
        services.change_role(people["dee"], role="keeper", actor=ann, now=TUESDAY)
    assert User.objects.get(username="dee").role == "admin"


def test_a_role_somebody_has_is_not_deleted(people: dict[str, User]) -> None:
    as_role(people["ann"], CLERK)

    with pytest.raises(TenureError, match="1 users still have"):
        services.drop_role("clerk", actor=people["dee"], now=TUESDAY)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(CLERK, code="Über"),
        replace(CLERK, words=Words("", "")),
        replace(CLERK, permissions=frozenset({"fly"})),
        replace(CLERK, reach="galaxy"),  # type: ignore[arg-type]
        replace(CLERK, fields={"shoe_size": "hidden"}),
        replace(CLERK, objects={"shoes": "all"}),
    ],
)
def test_a_role_made_of_nothing_known_is_refused(people: dict[str, User], wrong: Role) -> None:
    with pytest.raises(TenureError):
        services.save_role(wrong, actor=people["dee"], now=MONDAY)
    assert not CustomRole.objects.exists()


def test_what_a_role_row_names_and_nobody_knows_grants_nothing(people: dict[str, User]) -> None:
    CustomRole.objects.create(code="odd", name_en="Odd", name_zh="怪", reach="galaxy", permissions=["fly", "today"])

    services.change_role(people["ann"], role="odd", actor=None, now=MONDAY)
    ann = User.objects.get(username="ann")

    assert access.role_of(ann) is not None
    assert not Customer.objects.visible_to(scope_of(ann)).exists()
    assert not may(ann, "customers")


def test_hidden_amounts_are_neither_shown_nor_sorted_nor_filtered_by(company: dict[str, User]) -> None:
    scope = scope_of(as_role(company["ann"], CLERK))
    publication = Publication.current()
    assert publication is not None

    card = card_of(scope, WANG)

    assert card is not None
    assert (card.value_base_minor, card.monetary_base_minor, card.value_decile, card.m) == (None, None, None, None)
    assert (card.phone, card.email, str(card)) == ("138****1211", None, "王小明")
    assert sorts(scope) == ["risk", "silent", "name"]
    assert Filters(sort="value", decile=3).within(scope) == Filters()
    by_value = [row.pk for row in listing(scope, Filters(sort="value"))]
    assert by_value == [row.pk for row in listing(scope, Filters(sort="risk"))]
    assert totals(scope, publication).value_at_risk_minor is None
    assert attention(scope)[0].person_id == WANG


def test_a_masked_phone_is_found_by_what_shows_of_it_alone(company: dict[str, User]) -> None:
    scope = scope_of(as_role(company["ann"], CLERK))

    assert [row.customer_id for row in listing(scope, Filters(q="1211"))] == [WANG]
    assert not listing(scope, Filters(q="13800001211")).exists()
    assert not listing(scope, Filters(q="c1@example.com")).exists()


def test_a_hidden_name_is_not_found_by(company: dict[str, User]) -> None:
    scope = scope_of(as_role(company["ann"], replace(CLERK, fields={"name": "masked"})))

    assert not listing(scope, Filters(q="wang")).exists()
    assert not listing(scope, Filters(q="小")).exists()
    assert [row.customer_id for row in listing(scope, Filters(q="c-1"))] == [WANG]
    assert str(card_of(scope, WANG)) == "王**"


def test_why_somebody_sees_a_customer_is_said(company: dict[str, User]) -> None:
    def why(name: str, person: int) -> tuple[bool, str]:
        customer = Customer.objects.select_related("team").get(pk=person)
        team = (customer.team.pk, customer.team.name) if customer.team else None
        found = access.why(company[name], owner_id=customer.owner_id, team=team, region=customer.region)
        return found.sees, found.words.en

    assert why("ann", WANG) == (True, "Owner of the customer, role Agent")
    assert why("ann", SMITH) == (False, "role Agent: not the owner")
    assert why("mia", WANG) == (True, "Team East, role Manager")
    assert why("noa", SMITH) == (True, "Region 广东, role Manager")
    assert why("ivy", SMITH) == (True, "role Analyst: sees every customer")
    assert why("zed", WANG) == (False, "No role")
    assert why("old", WANG) == (False, "The account is closed")


@pytest.mark.parametrize("name", ["dee", "mia", "noa", "ann", "bo", "ivy", "zed", "old"])
@pytest.mark.parametrize("person", [WANG, SMITH])
def test_the_reason_given_agrees_with_what_is_seen(company: dict[str, User], name: str, person: int) -> None:
    customer = Customer.objects.select_related("team").get(pk=person)
    team = (customer.team.pk, customer.team.name) if customer.team else None

    because = access.why(company[name], owner_id=customer.owner_id, team=team, region=customer.region)

    assert because.sees == Customer.objects.visible_to(scope_of(company[name])).filter(pk=person).exists()
