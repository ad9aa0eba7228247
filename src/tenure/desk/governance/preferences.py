"""The link by which a person sees and changes their own consents, without an account.

The link is the whole authority: it is signed, ends, can be revoked, and names the person by a number alone.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core import signing
from django.db import transaction

from tenure.desk.events import announce
from tenure.desk.governance import audit, consents
from tenure.desk.governance.events import PreferenceLinkIssued
from tenure.desk.governance.models import PreferenceLink, User
from tenure.desk.governance.purposes import PURPOSES
from tenure.errors import TenureError
from tenure.language import tr

SALT = "tenure.preferences"
DAYS = 90


@dataclass(frozen=True, slots=True)
class Opened:
    """A link that holds: whose it is and when it was issued."""

    person_id: int
    issued_at: datetime


class LinkRefusedError(Exception):
    """The link opens nothing. ended: it was ours once; otherwise it never was. Neither says whose it was."""

    def __init__(self, *, ended: bool) -> None:
        super().__init__(ended)
        self.ended = ended


@transaction.atomic
def issue_link(person_id: int, *, actor: User | None, now: datetime, days: int = DAYS) -> str:
    """Make a link for this person and give its token; anyone who has it can change this person's consents.

    Raises TenureError for a person who was erased, or a life of less than a day or more than a year.
    """
    if not 1 <= days <= 366:
        raise TenureError(tr("A link lives from 1 to 366 days, not {days}.", days=days))
    person = consents.current(person_id)
    if consents.is_erased(person):
        raise TenureError(tr("This person's data were erased; nothing more can be recorded about them."))
    link = PreferenceLink.objects.create(
        nonce=secrets.token_urlsafe(24), person_id=person, issued_at=now, expires_at=now + timedelta(days=days),
        issued_by=actor,
    )  # fmt: skip
    audit.record(
        "issue_preference_link", "customer", person, actor=actor, now=now, link=link.pk,
        expires_at=link.expires_at.isoformat(timespec="seconds"),
    )  # fmt: skip
    announce(PreferenceLinkIssued(person))
    content = {
        "p": person, "n": link.nonce, "i": int(now.timestamp()), "e": int(link.expires_at.timestamp()),
    }  # fmt: skip
    return signing.dumps(content, salt=SALT)


def open_link(token: str, *, now: datetime) -> Opened:
    """Whose link this is. Raises LinkRefusedError where it is not ours, has ended, was revoked, or its person is gone."""
    try:
        content: dict[str, Any] = signing.loads(token, salt=SALT)
        person, nonce = int(content["p"]), str(content["n"])
        issued, ends = (datetime.fromtimestamp(int(content[name]), UTC) for name in ("i", "e"))
    except (signing.BadSignature, ValueError, KeyError, TypeError, OverflowError) as error:
        raise LinkRefusedError(ended=False) from error
    link = PreferenceLink.objects.filter(nonce=nonce, person_id=person).first()
    if link is None or link.revoked_at is not None or ends <= now or link.expires_at <= now:
        raise LinkRefusedError(ended=True)
    current = consents.current(person)
    if consents.is_erased(person) or consents.is_erased(current):
        raise LinkRefusedError(ended=True)
    return Opened(current, issued)


@transaction.atomic
def revoke_links(person_id: int, *, actor: User | None, now: datetime) -> int:
    """End every link of this person that still works; returns how many that were."""
    whose = consents.numbers_of(person_id)
    live = PreferenceLink.objects.filter(person_id__in=whose, revoked_at__isnull=True, expires_at__gt=now)
    ended = live.update(revoked_at=now)
    if ended:
        audit.record("revoke_preference_links", "customer", person_id, actor=actor, now=now, links=ended)
    return ended


@transaction.atomic
def choose(opened: Opened, wanted: dict[tuple[str, str], bool], *, now: datetime) -> int:
    """Write down what the person chose on the page: yes or no for each (purpose, channel); returns how many changed.

    What already stands so is not written again. A service message that is unticked is refused, any other withdrawn.
    """
    evidence = _evidence(opened)
    changed = 0
    for one in consents.standing(opened.person_id, now):
        yes = wanted.get((one.purpose, one.channel))
        if yes is None or yes == one.allowed:
            continue
        contract = PURPOSES[one.purpose].basis == "contract"
        consents.record_consent(
            opened.person_id, purpose=one.purpose, channel=one.channel,
            state="given" if yes else "refused" if contract else "withdrawn",
            evidence=evidence, source="preference page", actor=None, now=now,
        )  # fmt: skip
        changed += 1
    return changed


def withdraw_all(opened: Opened, *, now: datetime) -> int:
    """Take back every consent of the person with one click."""
    entries = consents.withdraw_everything(
        opened.person_id, source="preference page", actor=None, now=now, evidence=_evidence(opened)
    )
    return len(entries)


def _evidence(opened: Opened) -> str:
    return f"preference page, link issued {opened.issued_at:%Y-%m-%d %H:%M} UTC"
