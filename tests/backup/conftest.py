"""Workspaces to back up: made, read and restored by processes of their own, as people run them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.running import surroundings

# The small company of tests/cast.py as a workspace of its own: lake, desk with its people, rejects, a vault.
MAKE = """
import sys
from pathlib import Path
from tenure.cli import opened
from tenure.workspace import create, home_folder

here = create(home_folder(), company="常客 & Sons")
opened.desk(here)
from django.conf import settings
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
from tenure.desk.customers import services as customers
from tenure.desk.customers.api import publish
from tenure.desk.governance import audit, services
from tenure.desk.governance.models import Team, User
from tenure.vault import vault
from django.db import transaction
from tests.cast import LI, MONDAY, PASSWORD, PEOPLE, WANG, cards, fill

lake = fill(here.lake_folder).lake
lake.publish_document("churn_card", {"as_of": "2026-03-02"})
teams = {name: Team.objects.create(name=name) for name in ("East", "South")}
for name, (role, team, regions, _sees) in PEOPLE.items():
    services.create_user(name, password=PASSWORD, role=role, actor=None, now=MONDAY, team=teams.get(team), regions=regions)
strange = "O'Brien \\"x\\" \\\\N \\t\\r\\n, 😀 \\u2028 ﷽ " + "长" * 200
odd = cards(name={LI: strange}, city={LI: "=1+1"}, value_base_minor={WANG: 2**61}, churn_probability={LI: 0.1 + 0.2})
publish(odd, as_of=MONDAY, now=MONDAY, lake_version=lake.version("scores/customers"))
with transaction.atomic():
    audit.record("odd", "text", 1, actor=None, now=MONDAY, text=strange, deep={"a": [1, 2.5, None, True, {"b": ""}]})
    gone = Team.objects.create(name="gone")
gone.delete()  # its number is never given again
(here.rejects_folder).mkdir()
(here.rejects_folder / "orders-坏.csv").write_text("reject_row\\n1\\n", encoding="utf-8")
(here.rejects_folder / ".unfinished.1").write_text("half")
Path(sys.argv[1]).write_text("\\n".join(vault().seal(f"shop\\x1fC-{n}", f"+86 138 {n}", context="phone") for n in range(3)))
"""

# What comes out of a workspace: the export of all customers, the commands' tables, every table of the lake, the vault.
READ = """
import hashlib, io, json, sys
from pathlib import Path
from contextlib import redirect_stdout
from tenure.cli import opened
from tenure.workspace import open_workspace

here = open_workspace()
opened.desk(here)
from django.conf import settings
settings.ALLOWED_HOSTS = ["*"]
from django.test import Client
from tenure.cli.insight import What, show_
from tenure.cli.show import Format
from tenure.desk.governance.models import AuditEntry, Team, User
from tenure.desk.customers.models import Customer, Publication, Score
from tenure.lake import SYSTEM
from tenure.errors import TenureError
from tenure.vault import vault

client = Client()
client.force_login(User.objects.get(username="dee"))
out = {"export": b"".join(client.post("/customers/export/").streaming_content).decode()}
for what in ("value", "churn", "segments"):
    with redirect_stdout(io.StringIO()) as said:
        show_(What(what), None, Format.csv, 1000)
    out[f"show {what}"] = said.getvalue()
lake = opened.lake(here)
for name in lake._store.names():
    table = lake.to_arrow(lake.read(name, actor=SYSTEM))
    out[name] = [lake.version(name), sorted(json.dumps(row, default=str, sort_keys=True) for row in table.to_pylist())]
out["users"] = [list(row) for row in User.objects.order_by("pk").values_list("pk", "username", "password", "regions", "team_id", "date_joined")]
out["audit"] = [list(row) for row in AuditEntry.objects.exclude(verb__in=["backup", "restore", "export"]).order_by("pk").values_list("pk", "at", "verb", "detail")]
out["scores"] = [list(row) for row in Score.objects.order_by("pk").values_list()]
out["pointer"] = [list(row) for row in Publication.objects.values_list()]
out["documents"] = {p.name: p.read_text() for p in (here.lake_folder / "documents").glob("*.json")}
out["rejects"] = {p.name: p.read_text() for p in here.rejects_folder.glob("*")if not p.name.startswith(".")}
out["settings"] = [(here.home / "tenure.toml").read_text(), (here.home / "secret.key").read_text()]
try:
    out["vault"] = [vault().unseal(token) for token in Path(sys.argv[1]).read_text().splitlines()]
except TenureError as error:
    out["vault"] = str(error)
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT last_value FROM governance_team_id_seq" if connection.vendor == "postgresql"
                   else "SELECT seq FROM sqlite_sequence WHERE name = 'governance_team'")
    out["last number of a team"] = cursor.fetchone()[0]
print(json.dumps(out, default=str))
"""


def python(
    home: Path, code: str, *arguments: object, fails: bool = False, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a piece of Python in the workspace's surroundings."""
    ended = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], env=surroundings(home) | more, cwd=home.parent,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode != 0) is fails, ended.stdout + ended.stderr
    return ended


def contents(home: Path, tokens: Path, **more: str) -> dict[str, Any]:
    """Everything a person or program gets out of a workspace."""
    found: dict[str, Any] = json.loads(python(home, READ, tokens, **more).stdout)
    return found


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The company's workspace `home`, on SQLite, with `tokens` sealed in its vault beside it; read, never written."""
    folder = tmp_path_factory.mktemp("original")
    python(folder / "home", MAKE, folder / "tokens")
    return folder


@pytest.fixture(scope="session")
def as_made(original: Path) -> dict[str, Any]:
    """Everything one gets out of it, looked at once; compared with, never changed."""
    return contents(original / "home", original / "tokens")


@pytest.fixture
def company_home(original: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    shutil.copytree(original / "home", tmp_path / "home", ignore=shutil.ignore_patterns("last-backup.json"))
    return tmp_path / "home"


@pytest.fixture(scope="session")
def new_database(postgresql_url: str) -> Callable[[], str]:
    """An empty PostgreSQL database; gives its address."""
    import psycopg

    made = 0

    def make() -> str:
        nonlocal made
        made += 1
        with psycopg.connect(postgresql_url, autocommit=True) as server:
            server.execute(f"CREATE DATABASE backup_{made}")
        return postgresql_url.rsplit("/", 1)[0] + f"/backup_{made}"

    return make
