"""The one place that writes audit entries; services call it inside their transaction.

Personal details never stand in the open: they go into `private`, sealed under a key that erasing destroys.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import caches
from django.db import IntegrityError, connection, transaction

from tenure.desk.governance import sealing
from tenure.desk.governance.models import AuditEntry, User

LOOK = timedelta(minutes=15)  # within this, looking again at the same customer is the same look


def record(
    verb: str,
    object_type: str,
    object_id: object,
    *,
    actor: User | None,
    now: datetime,
    subject: int | None = None,
    private: Mapping[str, Any] | None = None,
    **detail: Any,
) -> AuditEntry:
    """Write that `actor` did `verb`; no actor is the product itself or the command line.

    private: details that name or describe somebody, sealed for `subject` (a person id): erasing that person makes
    them unreadable and leaves the chain whole. Without a subject they are sealed under a key of their month.
    A verb over many rows is one entry: give their count and `digest(ids)`.
    Refuses to run outside a transaction: the change and its evidence commit together or not at all.
    """
    if not connection.in_atomic_block:
        raise RuntimeError(f"audit entry {verb!r} outside a transaction")
    entry = AuditEntry.objects.create(
        at=now,
        actor=actor,
        verb=verb,
        object_type=object_type,
        object_id=_plain(str(object_id)),
        detail=_plain(detail),
        sealed=_sealed(private, subject, now) if private else "",
    )
    transaction.on_commit(sealing.after_commit, robust=True)
    return entry


def read(
    object_type: str, object_id: object, *, actor: User, now: datetime, fields: Iterable[str], through: str = "page"
) -> bool:
    """Write down that `actor` saw these personal fields of somebody in clear; says whether that was a new look.

    through: page, api and so on. One entry a reader, object and quarter of an hour: paging through a timeline is one
    look. Call it after the reading, outside a transaction or in one. An export is a deed of its own: `record` it.
    """
    fields = sorted(set(fields))
    if not fields:
        return False
    key = f"audit:read:{actor.pk}:{object_type}:{object_id}"
    last: datetime | None = caches["figures"].get(key)  # of this process; the row's own mark holds across them
    if last is not None and timedelta(0) <= now - last < LOOK:
        return False
    quarter = int(now.timestamp() // LOOK.total_seconds())
    once = f"read:{actor.pk}:{object_type}:{object_id}:{quarter}"
    written = _once(
        once, "read", object_type, object_id, actor=actor, now=now, detail={"fields": fields, "through": through}
    )
    caches["figures"].set(key, now, LOOK.total_seconds())
    return written


def refused(verb: str, object_type: str, object_id: object, *, now: datetime, **detail: Any) -> bool:
    """Write down that something closed was asked for, once a quarter of an hour however often it is asked."""
    quarter = int(now.timestamp() // LOOK.total_seconds())
    once = f"{verb}:{object_type}:{object_id}:{quarter}"
    return _once(once, verb, object_type, object_id, actor=None, now=now, detail=detail)


def once(
    key: str, verb: str, object_type: str, object_id: object, *, actor: User | None, now: datetime, **detail: Any
) -> bool:
    """Write down what is told to the desk again until it is heard; says whether this was the first time."""
    return _once(key, verb, object_type, object_id, actor=actor, now=now, detail=detail)


def digest(ids: Iterable[int]) -> str:
    """What a verb over many rows leaves in its one entry: whoever has the ids can prove that it was these."""
    return hashlib.sha256(",".join(map(str, sorted(ids))).encode()).hexdigest()


def opened(entry: AuditEntry) -> Mapping[str, Any] | None:
    """The private details of an entry; None where there are none, or the person was erased."""
    if not entry.sealed:
        return None
    from tenure.vault import vault

    plain = vault().unseal(entry.sealed)
    found: Mapping[str, Any] | None = None if plain is None else json.loads(plain)
    return found


def _once(
    once: str,
    verb: str,
    object_type: str,
    object_id: object,
    *,
    actor: User | None,
    now: datetime,
    detail: Mapping[str, Any],
) -> bool:
    if AuditEntry.objects.filter(once=once).exists():
        return False
    try:
        with transaction.atomic():
            AuditEntry.objects.create(
                at=now, actor=actor, verb=verb, object_type=object_type, object_id=_plain(str(object_id)),
                detail=_plain(detail), once=once,
            )  # fmt: skip
            transaction.on_commit(sealing.after_commit, robust=True)
    except IntegrityError:  # another process wrote the same look just now
        return False
    return True


def _sealed(private: Mapping[str, Any], subject: int | None, now: datetime) -> str:
    from tenure.vault import vault

    of = f"person\x1f{subject}" if subject is not None else f"audit\x1f{now:%Y-%m}"
    # No token: the person was erased, and stays so.
    return vault().seal(of, json.dumps(_plain(private), ensure_ascii=False), context="audit") or ""


def _plain(value: Any) -> Any:
    """The value as both databases can keep it: text without null bytes and halves of characters."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    return value
