"""Workers in processes of their own, one killed in the middle of its job: another finishes it, and nothing twice."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import ON_SERVER
from tests.running import ROOT, surroundings, tenure

# A worker whose one kind of job notes each step in a file, and whose lease ends soon.
WORKER = """
import os, signal, sys, time
from datetime import timedelta
from pathlib import Path
os.environ["DJANGO_SETTINGS_MODULE"] = "tenure.settings"
import django
django.setup()
from tenure.desk.work import jobs
from tenure.language import Words
jobs.LEASE = timedelta(seconds=1.5)

def run(running):
    notes = Path(running.params["notes"])
    for n in range(running.state.get("next", 0), running.params["steps"]):
        with notes.open("a") as file:
            file.write(f"{n}\\n")
        running.keep({"next": n + 1})
        if n == running.params.get("hang"):
            print("here", flush=True)
            signal.pause()
    running.result = {"by": os.getpid()}

jobs.kind("note", Words("Note", "笔记"), run)
"""
START = (
    WORKER
    + """
import json
from datetime import UTC, datetime
for params in json.loads(sys.argv[1]):
    jobs.start("note", params=params, actor=None, now=datetime.now(UTC))
"""
)
WORK = (
    WORKER
    + """
from tenure.desk.work.models import Job
while Job.objects.alive().exists():
    jobs.work_off()
    time.sleep(0.02)
"""
)
LOOK = (
    WORKER
    + """
import json
from tenure.desk.work.models import Job
print(json.dumps([[job.status, job.result.get("by")] for job in Job.objects.order_by("pk")]))
"""
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A home folder set up by the command line, and the environment its processes run in."""
    if ON_SERVER in os.environ:
        pytest.skip("both databases were asked in the run before this one")
    more = {}
    if request.param == "postgresql":
        import psycopg

        url = request.getfixturevalue("postgresql_url")
        name = f"work_{tmp_path.name}".lower()
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type, unused-ignore]
        more = {"DATABASE_URL": f"{url.rpartition('/')[0]}/{name}"}
    home = tmp_path / "home"
    tenure(home, "init", **more)
    return home, surroundings(home) | more


def said(desk: tuple[Path, dict[str, str]], code: str, *arguments: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=desk[1], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@contextmanager
def worker(desk: tuple[Path, dict[str, str]]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", WORK], env=desk[1], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_what_a_killed_worker_left_is_finished_by_others_from_where_it_was_and_nothing_twice(
    desk: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    every = [{"notes": str(tmp_path / f"notes-{n}"), "steps": 6} for n in range(9)]
    every[2]["hang"] = 3
    said(desk, START, json.dumps(every))

    with worker(desk) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "here\n"
        first.send_signal(signal.SIGKILL)
        first.wait()
        before = [Path(str(one["notes"])).exists() for one in every]
        with worker(desk) as second, worker(desk) as third:
            assert [second.wait(60), third.wait(60)] == [0, 0]

    assert before == [True] * 3 + [False] * 6
    assert [Path(str(one["notes"])).read_text().split() for one in every] == [["0", "1", "2", "3", "4", "5"]] * 9
    found = json.loads(said(desk, LOOK))
    assert [status for status, _by in found] == ["done"] * 9
    assert [by for _status, by in found[:2]] == [first.pid] * 2
    assert {by for _status, by in found[2:]} <= {second.pid, third.pid}
