"""Sharing with a partner: what a link shows, how long, and every way in which it shows nothing."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import caches

from tenure.desk.governance import audit, grants, services
from tenure.desk.governance.models import AuditEntry, Grant, User
from tenure.errors import TenureError
from tenure.web.sharing import sight_of
from tests.cast import CHEN, EAST, LI, MONDAY, SMITH, WANG

pytestmark = pytest.mark.django_db

FIELDS = ["customer_id", "name", "phone"]
UNTIL = MONDAY + timedelta(days=7)


@pytest.fixture(autouse=True)
def _managers_share(company: dict[str, User]) -> None:
    """Here the managers' role shares with partners too."""
    from dataclasses import replace

    from tenure.desk.governance.roles import BUILT_IN

    caches["figures"].clear()
    manager = BUILT_IN["manager"]
    services.save_role(replace(manager, permissions=manager.permissions | {"grants"}), actor=None, now=MONDAY)
    for name in company:
        company[name] = User.objects.get(username=name)


def share(actor: User, **changed: Any) -> tuple[Grant, str]:
    given: dict[str, Any] = {
        "partner": "Courier Ltd", "fields": FIELDS, "person_ids": [LI, WANG], "until": UNTIL, "sight_of": sight_of,
        "now": MONDAY,
    }  # fmt: skip
    given |= changed
    return grants.grant(given.pop("partner"), actor=actor, **given)


def opened(token: str, now: datetime = MONDAY) -> grants.Opened | None:
    return grants.open_link(token, sight_of=sight_of, now=now)


def test_a_link_shows_the_granted_fields_of_the_granted_customers(company: dict[str, User]) -> None:
    _, token = share(company["dee"])

    found = opened(token)

    assert found is not None
    assert (found.fields, found.person_ids) == (FIELDS, [LI, WANG])


def test_giving_opening_and_revoking_are_each_one_entry_that_names_no_customer(company: dict[str, User]) -> None:
    given, token = share(company["dee"], query="q=李&risk=low")
    opened(token)
    grants.open_link(token, sight_of=sight_of, now=MONDAY, download=True)
    grants.revoke(given.pk, actor=company["dee"], now=MONDAY)

    entries = list(AuditEntry.objects.filter(object_type="grant").order_by("pk"))

    assert [entry.verb for entry in entries] == ["grant", "open_grant", "download_grant", "revoke_grant"]
    assert {entry.object_id for entry in entries} == {str(given.pk)}
    assert [entry.actor for entry in entries] == [company["dee"], None, None, company["dee"]]
    assert entries[0].detail["digest"] == audit.digest([WANG, LI])
    assert "李" not in str([(entry.detail, entry.sealed) for entry in entries])
    assert audit.opened(entries[0]) == {"query": "q=李&risk=low"}


def test_the_token_is_kept_nowhere(company: dict[str, User]) -> None:
    given, token = share(company["dee"])

    kept = str(Grant.objects.filter(pk=given.pk).values()) + str(AuditEntry.objects.values())

    assert len(token) >= 43
    assert token not in kept


def test_a_link_ends_to_the_moment(company: dict[str, User]) -> None:
    _, token = share(company["dee"], starts_at=MONDAY + timedelta(hours=1))

    assert opened(token, MONDAY) is None
    assert opened(token, MONDAY + timedelta(hours=1)) is not None
    assert opened(token, UNTIL - timedelta(microseconds=1)) is not None
    assert opened(token, UNTIL) is None


def test_a_revoked_link_shows_nothing_however_often_it_is_tried(company: dict[str, User]) -> None:
    given, token = share(company["dee"])
    grants.revoke(given.pk, actor=company["dee"], now=MONDAY)

    assert [opened(token, MONDAY + timedelta(minutes=n)) for n in range(16)] == [None] * 16
    # Tried by whoever once had it: written down once a quarter of an hour.
    assert AuditEntry.objects.filter(verb="grant_refused").count() == 2
    assert not AuditEntry.objects.filter(verb="open_grant").exists()


def test_a_forged_link_shows_nothing_and_leaves_nothing(company: dict[str, User]) -> None:
    given, token = share(company["dee"])
    before = AuditEntry.objects.count()

    for forged in ("", "x", token[:-1], token + "=", token.swapcase(), given.token_hash, "\ud800", "a" * 5000):
        assert opened(forged) is None
    assert AuditEntry.objects.count() == before


def test_a_link_of_somebody_who_left_shows_nothing(company: dict[str, User]) -> None:
    _, token = share(company["mia"])
    mia = company["mia"]

    services.change_access(
        mia, role="manager", team=mia.team, regions=[], active=False, actor=company["dee"], now=MONDAY
    )

    assert opened(token) is None


def test_a_link_shows_only_whom_its_giver_still_reaches(company: dict[str, User]) -> None:
    from tenure.desk.customers.services import assign_customer
    from tenure.desk.governance.api import scope_of
    from tenure.desk.governance.models import Team

    _, token = share(company["mia"])
    everyone, south = scope_of(company["dee"]), Team.objects.get(name="South")

    assign_customer(LI, owner=None, team=south, scope=everyone, actor=company["dee"], now=MONDAY)
    found = opened(token)
    assert found is not None
    assert found.person_ids == [WANG]

    assign_customer(WANG, owner=None, team=south, scope=everyone, actor=company["dee"], now=MONDAY)
    assert opened(token) is None


def test_a_link_shows_only_fields_its_giver_still_sees_in_clear(company: dict[str, User]) -> None:
    from dataclasses import replace

    from tenure.desk.governance import access

    _, token = share(company["mia"])
    role = access.roles()["manager"]

    services.save_role(replace(role, fields={"phone": "masked"}), actor=None, now=MONDAY)

    found = opened(token)
    assert found is not None
    assert found.fields == ["customer_id", "name"]


def test_a_link_of_somebody_who_may_no_longer_share_shows_nothing(company: dict[str, User]) -> None:
    _, token = share(company["mia"])

    services.drop_role("manager", actor=company["dee"], now=MONDAY)

    assert opened(token) is None


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"partner": "  "}, "which partner"),
        ({"fields": []}, "at least one field"),
        ({"person_ids": []}, "no customer to share"),
        ({"fields": ["name", "shoe_size"]}, "do not see shoe_size in clear"),
        ({"person_ids": [WANG, SMITH]}, "not within your reach"),
        ({"person_ids": [WANG, 999]}, "not within your reach"),
        ({"person_ids": range(20_001)}, "20,001 customers; a link shares up to 20,000"),
        ({"until": MONDAY}, "in the future"),
        ({"until": MONDAY - timedelta(days=1)}, "in the future"),
        ({"until": MONDAY + timedelta(days=367)}, "a year"),
        ({"starts_at": UNTIL + timedelta(days=1)}, "in the future"),
    ],
)
def test_what_cant_be_given_is_refused_with_the_reason(
    company: dict[str, User], changed: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(TenureError, match=complaint):
        share(company["mia"], **changed)
    assert not Grant.objects.exists()


def test_without_the_permission_nobody_shares(company: dict[str, User]) -> None:
    with pytest.raises(TenureError, match="does not share"):
        share(company["ann"], person_ids=[WANG])


def test_a_field_seen_in_part_is_not_given(company: dict[str, User]) -> None:
    from dataclasses import replace

    from tenure.desk.governance import access

    services.save_role(replace(access.roles()["manager"], fields={"phone": "masked"}), actor=None, now=MONDAY)

    with pytest.raises(TenureError, match="do not see phone in clear"):
        share(User.objects.get(username="mia"))


def test_only_the_own_grants_are_seen_and_revoked_but_by_who_reaches_everyone(company: dict[str, User]) -> None:
    given, token = share(company["dee"], person_ids=[CHEN])
    own, _ = share(company["mia"], person_ids=sorted(EAST))

    assert set(grants.visible_to(company["mia"])) == {own}
    assert set(grants.visible_to(company["dee"])) == {given, own}
    assert not grants.visible_to(company["ann"]).exists()
    with pytest.raises(Grant.DoesNotExist):
        grants.revoke(given.pk, actor=company["mia"], now=MONDAY)
    assert opened(token) is not None


def test_revoking_twice_is_revoking_once(company: dict[str, User]) -> None:
    given, _ = share(company["dee"])

    for minutes in (0, 5):
        grants.revoke(given.pk, actor=company["dee"], now=MONDAY + timedelta(minutes=minutes))

    assert Grant.objects.get().revoked_at == MONDAY
    assert AuditEntry.objects.filter(verb="revoke_grant").count() == 1
