"""A command begins at once: what loads slowly is loaded by those who use it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import surroundings

SLOW = {"numba", "pandas", "pypinyin", "scipy", "sklearn", "splink", "tenure.pipeline", "tenure.insight.value"}
LOADED = "import sys; print(*sys.modules)"


@pytest.mark.parametrize(
    "what",
    ["import tenure.cli.app", "import django; django.setup()"],
    ids=["the commands", "the desk"],
)
def test_no_model_and_no_step_of_the_refresh_is_loaded_before_it_is_asked_for(what: str, tmp_path: Path) -> None:
    environment = surroundings(tmp_path / "home") | {"DJANGO_SETTINGS_MODULE": "tenure.settings"}

    ran = subprocess.run(
        [sys.executable, "-c", f"{what}; {LOADED}"], env=environment, capture_output=True, text=True, check=True
    )

    assert set(ran.stdout.split()) & SLOW == set()


@pytest.mark.parametrize("told", [{}, {"OMP_WAIT_POLICY": "ACTIVE"}], ids=["unless told", "told"])
def test_threads_are_asked_to_sleep_while_they_wait_before_a_library_makes_any(
    tmp_path: Path, told: dict[str, str]
) -> None:
    environment = surroundings(tmp_path / "home") | told
    says = "import sys, os, tenure; print('numpy' in sys.modules, os.environ['OMP_WAIT_POLICY'])"

    ran = subprocess.run([sys.executable, "-c", says], env=environment, capture_output=True, text=True, check=True)

    assert ran.stdout.split() == ["False", told.get("OMP_WAIT_POLICY", "PASSIVE")]
