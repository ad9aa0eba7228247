"""What governance offers to higher lines of the tree."""

from datetime import datetime

from tenure.desk.governance import services
from tenure.desk.governance.access import Asker, may, scope_of
from tenure.desk.governance.consents import Decision, allows, note_merges, note_merges_of, standing
from tenure.desk.governance.models import Team, User

__all__ = [
    "Asker",
    "Decision",
    "allows",
    "create_user",
    "has_users",
    "may",
    "note_merges",
    "note_merges_of",
    "scope_of",
    "standing",
    "team_names",
]


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
