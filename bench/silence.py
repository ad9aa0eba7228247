"""Who falls silent, where there is no contract: ours beside P(alive) of BG/NBD and beside recency alone, over time.

    python -m bench.silence                          Online Retail, CDNOW and Complete Journey (the last is simulated)
    python -m bench.silence --log cdnow --cuts 5     tried on each of the last five cuts, as if each had been today

Customers who bought in the last two windows are asked about; who buys nothing in the next window is gone. Cut dates go
back by half windows from the last one whose outcome is known. Learned from cuts whose outcomes were known when the last
was made, calibrated on the customers of the latest of those, each left out for it in turn, tried on the last. P(alive) and
recency are tried as they are (1 - P(alive) as the chance; recency has none), and set right on the same calibration cut by
a logistic line, which is the more than they are usually given. Calibration error (ECE): over ten equal groups by chance,
|mean chance - share gone|, weighted by customers; its interval beside another's is of 500 draws of the same customers. How
many leave moves from one cut to the next by more than any score foretells, so one cut is one draw: --cuts has more, and
tells the mean difference over them. Its first interval draws customers, each with all their cuts; its second is Student's
over the cuts as if they were independent, which overlapping windows are not, so it is too narrow rather than too wide.
"ECE, level told" moves each score's chances by one constant in log-odds to the share gone at the cut: what is left of the
error once the level, which nobody knows beforehand, is taken away.
Each cut learns and is calibrated on earlier dates alone, as far before it as the window is long (the embargo).

BG/NBD is ours, and that of lifetimes under the Python that TENURE_BENCH_PYTHON names (requirements-peers.txt).
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from bench.folds import DATA
from bench.folds_one import OURS
from tenure.insight import features
from tenure.insight.churn import (
    ChurnModel,
    auc,
    auc_interval,
    backtest,
    brier,
    calibration,
    cut_dates,
    features_only,
    lift,
)
from tenure.insight.churn.signs import SIGNS
from tenure.insight.value import BGNBD

PEERS = "TENURE_BENCH_PYTHON"
SIGNED = "the same, known signs held"
DRAWS = 500
MEASURES = (("AUC", 1), ("Brier", -1), ("ECE", -1), ("ECE, level told", -1))
Floats = NDArray[np.float64]
_LIFETIMES = """
import sys, warnings
import numpy as np
from lifetimes import BetaGeoFitter
warnings.simplefilter("ignore")
given = np.load(sys.argv[1])
found = {}
for name in given["names"]:
    x, t_x, T = (given[f"{name}_{part}"] for part in ("x", "t_x", "T"))
    found[str(name)] = BetaGeoFitter().fit(x, t_x, T).conditional_probability_alive(x, t_x, T)
np.savez(sys.argv[2], **found)
"""


@dataclass(frozen=True)
class Tried:
    """One cut: who was asked about, who is gone, and each score (ours first), with its chance where it is one."""

    people: NDArray[np.int64]
    y: Floats
    scores: dict[str, tuple[Floats, Floats | None]]


@dataclass(frozen=True)
class Log:
    """Purchases of one company: person_id, order_id, ordered_at, amount_minor, and the window in days."""

    name: str
    rows: pd.DataFrame
    window: int


def online_retail() -> Log | str:
    folder = DATA / "online_retail"
    files = [folder / f"online_retail_{years}.parquet" for years in ("2009_2010", "2010_2011")]
    if not all(file.is_file() for file in files):
        return "its files (online_retail) are not beside the checkout"
    # Both files have the first days of December 2010.
    first, second = (pd.read_parquet(file) for file in files)
    raw = pd.concat([first[first.InvoiceDate < second.InvoiceDate.min()], second]).dropna(subset="CustomerID")
    rows = pd.DataFrame(
        {
            "person_id": raw.CustomerID.astype("int64"),
            "order_id": raw.InvoiceNo.astype(str),
            "ordered_at": raw.InvoiceDate,
            "product_id": raw.StockCode.astype(str),
            "amount_minor": (raw.Quantity * raw.UnitPrice * 100).round().astype("int64"),
        }
    )
    return Log("Online Retail", rows, 90)


def cdnow() -> Log | str:
    file = DATA / "cdnow" / "cdnow_master.parquet"
    if not file.is_file():
        return "its file (cdnow/cdnow_master.parquet) is not beside the checkout"
    raw = pd.read_parquet(file)
    rows = pd.DataFrame(
        {
            "person_id": raw.customer_id.astype("int64"),
            "order_id": np.arange(len(raw)).astype(str),
            "ordered_at": pd.to_datetime(raw.date.astype(str)),
            "amount_minor": (raw.spend.astype(float) * 100).round().astype("int64"),
        }
    )
    return Log("CDNOW", rows, 90)


def complete_journey() -> Log | str:
    file = DATA / "complete_journey" / "transactions.parquet"
    if not file.is_file():
        return "its file (complete_journey/transactions.parquet) is not beside the checkout"
    raw = pd.read_parquet(file)
    lines = raw.assign(
        person_id=raw.household_id.astype("int64"),
        order_id=raw.basket_id.astype(str),
        amount_minor=(raw.sales_value.astype(float) * 100).round().astype("int64"),
    )
    # A basket as one line: how many kinds of goods it holds does not matter here.
    baskets = lines.groupby(["person_id", "order_id"], as_index=False).agg(
        ordered_at=("transaction_timestamp", "min"), amount_minor=("amount_minor", "sum")
    )
    return Log("Complete Journey", baskets, 30)


LOGS: dict[str, Callable[[], Log | str]] = {
    "online-retail": online_retail,
    "cdnow": cdnow,
    "complete-journey": complete_journey,
}


def histories(log: Log, cut: datetime) -> pd.DataFrame:
    """x, t_x and T in weeks of everyone who bought before the cut, by person."""
    sold = log.rows[(log.rows.ordered_at < cut) & (log.rows.amount_minor > 0)]
    day = (sold.ordered_at - datetime(1970, 1, 1, tzinfo=UTC)).dt.days
    known = day.groupby(sold.person_id).agg(["nunique", "min", "max"])
    last = (cut - datetime(1970, 1, 1, tzinfo=UTC)).days - 1
    return pd.DataFrame(
        {"x": known["nunique"] - 1.0, "t_x": (known["max"] - known["min"]) / 7, "T": (last - known["min"]) / 7}
    )


def outcomes(log: Log, cut: datetime) -> pd.Series:
    """Of everyone who bought in the last two windows: whether they buy nothing in the next, by person."""
    sold, window = log.rows[log.rows.amount_minor > 0], timedelta(days=log.window)
    asked = sold[(sold.ordered_at >= cut - 2 * window) & (sold.ordered_at < cut)].person_id.unique()
    back = sold[(sold.ordered_at >= cut) & (sold.ordered_at < cut + window)].person_id.unique()
    people = np.sort(asked)
    return pd.Series(~np.isin(people, back), index=people)


def of_lifetimes(logs: dict[str, pd.DataFrame]) -> dict[str, pd.Series] | None:
    """P(alive) of the peer at each cut; None where it isn't there."""
    python = os.environ.get(PEERS)
    if not python:
        return None
    with tempfile.TemporaryDirectory() as folder:
        given, told = Path(folder) / "given.npz", Path(folder) / "told.npz"
        parts = {f"{name}_{part}": frame[part].to_numpy() for name, frame in logs.items() for part in frame}
        np.savez(given, names=np.array(list(logs)), **parts)
        done = subprocess.run([python, "-c", _LIFETIMES, str(given), str(told)], capture_output=True, text=True)
        if done.returncode:
            print(f"lifetimes: skipped, because it stopped: {done.stderr.strip().splitlines()[-1:]}")
            return None
        found = np.load(told)
        return {name: pd.Series(found[name], index=frame.index) for name, frame in logs.items()}


def line(score: Floats, y: Floats) -> Callable[[Floats], Floats]:
    """The logistic line from a score to a chance."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1e6).fit(score[:, None], y)
    return lambda other: np.asarray(fitted.predict_proba(other[:, None])[:, 1])


def compare(log: Log) -> Tried:
    """Print every score of the people asked about at the last cut, and ours beside each of the others."""
    first, last = log.rows.ordered_at.min(), log.rows.ordered_at.max()
    cuts = cut_dates(first.to_pydatetime(), last.normalize().to_pydatetime(), log.window)
    labels = {cut: outcomes(log, cut) for cut in cuts}
    known = {cut: histories(log, cut) for cut in cuts}
    everything = features.as_of({"orders": log.rows}, cuts)
    everything = everything if isinstance(everything, pd.DataFrame) else everything.to_pandas()
    alive = {
        cut: pd.Series(BGNBD().fit(h.x, h.t_x, h["T"]).p_alive(h.x, h.t_x, h["T"]), index=h.index)
        for cut, h in known.items()
    }
    frames = {}
    for cut in cuts:
        rows = (
            everything[pd.to_datetime(everything.as_of, utc=True) == cut].set_index("person_id").drop(columns="as_of")
        )
        frame = rows.reindex(labels[cut].index).dropna(axis=1, how="all")
        frames[cut] = frame.assign(p_alive=alive[cut].reindex(frame.index)).rename_axis("person_id").reset_index()
    gone = {cut: label.to_numpy() for cut, label in labels.items()}
    tried = backtest(frames, gone, log.window, p_alive="p_alive")
    held = backtest(frames, gone, log.window, model=ChurnModel(monotone=SIGNS))
    split = tried.split
    assert split is not None
    test, right = split.test, split.calibrate or split.train[-1]
    y, before = labels[test].to_numpy().astype(float), labels[right].to_numpy().astype(float)
    p, signed = (each.model.predict_proba(_like(frames[test], each.model))[:, 1] for each in (tried, held))
    scores: dict[str, tuple[Floats, Floats | None]] = {OURS: (p, p), SIGNED: (signed, signed)}

    def add(name: str, then: Floats, now: Floats, raw: Floats | None) -> None:
        if raw is not None:
            scores[name] = (now, raw)
        scores[f"{name}, set right"] = (now, line(then, before)(now))

    theirs = of_lifetimes({f"at{number}": known[cut] for number, cut in enumerate((right, test))})
    for name, found in (
        ("BG/NBD P(alive), ours", {right: alive[right], test: alive[test]}),
        ("BG/NBD P(alive), lifetimes", None if theirs is None else {right: theirs["at0"], test: theirs["at1"]}),
    ):
        if found is None:
            print(f"{name}: skipped, because {PEERS} names no Python that has it (requirements-peers.txt)")
            continue
        then, now = (1.0 - found[cut].reindex(labels[cut].index).to_numpy() for cut in (right, test))
        add(name, log_odds(then), log_odds(now), now)
    recency = [frames[cut]["order_recency_days"].to_numpy() for cut in (right, test)]
    add("recency", recency[0], recency[1], None)

    print(f"\n{log.name}: window {log.window} days; {split.words.en}; {len(y):,} customers, {y.mean():.1%} gone")
    print(f"{'':40s}{'AUC':>9s}{'lift 10 %':>11s}{'Brier':>9s}{'ECE':>9s}  slope (95 %)")
    for name, (score, chance) in scores.items():
        told = f"{name:40s}{auc(y, score):9.4f}{lift(y, score):11.3f}"
        if chance is not None:
            c = calibration(y, chance)
            told += f"{brier(y, chance):9.4f}{c['ece']:9.4f}  "
            told += f"{c['slope']:.2f} ({c['slope_low']:.2f} to {c['slope_high']:.2f})"
        print(told)
    for name, (score, chance) in list(scores.items())[1:]:
        middle, low, high = auc_interval(y, p, score)
        told = f"against {name}: AUC {middle:+.4f} ({low:+.4f} to {high:+.4f})"
        if chance is not None:
            off = (p - y) ** 2 - (chance - y) ** 2
            reach = 1.959964 * off.std(ddof=1) / np.sqrt(len(off))
            told += f", Brier {off.mean():+.4f} ({off.mean() - reach:+.4f} to {off.mean() + reach:+.4f})"
            told += ", ECE {:+.4f} ({:+.4f} to {:+.4f})".format(*apart(y, p, chance))
        print(told)
    return Tried(labels[test].index.to_numpy(dtype=np.int64), y, scores)


def ece(y: Floats, p: Floats) -> float:
    """As `calibration` has it, alone: the line it also fits takes the draws too long."""
    parts = np.array_split((p - y)[np.argsort(p, kind="stable")], 10)
    return float(sum(abs(part.sum()) for part in parts) / len(p))


def apart(y: Floats, ours: Floats, other: Floats) -> tuple[float, float, float]:
    """How much smaller or larger our calibration error is, and between what 95 of 100 draws of the same customers lie."""
    random = np.random.default_rng(0)
    draws = [random.integers(0, len(y), len(y)) for _ in range(DRAWS)]
    found = [ece(y[d], ours[d]) - ece(y[d], other[d]) for d in draws]
    low, high = np.quantile(found, (0.025, 0.975))
    return ece(y, ours) - ece(y, other), float(low), float(high)


def over_cuts(log: Log, cuts: int) -> None:
    """The same as if each of the last cuts had been today, and the means of all."""
    first, last, step = log.rows.ordered_at.min(), log.rows.ordered_at.max(), (log.window + 1) // 2
    tried: list[Tried] = []
    for back in range(cuts):
        end = last.normalize() - timedelta(days=back * step)
        if (end - first).days < 4 * log.window:
            break  # no two cuts to learn from
        # On the last day of the file nothing is left out.
        known = log.rows if not back else log.rows[log.rows.ordered_at <= end]
        tried.append(compare(Log(log.name, known, log.window)))
    if len(tried) < 2:
        return
    chances = [name for name, (_, chance) in tried[0].scores.items() if chance is not None]
    print(f"\n{log.name}: mean of {len(tried)} cuts")
    print(f"{'':40s}{'AUC':>9s}{'Brier':>9s}{'ECE':>9s}{'ECE, level told':>17s}")
    for name in chances:
        rows = [measures(cut.y, *_chance(cut, name)) for cut in tried]
        print("{:40s}{:9.4f}{:9.4f}{:9.4f}{:17.4f}".format(name, *np.mean(rows, axis=0)))
    told = difference(tried, [name for name in chances if name not in (OURS, SIGNED)])
    for name, rows in told.items():
        print(f"against {name}, mean of cuts: " + "; ".join(rows))


def measures(y: Floats, score: Floats, chance: Floats) -> tuple[float, float, float, float]:
    """AUC, Brier score, ECE, and ECE once told how many are gone."""
    return auc(y, score), float(((chance - y) ** 2).mean()), ece(y, chance), ece(y, levelled(y, chance))


def levelled(y: Floats, chance: Floats) -> Floats:
    """The chances moved by one constant in log-odds, so that their mean is the share gone: what no score can foresee."""
    odds = log_odds(chance)
    for _ in range(20):
        told = 1 / (1 + np.exp(-odds))
        step = float(np.clip((y.mean() - told.mean()) / max((told * (1 - told)).mean(), 1e-9), -2, 2))
        odds = odds + step
        if abs(step) < 1e-9:
            break
    return np.asarray(1 / (1 + np.exp(-odds)))


def log_odds(chance: Floats) -> Floats:
    cut = np.clip(chance, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(cut) - np.log1p(-cut))


def difference(tried: Sequence[Tried], names: Sequence[str]) -> dict[str, list[str]]:
    """Ours less each other, mean of the cuts: over draws of customers with all their cuts, over cuts, and cuts won."""
    everybody = np.unique(np.concatenate([cut.people for cut in tried]))
    places = [np.searchsorted(everybody, cut.people) for cut in tried]
    random = np.random.default_rng(0)
    wanted = [OURS, *names]

    def of_cuts(times: NDArray[np.int64]) -> Any:
        """Measures by cut, score and measure, each customer counted so many times."""
        found = []
        for cut, place in zip(tried, places, strict=True):
            rows = np.repeat(np.arange(len(cut.y)), times[place])
            found.append([measures(cut.y[rows], *(part[rows] for part in _chance(cut, name))) for name in wanted])
        return np.array(found)

    as_is = of_cuts(np.ones(len(everybody), dtype=np.int64))
    drawn = np.array(
        [
            of_cuts(np.bincount(random.integers(0, len(everybody), len(everybody)), minlength=len(everybody))).mean(0)
            for _ in range(DRAWS)
        ]
    )
    found: dict[str, list[str]] = {}
    for number, name in enumerate(names, 1):
        by_cut = as_is[:, 0] - as_is[:, number]
        low, high = np.quantile(drawn[:, 0] - drawn[:, number], (0.025, 0.975), axis=0)
        reach = stats.t.ppf(0.975, len(tried) - 1) * by_cut.std(axis=0, ddof=1) / np.sqrt(len(tried))
        found[name] = []
        for place, (measure, sign) in enumerate(MEASURES):
            middle, won = by_cut[:, place].mean(), int((sign * by_cut[:, place] > 0).sum())
            found[name].append(
                f"{measure} {middle:+.4f} (customers {low[place]:+.4f} to {high[place]:+.4f}; cuts {middle - reach[place]:+.4f}"
                f" to {middle + reach[place]:+.4f}; ahead on {won} of {len(tried)})"
            )
    return found


def _chance(cut: Tried, name: str) -> tuple[Floats, Floats]:
    score, chance = cut.scores[name]
    assert chance is not None
    return score, chance


def _like(frame: pd.DataFrame, model: Any) -> pd.DataFrame:
    return features_only(frame).to_pandas().reindex(columns=list(model.feature_names_in_))


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="bench.silence", description="Falling silent, beside P(alive) and recency.")
    parser.add_argument("--log", choices=list(LOGS), action="append", help="one of them, again for more")
    parser.add_argument("--cuts", type=int, default=1, help="how many of the last cuts it is tried on")
    asked = parser.parse_args(arguments)
    for name in asked.log or LOGS:
        log = LOGS[name]()
        if isinstance(log, str):
            print(f"{name}: skipped, because {log}")
            continue
        log.rows["ordered_at"] = pd.to_datetime(log.rows.ordered_at).dt.tz_localize("UTC")
        over_cuts(log, asked.cuts)


if __name__ == "__main__":
    main(sys.argv[1:])
