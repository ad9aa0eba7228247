"""The chain over the audit entries: each link's hash stands on the one before it, its place and its entry as stored.

Linking is apart from writing: a verb writes its entry and is done, and one sealer at a time links what has been
committed, in whatever order that happened. Nobody holds anything that could be left behind: the lease is a lock of the
sealer's own transaction, and lets go when its process dies.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction

GENESIS = "0" * 64  # what the first link stands on
BATCH = 500  # links a transaction: some 10 ms on SQLite, so no verb waits behind the sealer
RECENT = 1000  # links looked back over for entries committed late, out of the order of their ids
LEASE = 0x74656E757265  # the sealer's lock on PostgreSQL; on SQLite whoever writes is alone anyway

Row = Sequence[Any]  # id, at, actor_id, verb, object_type, object_id, detail (as text), sealed, once

_WORDS: dict[str, tuple[str, str]] = {
    "sqlite": ("CASE length(e.at) WHEN 19 THEN e.at || '.000000' ELSE e.at || '' END", "e.detail || ''"),
    "postgresql": ("to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')", "e.detail::text"),
}


def columns() -> str:
    """The columns of an entry `e` for `link_hash`, in its order, read alike on both databases."""
    at, detail = _WORDS[connection.vendor]
    return f"e.id, {at}, e.actor_id, e.verb, e.object_type, e.object_id, {detail}, e.sealed, e.once"


class _TwiceError(ValueError):
    """A name stands twice in one object, which readers of JSON settle differently."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _TwiceError
    return found


_parse = json.JSONDecoder(object_pairs_hook=_pairs).decode
_write = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False).encode


def link_hash(previous: str, position: int, entry: Row) -> str:
    """SHA-256 over the hash before, the place in the chain, and the whole entry as it is stored.

    The detail is parsed first, so that the order and spacing a database gives its JSON do not count. What is no JSON
    (only tampering makes it so) counts as it stands.
    """
    values: list[Any] = list(entry)
    try:
        values[6] = _parse(values[6])
    except (ValueError, TypeError, RecursionError):
        values.append(values[6])
        values[6] = None
    return hashlib.sha256(f"tenure audit 1\n{previous}\n{position}\n{_write(values)}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Place:
    """The end of the chain: its last position (0: nothing sealed yet) and that link's hash."""

    position: int
    hash: str


def head() -> Place:
    """Where the chain ends now."""
    with connection.cursor() as cursor:
        return _head(cursor)


def _head(cursor: Any) -> Place:
    cursor.execute("SELECT position, hash FROM governance_chainlink ORDER BY position DESC LIMIT 1")
    found = cursor.fetchone()
    return Place(int(found[0]), found[1]) if found else Place(0, GENESIS)


def seal(*, thorough: bool = False, at_once: bool = False) -> int:
    """Link every committed entry that has no link yet, and say how many that were; 0 also where another is at it.

    Looks behind the last RECENT links alone, which is where new entries are; thorough looks at all, for one that was
    committed very late. at_once: no more than one BATCH, for somebody who waits.
    """
    linked = 0
    while some := _seal_some(thorough):
        linked += some
        if at_once:
            break
    return linked


def _seal_some(thorough: bool) -> int:
    with connection.cursor() as cursor:
        if not _waiting(cursor, thorough, limit=1):
            return 0  # found without taking a lock
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if not _alone(cursor):
                return 0
            end = _head(cursor)
            links = []
            position, previous = end.position, end.hash
            for entry in _waiting(cursor, thorough, limit=BATCH):
                position += 1
                previous = link_hash(previous, position, entry)
                links.append((position, entry[0], previous))
            cursor.executemany("INSERT INTO governance_chainlink (position, entry_id, hash) VALUES (%s, %s, %s)", links)
            return len(links)
    except IntegrityError:
        return 0  # the place was taken meanwhile: the one who took it goes on


def _alone(cursor: Any) -> bool:
    if connection.vendor != "postgresql":
        return True
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LEASE])
    return bool(cursor.fetchone()[0])


def _waiting(cursor: Any, thorough: bool, limit: int) -> list[Row]:
    floor = -(2**63) if thorough else _floor(cursor)
    cursor.execute(f"SELECT {columns()} {_UNLINKED} ORDER BY e.id LIMIT %s", [floor, floor, limit])
    return list(cursor.fetchall())


# The floor is said of both tables, so that no plan reads all links to find the few entries without one.
_UNLINKED = (
    "FROM governance_auditentry e WHERE e.id >= %s AND NOT EXISTS "
    "(SELECT 1 FROM governance_chainlink l WHERE l.entry_id = e.id AND l.entry_id >= %s)"
)


def _floor(cursor: Any) -> int:
    # Cut before the minimum is asked for, or a database may look for it along the whole index of entries.
    cursor.execute(
        "SELECT min(entry_id) FROM (SELECT entry_id FROM governance_chainlink ORDER BY position DESC LIMIT %s) recent",
        [RECENT],
    )
    found = cursor.fetchone()[0]
    return -(2**63) if found is None else int(found)


def unsealed(*, thorough: bool = False) -> int:
    """How many committed entries have no link yet."""
    with connection.cursor() as cursor:
        floor = -(2**63) if thorough else _floor(cursor)
        cursor.execute(f"SELECT count(*) {_UNLINKED}", [floor, floor])
        return int(cursor.fetchone()[0])


@dataclass(frozen=True, slots=True)
class State:
    """How the chain stands: its end, when the entry there was written, and how many entries wait for their link."""

    position: int
    hash: str
    at: datetime | None
    unsealed: int


def state() -> State:
    """The chain's state, cheap enough for every look at the page."""
    from tenure.desk.governance.models import AuditEntry

    end = head()
    at = AuditEntry.objects.filter(link__position=end.position).values_list("at", flat=True).first()
    return State(end.position, end.hash, at, unsealed())
