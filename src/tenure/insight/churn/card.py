"""The model card: what the model is, what it learned from, how good it proved, and what it can't tell."""

from datetime import datetime
from typing import Any

from tenure.insight.churn.backtest import Backtest
from tenure.insight.churn.definitions import Definition
from tenure.insight.churn.reasons import COLUMNS
from tenure.language import Words

_EVERYBODY = 10**9  # more customers than anybody has
_NOT_CAUSES = Words(
    "Reasons and drivers say what the model reads, not what causes customers to leave",
    "原因与主要因素表示模型所依据的信息，并不代表客户流失的因果原因",
)
_NO_TIME = Words(
    "The data carry no time: how well the model holds in a later month is not known",
    "数据中没有时间：无法得知模型在之后月份的表现",
)
_FEW = Words(
    "Tried on only {left} customers who left: the figures are uncertain, see the interval",
    "检验样本中仅有 {left} 位流失客户：数字不确定性较大，请看区间",
)
_DRIFT = Words(
    "Probabilities average {predicted} where {observed} left: the level has moved since it was calibrated",
    "平均预测概率为 {predicted}，而实际流失为 {observed}：自校准以来水平已变化",
)
_RISKIEST = Words(
    "Reasons are found by putting usual values in the place of a customer's own: by the refresh for the {most} riskiest at most, "
    "for anyone else when their page is opened",
    "原因通过以常见值替换客户自身取值得出：刷新时最多为风险最高的 {most} 位客户给出，其余客户在打开其页面时计算",
)
_NO_GAIN = Words(
    "Not shown to rank customers better than: {name} (gain in AUC {low} to {high})",
    "未能证明排序优于：{name}（AUC 增益 {low} 至 {high}）",
)


def card(
    definition: Definition,
    tried: Backtest,
    *,
    as_of: datetime,
    rows: int,
    left: int,
    model: Any = None,
    refused: dict[str, Words] | None = None,
) -> dict[str, Any]:
    """The model card as plain JSON, each sentence as {en, zh}.

    rows, left: what the published model learned from. model: the published model, where it is not the one tried.
    refused: columns kept out as outcomes in disguise, with the reason.
    """
    published = model or tried.model
    metrics = tried.metrics
    limits = [_NOT_CAUSES, *tried.notes]
    if not definition.timed:
        limits.append(_NO_TIME)
    if (most := published.explained(_EVERYBODY)) < _EVERYBODY:
        limits.append(_RISKIEST.format(most=f"{most:,}"))
    gone = round(metrics["rows"] * metrics["base_rate"])
    if gone < 100:
        limits.append(_FEW.format(left=gone))
    predicted, observed = metrics["mean_predicted"], metrics["base_rate"]
    if abs(predicted - observed) > 0.2 * observed:
        limits.append(_DRIFT.format(predicted=f"{predicted:.1%}", observed=f"{observed:.1%}"))
    for other in tried.comparators:
        if other["gain_low"] <= 0:
            shown = {"low": f"{other['gain_low']:+.3f}", "high": f"{other['gain_high']:+.3f}"}
            limits.append(
                Words(
                    _NO_GAIN.en.format(name=other["name"]["en"], **shown),
                    _NO_GAIN.zh.format(name=other["name"]["zh"], **shown),
                )
            )
    split = tried.split
    return {
        "as_of": as_of.isoformat(),
        "definition": {
            "name": definition.name,
            "horizon_days": definition.horizon_days or None,
            **_told(definition.words),
        },
        "data": {
            "rows": rows,
            "left": left,
            "columns": len(published.feature_names_in_) - len(published.dropped_),
            "dropped": {name: _told(why) for name, why in sorted(published.dropped_.items())},
            "refused": {name: _told(why) for name, why in sorted((refused or tried.refused).items())},
        },
        "cuts": {
            "train": [cut.isoformat() for cut in split.train] if split else [],
            "calibrate": split.calibrate.isoformat() if split and split.calibrate else None,
            "test": split.test.isoformat() if split else None,
        },
        "protocol": _told(tried.protocol),
        "metrics": metrics,
        "comparators": tried.comparators,
        "bands": tried.bands.to_json(),
        "drivers": [{**driver, **_told(_column(driver["feature"]))} for driver in published.drivers()],
        "limits": [_told(limit) for limit in limits],
        "settings": {
            **published.get_params(),
            "allow": list(published.allow),
            "rounds_chosen": getattr(published, "rounds_", None),
        },
    }


def _told(words: Words) -> dict[str, str]:
    return {"en": words.en, "zh": words.zh}


def _column(name: str) -> Words:
    return COLUMNS[name].words if name in COLUMNS else Words(name, name)
