"""Figures over a whole customer base, worked out once a scope and kept until anything they are made of changes."""

import threading
from collections.abc import Callable, Collection, Mapping
from hashlib import blake2b
from typing import Any, TypeVar

from django.core.cache import caches

from tenure.desk.customers.models import Publication, Segment
from tenure.desk.governance.models import AuditEntry
from tenure.desk.lake import lake
from tenure.lake.scope import Scope

T = TypeVar("T")
KEEP_SECONDS = 3600
_computing = threading.RLock()  # a tile is remembered, and within it the figures it is made of


class Remembering:
    """What is remembered for one asker, asked in one go: what the keys have in common is looked up once.

    The key holds everything the answer depends on, so nothing is ever cleared: what no key asks for any more falls out
    by age. Keep one of these for a request at most.
    """

    def __init__(self, scope: Scope, publication: Publication | None) -> None:
        self._scope, self._publication = scope, publication
        self._common: tuple[object, ...] | None = None
        self._versions: dict[str, object] = {}

    def recall(self, what: str, *tables: str) -> Any | None:
        """What `remember` would give at once; None where it would have to be worked out."""
        return caches["figures"].get(self._key(what, tables))

    def remember(self, what: str, compute: Callable[[], T], *tables: str) -> T:
        """`compute()`, or what it gave before for this scope, generation, assignments and versions of these tables."""
        return self.remember_all({what: tables}, lambda _missing: {what: compute()})[what]

    def remember_all(
        self, wanted: Mapping[str, Collection[str]], compute: Callable[[list[str]], Mapping[str, T]]
    ) -> dict[str, T]:
        """Of each thing wanted (with the tables it is made of) what is remembered; all that is not is worked out at once."""
        cache = caches["figures"]
        keys = {what: self._key(what, tables) for what, tables in wanted.items()}

        def there() -> dict[str, T]:
            held = cache.get_many(keys.values())
            return {what: held[key] for what, key in keys.items() if held.get(key) is not None}

        found = there()
        if len(found) < len(keys):
            # One at a time: whoever else asks for the same figures meanwhile waits for them instead of working them out too.
            with _computing:
                found = there()
                missing = [what for what in keys if what not in found]
                if missing:
                    made = compute(missing)
                    cache.set_many({keys[what]: value for what, value in made.items()}, KEEP_SECONDS)
                    found |= made
        return found

    def _key(self, what: str, tables: Collection[str]) -> str:
        if self._common is None:
            self._common = (str(lake().folder), _asker(self._scope), _shown(self._publication), _moved())
        for table in tables:
            if table not in self._versions:
                self._versions[table] = lake().version(table)
        parts = repr((what, self._common, [(table, self._versions[table]) for table in tables]))
        return "figures:" + blake2b(parts.encode(), digest_size=16).hexdigest()


def remembered(what: str, scope: Scope, publication: Publication | None, compute: Callable[[], T], *tables: str) -> T:
    """`compute()`, or what it gave before for this scope, generation, assignments and versions of these lake tables.

    Give values that do not depend on the language. The key holds everything the answer depends on, so nothing is
    ever cleared: what no key asks for any more falls out by age.
    """
    return Remembering(scope, publication).remember(what, compute, *tables)


def recalled(what: str, scope: Scope, publication: Publication | None, *tables: str) -> Any | None:
    """What `remembered` would give at once; None where it would have to be worked out."""
    return Remembering(scope, publication).recall(what, *tables)


def _moved() -> int | None:
    """Something else each time customers come within somebody's reach, or leave it."""
    return (
        AuditEntry.objects.filter(verb__in=("assign_customer", "assign_customers"))
        .order_by("-pk")
        .values_list("pk", flat=True)
        .first()
    )


def _shown(publication: Publication | None) -> tuple[object, ...] | None:
    # The lake's version too: cards change within a generation where two customers become one, or one two.
    return (
        (publication.generation, publication.published_at.isoformat(), publication.lake_version, publication.rows)
        if publication
        else None
    )


def _members_of(segment: int) -> object:
    """Something else each time a segment was worked out anew."""
    return Segment.objects.filter(pk=segment).values_list("worked_out_at", "archived_at").first()


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
        (scope.segment, _members_of(scope.segment)) if scope.segment is not None else None,
        sorted(scope.masked),
        sorted(scope.hidden),
        _asker(scope.within) if scope.within else None,
    )
