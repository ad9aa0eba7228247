"""BG/NBD's standard errors from the observed information beside a parametric bootstrap of the same fit, on CDNOW."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenure.insight.value import BGNBD

RESAMPLES = 800  # a bootstrap's own spread is uncertain by 1 / sqrt(2 * this): 2.5 %


def compare(sets: dict[str, dict[str, NDArray[np.float64]]]) -> None:
    """Print, by parameter, both errors and their ratio; for the logarithm too, whose spread is nearer to normal."""
    print(f"\nStandard errors of BG/NBD: observed information against {RESAMPLES} refits of data drawn from the fit")
    print(
        f"{'data':<32}{'parameter':<11}{'value':>9}{'information':>13}{'bootstrap':>11}{'ratio':>8}{'of the log':>12}"
    )
    for name, data in sets.items():
        fitted = BGNBD().fit(data["x"], data["t_x"], data["T"])
        values, errors = np.array(list(fitted.parameters_.values())), np.array(list(fitted.standard_errors_.values()))
        rng = np.random.default_rng(0)
        refits = np.array([_refit(rng, data["T"], fitted.parameters_) for _ in range(RESAMPLES)])
        spread, of_log = refits.std(0, ddof=1), np.log(refits).std(0, ddof=1) * values
        for place, parameter in enumerate(fitted.parameters_):
            print(
                f"{name:<32}{parameter:<11}{values[place]:>9.4f}{errors[place]:>13.4f}{spread[place]:>11.4f}"
                f"{errors[place] / spread[place]:>8.3f}{errors[place] / of_log[place]:>12.3f}"
            )


def _refit(rng: np.random.Generator, T: NDArray[np.float64], told: Any) -> list[float]:
    """The parameters learned from customers as old as those seen, who buy and leave as the fit says."""
    rate, leave = rng.gamma(told["r"], 1 / told["alpha"], len(T)), rng.beta(told["a"], told["b"], len(T))
    x, t_x, now = np.zeros(len(T)), np.zeros(len(T)), np.zeros(len(T))
    active = np.arange(len(T))
    while len(active):
        now[active] += rng.exponential(1, len(active)) / np.maximum(rate[active], 1e-300)
        active = active[now[active] < T[active]]
        x[active] += 1
        t_x[active] = now[active]
        active = active[rng.random(len(active)) >= leave[active]]
    return list(BGNBD().fit(x, t_x, T).parameters_.values())
