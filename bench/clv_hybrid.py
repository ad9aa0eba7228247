"""The hybrid on full CDNOW, beside a two-part model of the same cut in the manner of ZILN: will they spend, and how much
(log-normal), from counts and amounts alone. Both learn from the first 39 weeks only; the other 39 are foretold.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tenure.insight.value import HybridCLV
from tenure.insight.value.backtest import backtest

END = 273


@dataclass
class TwoPart:
    """Zero-inflated log-normal: logistic for whether, a log-normal regression for how much, by boosted trees."""

    def foretell(self, log: pd.DataFrame, end: int, horizon: int) -> NDArray[np.float64]:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        reach = end // 2
        then, now = self.features(log, end - reach), self.features(log, end)
        later = log[(log.when >= end - reach) & (log.when < end)].groupby("person_id").value.sum()
        spent = later.reindex(then.index).fillna(0).to_numpy()
        settings: dict[str, Any] = {"max_leaf_nodes": 7, "learning_rate": 0.05, "max_iter": 100, "random_state": 0}
        whether = HistGradientBoostingClassifier(**settings).fit(then, spent > 0)
        some = spent > 0
        much = HistGradientBoostingRegressor(**settings).fit(then[some], np.log(spent[some]))
        spread = np.var(np.log(spent[some]) - much.predict(then[some]))
        mean = whether.predict_proba(now)[:, 1] * np.exp(much.predict(now) + spread / 2)
        return np.asarray(mean * horizon / reach)

    @staticmethod
    def features(log: pd.DataFrame, cut: int) -> pd.DataFrame:
        past = log[log.when < cut].groupby("person_id")
        known = past.agg(n=("when", "size"), first=("when", "min"), last=("when", "max"), value=("value", "sum"),
                         largest=("value", "max"))  # fmt: skip
        return known.assign(first=cut - known["first"], last=cut - known["last"], each=known.value / known.n)


def compare(path: Path) -> None:
    """Print bias, order and deciles of both."""
    raw = pd.read_parquet(path)
    raw["when"] = (pd.to_datetime(raw["date"].astype(str)) - pd.Timestamp("1997-01-01")).dt.days
    log = raw.groupby(["customer_id", "when"], as_index=False)["spend"].sum()
    log = log.rename(columns={"customer_id": "person_id", "spend": "value"})
    seen, later = log[log.when < END], log[log.when >= END].groupby("person_id").value.agg(["size", "sum"])
    start = time.process_time()
    model = HybridCLV(END).fit(seen, END)
    ours = model.predict(seen, END)
    taken = time.process_time() - start
    later = later.reindex(ours.person_id).fillna(0)
    start = time.process_time()
    peer = TwoPart().foretell(seen, END, END)
    peer_taken = time.process_time() - start
    likely = ours.likely_purchases.to_numpy()
    bought = later["size"].to_numpy()
    print(f"\nHybrid, CDNOW: purchases MAE {np.abs(likely - bought).mean():.4f}, total {likely.sum() / bought.sum() - 1:+.1%}; "
          f"means {ours.expected_purchases.sum() / bought.sum() - 1:+.1%}; scale {model.scale_:.4f}")  # fmt: skip
    print(
        f"{'value':<20}{'cpu s':>8}{'bias':>9}{'95 %':>20}{'Spearman':>10}{'Gini':>8}{'explained':>11}{'MAE':>9}{'RMSE':>9}"
    )
    for name, told, cpu in (("hybrid", ours.expected_value, taken), ("ZILN-style", peer, peer_taken)):
        found = backtest(np.asarray(told), later["sum"].to_numpy())
        bias, order = found.bias, found.spearman
        if bias is None or order is None:
            continue
        print(
            f"{name:<20}{cpu:>8.2f}{bias.value:>+9.1%}{f'{bias.low:+.1%} … {bias.high:+.1%}':>20}{order.value:>10.3f}",
            end="",
        )
        print(f"{found.gini or 0:>8.3f}{found.explained or 0:>11.3f}{found.mae:>9.2f}{found.rmse:>9.2f}")
        print("  deciles, foretold / happened: "
              + ", ".join(f"{one.foretold:.1f} / {one.happened.value:.1f}" for one in found.deciles))  # fmt: skip
