"""The linear learner: a penalised logistic regression, learned anew on part of the rows for little more than a look."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tenure.insight.churn.columns import Floats

_STEPS = 30
_CLOSE = 1e-4  # slope left, in standard errors of what is learned: far below what the rows can tell
_FEW = 4_000
_ROUNDS = 12


@dataclass(frozen=True)
class Logistic:
    """Coefficients, intercept, and the factor of the curvature there, by which others near it are found quickly."""

    coefficients: Floats
    intercept: float
    factor: Floats

    def score(self, matrix: Floats) -> Floats:
        return np.asarray(matrix @ self.coefficients + self.intercept, dtype=np.float64)


def logistic(
    matrix: Floats, y: Floats, strength: float, *, among: NDArray[np.bool_] | None = None, near: Logistic | None = None
) -> Logistic:
    """The coefficients of the highest likelihood less half their squares over `strength`; the intercept goes free.

    among: the rows learned from, all unless given. near: the same learned from more rows or fewer. It says where to
    begin and how steep it is there, not where to end: there is one optimum, and the steps go on until they are at it.
    """
    rows = np.ones(len(y), bool) if among is None else among
    loss = _Loss(matrix, y, rows, 1.0 / strength)
    if near is None:
        if rows.sum() > 2 * _FEW:
            # A look at some rows is enough to come near. Which ones matters not, so long as they are spread evenly.
            some = rows & (np.cumsum(rows) % max(2, int(rows.sum()) // _FEW) == 0)
            if 0 < y[some].sum() < some.sum():
                few = logistic(np.ascontiguousarray(matrix[some]), y[some], strength)
                return logistic(matrix, y, strength, among=among, near=_curved(few, loss))
        start = np.zeros(matrix.shape[1] + 1)
        mean = float(y[rows].mean())
        start[-1] = np.log(mean / (1 - mean))
        return _newton(loss, start)
    return _whitened(loss, near)


def signed(
    learned: Logistic, matrix: Floats, y: Floats, strength: float, rows: NDArray[np.bool_], signs: NDArray[np.bool_]
) -> Logistic:
    """The same, with no coefficient below nought where `signs` says so.

    Coefficients that came out below nought are left out and the others are learned anew, until none is left below;
    one is taken in again where the likelihood still asks for it. It ends at the constrained optimum, or after a few
    rounds at coefficients that hold the signs and are near it.
    """
    out = np.zeros(len(signs), bool)
    found = learned
    for _ in range(_ROUNDS):
        below = signs & (found.coefficients < 0)
        if below.any():
            out |= below
        else:
            # Where the slope at nought is downhill towards more, the coefficient was left out for another's sake.
            _, slope, _ = _Loss(matrix, y, rows, 1.0 / strength).at(np.append(found.coefficients, found.intercept))
            asked = out & (slope[:-1] < -_CLOSE * rows.sum())
            if not asked.any():
                break
            out[int(np.argmin(np.where(asked, slope[:-1], 0.0)))] = False
        few = logistic(np.ascontiguousarray(matrix[rows][:, ~out]), y[rows], strength)
        coefficients = np.zeros(len(signs))
        coefficients[~out] = few.coefficients
        found = Logistic(coefficients, few.intercept, learned.factor)
    return Logistic(
        np.where(signs, np.maximum(found.coefficients, 0.0), found.coefficients), found.intercept, learned.factor
    )


class _Loss:
    """Minus the log-likelihood of some rows and the penalty; where it goes down, and how it bends."""

    def __init__(self, matrix: Floats, y: Floats, rows: NDArray[np.bool_], penalty: float) -> None:
        self.matrix, self.y, self.rows, self.penalty = matrix, y, rows, penalty

    def at(self, p: Floats) -> tuple[float, Floats, Floats]:
        score = self.matrix @ p[:-1] + p[-1]
        chance = 1.0 / (1.0 + np.exp(-np.clip(score, -500, 500)))
        lost = np.where(self.rows, np.logaddexp(0.0, score) - self.y * score, 0.0)
        off = np.where(self.rows, chance - self.y, 0.0)
        slope = np.append(off @ self.matrix + self.penalty * p[:-1], off.sum())
        return float(lost.sum()) + 0.5 * self.penalty * float(p[:-1] @ p[:-1]), slope, chance

    def factor(self, chance: Floats) -> Floats:
        """The lower Cholesky factor of the second derivatives."""
        from scipy.linalg import cholesky

        weight = np.where(self.rows, chance * (1.0 - chance), 0.0)
        scaled = self.matrix * np.sqrt(weight)[:, None]
        size = self.matrix.shape[1]
        bend = np.empty((size + 1, size + 1))
        bend[:size, :size] = scaled.T @ scaled
        bend[:size, :size].flat[:: size + 1] += self.penalty
        bend[size, :size] = bend[:size, size] = weight @ self.matrix
        bend[size, size] = weight.sum() + 1e-9
        return np.asarray(cholesky(bend, lower=True), dtype=np.float64)


def _newton(loss: _Loss, p: Floats) -> Logistic:
    from scipy.linalg import cho_solve

    value, slope, chance = loss.at(p)
    factor = loss.factor(chance)
    for _ in range(_STEPS):
        step = cho_solve((factor, True), slope)
        if np.sqrt(max(float(slope @ step), 0.0)) < _CLOSE:
            break
        length = 1.0
        while True:
            tried = loss.at(p - length * step)
            if tried[0] <= value or length < 1e-4:
                break
            length /= 2
        p, (value, slope, chance) = p - length * step, tried
        factor = loss.factor(chance)
    return Logistic(p[:-1], float(p[-1]), factor)


def _curved(at: Logistic, loss: _Loss) -> Logistic:
    """The same place, with the curvature these rows have there."""
    p = np.append(at.coefficients, at.intercept)
    return Logistic(at.coefficients, at.intercept, loss.factor(loss.at(p)[2]))


def _whitened(loss: _Loss, near: Logistic) -> Logistic:
    """The optimum by slopes alone, in coordinates in which the neighbour's curvature is the same in all directions."""
    from scipy.linalg import solve_triangular
    from scipy.optimize import minimize

    start = np.append(near.coefficients, near.intercept)

    def seen(z: Floats) -> tuple[float, Floats]:
        value, slope, _ = loss.at(start + solve_triangular(near.factor, z, lower=True, trans="T"))
        return value, solve_triangular(near.factor, slope, lower=True)

    options = {"gtol": _CLOSE, "ftol": 1e-14, "maxiter": 500, "maxcor": 20}
    found = minimize(seen, np.zeros(len(start)), jac=True, method="L-BFGS-B", options=options)
    p = start + solve_triangular(near.factor, found.x, lower=True, trans="T")
    return Logistic(p[:-1], float(p[-1]), near.factor)
