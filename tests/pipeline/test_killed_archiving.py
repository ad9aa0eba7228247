"""An archiving killed at any write, on the desk or in the lake, is whole after the next refresh."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from tenure.lake import SYSTEM, Lake
from tests.running import ROOT, begin, surroundings, tenure

NUMBERS = [f"C-{n}" for n in range(1, 7)]
CUSTOMERS = "customer_id,name,phone,updated_at\n" + "".join(
    f"{number},{name},{phone},2025-01-05\n"
    for number, name, phone in zip(
        NUMBERS, ("王小明", "李娜", "张伟", "陈静", "赵敏", "孙悦"), ("打前台", "问门卫", "见名片", "无电话", "同上", "13800138006"),
        strict=True,
    )
)  # fmt: skip
ORDERS = "order_id,customer_id,ordered_at,amount\n" + "".join(
    f"A-{n},{number},2025-03-0{n} 10:00,1\n" for n, number in enumerate(NUMBERS, start=1)
)


def dies(home: Path, at: int, number: str) -> bool:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.pipeline.killing_archiving", str(at), number],
        env=surroundings(home) | {"DJANGO_SETTINGS_MODULE": "tenure.settings"}, cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ended.returncode in {0, -signal.SIGKILL}, ended.stderr
    return ended.returncode != 0


def numbers(home: Path, table: str) -> list[str]:
    lake = Lake(home / "lake")
    return sorted(lake.to_arrow(lake.read(table, actor=SYSTEM).select("customer_id"))["customer_id"].to_pylist())


def test_an_archiving_killed_between_desk_and_lake_heals(tmp_path: Path) -> None:
    home = tmp_path / "home"
    begin(home)
    for name, text in (("customers", CUSTOMERS), ("orders", ORDERS)):
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
        tenure(home, "import", tmp_path / f"{name}.csv", "--as", name, "--source", "shop")
    tenure(home, "refresh")

    # Before the commit nothing was said; after it, whoever comes next tells the lake, half told or not at all.
    deaths = [dies(home, at, number) for at, number in ((1, "C-1"), (5, "C-2"), (8, "C-3"), (11, "C-4"))]
    with sqlite3.connect(home / "desk.sqlite3") as desk:
        said = {number for (number,) in desk.execute("SELECT number FROM customers_archivedrecord")}
        entries = desk.execute("SELECT count(*) FROM governance_auditentry WHERE verb = 'archive_records'").fetchone()[
            0
        ]
    assert deaths == [True] * 4
    assert "C-1" not in said
    assert {"C-3", "C-4"} <= said
    assert entries == len(said)
    tenure(home, "refresh")

    left = [number for number in NUMBERS if number not in said]
    assert numbers(home, "records/customers") == left
    assert numbers(home, "records/orders") == left
    assert numbers(home, "scores/customers") == left
    with sqlite3.connect(home / "desk.sqlite3") as desk:
        shown = desk.execute(
            "SELECT c.customer_id FROM customers_score JOIN customers_publication p USING (generation) "
            "JOIN customers_customer c ON c.person_id = customers_score.customer_id ORDER BY 1"
        )
        assert [number for (number,) in shown] == left

    # And all of it back from the terminal.
    for deed in json.loads(tenure(home, "archived", "--format", "json").stdout):
        tenure(home, "bring-back", deed["deed"])
    tenure(home, "archive", "--as", "customers", "--field", "phone", "--flaw", "nothing", "--reason", "x", fails=True)
    tenure(home, "refresh")
    assert numbers(home, "scores/customers") == NUMBERS
    told = tenure(
        home, "archive", "--as", "customers", "--field", "phone", "--flaw", "no_number", "--reason", "no number"
    )
    assert "Archived" in told.stdout
