"""IBM Telco churn: ours beside scikit-learn's and LightGBM's defaults on the same folds.

    python -m bench.telco                  2 x 5 stratified folds, seed 0
    python -m bench.telco --seeds 10       the same for ten seeds that were not looked at while developing (1000 ...)

Classic file, customerID left out, nothing resampled; every learner sees the same rows and the same threads.
The interval beside the best peer is paired over the folds, widened for their overlap (Nadeau & Bengio 2003).
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from tenure.insight.churn import ChurnModel, auc, average_precision, brier, lift

DATA = Path(__file__).parents[2] / "shared" / "data" / "telco_churn" / "telco_classic.parquet"
FIRST_UNSEEN_SEED = 1000
MEASURES: dict[str, Callable[[Any, Any], float]] = {
    "AUC": auc,
    "PR-AUC": average_precision,
    "lift 10 %": lift,
    "Brier": brier,
}
OURS = "tenure ChurnModel"


def peers(threads: int) -> dict[str, Callable[[], Any]]:
    """Learners as their makers set them, given the columns the way each of them wants them."""
    from lightgbm import LGBMClassifier
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    def logistic() -> Any:
        columns = make_column_transformer(
            (StandardScaler(), make_column_selector(dtype_include="number")),
            (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include="category")),
        )
        return make_pipeline(columns, LogisticRegression(max_iter=1000))

    return {
        "sklearn logistic regression": logistic,
        "sklearn HistGradientBoosting": lambda: HistGradientBoostingClassifier(
            categorical_features="from_dtype", random_state=0
        ),
        "LightGBM": lambda: LGBMClassifier(n_jobs=threads, random_state=0, verbosity=-1),
    }


def read() -> tuple[pd.DataFrame, pd.DataFrame, NDArray[np.int64]]:
    """The table as it is for ours; for the peers with numbers as numbers, blanks as 0 (tenure 0), text as categories."""
    raw = pd.read_parquet(DATA).drop(columns="customerID")
    y = (raw.pop("Churn") == "Yes").to_numpy().astype(np.int64)
    tidy = raw.copy()
    tidy["TotalCharges"] = pd.to_numeric(tidy["TotalCharges"].str.strip(), errors="coerce").fillna(0.0)
    for name in tidy.select_dtypes("object"):
        tidy[name] = tidy[name].astype("category")
    return raw, tidy, y


def paired(ours: NDArray[np.float64], other: NDArray[np.float64], folds: int = 5) -> tuple[float, float, float]:
    """Mean difference over folds and its 95 % interval, corrected for folds sharing their training rows."""
    difference = ours - other
    count = len(difference)
    spread = np.sqrt((1 / count + 1 / (folds - 1)) * difference.var(ddof=1))
    reach = float(stats.t.ppf(0.975, count - 1) * spread)
    middle = float(difference.mean())
    return middle, middle - reach, middle + reach


def run(seeds: list[int], repeats: int, threads: int) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Each learner's measures and seconds, one value a fold."""
    from sklearn.model_selection import RepeatedStratifiedKFold
    from threadpoolctl import threadpool_limits

    raw, tidy, y = read()
    learners: dict[str, Callable[[], Any]] = {OURS: ChurnModel, **peers(threads)}
    found: dict[str, dict[str, list[float]]] = {
        name: {measure: [] for measure in (*MEASURES, "seconds")} for name in learners
    }
    with threadpool_limits(threads):
        for seed in seeds:
            splitter = RepeatedStratifiedKFold(n_splits=5, n_repeats=repeats, random_state=seed)
            for train, test in splitter.split(raw, y):
                for name, make in learners.items():
                    X = raw if name == OURS else tidy
                    begun = time.perf_counter()
                    p = make().fit(X.iloc[train], y[train]).predict_proba(X.iloc[test])[:, 1]
                    found[name]["seconds"].append(time.perf_counter() - begun)
                    for measure, of in MEASURES.items():
                        found[name][measure].append(of(y[test], p))
    return {name: {measure: np.asarray(v) for measure, v in rows.items()} for name, rows in found.items()}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.telco", description="IBM Telco churn beside the peers' defaults.")
    parser.add_argument("--seeds", type=int, default=0, help="average over this many seeds unseen while developing")
    parser.add_argument("--threads", type=int, default=2, help="for every learner; 1 where the machine is shared")
    asked = parser.parse_args(arguments)
    if not DATA.is_file():
        print("Skipped: the IBM Telco file (telco_churn/telco_classic.parquet) is not beside the checkout.")
        return
    seeds = list(range(FIRST_UNSEEN_SEED, FIRST_UNSEEN_SEED + asked.seeds)) if asked.seeds else [0]
    found = run(seeds, repeats=2, threads=asked.threads)
    told = f"seeds {seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"seed {seeds[0]}"
    print(f"IBM Telco classic, 2 x 5 stratified folds, {told}, nothing resampled, at most {asked.threads} threads")
    print(f"{'':30s}" + "".join(f"{measure:>11s}" for measure in (*MEASURES, "seconds")))
    for name, rows in found.items():
        print(f"{name:30s}" + "".join(f"{rows[measure].mean():11.4f}" for measure in (*MEASURES, "seconds")))
    print(f"{'to reach':30s}{'>= .8480':>11s}{'>= .6680':>11s}{'>= 2.850':>11s}{'<= .1345':>11s}")
    for measure in MEASURES:
        sign = -1 if measure == "Brier" else 1
        best = max((name for name in found if name != OURS), key=lambda name: sign * found[name][measure].mean())
        middle, low, high = paired(found[OURS][measure], found[best][measure])
        print(f"{measure}: {middle:+.4f} ({low:+.4f} to {high:+.4f}) against the best peer, {best}")


if __name__ == "__main__":
    main()
