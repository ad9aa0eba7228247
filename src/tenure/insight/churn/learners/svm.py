"""A support vector machine, its margins turned into chances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure.insight.churn.columns import Floats
from tenure.insight.churn.learners.base import Given, Kind, Part, Tabular, arrays, from_arrays
from tenure.insight.churn.learners.logistic import Weights
from tenure.language import Words

_ROWS_AT_ONCE = 2_000


@dataclass(frozen=True)
class _Kernel:
    """The margin by a Gaussian kernel over the support vectors."""

    vectors: Floats
    weights: Floats
    intercept: float
    gamma: float

    def score(self, given: Given) -> Floats:
        own = (self.vectors**2).sum(axis=1)
        found = []
        for start in range(0, len(given), _ROWS_AT_ONCE):
            x = given.linear[start : start + _ROWS_AT_ONCE]
            apart = (x**2).sum(axis=1)[:, None] + own - 2.0 * (x @ self.vectors.T)
            found.append(np.exp(-self.gamma * np.maximum(apart, 0.0)) @ self.weights + self.intercept)
        return np.concatenate(found) if found else np.zeros(0)

    def to_texts(self) -> dict[str, str]:
        return {
            "kernel.json": arrays(
                vectors=self.vectors, weights=self.weights, intercept=self.intercept, gamma=self.gamma
            )
        }


class SupportVectors(Tabular):
    """Cortes & Vapnik (1995), with a straight border (linear) or a bent one (rbf).

    The chances come from Platt's scaling of margins of rows left out. cost: of a customer on the wrong side.
    """

    NAME = "svm"
    OWN = ("kernel", "cost")
    MOST = 10_000  # the time of a bent border grows with the square of the rows

    def __init__(self, *, kernel: str = "linear", cost: float | None = None, **shared: Any) -> None:
        super().__init__(**shared)
        self.kernel = kernel
        self.cost = cost

    def _learn(self, given: Given, y: Floats) -> Part:
        theirs = self._theirs(given, y)
        if self.kernel == "linear":
            return Weights(theirs.coef_[0].astype(np.float64), float(theirs.intercept_[0]))
        return _Kernel(
            np.asarray(theirs.support_vectors_, np.float64), np.asarray(theirs.dual_coef_[0], np.float64),
            float(theirs.intercept_[0]), float(theirs._gamma),
        )  # fmt: skip

    def _theirs(self, given: Given, y: Floats) -> Any:
        from sklearn.svm import SVC, LinearSVC

        if self.kernel == "linear":
            return LinearSVC(C=self.cost or 0.1, dual=False, random_state=self.seed).fit(given.linear, y.astype(int))
        if self.kernel == "rbf":
            # A tenth of the usual width: the columns of one number's pieces lean together and make rows look far apart.
            gamma = 0.1 / (given.linear.shape[1] * (float(given.linear.var()) or 1.0))
            return SVC(C=self.cost or 1.0, kernel="rbf", gamma=gamma).fit(given.linear, y.astype(int))
        raise ValueError(f"kernel must be linear or rbf; found {self.kernel!r}")

    @classmethod
    def _part(cls, texts: Mapping[str, str]) -> Part:
        if "weights.json" in texts:
            return Weights.from_texts(texts)
        kept = from_arrays(texts["kernel.json"])
        return _Kernel(kept["vectors"], kept["weights"], float(kept["intercept"]), float(kept["gamma"]))


KIND = Kind(
    "svm",
    Words("Support vector machine", "支持向量机"),
    Words("A clear border between few customers with many columns", "客户少、列多、界线分明的场合"),
    SupportVectors,
    SupportVectors.load,
)
