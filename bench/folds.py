"""Churn learners beside one another on the same stratified folds: measures, corrected intervals, tables.

Every learner sees the same rows and the same number of threads, in one run, each in a process of its own; nothing is
resampled. Ours is given the table as it came; peers are given it the way each of them wants it, as their makers set them.
Whatever a learner tunes, it tunes on its training rows.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from bench.folds_one import AGAIN, AUTOGLUON, CASCADE, LEARNERS, OF_OURS, OURS
from tenure.insight.churn import auc, average_precision, brier, calibration, lift

DATA = Path(__file__).parents[2] / "shared" / "data"
ITS_PYTHON = "TENURE_AUTOGLUON_PYTHON"
FOLDS = 5
MEASURES: dict[str, Callable[[Any, Any], float]] = {
    "AUC": auc,
    "PR-AUC": average_precision,
    "lift 10 %": lift,
    "Brier": brier,
    "ECE": lambda y, p: float(calibration(y, p)["ece"]),
}
LOWER_IS_BETTER = ("Brier", "ECE")

Chances = dict[str, list[tuple[Any, Any]]]
Values = dict[str, dict[str, NDArray[np.float64]]]
FEW = 0.1  # a chance below which, on churn 5,000, no learner ranks better than by lot


@dataclass(frozen=True)
class Task:
    """One question: the table as it came, the same with its categories told to the peers, and who it happened to.

    again: whether CatBoost is tried with another seed too, to see how far one learner falls from itself.
    """

    name: str
    raw: pd.DataFrame
    told: pd.DataFrame
    y: NDArray[np.int64]
    slow: Sequence[str] = field(default_factory=tuple)
    again: bool = False


def learners(task: Task) -> dict[str, tuple[str, pd.DataFrame]]:
    """Each learner and the table it is given; peers that take codes as numbers are tried that way too."""
    found = {name: (name, task.raw) for name in OF_OURS}
    coded = task.told.select_dtypes("category").shape[1] and not task.raw.select_dtypes(exclude="number").shape[1]
    for name in LEARNERS:
        if name in found or (name == AGAIN and not task.again):
            continue
        if name not in task.slow:
            found[name] = (name, task.told)
        if coded and name not in (AGAIN, "sklearn logistic", "sklearn forest", AUTOGLUON):
            found[f"{name}, codes as numbers"] = (name, task.raw)
    return found


def python_of(learner: str) -> str | None:
    """The Python a learner runs under; None, and why is said, where it isn't there."""
    if learner == AUTOGLUON:
        python = os.environ.get(ITS_PYTHON)
        if not python:
            print(
                f"{AUTOGLUON}: skipped, because {ITS_PYTHON} names no Python that has it (requirements-autogluon.txt)"
            )
        return python
    if learner in ("CatBoost", AGAIN, CASCADE) and importlib.util.find_spec("catboost") is None:
        print(f"{learner}: skipped, because CatBoost is not installed here (pip install catboost)")
        return None
    return sys.executable


def run(
    task: Task, seeds: Sequence[int], repeats: int, threads: int, *, only: str = "", keep: Path | None = None,
    chances: Chances | None = None,
) -> Values:  # fmt: skip
    """Each learner's measures, one value a fold, and what it took; each in a process of its own, one after the other.

    only: learners whose name begins so. keep: a file that folds already measured are taken from, and new ones put in.
    chances: is given what each learner said of each fold's rows that was measured now.
    """
    from sklearn.model_selection import RepeatedStratifiedKFold

    kept: dict[str, dict[str, float]] = json.loads(keep.read_text()) if keep and keep.is_file() else {}
    splits = {
        (seed, number): split
        for seed in seeds
        for number, split in enumerate(
            RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=repeats, random_state=seed).split(task.raw, task.y)
        )
    }
    found: Values = {}
    for name, (learner, X) in learners(task).items():
        if not name.startswith(only):
            continue
        keys = {place: f"{task.name}|{name}|{place[0]}|{place[1]}|{threads}" for place in splits}
        wanted = [place for place, key in keys.items() if key not in kept]
        if wanted:
            python = python_of(learner)
            made = python and measured(python, learner, X, task.y, [splits[place] for place in wanted], threads)
            if not made:
                continue
            for number, place in enumerate(wanted):
                y, p = task.y[splits[place][1]], made[str(number)]
                if chances is not None:
                    chances.setdefault(name, []).append((y, p))
                kept[keys[place]] = {measure: of(y, p) for measure, of in MEASURES.items()} | {
                    "seconds": float(made["seconds"][number]),
                    "cold": float(number == 0),
                    "peak MB": float(made["peak"]),
                }
            if keep:
                keep.write_text(json.dumps(kept))
        rows = [kept[key] for key in keys.values()]
        found[name] = {measure: np.array([row[measure] for row in rows]) for measure in rows[0]}
    return found


def measured(
    python: str, learner: str, X: pd.DataFrame, y: NDArray[np.int64], splits: Sequence[Any], threads: int
) -> dict[str, Any] | None:
    """What one fresh process told of the folds; None, and why is said, where it failed."""
    root = Path(__file__).resolve().parents[1]
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    paths = {"PYTHONPATH": str(root / "src") if learner in OF_OURS else ""}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        X.to_parquet(folder / "table.parquet")
        np.save(folder / "y.npy", y)
        rows = {f"{part}_{n}": split[at] for n, split in enumerate(splits) for at, part in enumerate(("train", "test"))}
        np.savez(folder / "folds.npz", **rows)
        done = subprocess.run(
            [python, str(root / "bench" / "folds_one.py"), learner, str(folder), str(threads)],
            env=os.environ | dict.fromkeys(names, str(threads)) | paths, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            print(f"{learner}: skipped, because it stopped: {done.stderr.strip().splitlines()[-1:]}")
            return None
        return dict(np.load(folder / "told.npz"))


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


def show_where_told(chances: Chances, peer: str) -> None:
    """Ours beside a peer where who is given little chance is put in the peer's order: what is left is told, not lot.

    With it, how either ranks those to whom ours gives less than FEW.
    """
    if not chances.get(OURS) or len(chances[OURS]) != len(chances.get(peer, ())):
        print(f"AUC where it can be told: skipped, because not all folds of ours and of {peer} were measured now")
        return
    both = list(zip(chances[OURS], chances[peer], strict=True))
    gains, low = [], []
    for (y, ours), (_, theirs) in both:
        few = ours < FEW
        gains.append(auc(y, np.where(few, FEW * theirs, ours)) - auc(y, theirs))
        low.append((auc(y[few], ours[few]), auc(y[few], theirs[few]), y[few].sum() / y.sum()))
    middle, least, most = paired(np.array(gains), np.zeros(len(gains)))
    print(f"AUC against {peer}, those given less than {FEW} in its order: {middle:+.4f} ({least:+.4f} to {most:+.4f})")
    ours_low, theirs_low, share = np.mean(low, axis=0)
    print(f"among those, {share:.0%} of who left: AUC {ours_low:.3f} ours, {theirs_low:.3f} {peer}")


def show(found: Values, goal: Sequence[str] = ()) -> None:
    """Print each learner's means, and ours beside the best peer of each measure, whoever is ahead.

    cold: seconds of the first fold, with the learner's imports. warm: the median of the others. Both learn and score.
    """
    print(f"{'':40s}" + "".join(f"{head:>11s}" for head in (*MEASURES, "cold s", "warm s", "peak MB")))
    for name, rows in found.items():
        cold, seconds = rows["cold"] == 1, rows["seconds"]
        times = seconds[cold].mean(), np.median(seconds[~cold]) if (~cold).any() else np.nan, rows["peak MB"].max()
        print(
            f"{name:40s}"
            + "".join(f"{rows[measure].mean():11.4f}" for measure in MEASURES)
            + "".join(f"{value:11.{digits}f}" for value, digits in zip(times, (2, 2, 0), strict=True))
        )
    if goal:
        print(f"{'to reach':40s}" + "".join(f"{each:>11s}" for each in goal))
    if AGAIN in found and "CatBoost" in found:
        middle, low, high = paired(found[AGAIN]["AUC"], found["CatBoost"]["AUC"])
        print(f"AUC of CatBoost against itself with another seed: {middle:+.4f} ({low:+.4f} to {high:+.4f})")
    others = [name for name in found if name not in (*OF_OURS, AGAIN)]
    for mine in (name for name in OF_OURS if name in found and others):
        print(f"{mine}:")
        for measure in MEASURES:
            sign = -1 if measure in LOWER_IS_BETTER else 1
            best = max(others, key=lambda name: sign * float(found[name][measure].mean()))
            middle, low, high = paired(found[mine][measure], found[best][measure])
            side = "ours ahead" if sign * middle > 0 else "the peer ahead" if middle else "both alike"
            sure = "" if (low > 0) == (high > 0) else ", within the noise"
            print(f"  {measure}: {middle:+.4f} ({low:+.4f} to {high:+.4f}) against the best peer, {best}: {side}{sure}")
        for name in (*others, *({AGAIN} & set(found))):
            middle, low, high = paired(found[mine]["AUC"], found[name]["AUC"])
            print(f"  AUC against {name}: {middle:+.4f} ({low:+.4f} to {high:+.4f})")
