"""An import that is stopped, by a person, the system or a full disk: all of it is there afterwards, or nothing."""

import os
import random
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tenure.errors import TenureError

ROWS = 20_000

# Imports a file in small steps, and sends itself a signal at one of them: no waiting, no luck.
CHILD = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path

from tenure.errors import TenureError
from tenure.lake import Lake, batches
from tenure.sources import csv
from tenure.sources.importing import import_file

home, path, at, name = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
csv.BLOCK = 1 << 16
batches._ROWS_A_WRITE = 5_000
steps = 0

def step(*_):
    global steps
    steps += 1
    if steps == at:
        os.kill(os.getpid(), getattr(signal, name))

lake = Lake(home / "lake")
append = lake._store.append

def watched(*given):
    step()
    append(*given)
    step()

lake._store.append = watched
try:
    report = import_file(
        lake, path, "orders", zone="Asia/Shanghai", currency="CNY", rejects_folder=home / "rejects",
        now=datetime(2026, 4, 1, tzinfo=UTC), progress=step,
    )
except TenureError as error:
    print(error)
    sys.exit(3)
print(steps)
"""


def run(home: Path, path: Path, at: int = 0, name: str = "SIGKILL", limit: int | None = None):
    root = Path(__file__).resolve().parents[2]
    before = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))) if limit else None
    return subprocess.run(
        [sys.executable, "-c", CHILD, str(home), str(path), str(at), name],
        env={**os.environ, "PYTHONPATH": str(root / "src"), "TENURE_LANG": "en"},
        capture_output=True, text=True, preexec_fn=before, check=False,
    )  # fmt: skip


@pytest.fixture
def orders(tmp_path):
    path = tmp_path / "orders.csv"
    with path.open("w") as file:
        file.write("order_id,customer_id,ordered_at,amount\n")
        file.writelines(
            f"A-{n // 3},C-{n % 97},{'soon' if n % 500 == 3 else '2026-03-01'},{n % 7}.25\n" for n in range(ROWS)
        )
    return path


def rows_of(shop):
    wanted = ["order_id", "line_no", "customer_id", "ordered_at", "amount_minor", "row"]
    return shop.table().select(wanted).to_pylist()


def test_killed_at_any_instant_the_next_import_ends_as_if_nothing_had_been(tmp_path, shop, orders):
    undisturbed = run(shop.home, orders)
    steps = int(undisturbed.stdout)
    expected = rows_of(shop)
    assert len(expected) == ROWS - 40
    luck = random.Random(7)

    for at in [*sorted(luck.sample(range(1, steps), 3)), steps]:
        other = type(shop)(tmp_path / f"killed-{at}")
        killed = run(other.home, orders, at)
        assert killed.returncode == -signal.SIGKILL
        # The last step follows the line that commits: from there on all of it is there.
        assert len(rows_of(other)) == (len(expected) if at == steps else 0)
        other.lake.sweep(now=shop.lake.batches()[0].at)
        if at < steps:
            other.take(orders)

        assert rows_of(other) == expected


def test_ctrl_c_leaves_nothing_and_the_import_runs_again(shop, orders):
    stopped = run(shop.home, orders, at=6, name="SIGINT")

    assert "KeyboardInterrupt" in stopped.stderr
    assert shop.is_untouched
    assert {info.state for info in shop.lake.batches()} == {"abandoned"}

    shop.take(orders)
    assert len(shop.rows()) == ROWS - 40


def test_a_limit_on_the_size_of_files_is_told_as_a_full_disk(shop, orders):
    stopped = run(shop.home, orders, limit=8_000)

    assert stopped.returncode == 3, stopped.stderr
    assert stopped.stdout.startswith("The disk is full")
    assert "Nothing of orders.csv was imported" in stopped.stdout
    assert shop.is_untouched

    shop.take(orders)
    assert len(shop.rows()) == ROWS - 40


def test_a_full_disk_leaves_nothing_and_says_so(shop, tmp_path, orders):
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs rights this machine does not give")
    try:
        small = type(shop)(folder)

        with pytest.raises(TenureError, match=r"The disk is full .*No space left"):
            small.take(orders)

        assert small.is_untouched
    finally:
        subprocess.run(["umount", str(folder)], check=True)
