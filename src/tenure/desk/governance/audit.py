"""The one place that writes audit entries; services call it inside their transaction."""

from datetime import datetime
from typing import Any

from django.db import connection

from tenure.desk.governance.models import AuditEntry, User


def record(
    verb: str, object_type: str, object_id: object, *, actor: User | None, now: datetime, **detail: Any
) -> AuditEntry:
    """Write that `actor` did `verb`; no actor is the product itself or the command line.

    Refuses to run outside a transaction: the change and its evidence commit together or not at all.
    """
    if not connection.in_atomic_block:
        raise RuntimeError(f"audit entry {verb!r} outside a transaction")
    return AuditEntry.objects.create(
        at=now, actor=actor, verb=verb, object_type=object_type, object_id=str(object_id), detail=detail
    )
