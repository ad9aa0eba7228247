"""Killed at any instant: a backup is there whole or not at all, and so is a restored workspace."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.backup.conftest import contents, python
from tests.running import surroundings, tenure

# Counts what touches the disk or the desk, and at one of these steps kills itself: no waiting, no luck.
CHILD = """
import os, signal, sys
at = int(sys.argv.pop(1))
steps = 0

def counted(module, name):
    original = getattr(module, name)
    def stepping(*given, **more):
        global steps
        steps += 1
        if steps == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*given, **more)
    setattr(module, name, stepping)

from tenure.backup import desk, restoring
for name in ("open", "fsync", "rename", "link", "truncate", "mkdir", "unlink"):
    counted(os, name)
counted(desk, "load")
counted(desk, "dump")
counted(restoring, "_exchange")
from tenure.cli import main
try:
    main()
finally:
    print("steps", steps)
"""


def clear(folder: Path) -> int:
    """Remove half-built folders, so that each run takes the same steps; returns how many there were."""
    torsos = [path for path in folder.glob(".*.restoring-*") if (path / ".restoring").exists()]
    for torso in torsos:
        shutil.rmtree(torso)
    return len(torsos)


def run(home: Path, at: int, *arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CHILD, str(at), *map(str, arguments)], env=surroundings(home) | more, cwd=home.parent,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def steps_of(ended: subprocess.CompletedProcess[str]) -> int:
    assert ended.returncode == 0, ended.stderr
    return int(ended.stdout.split()[-1])


@pytest.mark.parametrize("instants", [3, pytest.param(40, marks=pytest.mark.soak)])
def test_a_backup_killed_at_any_instant_is_not_there_and_the_next_one_clears_up(
    company_home: Path, tmp_path: Path, instants: int
) -> None:
    steps = steps_of(run(company_home, 0, "backup", tmp_path / "whole"))
    to = tmp_path / "to"
    luck = random.Random(5)

    for at in luck.sample(range(steps // 3, steps), instants):
        killed = run(company_home, at, "backup", to / f"b{at}.tenure")
        assert killed.returncode == -signal.SIGKILL
        for made in to.glob("[!.]*"):
            tenure(company_home, "backup", "--verify", made)

    tenure(company_home, "backup", to / "last.tenure")
    assert not list(to.glob(".*"))
    assert not list((company_home / "lake" / ".backup").iterdir())


@pytest.fixture(scope="module")
def backup(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "b.tenure"
    tenure(original / "home", "backup", path)
    return path


def users(home: Path) -> set[str]:
    with sqlite3.connect(home / "desk.sqlite3") as desk:
        return {name for (name,) in desk.execute("SELECT username FROM governance_user")}


@pytest.mark.parametrize("instants", [1, pytest.param(30, marks=pytest.mark.soak)])
def test_a_restore_killed_at_any_instant_leaves_nothing_or_all_of_it(
    original: Path, as_made: dict[str, Any], backup: Path, tmp_path: Path, instants: int
) -> None:
    home, new = original / "home", tmp_path / "new"
    steps = steps_of(run(home, 0, "restore", backup, "--home", tmp_path / "undisturbed"))
    luck, left = random.Random(11), 0

    for at in [*sorted(luck.sample(range(3, steps - 4), instants)), *range(steps - 3, steps + 1)]:
        killed = run(home, at, "restore", backup, "--home", new)
        assert killed.returncode == -signal.SIGKILL
        left += clear(tmp_path)
        if new.exists():
            assert contents(new, original / "tokens") == as_made, at
            break
    else:
        pytest.fail("the last step is past the rename, so the workspace must be there")

    assert left > 0
    shutil.rmtree(new)
    assert run(home, steps // 2, "restore", backup, "--home", new).returncode == -signal.SIGKILL
    tenure(home, "restore", backup, "--home", new)
    assert not list(tmp_path.glob(".new.*")), "the next restore clears up"


def test_a_replacing_restore_killed_at_any_instant_leaves_the_old_or_the_new(
    company_home: Path, backup: Path, tmp_path: Path
) -> None:
    tenure(company_home, "user", "add", "late", TENURE_PASSWORD="correct-horse-battery")
    old = users(company_home)
    probe = tmp_path / "probe"
    tenure(company_home, "restore", backup, "--home", probe)
    steps = steps_of(run(company_home, 0, "restore", backup, "--home", probe, "--replace"))
    seen = []

    for at in [steps // 2, *range(steps - 5, steps + 1)]:
        killed = run(company_home, at, "restore", backup, "--home", company_home, "--replace")
        assert killed.returncode == -signal.SIGKILL
        clear(tmp_path)
        seen.append(users(company_home))
        assert seen[-1] in (old, old - {"late"})
        if seen[-1] != old:
            break

    assert seen[0] == old
    assert seen[-1] == old - {"late"}
    kept = [path for path in tmp_path.iterdir() if path != company_home and (path / "desk.sqlite3").exists()]
    assert any("late" in users(path) for path in kept), "the old workspace is aside"


@pytest.mark.postgres
def test_cut_short_between_database_and_folder_the_next_call_ends_it(
    original: Path, as_made: dict[str, Any], backup: Path, tmp_path: Path, new_database: Callable[[], str]
) -> None:
    url, new = new_database(), tmp_path / "new"
    die = """
import os, signal
from tenure.backup import restoring
restoring._put_in_place = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
from tenure.cli import main
main()
"""
    given = ("restore", backup, "--home", new, "--database-url", url)
    python(original / "home", die, *given, fails=True)
    assert not new.exists()

    said = tenure(original / "home", *given).stdout

    assert "that step is done now" in " ".join(said.split())
    assert contents(new, original / "tokens", DATABASE_URL=url) == as_made
    assert not list(tmp_path.glob(".new.*"))


@pytest.mark.postgres
def test_killed_while_it_fills_postgresql_the_database_stays_empty(
    original: Path, backup: Path, tmp_path: Path, new_database: Callable[[], str]
) -> None:
    import psycopg

    url, given = new_database(), ("restore", backup, "--home", tmp_path / "new", "--database-url")
    steps = steps_of(
        run(original / "home", 0, "restore", backup, "--home", tmp_path / "x", "--database-url", new_database())
    )

    killed = run(original / "home", steps // 2, *given, url)

    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "new").exists()
    with psycopg.connect(url) as server:
        assert server.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
    tenure(original / "home", *given, url)
    assert os.listdir(tmp_path / "new")
