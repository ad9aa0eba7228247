from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CompetitorSaved:
    """A competitor was added, changed, put away or brought back."""

    competitor_id: int
    verb: str


@dataclass(frozen=True, slots=True)
class MoveNoted:
    """Somebody noted what a competitor did, or struck such a note."""

    competitor_id: int
    move_id: int
    verb: str


@dataclass(frozen=True, slots=True)
class LossDecided:
    """Somebody said that a customer left for a competitor, that it did not, or took either back."""

    competitor_id: int
    own_id: int
    verb: str
