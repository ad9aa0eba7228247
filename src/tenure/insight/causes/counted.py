"""What statements add up to: each leaver counted once, under the one cause that tells most."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]

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
READ_SURELY = 0.9
"""How sure a suggestion for an interview must be to count before somebody confirmed it."""
# What stands in where few were asked: one leaver of each stated cause who meant it, and one who meant whatever the
# others asked mean. Chosen by simulation: intervals then hold the truth about as often as they say.
_AS_SAID, _AS_OTHERS = 1.0, 1.0
_DRAWS, _SEED = 2000, 20


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate, and where the truth lies 95 times in 100."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Corrected:
    """What causes come to if the others had been as polite as those asked in depth: leavers, or what these are worth.

    causes: by cause; groups: by the groups of causes asked for, whose intervals are narrower than their causes' added
    up. otherwise: how many of those asked meant something else than they said.
    """

    causes: Mapping[str, Estimate]
    groups: Mapping[tuple[str, str], Estimate]
    asked: int
    otherwise: int

    def only(self, causes: Collection[str]) -> "Corrected":
        """The same of these causes alone."""
        kept = {cause: one for cause, one in self.causes.items() if cause in causes}
        return Corrected(kept, self.groups, self.asked, self.otherwise)

    def ranked(self) -> list[str]:
        """The causes, the most frequent first; equal ones by code."""
        return sorted(self.causes, key=lambda cause: (-self.causes[cause].value, cause))


def corrected(
    said: Iterable[Leaver],
    vague: Collection[str] = (),
    groups: Mapping[tuple[str, str], Collection[str]] | None = None,
    worth: Mapping[int, int] | None = None,
) -> Corrected | None:
    """Correct what leavers say by what the same leavers told a member of staff who asked in depth.

    said: every statement. Of leavers with a staff interview (confirmed, or read surely) both are known; everybody else's
    stated cause is spread as theirs was, by the mean of a Dirichlet distribution over what such leavers mean. The
    interval takes in that few were asked and that those left are a handful: meanings are drawn from that distribution,
    and the leavers from the meanings. This is double sampling (Tenenbein 1970). It holds as far as those asked are like
    those who were not, so they should be drawn by lot. A stated cause nobody was asked about stays as said. None below LEAST_ASKED interviews.

    groups: causes to be added up. worth: person → what each leaver counts for, such as what one cost; who is not in it
    counts for nothing, and still tells how people speak. None: each counts one.
    """
    by_person: dict[int, list[Leaver]] = {}
    for one in said:
        if one.cause:
            by_person.setdefault(one.person, []).append(one)
    meant: dict[int, str] = {}
    stated: dict[int, str] = {}
    for person, mine in by_person.items():
        deep = [one for one in mine if _in_depth(one)]
        if deep:
            meant[person] = main_of(deep, vague)[person].cause
        own = [one for one in mine if not _in_depth(one)]
        if own:
            stated[person] = main_of(own, vague)[person].cause
    asked = [person for person in meant if person in stated]
    if len(asked) < LEAST_ASKED:
        return None
    causes = sorted({*meant.values(), *stated.values()})
    place = {cause: at for at, cause in enumerate(causes)}
    pairs = np.zeros((len(causes), len(causes)))
    for person in asked:
        pairs[place[stated[person]], place[meant[person]]] += 1
    known = np.zeros(len(causes))
    others: list[list[int]] = [[] for _cause in causes]
    for person in by_person:
        weight = 1 if worth is None else worth.get(person)
        if weight is None:
            continue
        if person in meant:
            known[place[meant[person]]] += weight
        else:
            others[place[stated[person]]].append(weight)
    mean, drawn = _spread(pairs, known, others)

    def told(at: list[int]) -> Estimate:
        low, high = np.percentile(drawn[:, at].sum(axis=1), [2.5, 97.5])
        return Estimate(float(mean[at].sum()), float(low), float(high))

    otherwise = sum(stated[person] != meant[person] for person in asked)
    return Corrected(
        {cause: told([at]) for cause, at in place.items()},
        {group: told([place[one] for one in held if one in place]) for group, held in (groups or {}).items()},
        len(asked),
        otherwise,
    )


def _in_depth(one: Leaver) -> bool:
    return one.came_from == "staff_interview" and (one.confirmed or one.confidence >= READ_SURELY)


def _spread(pairs: Real, known: Real, others: Sequence[Sequence[int]]) -> tuple[Real, Real]:
    """What each cause comes to by what was meant, and draws of it. pairs: of those asked, stated × meant; known: what
    those asked are worth by what they meant; others: what each of those not asked is worth, by what they said."""
    random = np.random.default_rng(_SEED)
    mean, drawn = known.copy(), np.tile(known, (_DRAWS, 1))
    share = pairs.sum(axis=0) / pairs.sum()
    for at, worth in enumerate(others):
        if not worth:
            continue
        each, n = np.array(worth, float), len(worth)
        if not pairs[at].any():  # as of the dead, whom nobody can ask: a fact of theirs is not spread over reasons
            mean[at] += each.sum()
            drawn[:, at] += each.sum()
            continue
        weights = pairs[at] + _AS_OTHERS * share
        weights[at] += _AS_SAID
        may = weights > 0
        mean += each.sum() * weights / weights.sum()
        chances = np.zeros((_DRAWS, len(weights)))
        chances[:, may] = random.dirichlet(weights[may], size=_DRAWS)
        meant = random.multinomial(n, chances)
        drawn += meant * each.mean()
        if n > 1 and each.std():
            # Which of them meant it moves a sum of unequal ones: that of a share drawn without putting back, by its
            # normal limit, so that what one cause has more the others have less.
            noise = np.sqrt(meant) * random.standard_normal(meant.shape)
            drawn += each.std(ddof=1) * (noise - meant / n * noise.sum(axis=1, keepdims=True))
    return mean, np.maximum(drawn, 0.0)
