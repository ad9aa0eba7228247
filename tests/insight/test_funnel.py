import random
from datetime import UTC, datetime, timedelta

import ibis
import pytest

from tenure.insight.funnel import funnel, occurrences, progress
from tenure.insight.metrics import Period
from tests.tables import records

MARCH = Period.month(2026, 3)
LATER = datetime(2026, 6, 1, tzinfo=UTC)


def steps(rows):
    """view, basket and order of each person, by (person, what, when)."""
    events = records("events", [{"person_id": p, "name": name, "occurred_at": at} for p, name, at in rows])
    return [occurrences(events, "occurred_at", {"name": (name,)}) for name in ("view", "basket", "order")]


def far(rows, within=7, as_of=LATER):
    found = progress(steps(rows), MARCH, within_days=within, as_of=as_of).to_pyarrow().to_pylist()
    return {row["person_id"]: (row["reached"], row["under_way"]) for row in found}


def test_seen_then_basket_then_order_and_where_the_others_stop():
    rows = [
        (1, "view", "2026-03-02T10:00"), (1, "basket", "2026-03-02T10:05"), (1, "order", "2026-03-03T09:00"),
        (2, "view", "2026-03-05T10:00"), (2, "basket", "2026-03-06T10:00"),
        (3, "view", "2026-03-07T10:00"), (3, "order", "2026-03-07T11:00"),  # no basket between
        (4, "basket", "2026-03-02T10:00"), (4, "order", "2026-03-02T11:00"),  # never seen
    ]  # fmt: skip

    found = funnel(steps(rows), MARCH, within_days=7, as_of=LATER).to_pylist()

    assert far(rows) == {1: (3, False), 2: (2, False), 3: (1, False)}
    assert [(r["reached"], r["went_on"], r["stopped"], r["under_way"]) for r in found] == [
        (3, 2, 1, 0), (2, 1, 1, 0), (1, 1, 0, 0),
    ]  # fmt: skip


def test_steps_follow_one_another_strictly_in_time():
    assert far([(1, "view", "2026-03-02T10:00"), (1, "basket", "2026-03-02T10:00")])[1] == (1, False)
    assert far([(1, "basket", "2026-03-02T09:00"), (1, "view", "2026-03-02T10:00")])[1] == (1, False)


def test_the_last_step_is_in_time_of_the_first():
    rows = [(1, "view", "2026-03-02T10:00"), (1, "basket", "2026-03-08T10:00"), (1, "order", "2026-03-09T10:00")]

    assert far(rows)[1] == (3, False)
    assert far([*rows[:2], (1, "order", "2026-03-09T10:01")])[1] == (2, False)


def test_who_starts_twice_counts_once_by_the_start_that_led_furthest():
    rows = [
        (1, "view", "2026-03-01T10:00"), (1, "basket", "2026-03-01T11:00"),
        (1, "view", "2026-03-20T10:00"), (1, "basket", "2026-03-20T11:00"), (1, "order", "2026-03-20T12:00"),
        (2, "view", "2026-03-10T10:00"), (2, "basket", "2026-03-10T11:00"), (2, "order", "2026-03-11T12:00"),
        (2, "view", "2026-03-25T10:00"),
    ]  # fmt: skip

    assert far(rows) == {1: (3, False), 2: (3, False)}


def test_an_early_basket_serves_no_later_view():
    rows = [(1, "view", "2026-03-01T10:00"), (1, "basket", "2026-03-02T10:00"), (1, "view", "2026-03-09T10:00"),
            (1, "order", "2026-03-09T11:00")]  # fmt: skip

    assert far(rows)[1] == (2, False)  # from the view of the 9th no basket; from that of the 1st the order is too late


def test_whose_days_are_not_over_is_under_way_and_has_not_stopped():
    rows = [(1, "view", "2026-03-30T10:00"), (2, "view", "2026-03-20T10:00"), (3, "view", "2026-03-30T10:00"),
            (3, "basket", "2026-03-30T11:00"), (3, "order", "2026-04-03T11:00")]  # fmt: skip
    now = datetime(2026, 4, 1, tzinfo=UTC)

    found = funnel(steps(rows), MARCH, within_days=7, as_of=now).to_pylist()

    assert far(rows, as_of=now) == {1: (1, True), 2: (1, False), 3: (2, True)}  # the order of April 3 is not known yet
    assert [(r["reached"], r["went_on"], r["stopped"], r["under_way"]) for r in found] == [
        (3, 1, 1, 1), (1, 0, 0, 1), (0, 0, 0, 0),
    ]  # fmt: skip


def test_the_first_step_lies_in_the_period_and_the_others_may_lie_after_it():
    rows = [(1, "view", "2026-03-31T23:00"), (1, "basket", "2026-04-01T10:00"), (2, "view", "2026-02-28T23:00"),
            (2, "basket", "2026-03-01T10:00"), (3, "view", "2026-04-01T00:00")]  # fmt: skip

    assert far(rows) == {1: (2, False)}


def test_parts_add_up_to_the_whole():
    rows = [(1, "view", "2026-03-02T10:00"), (1, "basket", "2026-03-02T10:05"), (2, "view", "2026-03-02T10:00"),
            (3, "view", "2026-03-02T10:00")]  # fmt: skip
    who = ibis.memtable({"person_id": [1, 2], "segment": ["gold", "tin"]})

    found = funnel(steps(rows), MARCH, within_days=7, as_of=LATER, segment=who).to_pylist()

    assert {(r["segment"], r["step"]): r["reached"] for r in found if r["step"] < 3} == {
        ("gold", 1): 1, ("gold", 2): 1, ("tin", 1): 1, ("tin", 2): 0, (None, 1): 1, (None, 2): 0,
    }  # fmt: skip


def test_steps_are_of_any_records_and_of_those_that_count():
    orders = records("orders", [
        {"person_id": 1, "ordered_at": "2026-03-02", "status": "cancelled"}, {"person_id": 2, "ordered_at": "2026-03-02"},
        {"person_id": None, "ordered_at": "2026-03-02"},
    ])  # fmt: skip

    found = occurrences(orders, "ordered_at", never={"status": ("cancelled",)}).to_pyarrow()

    assert found["person_id"].to_pylist() == [2]


def test_nobody_is_a_funnel_of_nothing():
    found = funnel(steps([]), MARCH, within_days=7, as_of=LATER).to_pylist()

    assert [row["reached"] for row in found] == [0, 0, 0]


@pytest.mark.parametrize(("n", "within"), [(1, 7), (3, 0)])
def test_a_funnel_of_one_step_or_no_days_is_refused(n, within):
    with pytest.raises(ValueError, match="found"):
        progress(steps([])[:n], MARCH, within_days=within, as_of=LATER)


def by_trying(mine, within):
    """How far one person came, by trying every way through."""

    def on(number, last, start):
        if number == 3:
            return 3
        ways = [at for what, at in mine if what == number and at > last and at <= start + timedelta(days=within)]
        return max([number, *(on(number + 1, at, start) for at in ways)])

    starts = [at for what, at in mine if what == 0]
    return max((on(1, at, at) for at in starts), default=0)


def test_it_finds_what_trying_every_way_finds():
    drawn, first = random.Random(3), datetime(2026, 3, 1, tzinfo=UTC)
    moves = {
        person: [
            (drawn.randrange(3), first + timedelta(hours=6 * drawn.randrange(60))) for _ in range(drawn.randrange(9))
        ]
        for person in range(1, 151)
    }
    names = ("view", "basket", "order")
    rows = [(person, names[what], at) for person, mine in moves.items() for what, at in mine]

    expected = {person: depth for person, mine in moves.items() if (depth := by_trying(mine, 3))}

    assert {person: depth for person, (depth, _open) in far(rows, within=3).items()} == expected
    assert set(expected.values()) == {1, 2, 3}
