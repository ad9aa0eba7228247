"""A cache in the desk's database: what all processes must agree on, for as long as it holds.

Values are JSON: what comes out of a database is never unpickled. `add` is the one step that must be atomic (locks, codes
that work once): the key is the table's primary key, so of two processes the database lets one insert it.
"""

import json
import time
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from tenure.desk.governance.models import SharedValue


class SharedCache(BaseCache):
    """Django's cache interface over one small table, on SQLite and PostgreSQL alike."""

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def _expiry(self, timeout: Any) -> float | None:
        return self.get_backend_timeout(timeout)

    def _row(self, key: str, version: int | None) -> str:
        made = self.make_key(key, version)
        if len(made) > 250:
            from hashlib import sha256

            return "sha256:" + sha256(made.encode()).hexdigest()
        return made

    def _alive(self) -> "QuerySet[SharedValue]":
        return SharedValue.objects.filter(Q(expires_at=None) | Q(expires_at__gt=time.time()))

    def _forget_the_expired(self) -> None:
        SharedValue.objects.filter(expires_at__lte=time.time()).delete()

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        found = self._alive().filter(pk=self._row(key, version)).values_list("value", flat=True).first()
        return default if found is None else found

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        self._forget_the_expired()
        row = SharedValue(self._row(key, version), plain(value), self._expiry(timeout))
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError:
            return False
        return True

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._forget_the_expired()
        SharedValue.objects.update_or_create(
            pk=self._row(key, version), defaults={"value": plain(value), "expires_at": self._expiry(timeout)}
        )

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(self._alive().filter(pk=self._row(key, version)).update(expires_at=self._expiry(timeout)))

    def delete(self, key: str, version: int | None = None) -> bool:
        deleted, _each = SharedValue.objects.filter(pk=self._row(key, version)).delete()
        return bool(deleted)

    def clear(self) -> None:
        SharedValue.objects.all().delete()


def plain(value: Any) -> Any:
    """The value if JSON can hold it; TypeError otherwise: this is no place for tables or objects."""
    json.dumps(value)
    return value
