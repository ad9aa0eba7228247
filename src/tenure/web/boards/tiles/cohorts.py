from collections.abc import Sequence

from tenure.contracts import CONTRACTS
from tenure.insight.metrics.breakdown import CARDS, STAGES
from tenure.lake import Scope
from tenure.language import Words
from tenure.web.boards.tiles._drawn import drawn_by
from tenure.web.boards.tiles.base import Choice, Kind, Option
from tenure.web.insight.cohorts import FROM, draw, ways

MEANING = Words("Of those who came in a month, who is there in the months after", "某月新客在之后各月的留存情况")


def _froms(_scope: Scope) -> Sequence[Choice]:
    return [Choice(name, str(CONTRACTS[name].words)) for name in FROM]


def _ways(scope: Scope) -> Sequence[Choice]:
    return [Choice(code, words) for code, words in ways(scope)]


COHORTS = Kind(
    "cohorts", Words("Cohorts", "同期群"), MEANING, drawn_by(draw, MEANING, shares=True),
    (Option("from", Words("Made of", "数据来源"), _froms), Option("by", Words("What is kept", "留存口径"), _ways)),
    reads=lambda options: (f"records/{options.get('from', 'orders')}", CARDS, STAGES), width=2,
)  # fmt: skip
