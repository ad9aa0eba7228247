"""What every test may ask for, and the groups that need something the machine may lack.

A group whose need is missing is skipped and named at the end of the run; with TENURE_REQUIRE_ALL=1 such a skip is a
failure. The desk's tests run on SQLite here, and once more on a throw-away PostgreSQL: `tests/desk/test_postgresql.py`
starts the server and runs them again in a process of their own, since Django settles on one database a process.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.servers import free_port, postgresql, postgresql_programs

if TYPE_CHECKING:
    from django.test import Client

    from tenure.desk.governance.models import User

# Nothing a test does may touch the workspace of whoever runs it.
os.environ["TENURE_HOME"] = tempfile.mkdtemp(prefix="tenure-tests-")
os.environ.setdefault("TENURE_LANG", "en")

# The same examples in every run of the suite, so that a change is judged by what it changes; `make soak` looks further.
settings.register_profile("suite", derandomize=True)
if os.environ.get("TENURE_SOAK") != "1":
    settings.load_profile("suite")

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
ON_SERVER = "TENURE_TESTS_ON_SERVER"  # set in the process that runs the desk's tests on PostgreSQL


def mariadb() -> str | None:
    """The program of MariaDB's server."""
    return shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def chromium() -> str | None:
    """The browser's program."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


# marker: (what is missing, whether it is there)
NEEDS: dict[str, tuple[str, Callable[[], bool]]] = {
    "postgres": ("PostgreSQL (initdb)", lambda: postgresql_programs() is not None),
    "mariadb": ("MariaDB (mariadbd)", lambda: mariadb() is not None),
    "browser": ("Chromium", lambda: chromium() is not None),
    "spark": (
        "Spark (tenure[spark] and Java)",
        lambda: bool(shutil.which("java") and importlib.util.find_spec("pyspark")),
    ),
    "saml": (
        "SAML (tenure[saml], pysaml2 and xmlsec1)",
        lambda: bool(shutil.which("xmlsec1") and all(map(importlib.util.find_spec, ("onelogin", "saml2")))),
    ),
    "linux": ("Linux (/proc)", Path("/proc/self/stat").exists),
    "data": ("the data sets in ../shared/data", DATA.is_dir),
}
OPTIONAL = {"data"}  # the data sets are not part of the product; their absence never fails a run

_skipped: dict[str, int] = {}


# Files and folders that take minutes: begun first, so that of two processes none is left alone with them at the end.
LONGEST = (
    "sweep", "desk/test_postgresql.py", "backup", "pipeline", "cli", "conformance", "end_to_end", "rights", "browser",
    "desk/test_audit_processes.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {ROOT / "tests" / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: min(rank.get(item.path, len(rank)), rank.get(item.path.parent, len(rank))))


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: the collector need not look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_sessionfinish() -> None:
    gc.unfreeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, (need, present) in NEEDS.items():
        if item.get_closest_marker(marker) and not present():
            _skipped[marker] = _skipped.get(marker, 0) + 1
            if os.environ.get("TENURE_REQUIRE_ALL") == "1" and marker not in OPTIONAL:
                pytest.fail(f"{need} is missing, and TENURE_REQUIRE_ALL=1 asks for every group")
            pytest.skip(f"needs {need}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _skipped:
        terminalreporter.section("groups skipped")
        for marker, count in _skipped.items():
            terminalreporter.line(f"{marker}: {count} tests need {NEEDS[marker][0]}")


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL server of our own on a free port, gone when the run ends."""
    with postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def mysql_url() -> Iterator[str]:
    """A MariaDB server of our own on a free port, with an empty database `shop`, gone when the run ends."""
    import pymysql

    program = mariadb()
    assert program is not None
    folder = Path(tempfile.mkdtemp(prefix="tenure-mariadb-"))
    user = ["--user=mysql"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(folder, "mysql", "mysql")
    port = free_port()
    # A server that comes up clears the folder of passing tables, whoever's they are.
    data, own = f"--datadir={folder}/data", f"--tmpdir={folder}"
    subprocess.run(
        ["mariadb-install-db", "--no-defaults", data, own, *user, "--auth-root-authentication-method=normal", "--skip-test-db"],
        check=True, stdout=subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip
    server = subprocess.Popen(
        [program, "--no-defaults", data, own, *user, f"--socket={folder}/socket", f"--port={port}", "--bind-address=127.0.0.1",
         f"--pid-file={folder}/pid", f"--log-error={folder}/log", "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin",
         "--innodb-buffer-pool-size=16M"],
        cwd=folder,
    )  # fmt: skip
    try:
        while True:
            try:
                admin = pymysql.connect(host="127.0.0.1", port=port, user="root", autocommit=True)
                break
            except pymysql.err.OperationalError:
                assert server.poll() is None, (folder / "log").read_text()
        with admin, admin.cursor() as cursor:
            cursor.execute("CREATE DATABASE shop CHARACTER SET utf8mb4")
            cursor.execute("CREATE USER reader@'%' IDENTIFIED BY 'p@ss/w:rd'")
            cursor.execute("GRANT ALL ON shop.* TO reader@'%'")
        yield f"mysql://reader:p%40ss%2Fw%3Ard@127.0.0.1:{port}/shop"
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _flushable() -> Iterator[None]:
    """Tests that commit leave a database to be emptied; its append-only tables let go for that one statement."""
    from django.db.backends.base.operations import BaseDatabaseOperations

    from tenure.desk.governance import append_only

    emptied = BaseDatabaseOperations.execute_sql_flush

    def emptying(self: Any, sql_list: Any) -> None:
        append_only.remove(self.connection)
        emptied(self, sql_list)
        append_only.install(self.connection)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseOperations, "execute_sql_flush", emptying)
        yield


@pytest.fixture(scope="session", autouse=True)
def _hashed_quickly() -> Iterator[None]:
    """Slow hashing is the point of a password hasher, and no point of a test; commands in processes of their own keep it."""
    from django.test import override_settings

    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(scope="session")
def filled_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder whose lake holds the small company of `tests/cast.py`; read, never written, by the tests."""
    from tests.cast import fill

    home = tmp_path_factory.mktemp("company")
    fill(home / "lake")
    return home


@pytest.fixture
def people(db: None) -> dict[str, User]:
    """Everyone of the cast, by name: those who sign in, Zed whose role was never set, and Old who has left."""
    from tenure.desk.governance.models import Team, User
    from tenure.desk.governance.services import create_user
    from tests.cast import MONDAY, PASSWORD, PEOPLE

    teams = {name: Team.objects.create(name=name) for name in ("East", "South")}
    made = {
        name: create_user(
            name, password=PASSWORD, role=role, actor=None, now=MONDAY, team=teams.get(team), regions=regions
        )
        for name, (role, team, regions, _sees) in PEOPLE.items()
    }
    made["zed"] = User.objects.create_user("zed", password=PASSWORD)
    made["old"] = User.objects.create_user("old", password=PASSWORD, role="admin", is_active=False)
    return made


@pytest.fixture
def company(people: dict[str, User], filled_home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, User]:
    """The small company published to the desk, its lake behind the pages; gives the people."""
    from django.core.cache import caches

    from tenure.desk.customers.api import publish
    from tests.cast import MONDAY, cards

    monkeypatch.setenv("TENURE_HOME", str(filled_home))
    caches["figures"].clear()
    publish(cards(), as_of=MONDAY, now=MONDAY)
    return people


@pytest.fixture
def sign_in(company: dict[str, User]) -> Callable[[str], Client]:
    """A browser of the person's own, signed in: sign_in("mia").get("/")."""
    from django.test import Client

    def signed_in(name: str) -> Client:
        client = Client()
        client.force_login(company[name])
        return client

    return signed_in
