"""Run as a process that joins two customers and dies by SIGKILL just before its nth write to lake or desk.

python -m tests.pipeline.killing_decisions N LEFT RIGHT
"""

import sys
from datetime import UTC, datetime


def main() -> None:
    import django

    django.setup()

    from django.db.transaction import Atomic

    from tenure.desk.customers import duplicates
    from tenure.desk.lake import lake
    from tenure.lake import SYSTEM
    from tenure.lake.store import Store
    from tests.rights.killing import deadly

    at, left, right = (int(text) for text in sys.argv[1:])
    write = deadly(at)
    for name in ("append", "replace", "delete", "blank"):
        write(Store, name)
    write(Atomic, "__exit__")
    # The listener that wiring connects follows the decision once it is committed, as in a page's request.
    duplicates.join(left, right, lake=lake(), scope=SYSTEM, actor=None, now=datetime.now(UTC))


if __name__ == "__main__":
    main()
