"""A join killed at any write, between the desk's word and the lake's, is whole after the next refresh or decision."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from tenure.lake import SYSTEM, Lake
from tests.running import ROOT, begin, surroundings, tenure

CUSTOMERS = """customer_id,name,phone,updated_at
C-1,王小明,13800138001,2025-01-05
C-2,李娜,13800138002,2025-01-05
C-3,张伟,13800138003,2025-01-05
C-4,陈静,13800138004,2025-01-05
"""
ORDERS = """order_id,customer_id,ordered_at,amount
A-1,C-1,2025-03-01 10:00,1
A-2,C-2,2025-03-02 10:00,2
A-3,C-3,2025-03-03 10:00,4
A-4,C-4,2025-03-04 10:00,8
"""


def dies(home: Path, at: int, left: int, right: int) -> bool:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.pipeline.killing_decisions", *map(str, (at, left, right))],
        env=surroundings(home) | {"DJANGO_SETTINGS_MODULE": "tenure.settings"}, cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ended.returncode in {0, -signal.SIGKILL}, ended.stderr
    return ended.returncode != 0


def whose(home: Path, table: str) -> dict[str, int]:
    lake = Lake(home / "lake")
    rows = lake.to_arrow(lake.read(table, actor=SYSTEM).select("customer_id", "person_id")).to_pylist()
    return {row["customer_id"]: row["person_id"] for row in rows}


def test_a_join_killed_between_desk_and_lake_heals(tmp_path: Path) -> None:
    home = tmp_path / "home"
    begin(home)
    for name, text in (("customers", CUSTOMERS), ("orders", ORDERS)):
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
        tenure(home, "import", tmp_path / f"{name}.csv", "--as", name, "--source", "shop")
    tenure(home, "refresh")

    # Early: before the commit, so nothing was said. Later: the desk knows, and whoever comes next follows.
    deaths = [dies(home, at, 1, right) for at, right in ((1, 2), (5, 3), (8, 4))]
    with sqlite3.connect(home / "desk.sqlite3") as desk:
        said = {right for (right,) in desk.execute("SELECT right_own FROM customers_identitydecision")}
        waiting = desk.execute("SELECT count(*) FROM customers_identitydecision WHERE settled_at IS NULL").fetchone()[0]
    assert deaths == [True, True, True]
    assert said == {3, 4}
    assert waiting > 0
    tenure(home, "refresh")

    now = {f"C-{own}": 1 if own in said else own for own in (1, 2, 3, 4)}
    assert whose(home, "identity/links") == now
    assert whose(home, "records/orders") == now
    assert whose(home, "scores/customers") == {"C-1": 1, "C-2": 2}
    with sqlite3.connect(home / "desk.sqlite3") as desk:
        assert desk.execute("SELECT count(*) FROM customers_identitydecision WHERE settled_at IS NULL").fetchone() == (
            0,
        )
        shown = desk.execute(
            "SELECT customer_id FROM customers_score JOIN customers_publication p USING (generation) ORDER BY 1"
        )
        assert [person for (person,) in shown] == [1, 2]
