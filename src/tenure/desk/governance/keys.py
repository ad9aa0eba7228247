"""Keys for programs: made, shown once, revoked, and held against what a program presents.

A key is `tnr_` + what it is looked up by + 256 bits of chance. Such a secret can't be guessed from its digest, so one
SHA-256 is enough where a password needs a slow hash; and a key is looked at with every call, where slowness would cost.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.access import may, role_named, role_of, scope_as, scope_of
from tenure.desk.governance.events import KeyMade, KeyRevoked
from tenure.desk.governance.models import AuditEntry, Key, User
from tenure.desk.governance.models.keys import KeyQuerySet
from tenure.desk.governance.roles import Permission, Role
from tenure.desk.governance.services import check_role
from tenure.errors import TenureError
from tenure.lake.scope import Scope
from tenure.language import tr

MARK = "tnr"
LONGEST = timedelta(days=366)
# A busy program calls many times a second; a write for each would be most of what the desk does.
SELDOM = timedelta(minutes=1)
_NOBODYS = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True)
class Holder:
    """Who a program is, for whoever asks what it may: its key's role, and never more than its owner may today."""

    key: Key
    role: Role

    @property
    def owner(self) -> User:
        return self.key.owner

    def may(self, permission: Permission) -> bool:
        """Whether both the key and its owner may."""
        return permission in self.role.permissions and may(self.owner, permission)

    @property
    def scope(self) -> Scope:
        """What the key's role sees, within what its owner sees: a team's customers may lie outside the owner's regions."""
        return replace(scope_as(self.role, self.owner), within=scope_of(self.owner))


def visible_to(user: User) -> KeyQuerySet:
    """The keys this person may look at and revoke: the own ones; whoever keeps the accounts, all."""
    found = Key.objects.select_related("owner")
    return found if may(user, "users") else found.of(user)


@transaction.atomic
def make_key(
    owner: User, *, role: str, expires_at: datetime, name: str, actor: User | None, now: datetime
) -> tuple[Key, str]:
    """Make a key and return it with its text, which is shown this once and kept nowhere.

    actor: the owner, or one who keeps the accounts; None for the command line.
    Raises TenureError for an owner who may have none, somebody else's key, a role beyond the owner's or the actor's,
    no name, or a time that is past or more than a year away.
    """
    owner = User.objects.select_for_update().get(pk=owner.pk)
    if not may(owner, "keys"):
        raise TenureError(
            tr('"{name}" can\'t have keys: the account is closed or its role lacks them.', name=owner.username)
        )
    if actor is not None and actor.pk != owner.pk and not may(actor, "users"):
        raise TenureError(tr("A key can be made for oneself; for others, whoever keeps the accounts makes it."))
    check_role(role, owner)
    check_role(role, actor)
    name = name.strip()[:80]
    if not name:
        raise TenureError(tr("Give the key a name that says which program uses it."))
    if not now < expires_at <= now + LONGEST:
        raise TenureError(tr("A key lives for up to a year, and its end must lie ahead."))
    prefix, secret = secrets.token_hex(5), secrets.token_urlsafe(32)
    text = f"{MARK}_{prefix}_{secret}"
    key = Key.objects.create(
        owner=owner, name=name, role=role, prefix=prefix, digest=_digest(text), made_at=now, expires_at=expires_at
    )
    audit.record("make_key", "key", key.pk, actor=actor, now=now, owner=owner.pk, name=name, role=role, prefix=prefix,
                 expires_at=expires_at.isoformat(timespec="seconds"))  # fmt: skip
    announce(KeyMade(key.pk, owner.pk))
    return key, text


@transaction.atomic
def revoke_key(key_id: int, *, actor: User | None, now: datetime) -> Key:
    """End a key for good; counts from the program's next call. Revoked again, nothing is written.

    Raises Key.DoesNotExist for a key the actor may not see.
    """
    found = Key.objects.all() if actor is None else visible_to(actor)
    key = found.select_for_update(of=("self",)).get(pk=key_id)
    if key.revoked_at is None:
        key.revoked_at = now
        key.save(update_fields=["revoked_at"])
        audit.record("revoke_key", "key", key.pk, actor=actor, now=now, owner=key.owner_id, prefix=key.prefix)
        announce(KeyRevoked(key.pk))
    return key


def authenticate(presented: str, now: datetime) -> Key | None:
    """The key a program presented; None for one that is forged, revoked, past its time, or of a closed account.

    When it was last used is written at most once a minute. A refusal leaves an audit entry, at most one a minute for
    each key (and one for all that are nobody's), which never holds what was presented.
    """
    parts = presented.split("_", 2) if presented.isascii() and len(presented) <= 200 else []
    prefix = parts[1] if len(parts) == 3 and parts[0] == MARK else ""
    key = Key.objects.select_related("owner__team").filter(prefix=prefix).first() if prefix else None
    # Compared in any case, in constant time: how long a refusal takes says nothing.
    genuine = hmac.compare_digest(_digest(presented), key.digest if key else _NOBODYS)
    refused = (
        "unknown" if key is None
        else "forged" if not genuine
        else "revoked" if key.revoked_at is not None
        else "expired" if not key.lives(now)
        else "owner" if not may(key.owner, "keys") or holder(key) is None
        else ""
    )  # fmt: skip
    if key is None or refused:
        _note_refusal(key, refused, now)
        return None
    recently = Q(last_used_at__gt=now - SELDOM)
    if Key.objects.filter(pk=key.pk).exclude(recently).update(last_used_at=now):
        key.last_used_at = now
    return key


def holder(key: Key) -> Holder | None:
    """Who uses the key now; None where its role or its owner's is no more."""
    role = role_named(key.role)
    return Holder(key, role) if role is not None and role_of(key.owner) is not None else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


@transaction.atomic
def _note_refusal(key: Key | None, why: str, now: datetime) -> None:
    number = str(key.pk) if key else "unknown"
    lately = AuditEntry.objects.filter(object_type="key", object_id=number, verb="refuse_key", at__gt=now - SELDOM)
    if not lately.exists():
        audit.record("refuse_key", "key", number, actor=None, now=now, why=why, prefix=key.prefix if key else "")
