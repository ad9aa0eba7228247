"""The verbs of the keyring: a new master key, everything sealed moved under it, and old keys forgotten."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from tenure.desk import sealed
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.events import MasterKeyMade, MasterKeyRetired
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.home import home_folder, vault_path
from tenure.keyring import keyring
from tenure.language import tr
from tenure.vault import vault

Tell = Callable[[str, int, int], None]  # what is worked on, done, total


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A master key and what lies under it: keys of subjects in the vault, rows of the desk."""

    key: str
    made: datetime
    current: bool
    subjects: int
    rows: int

    @property
    def is_free(self) -> bool:
        return not (self.subjects or self.rows)


def uses() -> list[KeyUse]:
    """Every master key, newest first, with what lies under it."""
    subjects, rows = _subjects(), sealed.under()
    ring = keyring()
    return [
        KeyUse(key, made, key == ring.current, subjects.get(key, 0), rows.get(key, 0))
        for key, made in ring.made.items()
    ]


def in_clear() -> int:
    """How many rows of the desk have not been sealed yet."""
    return sealed.under().get("", 0)


def is_due() -> bool:
    """Whether anything lies under an older key, or under none: a change of keys was stopped half way."""
    current = keyring().current
    return any(key != current and n for counted in (_subjects(), sealed.under()) for key, n in counted.items())


def make_key(*, actor: User | None, now: datetime) -> str:
    """Make a new master key, which seals from now on; returns its id. Older keys still open what they sealed."""
    key = keyring().rotate(now=now)
    with transaction.atomic():
        audit.record("make_master_key", "keyring", key, actor=actor, now=now)
        announce(MasterKeyMade(key))
    return key


def move_to_current(tell: Tell = lambda what, done, total: None) -> int:
    """Move everything sealed under the current key, a few at a time while others work; returns how many.

    Killed, the next call goes on where this one stopped. Not a change anyone sees, so nothing is written of it
    but the key's own entry.
    """
    moved = 0
    if vault_path(home_folder()).exists():
        moved += vault().rewrap(lambda done, total: tell("vault", done, total))
    for model in sealed.sealed_models():
        name = str(model._meta.verbose_name_plural)
        moved += sealed.reseal(model, lambda done, total, name=name: tell(name, done, total))  # type: ignore[misc]
    return moved


def retire_key(key: str, *, actor: User | None, now: datetime) -> None:
    """Forget an older key for good: backups and signed links made under it open no more.

    Raises TenureError while anything lies under it, for the current key, and within an hour of its replacement.
    """
    found = {use.key: use for use in uses()}
    use = found.get(key)
    if use is not None and not use.is_free and not use.current:
        raise TenureError(
            tr(
                "{subjects:,} subjects and {rows:,} rows still lie under key {key}. "
                "Move them first with: tenure keys rotate",
                subjects=use.subjects,
                rows=use.rows,
                key=key,
            )
        )
    keyring().retire(key, now=now)
    with transaction.atomic():
        audit.record("retire_master_key", "keyring", key, actor=actor, now=now)
        announce(MasterKeyRetired(key))


def _subjects() -> dict[str, int]:
    return vault().under() if vault_path(home_folder()).exists() else {}
