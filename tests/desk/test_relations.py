"""Who belongs to whom, as each asker may see it."""

from datetime import date
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenure.desk.customers import relations
from tenure.desk.customers.models import Customer, Relation
from tenure.desk.governance import audit
from tenure.desk.governance.api import note_merges, scope_of
from tenure.desk.governance.models import AuditEntry, User
from tenure.errors import TenureError
from tests.cast import CHEN, CUSTOMERS, LI, MONDAY, QUIET, SMITH, WANG, ZHANG

pytestmark = pytest.mark.django_db

TODAY = date(2026, 3, 2)


def say(who: User | None, one: int, other: int, side: str = "branch", **more: Any) -> Relation:
    return relations.relate(one, other, side, scope=scope_of(who), actor=who, now=MONDAY, **more)


def told(who: User, person: int) -> list[tuple[str, int]]:
    return [(str(line.words), line.other.pk) for line in relations.relations_of(scope_of(who), person, today=TODAY)]


def test_a_relation_reads_the_right_way_round_from_both_ends(company: dict[str, User]) -> None:
    mia = company["mia"]
    say(mia, WANG, LI, "branch")
    say(mia, LI, ZHANG, "decision_maker:back", note="Signs the contracts")

    assert told(mia, WANG) == [("Parent company", LI)]
    assert told(mia, LI) == [("Branch or subsidiary", WANG), ("Decision maker", ZHANG)]
    assert told(mia, ZHANG) == [("Decides for", LI)]
    entry = AuditEntry.objects.filter(verb="relate").latest("pk")
    assert "Signs" not in str(entry.detail)
    assert audit.opened(entry) == {"note": "Signs the contracts", "called": ""}


def test_a_relation_to_a_customer_out_of_reach_is_neither_shown_nor_counted(company: dict[str, User]) -> None:
    dee, mia = company["dee"], company["mia"]
    say(dee, WANG, SMITH, "branch")
    say(dee, LI, WANG, "branch")

    assert told(mia, WANG) == [("Branch or subsidiary", LI)]
    group = relations.group_of(scope_of(mia), LI, today=TODAY)
    assert group is not None
    assert (group.root.card.pk, group.members, group.spent_minor) == (WANG, 2, 30_000)
    whole = relations.group_of(scope_of(dee), LI, today=TODAY)
    assert whole is not None
    assert (whole.root.card.pk, whole.members, whole.high_risk, whole.spent_minor) == (SMITH, 3, 2, 70_000)
    assert whole.at_risk_minor == round(0.62 * 500_000) + round(0.08 * 90_000) + round(0.55 * 300_000)
    assert relations.group_of(scope_of(company["bo"]), SMITH, today=TODAY) is None


def test_two_branches_of_a_parent_out_of_reach_do_not_learn_of_each_other(company: dict[str, User]) -> None:
    say(company["dee"], WANG, SMITH, "branch")
    say(company["dee"], LI, SMITH, "branch")

    assert relations.group_of(scope_of(company["mia"]), WANG, today=TODAY) is None


def test_money_of_a_group_is_hidden_with_amounts(company: dict[str, User]) -> None:
    from dataclasses import replace

    say(company["dee"], WANG, LI, "branch")

    group = relations.group_of(replace(scope_of(company["dee"]), hidden=frozenset({"amounts"})), WANG, today=TODAY)

    assert group is not None
    assert (group.members, group.spent_minor, group.at_risk_minor) == (2, None, None)


def test_nobody_stands_above_themselves(company: dict[str, User]) -> None:
    dee = company["dee"]
    say(dee, WANG, LI)
    say(dee, LI, ZHANG)

    with pytest.raises(TenureError, match="circle"):
        say(dee, ZHANG, WANG)
    with pytest.raises(TenureError, match="already; end that one"):
        say(dee, WANG, SMITH)
    with pytest.raises(TenureError, match="same customer"):
        say(dee, WANG, WANG)
    with pytest.raises(TenureError, match="known already"):
        say(dee, WANG, LI)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=st.lists(st.tuples(st.sampled_from(list(CUSTOMERS)), st.sampled_from(list(CUSTOMERS))), max_size=12))
def test_whatever_is_said_the_tree_stays_a_tree(company: dict[str, User], pairs: list[tuple[int, int]]) -> None:
    Relation.objects.all().delete()
    for low, high in pairs:
        try:
            relations.relate(low, high, "branch", scope=scope_of(company["dee"]), actor=None, now=MONDAY)
        except TenureError:
            continue

    above = dict(Relation.objects.values_list("from_own", "to_own"))
    assert len(above) == Relation.objects.count(), "one parent each"
    for one in above:
        walked = [one]
        while walked[-1] in above:
            walked.append(above[walked[-1]])
            assert len(walked) <= len(CUSTOMERS)


def test_what_has_ended_is_told_as_past_and_makes_no_group(company: dict[str, User]) -> None:
    mia = company["mia"]
    say(mia, WANG, LI, since=date(2020, 1, 1), until=date(2025, 1, 1))

    (line,) = relations.relations_of(scope_of(mia), WANG, today=TODAY)

    assert not line.current
    assert relations.group_of(scope_of(mia), WANG, today=TODAY) is None
    with pytest.raises(TenureError, match="before it began"):
        say(mia, WANG, ZHANG, since=date(2025, 1, 1), until=date(2024, 1, 1))


def test_nobody_relates_a_customer_out_of_reach(company: dict[str, User]) -> None:
    with pytest.raises(Customer.DoesNotExist), transaction.atomic():
        say(company["mia"], WANG, SMITH)
    made = say(company["dee"], WANG, SMITH)

    with pytest.raises(Relation.DoesNotExist):
        relations.unrelate(made.pk, scope=scope_of(company["mia"]), actor=company["mia"], now=MONDAY)


def test_a_relation_goes_along_with_a_join_and_comes_back_when_they_part(company: dict[str, User]) -> None:
    dee = company["dee"]
    say(dee, LI, CHEN, "employee")
    say(dee, WANG, CHEN, "employee")
    say(dee, WANG, LI, "household")

    note_merges([(LI, WANG)])

    assert told(dee, WANG) == [("Employer", CHEN)], "said of both, told once; and nobody is their own household"
    assert told(dee, CHEN) == [("Employee", WANG)]
    note_merges([])
    assert told(dee, LI) == [("Employer", CHEN), ("Same household", WANG)]
    assert sorted(told(dee, CHEN)) == [("Employee", WANG), ("Employee", LI)]


def test_a_circle_that_a_join_closes_does_not_hang_the_page(company: dict[str, User]) -> None:
    dee = company["dee"]
    say(dee, WANG, LI)
    say(dee, LI, ZHANG)

    note_merges([(ZHANG, WANG)])

    group = relations.group_of(scope_of(dee), WANG, today=TODAY)
    assert group is not None
    assert group.members == 2


def test_an_erasure_takes_the_relations_of_both_ends_along(company: dict[str, User]) -> None:
    from tenure.desk.governance.holdings import HOLDINGS, Wanted

    say(company["dee"], WANG, LI)
    say(company["dee"], QUIET, CHEN)
    holding = HOLDINGS["relations"]
    assert [row["kind"] for row in holding.rows([LI])] == ["branch"]

    holding.let_go(Wanted((LI,)), MONDAY)

    assert holding.left(Wanted((LI,))) == 0
    assert Relation.objects.get().from_own == QUIET


def test_the_page_takes_a_number_and_the_api_tells_who_belongs_to_whom(company: dict[str, User]) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from tenure.desk.governance.keys import make_key

    client = Client()
    client.force_login(company["ann"])
    sent = {"number": "c-2", "side": "household", "since": "2024-05-01", "note": "Married"}
    assert client.post(f"/customers/{WANG}/relate/", sent)["Location"].startswith(f"/customers/{WANG}/")
    client.post(f"/customers/{WANG}/relate/", {"number": "C-4", "side": "household"})

    assert Relation.objects.count() == 1, "John Smith is not Ann's"
    page = client.get(f"/customers/{WANG}/").content.decode()
    assert "Same household" in page
    key = make_key(
        company["mia"], role="manager", expires_at=timezone.now() + timedelta(days=1), name="x", actor=None,
        now=timezone.now(),
    )[1]  # fmt: skip
    answer = Client().get(f"/api/v1/customers/{LI}/relations", headers={"Authorization": f"Bearer {key}"})
    (line,) = answer.json()
    assert (line["kind"], line["person_id"], line["since"], line["note"]) == (
        "household",
        WANG,
        "2024-05-01",
        "Married",
    )
    client.post(f"/customers/{WANG}/relations/{Relation.objects.get().pk}/drop/")
    assert not Relation.objects.exists()
