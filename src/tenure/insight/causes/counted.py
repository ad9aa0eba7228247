"""What statements add up to: each leaver counted once, under the one cause that tells most."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

# What people say on leaving goes before what was on their mind some weeks earlier.
RANK: Mapping[str, int] = {
    "staff_interview": 0, "exit_survey": 1, "cancellation": 2, "note": 3, "complaint": 4, "call_note": 5,
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


LEAST_ASKED = 30
"""Leavers asked in depth, below which nothing is said of the others by them."""
_AS_SAID = (
    2.0  # leavers of each cause taken to have said what they meant, so that a few interviews don't turn everything
)


@dataclass(frozen=True, slots=True)
class Corrected:
    """Leavers by cause as they would be if the others had been as polite as those asked in depth. An estimate."""

    leavers: Mapping[str, float]
    asked: int
    otherwise: int


def corrected(said: Iterable[Leaver], vague: Collection[str] = ()) -> Corrected | None:
    """Correct what leavers say by what the same leavers told a member of staff who asked in depth.

    said: every statement. Of leavers with a confirmed staff interview both are known; everybody else's stated cause is
    spread as theirs was: (interviews that found t + 2 where t is what was said) / (interviews + 2). It holds as far as
    those asked are like those who were not, so they should be drawn by lot. None below LEAST_ASKED interviews.
    """
    by_person: dict[int, list[Leaver]] = {}
    for one in said:
        if one.cause:
            by_person.setdefault(one.person, []).append(one)
    meant: dict[int, str] = {}
    stated: dict[int, str] = {}
    for person, mine in by_person.items():
        deep = [one for one in mine if one.came_from == "staff_interview" and one.confirmed]
        if deep:
            meant[person] = main_of(deep, vague)[person].cause
        own = [one for one in mine if one not in deep]
        if own:
            stated[person] = main_of(own, vague)[person].cause
    asked = [person for person in meant if person in stated]
    if len(asked) < LEAST_ASKED:
        return None
    seen: dict[str, dict[str, int]] = {}
    for person in asked:
        found = seen.setdefault(stated[person], {})
        found[meant[person]] = found.get(meant[person], 0) + 1
    leavers: dict[str, float] = {}
    for person in by_person:
        if person in meant:
            leavers[meant[person]] = leavers.get(meant[person], 0.0) + 1
            continue
        known = seen.get(stated[person], {})
        total = sum(known.values()) + _AS_SAID
        for cause in {*known, stated[person]}:
            share = (known.get(cause, 0) + (_AS_SAID if cause == stated[person] else 0)) / total
            leavers[cause] = leavers.get(cause, 0.0) + share
    return Corrected(leavers, len(asked), sum(stated[person] != meant[person] for person in asked))
