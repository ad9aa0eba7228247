"""Who may say who is who, of whom, and what becomes of it: verbs, queue and history."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from tenure.desk.customers import candidates, duplicates
from tenure.desk.customers.models import Customer, IdentityDecision
from tenure.desk.governance import audit
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import AuditEntry, ErasedPerson, SubjectRequest, User
from tenure.errors import TenureError
from tenure.lake import Lake
from tests.cast import CHEN, LI, MONDAY, QUIET, SMITH, TUESDAY, WANG, ZHANG
from tests.likely import fill_with_pairs

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def likely_home(filled_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read, never written, by these tests: what the verbs do to the lake follows the commit."""
    return fill_with_pairs(filled_home, tmp_path_factory.mktemp("likely") / "home")


@pytest.fixture
def lake(company: dict[str, User], likely_home: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setenv("TENURE_HOME", str(likely_home))
    return Lake(likely_home / "lake")


def say(verb: Any, who: User | None, *given: Any, lake: Lake, **more: Any) -> Any:
    return verb(*given, lake=lake, scope=scope_of(who), actor=who, now=MONDAY, **more)


def standing() -> set[tuple[int, int, str]]:
    return set(IdentityDecision.objects.standing().values_list("left_own", "right_own", "verdict"))


def test_a_join_is_one_row_one_audit_entry_and_waits_to_be_followed(company: dict[str, User], lake: Lake) -> None:
    deed = say(duplicates.join, company["mia"], LI, WANG, lake=lake, note="Same house, same voice")

    assert standing() == {(WANG, LI, "join")}
    entry = AuditEntry.objects.get(verb="join_customers")
    assert (entry.actor, entry.object_id, entry.detail["numbers"]) == (company["mia"], str(WANG), [WANG, LI])
    assert "voice" not in str(entry.detail)
    assert audit.opened(entry) == {"note": "Same house, same voice"}
    assert [row.deed for row in duplicates.pending()] == [deed]
    assert duplicates.as_table().to_pylist() == [
        {"left_ids_of": "shop", "left_customer_id": "C-1", "right_ids_of": "shop", "right_customer_id": "C-2",
         "verdict": "join", "at": MONDAY}
    ]  # fmt: skip


@pytest.mark.parametrize("verb", [duplicates.join, duplicates.keep_apart])
def test_nobody_decides_about_a_customer_out_of_reach(company: dict[str, User], lake: Lake, verb: Any) -> None:
    with pytest.raises(Customer.DoesNotExist), transaction.atomic():
        say(verb, company["mia"], WANG, SMITH, lake=lake)
    with pytest.raises(Customer.DoesNotExist), transaction.atomic():
        say(verb, company["mia"], WANG, 999, lake=lake)

    assert standing() == set()


def test_a_role_without_the_permission_decides_nothing(company: dict[str, User], lake: Lake) -> None:
    with pytest.raises(TenureError, match="does not decide"):
        say(duplicates.join, company["ann"], WANG, LI, lake=lake)


def test_the_newest_word_on_a_pair_counts_and_undoing_it_brings_the_older_back(
    company: dict[str, User], lake: Lake
) -> None:
    mia = company["mia"]
    say(duplicates.keep_apart, mia, WANG, LI, lake=lake)

    deed = say(duplicates.join, mia, WANG, LI, lake=lake)

    assert standing() == {(WANG, LI, "join")}
    assert duplicates.undo(deed, scope=scope_of(mia), actor=mia, now=TUESDAY) == [WANG, LI]
    assert standing() == {(WANG, LI, "apart")}
    with pytest.raises(TenureError, match="already"):
        duplicates.undo(deed, scope=scope_of(mia), actor=mia, now=TUESDAY)


def test_a_decision_that_something_newer_replaced_is_not_taken_back_beneath_it(
    company: dict[str, User], lake: Lake
) -> None:
    mia = company["mia"]
    first = say(duplicates.keep_apart, mia, WANG, LI, lake=lake)
    say(duplicates.join, mia, WANG, LI, lake=lake)

    with pytest.raises(TenureError, match="Take that one back first"):
        duplicates.undo(first, scope=scope_of(mia), actor=mia, now=TUESDAY)


def test_nobody_takes_back_what_speaks_of_a_customer_out_of_reach(company: dict[str, User], lake: Lake) -> None:
    deed = say(duplicates.join, company["dee"], WANG, SMITH, lake=lake)

    with pytest.raises(IdentityDecision.DoesNotExist):
        duplicates.undo(deed, scope=scope_of(company["mia"]), actor=company["mia"], now=TUESDAY)
    assert duplicates.history(scope_of(company["mia"]), [WANG]) == []
    (told,) = duplicates.history(scope_of(company["dee"]), [WANG])
    assert (told.kind, told.by, told.counts, told.settled) == ("join", company["dee"], True, False)


def test_many_joined_at_once_are_one_entry_with_a_digest_and_one_undo(company: dict[str, User], lake: Lake) -> None:
    dee = company["dee"]
    pairs = [(WANG, LI), (CHEN, QUIET)]

    deed, joined = say(duplicates.join_many, dee, pairs, lake=lake)

    assert joined == 2
    entry = AuditEntry.objects.get(verb="join_many")
    assert entry.detail["digest"] == audit.digest([WANG, LI, CHEN, QUIET])
    duplicates.undo(deed, scope=scope_of(dee), actor=dee, now=TUESDAY)
    assert standing() == set()


def test_many_are_joined_all_or_where_one_is_out_of_reach_none(company: dict[str, User], lake: Lake) -> None:
    with pytest.raises(Customer.DoesNotExist), transaction.atomic():
        say(duplicates.join_many, company["mia"], [(WANG, LI), (CHEN, QUIET)], lake=lake)

    assert standing() == set()


def test_who_is_erased_is_nobody_to_be_joined(company: dict[str, User], lake: Lake) -> None:
    request = SubjectRequest.objects.create(
        kind="erase", person_id=WANG, received_at=MONDAY, due_on=MONDAY.date(), note=""
    )
    ErasedPerson.objects.create(own_id=WANG, request=request)

    with pytest.raises(TenureError, match="erased"):
        say(duplicates.join, company["mia"], WANG, LI, lake=lake)


def test_the_last_number_of_a_person_is_not_taken_out(company: dict[str, User], lake: Lake) -> None:
    with pytest.raises(TenureError, match="leave at least one"):
        say(duplicates.unmerge, company["mia"], WANG, [WANG], lake=lake)


# The queue


def pairs_of(found: Iterable[candidates.Candidate]) -> list[tuple[int, int]]:
    return [one.pair for one in found]


def test_the_most_value_at_stake_is_asked_first_and_only_about_whom_one_reaches(
    company: dict[str, User], lake: Lake
) -> None:
    everything = candidates.candidates(lake, scope_of(company["dee"]))

    assert pairs_of(everything) == [(WANG, SMITH), (CHEN, QUIET), (WANG, LI), (LI, ZHANG)]
    assert [one.value_minor for one in everything] == [800_000, 700_000, 590_000, 330_000]
    assert pairs_of(candidates.candidates(lake, scope_of(company["mia"]))) == [(WANG, LI), (LI, ZHANG)]
    assert candidates.candidate(lake, scope_of(company["mia"]), WANG, SMITH) is None


def test_what_is_decided_is_asked_no_more_before_anything_followed_it(company: dict[str, User], lake: Lake) -> None:
    say(duplicates.keep_apart, company["mia"], WANG, LI, lake=lake)

    assert pairs_of(candidates.candidates(lake, scope_of(company["mia"]))) == [(LI, ZHANG)]


def test_evidence_from_a_hidden_field_is_in_no_word_sum_or_comparison(company: dict[str, User], lake: Lake) -> None:
    ivy = scope_of(company["ivy"])  # no phone, e-mail or birth date

    found = {one.pair: one for one in candidates.candidates(lake, ivy)}

    assert [str(one.words) for one in found[WANG, LI].why] == ["Different names"]
    assert found[WANG, LI].weight == -4.0
    assert found[WANG, SMITH].reasons == frozenset()
    assert found[CHEN, QUIET].weight == 6.0
    lines = [line.name for line in candidates.side_by_side(lake, ivy, WANG, LI)]
    assert "phone" not in lines
    assert "name" in lines


def test_a_masked_field_says_same_without_showing_the_value(company: dict[str, User], lake: Lake) -> None:
    from dataclasses import replace

    scope = replace(scope_of(company["dee"]), masked=frozenset({"phone"}))

    (phone,) = [line for line in candidates.side_by_side(lake, scope, WANG, LI) if line.name == "phone"]

    assert (phone.left, phone.right, phone.likeness) == (("138****1234",), ("138****1234",), "same")


@pytest.mark.parametrize(
    ("field", "ours", "theirs", "alike"),
    [
        ("phone", ["138 0013 8000"], ["+8613800138000"], "same"),
        ("name", ["John Smith"], ["Jon Smith"], "similar"),
        ("name", ["王小明"], ["李娜"], "different"),
        ("email", [], ["a@example.com"], "unknown"),
        ("region", ["浙江"], ["浙江省"], "different"),
    ],
)
def test_how_alike_two_values_are(field: str, ours: list[str], theirs: list[str], alike: str) -> None:
    assert candidates.likeness(field, ours, theirs) == alike


def test_an_erasure_takes_what_was_decided_about_the_person_along(company: dict[str, User], lake: Lake) -> None:
    from tenure.desk.governance.holdings import HOLDINGS, Wanted

    say(duplicates.join, company["dee"], WANG, LI, lake=lake)
    say(duplicates.join, company["dee"], CHEN, QUIET, lake=lake)
    holding = HOLDINGS["decisions"]
    assert holding.rows([WANG])[0]["customer_id"] == "C-1"

    holding.let_go(Wanted((WANG,)), TUESDAY)

    assert holding.left(Wanted((WANG,))) == 0
    assert standing() == {(CHEN, QUIET, "join")}
