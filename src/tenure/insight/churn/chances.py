"""From a score of any scale to a chance."""

from typing import Any

import numpy as np

from tenure.insight.churn.columns import Floats


def sigmoid(score: Any) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(score, -500, 500))), dtype=np.float64)


def logit(p: Any) -> Floats:
    p = np.clip(np.asarray(p, dtype=np.float64), 1e-6, 1 - 1e-6)
    return np.asarray(np.log(p) - np.log1p(-p), dtype=np.float64)


def platt(score: Floats, y: Floats) -> tuple[float, float]:
    """The shift and stretch of a score of any scale that make it the log-odds of leaving; the stretch stays above 0.

    The targets are drawn in a little, as Platt (1999) does, so that rows told apart perfectly do not ask for certainty.
    """
    from scipy.optimize import minimize

    middle, wide = float(score.mean()), float(score.std()) or 1.0
    z = (score - middle) / wide
    left, stayed = y.sum(), len(y) - y.sum()
    target = np.where(y == 1, (left + 1) / (left + 2), 1 / (stayed + 2))

    def loss(p: Floats) -> tuple[float, Floats]:
        told = p[0] + p[1] * z
        off = sigmoid(told) - target
        return float(np.sum(np.logaddexp(0.0, told) - target * told)), np.array([off.sum(), off @ z])

    start = np.array([float(logit(y.mean())), 0.5])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(None, None), (1e-3, 20.0)])
    stretch = float(found.x[1]) / wide
    return float(found.x[0]) - stretch * middle, stretch
