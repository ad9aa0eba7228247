"""Joined and parted: what people decide shows at once, survives every refresh, and leaves no trace when it is undone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenure.desk.customers import duplicates
from tenure.desk.customers.models import Customer, IdentityDecision, Publication, Score
from tenure.desk.governance.consents import allows, current, record_consent
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.lake import SYSTEM
from tenure.lake.stored import PRECEDENCE
from tenure.pipeline import cards, clock, decisions, persons, records, segments
from tenure.pipeline.run import Context, Watcher, run
from tests.pipeline.conftest import CLOCK, Shop

pytestmark = pytest.mark.django_db

START = datetime(2026, 1, 1, 4, tzinfo=UTC)
NAMES = ("王小明", "小明王", "李娜", "张伟", "陈静")


@dataclass
class Town:
    """Five customer numbers of one shop, each with an order; nothing in the records joins any two."""

    shop: Shop
    orders: int = 0

    @property
    def lake(self) -> Any:
        return self.shop.lake

    def refresh(self) -> None:
        lake = self.lake
        moment = clock.start_of(CLOCK.date(), self.shop.here.zone_info)
        with lake.writing("tenure refresh"):
            persons.settle_held(self.shop.here, lake, now=CLOCK)
            decisions.tell_decisions(lake)
            run(
                (*records.STEPS, segments.STEPS[0], *cards.STEPS),
                Context(lake, self.shop.here, moment, CLOCK),
                Watcher(),
            )

    def settle(self) -> persons.Settled:
        return persons.settle(self.shop.here, self.lake, now=CLOCK)

    def buys(self, number: int, cents: int = 100) -> None:
        self.orders += 1
        self.shop.receive(orders=[
            {"order_id": f"A-{self.orders}", "line_no": 1, "customer_id": f"C-{number}", "amount_minor": cents,
             "ordered_at": START + timedelta(days=self.orders), "quantity": 1.0, "kind": "sale", "currency": "CNY"}
        ])  # fmt: skip

    def rows(self, table: str) -> list[dict[str, Any]]:
        lake = self.lake
        return list(lake.to_arrow(lake.read(table, actor=SYSTEM)).to_pylist())

    def whose(self) -> dict[str, int]:
        return {row["customer_id"]: row["person_id"] for row in self.rows("identity/links")}

    def state(self) -> dict[str, Any]:
        """Everything that should depend on the decisions that count, and on nothing before them."""
        facts = ("customer_id", "also_known_as", "name", "frequency", "monetary_base_minor", "last_order_on")
        shown = Publication.current()
        assert shown is not None
        desk = {
            score.customer_id: (
                score.frequency,
                score.monetary_base_minor,
                score.customer.name,
                score.customer.customer_id,
            )
            for score in Score.objects.filter(generation=shown.generation).select_related("customer")
        }
        return {
            "links": self.whose(),
            "orders": {row["order_id"]: row["person_id"] for row in self.rows("records/orders")},
            "customers": {row["customer_id"]: row["person_id"] for row in self.rows("records/customers")},
            "cards": {row["person_id"]: [row[name] for name in facts] for row in self.rows("scores/customers")},
            "desk": desk,
            "merged": {own: current(own) for own in range(1, len(NAMES) + 1)},
            "counted": shown.rows,
        }


@pytest.fixture
def town(new_shop: Callable[[], Shop]) -> Town:
    return fresh(new_shop)


def fresh(new_shop: Callable[[], Shop]) -> Town:
    for model in (IdentityDecision, Score, Customer, Publication):
        model.objects.all()._raw_delete(using=model.objects.db)
    made = Town(new_shop())
    made.shop.receive(
        customers=[
            {"customer_id": f"C-{n}", "name": name, "phone": f"1380013800{n}", "updated_at": START}
            for n, name in enumerate(NAMES, start=1)
        ]
    )
    for number in range(1, len(NAMES) + 1):
        made.buys(number, 100 * number)
    made.refresh()
    return made


ticks = count()


def soon() -> datetime:
    """A moment after every one before: of two decisions that can't both hold, the newer counts."""
    return CLOCK + timedelta(seconds=next(ticks))


def join(town: Town, left: int, right: int) -> str:
    return duplicates.join(left, right, lake=town.lake, scope=SYSTEM, actor=None, now=soon())


def take_out(town: Town, person: int, *own: int) -> str:
    return duplicates.unmerge(person, own, lake=town.lake, scope=SYSTEM, actor=None, now=soon())


def test_a_join_shows_at_once_and_a_refresh_changes_nothing_of_it(town: Town) -> None:
    join(town, 1, 2)

    done = town.settle()

    assert done.persons == (1, 2)
    now = town.state()
    assert now["links"] == {"C-1": 1, "C-2": 1, "C-3": 3, "C-4": 4, "C-5": 5}
    assert now["desk"][1] == (2, 300, "王小明", "C-1")
    assert 2 not in now["desk"]
    town.refresh()
    assert town.state() == now


def test_an_unmerge_gives_both_back_what_each_brought_and_later_records_go_to_the_right_one(town: Town) -> None:
    before = town.state()
    join(town, 1, 2)
    town.settle()

    take_out(town, 1, 2)
    town.settle()

    assert town.state() == before
    town.buys(2, 5_000)
    town.refresh()
    assert {row["person_id"]: row["monetary_base_minor"] for row in town.rows("scores/customers")}[2] == 5_200
    assert town.whose()["C-2"] == 2


def test_never_join_outlives_what_the_records_say(town: Town) -> None:
    # The same phone and name: by itself a rule would join the two.
    town.shop.receive(customers=[
        {"customer_id": "C-2", "name": "王小明", "phone": "13800138001", "updated_at": START + timedelta(days=1)}
    ])  # fmt: skip
    town.refresh()
    assert town.whose()["C-2"] == 1
    deed = take_out(town, 1, 2)

    town.refresh()

    assert town.whose()["C-2"] == 2
    (told,) = duplicates.history(SYSTEM, [2])
    assert (told.kind, told.counts, told.settled) == ("unmerge", True, True)
    duplicates.undo(deed, scope=SYSTEM, actor=None, now=CLOCK)
    town.settle()
    assert town.whose()["C-2"] == 1


def test_two_kept_apart_are_not_joined_by_way_of_a_third(town: Town) -> None:
    duplicates.keep_apart(1, 2, lake=town.lake, scope=SYSTEM, actor=None, now=soon())
    join(town, 1, 3)
    join(town, 2, 3)

    town.settle()

    whose = town.whose()
    assert whose["C-1"] != whose["C-2"]
    assert whose["C-3"] == whose["C-2"], "of two that can't both hold, the newer one does"


def test_what_was_decided_before_an_import_is_undone_holds_when_it_comes_again(town: Town) -> None:
    join(town, 1, 2)
    town.refresh()
    lake = town.lake
    batch = next(info for info in lake.batches("customers"))
    lake.undo(batch.batch, now=CLOCK)
    town.refresh()
    assert town.whose()["C-2"] == 1

    town.shop.receive(customers=[{"customer_id": "C-2", "name": "小明王", "updated_at": START + timedelta(days=9)}])
    town.refresh()

    assert town.whose()["C-2"] == 1


def test_a_no_said_while_two_were_one_holds_for_both_once_they_part(town: Town) -> None:
    join(town, 1, 2)
    town.settle()
    record_consent(
        2, purpose="marketing", channel="sms", state="withdrawn", evidence="", source="desk", actor=None,
        now=CLOCK + timedelta(hours=1),
    )  # fmt: skip
    later = CLOCK + timedelta(hours=2)

    duplicates.unmerge(1, [2], lake=town.lake, scope=SYSTEM, actor=None, now=later)
    town.settle()

    assert not allows(1, "marketing", "sms", later).allowed
    assert [entry.state for entry in _said(2)] == ["withdrawn"]


def _said(person: int) -> list[Any]:
    from tenure.desk.governance.models import ConsentEntry

    return list(ConsentEntry.objects.of(person))


def test_whoever_holds_a_customer_holds_it_again_after_it_was_joined_and_parted(town: Town) -> None:
    ann = User.objects.create_user(f"ann{town.orders}", password="x", role="agent")
    Customer.objects.filter(pk=2).update(owner=ann, assigned_here=True)
    join(town, 1, 2)
    town.refresh()

    take_out(town, 1, 2)
    town.settle()

    assert Customer.objects.get(pk=2).owner == ann
    assert Customer.objects.get(pk=1).owner is None


def test_a_decision_made_while_the_lake_is_taken_is_followed_by_the_next_settling(town: Town) -> None:
    with town.lake.writing("tenure refresh"):
        join(town, 1, 2)
        with pytest.raises(TenureError, match="being written"):
            town.settle()

    assert len(duplicates.pending()) == 1
    town.settle()
    assert duplicates.pending() == []
    assert town.whose()["C-2"] == 1


def test_of_two_numbers_that_became_one_the_source_named_first_says_what_the_card_shows(town: Town) -> None:
    lake = town.lake
    schema = pa.schema([("customer_id", pa.string()), ("name", pa.string()), ("row", pa.int64())])
    with lake.receiving("customers", source="crm", columns=["customer_id", "name"], now=CLOCK) as batch:
        batch.append(pa.Table.from_pylist([{"customer_id": "K-1", "name": "王晓明", "row": 1}], schema=schema))
    town.refresh()
    join(town, 1, 6)
    lake.publish_document(PRECEDENCE, {"customers": {"name": ["crm"]}})

    town.refresh()

    assert {row["person_id"]: row["name"] for row in town.rows("scores/customers")}[1] == "王晓明"


NUMBER = st.integers(1, len(NAMES))
STEP = st.one_of(
    st.tuples(st.just("join"), NUMBER, NUMBER),
    st.tuples(st.just("apart"), NUMBER, NUMBER),
    st.tuples(st.just("out"), NUMBER, NUMBER),
    st.tuples(st.just("undo"), NUMBER, NUMBER),
    st.tuples(st.just("buy"), NUMBER, NUMBER),
)


def _do(town: Town, step: tuple[str, int, int]) -> None:
    what, a, b = step
    try:
        if what == "join":
            join(town, a, b)
        elif what == "apart":
            duplicates.keep_apart(a, b, lake=town.lake, scope=SYSTEM, actor=None, now=soon())
        elif what == "out":
            take_out(town, town.whose()[f"C-{a}"], a)
        elif what == "undo":
            rows = list(IdentityDecision.objects.standing())
            if rows:
                duplicates.undo(rows[(a * b) % len(rows)].deed, scope=SYSTEM, actor=None, now=CLOCK)
        else:
            town.buys(a, 10 * b)
    except (TenureError, Customer.DoesNotExist):
        return


def _ends_as_if_from_the_start(new_shop: Callable[[], Shop], steps: list[tuple[str, int, int]], every: int) -> None:
    town = fresh(new_shop)
    for place, step in enumerate(steps):
        _do(town, step)
        if place % every == 0:
            town.settle()
    town.settle()
    at_once = town.state()
    town.refresh()
    after = town.state()
    # Orders that came since count on the cards from the refresh on; who is who does not wait for it.
    assert at_once["links"] == after["links"]
    if not any(step[0] == "buy" for step in steps):
        assert at_once == after

    final = list(IdentityDecision.objects.standing().order_by("pk"))
    bought = list(town.rows("records/orders"))
    again = fresh(new_shop)
    for row in final:
        row.pk = None
        row.settled_at = None
    IdentityDecision.objects.bulk_create(final)
    for row in sorted(bought, key=lambda row: int(row["order_id"][2:]))[len(NAMES) :]:
        again.buys(int(row["customer_id"][2:]), row["amount_minor"])
    again.refresh()
    assert again.state() == after


PROPERTY = settings(
    max_examples=2, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


@PROPERTY
@given(steps=st.lists(STEP, min_size=3, max_size=6), every=st.integers(1, 3))
def test_any_sequence_ends_as_if_the_final_decisions_had_been_there_from_the_start(
    new_shop: Callable[[], Shop], steps: list[tuple[str, int, int]], every: int
) -> None:
    _ends_as_if_from_the_start(new_shop, steps, every)


@pytest.mark.soak
@settings(PROPERTY, max_examples=150)
@given(steps=st.lists(STEP, min_size=3, max_size=14), every=st.integers(1, 4))
def test_any_long_sequence_ends_so_too(
    new_shop: Callable[[], Shop], steps: list[tuple[str, int, int]], every: int
) -> None:
    _ends_as_if_from_the_start(new_shop, steps, every)
