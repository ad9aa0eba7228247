"""A workspace with nothing received yet, and somebody who may import."""

from pathlib import Path

import pytest
from django.test import Client

from tenure.desk.governance.models import User
from tests.web.importing.steps import signed_in


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, people: dict[str, User]) -> Path:
    """A workspace of the test's own, with nothing received yet."""
    monkeypatch.setenv("TENURE_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def dee(home: Path, people: dict[str, User]) -> Client:
    return signed_in(people["dee"])
