"""Social influence: whom a customer brought to the company, themselves and through those they brought."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from tenure.desk.customers import selectors
from tenure.desk.customers.relations import DEEPEST, holding
from tenure.lake import Scope
from tenure.language import Words

REFERRAL = "referred_by"
BANDS: Mapping[str, tuple[int, Words]] = {
    "some": (1, Words("Brought one or two customers", "带来 1–2 位客户")),
    "many": (3, Words("Brought three to nine customers", "带来 3–9 位客户")),
    "most": (10, Words("Brought ten customers or more", "带来 10 位及以上客户")),
}
"""By code, from how many customers on."""


@dataclass(frozen=True, slots=True)
class Influence:
    """direct: customers who came by this one's own word. whole: those and whoever came by theirs, and so on."""

    direct: int
    whole: int

    @property
    def band(self) -> str:
        """The code of the highest of BANDS it reaches."""
        return next(code for code, (least, _words) in reversed([*BANDS.items()]) if self.whole >= least)


def influence(scope: Scope, today: date) -> dict[int, Influence]:
    """Everyone within reach who brought somebody, by person; referrals that hold today.

    A customer out of reach ends the chain: neither counted, nor passed through. Chains are followed for
    `relations.DEEPEST` levels, and nobody is counted twice for one who brought them.
    """
    pairs = [(low, high) for low, high in holding(REFERRAL, today) if low != high]
    seen = selectors.within_reach(scope, sorted({one for pair in pairs for one in pair}))
    # Joins may have given a customer two who brought them: the one said last counts.
    above = {low: high for low, high in pairs if low in seen and high in seen}
    direct: dict[int, int] = {}
    whole: dict[int, int] = {}
    for low, high in above.items():
        direct[high] = direct.get(high, 0) + 1
        passed, at = {low}, high
        while at not in passed and len(passed) <= DEEPEST:  # joins may have closed a circle, too
            whole[at] = whole.get(at, 0) + 1
            passed.add(at)
            if at not in above:
                break
            at = above[at]
    return {person: Influence(direct[person], whole[person]) for person in direct}
