"""Records that are added to those there are come to the same as all of them worked out from the start."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tenure.contracts import CONTRACTS
from tenure.lake import SYSTEM, Lake, door, erase
from tenure.lake.store import Store
from tenure.pipeline.records import LINKS, MOST_RUNS, PAIRS, RUNS, STEPS
from tenure.pipeline.run import Context, Watcher, run
from tenure.workspace import Workspace, create, open_workspace

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
TOLD = ("exchange_rates", "customers", "orders")
WANTED = [step for step in STEPS if step.name == "identity" or step.name.rpartition("/")[2] in TOLD]


class Killed(BaseException):
    """What a process that is killed does not get to say."""


class Shop:
    """A lake that batches come into, with the words of the import on what they hold."""

    def __init__(self, here: Workspace) -> None:
        self.here = here
        self.lake = Lake(here.lake_folder, zone=here.zone, currency=here.currency)
        self.came = 0

    def send(self, contract: str, rows: list[dict[str, Any]], *, steady: bool = True) -> str:
        self.came += 1
        shape = pa.schema([f for f in CONTRACTS[contract].schema if any(f.name in row for row in rows)])
        numbers = pa.array(range(1, len(rows) + 1), pa.int64())
        table = pa.Table.from_pylist(rows, schema=shape).append_column("row", numbers)
        beside = [info.batch for info in self.lake.batches(contract) if info.state == "committed"]
        now = NOON + timedelta(minutes=self.came)
        with self.lake.receiving(contract, source="shop", columns=shape.names, now=now) as batch:
            batch.append(table)
            created = len(rows) if steady else 0
            batch.report.update(each_key_once=True, created=created, updated=len(rows) - created, beside=beside)
        return batch.id

    def refresh(self, *, again: bool = False, meanwhile: Callable[[], None] | None = None) -> None:
        context = Context(self.lake, self.here, NOON, NOON, again=again)
        run(WANTED[:1], context, Watcher(), again=again)
        if meanwhile:
            meanwhile()
        run(WANTED[1:], context, Watcher(), again=again)

    def there(self, contract: str) -> list[dict[str, Any]]:
        return self._sorted(contract, self.lake.read(f"records/{contract}", actor=SYSTEM))

    def from_the_start(self, contract: str) -> list[dict[str, Any]]:
        """What everything received says, whatever was worked out from it before."""
        return self._sorted(contract, self.lake.current(contract))

    def _sorted(self, contract: str, table: Any) -> list[dict[str, Any]]:
        shape = CONTRACTS[contract]
        found = self.lake.to_arrow(table.select(*shape.records_schema.names).order_by("ids_of", *shape.key))
        rows: list[dict[str, Any]] = found.to_pylist()
        return rows

    def known(self) -> list[list[dict[str, Any]]]:
        """Who is who, and who may be."""
        tables = [self.lake.read(name, actor=SYSTEM) for name in (LINKS, PAIRS)]
        return [self.lake.to_arrow(table.order_by(*table.columns[:4])).to_pylist() for table in tables]

    def copied(self, home: Path) -> Shop:
        """The same shop as it is now, somewhere else."""
        shutil.copytree(self.here.home, home)
        other = Shop(open_workspace(home))
        other.came = self.came
        return other

    def files(self) -> set[str]:
        return set(self.lake.store.files("records/orders")[0])


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(create(tmp_path / "home"))


def orders(since: int, count: int, people: int = 9, days: int = 5) -> list[dict[str, Any]]:
    return [
        {"order_id": f"A-{n}", "line_no": 1, "customer_id": f"C-{n % people}", "amount_minor": 100 + n,
         "currency": "CNY" if n % 4 else "USD", "ordered_at": NOON - timedelta(days=days, minutes=n), "status": "completed"}
        for n in range(since, since + count)
    ]  # fmt: skip


def customers(since: int, count: int) -> list[dict[str, Any]]:
    # Every fifth has the phone and name of the one before: one person by the rules.
    return [
        {"customer_id": f"C-{n}", "name": f"Customer {n - (n % 5 == 4)}", "phone": f"1380000{n - (n % 5 == 4):04}",
         "updated_at": NOON - timedelta(days=9)}
        for n in range(since, since + count)
    ]  # fmt: skip


def test_new_records_are_added_as_a_run_and_nothing_else_is_written(shop: Shop) -> None:
    shop.send("orders", orders(0, 40))
    shop.refresh()
    before = shop.files()

    shop.send("orders", orders(40, 3))
    shop.refresh()

    assert before < shop.files()
    assert shop.there("orders") == shop.from_the_start("orders")
    assert len(shop.there("orders")) == 43


def test_many_runs_are_merged(shop: Shop) -> None:
    shop.send("orders", orders(0, 400))
    shop.refresh()
    before = shop.files()

    for turn in range(MOST_RUNS + 1):
        shop.send("orders", orders(400 + turn, 1))
        shop.refresh()

    assert not before & shop.files()
    assert shop.lake.document(RUNS)["orders"]["runs"] == 0  # type: ignore[index]
    assert shop.there("orders") == shop.from_the_start("orders")


def test_a_large_share_of_new_records_is_merged_at_once(shop: Shop) -> None:
    shop.send("orders", orders(0, 40))
    shop.refresh()
    before = shop.files()

    shop.send("orders", orders(40, 30))
    shop.refresh()

    assert not before & shop.files()


def test_records_that_came_while_a_refresh_ran_find_their_person_with_the_next(shop: Shop) -> None:
    shop.send("orders", orders(0, 40))
    shop.refresh()

    # Between who is who and the records: its customer has no number yet.
    shop.send("orders", orders(40, 1))
    shop.refresh(meanwhile=lambda: shop.send("orders", [{**orders(41, 1)[0], "customer_id": "C-new"}]) and None)
    assert [row["order_id"] for row in shop.there("orders") if row["person_id"] is None] == ["A-41"]
    shop.send("orders", orders(42, 1))
    shop.refresh()

    assert [row for row in shop.there("orders") if row["person_id"] is None] == []
    assert shop.there("orders") == shop.from_the_start("orders")


def steps_of(shop: Shop, luck: random.Random) -> Iterator[str]:
    """What happens to a shop in the course of time, anything of it at any time."""
    sent = {"orders": 300, "customers": 6}
    batches: list[str] = [shop.send("orders", orders(0, 300)), shop.send("customers", customers(0, 6))]
    yield "begun"
    while True:
        what = luck.choice(
            ["new", "new", "new", "late", "stranger", "customer", "corrected", "undone", "erased", "rate", "apart"]
        )
        if what in ("new", "late", "stranger"):
            people, days = (9 if what != "stranger" else 40), (5 if what != "late" else 400)
            batches.append(shop.send("orders", orders(sent["orders"], 2, people, days)))
            sent["orders"] += 2
        elif what == "customer":
            batches.append(shop.send("customers", customers(sent["customers"], 1)))
            sent["customers"] += 1
        elif what == "corrected":
            known = orders(luck.randrange(sent["orders"]), 1)
            batches.append(shop.send("orders", [{**known[0], "status": "cancelled"}], steady=False))
        elif what == "undone" and len(batches) > 3:
            shop.lake.undo(batches.pop(luck.randrange(2, len(batches))), now=NOON + timedelta(days=1))
        elif what == "erased":
            person = erase.Person((), (("shop", f"C-{luck.randrange(6)}"),))
            for name in ("customers", "orders"):
                erase.purge(shop.lake, CONTRACTS[name], person, luck.choice(["erase", "anonymise"]))
        elif what == "rate":
            day = NOON - timedelta(days=luck.randrange(400))
            rate = {
                "from_currency": "USD",
                "to_currency": "CNY",
                "day": day.date(),
                "rate": Decimal(luck.randint(600, 800)) / 100,
            }
            batches.append(shop.send("exchange_rates", [rate], steady=False))
        elif what == "apart":
            verdict = {
                "left_ids_of": "shop", "left_customer_id": "C-3", "right_ids_of": "shop", "right_customer_id": "C-4",
                "verdict": luck.choice(["apart", "join"]), "at": NOON + timedelta(minutes=shop.came),
            }  # fmt: skip
            shop.lake.publish(
                "identity/decisions", pa.Table.from_pylist([verdict], schema=shop.lake.schema("identity/decisions"))
            )
        yield what


@contextmanager
def killed_at(mark: int, monkeypatch: pytest.MonkeyPatch, *calls: str) -> Iterator[None]:
    """Within the block the process dies at a mark: before or after a call of the store, a write unless others are named."""
    passed = 0

    def marked(call: Any) -> Any:
        def passing(*given: Any, **more: Any) -> Any:
            nonlocal passed
            for side in ("before", "after"):
                passed += 1
                if passed == mark:
                    raise Killed
                if side == "before":
                    result = call(*given, **more)
            return result

        return passing

    with monkeypatch.context() as patched:
        for name in calls or ("replace", "append"):
            patched.setattr(Store, name, marked(getattr(Store, name)))
        patched.setattr(door, "write_document", marked(door.write_document))
        yield


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(n, marks=pytest.mark.soak) for n in range(2, 8))])
def test_whatever_happened_in_whatever_order_the_records_are_those_of_a_whole_refresh(
    shop: Shop, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    luck = random.Random(seed)
    added = 0
    for turn, what in enumerate(steps_of(shop, luck)):
        if turn == 11:
            break
        before = shop.files() if turn else set()
        earlier = shop.copied(tmp_path / f"earlier-{turn}") if turn % 3 == 2 else None
        if luck.random() < 0.3:
            try:
                with killed_at(luck.randint(1, 12), monkeypatch):
                    shop.refresh()
            except Killed:
                shop.lake = Lake(shop.here.lake_folder, zone=shop.here.zone, currency=shop.here.currency)
        shop.refresh()

        for name in TOLD:
            assert shop.there(name) == shop.from_the_start(name), (turn, what, name)
        if earlier:
            earlier.refresh(again=True)
            assert shop.known() == earlier.known(), (turn, what)
            assert all(shop.there(name) == earlier.there(name) for name in TOLD), (turn, what)
        added += bool(before) and before < shop.files()
    assert added, "nothing was ever added to what was there"
