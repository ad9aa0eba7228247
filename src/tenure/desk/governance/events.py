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
    key_id: int
    owner_id: int


@dataclass(frozen=True, slots=True)
class KeyRevoked:
    key_id: int


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Someone came in. method: password, passkey or the id of a provider."""

    user_id: int
    method: str


@dataclass(frozen=True, slots=True)
class SignInRefused:
    """Someone did not come in. user_id is None where the name belongs to no account."""

    user_id: int | None
    why: str


@dataclass(frozen=True, slots=True)
class SignInChanged:
    """How a user signs in changed: password, second factors, identities of other providers."""

    user_id: int
    what: str


@dataclass(frozen=True, slots=True)
class SessionsEnded:
    """A user's sessions on other devices were ended."""

    user_id: int
    sessions: int


@dataclass(frozen=True, slots=True)
class GrantGiven:
    """Customers are shared with a partner from now on."""

    grant_id: int


@dataclass(frozen=True, slots=True)
class GrantRevoked:
    grant_id: int


@dataclass(frozen=True, slots=True)
class MasterKeyMade:
    """A new master key seals from now on."""

    key: str


@dataclass(frozen=True, slots=True)
class MasterKeyRetired:
    """An older master key is forgotten."""

    key: str


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
