"""IBM Telco churn: ours beside scikit-learn's, LightGBM's, CatBoost's and AutoGluon's defaults on the same folds.

    python -m bench.telco                  2 x 5 stratified folds, seed 0
    python -m bench.telco --seeds 10       the same for ten seeds that were not looked at while developing (1000 ...)

Classic file, customerID left out, nothing resampled; every learner sees the same rows and the same threads.
The interval beside the best peer is paired over the folds, widened for their overlap (Nadeau & Bengio 2003).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bench.folds import DATA, Task, run, show

FILE = DATA / "telco_churn" / "telco_classic.parquet"
FIRST_UNSEEN_SEED = 1000
GOAL = (">= .8480", ">= .6680", ">= 2.850", "<= .1345")


def read() -> Task:
    """The table as it is for ours; for the peers with numbers as numbers, blanks as 0 (tenure 0), text as categories."""
    raw = pd.read_parquet(FILE).drop(columns="customerID")
    y = (raw.pop("Churn") == "Yes").to_numpy().astype(np.int64)
    told = raw.copy()
    told["TotalCharges"] = pd.to_numeric(told["TotalCharges"].str.strip(), errors="coerce").fillna(0.0)
    for name in told.select_dtypes("object"):
        told[name] = told[name].astype("category")
    return Task("telco", raw, told, y)


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="bench.telco", description="IBM Telco churn beside the peers' defaults.")
    parser.add_argument("--seeds", type=int, default=0, help="average over this many seeds unseen while developing")
    parser.add_argument("--threads", type=int, default=2, help="for every learner; 1 where the machine is shared")
    parser.add_argument("--only", default="", help="learners whose name begins so")
    parser.add_argument("--keep", type=Path, help="a file for the folds measured, to go on from later")
    asked = parser.parse_args(arguments)
    if not FILE.is_file():
        print("Skipped: the IBM Telco file (telco_churn/telco_classic.parquet) is not beside the checkout.")
        return
    seeds = list(range(FIRST_UNSEEN_SEED, FIRST_UNSEEN_SEED + asked.seeds)) if asked.seeds else [0]
    found = run(read(), seeds, 2, asked.threads, only=asked.only, keep=asked.keep)
    told = f"seeds {seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"seed {seeds[0]}"
    print(f"IBM Telco classic, 2 x 5 stratified folds, {told}, nothing resampled, at most {asked.threads} threads")
    show(found, GOAL)


if __name__ == "__main__":
    main(sys.argv[1:])
