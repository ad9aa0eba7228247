from collections.abc import Sequence

from tenure.insight.metrics.breakdown import GRAINS
from tenure.lake import Scope
from tenure.language import Words
from tenure.web.boards.tiles import _metrics
from tenure.web.boards.tiles._drawn import drawn_by
from tenure.web.boards.tiles.base import Choice, Kind, Option
from tenure.web.insight.forecast import LENGTHS, draw, offered

MEANING = Words("A metric carried forward with its interval, surprises flagged", "指标预测及其区间，并标记异常")


def _offered(scope: Scope) -> Sequence[Choice]:
    known = {one.name for one in offered(scope)}
    return [choice for choice in _metrics.offered(scope) if choice.value in known]


def _grains(_scope: Scope) -> Sequence[Choice]:
    return [Choice(name, str(GRAINS[name].words)) for name in LENGTHS]


FORECAST = Kind(
    "forecast", Words("Forecast", "预测"), MEANING, drawn_by(draw, MEANING),
    (Option("metric", Words("Metric", "指标"), _offered), Option("grain", Words("By", "粒度"), _grains, needed=False)),
    _metrics.reads, width=2,
)  # fmt: skip
