"""Measure one system on one data set in a process of its own: prints one line of JSON.

    PYTHON bench/clv_one.py tenure|lifetimes DATA.npz WARM_RUNS

Imports nothing of Tenure unless asked to measure it, so that a peer runs under its own Python.
DATA.npz holds x, t_x, T and, where there is a hold-out, `later` (purchases in it) and `t` (its length).
"""

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.special import betaln, gammaln


def peak_mb():
    """Largest memory this process has held so far, in MiB; NaN off Linux.

    Not getrusage: its peak starts at that of the process this one was forked from.
    """
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), float("nan"))


def log_likelihood(data, r, alpha, a, b):
    """The same formula for every system, whatever scale it climbed on inside."""
    x, t_x, T = data["x"], data["t_x"], data["T"]
    again = x > 0
    alive = -(r + x) * np.log(alpha + T)
    gone = np.full(len(x), -np.inf)
    gone[again] = np.log(a / (b + x[again] - 1)) - (r + x[again]) * np.log(alpha + t_x[again])
    each = betaln(a, b + x) - betaln(a, b) + gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    return float((each + np.logaddexp(alive, gone)).sum())


def tenure_fit(data):
    from tenure.insight.value import BGNBD

    model = BGNBD().fit(data["x"], data["t_x"], data["T"])
    found = {"r": model.r_, "alpha": model.alpha_, "a": model.a_, "b": model.b_}
    return found, lambda t: model.expected_purchases(t, data["x"], data["t_x"], data["T"])


def lifetimes_fit(data):
    from lifetimes import BetaGeoFitter

    model = BetaGeoFitter().fit(data["x"], data["t_x"], data["T"])
    found = {name: float(model.params_[name]) for name in ("r", "alpha", "a", "b")}

    def foretell(t):
        return np.asarray(
            model.conditional_expected_number_of_purchases_up_to_time(t, data["x"], data["t_x"], data["T"])
        )

    return found, foretell


def main():
    warnings.simplefilter("ignore")
    system, path, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
    fit = {"tenure": tenure_fit, "lifetimes": lifetimes_fit}[system]
    data = dict(np.load(path))
    loaded = peak_mb()
    seconds = []
    for _ in range(1 + runs):
        start = time.perf_counter()
        found, foretell = fit(data)
        seconds.append(time.perf_counter() - start)
    report = {
        "cold_s": seconds[0],  # with the imports
        "warm_s": float(np.median(seconds[1:])),
        "loaded_mb": loaded,
        "peak_mb": peak_mb(),
        **found,
    }
    report["log_likelihood"] = log_likelihood(data, **found)
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
