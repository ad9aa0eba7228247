from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UserCreated:
    user_id: int
    role: str


@dataclass(frozen=True, slots=True)
class AccessChanged:
    """A user's role, team, regions or standing changed, and with it what the user may see."""

    user_id: int


@dataclass(frozen=True, slots=True)
class TeamSaved:
    team_id: int


@dataclass(frozen=True, slots=True)
class RoleChanged:
    """What a role may see or do changed, for everyone who has it."""

    code: str


@dataclass(frozen=True, slots=True)
class KeyMade:
    """A new master key seals from now on."""

    key: str


@dataclass(frozen=True, slots=True)
class KeyRetired:
    """An older master key is forgotten."""

    key: str
