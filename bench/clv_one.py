"""Measure one system on one data set in a process of its own: prints one line of JSON.

    PYTHON bench/clv_one.py tenure|lifetimes|pymc MODEL DATA.npz WARM_RUNS

MODEL is bg, mbg or pareto. Imports nothing of Tenure unless asked to measure it, so that a peer runs under its own
Python. DATA.npz holds x, t_x, T and, where there is a hold-out, `later` (purchases in it) and `t` (its length).
"""

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np

NAMES = {"bg": ("r", "alpha", "a", "b"), "mbg": ("r", "alpha", "a", "b"), "pareto": ("r", "alpha", "s", "beta")}


def peak_mb():
    """Largest memory this process has held so far, in MiB; NaN off Linux.

    Not getrusage: its peak starts at that of the process this one was forked from.
    """
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), float("nan"))


def tenure_fit(model, data):
    from tenure.insight import value

    kind = {"bg": value.BGNBD, "mbg": value.MBGNBD, "pareto": value.ParetoNBD}[model]
    fitted = kind().fit(data["x"], data["t_x"], data["T"])
    return fitted.parameters_, lambda t: fitted.expected_purchases(t, data["x"], data["t_x"], data["T"])


def lifetimes_fit(model, data):
    import lifetimes

    kind = {"bg": "BetaGeoFitter", "mbg": "ModifiedBetaGeoFitter", "pareto": "ParetoNBDFitter"}[model]
    fitted = getattr(lifetimes, kind)().fit(data["x"], data["t_x"], data["T"])

    def foretell(t):
        return np.asarray(
            fitted.conditional_expected_number_of_purchases_up_to_time(t, data["x"], data["t_x"], data["T"])
        )

    return {name: float(fitted.params_[name]) for name in NAMES[model]}, foretell


def pymc_fit(model, data):
    import pandas as pd
    from pymc_marketing import clv

    kind = {"bg": "BetaGeoModel", "mbg": "ModifiedBetaGeoModel", "pareto": "ParetoNBDModel"}[model]
    frame = pd.DataFrame(
        {"customer_id": np.arange(len(data["x"])), "frequency": data["x"], "recency": data["t_x"], "T": data["T"]}
    )
    try:
        fitted = getattr(clv, kind)(data=frame)
        fitted.fit(method="map", progressbar=False)
    except TypeError:  # the data moved from the constructor to the fit
        fitted = getattr(clv, kind)()
        fitted.fit(frame, method="map", progressbar=False)
    found = fitted.fit_summary()

    def foretell(t):
        return np.asarray(fitted.expected_purchases(frame, future_t=t)).reshape(-1)

    return {name: float(found[name]) for name in NAMES[model]}, foretell


def main():
    warnings.simplefilter("ignore")
    system, model, path, runs = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    fit = {"tenure": tenure_fit, "lifetimes": lifetimes_fit, "pymc": pymc_fit}[system]
    data = dict(np.load(path))
    loaded = peak_mb()
    seconds, worked = [], []
    for _ in range(1 + runs):
        start, processor = time.perf_counter(), time.process_time()
        found, foretell = fit(model, data)
        seconds.append(time.perf_counter() - start)
        worked.append(time.process_time() - processor)
    report = {
        "cold_s": seconds[0],  # with the imports
        "warm_s": float(np.median(seconds[1:])),
        "cpu_s": float(np.median(worked[1:])),
        "loaded_mb": loaded,
        "peak_mb": peak_mb(),
        "parameters": found,
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
