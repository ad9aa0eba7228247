"""Tables by person that go on with the records that came are those worked out from all records."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tenure.lake import SYSTEM, Lake, Scope, erase
from tenure.pipeline import carried, days, known, segments
from tenure.pipeline.carried import by_person, standing
from tenure.pipeline.clock import start_of
from tenure.pipeline.days import purchase_days
from tenure.pipeline.history import tables_over
from tenure.pipeline.known import TODAY
from tenure.pipeline.run import Context
from tenure.workspace import create
from tests.pipeline import test_records_added as added
from tests.pipeline.test_records_added import Killed, Shop, killed_at, orders, steps_of

TABLES = (days.TABLE, segments.HABITS, TODAY)
AS_OF = start_of(date(2026, 3, 3), ZoneInfo("Asia/Shanghai"))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(create(tmp_path / "home"))


def worked_out(shop: Shop, *, again: bool = False, as_of: datetime = AS_OF) -> list[list[dict[str, Any]]]:
    """What every carried table says at a date, and goes on with from then on."""
    context = Context(shop.lake, shop.here, as_of, added.NOON, again=again)
    lines = partial(segments._told_by_lines, context)
    with tables_over(context, known.READ) as at:
        found = [
            purchase_days(context).as_table(),
            by_person(context, segments.HABITS, ["orders", "products"], lines),
            known.today(context, at),
        ]
    return [
        table.select(sorted(table.column_names)).sort_by([(n, "ascending") for n in ("person_id", "ordered_on") if n in table.column_names]).to_pylist()
        for table in found
    ]  # fmt: skip


class SteadyAtFirst(random.Random):
    """Chance without a correction for a while: after one, nothing of its contract is ever gone on with."""

    steady = True

    def choice(self, seq: Any) -> Any:
        found = super().choice(seq)
        return "late" if self.steady and found == "corrected" else found


@contextmanager
def noted(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """How many persons were worked out anew of each table; -1: all of them."""
    found: dict[str, int] = {}
    gone_on = carried._gone_on_with

    def counted(context: Context, made: carried.Standing, work_out: Callable[..., Any]) -> Any:
        def counting(tables: Any) -> Any:
            rows = work_out(tables)
            found[made.table] = rows.num_rows
            return rows

        found[made.table] = -1
        return gone_on(context, made, counting)

    with monkeypatch.context() as patched:
        patched.setattr(carried, "_gone_on_with", counted)
        yield found


def test_only_persons_of_whom_records_came_are_worked_out_anew(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.send("orders", orders(0, 200))
    shop.refresh()
    worked_out(shop)
    runs = shop.lake.files(days.TABLE)

    shop.send("orders", orders(200, 2))
    shop.refresh()
    with noted(monkeypatch) as anew:
        found = worked_out(shop)

    assert anew == {segments.HABITS: 2, TODAY: 2}
    assert set(runs) < set(shop.lake.files(days.TABLE)), "what was bought by day is added to"
    assert found == worked_out(shop.copied(shop.here.home.parent / "whole"), again=True)


def test_what_nothing_came_of_is_read_and_not_worked_out(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.send("orders", orders(0, 60))
    shop.refresh()
    before = worked_out(shop)
    files = {table: shop.lake.files(table) for table in TABLES}

    with noted(monkeypatch) as anew:
        assert worked_out(shop) == before

    assert anew == {}
    assert files == {table: shop.lake.files(table) for table in TABLES}


def test_days_serve_every_date_and_what_is_of_a_date_is_told_of_another_anew(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.send("orders", orders(0, 60))
    shop.refresh()
    worked_out(shop)
    runs = shop.lake.files(days.TABLE)

    with noted(monkeypatch) as anew:
        found = worked_out(shop, as_of=AS_OF + timedelta(days=3))

    assert anew == {segments.HABITS: -1, TODAY: -1}
    assert shop.lake.files(days.TABLE) == runs
    assert found == worked_out(shop, again=True, as_of=AS_OF + timedelta(days=3))


def test_a_family_nothing_was_told_of_before_is_told_of_everybody(shop: Shop) -> None:
    shop.send("orders", orders(0, 60))
    shop.refresh()
    worked_out(shop)

    day = added.NOON - timedelta(days=2)
    shop.send("orders", [{**orders(60, 1)[0], "promised_at": day, "delivered_at": day + timedelta(days=1)}])
    shop.refresh()

    assert worked_out(shop) == worked_out(shop.copied(shop.here.home.parent / "whole"), again=True)


def test_nobody_who_was_erased_is_left_and_the_next_table_is_worked_out_whole(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.send("orders", orders(0, 60))
    shop.refresh()
    worked_out(shop)
    person = erase.find(shop.lake, [3])

    erase.forget_computed(shop.lake, person)

    assert not any(table in erase.traces(shop.lake, person) for table in TABLES)
    erase.drop_old_versions(shop.lake)
    assert not any(3 in shop.lake.in_runs(table)["person_id"].to_pylist() for table in TABLES)
    with noted(monkeypatch) as anew:
        worked_out(shop)
    assert anew == {segments.HABITS: -1, TODAY: -1}


def test_nobody_but_the_product_reads_what_is_carried(shop: Shop) -> None:
    shop.send("orders", orders(0, 60))
    shop.refresh()
    worked_out(shop)
    lake = shop.lake

    for table in TABLES:
        assert lake.to_arrow(lake.read(table, actor=SYSTEM)).num_rows
        assert not lake.to_arrow(lake.read(table, actor=Scope(reach="all", user="dee"))).num_rows


def test_of_records_that_were_corrected_nothing_is_gone_on_with(shop: Shop) -> None:
    shop.send("orders", orders(0, 60))
    shop.refresh()
    worked_out(shop)

    shop.send("orders", [{**orders(7, 1)[0], "status": "cancelled"}], steady=False)
    shop.refresh()

    context = Context(shop.lake, shop.here, AS_OF, added.NOON)
    assert standing(context, days.TABLE, ["orders"]).came is None
    assert worked_out(shop) == worked_out(shop.copied(shop.here.home.parent / "whole"), again=True)


@pytest.mark.parametrize("seed", [0, 3, *(pytest.param(n, marks=pytest.mark.soak) for n in range(4, 9))])
def test_whatever_happened_in_whatever_order_tables_are_those_of_a_whole_refresh(
    shop: Shop, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    luck = SteadyAtFirst(seed)
    gone_on = 0
    for turn, what in enumerate(steps_of(shop, luck)):
        if turn == 9:
            break
        luck.steady = turn < 5
        shop.refresh()
        if luck.random() < 0.4:
            try:
                with killed_at(luck.randint(1, 12), monkeypatch), killed_at(luck.randint(1, 4), monkeypatch, "renew"):
                    worked_out(shop)
            except Killed:
                shop.lake = Lake(shop.here.lake_folder, zone=shop.here.zone, currency=shop.here.currency)
        came = standing(Context(shop.lake, shop.here, AS_OF, added.NOON), days.TABLE, ["orders"]).came
        gone_on += came is not None
        assert worked_out(shop) == worked_out(shop.copied(tmp_path / f"whole-{turn}"), again=True), (turn, what)
    assert gone_on, "nothing was ever gone on with"
