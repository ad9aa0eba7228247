"""Churn learners beside one another on the same stratified folds: measures, corrected intervals, tables.

Every learner sees the same rows and the same number of threads; nothing is resampled. Ours is given the table as it
came. Peers are given it the way each of them wants it, as their makers set them. Whatever a learner tunes, it tunes on
its training rows.
"""

import importlib.util
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from tenure.insight.churn import ChurnModel, auc, average_precision, brier, calibration, lift

DATA = Path(__file__).parents[2] / "shared" / "data"
OURS = "tenure ChurnModel"
FOLDS = 5
MEASURES: dict[str, Callable[[Any, Any], float]] = {
    "AUC": auc,
    "PR-AUC": average_precision,
    "lift 10 %": lift,
    "Brier": brier,
    "ECE": lambda y, p: float(calibration(y, p)["ece"]),
}
LOWER_IS_BETTER = ("Brier", "ECE")

Values = dict[str, dict[str, NDArray[np.float64]]]


@dataclass(frozen=True)
class Task:
    """One question: the table as it came, the same with its categories told to the peers, and who it happened to."""

    name: str
    raw: pd.DataFrame
    told: pd.DataFrame
    y: NDArray[np.int64]
    slow: Sequence[str] = field(default_factory=tuple)


def peers(threads: int) -> dict[str, Callable[[pd.DataFrame], Any]]:
    """Learners as their makers set them; those that aren't installed are said and left out."""
    from lightgbm import LGBMClassifier
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    def logistic(frame: pd.DataFrame) -> Any:
        numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
        columns = make_column_transformer(
            (numbers, make_column_selector(dtype_include="number")),
            (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include="category")),
        )
        return make_pipeline(columns, LogisticRegression(max_iter=1000))

    found: dict[str, Callable[[pd.DataFrame], Any]] = {
        "sklearn logistic": logistic,
        "sklearn HistGradientBoosting": lambda frame: HistGradientBoostingClassifier(
            categorical_features="from_dtype", random_state=0
        ),
        "LightGBM": lambda frame: LGBMClassifier(n_jobs=threads, random_state=0, verbosity=-1),
    }
    if importlib.util.find_spec("catboost") is None:
        print("CatBoost: skipped, because it is not installed here (pip install catboost)")
        return found

    def catboost(frame: pd.DataFrame) -> Any:
        from catboost import CatBoostClassifier

        categories = list(frame.select_dtypes("category"))
        return CatBoostClassifier(
            thread_count=threads, random_seed=0, verbose=0, allow_writing_files=False, cat_features=categories
        )

    return {**found, "CatBoost": catboost}


def learners(task: Task, threads: int) -> dict[str, tuple[pd.DataFrame, Callable[[pd.DataFrame], Any]]]:
    """Each learner with the table it is given; peers that take codes as numbers are tried that way too."""
    found: dict[str, tuple[pd.DataFrame, Callable[[pd.DataFrame], Any]]] = {
        OURS: (task.raw, lambda frame: ChurnModel())
    }
    coded = task.told.select_dtypes("category").shape[1] and not task.raw.select_dtypes(exclude="number").shape[1]
    for name, make in peers(threads).items():
        if name not in task.slow:
            found[name] = (task.told, make)
        if coded and name != "sklearn logistic":
            found[f"{name}, codes as numbers"] = (task.raw, make)
    return found


def run(
    task: Task, seeds: Sequence[int], repeats: int, threads: int, *, only: str = "", keep: Path | None = None
) -> Values:
    """Each learner's measures and seconds, one value a fold.

    only: learners whose name begins so. keep: a file that folds already measured are taken from, and new ones put in.
    """
    from sklearn.model_selection import RepeatedStratifiedKFold
    from threadpoolctl import threadpool_limits

    kept: dict[str, dict[str, float]] = json.loads(keep.read_text()) if keep and keep.is_file() else {}
    found: dict[str, dict[str, list[float]]] = {}
    with threadpool_limits(threads):
        for name, (X, make) in learners(task, threads).items():
            if not name.startswith(only):
                continue
            rows: dict[str, list[float]] = {measure: [] for measure in (*MEASURES, "seconds")}
            for seed in seeds:
                splitter = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=repeats, random_state=seed)
                for number, (train, test) in enumerate(splitter.split(X, task.y)):
                    key = f"{task.name}|{name}|{seed}|{number}|{threads}"
                    if key not in kept:
                        begun = time.perf_counter()
                        p = make(X).fit(X.iloc[train], task.y[train]).predict_proba(X.iloc[test])[:, 1]
                        seconds = time.perf_counter() - begun
                        kept[key] = {measure: of(task.y[test], p) for measure, of in MEASURES.items()}
                        kept[key]["seconds"] = seconds
                        if keep:
                            keep.write_text(json.dumps(kept))
                    for measure, value in kept[key].items():
                        rows[measure].append(value)
            found[name] = rows
    return {name: {measure: np.asarray(v) for measure, v in rows.items()} for name, rows in found.items()}


def paired(ours: NDArray[np.float64], other: NDArray[np.float64], folds: int = FOLDS) -> tuple[float, float, float]:
    """Mean difference over folds and its 95 % interval, corrected for folds sharing their training rows.

    Nadeau & Bengio 2003.
    """
    difference = ours - other
    count = len(difference)
    spread = np.sqrt((1 / count + 1 / (folds - 1)) * difference.var(ddof=1))
    reach = float(stats.t.ppf(0.975, count - 1) * spread)
    middle = float(difference.mean())
    return middle, middle - reach, middle + reach


def show(found: Values, goal: Sequence[str] = ()) -> None:
    """Print each learner's means, and ours beside the best peer of each measure, whoever is ahead."""
    print(f"{'':40s}" + "".join(f"{measure:>11s}" for measure in (*MEASURES, "seconds")))
    for name, rows in found.items():
        print(f"{name:40s}" + "".join(f"{rows[measure].mean():11.4f}" for measure in (*MEASURES, "seconds")))
    if goal:
        print(f"{'to reach':40s}" + "".join(f"{each:>11s}" for each in goal))
    others = [name for name in found if name != OURS]
    if OURS not in found or not others:
        return
    for measure in MEASURES:
        sign = -1 if measure in LOWER_IS_BETTER else 1
        best = max(others, key=lambda name: sign * float(found[name][measure].mean()))
        middle, low, high = paired(found[OURS][measure], found[best][measure])
        side = "ours ahead" if sign * middle > 0 else "the peer ahead"
        sure = "" if (low > 0) == (high > 0) else ", within the noise"
        print(f"{measure}: {middle:+.4f} ({low:+.4f} to {high:+.4f}) against the best peer, {best}: {side}{sure}")
