"""A backup taken while others import, refresh, undo and vacuum is of one moment."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa

from tenure.lake import SYSTEM, Lake
from tenure.lake.copies import copying
from tenure.lake.store import Store
from tests.backup.conftest import python
from tests.running import begin, surroundings, tenure

ROWS = 400  # of every import

# Each does one thing again and again until it is told to stop; says when it has begun. The two that are quick take a
# breath each time, so that what they pile up does not outgrow what the backup is to carry.
IMPORTING = """
import sys, time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
import pyarrow as pa
from tenure.cli import opened
stop, lake = Path(sys.argv[1]), opened.lake()
n = 0
while not stop.exists() and n < 4_000:
    day = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=n % 60)
    rows = pa.table({"order_id": [f"L{n}-{i}" for i in range(400)], "line_no": [1] * 400, "customer_id": [f"C-{i % 40}" for i in range(400)],
                     "ordered_at": pa.array([day] * 400, pa.timestamp("us", tz="UTC")), "amount_minor": list(range(400)), "row": list(range(1, 401))})
    with lake.receiving("orders", source="shop", columns=["order_id", "line_no", "customer_id", "ordered_at", "amount_minor"], now=opened.now()) as batch:
        for start in range(0, 400, 100):
            batch.append(rows.slice(start, 100))
            batch.flush()
    if n % 5 == 4:
        lake.undo(batch.id, now=opened.now())
    n += 1
    if n == 1:
        print("begun", flush=True)
    time.sleep(0.1)
print(n)
"""
REFRESHING = """
import sys
from pathlib import Path
from tenure.cli import opened
from tenure.pipeline import refresh
stop, here = Path(sys.argv[1]), opened.workspace()
opened.desk(here)
n = 0
while not stop.exists() and n < 60:
    refresh(here, opened.lake(here), now=opened.now())
    n += 1
    if n == 1:
        print("begun", flush=True)
print(n)
"""
WRITING = """
import sys, time
from pathlib import Path
from tenure.cli import opened
stop = Path(sys.argv[1])
opened.desk()
from django.db import transaction
from tenure.desk.governance import audit
from tenure.desk.governance.models import Team
n = 0
while not stop.exists() and n < 1_000_000:
    with transaction.atomic():  # a team and its entry: both or neither
        team = Team.objects.create(name=f"team {n}")
        audit.record("made", "team", team.pk, actor=None, now=opened.now())
    n += 1
    if n == 1:
        print("begun", flush=True)
    time.sleep(0.01)
print(n)
"""
LOOK = """
import json
from tenure.cli import opened
opened.desk()
from tenure.desk.customers.models import Publication, Score
from tenure.desk.governance.models import AuditEntry, Team
shown = Publication.current()
print(json.dumps({
    "generation": shown.generation, "lake_version": shown.lake_version, "rows": shown.rows,
    "scores": dict(Score.objects.filter(generation=shown.generation).values_list("customer_id", "monetary_base_minor")),
    "teams": sorted(str(pk) for pk in Team.objects.filter(name__startswith="team ").values_list("pk", flat=True)),
    "made": sorted(AuditEntry.objects.filter(verb="made").values_list("object_id", flat=True)),
}))
"""


def committed(home: Path) -> dict[str, str]:
    return {info.batch: info.state for info in Lake(home / "lake").batches() if info.state in ("committed", "undone")}


def test_an_import_is_in_whole_or_absent_and_the_desk_shows_the_lakes_own_cards(tmp_path: Path) -> None:
    home, stop = tmp_path / "home", tmp_path / "stop"
    begin(home)
    python(home, IMPORTING.replace("n < 4_000", "n < 3"), stop)
    tenure(home, "refresh")
    workers: list[subprocess.Popen[str]] = []
    try:
        for code in (REFRESHING, IMPORTING, WRITING):
            worker = subprocess.Popen(
                [sys.executable, "-c", code, str(stop)], env=surroundings(home), stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            workers.append(worker)
            assert worker.stdout is not None
            assert worker.stdout.readline() == "begun\n", worker.communicate()[1]
        taken = []
        for number in range(2):
            before = committed(home)
            tenure(home, "backup", tmp_path / f"{number}.tenure")
            taken.append((before, tmp_path / f"{number}.tenure"))
    finally:
        stop.touch()
        said = [(worker.stdout.read(), worker.stderr.read()) for worker in workers]  # type: ignore[union-attr]
    assert [worker.wait() for worker in workers] == [0, 0, 0], said
    assert all(int(out.split()[-1]) >= 1 for out, _ in said), said

    for number, (before, file) in enumerate(taken):
        new = tmp_path / f"new{number}"
        tenure(home, "restore", file, "--home", new)
        found: dict[str, Any] = json.loads(python(new, LOOK).stdout)
        lake = Lake(new / "lake")
        batches = {info.batch: info.state for info in lake.batches()}
        rows = lake.to_arrow(lake._stored("received/orders", pa.schema([("batch", pa.string())])))["batch"]
        counts = {entry["values"]: entry["counts"] for entry in rows.value_counts().to_pylist()}

        assert set(before) <= {batch for batch, state in batches.items() if state != "abandoned"}
        assert {batch for batch, state in batches.items() if state == "begun"} == set()
        assert {counts[batch] for batch, state in batches.items() if state in ("committed", "undone")} == {ROWS}
        assert found["teams"] == found["made"] != []
        # What the desk shows is what the lake's cards are, figure for figure.
        assert found["lake_version"] == lake.version("scores/customers")
        cards = lake.to_arrow(lake.read("scores/customers", actor=SYSTEM)).to_pylist()
        assert {str(row["person_id"]): row["monetary_base_minor"] for row in cards} == found["scores"]
        assert found["rows"] == len(cards) > 0
    # A refresh goes on from there to what the records of the backup say.
    tenure(new, "refresh")
    after = json.loads(python(new, LOOK).stdout)
    assert after["lake_version"] == Lake(new / "lake").version("scores/customers")


def test_what_commits_between_two_steps_of_a_backup_is_in_whole_or_not_at_all(
    company_home: Path, tmp_path: Path
) -> None:
    """A whole refresh's publishing between desk and lake, a whole import between `batches` and what was received."""
    python(company_home, """
from tenure.cli import opened
opened.desk()
from tenure.desk.customers.api import publish
from tenure.lake import copies
from tests.cast import LI, MONDAY, TUESDAY, cards
import pyarrow as pa
lake = opened.lake()
late = []
original_tables, original_table = copies.Copy.tables, copies.Copy._table

def tables(self, at=None):
    for value in (1, 2):
        newer = cards(value_base_minor={LI: value})
        lake.publish("scores/customers", newer)
        publish(newer, as_of=TUESDAY, now=TUESDAY, lake_version=lake.version("scores/customers"))
    lake.publish_document("churn_card", {"as_of": "2026-03-03"})
    return original_tables(self, at)

def table(self, name, version):
    found = original_table(self, name, version)
    if name in ("batches", "received/orders") and not late:  # after whichever is looked at first
        late.append(name)
        with lake.receiving("orders", source="shop", columns=["order_id"], now=TUESDAY) as batch:
            batch.append(pa.table({"order_id": ["LATE"], "row": [1]}))
    return found

copies.Copy.tables, copies.Copy._table = tables, table
from tenure.cli import main
main()
""", "backup", tmp_path / "b.tenure")  # fmt: skip

    tenure(company_home, "restore", tmp_path / "b.tenure", "--home", tmp_path / "new")

    found = json.loads(python(tmp_path / "new", LOOK).stdout)
    now = json.loads(python(company_home, LOOK).stdout)
    lake = Lake(tmp_path / "new" / "lake")
    orders = lake.to_arrow(lake.read("received/orders", actor=SYSTEM))["order_id"].to_pylist()
    assert (found["lake_version"], lake.version("scores/customers")) == (0, 0)
    assert now["lake_version"] == 2
    assert lake.document("churn_card") == {"as_of": "2026-03-02"}
    assert "LATE" not in orders
    assert {info.rows for info in lake.batches("orders") if info.state == "committed"} == {len(orders)}
    live = Lake(company_home / "lake")
    assert "LATE" in live.to_arrow(live.read("received/orders", actor=SYSTEM))["order_id"].to_pylist()


def test_an_import_under_way_is_broken_off_in_what_is_restored(company_home: Path, tmp_path: Path) -> None:
    lake = Lake(company_home / "lake")
    when = lake.batches()[0].at
    with lake.receiving("orders", source="shop", columns=["order_id"], now=when) as batch:
        batch.append(pa.table({"order_id": ["HALF"], "row": [1]}))
        batch.flush()
        tenure(company_home, "backup", tmp_path / "b.tenure")

    said = tenure(company_home, "restore", tmp_path / "b.tenure", "--home", tmp_path / "new", "--json").stdout

    restored = Lake(tmp_path / "new" / "lake")
    assert json.loads(said)["imports_broken_off"] == 1
    assert {info.state for info in restored.batches() if info.batch == batch.id} == {"abandoned"}
    assert {info.state for info in lake.batches() if info.batch == batch.id} == {"committed"}


def test_what_is_vacuumed_meanwhile_is_held_and_opens_at_its_version(tmp_path: Path) -> None:
    store = Store(tmp_path / "lake")
    for n in range(3):
        store.append("received/orders", pa.table({"n": [n]}))
    store.replace("scores/customers", pa.table({"n": [1]}))
    new = tmp_path / "new"

    with copying(tmp_path / "lake") as copy:
        tables = copy.tables()
        store.replace("received/orders", pa.table({"n": [9]}))
        store.replace("scores/customers", pa.table({"n": [9]}))
        assert store.tidy("received/orders", keep_hours=0) == 3
        store.tidy("scores/customers", keep_hours=0)
        for table in tables:
            for held in table.files:
                (new / held.name).parent.mkdir(parents=True, exist_ok=True)
                (new / held.name).write_bytes(held.path.read_bytes())

    again = Store(new)
    assert [(table.name, table.version) for table in tables] == [("received/orders", 2), ("scores/customers", 0)]
    assert (again.version("received/orders"), again.version("scores/customers")) == (2, 0)
    assert not list((tmp_path / "lake" / ".backup").iterdir())
    assert "received/orders" in Store(tmp_path / "lake").names()


def test_a_table_is_taken_at_the_version_the_desk_names_while_it_is_there(tmp_path: Path) -> None:
    store = Store(tmp_path / "lake")
    for n in range(3):
        store.replace("scores/customers", pa.table({"n": [n]}))

    with copying(tmp_path / "lake") as copy:
        (older,) = copy.tables({"scores/customers": 1})
        (never,) = copy.tables({"scores/customers": 7})
        store.tidy("scores/customers", keep_hours=0)
        (gone,) = copy.tables({"scores/customers": 1})

    assert (older.version, never.version) == (1, 2)
    assert gone.version == store.version("scores/customers")


def test_what_a_killed_copy_held_is_let_go_by_the_next_and_a_living_ones_is_not(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    Store(lake).replace("scores/customers", pa.table({"n": [1]}))
    die = "import os, sys; from pathlib import Path; from tenure.lake.copies import copying\n"
    die += "with copying(Path(sys.argv[1])) as copy: copy.tables(); os.kill(os.getpid(), 9)"
    python(tmp_path / "home", die, lake, fails=True)
    assert len(list((lake / ".backup").iterdir())) == 1

    with copying(lake) as one:
        held = one.tables()
        with copying(lake) as other:
            other.tables()
            assert len(list((lake / ".backup").iterdir())) == 2
        assert all(file.path.exists() for table in held for file in table.files)


def test_backing_up_holds_up_no_refresh(tmp_path: Path) -> None:
    """The lake's one writing place stays free: a refresh that begins during a backup is not turned away."""
    home = tmp_path / "home"
    begin(home)
    code = """
from tenure.backup import making
from tenure.cli import main, opened
original = making._files
def within(*given):
    with opened.lake().writing("tenure refresh"):
        original(*given)
making._files = within
main()
"""
    python(home, code, "backup", tmp_path / "b.tenure")
