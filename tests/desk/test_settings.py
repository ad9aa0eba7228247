import stat
from pathlib import Path

import pytest

from tenure.errors import TenureError
from tenure.settings import database_settings, secret_key


def test_the_secret_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    first = secret_key(tmp_path)

    assert secret_key(tmp_path) == first
    assert len(first) >= 50
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_without_a_home_folder_nothing_is_written(tmp_path: Path) -> None:
    home = tmp_path / "none"

    assert secret_key(home) != secret_key(home)
    assert not home.exists()


def test_a_postgresql_address_is_read_whole() -> None:
    found = database_settings("postgresql://ann:p%40ss@db.local:6543/desk?sslmode=require")

    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"]) == ("ann", "p@ss", "db.local", "6543")
    assert found["NAME"] == "desk"
    assert found["OPTIONS"] == {"sslmode": "require"}


def test_sqlite_takes_its_write_lock_at_once() -> None:
    found = database_settings("sqlite:////srv/a%20b/desk.sqlite3")

    assert found["NAME"] == "/srv/a b/desk.sqlite3"
    assert found["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in found["OPTIONS"]["init_command"]


def test_another_database_is_refused_with_what_to_give() -> None:
    with pytest.raises(TenureError, match=r'starts with "mysql".*Give postgresql://'):
        database_settings("mysql://x/y")
