"""An import by page whose worker is killed at one write or another: the next one brings every row in, and none twice."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tenure.lake import SYSTEM, Lake
from tests.conftest import ON_SERVER
from tests.running import ROOT, surroundings, tenure

ROWS = 600


def killed_at(instants: list[int], home: Path, more: dict[str, str]) -> list[dict[str, object]]:
    file = home.parent / "orders.csv"
    lines = (f"A-{n},C-{n % 7},2026-03-01,{n}\n" for n in range(ROWS))
    file.write_text("order_id,customer_id,ordered_at,amount\n" + "".join(lines))
    tenure(home, "init", **more)
    run = subprocess.run(
        [sys.executable, "-m", "tests.work.importing", str(file), *map(str, instants)],
        env=surroundings(home) | more, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


def check(found: list[dict[str, object]], instants: list[int], home: Path) -> None:
    told = [(one["killed"], one["whole"], one["status"], one["accepted"], one["file"]) for one in found]
    assert told == [(True, True, "done", ROWS + 1, False)] * len(instants)
    lake = Lake(home / "lake")
    rows = lake.to_arrow(lake.read("received/orders", actor=SYSTEM)).to_pylist()
    assert Counter(row["source"] for row in rows) == {f"s{at}": ROWS + 1 for at in instants}
    assert len({(row["source"], row["order_id"]) for row in rows}) == len(rows)
    assert {one["batch"] for one in found} == {b.batch for b in lake.batches() if b.state == "committed"}


def test_an_import_killed_at_any_write_is_finished_with_no_row_lost_or_twice(tmp_path: Path) -> None:
    if ON_SERVER in os.environ:
        pytest.skip("asked in the run before this one")
    instants = [9, 19]

    check(killed_at(instants, tmp_path / "home", {}), instants, tmp_path / "home")


@pytest.mark.postgres
def test_an_import_killed_with_its_desk_on_postgresql_is_finished(tmp_path: Path, postgresql_url: str) -> None:
    if ON_SERVER in os.environ:
        pytest.skip("asked in the run before this one")
    import psycopg

    name = f"import_{tmp_path.name}".lower()[:60]
    with psycopg.connect(postgresql_url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type, unused-ignore]
    more = {"DATABASE_URL": f"{postgresql_url.rpartition('/')[0]}/{name}"}

    check(killed_at([14], tmp_path / "home", more), [14], tmp_path / "home")


@pytest.mark.soak
def test_an_import_killed_at_every_write_in_turn_is_finished(tmp_path: Path) -> None:
    instants = list(range(1, 25))

    check(killed_at(instants, tmp_path / "home", {}), instants, tmp_path / "home")
