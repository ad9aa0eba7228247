"""Logistic regression: one weight a column, the plainest model that is any good."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure.insight.churn.columns import Floats
from tenure.insight.churn.learners.base import Given, Kind, Part, Tabular, arrays, from_arrays
from tenure.insight.churn.linear import logistic
from tenure.language import Words


@dataclass(frozen=True)
class Weights:
    """A weighted sum of the linear matrix."""

    coefficients: Floats
    intercept: float

    def score(self, given: Given) -> Floats:
        return np.asarray(given.linear @ self.coefficients + self.intercept, dtype=np.float64)

    def to_texts(self) -> dict[str, str]:
        return {"weights.json": arrays(coefficients=self.coefficients, intercept=self.intercept)}

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> "Weights":
        kept = from_arrays(texts["weights.json"])
        return cls(kept["coefficients"].astype(np.float64), float(kept["intercept"]))


class LogisticRegression(Tabular):
    """Penalised logistic regression on one-hot categories and piecewise-linear numbers.

    strength: of the penalty on the squares of the weights, smaller is stronger.
    """

    NAME = "logistic"
    OWN = ("strength",)

    def __init__(self, *, strength: float = 0.3, **shared: Any) -> None:
        super().__init__(**shared)
        self.strength = strength

    def _learn(self, given: Given, y: Floats) -> Part:
        found = logistic(given.linear, y, self.strength)
        return Weights(found.coefficients, found.intercept)

    @classmethod
    def _part(cls, texts: Mapping[str, str]) -> Part:
        return Weights.from_texts(texts)


KIND = Kind(
    "logistic",
    Words("Logistic regression", "逻辑回归"),
    Words(
        "Few customers, or a model that must be read weight by weight", "客户较少，或需要逐项查看权重的场合"
    ),
    LogisticRegression,
    LogisticRegression.load,
    quick=True,
)  # fmt: skip
