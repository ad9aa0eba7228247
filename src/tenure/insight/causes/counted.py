"""What statements add up to: each leaver counted once, under the one cause that tells most."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

# What people say on leaving goes before what was on their mind some weeks earlier.
RANK: Mapping[str, int] = {
    "exit_survey": 0, "staff_interview": 0, "cancellation": 1, "note": 2, "complaint": 3, "call_note": 4,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Leaver:
    """What one statement says of one leaver. confirmed: by a person, else suggested."""

    person: int
    left_on: date
    cause: str
    confirmed: bool
    came_from: str
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Tally:
    """Leavers under one cause."""

    cause: str
    confirmed: int
    suggested: int

    @property
    def leavers(self) -> int:
        return self.confirmed + self.suggested


def main_of(said: Iterable[Leaver], vague: Collection[str] = ()) -> dict[int, Leaver]:
    """The one statement that counts for each leaver.

    Confirmed goes before suggested; something exact before a vague answer such as "personal reasons", whatever its
    origin, since that is what people say to be left alone; then what was said on leaving before what was said earlier;
    then the surer suggestion. The vague ones that nothing exact stands beside stay what they are.
    """
    best: dict[int, Leaver] = {}
    for one in said:
        if not one.cause:
            continue
        held = best.get(one.person)
        if held is None or _order(one, vague) < _order(held, vague):
            best[one.person] = one
    return best


def _order(one: Leaver, vague: Collection[str]) -> tuple[bool, bool, int, float, str]:
    return (not one.confirmed, one.cause in vague, RANK.get(one.came_from, 9), -one.confidence, one.cause)


def tally(main: Iterable[Leaver]) -> list[Tally]:
    """Leavers by cause, the most frequent first; equal ones by code."""
    counts: dict[str, list[int]] = {}
    for one in main:
        counts.setdefault(one.cause, [0, 0])[not one.confirmed] += 1
    found = [Tally(cause, confirmed, suggested) for cause, (confirmed, suggested) in counts.items()]
    return sorted(found, key=lambda one: (-one.leavers, one.cause))
