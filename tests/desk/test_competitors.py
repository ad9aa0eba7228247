"""The register of competitors: who may keep it, what counts as a loss and for whom, and what records suggest."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from tenure.contracts import CONTRACTS
from tenure.desk.competitors import selectors, services
from tenure.desk.competitors.models import Competitor, Loss, Move
from tenure.desk.competitors.services import Told
from tenure.desk.customers.models import Customer
from tenure.desk.governance import audit
from tenure.desk.governance.access import role_named
from tenure.desk.governance.api import note_merges, scope_of
from tenure.desk.governance.holdings import HOLDINGS, Wanted
from tenure.desk.governance.models import AuditEntry, User
from tenure.desk.governance.services import save_role
from tenure.desk.lake import lake
from tenure.errors import TenureError
from tests.cast import CUSTOMERS, LI, MONDAY, SMITH, WANG, ZHANG

pytestmark = pytest.mark.django_db
LEFT = date(2026, 2, 20)


@pytest.fixture
def whale(company: dict[str, User]) -> Competitor:
    told = Told(
        "Whale Telecom", ["白鲸电信", "those who serve"], offers="Fibre", prices="99 a month", website="whale.example"
    )
    return services.save(told, actor=company["dee"], now=MONDAY)


@pytest.fixture
def ended(company: dict[str, User]) -> Iterator[None]:
    """Contracts that ended, each with what was said; one names the competitor, one names another word with it inside."""
    schema = lake().schema("records/subscriptions")
    blank = dict.fromkeys(schema.names)
    said = {
        WANG: "去了白鲸电信，便宜",
        LI: "Moved to WHALE TELECOM",
        ZHANG: "Whaletelecoms are mammals",
        SMITH: "whale telecom!",
    }
    rows = [
        blank | {"subscription_id": f"S-{p}", "person_id": p, "customer_id": f"C-{p}", "source": "shop", "end_reason": text,
                 "started_at": datetime(2025, 1, 1, tzinfo=UTC), "ended_at": datetime(2026, 2, 20, 4, tzinfo=UTC)}
        for p, text in said.items()
    ]  # fmt: skip
    before = lake().schema("records/subscriptions")
    lake().publish("records/subscriptions", pa.Table.from_pylist(rows, schema=schema))
    yield
    lake().publish("records/subscriptions", before.empty_table())


def lost(who: User, person: int, row: Competitor, **more: Any) -> Loss:
    return services.decide_loss(
        row.pk, person, LEFT, **({"left": True} | more), scope=scope_of(who), actor=who, now=MONDAY
    )


def suggested(who: User) -> list[tuple[int, str]]:
    return [(one.person_id, one.found_in) for one in selectors.suggestions(scope_of(who), lake())]


def test_a_loss_counts_for_those_who_reach_the_customer_with_money_for_who_sees_amounts(
    company: dict[str, User], whale: Competitor
) -> None:
    mia, dee = company["mia"], company["dee"]
    lost(mia, WANG, whale, note="Told Ann on the phone")
    lost(dee, SMITH, whale)

    (mine,) = selectors.losses(scope_of(mia))
    assert (mine.person_id, mine.region, mine.spent_minor, mine.note) == (WANG, "浙江", 10_000, "Told Ann on the phone")
    assert {one.person_id for one in selectors.losses(scope_of(dee))} == {WANG, SMITH}
    save_role(replace(role_named("manager"), fields={"amounts": "hidden", "text": "hidden"}), actor=None, now=MONDAY)
    (bare,) = selectors.losses(scope_of(User.objects.get(username="mia")))
    assert (bare.spent_minor, bare.tier, bare.note) == (None, "", "")


def test_what_was_noted_of_a_loss_is_sealed_in_the_desk_and_in_the_trail(
    company: dict[str, User], whale: Competitor
) -> None:
    loss = lost(company["mia"], WANG, whale, note="Told Ann on the phone")

    assert "Ann" not in loss.note
    entry = AuditEntry.objects.get(verb="confirm_loss")
    assert "Ann" not in str(entry.detail)
    assert audit.opened(entry) == {"note": "Told Ann on the phone"}


def test_a_customer_out_of_reach_can_not_be_said_to_have_left_nor_taken_back(
    company: dict[str, User], whale: Competitor
) -> None:
    loss = lost(company["dee"], SMITH, whale)

    with pytest.raises(Customer.DoesNotExist):
        lost(company["mia"], SMITH, whale)
    with pytest.raises(Loss.DoesNotExist):
        services.withdraw_loss(loss.pk, scope=scope_of(company["mia"]), actor=company["mia"], now=MONDAY)
    assert Loss.objects.count() == 1


def test_a_loss_taken_from_a_call_is_kept_from_who_may_not_see_calls_and_masked_names_stay_masked(
    company: dict[str, User], whale: Competitor
) -> None:
    loss = lost(company["dee"], WANG, whale, found_in="interactions")
    lost(company["dee"], LI, whale)
    mia = company["mia"]
    deaf = replace(scope_of(mia), objects=(("interactions", "none"),), masked=frozenset({"name"}))

    (seen,) = selectors.losses(deaf)

    assert seen.person_id == LI
    assert seen.name != CUSTOMERS[LI][0]
    with pytest.raises(Loss.DoesNotExist):
        services.withdraw_loss(loss.pk, scope=deaf, actor=mia, now=MONDAY)
    services.withdraw_loss(loss.pk, scope=scope_of(mia), actor=mia, now=MONDAY)


def test_only_who_keeps_the_register_changes_it(company: dict[str, User], whale: Competitor) -> None:
    ann = company["ann"]
    move = services.note_move(whale.pk, LEFT, "offer", "Half price", actor=company["mia"], now=MONDAY)

    for deed in (
        lambda: services.save(Told("Other"), actor=ann, now=MONDAY),
        lambda: services.put_away(whale.pk, actor=ann, now=MONDAY),
        lambda: services.note_move(whale.pk, LEFT, "offer", "x", actor=ann, now=MONDAY),
        lambda: services.strike_move(move.pk, actor=ann, now=MONDAY),
        lambda: lost(ann, WANG, whale),
    ):
        with pytest.raises(TenureError, match="does not keep the register"):
            deed()
    assert (Competitor.objects.count(), Move.objects.count(), Loss.objects.count()) == (1, 1, 0)


def test_two_competitors_never_share_a_name(company: dict[str, User], whale: Competitor) -> None:
    with pytest.raises(TenureError, match='"whale telecom" is what Whale Telecom is called already'):
        services.save(Told("Fox", ["whale telecom"]), actor=None, now=MONDAY)
    with pytest.raises(TenureError, match="too short"):
        services.save(Told("Fox", ["a"]), actor=None, now=MONDAY)
    with pytest.raises(TenureError, match="a name of up to 80"):
        services.save(Told("  "), actor=None, now=MONDAY)
    again = services.save(
        Told("Whale", ["白鲸电信", "whale", "白鲸电信"]), competitor_id=whale.pk, actor=None, now=MONDAY
    )
    assert (again.pk, again.called) == (whale.pk, ["Whale", "白鲸电信"])


def test_a_move_has_a_day_a_kind_words_and_who_noticed_it(company: dict[str, User], whale: Competitor) -> None:
    mia = company["mia"]

    move = services.note_move(
        whale.pk,
        LEFT,
        "price",
        " Half price for a year ",
        source="Poster",
        aims_at=["region:浙江"],
        actor=mia,
        now=MONDAY,
    )

    assert (move.title, move.noticed_by, move.aims_at) == ("Half price for a year", mia, ["region:浙江"])
    for kind, title, on, said in (
        ("war", "x", LEFT, 'no kind "war"'), ("offer", " ", LEFT, "Say what they did"), ("offer", "x", date(2029, 1, 1), "no day"),
    ):  # fmt: skip
        with pytest.raises(TenureError, match=said):
            services.note_move(whale.pk, on, kind, title, actor=mia, now=MONDAY)


def test_records_that_name_a_competitor_are_suggested_as_far_as_the_reader_sees_them(
    company: dict[str, User], whale: Competitor, ended: None
) -> None:
    everything = suggested(company["dee"])

    # Whole words in Latin letters, any place in Chinese, whatever the case; complaints and notes of calls too.
    assert {person for person, found_in in everything if found_in == "subscriptions"} == {WANG, LI, SMITH}
    assert {found_in for person, found_in in everything if person == WANG} == {"subscriptions", "cases", "interactions"}
    assert {person for person, _ in suggested(company["mia"])} == {WANG, LI}
    # Who may not read what customers wrote is told of none of it.
    assert {found_in for _, found_in in suggested(company["ivy"])} == {"subscriptions"}


def test_what_was_decided_is_not_suggested_again_until_it_is_taken_back(
    company: dict[str, User], whale: Competitor, ended: None
) -> None:
    mia = company["mia"]
    for one in selectors.suggestions(scope_of(mia), lake()):
        lost(mia, one.person_id, whale, left=one.person_id == WANG, found_in=one.found_in, record=one.record)

    assert suggested(mia) == []
    # Three records of one customer are one loss.
    assert [one.person_id for one in selectors.losses(scope_of(mia))] == [WANG]
    loss = Loss.objects.get(own_id=LI)
    services.withdraw_loss(loss.pk, scope=scope_of(mia), actor=mia, now=MONDAY)
    assert suggested(mia) == [(LI, "subscriptions")]


def test_a_competitor_put_away_is_neither_counted_nor_looked_for(
    company: dict[str, User], whale: Competitor, ended: None
) -> None:
    dee = company["dee"]
    lost(dee, WANG, whale)
    services.put_away(whale.pk, actor=dee, now=MONDAY)

    assert selectors.losses(scope_of(dee)) == []
    assert suggested(dee) == []
    services.put_away(whale.pk, away=False, actor=dee, now=MONDAY)
    assert len(selectors.losses(scope_of(dee))) == 1


def test_a_loss_goes_along_when_two_customers_become_one(company: dict[str, User], whale: Competitor) -> None:
    dee = company["dee"]
    lost(dee, WANG, whale)
    lost(dee, LI, whale)
    note_merges([(LI, WANG)])

    assert [one.person_id for one in selectors.losses(scope_of(dee))] == [WANG]


def test_erasing_a_person_takes_their_losses_and_their_name_out_of_notes(
    company: dict[str, User], whale: Competitor
) -> None:
    dee = company["dee"]
    lost(dee, WANG, whale, note="x")
    services.note_move(whale.pk, LEFT, "offer", "Called 王小明 with an offer", actor=dee, now=MONDAY)
    wanted = Wanted((WANG,), values={"name": ("王小明",)})
    holdings = [HOLDINGS["competitor_losses"], HOLDINGS["competitor_texts"]]

    assert [one.left(wanted) for one in holdings] == [1, 1]
    (row,) = HOLDINGS["competitor_losses"].rows([WANG])
    assert (row["competitor"], row["note"]) == ("Whale Telecom", "x")
    for one in holdings:
        one.let_go(wanted, MONDAY)
    assert [one.left(wanted) for one in holdings] == [0, 0]
    assert Move.objects.get().title == "Called … with an offer"


def test_names_are_looked_for_as_they_are_written_whatever_signs_they_hold() -> None:
    found = re.compile(selectors.pattern(["A+B (Net)", "C&C", "星.云"]), re.IGNORECASE)

    for text in ("went to a+b (net)", "C&C.", "去星.云了"):
        assert found.search(text)
    for text in ("aab net", "xC&C", "ABC&CD", "星云"):
        assert not found.search(text)


def test_every_contract_a_name_is_looked_for_in_has_the_columns_it_is_looked_for_by() -> None:
    for contract, columns in selectors.NAMES_IT.items():
        assert all(name in CONTRACTS[contract] for name in columns)
    assert set(selectors.NAMES_IT) | {"said"} == set(services.SOURCES)
