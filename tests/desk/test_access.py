import pytest
from django.contrib.auth.models import AnonymousUser

from tenure.desk.customers.api import publish
from tenure.desk.customers.models import Customer
from tenure.desk.governance import audit, services
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import AppendOnlyError, AuditEntry, Team, User
from tenure.desk.governance.roles import BUILT_IN
from tenure.errors import TenureError
from tenure.lake import Scope
from tests.cast import EAST, MONDAY, PASSWORD, PEOPLE, SOUTH, TUESDAY, cards

pytestmark = pytest.mark.django_db


def seen_by(user: object) -> set[int]:
    return set(Customer.objects.visible_to(scope_of(user)).values_list("pk", flat=True))


@pytest.mark.parametrize("name", PEOPLE)
def test_each_role_sees_its_own_customers_and_no_others(company: dict[str, User], name: str) -> None:
    assert seen_by(company[name]) == PEOPLE[name][3]


@pytest.mark.parametrize("name", ["zed", "old"])
def test_without_a_role_or_no_longer_active_nobody_sees_anything(company: dict[str, User], name: str) -> None:
    assert seen_by(company[name]) == set()
    assert not may(company[name], "today")


def test_nobody_signed_in_sees_anything(company: dict[str, User]) -> None:
    assert seen_by(AnonymousUser()) == set()


def test_a_manager_of_neither_team_nor_region_sees_nothing(company: dict[str, User]) -> None:
    company["mia"].team = None

    assert scope_of(company["mia"]).sees_none


def test_djangos_superuser_flag_opens_nothing(company: dict[str, User]) -> None:
    company["zed"].is_superuser = company["zed"].is_staff = True

    assert seen_by(company["zed"]) == set()


@pytest.mark.parametrize(
    "scope",
    [Scope(), Scope(reach="own"), Scope(reach="team"), Scope(reach="region"), Scope(reach="galaxy")],  # type: ignore[arg-type]
)
def test_a_scope_that_names_nobody_reaches_nobody(company: dict[str, User], scope: Scope) -> None:
    assert not Customer.objects.visible_to(scope).exists()


def test_the_analyst_sees_no_personal_field_but_names() -> None:
    hidden = BUILT_IN["analyst"].having("hidden")

    assert {"phone", "email", "id_number", "birth_date", "street", "identity", "text", "extra"} == hidden


def test_a_change_of_role_counts_from_the_next_look(company: dict[str, User]) -> None:
    services.change_role(company["ann"], role="manager", actor=company["dee"], now=TUESDAY)

    assert seen_by(User.objects.get(username="ann")) == EAST


def test_a_change_of_role_leaves_an_audit_entry_with_before_and_after(people: dict[str, User]) -> None:
    services.change_role(people["bo"], role="analyst", actor=people["dee"], now=TUESDAY)

    entry = AuditEntry.objects.get(verb="change_access")
    assert (entry.actor, entry.object_id, entry.at) == (people["dee"], str(people["bo"].pk), TUESDAY)
    assert (entry.detail["before"]["role"], entry.detail["after"]["role"]) == ("agent", "analyst")


def test_changing_nothing_writes_nothing(people: dict[str, User]) -> None:
    before = AuditEntry.objects.count()

    services.change_role(people["bo"], role="agent", actor=people["dee"], now=TUESDAY)

    assert AuditEntry.objects.count() == before


def test_the_last_administrator_stays_one(people: dict[str, User]) -> None:
    with pytest.raises(TenureError, match="last active administrator"):
        services.change_role(people["dee"], role="agent", actor=people["dee"], now=TUESDAY)


def test_an_unknown_role_is_refused_by_name(people: dict[str, User]) -> None:
    with pytest.raises(TenureError, match=r'no role "king".*admin, manager, agent, analyst'):
        services.create_user("eve", password=PASSWORD, role="king", actor=None, now=MONDAY)


def test_a_weak_password_opens_no_account(people: dict[str, User]) -> None:
    with pytest.raises(TenureError, match="too short"):
        services.create_user("eve", password="abc", role="agent", actor=None, now=MONDAY)
    assert not User.objects.filter(username="eve").exists()


def test_an_audit_entry_is_never_changed_or_deleted(people: dict[str, User]) -> None:
    entry = AuditEntry.objects.all()[0]

    for change in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(verb="nothing"),
        lambda: AuditEntry.objects.bulk_update([entry], ["verb"]),
    ):
        with pytest.raises(AppendOnlyError):
            change()


@pytest.mark.django_db(transaction=True)
def test_an_audit_entry_outside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="outside a transaction"):
        audit.record("stray", "user", 1, actor=None, now=MONDAY)


def test_a_region_manager_follows_the_region_not_the_team(company: dict[str, User]) -> None:
    publish(cards(team=dict.fromkeys(SOUTH, "East")), as_of=TUESDAY, now=TUESDAY)

    assert seen_by(company["noa"]) == SOUTH


def test_a_team_renamed_keeps_its_customers(company: dict[str, User]) -> None:
    team = Team.objects.get(name="East")
    team.name = "Orient"
    services.save_team(team, actor=company["dee"], now=TUESDAY)

    assert seen_by(company["mia"]) == EAST
