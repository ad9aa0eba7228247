"""`tenure serve` as an operator runs it: its worker killed is started again, and killed itself it leaves nobody behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.running import TENURE, UNCERTAIN_SECONDS, Visitor, _until_answered, begin, surroundings

pytestmark = pytest.mark.linux  # looks at processes through /proc


@pytest.fixture
def server(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    home = tmp_path / "home"
    begin(home)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    process = subprocess.Popen(
        [*TENURE, "serve", "--port", str(port)], env=surroundings(home), cwd=tmp_path, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    started: set[int] = set()
    try:
        _until_answered(Visitor(f"http://127.0.0.1:{port}"), process)
        started |= set(below(process.pid))
        yield process
    finally:
        # Also where the test failed: what it is about must not go on in the machine that runs it.
        for pid in {process.pid, *started, *below(process.pid)}:
            if b"serve" in command(pid) or b"worker" in command(pid):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def stat(pid: int) -> list[str]:
    """State, parent and so on of a process; empty where there is none. What stands before may hold blanks."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def alive(pid: int) -> bool:
    """Whether it runs; one that ended and nobody asked after does not."""
    return stat(pid)[:1] not in ([], ["Z"], ["X"])


def below(pid: int) -> list[int]:
    """Every process that this one started, and those started by them."""
    parents = {int(path.name): stat(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()}
    found = [pid]
    for one in found:
        found += [child for child, told in parents.items() if told[1:2] == [str(one)]]
    return found[1:]


def workers(pid: int) -> set[int]:
    return {one for one in below(pid) if {b"worker", b"--beside"} <= set(command(one)) and alive(one)}


def command(pid: int) -> list[bytes]:
    """What a process was started as; empty where there is none, or it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def until(met: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + UNCERTAIN_SECONDS
    while not met():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_a_worker_that_dies_is_started_again_and_a_killed_server_leaves_nobody(
    server: subprocess.Popen[bytes],
) -> None:
    until(lambda: workers(server.pid), "no worker beside the server")
    (first,) = workers(server.pid)

    os.kill(first, signal.SIGKILL)

    until(lambda: workers(server.pid) - {first}, "the worker was not started again")
    assert not alive(first)
    children = below(server.pid)
    assert children  # who works; pages are answered by the server itself

    os.kill(server.pid, signal.SIGKILL)
    server.wait()

    until(lambda: not [pid for pid in children if alive(pid)], "something the server started lives on")
