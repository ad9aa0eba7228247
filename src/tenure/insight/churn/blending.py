"""From the scores of both learners to one chance: how far each is trusted, and the level and spread of the sum."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenure.insight.churn.columns import Floats

_PRIOR = 10.0  # how firmly blend and stretch are held where the rows say little


def among_latest(latest: Any, rows: int, kept: NDArray[np.int64] | None) -> NDArray[np.bool_] | None:
    """Which of the rows kept are of the latest date; None where all are, or all may be."""
    if latest is None:
        return None
    now = np.asarray(latest, dtype=bool)
    if kept is not None:
        now = now[kept]
    if len(now) != rows:
        raise ValueError(f"latest has {len(now)} rows and X has {rows}; they must be the same customers")
    return None if now.all() or not now.any() else now


def _logistic_loss(score: Floats, y: Floats) -> tuple[float, Floats]:
    loss = float(np.sum(np.logaddexp(0.0, score) - y * score))
    return loss, 1.0 / (1.0 + np.exp(-score)) - y


def weights_of(linear: Floats, trees: Floats, y: Floats) -> tuple[float, float]:
    """The weights of both learners that predict best out of fold, never negative, pulled gently to a half each."""
    from scipy.optimize import minimize

    def loss(p: Floats) -> tuple[float, Floats]:
        total, slope = _logistic_loss(p[0] + p[1] * linear + p[2] * trees, y)
        pull = p[1:] - 0.5
        gradient = np.array([slope.sum(), slope @ linear, slope @ trees]) + np.append(0.0, 2 * _PRIOR * pull)
        return total + _PRIOR * float(pull @ pull), gradient

    found = minimize(
        loss, np.array([0.0, 0.5, 0.5]), jac=True, method="L-BFGS-B", bounds=[(None, None), (0, 2), (0, 2)]
    )
    return float(found.x[1]), float(found.x[2])


def level(
    kept: Floats, linear: Floats, trees: Floats, weights: tuple[float, float], y: Floats,
    now: NDArray[np.bool_] | None = None,
) -> tuple[float, Floats]:  # fmt: skip
    """The constant that makes the mean probability right, of the rows of the latest date where they are told; and the
    out-of-fold scores with theirs.

    Learned on the out-of-fold scores, whose spread is that of rows not learned from; then moved to the scores of the
    kept model, which are counted from the average customer.
    """
    outside = weights[0] * linear + weights[1] * trees
    some = slice(None) if now is None else now
    shift = _intercept(outside[some], y[some])
    return float(shift + outside.mean() - kept.mean()), outside + shift


def _intercept(score: Floats, y: Floats) -> float:
    from scipy.optimize import brentq

    def excess(shift: float) -> float:
        return float((1.0 / (1.0 + np.exp(-(score + shift)))).mean() - y.mean())

    return float(brentq(excess, -50.0, 50.0))


def stretched(score: Floats, y: Floats) -> tuple[float, float]:
    """The shift and stretch of a score that fit later outcomes best; the stretch stays above 0 and near 1."""
    from scipy.optimize import minimize

    def loss(p: Floats) -> tuple[float, Floats]:
        total, slope = _logistic_loss(p[0] + p[1] * score, y)
        gradient = np.array([slope.sum(), slope @ score + 2 * _PRIOR * (p[1] - 1.0)])
        return total + _PRIOR * float((p[1] - 1.0) ** 2), gradient

    found = minimize(loss, np.array([0.0, 1.0]), jac=True, method="L-BFGS-B", bounds=[(None, None), (0.05, 3.0)])
    return float(found.x[0]), float(found.x[1])
