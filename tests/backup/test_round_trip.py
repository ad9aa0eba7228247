"""What went in comes out: in another folder, on either database, byte for byte."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.backup.conftest import MAKE, contents, python
from tests.running import tenure

NewDatabase = Callable[[], str]


def backed_up(home: Path, to: Path, *options: str, **more: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(tenure(home, "backup", to, "--json", *options, **more).stdout)
    return made


def restored(home: Path, file: Path | str, new: Path, *options: str | Path, **more: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(tenure(home, "restore", file, "--home", new, "--json", *options, **more).stdout)
    return made


def test_a_workspace_restored_elsewhere_gives_the_same_to_the_byte(
    original: Path, as_made: dict[str, Any], tmp_path: Path
) -> None:
    home, tokens, new = original / "home", original / "tokens", tmp_path / "other place" / "常客"

    made = backed_up(home, tmp_path / "b.tenure")
    told = restored(home, made["file"], new)

    assert contents(new, tokens) == as_made
    assert as_made["vault"] == ["+86 138 0", "+86 138 1", "+86 138 2"]
    assert "王小明" in as_made["export"]
    assert told["rows"] == made["rows"] > 20
    assert stat.S_IMODE((new / "secret.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((new / "vault" / "vault.sqlite3").stat().st_mode) == 0o600
    assert not (new / "rejects" / ".unfinished.1").exists()
    assert [path.name for path in new.parent.iterdir()] == [new.name]
    assert tenure(new, "refresh").returncode == 0


@pytest.fixture(scope="module")
def on_postgresql(
    tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase
) -> tuple[Path, str, dict[str, Any]]:
    """The company's workspace with its desk on PostgreSQL, the database's address, and all one gets out of it.

    Backed up, never restored over.
    """
    folder, url = tmp_path_factory.mktemp("on-postgresql"), new_database()
    python(folder / "home", MAKE, folder / "tokens", DATABASE_URL=url)
    return folder, url, contents(folder / "home", folder / "tokens", DATABASE_URL=url)


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("source", "target"), [("postgresql", "postgresql"), ("sqlite", "postgresql"), ("postgresql", "sqlite")]
)
def test_a_desk_moves_between_databases_unchanged(
    request: pytest.FixtureRequest, tmp_path: Path, new_database: NewDatabase, source: str, target: str
) -> None:
    there: dict[str, str] = {}
    if source == "postgresql":
        folder, there["DATABASE_URL"], before = request.getfixturevalue("on_postgresql")
    else:
        folder, before = (request.getfixturevalue(name) for name in ("original", "as_made"))
    home, tokens = folder / "home", folder / "tokens"
    file = backed_up(home, tmp_path / "b.tenure", **there)["file"]

    into = {"DATABASE_URL": new_database()} if target == "postgresql" else {}
    options = ["--database-url", into["DATABASE_URL"]] if into else []
    restored(home, file, tmp_path / "new", *options, **there)
    after = contents(tmp_path / "new", tokens, **into)

    assert after == before
    assert (tmp_path / "new" / "desk.sqlite3").exists() is (target == "sqlite")


@pytest.mark.postgres
def test_a_nul_that_postgresql_cannot_hold_is_left_out_and_counted(
    company_home: Path, tmp_path: Path, new_database: NewDatabase
) -> None:
    python(company_home, """
from tenure.cli import opened
opened.desk()
from django.db import connection, transaction
from tenure.desk.customers.models import Customer
from tenure.desk.governance import audit
from tests.cast import MONDAY
with transaction.atomic():
    audit.record("nul", "text", 1, actor=None, now=MONDAY, text="a\\x00b", path="C:\\\\u0000")
Customer.objects.filter(pk=1).update(city="x\\x00y")
""")  # fmt: skip
    url = new_database()
    file = backed_up(company_home, tmp_path / "b.tenure")["file"]

    told = restored(company_home, file, tmp_path / "new", "--database-url", url)

    assert told["cells_changed"] == 1  # the audit entry was told without it from the first
    found = python(tmp_path / "new", """
from tenure.cli import opened
opened.desk()
from tenure.desk.customers.models import Customer
from tenure.desk.governance.models import AuditEntry
print(Customer.objects.get(pk=1).city, AuditEntry.objects.get(verb="nul").detail)
""", DATABASE_URL=url).stdout  # fmt: skip
    assert found.strip() == r"xy {'path': 'C:\\u0000', 'text': 'ab'}"


def test_a_backup_and_a_restore_are_on_the_audit_trail_and_open_no_session(company_home: Path, tmp_path: Path) -> None:
    sessions = "from tenure.cli import opened; opened.desk()\nfrom django.contrib.sessions.models import Session\n"
    sessions += "from tenure.desk.governance.models import AuditEntry\n"
    sessions += "print(Session.objects.count(), *AuditEntry.objects.order_by('pk').values_list('verb', flat=True))"
    (tmp_path / "none").write_text("")
    contents(company_home, tmp_path / "none")  # signs dee in

    made = backed_up(company_home, tmp_path / "b.tenure")
    restored(company_home, made["file"], tmp_path / "new")

    here, there = (python(home, sessions).stdout.split() for home in (company_home, tmp_path / "new"))
    assert (int(here[0]) > 0, here[-1]) == (True, "backup")
    assert (there[0], there[-1]) == ("0", "restore")


def test_the_master_keys_are_not_in_it_and_the_output_says_which_file_to_keep(
    company_home: Path, tmp_path: Path
) -> None:
    said = tenure(company_home, "backup", tmp_path / "b.tenure", columns=300).stdout

    assert f"The master keys are NOT in it. Without {company_home}/keys/master.json" in said
    (company_home / "keys" / "master.json").rename(tmp_path / "kept.json")
    lost = tenure(tmp_path / "away", "restore", tmp_path / "b.tenure", "--home", tmp_path / "new", fails=True).stderr
    assert "--keys FILE" in " ".join(lost.split())
    assert not (tmp_path / "new").exists()
    restored(tmp_path / "away", tmp_path / "b.tenure", tmp_path / "new", "--keys", tmp_path / "kept.json")
    assert stat.S_IMODE((tmp_path / "new" / "keys" / "master.json").stat().st_mode) == 0o600


def test_a_keyring_put_there_beforehand_stays_and_one_named_elsewhere_is_not_copied(
    company_home: Path, original: Path, tmp_path: Path
) -> None:
    file = backed_up(company_home, tmp_path / "b.tenure")["file"]
    ready, apart = tmp_path / "ready", tmp_path / "apart.json"
    shutil.copytree(company_home / "keys", ready / "keys")
    shutil.copy2(company_home / "keys" / "master.json", apart)

    restored(tmp_path / "away", file, ready)
    restored(tmp_path / "away", file, tmp_path / "new", TENURE_KEYS=str(apart))

    assert contents(ready, original / "tokens")["vault"][0] == "+86 138 0"
    assert contents(tmp_path / "new", original / "tokens", TENURE_KEYS=str(apart))["vault"][0] == "+86 138 0"
    assert not (tmp_path / "new" / "keys").exists()


def test_a_passphrase_opens_it_and_a_wrong_one_does_not(company_home: Path, tmp_path: Path) -> None:
    words = {"TENURE_PASSPHRASE": "four green boxes sing"}
    backed_up(company_home, tmp_path / "b.tenure", "--passphrase", **words)

    wrong = tenure(company_home, "backup", "--verify", tmp_path / "b.tenure", "--passphrase", fails=True,
                   TENURE_PASSPHRASE="four green boxes")  # fmt: skip
    without = tenure(company_home, "backup", "--verify", tmp_path / "b.tenure", fails=True)

    assert "The passphrase does not open b.tenure" in " ".join(wrong.stderr.split())
    assert "locked by a passphrase" in " ".join(without.stderr.split())
    keys = company_home / "keys" / "master.json"
    told = restored(company_home, tmp_path / "b.tenure", tmp_path / "new", "--passphrase", "--keys", keys, **words)
    assert told["vault"] is True


def test_the_vault_can_be_left_out_and_its_records_then_stay_sealed(original: Path, tmp_path: Path) -> None:
    home = original / "home"
    file = backed_up(home, tmp_path / "b.tenure", "--without-vault")["file"]

    told = restored(home, file, tmp_path / "new")

    assert told["vault"] is False
    assert not (tmp_path / "new" / "vault").exists()
    show = "from tenure.cli import main; import sys; sys.argv = ['tenure', 'show', 'churn']; main()"
    told_why = " ".join(python(tmp_path / "new", show, fails=True).stderr.split())  # wrapped to the terminal's width
    assert "vault.sqlite3 is missing" in told_why


# A backup of days ago: the clock of the command is read in one place.
EARLIER = """
import sys
from datetime import datetime, timedelta, UTC
from tenure.cli import opened
days = timedelta(days=int(sys.argv.pop(1)))
opened.now = lambda: datetime.now(UTC) - days
from tenure.cli import main
main()
"""


def test_an_expired_vault_is_refused_unless_told_and_who_was_erased_since_stays_erased(
    company_home: Path, original: Path, tmp_path: Path
) -> None:
    file = tmp_path / "b.tenure"
    python(company_home, EARLIER, 31, "backup", file)
    python(
        company_home,
        "from tenure.vault import vault; from datetime import *; vault().destroy(['shop\\x1fC-1'], now=datetime.now(UTC))",
    )

    refused = tenure(company_home, "restore", file, "--home", tmp_path / "new", fails=True).stderr
    assert "--expired-vault" in " ".join(refused.split())
    assert not (tmp_path / "new").exists()

    told = restored(company_home, file, tmp_path / "new", "--expired-vault", "--erased-since", company_home)
    assert told["erased_again"] == 1
    assert contents(tmp_path / "new", original / "tokens")["vault"] == ["+86 138 0", None, "+86 138 2"]


def test_a_new_backup_cuts_the_expired_vault_off_older_ones_and_keeps_only_so_many(
    company_home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    for days in (50, 40, 31, 2):
        python(company_home, EARLIER, days, "backup", folder)
    (folder / "other.tenure").write_text("somebody else's")
    old = sorted(folder.glob("tenure-*"))
    sizes = [path.stat().st_size for path in old]

    made = backed_up(company_home, folder, "--keep", "3")

    assert [Path(path).name for path in made["removed"]] == [old[1].name, old[0].name]
    assert made["vault_cut_off"] == [str(old[2])]
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["other.tenure", old[2].name, old[3].name, Path(made["file"]).name]
    )
    assert old[2].stat().st_size < sizes[2]
    assert old[3].stat().st_size == sizes[3]
    assert json.loads(tenure(company_home, "backup", "--verify", old[2], "--json").stdout)["has_vault"] is False
    cut = tenure(company_home, "restore", old[2], "--home", tmp_path / "new", fails=True).stderr
    assert "--without-vault" in " ".join(cut.split())
    assert restored(company_home, old[2], tmp_path / "new", "--without-vault")["vault"] is False


def test_a_restore_never_writes_over_a_workspace_and_with_replace_keeps_the_old_one(
    company_home: Path, original: Path, tmp_path: Path
) -> None:
    before = contents(company_home, original / "tokens")
    file = backed_up(company_home, tmp_path / "b.tenure")["file"]
    tenure(company_home, "user", "add", "late", TENURE_PASSWORD="correct-horse-battery")
    python(
        company_home,
        "from tenure.vault import vault; from datetime import *; vault().destroy(['shop\\x1fC-2'], now=datetime.now(UTC))",
    )

    refused = tenure(company_home, "restore", file, "--home", company_home, fails=True).stderr
    assert "is not empty" in refused

    told = restored(company_home, file, company_home, "--replace")
    after = contents(company_home, original / "tokens")
    aside = Path(told["aside"])
    assert after.pop("vault") == ["+86 138 0", "+86 138 1", None], "erased since, so erased here too"
    assert before.pop("vault")[2] == "+86 138 2"
    assert after == before
    assert "late" in str(contents(aside, original / "tokens")["users"])


@pytest.mark.postgres
def test_a_postgresql_that_holds_a_desk_is_refused_and_with_replace_kept_in_a_schema(
    company_home: Path, original: Path, tmp_path: Path, new_database: NewDatabase
) -> None:
    import psycopg

    url = new_database()
    file = backed_up(company_home, tmp_path / "b.tenure")["file"]
    restored(company_home, file, tmp_path / "one", "--database-url", url)

    refused = tenure(
        company_home, "restore", file, "--home", tmp_path / "two", "--database-url", url, fails=True
    ).stderr
    assert "already holds a desk" in " ".join(refused.split())
    assert not (tmp_path / "two").exists()

    restored(company_home, file, tmp_path / "two", "--database-url", url, "--replace")
    assert contents(tmp_path / "two", original / "tokens", DATABASE_URL=url)["vault"][0] == "+86 138 0"
    with psycopg.connect(url) as server:
        schemas = [name for (name,) in server.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'before_%'")]
        assert server.execute(f'SELECT count(*) FROM "{schemas[0]}".governance_user').fetchone() == (6,)


def test_doctor_says_when_the_last_backup_was_made(company_home: Path, tmp_path: Path) -> None:
    def said() -> str:
        lines = tenure(company_home, "doctor", columns=200).stdout.splitlines()
        at = next(n for n, line in enumerate(lines) if "Last backup" in line)
        return " ".join(lines[at : at + 2])

    assert "· Last backup: never" in said()
    python(company_home, EARLIER, 8, "backup", tmp_path / "a.tenure")
    assert "· Last backup" in said()
    assert "tenure backup" in said()
    backed_up(company_home, tmp_path / "b.tenure")
    assert "✓ Last backup" in said()
    assert os.fspath(tmp_path / "b.tenure") in said()
