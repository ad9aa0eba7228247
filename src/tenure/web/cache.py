"""Figures over a whole customer base, worked out once a scope and kept until anything they are made of changes."""

import threading
from collections.abc import Callable, Collection
from hashlib import blake2b
from typing import Any, TypeVar

from django.core.cache import caches

from tenure.desk.customers.models import Publication
from tenure.desk.governance.models import AuditEntry
from tenure.desk.lake import lake
from tenure.lake.scope import Scope

T = TypeVar("T")
KEEP_SECONDS = 3600
_computing = threading.Lock()


def remembered(what: str, scope: Scope, publication: Publication | None, compute: Callable[[], T], *tables: str) -> T:
    """`compute()`, or what it gave before for this scope, generation, assignments and versions of these lake tables.

    Give values that do not depend on the language. The key holds everything the answer depends on, so nothing is
    ever cleared: what no key asks for any more falls out by age.
    """
    key = _key(what, scope, publication, tables)
    cache = caches["figures"]
    found: T | None = cache.get(key)
    if found is None:
        # One at a time: whoever else asks for the same figures meanwhile waits for them instead of working them out too.
        with _computing:
            found = cache.get(key)
            if found is None:
                found = compute()
                cache.set(key, found, KEEP_SECONDS)
    return found


def recalled(what: str, scope: Scope, publication: Publication | None, *tables: str) -> Any | None:
    """What `remembered` would give at once; None where it would have to be worked out."""
    return caches["figures"].get(_key(what, scope, publication, tables))


def _key(what: str, scope: Scope, publication: Publication | None, tables: Collection[str]) -> str:
    moved = (
        AuditEntry.objects.filter(verb__in=("assign_customer", "assign_customers"))
        .order_by("-pk")
        .values_list("pk", flat=True)
        .first()
    )
    versions = [(table, lake().version(table)) for table in tables]
    # The lake's version too: cards change within a generation where two customers become one, or one two.
    shown = (
        (publication.generation, publication.published_at.isoformat(), publication.lake_version, publication.rows)
        if publication
        else None
    )
    parts = repr((str(lake().folder), what, _asker(scope), shown, moved, versions))
    return "figures:" + blake2b(parts.encode(), digest_size=16).hexdigest()


def _asker(scope: Scope) -> tuple[object, ...]:
    """What of a scope the figures depend on: two askers who see the same share what is remembered."""
    used = {scope.reach, *(reach for _kind, reach in scope.objects)}
    return (
        scope.reach,
        scope.objects,
        scope.user_id if "own" in used else None,
        sorted(scope.team_ids) if "team" in used else None,
        sorted(scope.regions) if "region" in used else None,
        sorted(scope.persons) if "listed" in used else None,
        sorted(scope.masked),
        sorted(scope.hidden),
        _asker(scope.within) if scope.within else None,
    )
