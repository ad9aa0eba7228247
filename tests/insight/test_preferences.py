from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tenure.insight.preferences import (
    AT_A_DISCOUNT,
    WEEKEND,
    Preference,
    preferences,
    rhythm,
    standing,
    usual_order,
)
from tenure.language import Words

NOW = datetime(2026, 3, 1, tzinfo=ZoneInfo("Asia/Shanghai"))
SATURDAY = date(2026, 1, 3)


def line(day: date, hour: int = 4, **more: Any) -> dict[str, Any]:
    at = datetime(day.year, day.month, day.day, hour, day.day, tzinfo=UTC)
    told = {
        "ordered_at": at,
        "ordered_on": day,
        "kind": "sale",
        "status": "completed",
        "product_id": "P",
        "channel": "",
    }
    return told | more


def told(found: list[Preference]) -> dict[str, tuple[Any, int, int]]:
    return {one.kind: (one.value, one.times, one.visits) for one in found}


def test_habits_come_with_how_often_they_were_so() -> None:
    weekends = [SATURDAY + timedelta(weeks=n) for n in range(4)]
    lines = [
        line(day, product_id=f"P-{n}", channel="app" if n else "store", discount_minor=100)
        for n, day in enumerate(weekends)
    ]

    found = told(preferences(lines, as_of=NOW, categories={"P-0": "Tea", "P-1": "Tea", "P-2": "Tea", "P-3": "Cups"}))

    assert found["category"] == ("Tea", 3, 4)
    assert found["channel"] == ("app", 3, 4)
    assert found["days"] == (WEEKEND, 4, 4)
    assert found["price"] == (AT_A_DISCOUNT, 4, 4)


def test_two_visits_make_no_habit() -> None:
    assert preferences([line(SATURDAY), line(SATURDAY + timedelta(7))], as_of=NOW) == []


def test_a_refund_a_cancelled_order_and_one_to_come_are_no_visits() -> None:
    lines = [
        line(SATURDAY),
        line(SATURDAY + timedelta(7)),
        line(SATURDAY + timedelta(14), kind="refund"),
        line(SATURDAY + timedelta(21), status="cancelled"),
        line(date(2027, 1, 2)),
    ]

    assert preferences(lines, as_of=NOW) == []


def test_many_lines_of_one_day_are_one_visit() -> None:
    lines = [line(SATURDAY, channel="app") for _ in range(50)]

    assert preferences(lines, as_of=NOW) == []


def test_what_ties_is_no_preference() -> None:
    lines = [line(SATURDAY + timedelta(7 * n), channel="app" if n % 2 else "store") for n in range(4)]

    assert "channel" not in told(preferences(lines, as_of=NOW))


def test_the_time_of_day_is_the_companys_own_and_left_out_where_files_have_days_only() -> None:
    evenings = [line(SATURDAY + timedelta(7 * n), hour=11) for n in range(4)]  # 19 o'clock in Shanghai
    midnights = [one | {"ordered_at": one["ordered_at"].replace(hour=0, minute=0)} for one in evenings]

    assert told(preferences(evenings, as_of=NOW))["hours"] == (Words("in the evening", "晚上"), 4, 4)
    assert "hours" not in told(preferences(midnights, as_of=NOW))


def test_working_days_are_told_only_of_who_hardly_buys_on_others() -> None:
    mixed = [line(SATURDAY + timedelta(n * 9 + 2)) for n in range(6)]

    assert "days" not in told(preferences(mixed, as_of=NOW))


def test_only_what_the_customer_began_tells_how_they_turn_to_us() -> None:
    def contact(n: int, direction: str, channel: str) -> dict[str, Any]:
        return {"occurred_at": NOW - timedelta(n + 1), "direction": direction, "channel": channel}

    found = preferences(
        [], [contact(n, "out", "mail") for n in range(9)] + [contact(n, "in", "phone") for n in range(3)], as_of=NOW
    )

    assert told(found) == {"contact": ("phone", 3, 3)}


@pytest.mark.parametrize(
    ("days", "expected"), [([SATURDAY], None), ([SATURDAY, SATURDAY + timedelta(30), SATURDAY + timedelta(62)], 31)]
)
def test_the_rhythm_is_the_usual_gap(days: list[date], expected: int | None) -> None:
    assert rhythm(days) == expected


def test_an_order_usually_comes_to_its_median() -> None:
    assert usual_order([100, 100_000, 300]) == 300
    assert usual_order([100, 300]) is None


def test_standing_is_the_part_of_customers_below_and_nothing_where_all_spend_the_same() -> None:
    cuts = [float(n) for n in range(5, 100, 5)]

    assert standing(52, cuts) == pytest.approx(0.5)
    assert standing(1, cuts) == 0
    assert standing(1000, cuts) == pytest.approx(0.95)
    assert standing(5, [5.0] * 19) is None
    assert standing(None, cuts) is None
