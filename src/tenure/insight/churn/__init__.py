"""Who will leave, how likely, and why: definitions, the model, its back-test and its card."""

from tenure.insight.churn.backtest import (
    Backtest,
    Split,
    backtest,
    cross_validate,
    cut_dates,
    features_only,
    learn,
    rolling_origin,
)
from tenure.insight.churn.card import card
from tenure.insight.churn.definitions import (
    ContractEnd,
    Definition,
    Downgrade,
    Leaking,
    Outcome,
    OwnRhythm,
    Silence,
    UsageDecline,
    beside,
    choose,
)
from tenure.insight.churn.model import ChurnModel, suspects
from tenure.insight.churn.scores import Bands, auc, auc_interval, average_precision, brier, calibration, lift, measure
from tenure.insight.churn.snapshot import attributes, widen

__all__ = [
    "Backtest",
    "Bands",
    "ChurnModel",
    "ContractEnd",
    "Definition",
    "Downgrade",
    "Leaking",
    "Outcome",
    "OwnRhythm",
    "Silence",
    "Split",
    "UsageDecline",
    "attributes",
    "auc",
    "auc_interval",
    "average_precision",
    "backtest",
    "beside",
    "brier",
    "calibration",
    "card",
    "choose",
    "cross_validate",
    "cut_dates",
    "features_only",
    "learn",
    "lift",
    "measure",
    "rolling_origin",
    "suspects",
    "widen",
]
