"""Run as a process that archives a customer and dies by SIGKILL just before its nth write to lake or desk.

python -m tests.pipeline.killing_archiving N CUSTOMER_NUMBER
"""

import sys
from datetime import UTC, datetime


def main() -> None:
    import django

    django.setup()

    from django.db.transaction import Atomic

    from tenure.desk.customers import archiving
    from tenure.desk.customers.findings import Finding
    from tenure.desk.lake import lake, workspace
    from tenure.lake import SYSTEM, door
    from tenure.lake.store import Store
    from tenure.pipeline import archiving as followed
    from tests.rights.killing import deadly

    at, number = int(sys.argv[1]), sys.argv[2]
    now = datetime.now(UTC)
    write = deadly(at)
    for name in ("append", "replace", "delete", "blank"):
        write(Store, name)
    write(door, "write_document")
    write(Atomic, "__exit__")
    archiving.archive(
        Finding("customers", "phone", "no_number"), [("shop", number)], lake=lake(), scope=SYSTEM, actor=None, now=now,
        reason="no number",
    )  # fmt: skip
    followed.settle(workspace(), lake(), now=now)


if __name__ == "__main__":
    main()
