"""Both databases run in the suite; nothing may work on one only."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ON_SERVER, ROOT

FOLDERS = ("tests/desk", "tests/web")


@pytest.mark.postgres
@pytest.mark.skipif(ON_SERVER in os.environ, reason="this is that run")
def test_the_desk_and_its_pages_pass_on_postgresql_too(postgresql_url: str) -> None:
    environment = os.environ | {"DATABASE_URL": postgresql_url, ON_SERVER: "1"}

    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *FOLDERS],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
