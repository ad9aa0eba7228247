"""Tenure run as people run it: commands in processes of their own, pages from a server of its own."""

from __future__ import annotations

import atexit
import html
import http.cookiejar
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from tests.servers import free_port

ROOT = Path(__file__).parents[1]
TENURE = [sys.executable, "-c", "from tenure.cli import main; main()"]
PASSWORD = "correct-horse-battery"
UNCERTAIN_SECONDS = 120  # how long a process may take to come up on a busy machine before a test gives up


def surroundings(home: Path, lang: str = "en", columns: int = 100) -> dict[str, str]:
    """The environment of a person at a terminal this wide, whose workspace is `home`."""
    # Compiling the product anew is a fifth of a short command, so what a machine says against keeping it is left out.
    left_out = ("TENURE_", "DATABASE_", "DJANGO_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return kept | {
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "TENURE_HOME": str(home), "TENURE_LANG": lang,
        "COLUMNS": str(columns), "LINES": "40", "NO_COLOR": "1",
    }  # fmt: skip


def tenure(
    home: Path, *arguments: str | Path, fails: bool = False, lang: str = "en", columns: int = 100, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. It must end well, or, with `fails`, badly; `more` goes into its environment."""
    ended = subprocess.run(
        [*TENURE, *map(str, arguments)], env=surroundings(home, lang, columns) | more, cwd=home.parent,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in ended.stderr, ended.stderr
    assert (ended.returncode != 0) is fails, f"{arguments} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}"
    return ended


def begin(home: Path) -> None:
    """Put an empty workspace there, as `tenure init` leaves it: made by that command once, and copied for each who asks.

    Such copies share one signing key; what is about keys begins with a `tenure init` of its own.
    """
    shutil.copytree(_begun(), home)


@cache
def _begun() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="tenure-begun-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    tenure(folder / "home", "init")
    return folder / "home"


def shown(home: Path, *arguments: str) -> list[dict[str, Any]]:
    """What `tenure show …` says, as a program reads it."""
    rows: list[dict[str, Any]] = json.loads(tenure(home, "show", *arguments, "--format", "json").stdout)
    return rows


class Visitor:
    """A browser without a screen: keeps its cookies, follows redirects."""

    def __init__(self, address: str) -> None:
        self.address = address
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._open = urllib.request.build_opener(cookies, urllib.request.ProxyHandler({})).open

    def get(self, path: str, language: str = "en") -> str:
        """The page, which must open; entities read as the characters they stand for."""
        asked = urllib.request.Request(self.address + path, headers={"Accept-Language": language})
        with self._open(asked) as answer:
            assert answer.status == 200
            return html.unescape(answer.read().decode())

    def sign_in(self, name: str) -> Visitor:
        page = self.get("/account/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token is not None
        fields = {"csrfmiddlewaretoken": token[1], "login": name, "password": PASSWORD, "next": "/"}
        asked = urllib.request.Request(
            self.address + "/account/login/",
            urllib.parse.urlencode(fields).encode(),
            {"Referer": self.address + "/account/login/"},
        )
        with self._open(asked) as answer:
            assert "/account/login/" not in answer.url, "the sign-in was refused"
        return self


@contextmanager
def served(home: Path, user: str = "ada") -> Iterator[Visitor]:
    """The workspace's own pages, served by `tenure serve`, with someone signed in who sees everything."""
    tenure(home, "user", "add", user, "--role", "admin", TENURE_PASSWORD=PASSWORD)
    with serving(home) as address:
        yield Visitor(address).sign_in(user)


@contextmanager
def serving(home: Path, log: Path | None = None, **more: str) -> Iterator[str]:
    """A server of this workspace in a process of its own; gives its address. What it writes goes to `log`."""
    port = free_port()
    with (log or Path(os.devnull)).open("w") as written:
        process = subprocess.Popen(
            [*TENURE, "serve", "--port", str(port)], env=surroundings(home) | more, cwd=home.parent,
            stdout=subprocess.DEVNULL, stderr=written,
        )  # fmt: skip
    try:
        _until_answered(Visitor(f"http://127.0.0.1:{port}"), process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until_answered(visitor: Visitor, process: subprocess.Popen[bytes]) -> None:
    import time

    until = time.monotonic() + UNCERTAIN_SECONDS
    while True:
        try:
            visitor.get("/account/login/")
            return
        except (urllib.error.URLError, ConnectionError):
            assert process.poll() is None, f"the server ended with {process.returncode}"
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.1)
