"""Find the top of a log-likelihood whose parameters are all positive."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

LAST_DIGIT = 1e-16
LONGEST_STEP = 1.5  # in log-parameters: no step multiplies a parameter by more than 4.5
# A last step is taken on trust where it is so short (in log-parameters: the curvature then is that of the top to a
# thousandth) and would leave so little to gain (of n customers' parameters, √(n · 1e-14) of their standard errors).
SHORT, TRUSTED = 1e-3, 1e-14


class Likelihood(Protocol):
    """A mean log-likelihood over positive parameters, with its derivatives."""

    def slope(self, parameters: Numbers) -> tuple[float, Numbers]:
        """Value and gradient."""

    def curvature(self, parameters: Numbers) -> Numbers:
        """The matrix of second derivatives."""


@dataclass(frozen=True)
class Top:
    """Where the likelihood is highest.

    value: the mean log-likelihood there. settled: one step more would gain less than a millionth of it.
    at_limit: for each parameter, whether it ran to the edge of what is searched.
    information: minus the second derivatives by the log-parameters, of the mean log-likelihood.
    """

    parameters: Numbers
    value: float
    settled: bool
    information: Numbers
    at_limit: NDArray[np.bool_]


def highest(
    likelihood: Likelihood,
    start: Numbers,
    lowest: Numbers,
    largest: Numbers,
    *,
    enough: float = LAST_DIGIT,
    trust: bool = False,
) -> Top:
    """Climb from `start` to the top by Newton steps in log-parameters, each bent uphill and kept within the edges.

    Logs keep the parameters positive and make the search blind to the unit of time or money. enough: it stops where a
    step would gain no more than this share of the value; left out, where it is less than a float can tell. trust: where a
    pass over all customers is dear, the last step is taken without one. Near the top each whole Newton step leaves the
    square of the error before it, so two of them have shown how much the next would leave.
    """
    low, high = np.log(lowest), np.log(largest)
    point = np.clip(np.log(start), low, high)
    value, slope = _in_logs(likelihood, point)
    information: Numbers | None = None
    before = 0.0  # how long the last step was, where it was a whole one
    for _ in range(200):
        free = _free(point, slope, low, high)
        if not free.any() or np.abs(slope[free]).max() < 1e-10:
            break
        information = _information(likelihood, point, slope)
        step = _step(information, slope, free, low - point, high - point)
        gain = float(slope @ step)
        if gain < enough * (1 + abs(value)):
            break
        length = float(np.abs(step).max())
        # The next step would be (length / before)² of this one, and its gain the square of that.
        left = gain * (length / before) ** 4 if before else gain
        if trust and length < SHORT and _inside(point + step, low, high) and left < TRUSTED:
            point, value, slope = point + step, value + gain / 2, np.zeros_like(slope)
            break
        climbed = np.abs(slope[free]).max()
        whole = True
        for _ in range(40):
            there = np.clip(point + step, low, high)
            new_value, new_slope = _in_logs(likelihood, there)
            gained = new_value - value
            # At the very top gains drown in rounding; there, a lesser slope is the better guide.
            near = abs(gained) <= 1e-13 * (1 + abs(value)) and np.abs(new_slope[free]).max() < climbed
            if gained > 1e-4 * (slope @ (there - point)) or near:
                break
            step, whole = step / 2, False
        else:
            break
        before = length if whole and _inside(there, low, high) else 0.0
        point, value, slope, information = there, new_value, new_slope, None
        if near and np.abs(slope[free]).max() > climbed / 2:
            break  # rounding has taken over: neither the value nor the slope tells the way any more
    if information is None:
        information = _information(likelihood, point, slope)
    step = _step(information, slope, _free(point, slope, low, high), low - point, high - point)
    return Top(
        parameters=np.exp(point),
        value=value,
        information=information,
        settled=bool(slope @ step < 1e-6),
        at_limit=(point <= low) | (point >= high),
    )


def inverse(information: Numbers) -> Numbers:
    """The covariance that goes with an information matrix; NaN where the data can't tell the parameters."""
    try:
        np.linalg.cholesky(information)
    except np.linalg.LinAlgError:
        return np.full(information.shape, np.nan)
    found: Numbers = np.linalg.inv(information).astype(np.float64)
    return found


def _in_logs(likelihood: Likelihood, point: Numbers) -> tuple[float, Numbers]:
    parameters = np.exp(point)
    value, gradient = likelihood.slope(parameters)
    return value, gradient * parameters


def _information(likelihood: Likelihood, point: Numbers, slope: Numbers) -> Numbers:
    """Minus the second derivatives by the log-parameters, by the chain rule."""
    parameters = np.exp(point)
    information: Numbers = -(likelihood.curvature(parameters) * np.outer(parameters, parameters) + np.diag(slope))
    return information


def _uphill(information: Numbers, slope: Numbers) -> Numbers:
    """The Newton step; where the surface bends upwards, its mirror image, so that the step never leads down."""
    bends, axes = np.linalg.eigh(information)
    bends = np.maximum(np.abs(bends), 1e-12 * np.abs(bends).max())
    step: Numbers = axes @ ((axes.T @ slope) / np.maximum(bends, 1e-300))
    return step * min(1.0, LONGEST_STEP / max(float(np.abs(step).max()), 1e-300))


def _step(information: Numbers, slope: Numbers, free: NDArray[np.bool_], below: Numbers, above: Numbers) -> Numbers:
    """The way uphill for the free parameters, shortened to end at the first edge it meets.

    Shortened and not clipped: along a narrow ridge, moving one parameter without the others leads off it.
    """
    moving = free.copy()
    while True:
        step = np.zeros(len(slope))
        if not moving.any():
            return step
        step[moving] = _uphill(information[np.ix_(moving, moving)], slope[moving])
        outward = ((below >= 0) & (step < 0)) | ((above <= 0) & (step > 0))
        if not outward.any():
            break
        moving &= ~outward
    room = np.where(step < 0, below, above)[moving] / np.where(step == 0, np.inf, step)[moving]
    shortened: Numbers = step * min(1.0, float(np.min(room, where=step[moving] != 0, initial=1.0)))
    return shortened


def _inside(point: Numbers, low: Numbers, high: Numbers) -> bool:
    return bool(((low < point) & (point < high)).all())


def _free(point: Numbers, slope: Numbers, low: Numbers, high: Numbers) -> NDArray[np.bool_]:
    """The parameters that are not pressed against an edge."""
    free: NDArray[np.bool_] = ~(((point <= low) & (slope < 0)) | ((point >= high) & (slope > 0)))
    return free
