"""IBM Telco churn: every learner of ours beside the champion, on the same folds.

    python -m bench.learners                     5 stratified folds, seed 0
    python -m bench.learners --learners svm net  some of them

Classic file, customerID left out, nothing resampled, one thread. Gains are over the champion on the same rows, their
intervals wide enough to hold for all challengers at once with 95 %. Seconds are of the processor, six fits each.
"""

import argparse

from bench.telco import FILE, read
from tenure.insight.churn.leaderboard import ALL, leaderboard_by_folds


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.learners", description="Every learner beside the champion.")
    parser.add_argument("--learners", nargs="*", default=list(ALL))
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    if not FILE.is_file():
        print("Skipped: the IBM Telco file (telco_churn/telco_classic.parquet) is not beside the checkout.")
        return
    task = read()
    raw, y = task.raw, task.y
    found = leaderboard_by_folds(raw, y, learners=asked.learners, seed=asked.seed)
    print(f"IBM Telco classic, 5 stratified folds, seed {asked.seed}, {len(y):,} customers")
    shown = ("auc", "pr_auc", "top_decile_lift", "top_precision", "top_recall", "brier", "calibration_error", "profit")
    print(f"{'':12s}" + "".join(f"{name[:11]:>12s}" for name in shown) + f"{'seconds':>9s}  gain in AUC, in profit (%)")
    for entry in found.entries:
        if entry.skipped:
            print(f"{entry.name:12s}  {entry.skipped.en}")
            continue
        line = "".join(f"{entry.measures[name]:12.4f}" for name in shown)
        gains = ""
        if entry.gains:
            auc, profit = entry.gains["auc"], [100 * value for value in entry.gains["profit"]]
            gains = f"{auc[0]:+.4f} ({auc[1]:+.4f} to {auc[2]:+.4f})  "
            gains += f"{profit[0]:+.3f} ({profit[1]:+.3f} to {profit[2]:+.3f})"
        print(f"{entry.name:12s}{line}{entry.seconds or 0:9.1f}  {gains}")
    print(found.said.en)


if __name__ == "__main__":
    main()
