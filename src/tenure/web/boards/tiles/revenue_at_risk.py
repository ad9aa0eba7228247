from tenure.language import Words
from tenure.web.boards.tiles._drawn import drawn_by
from tenure.web.boards.tiles.base import Kind
from tenure.web.churn.cost.sums import TABLES
from tenure.web.churn.cost.tiles import draw_risk

MEANING = Words(
    "Chance of leaving × value of the next 12 months, by risk band", "流失概率 × 未来 12 个月价值，按风险等级"
)

REVENUE_AT_RISK = Kind(
    "revenue_at_risk", Words("Revenue at risk", "风险收入"), MEANING, drawn_by(draw_risk, MEANING), reads=lambda _options: TABLES, width=2,
)  # fmt: skip
