"""The verbs of accounts: each is one transaction, one audit entry, one announced event."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.access import role_named, role_of, roles
from tenure.desk.governance.events import AccessChanged, RoleChanged, TeamSaved, UserCreated
from tenure.desk.governance.models import CustomRole, Team, User
from tenure.desk.governance.roles import BUILT_IN, FIXED, OBJECTS, PERMISSIONS, REACHES, SHOWN, Role
from tenure.desk.governance.verifying import Verdict
from tenure.errors import TenureError
from tenure.lake.fields import FIELDS
from tenure.language import both, tr


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
    """Open an account.

    Raises TenureError for an unknown role, one that may more than the actor, a name that is taken or a weak password.
    """
    check_role(role, actor)
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
    user = User.objects.select_for_update().get(pk=user.pk)
    if role != user.role:
        check_role(role, actor)
    if actor is not None and role_of(user) is not None:
        check_role(user.role, actor)  # nor may anyone take away what they could not give
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


@transaction.atomic
def record_verification(found: Verdict, *, actor: User | None, now: datetime) -> None:
    """Write down that the audit chain was verified, and what that found."""
    broken: dict[str, Any] = {"first": asdict(both(found.first.told)), "breaks": found.breaks} if found.first else {}
    audit.record(
        "verify_audit", "chain", found.sealed, actor=actor, now=now, ok=found.ok, sealed=found.sealed,
        unsealed=found.unsealed, **broken,
    )  # fmt: skip


def choose_language(user: User, language: str) -> None:
    """Remember which language the user reads. A preference, not a change anyone must account for."""
    User.objects.filter(pk=user.pk).update(language=language)


def _other_admins(user: User) -> bool:
    # Locked, so that two administrators cannot each demote the other at once.
    admins = User.objects.select_for_update().filter(role="admin", is_active=True).exclude(pk=user.pk)
    return bool(list(admins.values_list("pk", flat=True)))


def _access(user: User) -> dict[str, object]:
    return {"role": user.role, "team": user.team_id, "regions": list(user.regions), "active": user.is_active}


def check_role(code: str, actor: User | None) -> None:
    """Raises TenureError for a role there is not, and for one that may more than the actor. No actor: any."""
    role = role_named(code)
    if role is None:
        raise TenureError(tr('There is no role "{role}". There are: {known}.', role=code, known=", ".join(roles())))
    _check_within(role, actor)


def _check_within(role: Role, actor: User | None) -> None:
    if too_much := beyond(role, actor):
        raise TenureError(
            tr(
                'Role "{role}" may more than you yourself: {what}. Ask an administrator.',
                role=role.words,
                what=", ".join(too_much),
            )
        )


def beyond(role: Role, actor: User | None) -> list[str]:
    """What a role may that the actor's own role may not; nobody hands out more than they have. No actor: all."""
    if actor is None:
        return []
    own = role_of(actor)
    if own is None:
        return [str(role.words)]
    found = [str(PERMISSIONS[name]) for name in PERMISSIONS if name in role.permissions - own.permissions]
    rank = list(REACHES)
    for kind in ("", *OBJECTS):
        wanted, has = role.objects.get(kind, role.reach), own.objects.get(kind, own.reach)
        if rank.index(wanted) > rank.index(has):
            found.append(str(REACHES[wanted]))
            break
    clearer = list(SHOWN)
    found += [
        str(FIELDS[name].words)
        for name in FIELDS
        if clearer.index(role.fields.get(name, "clear")) < clearer.index(own.fields.get(name, "clear"))
    ]
    return found


@transaction.atomic
def save_role(role: Role, *, actor: User | None, now: datetime) -> None:
    """Keep a role as it now is, new or changed; counts from everyone's next click. Nothing is written where nothing
    changes.

    Raises TenureError for the administrators' role, for a code, reach, permission or field that is none, and for what
    the actor may not give.
    """
    _check_editable(role.code)
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,19}", role.code):
        raise TenureError(
            tr(
                'A role\'s code is up to 20 small letters, digits, "-" and "_", a letter first; found "{code}".',
                code=role.code,
            )
        )
    if not role.words.en.strip() or not role.words.zh.strip():
        raise TenureError(tr("Give the role a name in both languages."))
    wrong = [
        *(name for name in sorted(role.permissions) if name not in PERMISSIONS),
        *(reach for reach in (role.reach, *role.objects.values()) if reach not in REACHES),
        *(kind for kind in role.objects if kind not in OBJECTS),
        *(name for name, shown in role.fields.items() if name not in FIELDS or shown not in SHOWN),
    ]
    if wrong:
        raise TenureError(tr("A role can't be made of: {unknown}.", unknown=", ".join(wrong)))
    before = role_named(role.code)
    for version in (before, role):
        if version is not None:
            _check_within(version, actor)
    if before == role:
        return
    CustomRole.objects.update_or_create(code=role.code, defaults=_as_row(role))
    audit.record(
        "save_role", "role", role.code, actor=actor, now=now, before=_as_row(before) if before else None,
        after=_as_row(role),
    )  # fmt: skip
    announce(RoleChanged(role.code))


@transaction.atomic
def drop_role(code: str, *, actor: User | None, now: datetime) -> None:
    """Give a role that every company starts with its first shape again, or delete one of the company's own.

    Raises TenureError for a role somebody still has, and for one there is not.
    """
    _check_editable(code)
    row = CustomRole.objects.filter(code=code).first()
    if row is None:
        raise TenureError(
            tr('Role "{role}" is as every company starts with it; there is nothing to take back.', role=code)
        )
    if code not in BUILT_IN and (holders := User.objects.filter(role=code).count()):
        raise TenureError(
            tr('{count} users still have role "{role}"; give them another first.', count=holders, role=code)
        )
    if code in BUILT_IN:
        _check_within(BUILT_IN[code], actor)
    row.delete()
    audit.record("drop_role", "role", code, actor=actor, now=now)
    announce(RoleChanged(code))


def _check_editable(code: str) -> None:
    if code == FIXED:
        raise TenureError(
            tr("The administrators' role can't be changed: whoever breaks every other must be able to mend it.")
        )


def _as_row(role: Role) -> dict[str, Any]:
    return {
        "name_en": role.words.en.strip()[:60],
        "name_zh": role.words.zh.strip()[:60],
        "meaning_en": role.meaning.en.strip()[:200],
        "meaning_zh": role.meaning.zh.strip()[:200],
        "reach": role.reach,
        "objects_reach": {kind: reach for kind, reach in sorted(role.objects.items()) if reach != role.reach},
        "permissions": sorted(role.permissions),
        "fields": {name: shown for name, shown in sorted(role.fields.items()) if shown != "clear"},
    }
