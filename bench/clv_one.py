"""Measure one system on one data set in a process of its own: prints one line of JSON.

    PYTHON bench/clv_one.py tenure|lifetimes DATA.npz WARM_RUNS

Imports nothing of Tenure unless asked to measure it, so that a peer runs under its own Python.
DATA.npz holds x, t_x, T and, where there is a hold-out, `later` (purchases in it) and `t` (its length).
"""

import json
import resource
import sys
import time
import warnings

import numpy as np


def peak_mb() -> float:
    """Largest memory this process has held so far, in MiB (Linux reports KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def tenure_fit(data):
    from tenure.insight.value import BGNBD

    model = BGNBD().fit(data["x"], data["t_x"], data["T"])
    found = {"r": model.r_, "alpha": model.alpha_, "a": model.a_, "b": model.b_}
    return found, model.log_likelihood_, lambda t: model.expected_purchases(t, data["x"], data["t_x"], data["T"])


def lifetimes_fit(data):
    from lifetimes import BetaGeoFitter

    model = BetaGeoFitter().fit(data["x"], data["t_x"], data["T"])
    found = {name: float(model.params_[name]) for name in ("r", "alpha", "a", "b")}
    total = -float(model._negative_log_likelihood_) * len(data["x"])

    def foretell(t):
        return np.asarray(
            model.conditional_expected_number_of_purchases_up_to_time(t, data["x"], data["t_x"], data["T"])
        )

    return found, total, foretell


def main() -> None:
    warnings.simplefilter("ignore")  # a peer's warnings would mix with the JSON's reader's attention
    system, path, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
    fit = {"tenure": tenure_fit, "lifetimes": lifetimes_fit}[system]
    data = dict(np.load(path))
    loaded = peak_mb()
    seconds = []
    for _ in range(1 + runs):
        start = time.perf_counter()
        found, log_likelihood, foretell = fit(data)
        seconds.append(time.perf_counter() - start)
    report = {
        "cold_s": seconds[0],  # with the imports
        "warm_s": float(np.median(seconds[1:])),
        "loaded_mb": loaded,
        "peak_mb": peak_mb(),
        "log_likelihood": log_likelihood,
        **found,
    }
    if "later" in data:
        later = data["later"]
        start = time.perf_counter()
        expected = foretell(float(data["t"]))
        report |= {
            "foretell_s": time.perf_counter() - start,
            "mae": float(np.abs(expected - later).mean()),
            "rmse": float(np.sqrt(((expected - later) ** 2).mean())),
            "correlation": float(np.corrcoef(expected, later)[0, 1]),
            "bias": float(expected.sum() / later.sum() - 1),
        }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
