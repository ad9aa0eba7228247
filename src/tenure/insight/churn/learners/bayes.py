"""Bayesian logistic regression: each chance with how sure of it the model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from tenure.insight.churn.chances import sigmoid
from tenure.insight.churn.columns import Floats
from tenure.insight.churn.learners.base import Given, Kind, Part, Tabular, arrays, from_arrays
from tenure.insight.churn.linear import logistic
from tenure.language import Words

_WIDTHS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
_USUAL = 2  # the place of the one to begin at
_SOME = 10_000  # rows tell the width of the prior as well as all do


@dataclass(frozen=True)
class _Posterior:
    """The likeliest weights, the intercept last, and the lower Cholesky factor of the precision there."""

    weights: Floats
    factor: Floats

    def score(self, given: Given) -> Floats:
        """Log-odds drawn towards even where the weights leave them open (MacKay 1992)."""
        middle, error = self.told(given)
        return middle / np.sqrt(1.0 + np.pi * error**2 / 8.0)

    def told(self, given: Given) -> tuple[Floats, Floats]:
        """The log-odds of each row and their standard error."""
        from scipy.linalg import solve_triangular

        rows = np.column_stack([given.linear, np.ones(len(given))])
        spread = solve_triangular(self.factor, rows.T, lower=True)
        return np.asarray(rows @ self.weights), np.asarray(np.sqrt((spread**2).sum(axis=0)))

    def to_texts(self) -> dict[str, str]:
        return {"posterior.json": arrays(weights=self.weights, factor=self.factor)}


class BayesianLogistic(Tabular):
    """Logistic regression with a normal prior on the weights and Laplace's approximation of what the rows leave open.

    How wide the prior is, is not set but learned, once for all folds: of a few widths the one under which the rows are
    likeliest (MacKay 1992), unless width says it: the variance of a weight before any row was seen.
    """

    NAME = "bayes"
    OWN = ("width",)
    MOST = 40_000

    width_: float

    def __init__(self, *, width: float | None = None, **shared: Any) -> None:
        super().__init__(**shared)
        self.width = width

    def fit(self, X: Any, y: Any, groups: Any = None, latest: Any = None) -> BayesianLogistic:
        self.width_ = self.width or 0.0
        return super().fit(X, y, groups, latest)

    def _learn(self, given: Given, y: Floats) -> Part:
        self.width_ = self.width_ or self._likeliest(given.linear, y)
        return _laplace(given.linear, y, self.width_)[0]

    def _likeliest(self, matrix: Floats, y: Floats) -> float:
        some = np.linspace(0, len(y) - 1, min(len(y), _SOME)).astype(np.int64)
        if not 0 < y[some].sum() < len(some):
            return 0.1
        likely = {_USUAL: _laplace(matrix[some], y[some], _WIDTHS[_USUAL])[1]}
        # There is one hill: up from the usual one to where it goes down again.
        for step in (1, -1):
            at = max(likely, key=likely.__getitem__)
            while 0 <= at + step < len(_WIDTHS):
                likely[at + step] = _laplace(matrix[some], y[some], _WIDTHS[at + step])[1]
                if likely[at + step] < likely[at]:
                    break
                at += step
            if at != _USUAL:
                break
        return _WIDTHS[max(likely, key=likely.__getitem__)]

    def predict_interval(self, X: Any, level: float = 0.95) -> Floats:
        """Between which chances each customer's lies, for what the rows learned from leave open: shape (n, 2).

        Not the scatter of single outcomes: who leaves with a chance of .3 still leaves or stays.
        """
        assert isinstance(self._kept, _Posterior)
        given = self._given(X)
        middle, error = self._kept.told(given)
        reach = NormalDist().inv_cdf(0.5 + level / 2.0) * error
        # Calibration moves and stretches what the score says; the interval goes with it.
        drawn = np.sqrt(1.0 + np.pi * error**2 / 8.0)
        ends = np.column_stack([(middle - reach) / drawn, (middle + reach) / drawn])
        return sigmoid(self._shift + self._stretch * ends)

    @classmethod
    def _part(cls, texts: Mapping[str, str]) -> Part:
        kept = from_arrays(texts["posterior.json"])
        return _Posterior(kept["weights"], kept["factor"])


def _laplace(matrix: Floats, y: Floats, width: float) -> tuple[_Posterior, float]:
    """The posterior under a prior of this variance, and the log of how likely the rows are under it, but for a constant."""
    from scipy.linalg import cholesky

    found = logistic(matrix, y, width)
    weights = np.append(found.coefficients, found.intercept)
    score = found.score(matrix)
    p = sigmoid(score)
    rows = np.column_stack([matrix, np.ones(len(y))]) * np.sqrt(p * (1 - p))[:, None]
    precision = rows.T @ rows
    precision.flat[:: len(weights) + 1] += np.append(np.full(len(weights) - 1, 1.0 / width), 1e-9)
    factor = cholesky(precision, lower=True)
    likely = float(np.sum(y * score - np.logaddexp(0.0, score)))
    prior = -0.5 * float(found.coefficients @ found.coefficients) / width - 0.5 * (len(weights) - 1) * np.log(width)
    return _Posterior(weights, np.asarray(factor)), likely + prior - float(np.log(np.diag(factor)).sum())


KIND = Kind(
    "bayes",
    Words("Bayesian logistic regression", "贝叶斯逻辑回归"),
    Words("Few customers, and one must know how sure each chance is", "客户较少，且需要知道每个概率的可信区间"),
    BayesianLogistic,
    BayesianLogistic.load,
    quick=True,
)
