"""Churn on two more public tables, ours beside the peers' defaults: churn 5,000 and the KDD Cup 2009 (Orange).

    python -m bench.churn                            repeated 5 folds, seed 0
    python -m bench.churn --task kdd-churn           one of them: churn-5000 kdd-churn kdd-appetency kdd-upselling
    python -m bench.churn --task churn-5000 --again  and CatBoost beside itself, which is what the folds can tell apart,
                                                     and ours where those nobody can rank are put in CatBoost's order

Ours are two: ChurnModel, and the cascade, which needs CatBoost and stands beside it as a learner of its own.
Of the KDD Cup's 230 variables 33 are in the file, picked with all labels in view, so every figure is a little too
good; categories are whole numbers in it. Ours is not told which they are. Peers are told (those from Var191 on are the
organisers' categories), and are tried with the codes as numbers beside it.
CatBoost with its categories told takes minutes a fold, AutoGluon too; --slow has them. AutoGluon runs under the Python
that TENURE_AUTOGLUON_PYTHON names (requirements-autogluon.txt).
What is asked: no worse than the best peer by more than .003 AUC by the corrected interval, and ahead on two of four.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from bench.folds import DATA, Chances, Task, run, show, show_where_told
from bench.folds_one import AGAIN, AUTOGLUON

CHURN_5000 = DATA / "orange_bigml_churn" / "mlc_churn_5000.parquet"
KDD = DATA / "orange_kdd2009" / "orange_small_50k_selected_vars.parquet"
OUTCOMES = ("churn", "appetency", "upselling")
FIRST_CATEGORY = 191


def churn_5000(slow: bool, again: bool = False) -> Task | str:
    if not CHURN_5000.is_file():
        return "its file (orange_bigml_churn/mlc_churn_5000.parquet) is not beside the checkout"
    raw = pd.read_parquet(CHURN_5000)
    y = (raw.pop("churn") == "yes").to_numpy().astype(np.int64)
    told = raw.astype(dict.fromkeys(raw.select_dtypes("object"), "category"))
    return Task("churn-5000", raw, told, y, again=again)


def kdd(outcome: str, slow: bool, again: bool = False) -> Task | str:
    if not KDD.is_file():
        return "its file (orange_kdd2009/orange_small_50k_selected_vars.parquet) is not beside the checkout"
    raw = pd.read_parquet(KDD)
    y = (raw[outcome] == 1).to_numpy().astype(np.int64)
    raw = raw.drop(columns=list(OUTCOMES))
    told = raw.copy()
    for name in (name for name in raw if int(str(name)[3:]) >= FIRST_CATEGORY):
        told[name] = raw[name].map(lambda code: "blank" if code != code else str(int(code))).astype("category")
    return Task(f"kdd-{outcome}", raw, told, y, () if slow else ("CatBoost", AGAIN, AUTOGLUON), again)


TASKS: dict[str, Callable[[bool, bool], Task | str]] = {
    "churn-5000": churn_5000,
    **{f"kdd-{outcome}": partial(kdd, outcome) for outcome in OUTCOMES},
}


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="bench.churn", description="Churn tables beside the peers' defaults.")
    parser.add_argument("--task", choices=list(TASKS), action="append", help="one of them, again for more")
    parser.add_argument("--seed", type=int, default=0, help="of the folds")
    parser.add_argument("--repeats", type=int, default=2, help="of the five folds")
    parser.add_argument("--threads", type=int, default=2, help="for every learner; 1 where the machine is shared")
    parser.add_argument(
        "--slow", action="store_true", help="AutoGluon, and CatBoost with the categories told, on the KDD Cup too"
    )
    parser.add_argument(
        "--again", action="store_true", help="CatBoost with another seed too: how far one falls from itself"
    )
    parser.add_argument("--only", default="", help="learners whose name begins so")
    parser.add_argument("--keep", type=Path, help="a file for the folds measured, to go on from later")
    asked = parser.parse_args(arguments)
    for name in asked.task or TASKS:
        task = TASKS[name](asked.slow, asked.again)
        if isinstance(task, str):
            print(f"{name}: skipped, because {task}")
            continue
        chances: Chances = {}
        found = run(task, [asked.seed], asked.repeats, asked.threads, only=asked.only, keep=asked.keep, chances=chances)
        print(
            f"\n{name}: {len(task.y):,} rows, {task.y.mean():.2%} yes, {asked.repeats} x 5 stratified folds, "
            f"seed {asked.seed}, nothing resampled, at most {asked.threads} threads"
        )
        show(found)
        if asked.again:
            show_where_told(chances, "CatBoost")


if __name__ == "__main__":
    main(sys.argv[1:])
