"""The verbs of coming in: each leaves one audit entry and one announced event. None ever sees a password.

What was typed where a user name belongs is kept only where it is one: people type their password there by mistake.
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.events import SessionsEnded, SignedIn, SignInChanged, SignInRefused
from tenure.desk.governance.models import User


@transaction.atomic
def signed_in(user: User, *, method: str, address: str, now: datetime) -> None:
    """Record that the user came in, by which means and from where."""
    audit.record("sign_in", "user", user.pk, actor=user, now=now, method=method, address=address)
    announce(SignedIn(user.pk, method))


@transaction.atomic
def signed_out(user: User, *, now: datetime) -> None:
    """Record that the user went."""
    audit.record("sign_out", "user", user.pk, actor=user, now=now)
    announce(SignInChanged(user.pk, "sign_out"))


@transaction.atomic
def refused(username: str, *, why: str, address: str, now: datetime, **more: Any) -> None:
    """Record that someone did not come in. why: password, code, role, unknown, provider."""
    user = User.objects.filter(username__iexact=username).first() if username else None
    audit.record(
        "sign_in_refused", "user", user.pk if user else "", actor=None, now=now, why=why, address=address, **more
    )
    announce(SignInRefused(user.pk if user else None, why))


@transaction.atomic
def locked_out(username: str, *, address: str, now: datetime) -> None:
    """Record that too many attempts closed the door for a while; the attempts until it opens add nothing."""
    user = User.objects.filter(username__iexact=username).first()
    audit.record("lock_out", "user", user.pk if user else "", actor=None, now=now, address=address)
    announce(SignInRefused(user.pk if user else None, "locked"))


@transaction.atomic
def changed(user: User, verb: str, *, actor: User | None, now: datetime, **detail: Any) -> None:
    """Record a change in how the user signs in: a factor added or removed, a password, a linked identity."""
    audit.record(verb, "user", user.pk, actor=actor, now=now, **detail)
    announce(SignInChanged(user.pk, verb))


@transaction.atomic
def sessions_ended(user: User, *, sessions: int, now: datetime) -> None:
    """Record that the user signed out so many of the own other devices."""
    audit.record("end_sessions", "user", user.pk, actor=user, now=now, sessions=sessions)
    announce(SessionsEnded(user.pk, sessions))
