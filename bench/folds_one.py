"""One learner on the folds it is given, in a process of its own, so that its imports and its memory are seen.

    python bench/folds_one.py LEARNER FOLDER THREADS

FOLDER holds table.parquet, y.npy and folds.npz (train_N, test_N). The chances of each fold's rows go to told.npz, with the
seconds of each (the first with the learner's imports) and the process's peak in MB.
"""

import resource
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

OURS = "tenure ChurnModel"
CASCADE = "tenure cascade"  # with the extra boost: CatBoost behind the model above
OF_OURS = (OURS, CASCADE)
AUTOGLUON = "AutoGluon"
AGAIN = "CatBoost, another seed"


def ours(X: pd.DataFrame, y: Any, rows: pd.DataFrame, threads: int) -> Any:
    from tenure.insight.churn import ChurnModel

    return ChurnModel().fit(X, y).predict_proba(rows)[:, 1]


def cascade(X: pd.DataFrame, y: Any, rows: pd.DataFrame, threads: int) -> Any:
    from tenure.insight.churn.learners.cascade import Cascade

    return Cascade().fit(X, y).predict_proba(rows)[:, 1]


def logistic(X: pd.DataFrame, y: Any, rows: pd.DataFrame, threads: int) -> Any:
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include="category")),
    )
    return make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(X, y).predict_proba(rows)[:, 1]


def forest(X: pd.DataFrame, y: Any, rows: pd.DataFrame, threads: int) -> Any:
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    columns = make_column_transformer(
        (SimpleImputer(strategy="median", add_indicator=True), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include="category")),
    )
    model = make_pipeline(columns, RandomForestClassifier(n_jobs=threads, random_state=0))
    return model.fit(X, y).predict_proba(rows)[:, 1]


def histogram(X: pd.DataFrame, y: Any, rows: pd.DataFrame, threads: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0)
    return model.fit(X, y).predict_proba(rows)[:, 1]


def lightgbm(X: pd.DataFrame, y: Any, rows: pd.DataFrame, threads: int) -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(n_jobs=threads, random_state=0, verbosity=-1).fit(X, y).predict_proba(rows)[:, 1]


def catboost(X: pd.DataFrame, y: Any, rows: pd.DataFrame, threads: int, seed: int = 0) -> Any:
    from catboost import CatBoostClassifier

    model = CatBoostClassifier(
        thread_count=threads, random_seed=seed, verbose=0, allow_writing_files=False,
        cat_features=X.select_dtypes("category").columns.tolist(),
    )  # fmt: skip
    return model.fit(X, y).predict_proba(rows)[:, 1]


def autogluon(X: pd.DataFrame, y: Any, rows: pd.DataFrame, threads: int) -> Any:
    """Its usual preset; told what is measured, for by itself it would seek accuracy."""
    from autogluon.tabular import TabularPredictor  # type: ignore[import-not-found]

    with tempfile.TemporaryDirectory() as folder:
        model = TabularPredictor(label="_left", eval_metric="roc_auc", path=folder, verbosity=0)
        model.fit(X.assign(_left=y), num_cpus=threads)
        return model.predict_proba(rows)[1].to_numpy()


LEARNERS = {
    OURS: ours,
    CASCADE: cascade,
    "sklearn logistic": logistic,
    "sklearn forest": forest,
    "sklearn HistGradientBoosting": histogram,
    "LightGBM": lightgbm,
    "CatBoost": catboost,
    AGAIN: partial(catboost, seed=1),
    AUTOGLUON: autogluon,
}


def main(name: str, folder: Path, threads: int) -> None:
    X, y, folds = pd.read_parquet(folder / "table.parquet"), np.load(folder / "y.npy"), np.load(folder / "folds.npz")
    told, seconds = {}, []
    for number in range(len(folds.files) // 2):
        train, test = folds[f"train_{number}"], folds[f"test_{number}"]
        begun = time.perf_counter()
        told[str(number)] = LEARNERS[name](X.iloc[train], y[train], X.iloc[test], threads)
        seconds.append(time.perf_counter() - begun)
    np.savez(folder / "told.npz", seconds=np.array(seconds), peak=np.array(peak_mb()), **told)


def peak_mb() -> float:
    """The most memory this process had; where the system tells it, without what its parent had when it started it."""
    status = Path("/proc/self/status")
    if status.is_file():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
