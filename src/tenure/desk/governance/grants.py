"""Sharing with a partner for a while: who gets which fields of which customers, by a secret link.

The giver stays answerable: a link shows what the giver may see in clear at the moment it is opened, and no more than was
given. Whatever closes it (revoked, over, not begun, never given, the giver gone), from outside it looks the same.
"""

import hashlib
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from django.db import transaction
from django.db.models import QuerySet

from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.events import GrantGiven, GrantRevoked
from tenure.desk.governance.models import Grant, User
from tenure.errors import TenureError
from tenure.language import tr

MOST_CUSTOMERS = 20_000
LONGEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody sees of the customers: the fields in clear, and which of some persons are within reach."""

    fields: Collection[str]
    reaches: Callable[[Sequence[int]], Collection[int]]


SightOf: TypeAlias = Callable[[User], Sight]
"""How the room of customers, which stands on this one, answers for a user."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What an open link shows right now: these fields and persons, in the order they were given."""

    grant: Grant
    fields: list[str]
    person_ids: list[int]


@transaction.atomic
def grant(
    partner: str,
    *,
    fields: Sequence[str],
    person_ids: Sequence[int],
    until: datetime,
    sight_of: SightOf,
    actor: User,
    now: datetime,
    starts_at: datetime | None = None,
    query: str = "",
) -> tuple[Grant, str]:
    """Share these fields of these customers until then; returns the grant and its token, which nothing keeps.

    query: the list the customers were chosen by, for the record. Nobody gives what their own scope does not show in
    clear. Raises TenureError where the partner has no name, nothing is chosen, the end is past or further than a year
    away, or the actor may not give this.
    """
    partner, starts_at = partner.strip()[:200], starts_at or now
    fields, person_ids = list(dict.fromkeys(fields)), list(dict.fromkeys(person_ids))
    if not may(actor, "grants"):
        raise TenureError(tr("Your role does not share customers with partners. Ask an administrator."))
    if not partner:
        raise TenureError(tr("Say which partner this is for."))
    if not fields:
        raise TenureError(tr("Choose at least one field to share."))
    if not person_ids:
        raise TenureError(tr("The list holds no customer to share. Choose another list."))
    if len(person_ids) > MOST_CUSTOMERS:
        raise TenureError(
            tr(
                "The list holds {found:,} customers; a link shares up to {most:,}. Narrow the list.",
                found=len(person_ids),
                most=MOST_CUSTOMERS,
            )
        )
    if not max(now, starts_at) < until <= starts_at + LONGEST:
        raise TenureError(tr("A link ends in the future, and a year after it begins at the latest."))
    sight = sight_of(actor)
    if beyond := [name for name in fields if name not in sight.fields]:
        raise TenureError(tr("You do not see {fields} in clear, so you can't share it.", fields=", ".join(beyond)))
    if len(sight.reaches(person_ids)) != len(person_ids):
        raise TenureError(tr("Some of these customers are not within your reach, so you can't share them."))
    token = secrets.token_urlsafe(32)
    given = Grant.objects.create(
        partner=partner, fields=fields, person_ids=person_ids, starts_at=starts_at, until=until, created_by=actor,
        created_at=now, token_hash=hash_of(token),
    )  # fmt: skip
    audit.record(
        "grant", "grant", given.pk, actor=actor, now=now, private={"query": query[:2000]} if query else None,
        partner=partner, fields=fields, customers=len(person_ids), digest=audit.digest(person_ids),
        starts_at=starts_at.isoformat(timespec="minutes"), until=until.isoformat(timespec="minutes"),
    )  # fmt: skip
    announce(GrantGiven(given.pk))
    return given, token


@transaction.atomic
def revoke(grant_id: int, *, actor: User, now: datetime) -> Grant:
    """Close a link for good; closing a closed one changes nothing. Raises Grant.DoesNotExist for one not the actor's."""
    found = visible_to(actor).select_for_update(of=("self",)).get(pk=grant_id)
    if found.revoked_at is None:
        found.revoked_at, found.revoked_by = now, actor
        found.save(update_fields=["revoked_at", "revoked_by"])
        audit.record("revoke_grant", "grant", found.pk, actor=actor, now=now, partner=found.partner)
        announce(GrantRevoked(found.pk))
    return found


def visible_to(user: User) -> QuerySet[Grant]:
    """The grants a user may see and revoke: the own ones, and everybody's for whom every customer is within reach."""
    if not may(user, "grants"):
        return Grant.objects.none()
    seen = Grant.objects.select_related("created_by", "revoked_by")
    return seen if scope_of(user).reach == "all" else seen.filter(created_by=user)


def open_link(token: str, *, sight_of: SightOf, now: datetime, download: bool = False) -> Opened | None:
    """What this link shows now, written down as an opening; None for whatever is not available, whyever.

    A link somebody once had, tried after its end, is written down too (once a quarter of an hour); a token nobody was
    ever given leaves nothing, or strangers could fill the audit.
    """
    found = Grant.objects.select_related("created_by").filter(token_hash=hash_of(token)).first()
    if found is None:
        return None
    opened = _shown(found, sight_of, now)
    if opened is None:
        audit.refused("grant_refused", "grant", found.pk, now=now, partner=found.partner)
        return None
    with transaction.atomic():
        # Revoked between the look and the record, it stays closed.
        if not Grant.objects.select_for_update().filter(pk=found.pk, revoked_at=None).exists():
            return None
        audit.record(
            "download_grant" if download else "open_grant", "grant", found.pk, actor=None, now=now,
            partner=found.partner, fields=opened.fields, customers=len(opened.person_ids),
            digest=audit.digest(opened.person_ids),
        )  # fmt: skip
    return opened


def hash_of(token: str) -> str:
    """What is kept of a token. It is long and random, so a plain hash can't be turned back."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _shown(found: Grant, sight_of: SightOf, now: datetime) -> Opened | None:
    giver = found.created_by
    if not found.is_open(now) or not may(giver, "grants"):
        return None
    sight = sight_of(giver)
    reached = set(sight.reaches(found.person_ids))
    fields = [name for name in found.fields if name in sight.fields]
    person_ids = [person for person in found.person_ids if person in reached]
    return Opened(found, fields, person_ids) if fields and person_ids else None
