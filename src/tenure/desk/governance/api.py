"""What governance offers to higher lines of the tree."""

from datetime import datetime
from typing import Any, TypeAlias

from tenure.desk.governance import services
from tenure.desk.governance.models import Team, User
from tenure.desk.governance.roles import ROLES, Permission
from tenure.lake.scope import Scope

Asker: TypeAlias = Any  # a User, or nobody signed in


def scope_of(user: Asker) -> Scope:
    """Whose customers the user may see, and which columns read as null.

    Not signed in, inactive, without a role, or a manager of nothing: no customer at all.
    """
    role = ROLES.get(getattr(user, "role", "")) if getattr(user, "is_active", False) else None
    if role is None:
        return Scope()
    reach, teams, regions = role.reach, frozenset[int](), frozenset[str]()
    if role.reach == "team":
        if user.regions:
            reach, regions = "region", frozenset(user.regions)
        elif user.team_id is not None:
            teams = frozenset({user.team_id})
        else:
            return Scope()
    return Scope(reach=reach, user=user.username, user_id=user.pk, team_ids=teams, regions=regions, masked=role.masked)


def may(user: Asker, permission: Permission) -> bool:
    """Whether the user's role allows this page or deed. Anything unknown is refused."""
    role = ROLES.get(getattr(user, "role", "")) if getattr(user, "is_active", False) else None
    return role is not None and permission in role.permissions


def team_names(team_ids: frozenset[int]) -> dict[int, str]:
    """Names of these teams by id, for places such as the lake that know teams by name."""
    return dict(Team.objects.filter(pk__in=team_ids).values_list("pk", "name"))


def create_user(
    username: str, *, password: str, role: str, now: datetime, team: str = "", name: str = "", language: str = ""
) -> int:
    """Open an account from the command line; the team is made where it is new. Returns the user's id.

    Raises TenureError as `services.create_user` does.
    """
    own_team = Team.objects.get_or_create(name=team)[0] if team else None
    user = services.create_user(
        username, password=password, role=role, actor=None, now=now, team=own_team, name=name, language=language
    )
    return int(user.pk)


def has_users() -> bool:
    """Whether anyone can sign in yet."""
    return User.objects.filter(is_active=True).exists()
