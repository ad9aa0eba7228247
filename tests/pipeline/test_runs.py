"""A refresh does what changed and no more; whatever becomes of it, the figures are old or new, never between."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tenure.lake import SYSTEM, Lake
from tenure.pipeline import STEPS
from tenure.workspace import create, open_workspace
from tests.pipeline.conftest import SCORES, Shop, receive
from tests.running import TENURE, served, surroundings, tenure

pytestmark = pytest.mark.django_db

FIRST_DAY, UNTIL = date(2025, 1, 1), date(2026, 3, 31)


def orders(people: int, since: date, until: date, *, seed: int = 3, name: str = "A") -> list[dict[str, Any]]:
    """Each of the people buys every one to eight weeks, and one in three stops at some time."""
    luck = random.Random(seed)
    rows = []
    for person in range(1, people + 1):
        every = luck.randint(7, 56)
        stops = until if luck.random() < 0.67 else since + timedelta(days=luck.randint(30, 400))
        day = since + timedelta(days=luck.randint(0, 200))
        while day < min(stops, until):
            rows.append({
                "order_id": f"{name}-{len(rows)}", "line_no": 1, "customer_id": f"C-{person:03}",
                "ordered_at": datetime(day.year, day.month, day.day, 4, tzinfo=UTC), "amount_minor": luck.randint(900, 9_000),
                "quantity": 1.0, "kind": "sale",
            })  # fmt: skip
            day += timedelta(days=max(1, round(luck.gauss(every, every / 4))))
    return rows


def customers(people: int) -> list[dict[str, Any]]:
    return [{"customer_id": f"C-{n:03}", "name": f"Customer {n}", "phone": f"1380000{n:04}",
             "updated_at": datetime(2025, 1, 1, tzinfo=UTC)} for n in range(1, people + 1)]  # fmt: skip


HISTORY = orders(300, FIRST_DAY, UNTIL)
# Of a day that the history has too, so that the day the figures are of stays the same.
TODAYS = [{**row, "order_id": f"B-{n}", "ordered_at": max(row["ordered_at"] for row in HISTORY)}
          for n, row in enumerate(HISTORY[:40])]  # fmt: skip


@pytest.fixture
def shop(desk: None, tmp_path: Path, new_shop: Callable[[], Shop]) -> Shop:
    shop = new_shop()
    shop.receive(orders=HISTORY, customers=customers(300))
    return shop


def ran(shop: Shop, **more: Any) -> set[str]:
    return {step.name for step in shop.refresh(**more).steps if not step.skipped}


def test_only_what_changed_is_worked_out_again_and_undo_brings_the_old_figures_back(shop: Shop) -> None:
    first = ran(shop)
    before = shop.scores()
    assert first == {step.name for step in STEPS}
    assert shop.refresh().as_of.date() == UNTIL, "as of the end of the last day with records"
    assert before["scores/churn"].num_rows > 50
    assert ran(shop) == set()
    assert ran(shop, again=True) == first
    assert shop.scores() == before

    shop.receive(products=[{"product_id": "P-1", "name": "Tea"}])
    after_products = ran(shop)
    assert "records/products" in after_products
    assert after_products.isdisjoint({"identity", "records/orders", "rfm", "stages", "value"})

    [batch] = shop.receive(orders=TODAYS)
    after_orders = ran(shop)
    # Everyone in the batch was known, so nobody's other records are touched.
    assert after_orders == {
        "identity", "records/orders", "rfm", "stages", "habits", "value", "lives", "churn", "score_history", "tiers", "personas", "cards", "causes",
        "publish", "quality",
    }  # fmt: skip
    assert shop.table("scores/value") != before["scores/value"]

    shop.lake.undo(batch, now=datetime(2026, 4, 2, tzinfo=UTC))
    ran(shop)

    for name, table in shop.scores().items():
        assert table == before[name], name
    assert ran(shop) == set()


# Processes: a second one beside the first, and one that is killed


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of the history, refreshed and shown; then today's orders come in."""
    home = tmp_path_factory.mktemp("killed") / "home"
    here = create(home)
    lake = Lake(here.lake_folder)
    receive(lake, {"orders": shaped("orders", HISTORY), "customers": shaped("customers", customers(300))})
    tenure(home, "refresh")
    receive(lake, {"orders": shaped("orders", TODAYS)})
    return home


def shaped(contract: str, rows: list[dict[str, Any]]) -> pa.Table:
    from tenure.contracts import CONTRACTS

    fields = [field for field in CONTRACTS[contract].schema if any(field.name in row for row in rows)]
    return pa.Table.from_pylist(rows, schema=pa.schema(fields))


def everything(home: Path) -> dict[str, Any]:
    """Every score and what the desk shows, as the next reader finds them."""
    here = open_workspace(home)
    lake = Lake(here.lake_folder)
    found: dict[str, Any] = {}
    for name in ("records/orders", "identity/links", *SCORES):
        table = lake.to_arrow(lake.read(name, actor=SYSTEM))
        rows = table.to_pylist()
        found[name] = sorted(rows, key=lambda row: json.dumps(row, default=str, sort_keys=True))
    return found | {"desk": on_desk(home)}


def on_desk(home: Path) -> list[tuple[Any, ...]]:
    """What the pages read: the customers of the generation shown."""
    import sqlite3

    with sqlite3.connect(home / "desk.sqlite3") as desk:
        return desk.execute(
            "select s.customer_id, c.name, s.frequency, s.monetary_base_minor, s.stage, s.churn_probability, s.reasons, p.rows"
            " from customers_publication p join customers_score s on s.generation = p.generation"
            " join customers_customer c on c.person_id = s.customer_id order by 1"
        ).fetchall()


# Refreshes, and sends itself SIGKILL at one of the marks it passes: each begin, move and end of a step, and both
# sides of each table and document that is written. No waiting, no luck.
CHILD = """
import os, signal, sys
from pathlib import Path

from tenure.cli import bars, insight
from tenure.lake import door
from tenure.lake.store import Store

at, marks = int(sys.argv[1]), 0

def mark():
    global marks
    marks += 1
    if marks == at:
        os.kill(os.getpid(), signal.SIGKILL)

def marked(call):
    def passing(*given, **more):
        mark()
        result = call(*given, **more)
        mark()
        return result
    return passing

Store.replace = marked(Store.replace)
door.write_document = marked(door.write_document)
for name in ("begins", "moves", "ends"):
    setattr(bars.Bars, name, marked(getattr(bars.Bars, name)))
insight.refresh_with_bars()
print(marks)
"""


def child(home: Path, at: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CHILD, str(at)], env=surroundings(home), capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def undisturbed(original: Path, copy_of: Callable[[], Path]) -> tuple[dict[str, Any], int]:
    """What a refresh that nothing disturbs comes to, and how many marks it passes."""
    home = copy_of()
    ended = child(home, 0)
    assert ended.returncode == 0, ended.stderr
    return everything(home), int(ended.stdout.split()[-1])


@pytest.fixture(scope="module")
def copy_of(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """A workspace of one's own, as the original stands with today's orders in and not yet refreshed."""
    import shutil

    def copied() -> Path:
        home = tmp_path_factory.mktemp("copy") / "home"
        shutil.copytree(original, home)
        return home

    return copied


def killed_and_run_again(home: Path, at: int, expected: dict[str, Any], before: list[tuple[Any, ...]]) -> None:
    killed = child(home, at)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert on_desk(home) in (before, expected["desk"]), "pages show the old figures or the new"

    tenure(home, "refresh")

    found = everything(home)
    for name, rows in expected.items():
        assert found[name] == rows, (at, name)


def test_killed_at_any_mark_the_next_refresh_comes_to_the_same(
    original: Path, copy_of: Callable[[], Path], undisturbed: tuple[dict[str, Any], int]
) -> None:
    expected, marks = undisturbed
    before = on_desk(original)
    assert before != expected["desk"]

    for at in sorted(random.Random(11).sample(range(2, marks), 2)):
        killed_and_run_again(copy_of(), at, expected, before)


@pytest.mark.soak
def test_killed_at_each_of_many_marks_the_next_refresh_comes_to_the_same(
    original: Path, copy_of: Callable[[], Path], undisturbed: tuple[dict[str, Any], int]
) -> None:
    expected, marks = undisturbed

    for at in sorted(random.Random(5).sample(range(1, marks + 1), 30)):
        killed_and_run_again(copy_of(), at, expected, on_desk(original))


def until_step(home: Path, process: subprocess.Popen[str], step: str, before: str | None) -> None:
    """Wait until the refresh has noted this step as done."""
    until = time.monotonic() + 300
    while True:
        state = json.loads((home / "lake" / "documents" / "refresh.json").read_text("utf-8"))
        if state["steps"][step]["made_from"] != before:
            return
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < until
        time.sleep(0.01)


def test_while_one_refresh_runs_another_is_told_so_and_pages_show_the_figures_of_before(
    copy_of: Callable[[], Path], undisturbed: tuple[dict[str, Any], int]
) -> None:
    home = copy_of()
    shown = on_desk(home)
    person, name = shown[0][:2]
    state = json.loads((home / "lake" / "documents" / "refresh.json").read_text("utf-8"))
    with served(home) as pages:
        before = pages.get("/customers/")
        assert name in before
        running = subprocess.Popen(
            [*TENURE, "refresh"], env=surroundings(home), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        try:
            # The churn step comes next, and takes the longest: the refresh is in the middle of it.
            until_step(home, running, "value", state["steps"]["value"]["made_from"])
            os.kill(running.pid, signal.SIGSTOP)
            second = tenure(home, "refresh", fails=True)
            assert second.returncode == 1
            assert f"The lake is being written by: tenure refresh (process {running.pid})." in " ".join(
                second.stderr.split()
            )
            assert name in pages.get(f"/customers/{person}/")
            assert on_desk(home) == shown
        finally:
            running.kill()
            running.wait()
            assert running.stderr is not None
            running.stderr.close()
        assert on_desk(home) == shown
        assert name in pages.get(f"/customers/{person}/")

        tenure(home, "refresh")

        assert on_desk(home) == undisturbed[0]["desk"]
        assert name in pages.get(f"/customers/{person}/")
    assert everything(home) == undisturbed[0]
