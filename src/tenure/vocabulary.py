"""The words of this field, each said once: in English and Chinese, with unit and clock.

A word never changes its meaning by a flag; two meanings get two words.
"""

from dataclasses import dataclass

from tenure.language import Words


@dataclass(frozen=True)
class Term:
    """A word on the screen. unit: what it counts in. clock: the two instants a time-like word runs between."""

    words: Words
    meaning: Words
    unit: str | None = None
    clock: str | None = None


TERMS: dict[str, Term] = {
    "recency": Term(
        Words("Recency", "最近购买"),
        Words("Days from the last order to the date of the figure", "最近一次购买距今天数"),
        unit="days",
        clock="last ordered_on → as_of",
    ),
    "frequency": Term(
        Words("Frequency", "购买频次"),
        Words("Business days with at least one order, up to the date of the figure", "截至统计日有订单的天数"),
        unit="days with an order",
    ),
    "monetary": Term(
        Words("Monetary value", "消费金额"),
        Words("What was paid less what was given back, in the reporting currency", "实付减退款，按本币计"),
        unit="minor units",
    ),
    "as_of": Term(
        Words("As of", "统计时点"),
        Words(
            "The instant a figure describes; nothing known only later is in it",
            "数字所描述的时点；其后才知道的一概不计",
        ),
        clock="UTC",
    ),
    "horizon_days": Term(
        Words("Horizon", "预测期"),
        Words("How far ahead a forecast looks, from its date", "预测向前看的天数"),
        unit="days",
        clock="as_of → as_of + horizon",
    ),
    "churn": Term(
        Words("Churn", "流失"),
        Words(
            "The customer left within the horizon, by the definition of the business: contract ended, or silence longer than its own rhythm explains",
            "客户在预测期内离开：合同终止，或沉默时间超出其自身购买节奏",
        ),
    ),
    "risk": Term(
        Words("Churn risk", "流失风险"),
        Words("Chance that the customer churns within the horizon, calibrated", "客户在预测期内流失的概率（已校准）"),
        unit="share, 0 to 1",
    ),
    "reason": Term(
        Words("Reason", "风险原因"),
        Words("What moved this customer's score; a reason is not a cause", "影响该客户评分的因素；并不等于因果原因"),
    ),
    "value": Term(
        Words("Customer lifetime value", "客户生命周期价值"),
        Words("Expected revenue from the customer within the horizon", "预测期内该客户的预期收入"),
        unit="minor units",
    ),
    "stage": Term(
        Words("Life cycle", "客户生命周期"),
        Words(
            "Acquire, grow, mature, decline or left, from the customer's own rhythm",
            "获取、提升、成熟、衰退、流失，按客户自身节奏判断",
        ),
    ),
    "control": Term(
        Words("Control group", "对照组"),
        Words(
            "Customers held out of an action by chance, to show what would have happened anyway",
            "随机不施加动作的客户，用以显示本来会怎样",
        ),
    ),
    "person": Term(
        Words("Person", "客户本体"),
        Words("The one customer behind all the rows that are about them", "多条记录背后的同一位客户"),
    ),
}
