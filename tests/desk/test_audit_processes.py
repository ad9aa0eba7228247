"""The chain under several real processes at once, and under one that is killed, on both databases."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ON_SERVER
from tests.running import surroundings

WRITERS, EACH = 8, 40

DESK = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "tenure.settings"
import django
django.setup()
"""
# What a writer does: set the desk up, wait for the word, then write entries one transaction after the other.
WRITE = (
    DESK
    + """
from datetime import UTC, datetime
from django.db import transaction
from tenure.desk.governance import audit
print("ready", flush=True)
sys.stdin.readline()
for n in range(int(sys.argv[2])):
    with transaction.atomic():
        audit.record("note", sys.argv[1], n, actor=None, now=datetime.now(UTC), n=n)
    print(n, flush=True)
"""
)
PREPARE = (
    DESK
    + """
from tenure.desk.migrating import up_to_date
up_to_date()
"""
)
SEAL = (
    DESK
    + """
from tenure.desk.governance import sealing
assert sealing.seal_now(thorough=True)
"""
)
VERIFY = (
    DESK
    + """
import json
from dataclasses import asdict
from tenure.desk.governance.verifying import verify
found = verify()
print(json.dumps({"ok": found.ok, **asdict(found)}))
"""
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with an empty desk on SQLite; copied, never written."""
    home = tmp_path_factory.mktemp("prepared") / "home"
    home.mkdir()
    run(PREPARE, home, {})
    return home


@pytest.fixture(scope="module")
def new_desk(postgresql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """A PostgreSQL database with an empty desk, a copy of one whose tables were made once; gives its address."""
    import psycopg

    at = postgresql_url.rpartition("/")[0]
    home = tmp_path_factory.mktemp("prepared") / "home"
    home.mkdir()
    names = (f"audit_{n}" for n in itertools.count())
    with psycopg.connect(postgresql_url, autocommit=True) as server:
        server.execute("CREATE DATABASE audit")
    run(PREPARE, home, {"DATABASE_URL": f"{at}/audit"})

    def make() -> str:
        name = next(names)
        with psycopg.connect(postgresql_url, autocommit=True) as server:
            server.execute(f"CREATE DATABASE {name} TEMPLATE audit")  # type: ignore[arg-type, unused-ignore]
        return f"{at}/{name}"

    return make


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A home folder whose desk is empty, and the environment its processes run in."""
    if ON_SERVER in os.environ:
        pytest.skip("both databases were asked in the run before this one")
    home = tmp_path / "home"
    if request.param == "sqlite":
        shutil.copytree(request.getfixturevalue("prepared"), home)
        return home, {}
    home.mkdir()
    return home, {"DATABASE_URL": request.getfixturevalue("new_desk")()}


def run(code: str, home: Path, more: dict[str, str]) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", code], env=surroundings(home) | more, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def writer(home: Path, more: dict[str, str], name: str, count: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", WRITE, name, str(count)], env=surroundings(home) | more, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def verified(home: Path, more: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(VERIFY, home, more))
    return found


def test_eight_processes_writing_at_once_never_fork_the_chain(workspace: tuple[Path, dict[str, str]]) -> None:
    home, more = workspace
    writers = [writer(home, more, f"writer-{n}", EACH) for n in range(WRITERS)]
    for process in writers:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    for process in writers:  # all at once
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ended = [process.communicate() for process in writers]

    assert [process.returncode for process in writers] == [0] * WRITERS, [stderr for _, stderr in ended]
    run(SEAL, home, more)
    found = verified(home, more)
    assert (found["ok"], found["sealed"], found["unsealed"]) == (True, WRITERS * EACH, 0)


def test_a_process_killed_while_it_seals_leaves_a_chain_that_goes_on(workspace: tuple[Path, dict[str, str]]) -> None:
    home, more = workspace
    done = 0
    for kill_after in (1, 7, 18):
        process = writer(home, more, "doomed", 10_000)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        while process.stdout.readline() != f"{kill_after}\n":
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        done += kill_after + 1
        assert verified(home, more)["ok"]

    run(SEAL, home, more)

    found = verified(home, more)
    assert found["ok"]
    assert found["unsealed"] == 0
    assert found["sealed"] >= done


@pytest.mark.postgres
def test_an_entry_committed_after_later_ids_is_linked_when_it_comes(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if ON_SERVER in os.environ:
        pytest.skip("asked in the run before this one")
    import psycopg

    url = request.getfixturevalue("new_desk")()
    home = tmp_path / "home"
    home.mkdir()
    more = {"DATABASE_URL": url}
    write: Callable[[psycopg.Connection[Any], str], Any] = lambda to, what: to.execute(  # noqa: E731
        "INSERT INTO governance_auditentry (at, verb, object_type, object_id, detail, sealed) "
        "VALUES (now(), 'note', 'thing', %s, '{}', '')",
        [what],
    )

    with psycopg.connect(url) as slow, psycopg.connect(url) as quick:
        write(slow, "first id")
        write(quick, "second id")
        quick.commit()
        run(SEAL, home, more)
        slow.commit()
    assert verified(home, more)["unsealed"] == 1
    run(SEAL, home, more)

    with psycopg.connect(url) as reading:
        order = reading.execute(
            "SELECT e.object_id FROM governance_chainlink l JOIN governance_auditentry e ON e.id = l.entry_id "
            "WHERE e.verb = 'note' ORDER BY l.position"
        ).fetchall()
    assert order == [("second id",), ("first id",)]
    assert verified(home, more)["unsealed"] == 0
