"""The verbs of accounts: each is one transaction, one audit entry, one announced event."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.events import AccessChanged, TeamSaved, UserCreated
from tenure.desk.governance.models import Team, User
from tenure.desk.governance.roles import ROLES
from tenure.errors import TenureError
from tenure.language import tr


@transaction.atomic
def create_user(
    username: str,
    *,
    password: str,
    role: str,
    actor: User | None,
    now: datetime,
    team: Team | None = None,
    regions: Sequence[str] = (),
    name: str = "",
    email: str = "",
    language: str = "",
) -> User:
    """Open an account. Raises TenureError for an unknown role, a name that is taken or a weak password."""
    _check_role(role)
    if User.objects.filter(username=username).exists():
        raise TenureError(tr('There is already a user "{name}".', name=username))
    user = User(
        username=username, role=role, team=team, regions=list(regions), first_name=name, email=email, language=language
    )
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise TenureError(" ".join(error.messages)) from error
    user.set_password(password)
    user.save()
    audit.record("create_user", "user", user.pk, actor=actor, now=now, username=username, role=role)
    announce(UserCreated(user.pk, role))
    return user


@transaction.atomic
def change_access(
    user: User,
    *,
    role: str,
    team: Team | None,
    regions: Sequence[str],
    active: bool,
    actor: User | None,
    now: datetime,
) -> User:
    """Change what a user may see, or close the account; takes effect with the user's next click.

    Nothing is written where nothing changes. Raises TenureError for an unknown role, or where no active
    administrator would be left.
    """
    _check_role(role)
    user = User.objects.select_for_update().get(pk=user.pk)
    before = _access(user)
    losing_an_admin = user.role == "admin" and user.is_active and not (role == "admin" and active)
    if losing_an_admin and not _other_admins(user):
        raise TenureError(tr("This is the last active administrator; make someone else one first."))
    user.role, user.team, user.regions, user.is_active = role, team, list(regions), active
    after = _access(user)
    if before == after:
        return user
    user.save(update_fields=["role", "team", "regions", "is_active"])
    audit.record("change_access", "user", user.pk, actor=actor, now=now, before=before, after=after)
    announce(AccessChanged(user.pk))
    return user


def change_role(user: User, *, role: str, actor: User | None, now: datetime) -> User:
    """Give the user another role, all else as it was."""
    return change_access(
        user, role=role, team=user.team, regions=user.regions, active=user.is_active, actor=actor, now=now
    )


@transaction.atomic
def save_team(team: Team, *, actor: User | None, now: datetime) -> Team:
    """Keep a team as it now is, new or renamed."""
    verb = "change_team" if team.pk else "create_team"
    team.save()
    audit.record(verb, "team", team.pk, actor=actor, now=now, name=team.name, region=team.region)
    announce(TeamSaved(team.pk))
    return team


def team_named(name: str, *, actor: User | None, now: datetime) -> Team:
    """The team of this name, made where there is none yet."""
    return Team.objects.filter(name=name).first() or save_team(Team(name=name), actor=actor, now=now)


def choose_language(user: User, language: str) -> None:
    """Remember which language the user reads. A preference, not a change anyone must account for."""
    User.objects.filter(pk=user.pk).update(language=language)


def _other_admins(user: User) -> bool:
    # Locked, so that two administrators cannot each demote the other at once.
    admins = User.objects.select_for_update().filter(role="admin", is_active=True).exclude(pk=user.pk)
    return bool(list(admins.values_list("pk", flat=True)))


def _access(user: User) -> dict[str, object]:
    return {"role": user.role, "team": user.team_id, "regions": list(user.regions), "active": user.is_active}


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise TenureError(tr('There is no role "{role}". There are: {known}.', role=role, known=", ".join(ROLES)))
