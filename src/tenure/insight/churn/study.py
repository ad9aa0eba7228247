"""One file of customers, looked at once: what is odd in it, how well leaving can be told from it, and by what.

For a snapshot somebody brings along, outside of any workspace; `report.page` writes what is found here as a page.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from tenure.errors import TenureError
from tenure.insight.churn import guards, profit
from tenure.insight.churn.columns import Floats, kind_of, numbers, texts, to_table
from tenure.insight.churn.customer_file import (
    Asked,
    days_ahead,
    in_time,
    known_outcomes,
    oddities,
    refuse_missing,
    tidied,
)
from tenure.insight.churn.leaderboard import Leaderboard
from tenure.insight.churn.model import LESS, ChurnModel, suspects
from tenure.insight.churn.patterns import Dependence, Person, Segment, dependence, riskiest, risky_groups
from tenure.insight.churn.scores import Bands, average_precision, brier, lead_time, lift, measure
from tenure.insight.churn.trial import held_against, trial_of
from tenure.insight.survival import Survival, hazard, kaplan_meier
from tenure.language import Words, tr

MOST_COLUMNS = 6_000  # a file of more is a matrix of readings, not facts of customers
_RARE = 0.01
_DRAWS = 200
_TENURE = re.compile(
    r"^tenure|^(account|customer)[ _]?(length|age)|^months?[ _]?(with|as)|在网|入网时长|客户时长", re.I
)


@dataclass
class Study:
    """What was found. metrics: as `scores.measure`; intervals: measure → (low, high), 95 %.

    used: the columns learned from, where there were too many to learn from all; else empty. worth: the profit of asking
    each share of the customers, riskiest first; everybody: of asking all of them. leaderboard: where learners were asked for.
    """

    asked: Asked
    rows: int
    columns: int
    left: int
    findings: list[Words]
    dropped: dict[str, Words]
    refused: dict[str, Words]
    protocol: Words
    metrics: dict[str, Any]
    intervals: dict[str, tuple[float, float]]
    guess: float
    bands: Bands
    model: ChurnModel
    drivers: list[dict[str, Any]]
    dependence: list[Dependence]
    segments: list[Segment]
    curve: tuple[list[float], list[float]]
    worth: list[dict[str, float]]
    everybody: float
    used: list[str] = field(default_factory=list)
    leaderboard: Leaderboard | None = None
    people: list[Person] = field(default_factory=list)
    tenure: str | None = None
    survival: Survival | None = None
    hazard: list[dict[str, Any]] = field(default_factory=list)


def study(
    frame: Any,
    asked: Asked,
    *,
    today: date,
    model: ChurnModel | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> Study:
    """Learn who leaves from one table and say how well, by what and where; see `Study`.

    frame: one row a customer, any frame; the date column, where there is one, as dates or instants. today: dates after it
    are in the future. tell: is told (done, of) as the work goes on.

    Raises TenureError where a column or value asked for is not there, one outcome only, or too little to learn from.
    """
    tell = tell or (lambda done, total: None)
    table = to_table(frame)
    findings: list[Words] = []
    refuse_missing(table, asked)
    table, y = known_outcomes(table, asked, findings)
    table, y = in_time(table, y, asked, today, findings)
    guards.enough(y)
    if y.mean() < _RARE:
        findings.append(
            Words(
                "Only {share} left: chances are small numbers, and figures on those who left rest on {left} customers",
                "仅 {share} 流失：概率数值较小，关于流失者的数字仅基于 {left} 位客户",
            ).format(share=f"{y.mean():.2%}", left=int(y.sum()))
        )
    aside = {asked.outcome, asked.id, asked.date, asked.left_on, *asked.leave_out} - {None}
    X = table.drop_columns([name for name in table.column_names if name in aside])
    if X.num_columns > MOST_COLUMNS:
        raise TenureError(
            tr(
                "There are {count:,} columns to learn from; at most {most} are taken. Leave out those that can't matter "
                "with --leave-out, or keep the file to what you would show a colleague.",
                count=X.num_columns,
                most=MOST_COLUMNS,
            )
        )
    ahead = days_ahead(table, y, asked, findings)
    X = tidied(X, today, findings)
    oddities(table, X, asked, findings)
    refused = suspects(X, y) if X.num_columns else {}
    X = X.drop_columns(list(refused))
    steps = 4 + len(asked.learners)
    tell(1, steps)
    trial = trial_of(table, X, y, asked, findings)
    champion = trial.of(model or ChurnModel())
    tell(3, steps)
    board = held_against(champion, trial, asked, lambda done: tell(3 + done, steps)) if asked.learners else None
    seen, fitted, p, left = trial.seen, champion.model, champion.told, champion.left
    # Of too many columns the model chooses by the rows it learns from alone, anew on each of them.
    dropped = {name: why for name, why in fitted.dropped_.items() if why != LESS}
    used: list[str] = []
    if len(dropped) < len(fitted.dropped_):
        columns = X.num_columns
        used = [name for name in X.column_names if name not in fitted.dropped_]
        X = X.select(used)
        findings.append(_WIDE.format(count=f"{columns:,}", used=len(used), others=f"{columns - len(used):,}"))
    given = X.take(pa.array(seen))
    bands = champion.bands
    drivers = fitted.drivers(12)
    metrics = measure(left, p, bands, asked.campaign)
    if ahead is not None:
        dated = (left == 1) & (ahead[seen] >= 0)
        metrics["lead_time"] = lead_time(np.where(p >= bands.high, ahead[seen], np.nan)[dated], exact=True)
    gained = profit.by_customer(left, p, asked.campaign)[0]
    found = Study(
        asked=asked,
        rows=len(y),
        columns=table.num_columns,
        left=int(y.sum()),
        findings=findings,
        dropped=dropped,
        refused=refused,
        protocol=champion.protocol,
        metrics=metrics,
        intervals=_intervals(left, p) | {"profit": _about_mean(gained)},
        guess=brier(left, np.full(len(left), y.mean())),
        bands=bands,
        model=fitted,
        drivers=drivers,
        dependence=[dependence(fitted, X, driver["feature"]) for driver in drivers[:4]],
        segments=risky_groups(given, left, p, [driver["feature"] for driver in drivers[:8]]),
        curve=_caught(left, p),
        worth=profit.curve(left, p, asked.campaign),
        everybody=profit.curve(left, p, asked.campaign, points=2)[-1]["profit"],
        used=used,
        leaderboard=board,
    )
    if asked.id and asked.customers:
        found.people = riskiest(fitted, X, y, texts(table[asked.id]), asked.customers)
    _lives(found, table, y)
    tell(steps, steps)
    return found


_WIDE = Words(
    "{count} columns are too many to learn from: the {used} that alone tell most are used, chosen from the rows learned "
    "from, anew in each part; {others} are not",
    "共 {count} 列，过多而无法全部用于训练：仅使用单独最具信息的 {used} 列，只依据训练行选出，每一份各自重新选择；其余 {others} 列未使用",
)


def _about_mean(values: Floats) -> tuple[float, float]:
    """The 95 % interval of a mean over customers."""
    half = 1.959964 * float(values.std(ddof=1)) / len(values) ** 0.5
    return float(values.mean()) - half, float(values.mean()) + half


def _intervals(left: Floats, p: Floats) -> dict[str, tuple[float, float]]:
    """95 % by drawing customers again (percentile bootstrap): the measures whose spread has no plain formula."""
    random = np.random.default_rng(0)
    measures = {"pr_auc": average_precision, "top_decile_lift": lift, "brier": brier}
    drawn: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(_DRAWS if len(left) <= 50_000 else _DRAWS // 4):
        some = random.integers(0, len(left), len(left))
        if left[some].any():
            for name, each in measures.items():
                drawn[name].append(each(left[some], p[some]))
    return {name: (float(np.quantile(v, 0.025)), float(np.quantile(v, 0.975))) for name, v in drawn.items()}


def wilson(left: float, rows: float) -> tuple[float, float]:
    """The 95 % interval of a share (E. B. Wilson 1927), sound for few rows and for shares near 0 and 1."""
    if not rows:
        return 0.0, 1.0
    z2, share = 1.959964**2, left / rows
    middle = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    half = 1.959964 * np.sqrt(share * (1 - share) / rows + z2 / (4 * rows**2)) / (1 + z2 / rows)
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


def _caught(left: Floats, p: Floats) -> tuple[list[float], list[float]]:
    """Share of those who left that is caught by asking the riskiest first: at each of fifty shares of all customers."""
    caught = np.append(0.0, np.cumsum(left[np.argsort(-p, kind="stable")])) / left.sum()
    at = np.linspace(0, 1, 51)
    return at.tolist(), np.interp(at, np.linspace(0, 1, len(caught)), caught).tolist()


def _lives(found: Study, table: pa.Table, y: Floats) -> None:
    """The curve by tenure, where a column says how long each has been a customer."""
    name = found.asked.tenure or next((each for each in table.column_names if _TENURE.search(each)), None)
    if name is None or kind_of(table[name]) != "number":
        return
    lasted = numbers(table[name])
    known = np.isfinite(lasted) & (lasted >= 0)
    if known.sum() < guards.FEWEST_ROWS or not lasted[known].max():
        return
    found.tenure = name
    found.survival = kaplan_meier(lasted[known], y[known])
    edges = np.unique(np.round(np.linspace(0, lasted[known].max(), 9), 6))
    found.hazard = [row for row in hazard(lasted[known], y[known], edges).to_pylist() if row["rate"] is not None]
