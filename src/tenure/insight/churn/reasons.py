"""Why a score is high, in sentences a clerk understands. A reason moved the score; it is not a cause."""

from typing import Any

from tenure.insight.churn.columns import Reading
from tenure.insight.features import FEATURES, Feature, written
from tenure.language import Words

_UNKNOWN = Words("{column}: not known", "{column}：暂无记录")
_CATEGORY = Words("{column}: {value}", "{column}：{value}")
_NUMBER = Words("{column}: {value} (usually {usual})", "{column}：{value}（一般为 {usual}）")

# Columns the model reads, by name: the features, and what the value model says of the customer.
COLUMNS: dict[str, Feature] = {
    **FEATURES,
    "p_alive": Feature(
        "p_alive",
        Words("Chance still a customer, by their own rhythm", "按自身购买节奏仍为客户的可能性"),
        "share",
        Words("By their own rhythm {value} likely to buy again", "按自身购买节奏，再次购买的可能性为 {value}"),
        Words("By their own rhythm only {value} likely to buy again", "按自身购买节奏，再次购买的可能性仅 {value}"),
    ),
}


def sentence(reading: Reading, value: Any, *, minor_digits: int = 2) -> Words:
    """The sentence for one column and its value: the feature's own, else "Contract: Month-to-month".

    A feature says one thing where the value is high among the customers learned from, another where it is low; a
    change is up or down by its own sign. None of something is said plainly: "Complaints, last 90 days: 0".
    """
    feature = COLUMNS.get(reading.name)
    column = feature.words if feature else Words(reading.name, reading.name)
    if value is None or value != value:
        return Words(_UNKNOWN.en.format(column=column.en), _UNKNOWN.zh.format(column=column.zh))
    unit = feature.unit if feature else ""
    shown = written(unit, value, minor_digits=minor_digits)
    if feature:
        own = feature.reason_up if reading.kind == "text" or _is_high(unit, value, reading) else feature.reason_down
        if own is not None and not (value == 0 and unit in _NONE_OF_IT):
            return own.format(value=shown)
    if reading.kind == "text" or feature:
        return Words(
            _CATEGORY.en.format(column=column.en, value=shown), _CATEGORY.zh.format(column=column.zh, value=shown)
        )
    if value in (0.0, 1.0) and not reading.knots and (reading.low, reading.high) == (0.0, 1.0):
        yes = Words("yes", "是") if value else Words("no", "否")
        return Words(
            _CATEGORY.en.format(column=column.en, value=yes.en), _CATEGORY.zh.format(column=column.zh, value=yes.zh)
        )
    usual = written(unit, reading.median, minor_digits=minor_digits)
    return Words(
        _NUMBER.en.format(column=column.en, value=shown, usual=usual),
        _NUMBER.zh.format(column=column.zh, value=shown, usual=usual),
    )


_NONE_OF_IT = frozenset({"count", "share", "minor units", "change"})


def _is_high(unit: str, value: float, reading: Reading) -> bool:
    return bool(value >= {"change": 0.0, "flag": 0.5}.get(unit, reading.median))
