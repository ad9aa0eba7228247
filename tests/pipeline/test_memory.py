"""Memory a refresh holds on to, and gives back."""

import sys
from pathlib import Path

import numpy as np
import pytest

from tenure.pipeline.memory import held


def resident_mb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 // (1 << 20)


@pytest.mark.skipif(sys.platform != "linux", reason="what a process holds is told otherwise elsewhere")
def test_what_is_freed_is_held_within_and_given_back_after() -> None:
    before = resident_mb()
    with held():
        np.ones(40_000_000)  # 305 MB
        within = resident_mb()
    after = resident_mb()

    assert within - before > 250
    assert after - before < 100


def test_it_is_given_back_where_the_refresh_fails() -> None:
    with pytest.raises(OSError, match="full"), held():
        raise OSError("full")
    with held(), held():
        pass
