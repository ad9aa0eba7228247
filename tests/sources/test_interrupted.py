"""An import that is stopped, by a person, the system or a full disk: it goes on where it was, or nothing of it is kept."""

import dataclasses
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tenure.errors import TenureError
from tenure.lake.batches import RESUMABLE_FOR
from tenure.language import using
from tenure.sources.begun import InAlreadyError
from tenure.sources.importing import StoppedError, resume_import
from tests.sources.conftest import Shop

ROWS = 20_000
LATER = datetime(2026, 4, 2, tzinfo=UTC)

# Imports a file in small steps, and sends itself a signal at one of them: no waiting, no luck.
CHILD = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path

from tenure.errors import TenureError
from tenure.lake import Lake, batches
from tenure.sources import csv
from tenure.sources.importing import import_file, resume_import

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
resume = sys.argv[5]
now = datetime(2026, 4, 1, tzinfo=UTC)
try:
    if resume:
        report = resume_import(lake, resume, rejects_folder=home / "rejects", now=now, progress=step)
    else:
        report = import_file(
            lake, path, "orders", zone="Asia/Shanghai", currency="CNY", rejects_folder=home / "rejects", now=now,
            progress=step,
        )
except TenureError as error:
    print(error)
    sys.exit(3)
print(steps)
"""


def run(home: Path, path: Path, at: int = 0, name: str = "SIGKILL", limit: int | None = None, resume: str = ""):
    root = Path(__file__).resolve().parents[2]
    before = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))) if limit else None
    return subprocess.run(
        [sys.executable, "-c", CHILD, str(home), str(path), str(at), name, resume],
        env={**os.environ, "PYTHONPATH": str(root / "src"), "TENURE_LANG": "en"},
        capture_output=True, text=True, preexec_fn=before, check=False,
    )  # fmt: skip


def write_orders(path, last="1.25"):
    with path.open("w") as file:
        file.write("order_id,customer_id,ordered_at,amount\n")
        file.writelines(
            f"A-{n // 3},C-{n % 97},{'soon' if n % 500 == 3 else '2026-03-01'},{n % 7}.25\n" for n in range(ROWS - 1)
        )
        file.write(f"A-last,C-1,2026-03-01,{last}\n")
    return path


@pytest.fixture
def orders(tmp_path):
    return write_orders(tmp_path / "orders.csv")


def rows_of(shop):
    """All there is of each row, but for the name of its batch."""
    return shop.table().drop(["batch"]).to_pylist()


def told(report):
    """All the report says, but for what the batch is called, how long it took and where it was."""
    apart = {"batch": None, "seconds": 0, "resumed": False, "reject_file": None}
    return dataclasses.replace(report, **apart), report.reject_file.read_text(encoding="utf-8-sig")


def begun(shop):
    (info,) = [info for info in shop.lake.batches() if info.state == "begun"]
    return info.batch


def go_on(shop, **given):
    return resume_import(shop.lake, begun(shop), rejects_folder=shop.home / "rejects", now=LATER, **given)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What an import that nobody disturbs leaves: its rows, its report, and the number of its steps."""
    folder = tmp_path_factory.mktemp("undisturbed")
    path = write_orders(folder / "orders.csv")
    with using("en"):
        counted = run(folder / "counted", path)
        shop = Shop(folder / "home")
        report = shop.take(path)
    assert report.accepted == ROWS - 40
    return path, rows_of(shop), told(report), int(counted.stdout)


@pytest.fixture(scope="module")
def left_by_the_dead(tmp_path_factory, undisturbed):
    path, *_, steps = undisturbed
    home = tmp_path_factory.mktemp("dead") / "home"
    assert run(home, path, steps * 2 // 3).returncode == -signal.SIGKILL
    return home


@pytest.fixture
def half_done(tmp_path, left_by_the_dead):
    """A workspace in which an import died two thirds through."""
    shutil.copytree(left_by_the_dead, tmp_path / "half-done")
    return Shop(tmp_path / "half-done")


def kill_and_go_on(tmp_path, undisturbed, instants):
    path, expected, report, steps = undisturbed
    for at in instants:
        shop = Shop(tmp_path / f"killed-{at}")
        killed = run(shop.home, path, at)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        # The first step precedes the line that begins, the last follows the line that commits.
        if at == steps:
            assert rows_of(shop) == expected
            continue
        assert rows_of(shop) == []
        assert shop.lake.sweep(now=LATER) == []
        if at == 1:
            shop.take(path)
        else:
            assert told(go_on(shop)) == report

        assert rows_of(shop) == expected


def test_killed_at_any_instant_an_import_goes_on_and_ends_as_if_nothing_had_been(tmp_path, undisturbed):
    steps = undisturbed[-1]

    kill_and_go_on(tmp_path, undisturbed, [*random.Random(7).sample(range(2, steps), 3), steps])


@pytest.mark.soak
def test_killed_at_twenty_instants_an_import_goes_on_and_ends_as_if_nothing_had_been(tmp_path, undisturbed):
    steps = undisturbed[-1]

    kill_and_go_on(tmp_path, undisturbed, random.Random(20).sample(range(1, steps + 1), min(20, steps)))


def test_what_was_written_before_the_kill_is_not_written_again(half_done, undisturbed, monkeypatch):
    _, expected, report, _ = undisturbed
    shop = half_done
    written = []
    append = shop.lake.store.append
    monkeypatch.setattr(
        shop.lake.store, "append", lambda name, rows: written.append((name, rows.num_rows)) or append(name, rows)
    )

    again = go_on(shop)

    assert again.resumed
    assert 0 < sum(rows for name, rows in written if name.startswith("received/")) < len(expected)
    assert (told(again), rows_of(shop)) == (report, expected)


def test_killed_while_it_goes_on_it_goes_on_once_more(half_done, undisturbed):
    path, expected, report, _ = undisturbed
    shop = half_done
    killed = run(shop.home, path, 5, resume=begun(shop))
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    assert told(go_on(shop)) == report
    assert rows_of(shop) == expected
    with pytest.raises(TenureError, match="is committed, so there is nothing to go on with"):
        resume_import(shop.lake, shop.lake.batches()[0].batch, rejects_folder=shop.home / "rejects", now=LATER)


def test_a_plain_import_of_a_file_that_was_begun_says_how_to_go_on(half_done, undisturbed):
    path, expected, _, _ = undisturbed
    shop = half_done
    batch = begun(shop)

    with pytest.raises(InAlreadyError, match=f"Go on with it: tenure import --resume {batch}") as found:
        shop.take(path)
    assert (found.value.batch, found.value.resumable) == (batch, True)
    report = shop.take(path, again=True)

    assert rows_of(shop) == expected
    assert report.batch != batch
    assert {info.batch: info.state for info in shop.lake.batches()}[batch] == "abandoned"


def test_going_on_asks_for_the_same_file_and_the_same_settings(tmp_path, half_done, undisturbed):
    path, *_ = undisturbed
    shop = half_done
    other = write_orders(tmp_path / "orders.csv", last="9.99")

    with pytest.raises(TenureError, match="is not the file that batch"):
        go_on(shop, path=other)
    with pytest.raises(TenureError, match="begun with other settings: date_order, ids_of, source"):
        shop.take(path, resume=begun(shop), source="web", date_order="dmy")
    with pytest.raises(TenureError, match=r"There is no batch \"nothing\""):
        shop.take(path, resume="nothing")


def test_a_begun_import_is_cleared_away_when_nobody_went_on_with_it_for_a_week(half_done):
    shop = half_done
    batch = begun(shop)

    assert shop.lake.sweep(now=shop.lake.batches()[0].at + RESUMABLE_FOR - timedelta(seconds=1)) == []
    assert shop.lake.sweep(now=shop.lake.batches()[0].at + RESUMABLE_FOR) == [batch]

    assert shop.lake.store.count("received/orders", f"batch = '{batch}'") == 0
    with pytest.raises(TenureError, match="is abandoned"):
        resume_import(shop.lake, batch, rejects_folder=shop.home / "rejects", now=LATER)


def test_of_two_who_import_one_file_at_once_the_second_is_told(shop, orders):
    told = []

    def meanwhile(*_):
        if not told:
            with pytest.raises(InAlreadyError, match="being imported by somebody else at this moment") as found:
                Shop(shop.home).take(orders, again=True)
            told.append(found)

    shop.take(orders, progress=meanwhile)

    assert told
    with pytest.raises(InAlreadyError, match=r"is in already, as batch .* --again"):
        shop.take(orders)
    shop.take(orders, again=True)
    assert len(shop.rows()) == 2 * (ROWS - 40)


def test_a_file_taken_back_or_of_another_period_is_not_in_already(shop, orders):
    first = shop.take(orders)
    shop.lake.undo(first.batch, now=LATER)

    shop.take(orders, since="2026-01-01")
    shop.take(orders, since="2026-02-01")

    assert len([info for info in shop.lake.batches() if info.state == "committed"]) == 2


def test_a_person_may_stop_an_import_and_nothing_of_it_is_kept(shop, orders):
    asked = []

    with pytest.raises(StoppedError, match=r"orders\.csv was stopped"):
        shop.take(orders, stop=lambda: asked.append(1) or True)

    assert asked
    assert shop.is_untouched


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
