from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CauseChanged:
    """The company's tree of causes was changed. deed: add, change, retire or restore."""

    cause: str
    deed: str


@dataclass(frozen=True, slots=True)
class StatementRecorded:
    """Somebody wrote down what a leaver, or one of us, said."""

    statement_id: int
    own_id: int


@dataclass(frozen=True, slots=True)
class StatementsReviewed:
    """Somebody said what statements mean. cause: empty where it can't be told."""

    statement_ids: tuple[int, ...]
    cause: str


@dataclass(frozen=True, slots=True)
class StatementsCollected:
    """What the records say of leavers was brought to the desk: so many statements more, changed, and gone."""

    made: int
    changed: int
    gone: int


@dataclass(frozen=True, slots=True)
class IdeaChanged:
    """deed: add, comment, vote, unvote, decide, or the state it is in."""

    idea_id: int
    cause: str
    deed: str
