from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from tenure.desk.customers.api import publish
from tenure.desk.governance.models import Team, User
from tenure.desk.governance.services import create_user
from tests.cast import MONDAY, PASSWORD, PEOPLE, cards, fill

SignIn = Callable[[str], Client]


@pytest.fixture(scope="session")
def filled_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder whose lake holds the small company; read, never written, by the tests."""
    home = tmp_path_factory.mktemp("company")
    fill(home / "lake")
    return home


@pytest.fixture
def people(db: None, settings: Any) -> dict[str, User]:
    """Everyone who signs in, and Zed, whose role was never set."""
    # Slow hashing is the point of a password hasher, and no point of these tests.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    teams = {name: Team.objects.create(name=name) for name in ("East", "South")}
    made = {
        name: create_user(
            name, password=PASSWORD, role=role, actor=None, now=MONDAY, team=teams.get(team), regions=regions
        )
        for name, (role, team, regions, _sees) in PEOPLE.items()
    }
    made["zed"] = User.objects.create_user("zed", password=PASSWORD)
    return made


@pytest.fixture
def company(people: dict[str, User], filled_home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, User]:
    """The small company published to the desk, its lake behind the pages; gives the people."""
    monkeypatch.setenv("TENURE_HOME", str(filled_home))
    cache.clear()
    publish(cards(), as_of=MONDAY, now=MONDAY)
    return people


@pytest.fixture
def sign_in(company: dict[str, User]) -> SignIn:
    def signed_in(name: str) -> Client:
        client = Client()
        client.force_login(company[name])
        return client

    return signed_in
