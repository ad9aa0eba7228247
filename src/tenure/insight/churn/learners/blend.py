"""The blend: the churn model that is published, a linear and a tree learner whose scores can be taken apart."""

from __future__ import annotations

from tenure.insight.churn.learners.base import Kind
from tenure.insight.churn.model import ChurnModel
from tenure.language import Words

KIND = Kind(
    "blend",
    Words("Blend (linear and boosted trees)", "混合模型（线性与提升树）"),
    Words("The usual choice: exact, and the quickest to say its reasons", "通常的选择：准确，且给出原因最快"),
    ChurnModel,
    ChurnModel.load,
)
