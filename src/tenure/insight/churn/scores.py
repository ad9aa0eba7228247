"""How good a score is, each measure with its definition. Higher scores mean a likelier outcome; y is 0 or 1."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenure.insight.churn.profit import Campaign, by_customer

Floats = NDArray[np.float64]


def ranks(values: Any) -> Floats:
    """Mid-ranks from 1: tied values share the mean of their places."""
    x = np.asarray(values, dtype=np.float64)
    _, place, rows = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(rows)
    return np.asarray((last - (rows - 1) / 2.0)[place], dtype=np.float64)


def auc(y: Any, score: Any) -> float:
    """The chance that someone who left scores above someone who stayed, a tie counting half."""
    left = np.asarray(y).astype(bool)
    m, n = int(left.sum()), int((~left).sum())
    if not m or not n:
        return float("nan")
    return float((ranks(score)[left].sum() - m * (m + 1) / 2) / (m * n))


def _placements(y: NDArray[np.bool_], score: Floats) -> tuple[Floats, Floats]:
    m, n = int(y.sum()), int((~y).sum())
    everyone = ranks(score)
    above = (everyone[y] - ranks(score[y])) / n
    below = 1.0 - (everyone[~y] - ranks(score[~y])) / m
    return above, below


def auc_interval(y: Any, score: Any, against: Any = None) -> tuple[float, float, float]:
    """AUC, or its gain over another score on the same rows, with a 95 % interval (DeLong et al. 1988).

    Returns (estimate, low, high). An AUC's interval is cut at 0 and 1.
    """
    left = np.asarray(y).astype(bool)
    above, below = _placements(left, np.asarray(score, dtype=np.float64))
    if against is not None:
        other_above, other_below = _placements(left, np.asarray(against, dtype=np.float64))
        above, below = above - other_above, below - other_below
    estimate = float(above.mean())
    spread = 1.959964 * float(np.sqrt(above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below)))
    low, high = estimate - spread, estimate + spread
    return (estimate, low, high) if against is not None else (estimate, max(0.0, low), min(1.0, high))


def average_precision(y: Any, score: Any) -> float:
    """Area under the precision-recall curve: the mean precision over each step of recall (no interpolation)."""
    left = np.asarray(y, dtype=np.float64)
    order = np.argsort(-np.asarray(score, dtype=np.float64), kind="stable")
    sorted_score, hits = np.asarray(score)[order], left[order]
    ends = np.flatnonzero(np.append(np.diff(sorted_score) != 0, True))  # ties are taken together
    found = np.cumsum(hits)[ends]
    precision = found / (ends + 1)
    return float(np.sum(np.diff(np.append(0.0, found)) * precision) / left.sum())


def lift(y: Any, score: Any, top: float = 0.1) -> float:
    """How many times the overall rate the highest-scored `top` share holds; ties in the order of the rows."""
    left = np.asarray(y, dtype=np.float64)
    best = np.argsort(-np.asarray(score, dtype=np.float64), kind="stable")[: max(1, round(len(left) * top))]
    return float(left[best].mean() / left.mean())


def top(y: Any, score: Any, share: float = 0.1) -> tuple[float, float]:
    """Precision and recall of the highest-scored share: how many of them left, and which part of all leavers they are."""
    left = np.asarray(y, dtype=np.float64)
    best = np.argsort(-np.asarray(score, dtype=np.float64), kind="stable")[: max(1, round(len(left) * share))]
    return float(left[best].mean()), float(left[best].sum() / left.sum())


def calibration_error(y: Any, probability: Any) -> float:
    """How far the mean probability lies from what happened, on average over ten equal groups of customers by score."""
    table = deciles(y, probability)
    rows = sum(group["rows"] for group in table)
    return float(sum(group["rows"] * abs(group["predicted"] - group["observed"]) for group in table) / rows)


def lead_time(flagged_days: Any, *, exact: bool) -> dict[str, Any]:
    """How long before they left the score first said so, from one value a leaver: days, NaN for whom it never did.

    leavers, caught (the share it did say so of), and among those the median and quartiles of the days. exact: whether the
    days run to the day of leaving; else to the start of the period it fell in, and it was at least so many.
    """
    days = np.asarray(flagged_days, dtype=np.float64)
    told = days[~np.isnan(days)]
    low, median, high = (float(v) for v in np.quantile(told, (0.25, 0.5, 0.75))) if len(told) else (None, None, None)
    caught = len(told) / len(days) if len(days) else None
    return {"leavers": len(days), "caught": caught, "median": median, "low": low, "high": high, "exact": exact}


def brier(y: Any, probability: Any) -> float:
    """Mean squared distance between the probability and what happened."""
    return float(np.mean((np.asarray(probability, dtype=np.float64) - np.asarray(y, dtype=np.float64)) ** 2))


def calibration(y: Any, probability: Any, groups: int = 10) -> dict[str, float]:
    """How true the probabilities are: their mean distance from what happened, and the line that would set them right.

    ece: over equal groups by probability, |mean probability - share that left|, weighted by rows (expected calibration
    error). slope, intercept: of the logistic regression of what happened on the log-odds told; 1 and 0 are right, a
    slope below 1 means too extreme, an intercept above 0 too low on the whole (Cox 1958). Each with a 95 % interval
    (`slope_low` ...), NaN where all probabilities or all outcomes are one.
    """
    left, p = np.asarray(y, dtype=np.float64), np.asarray(probability, dtype=np.float64)
    parts = [part for part in np.array_split(np.argsort(p, kind="stable"), groups) if len(part)]
    ece = sum(len(part) * abs(float(p[part].mean() - left[part].mean())) for part in parts) / len(p)
    told = np.clip(p, 1e-6, 1 - 1e-6)
    odds = np.log(told) - np.log1p(-told)
    x = np.column_stack([np.ones(len(odds)), odds])
    line, spread = np.array([0.0, 1.0]), np.full(2, np.nan)
    if np.ptp(odds) > 0 and 0 < left.sum() < len(left):
        for _ in range(50):
            chance = 1.0 / (1.0 + np.exp(-np.clip(x @ line, -500, 500)))
            bend = (x * (chance * (1 - chance))[:, None]).T @ x + 1e-9 * np.eye(2)
            step = np.linalg.solve(bend, x.T @ (left - chance))
            line = line + np.clip(step, -2.0, 2.0)
            if np.abs(step).max() < 1e-9:
                break
        spread = 1.959964 * np.sqrt(np.diag(np.linalg.inv(bend)))
    else:
        line = np.full(2, np.nan)
    found = {"ece": float(ece)}
    for place, name in ((1, "slope"), (0, "intercept")):
        middle, reach = float(line[place]), float(spread[place])
        found |= {name: middle, f"{name}_low": middle - reach, f"{name}_high": middle + reach}
    return found


def deciles(y: Any, probability: Any) -> list[dict[str, float]]:
    """Ten equal groups from the highest score down: rows, mean probability, what happened, lift, share caught."""
    left, p = np.asarray(y, dtype=np.float64), np.asarray(probability, dtype=np.float64)
    order = np.argsort(-p, kind="stable")
    caught, table = 0.0, []
    for number, members in enumerate(np.array_split(order, 10), start=1):
        if not len(members):
            continue
        caught += float(left[members].sum())
        table.append(
            {
                "decile": number,
                "rows": len(members),
                "predicted": float(p[members].mean()),
                "observed": float(left[members].mean()),
                "lift": float(left[members].mean() / left.mean()) if left.any() else float("nan"),
                "caught": caught / float(left.sum()) if left.any() else float("nan"),
            }
        )
    return table


@dataclass(frozen=True)
class Bands:
    """From which probability on a customer is at high, and at medium, risk."""

    high: float
    medium: float

    @classmethod
    def choose(cls, probability: Any, high: float = 0.1, medium: float = 0.3) -> "Bands":
        """Bands that hold the riskiest tenth, and the next two, of the customers the scores come from."""
        p = np.asarray(probability, dtype=np.float64)
        return cls(float(np.quantile(p, 1 - high)), float(np.quantile(p, 1 - medium)))

    def of(self, probability: Any) -> list[str | None]:
        """high, medium or low for each probability; None where there is none."""
        p = np.asarray(probability, dtype=np.float64)
        names = np.select([np.isnan(p), p >= self.high, p >= self.medium], ["", "high", "medium"], "low")
        return [str(name) or None for name in names]

    def to_json(self) -> dict[str, float]:
        return asdict(self)


def measure(y: Any, probability: Any, bands: Bands | None = None, campaign: Campaign | None = None) -> dict[str, Any]:
    """Every measure of a probability on rows it was not learned from, as plain JSON.

    auc carries its DeLong interval; profit is the expected maximum of a campaign and the share contacted for it; bands say, for each risk band, how many are in it, how many of those left
    (precision) and which share of all who left it catches (recall, with the bands above it).
    """
    left, p = np.asarray(y, dtype=np.float64), np.asarray(probability, dtype=np.float64)
    estimate, low, high = auc_interval(left, p)
    bands = bands or Bands.choose(p)
    inside, reached = np.asarray([band or "" for band in bands.of(p)]), 0.0
    per_band = []
    for name in ("high", "medium", "low"):
        members = left[inside == name]
        reached += float(members.sum())
        per_band.append(
            {
                "band": name,
                "from": {"high": bands.high, "medium": bands.medium, "low": 0.0}[name],
                "rows": len(members),
                "precision": float(members.mean()) if len(members) else None,
                "recall": reached / float(left.sum()),
            }
        )
    table = deciles(left, p)
    precision, recall = top(left, p)
    campaign = campaign or Campaign()
    # Where all left or none did there is nobody to choose between.
    earned = by_customer(left, p, campaign) if 0 < left.sum() < len(left) else None
    return {
        "rows": len(left),
        "base_rate": float(left.mean()),
        "auc": estimate,
        "auc_low": low,
        "auc_high": high,
        "pr_auc": average_precision(left, p),
        "top_decile_lift": lift(left, p),
        "top_precision": precision,
        "top_recall": recall,
        "calibration_error": calibration_error(left, p),
        "profit": {
            "expected": float(earned[0].mean()) if earned else None,
            "contacted": float(earned[1].mean()) if earned else None,
            "campaign": campaign.to_json(),
        },
        "brier": brier(left, p),
        "mean_predicted": float(p.mean()),
        "deciles": table,
        "bands": per_band,
    }
