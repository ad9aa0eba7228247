"""What causes of leaving offer to higher lines of the tree."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from tenure.desk.causes import reading
from tenure.desk.causes.collecting import TABLES, Collected, collect, desk_mark
from tenure.desk.causes.reading import mark
from tenure.desk.causes.taxonomy import tree
from tenure.insight.causes import Corrected, Estimate
from tenure.insight.causes.terms import code_words
from tenure.lake.scope import Scope
from tenure.language import Words

__all__ = [
    "TABLES", "Collected", "Corrected", "Estimate", "LeftFor", "causes", "collect", "desk_mark", "left_for", "mark", "reason_words", "worth_of",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class LeftFor:
    """The one cause that counts for a leaver. branch: the branch it hangs on. confirmed: by a person, else suggested."""

    person_id: int
    left_on: date
    cause: str
    branch: str
    control: str
    confirmed: bool


def causes() -> dict[str, Words]:
    """Every cause and branch by its code, retired ones too."""
    return {code: node.words for code, node in tree().items()}


def reason_words(reason: str, known: Mapping[str, Words] | None = None) -> str:
    """A reason as a record has it, in words: of a code many systems write, or of a cause of the company's tree by its
    code; anything else as the company wrote it. known: of `causes()`, where many are asked for."""
    found = code_words(reason) or (causes() if known is None else known).get(reason.strip())
    return str(found) if found is not None else reason


def left_for(scope: Scope, since: date | None = None, until: date | None = None) -> list[LeftFor]:
    """The cause of each leaver within reach whose statements name one; who left from `since` until before `until`."""
    nodes = tree()
    found = reading.leavers(scope, reading.Asked(since, until), nodes).leavers
    return [
        LeftFor(person, one.left_on, one.cause, nodes[one.cause].parent, nodes[one.cause].control, one.confirmed)
        for person, one in sorted(found.items())
    ]


def worth_of(scope: Scope, worth: Mapping[int, int], since: date | None, until: date | None) -> Corrected | None:
    """What leavers are worth (person → a whole number) by cause, as those asked in depth correct what all say.

    With the groups ("branch", code) and ("control", kind). None where too few within reach were asked in depth.
    """
    return reading.worth_of(scope, reading.Asked(since, until), worth)
