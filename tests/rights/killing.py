"""Run as a command that dies by SIGKILL just before its nth write to lake, vault, desk or files.

python -m tests.rights.killing N tenure-arguments…
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any


def deadly(at: int) -> Callable[[Any, str], None]:
    """Gives what makes a method of something count as a write."""
    done = 0

    def wrap(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def counted(*given: Any, **named: Any) -> Any:
            nonlocal done
            done += 1
            if done == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*given, **named)

        setattr(owner, name, counted)

    return wrap


def main() -> None:
    from django.db.transaction import Atomic

    from tenure.lake import door
    from tenure.lake.store import Store
    from tenure.sources import mentions
    from tenure.vault import Vault

    write = deadly(int(sys.argv[1]))
    for name in ("append", "delete", "blank", "drop_old_versions"):
        write(Store, name)
    write(door, "write_document")
    write(Vault, "destroy")
    write(mentions, "_rewritten")
    write(Atomic, "__exit__")
    sys.argv = ["tenure", *sys.argv[2:]]
    from tenure.cli import main as tenure

    tenure()


if __name__ == "__main__":
    main()
