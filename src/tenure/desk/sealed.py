"""Fields that lie sealed in the desk's database, and how they are found all the same.

A sealed field is written as a token under the workspace's keyring, which is no part of the database; it can be neither
compared nor sorted there. What must be found is given a blind index beside it: a keyed digest of its normal form. A row
says under which key it lies (`sealed_under`), so keys can change a few rows at a time.
"""

import binascii
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldError
from django.db import connection, models, transaction

from tenure.errors import TenureError
from tenure.keyring import Keyring, keyring

CHUNK = 500  # rows a write: well under 100 ms on SQLite, so nobody waits behind a change of keys
_MARK = "tnK1"
_INDEX_BYTES = 16

Progress = Callable[[int, int], None]
Seal = Callable[[bytes, bytes], bytes]


class _Sealed(models.TextField):  # type: ignore[type-arg]
    """Text that lies sealed. Empty text lies empty. Looking for it by its value is refused: look by its index."""

    @cached_property
    def context(self) -> bytes:
        """What its tokens say they are: moved to another column, they do not open."""
        return f"{self.model._meta.db_table}.{self.attname}".encode()

    def plain(self, value: Any) -> str:
        """The text to seal."""
        return "" if value is None else str(value)

    def sealed(self, value: Any, seal: Seal) -> str:
        """The value as it lies in the database."""
        text = self.plain(value)
        return binascii.b2a_base64(seal(text.encode(), self.context), newline=False).decode() if text else ""

    def opened(self, token: str) -> str | None:
        """The text of a value as it lies; None where it does not open."""
        if not token or not token.startswith(_MARK):
            return token
        try:
            return keyring().unseal(binascii.a2b_base64(token), context=self.context).decode()
        except (TenureError, ValueError):
            return None

    def get_db_prep_save(self, value: Any, connection: Any) -> str:
        return self.sealed(value, keyring().sealer()) if self.plain(value) else ""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        # What was written before anything was sealed is text; the migration reads it so.
        if not value or not value.startswith(_MARK):
            return value or ""
        return keyring().unseal(binascii.a2b_base64(value), context=self.context).decode()

    def get_lookup(self, lookup_name: str) -> Any:
        raise FieldError(f"{self.name} lies sealed and can't be looked for by its value; look by its index")


class SealedText(_Sealed):
    """Sealed text."""


class SealedJSON(_Sealed):
    """A sealed JSON object; nothing in it lies as empty text."""

    def plain(self, value: Any) -> str:
        text = value if isinstance(value, str) else json.dumps(value or {}, ensure_ascii=False)
        return "" if text == "{}" else text

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return json.loads(super().from_db_value(value, expression, connection) or "{}")


class BlindIndex(models.CharField):  # type: ignore[type-arg]
    """A keyed digest of another field's normal form: equal values have equal digests, and that is all it tells.

    of: the field's name. normal: brings a value to the form that is looked for; empty is not indexed.
    """

    def __init__(self, *, of: str, normal: Callable[[str], str], **kwargs: Any) -> None:
        self.of, self.normal = of, normal
        super().__init__(**{"max_length": 2 * _INDEX_BYTES, "blank": True, "db_index": True, **kwargs})

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, kwargs | {"of": self.of, "normal": self.normal}

    @cached_property
    def purpose(self) -> str:
        return f"{self.model._meta.db_table}.{self.attname}"

    def digest(self, value: Any, digest: Callable[[bytes], bytes]) -> str:
        normal = self.normal(str(value or ""))
        return digest(normal.encode())[:_INDEX_BYTES].hex() if normal else ""

    def wanted(self, value: str) -> list[str]:
        """What to look for to find this value: its digest under each key there is. Empty where it has no normal form."""
        normal = self.normal(value)
        return [mac[:_INDEX_BYTES].hex() for mac in keyring().macs(self.purpose, normal.encode())] if normal else []

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        value = self.digest(getattr(model_instance, self.of), keyring().digester(self.purpose))
        setattr(model_instance, self.attname, value)
        return value


class SealedUnder(models.CharField):  # type: ignore[type-arg]
    """The id of the key a row lies under; empty: its fields were written before anything was sealed.

    Comes before the sealed fields of its model, so that a key changed while the row is written leaves it due.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 8, "blank": True, "default": "", "editable": False, **kwargs})

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        value = keyring().current
        setattr(model_instance, self.attname, value)
        return value


class RowSealer:
    """Seals rows of a model given as plain values by column, all under one key; for writing many at once."""

    def __init__(self, model: type[models.Model], ring: Keyring | None = None) -> None:
        ring = ring or keyring()
        self.under = ring.current
        self._seal = ring.sealer(under=self.under)
        fields = model._meta.concrete_fields
        self._sealed = [field for field in fields if isinstance(field, _Sealed)]
        self._by_name = {field.attname: field for field in self._sealed}
        self._under = [field.attname for field in fields if isinstance(field, SealedUnder)]
        self._indexes = [
            (field, ring.digester(field.purpose, under=self.under)) for field in fields if isinstance(field, BlindIndex)
        ]

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row with its sealed columns, their indexes, and the key it lies under."""
        lies = dict(row)
        for index, digest in self._indexes:
            lies[index.attname] = index.digest(row[index.of], digest)
        for field in self._sealed:
            lies[field.attname] = field.sealed(row[field.attname], self._seal)
        return lies | dict.fromkeys(self._under, self.under)

    def value(self, name: str, value: Any) -> str:
        """One sealed column's value as it lies."""
        return self._by_name[name].sealed(value, self._seal)

    def says(self, row: Mapping[str, Any], lies: Mapping[str, Any]) -> bool:
        """Whether a row as it lies says what this one does, all of it sealed and indexed under the key of today."""
        return (
            all(lies[name] == self.under for name in self._under)
            and all(lies[index.attname] == index.digest(row[index.of], digest) for index, digest in self._indexes)
            and all(field.opened(lies[field.attname]) == field.plain(row[field.attname]) for field in self._sealed)
        )

    @property
    def columns(self) -> list[str]:
        """The columns that are sealed, index what is, or say under which key."""
        return [
            *self._under,
            *(index.attname for index, __ in self._indexes),
            *(field.attname for field in self._sealed),
        ]


def sealed_models() -> Iterator[type[models.Model]]:
    """The models that have anything sealed."""
    for model in apps.get_models():
        if any(isinstance(field, _Sealed) for field in model._meta.concrete_fields):
            yield model


def under() -> dict[str, int]:
    """How many of the desk's rows lie under each key, by its id."""
    found: dict[str, int] = {}
    for model in sealed_models():
        counted = model._default_manager.order_by().values_list("sealed_under").annotate(n=models.Count("pk"))
        for key, n in counted:
            found[key] = found.get(key, 0) + n
    return found


def reseal(model: type[models.Model], progress: Progress | None = None) -> int:
    """Seal anew, a few rows at a time, what does not lie under the current key; returns how many rows.

    A row somebody else writes meanwhile is left to them. Killed, the next call goes on where this one stopped.
    """
    if not model._default_manager.exists():
        return 0  # and no keyring made for nothing
    rows = model._default_manager.order_by("pk").exclude(sealed_under=keyring().current)
    total = rows.count()
    done, last = 0, None
    fields = [field for field in model._meta.concrete_fields if isinstance(field, _Sealed | BlindIndex | SealedUnder)]
    read = ["pk", "sealed_under", *(field.attname for field in fields if isinstance(field, _Sealed))]
    quoted = connection.ops.quote_name
    sets = ", ".join(f"{quoted(field.attname)} = %s" for field in fields)
    key = model._meta.pk
    assert key is not None
    sql = (
        f"UPDATE {quoted(model._meta.db_table)} SET {sets} "
        f"WHERE {quoted(key.attname)} = %s AND {quoted('sealed_under')} = %s"
    )
    while True:
        chunk = list((rows if last is None else rows.filter(pk__gt=last)).values(*read)[:CHUNK])
        if not chunk:
            return done
        seal = RowSealer(model)
        anew = [(seal(row), row) for row in chunk]
        values = [[*(lies[field.attname] for field in fields), row["pk"], row["sealed_under"]] for lies, row in anew]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(sql, values)
        last, done = chunk[-1]["pk"], done + len(chunk)
        if progress:
            progress(done, max(total, done))
