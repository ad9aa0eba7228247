"""The audit chain at the terminal: whole, tampered with through the database file, and held against a head kept elsewhere."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.running import PASSWORD, tenure


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which a team was made and an account opened, and its chain's end was signed."""
    home = tmp_path_factory.mktemp("audited") / "home"
    tenure(home, "user", "add", "dee", "--role", "admin", "--team", "North", TENURE_PASSWORD=PASSWORD)
    tenure(home, "audit", "head")
    return home


@pytest.fixture
def copy(shop: Path, tmp_path: Path) -> Path:
    """The same workspace for one test to spoil."""
    shutil.copytree(shop, tmp_path / "home")
    return tmp_path / "home"


def spoil(home: Path, *statements: str) -> None:
    """SQL by somebody who has the database file, and knows of the triggers."""
    with closing(sqlite3.connect(home / "desk.sqlite3")) as desk:
        names = desk.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for sql in (*(f"DROP TRIGGER {name}" for (name,) in names), *statements):
            desk.execute(sql)
        desk.commit()


def test_a_whole_chain_is_said_to_be_whole(shop: Path) -> None:
    said = tenure(shop, "audit", "verify").stdout
    found = json.loads(tenure(shop, "audit", "verify", "--json").stdout)

    assert "The audit chain is whole" in said
    assert (found["ok"], found["unsealed"], found["first"]) == (True, 0, None)
    assert found["heads"] >= 1


def test_whoever_opens_the_database_file_can_neither_change_nor_delete_an_entry(copy: Path) -> None:
    with closing(sqlite3.connect(copy / "desk.sqlite3")) as desk:
        for sql in ("UPDATE governance_auditentry SET verb = 'x'", "DELETE FROM governance_chainlink"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                desk.execute(sql)


def test_the_first_changed_row_is_named_and_the_command_fails(copy: Path) -> None:
    spoil(
        copy, "UPDATE governance_auditentry SET detail = replace(detail, 'admin', 'agent') WHERE verb = 'create_user'"
    )

    ended = tenure(copy, "audit", "verify", fails=True)
    found = json.loads(tenure(copy, "audit", "verify", "--json", fails=True).stdout)

    assert "Position 2: entry 2" in " ".join(ended.stderr.split())
    assert (found["first"]["kind"], found["first"]["position"], found["first"]["entry"]) == ("altered", 2, 2)
    assert found["first"]["found"] != found["first"]["expected"]


def test_a_head_kept_elsewhere_shows_an_end_that_was_cut_off_with_its_heads(copy: Path) -> None:
    kept = tenure(copy, "audit", "head").stdout.strip()
    spoil(
        copy,
        "DELETE FROM governance_chainlink WHERE position > 1",
        "DELETE FROM governance_auditentry WHERE id > 1",
    )
    heads = copy / "audit" / "heads.txt"
    heads.write_text(heads.read_text().splitlines(keepends=True)[0])

    found = json.loads(tenure(copy, "audit", "verify", "--json", "--head", kept, fails=True).stdout)

    assert found["first"]["kind"] == "cut"


def test_what_is_no_head_is_refused_with_where_to_get_one(shop: Path) -> None:
    assert "tenure audit head" in tenure(shop, "audit", "verify", "--head", "hello", fails=True).stderr


def test_a_lost_keyring_is_named_and_nothing_is_made_in_its_place(copy: Path) -> None:
    keys = copy / "keys" / "master.json"
    keys.unlink()

    said = tenure(copy, "audit", "verify", fails=True).stderr

    assert "keyring" in said
    assert not keys.exists()


def test_the_newest_entries_are_shown_for_people_and_for_programs(shop: Path) -> None:
    shown = " ".join(tenure(shop, "audit", "show", columns=200).stdout.split())
    rows = json.loads(tenure(shop, "audit", "show", "--verb", "create_user", "--format", "json").stdout)

    assert "Opened an account" in shown
    assert [(row["verb"], row["object"], row["detail"]["username"]) for row in rows] == [
        ("create_user", "user 1", "dee")
    ]
    assert "开设账号" in tenure(shop, "audit", "show", lang="zh", columns=200).stdout
