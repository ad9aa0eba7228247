from tenure.insight.metrics.breakdown import CARDS, STAGES
from tenure.language import Words
from tenure.web.boards.tiles._drawn import drawn_by
from tenure.web.boards.tiles.base import Kind
from tenure.web.insight.bridge import draw

MEANING = Words("Recurring revenue from the start of the period to its end", "经常性收入从期初到期末的变动")

BRIDGE = Kind(
    "bridge", Words("Revenue bridge", "收入变动桥"), MEANING, drawn_by(draw, MEANING),
    reads=lambda _options: ("records/subscriptions", CARDS, STAGES), width=2,
)  # fmt: skip
