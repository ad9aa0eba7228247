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
class ConsentChanged:
    """A person agreed, refused or withdrew; channel is empty where the whole purpose is meant."""

    person_id: int
    purpose: str
    channel: str
    state: str


@dataclass(frozen=True, slots=True)
class PreferenceLinkIssued:
    person_id: int


@dataclass(frozen=True, slots=True)
class RequestOpened:
    """A person asked something of us about their own data."""

    request_id: int
    kind: str


@dataclass(frozen=True, slots=True)
class RequestDone:
    request_id: int
    kind: str


@dataclass(frozen=True, slots=True)
class PersonErased:
    """A person is gone from desk and lake; own_ids are the numbers that were theirs."""

    own_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PersonCorrected:
    person_id: int
    field: str


@dataclass(frozen=True, slots=True)
class RetentionChanged:
    contract: str
