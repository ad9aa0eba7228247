"""What the last year would have been by a definition: worked out by hand, and said plainly where there is nothing in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
import pytest

from tenure.contracts import CONTRACTS
from tenure.errors import TenureError
from tenure.insight.churn.preview import READ, at_one_date, cuts_of, last_year

UNTIL = datetime(2026, 3, 1, tzinfo=UTC)
ANN, BEN, CAT = 1, 2, 3
SILENT = {"definition": "silence", "horizon_days": 30, "active_days": 60}


@pytest.fixture(autouse=True)
def _few_months(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Three months show what twelve would, in a fourth of the time."""
    if "cuts" not in request.node.name:
        monkeypatch.setattr("tenure.insight.churn.preview.MONTHS", 3)


class InMemory:
    """Tables as they are, asked as a lake is."""

    @contextmanager
    def kept(self, tables: Mapping[str, ibis.Table]) -> Iterator[Mapping[str, ibis.Table]]:
        yield {name: ibis.memtable(table.to_pyarrow()) for name, table in tables.items()}

    def to_arrow(self, table: ibis.Table) -> pa.Table:
        return table.to_pyarrow()


def records(**given: list[dict[str, Any]]) -> dict[str, ibis.Table]:
    found = {}
    for name in READ:
        shape = CONTRACTS[name]
        rows = [
            {"valid_at": row[shape.valid_at], shape.day or "": row[shape.valid_at].date(), **row}
            for row in given.get(name, [])
        ]
        found[name] = ibis.memtable(pa.Table.from_pylist(rows, schema=shape.records_schema))
    return found


def bought(person: int, *days: datetime) -> list[dict[str, Any]]:
    return [
        {"person_id": person, "order_id": f"{person}-{day:%m%d}", "ordered_at": day, "amount_minor": 10, "amount_base_minor": 10}
        for day in days
    ]  # fmt: skip


def day(month: int, n: int, year: int = 2025) -> datetime:
    return datetime(year, month, n, tzinfo=UTC)


def look(tables: dict[str, ibis.Table], wish: dict[str, Any], *in_force: dict[str, Any], **more: Any) -> dict[str, Any]:
    return last_year(tables, wish, in_force, UNTIL, InMemory(), **more)


def said(told: dict[str, Any]) -> str:
    return " ".join(one["en"] for one in told["remarks"])


def test_each_month_says_who_could_leave_who_would_have_and_how_that_differs():
    orders = [
        *bought(ANN, *(day(month, 15) for month in range(9, 13)), day(1, 15, 2026)),  # buys every month
        *bought(BEN, day(9, 15), day(10, 10)),  # silent since October
        *bought(CAT, day(9, 20), day(11, 20)),  # 61 days between
    ]

    told = look(records(orders=orders), SILENT, {**SILENT, "horizon_days": 60}, listed=9)

    assert [cut[:7] for cut in told["cuts"]] == ["2025-10", "2025-11", "2025-12"], (
        "sixty days later its outcome is known"
    )
    assert [(row["asked"], row["left"], row["left_before"]) for row in told["months"]] == [
        (3, 1, 0),
        (3, 1, 1),
        (3, 2, 2),
    ]
    assert told["months"][0]["only_new"] == 1, "Cat is quiet for October, and back within sixty days"
    assert [row["left_minor"] for row in told["months"]] == [10, 20, 40]
    assert told["people"] == {"both": [(BEN, 20), (CAT, 10)]}, "once is enough, with the revenue before the first time"
    assert told["groups"] == {"both": {"n": 2, "minor": 30}}
    assert at_one_date(records(orders=orders), SILENT, [SILENT], day(12, 1), "left", InMemory(), listed=9) == [
        (BEN, 20),
        (CAT, 20),
    ]


def test_cuts_are_months_of_the_business_of_which_the_outcome_is_known():
    shanghai = ZoneInfo("Asia/Shanghai")
    until = datetime(2026, 3, 2, tzinfo=shanghai)

    cuts = cuts_of(datetime(2024, 1, 1, tzinfo=UTC), until, 30)

    assert (len(cuts), cuts[-1]) == (12, datetime(2026, 1, 1, tzinfo=shanghai))
    assert all(cut + timedelta(days=30) <= until for cut in cuts)
    assert cuts_of(until - timedelta(days=20), until, 30) == cuts_of(None, until, 30) == []


@pytest.mark.parametrize(
    ("orders", "says"),
    [
        (bought(ANN, *(day(month, 5) for month in range(2, 13)), day(1, 5, 2026), day(2, 5, 2026)), "Nobody would have counted as leaving"),
        (bought(ANN, day(11, 5)), "Everybody asked about would have counted as leaving"),
        (bought(ANN, day(2, 20, 2026)), "the outcome of no month is known yet"),
        ([*bought(ANN, *(day(month, 5) for month in range(1, 13))), *bought(BEN, day(9, 5))], "too few for a model to learn from"),
        ([*bought(ANN, day(12, 1)), *bought(BEN, day(5, 5, 2031))], "1 records are dated after 2026-03-01 and were left out"),
        (bought(BEN, day(5, 5, 2031)), "no records to tell it by up to 2026-03-01"),
    ],
)  # fmt: skip
def test_what_can_teach_nothing_is_said_plainly(orders, says):
    told = look(records(orders=orders), SILENT)

    assert says in said(told)


def test_a_month_nobody_could_have_left_in_is_shown_with_nobody():
    told = look(records(orders=bought(ANN, day(3, 5))), {"definition": "leaking", "least": 5})

    assert [row["asked"] for row in told["months"]] == [0] * len(told["cuts"])
    assert "Nobody could have left by this definition" in said(told)


def test_short_records_are_said_to_know_short_rhythms_alone():
    told = look(records(orders=bought(ANN, day(3, 5), day(9, 5))), {"definition": "own_rhythm"})

    assert "The records are short for rhythms" in said(told)


def test_without_its_records_a_definition_says_what_to_import():
    with pytest.raises(TenureError, match=r'no records to tell "Moves to a cheaper plan" by\. Import Subscriptions'):
        look(records(orders=bought(ANN, day(3, 5))), {"definition": "downgrade"})
