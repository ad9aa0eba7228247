"""Find the top of a log-likelihood whose parameters are all positive."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Numbers = NDArray[np.float64]


class Likelihood(Protocol):
    """A mean log-likelihood over positive parameters, with its derivatives."""

    def slope(self, parameters: Numbers) -> tuple[float, Numbers]:
        """Value and gradient."""

    def curvature(self, parameters: Numbers) -> Numbers:
        """The matrix of second derivatives."""


@dataclass(frozen=True)
class Top:
    """Where the likelihood is highest.

    settled: nothing is left to gain: the slope in log-parameters is zero for all that are not at a limit.
    at_limit: for each parameter, whether it ran to the edge of what is searched.
    """

    parameters: Numbers
    settled: bool
    at_limit: NDArray[np.bool_]


def highest(likelihood: Likelihood, start: Numbers, lowest: Numbers, largest: Numbers) -> Top:
    """Climb from `start` to the top: L-BFGS in log-parameters, then Newton steps to full precision.

    Logs keep the parameters positive and make the search blind to the unit of time or money.
    """
    edges = np.log(lowest), np.log(largest)

    def downhill(point: Numbers) -> tuple[float, Numbers]:
        parameters = np.exp(point)
        value, gradient = likelihood.slope(parameters)
        return -value, -gradient * parameters

    point = np.log(start)
    for _ in range(4):
        # Along a long ridge L-BFGS may stop short of the top; begun anew from there, it goes on.
        point = minimize(
            downhill,
            point,
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(*edges, strict=True)),
            options={"maxiter": 1000, "ftol": 1e-14, "gtol": 1e-5},
        ).x
        top = polished(likelihood, np.exp(point), lowest, largest) or _as_found(likelihood, point, edges)
        if top.settled:
            break
    return top


def polished(likelihood: Likelihood, near: Numbers, lowest: Numbers, largest: Numbers) -> Top | None:
    """Newton steps in log-parameters from a point close to the top; None where they don't lead to one."""
    edges = np.log(lowest), np.log(largest)
    point = np.log(near)
    for _ in range(8):
        if _touches(point, edges).any():
            return None
        parameters = np.exp(point)
        _, gradient = likelihood.slope(parameters)
        slope = gradient * parameters
        if np.abs(slope).max() < 1e-10:
            return Top(parameters, settled=True, at_limit=np.zeros(len(point), dtype=bool))
        try:
            factor = np.linalg.cholesky(_information(likelihood, parameters, gradient))
        except np.linalg.LinAlgError:
            return None
        step = np.linalg.solve(factor.T, np.linalg.solve(factor, slope))
        if np.abs(step).max() > 2:  # too far for the parabola to be believed
            return None
        point = np.clip(point + step, *edges)
    return None


def standard_errors(likelihood: Likelihood, parameters: Numbers, customers: float) -> Numbers:
    """Standard error of each parameter from the observed information; NaN where the data can't tell it."""
    _, gradient = likelihood.slope(parameters)
    information = _information(likelihood, parameters, gradient) * customers
    try:
        np.linalg.cholesky(information)
    except np.linalg.LinAlgError:
        return np.full(len(parameters), np.nan)
    errors: Numbers = parameters * np.sqrt(np.diag(np.linalg.inv(information)))
    return errors


def _information(likelihood: Likelihood, parameters: Numbers, gradient: Numbers) -> Numbers:
    # Minus the second derivatives by the log-parameters, by the chain rule.
    scaled = likelihood.curvature(parameters) * np.outer(parameters, parameters)
    information: Numbers = -(scaled + np.diag(gradient * parameters))
    return information


def _as_found(likelihood: Likelihood, point: Numbers, edges: tuple[Numbers, Numbers]) -> Top:
    parameters = np.exp(point)
    _, gradient = likelihood.slope(parameters)
    at_limit = _touches(point, edges)
    free = np.abs(gradient * parameters)[~at_limit]
    return Top(parameters, settled=bool((free < 1e-3).all()), at_limit=at_limit)


def _touches(point: Numbers, edges: tuple[Numbers, Numbers]) -> NDArray[np.bool_]:
    touches: NDArray[np.bool_] = (point <= edges[0] + 1e-9) | (point >= edges[1] - 1e-9)
    return touches
