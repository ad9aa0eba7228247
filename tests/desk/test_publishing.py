from typing import Any

import pyarrow as pa
import pytest

from tenure.desk.customers import publishing, services
from tenure.desk.customers.api import publish, shown
from tenure.desk.customers.events import CustomersPublished
from tenure.desk.customers.models import Customer, Score
from tenure.desk.customers.selectors import moves, scores, totals
from tenure.desk.events import _listeners, subscribe
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import AuditEntry, Team, User
from tenure.lake import SYSTEM
from tests.cast import CHEN, LI, MONDAY, QUIET, TUESDAY, WANG, ZHANG, cards

pytestmark = pytest.mark.django_db


def risks() -> dict[int, float | None]:
    return dict(scores(SYSTEM).values_list("customer_id", "churn_probability"))


def test_a_publish_shows_the_new_figures(company: dict[str, User]) -> None:
    publish(cards(churn_probability={LI: 0.9}), as_of=TUESDAY, now=TUESDAY)

    assert risks()[LI] == 0.9
    assert shown() is not None
    assert shown().as_of == TUESDAY  # type: ignore[union-attr]


@pytest.mark.parametrize("at", ["_write_customers", "_write_scores", "_flip"])
def test_a_publish_that_breaks_leaves_the_generation_before_and_the_next_clears_up(
    company: dict[str, User], monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    monkeypatch.setattr(publishing, "CHUNK", 2)
    calls = 0
    original = getattr(publishing, at)

    def breaking(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 2 or at == "_flip":
            raise OSError("killed")
        original(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(publishing, at, breaking)
        with pytest.raises(OSError, match="killed"):
            publish(cards(churn_probability={LI: 0.9}), as_of=TUESDAY, now=TUESDAY)

    assert risks()[LI] == 0.08
    assert shown().as_of == MONDAY  # type: ignore[union-attr]
    publish(cards(churn_probability={LI: 0.7}), as_of=TUESDAY, now=TUESDAY)
    assert risks()[LI] == 0.7
    assert Score.objects.count() == 2 * 6


def test_only_the_shown_generation_and_the_one_before_are_kept(company: dict[str, User]) -> None:
    for _ in range(3):
        last = publish(cards(), as_of=TUESDAY, now=TUESDAY)

    assert set(Score.objects.values_list("generation", flat=True)) == {last, last - 1}


def test_a_customer_assigned_on_the_desk_stays_where_it_was_put(company: dict[str, User]) -> None:
    south = Team.objects.get(name="South")
    services.assign_customer(WANG, owner=company["bo"], team=south, scope=SYSTEM, actor=company["dee"], now=TUESDAY)

    publish(cards(), as_of=TUESDAY, now=TUESDAY)

    customer = Customer.objects.get(pk=WANG)
    assert (customer.owner, customer.team) == (company["bo"], south)


def test_a_customer_the_records_move_goes_with_them(company: dict[str, User]) -> None:
    publish(cards(owner={LI: "bo"}, team={LI: "South"}), as_of=TUESDAY, now=TUESDAY)

    customer = Customer.objects.get(pk=LI)
    assert (customer.owner, customer.team) == (company["bo"], Team.objects.get(name="South"))


def test_an_unknown_team_is_made_and_an_unknown_owner_left_open(company: dict[str, User]) -> None:
    publish(cards(owner={LI: "nobody"}, team={LI: "North"}), as_of=TUESDAY, now=TUESDAY)

    customer = Customer.objects.get(pk=LI)
    assert customer.owner is None
    assert customer.team == Team.objects.get(name="North")


def test_a_person_no_longer_in_the_cards_is_no_longer_listed(company: dict[str, User]) -> None:
    publish(cards().filter(pa.compute.not_equal(cards()["person_id"], QUIET)), as_of=TUESDAY, now=TUESDAY)

    assert QUIET not in risks()


def test_an_empty_refresh_shows_nobody(company: dict[str, User]) -> None:
    publish(cards().slice(0, 0), as_of=TUESDAY, now=TUESDAY)

    assert risks() == {}


def test_text_longer_than_its_column_or_with_a_null_byte_is_published_cut(company: dict[str, User]) -> None:
    publish(cards(name={LI: "长" * 500 + "\x00"}, city={LI: "a\x00b"}), as_of=TUESDAY, now=TUESDAY)

    customer = Customer.objects.get(pk=LI)
    assert customer.name == "长" * 300
    assert customer.city == "ab"


def test_totals_stand_beside_the_refresh_before(company: dict[str, User]) -> None:
    publish(
        cards(churn_probability={LI: 0.9}, risk_band={LI: "high"}, stage={LI: "decline", CHEN: "decline", ZHANG: "left"}),
        as_of=TUESDAY, now=TUESDAY,
    )  # fmt: skip
    publication = publishing.Publication.current()
    assert publication is not None

    found = totals(SYSTEM, publication)

    assert (found.customers, found.high_risk, found.high_risk_before, found.newly_high) == (6, 3, 2, 1)
    assert found.value_at_risk_minor == 310_000 + 81_000 + 74_400 + 165_000 + 35_000
    assert moves(SYSTEM, publication) == [("mature", "decline", 2), ("mature", "left", 1)]
    assert moves(scope_of(company["bo"]), publication) == [("mature", "decline", 1)]


@pytest.mark.django_db(transaction=True)
def test_a_publish_is_audited_and_announced_once_it_is_committed(people: dict[str, User]) -> None:
    heard: list[CustomersPublished] = []
    subscribe(CustomersPublished, heard.append)

    try:
        generation = publish(cards(), as_of=MONDAY, now=MONDAY)
    finally:
        _listeners[CustomersPublished].remove(heard.append)

    assert heard == [CustomersPublished(generation, 6)]
    assert AuditEntry.objects.get(verb="publish").object_id == str(generation)


def test_progress_reaches_the_number_of_rows(people: dict[str, User], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "CHUNK", 4)
    told: list[tuple[int, int]] = []

    publish(cards(), as_of=MONDAY, now=MONDAY, progress=lambda done, total: told.append((done, total)))

    assert told == [(4, 6), (6, 6)]
