from tenure.language import Words
from tenure.web.boards.tiles._drawn import drawn_by
from tenure.web.boards.tiles.base import Kind
from tenure.web.churn.cost.sums import TABLES
from tenure.web.churn.cost.tiles import draw_cost

MEANING = Words("What those who left in the last twelve months cost, by month", "近 12 个月流失客户的成本，按月")

COST_OF_CHURN = Kind(
    "cost_of_churn", Words("Cost of churn", "流失成本"), MEANING, drawn_by(draw_cost, MEANING), reads=lambda _options: TABLES, width=2,
)  # fmt: skip
