"""Keys for programs: what is presented is held against what was made, and against what its owner is today."""

from datetime import datetime, timedelta

import pytest

from tenure.desk.governance import services
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.keys import authenticate, holder, make_key, revoke_key, visible_to
from tenure.desk.governance.models import AuditEntry, Key, User
from tenure.errors import TenureError
from tests.cast import MONDAY, TUESDAY

pytestmark = pytest.mark.django_db
SOON = MONDAY + timedelta(days=30)


def made(people: dict[str, User], owner: str = "dee", role: str = "analyst", **given: object) -> tuple[Key, str]:
    settings = {"expires_at": SOON, "name": "till", "actor": people[owner], "now": MONDAY, **given}
    return make_key(people[owner], role=role, **settings)  # type: ignore[arg-type]


def refusals() -> list[str]:
    return [entry.detail["why"] for entry in AuditEntry.objects.filter(verb="refuse_key").order_by("pk")]


def test_a_key_is_known_by_its_text_of_which_only_a_digest_is_kept(people: dict[str, User]) -> None:
    key, text = made(people)

    assert authenticate(text, MONDAY) == key
    kept = Key.objects.values().get()
    secret = text.split("_", 2)[2]
    assert len(secret) >= 43
    assert secret not in str(kept) + str(list(AuditEntry.objects.values_list("detail", flat=True)))
    assert AuditEntry.objects.get(verb="make_key").actor == people["dee"]


@pytest.mark.parametrize(
    "forge",
    [
        lambda text: "", lambda text: "tnr_", lambda text: "tnr__", lambda text: text[:-1], lambda text: text + "x",
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"), lambda text: text.upper(), lambda text: " " + text,
        lambda text: "tnr_" + "0" * 10 + text[14:], lambda text: text.replace("tnr", "sk"), lambda text: text + "\x00",
        lambda text: "钥" * 20, lambda text: "x" * 100_000, lambda text: text.rsplit("_", 1)[0] + "_' OR 1=1 --",
    ],
)  # fmt: skip
def test_a_forged_key_opens_nothing(people: dict[str, User], forge) -> None:  # type: ignore[no-untyped-def]
    _, text = made(people)

    assert authenticate(forge(text), MONDAY) is None
    assert refusals() in (["unknown"], ["forged"])


def test_the_digest_itself_is_no_key(people: dict[str, User]) -> None:
    key, _ = made(people)

    assert authenticate(f"tnr_{key.prefix}_{key.digest}", MONDAY) is None
    assert authenticate(key.digest, MONDAY) is None


def test_a_revoked_key_is_refused_when_replayed(people: dict[str, User]) -> None:
    key, text = made(people)
    authenticate(text, MONDAY)

    revoke_key(key.pk, actor=people["dee"], now=MONDAY)
    revoke_key(key.pk, actor=people["dee"], now=TUESDAY)

    assert authenticate(text, MONDAY) is None
    assert refusals() == ["revoked"]
    assert AuditEntry.objects.filter(verb="revoke_key").count() == 1
    assert Key.objects.get().revoked_at == MONDAY


def test_a_key_ends_at_its_instant(people: dict[str, User]) -> None:
    _, text = made(people)

    assert authenticate(text, SOON - timedelta(microseconds=1)) is not None
    assert authenticate(text, SOON) is None
    assert refusals() == ["expired"]


def test_a_key_of_a_closed_account_or_one_without_a_role_is_refused(people: dict[str, User]) -> None:
    _, text = made(people, "mia", "agent")
    User.objects.filter(pk=people["mia"].pk).update(is_active=False)
    assert authenticate(text, MONDAY) is None
    User.objects.filter(pk=people["mia"].pk).update(is_active=True, role="")
    assert authenticate(text, TUESDAY) is None
    User.objects.filter(pk=people["mia"].pk).update(role="manager")

    assert authenticate(text, TUESDAY) is not None
    assert refusals() == ["owner", "owner"]


def test_refusals_are_noted_once_a_minute_for_each_key_and_once_for_all_nobodys(people: dict[str, User]) -> None:
    key, text = made(people)
    revoke_key(key.pk, actor=None, now=MONDAY)

    for second in range(0, 100, 10):
        authenticate(text, MONDAY + timedelta(seconds=second))
        authenticate(f"tnr_{second:010}_x", MONDAY + timedelta(seconds=second))

    assert sorted(refusals()) == ["revoked", "revoked", "unknown", "unknown"]


def test_last_use_is_written_at_most_once_a_minute(people: dict[str, User]) -> None:
    _, text = made(people)

    def used(now: datetime) -> datetime | None:
        authenticate(text, now)
        return Key.objects.get().last_used_at

    assert used(MONDAY) == MONDAY
    assert used(MONDAY + timedelta(seconds=59)) == MONDAY
    assert used(MONDAY + timedelta(seconds=60)) == MONDAY + timedelta(seconds=60)


def test_a_key_may_at_most_what_its_owner_may(people: dict[str, User]) -> None:
    with pytest.raises(TenureError, match="may more than you"):
        made(people, "mia", "admin")
    with pytest.raises(TenureError, match="may more than you"):
        made(people, "ivy", "manager")
    with pytest.raises(TenureError, match='no role "king"'):
        made(people, "dee", "king")


def test_a_key_shrinks_with_its_owner(people: dict[str, User]) -> None:
    key, text = made(people, "dee", "admin")
    services.create_user("eve", password="correct-horse-battery", role="admin", actor=None, now=MONDAY)
    services.change_role(people["dee"], role="analyst", actor=User.objects.get(username="eve"), now=TUESDAY)

    found = authenticate(text, TUESDAY)
    assert found == key
    who = holder(found)

    assert who is not None
    assert not may(who, "users")
    assert may(who, "insight")
    assert scope_of(who).shows("phone") == "hidden"
    assert scope_of(who).reach == "all"


def test_a_narrow_key_of_a_mighty_owner_stays_narrow(people: dict[str, User]) -> None:
    _, text = made(people, "dee", "agent")

    who = holder(authenticate(text, MONDAY))  # type: ignore[arg-type]

    assert (scope_of(who).reach, scope_of(who).user_id) == ("own", people["dee"].pk)
    assert not may(who, "export")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "  "}, "Give the key a name"),
        ({"expires_at": MONDAY}, "up to a year"),
        ({"expires_at": MONDAY + timedelta(days=400)}, "up to a year"),
    ],
)
def test_a_key_needs_a_name_and_an_end_within_a_year(
    people: dict[str, User], given: dict[str, object], message: str
) -> None:
    with pytest.raises(TenureError, match=message):
        made(people, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("owner", ["old", "zed", "ann"])
def test_who_is_closed_or_may_have_no_keys_gets_none(people: dict[str, User], owner: str) -> None:
    with pytest.raises(TenureError, match="can't have keys"):
        make_key(people[owner], role="agent", expires_at=SOON, name="x", actor=people["dee"], now=MONDAY)


def test_one_sees_and_ends_the_own_keys_and_an_administrator_all(people: dict[str, User]) -> None:
    own, _ = made(people, "mia", "agent")
    other, _ = made(people, "dee", "agent")

    assert set(visible_to(people["mia"])) == {own}
    assert set(visible_to(people["dee"])) == {own, other}
    with pytest.raises(Key.DoesNotExist):
        revoke_key(other.pk, actor=people["mia"], now=MONDAY)
    with pytest.raises(TenureError, match="for oneself"):
        make_key(people["dee"], role="agent", expires_at=SOON, name="x", actor=people["mia"], now=MONDAY)
    revoke_key(own.pk, actor=people["dee"], now=MONDAY)
    assert Key.objects.get(pk=own.pk).revoked_at == MONDAY
