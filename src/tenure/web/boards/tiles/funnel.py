from collections.abc import Sequence

from tenure.desk.customers.models import Publication
from tenure.desk.customers.segments.askable import DEEDS
from tenure.insight.metrics.breakdown import CARDS, STAGES
from tenure.lake import Scope
from tenure.language import Words
from tenure.web.boards.tiles._drawn import drawn_by
from tenure.web.boards.tiles.base import Choice, Kind, Option
from tenure.web.insight.funnel import MOST_STEPS, WITHIN, draw, known_steps

MEANING = Words(
    "Who goes through these steps in order, and where the others stop", "客户依次完成各步骤的情况及流失位置"
)


def _steps(scope: Scope) -> Sequence[Choice]:
    known = known_steps(scope, Publication.current())
    return [Choice(code, words, title) for title, steps in known for code, words in steps]


def _within(_scope: Scope) -> Sequence[Choice]:
    return [Choice(str(days), str(days)) for days in WITHIN]


FUNNEL = Kind(
    "funnel", Words("Funnel", "漏斗"), MEANING, drawn_by(draw, MEANING),
    (
        *(Option(f"s{n}", Words(f"Step {n}", f"步骤 {n}"), _steps, needed=n < 3) for n in range(1, MOST_STEPS + 1)),
        Option("within", Words("Within days", "限定天数"), _within, needed=False),
    ),
    reads=lambda _options: (*sorted({f"records/{deed.contract}" for deed in DEEDS.values()}), CARDS, STAGES), width=2,
)  # fmt: skip
