"""The headline numbers of Today: metrics of the catalogue by month, over what the asker may see."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import timezone

from tenure.desk.customers.models import Publication
from tenure.desk.lake import lake, workspace
from tenure.insight.metrics import METRICS, Change, Metric, figure, judge, measure
from tenure.insight.metrics import breakdown as apart
from tenure.lake import Scope
from tenure.language import Words
from tenure.pipeline import numbers
from tenure.pipeline.following import practice
from tenure.web.cache import remembered
from tenure.web.templatetags.tenure import compact, compact_money

SHOWN = (
    "revenue", "active_customers", "retention_rate", "churn_rate", "repurchase_rate", "nps", "csat", "complaint_rate",
)  # fmt: skip
MONTHS = 13


@dataclass(frozen=True, slots=True)
class Month:
    """One month's figure and what it is made of."""

    start: date
    value: float | None
    shown: str
    numerator: float | None
    denominator: float | None
    count: int


@dataclass(frozen=True, slots=True)
class Headline:
    """A metric's last full month, how it moved, and the months before. tone: good, bad or plain."""

    name: str
    meaning: str
    formula: str
    counted: str
    shown: str
    change: str
    tone: str
    verdict: str
    months: list[Month]

    @property
    def line(self) -> list[float | None]:
        return [month.value for month in self.months]


@dataclass(frozen=True, slots=True)
class Missing:
    """A metric nothing is known for, and the imports that would light it up."""

    name: str
    needs: list[str]


def headlines(scope: Scope, publication: Publication) -> tuple[list[Headline], list[Missing]]:
    """The headline metrics over the full months up to the refresh, and those that lack records."""
    wanted = _metrics(scope)
    contracts = sorted({name for metric in wanted for name in METRICS[metric].reads})
    figures: dict[str, list[dict[str, Any]]] = remembered(
        f"headlines:{practice(lake()).version}",
        scope,
        publication,
        lambda: _measured(scope, publication.as_of, contracts, wanted),
        *(f"records/{name}" for name in contracts),
    )
    shown, missing = [], []
    for name in wanted:
        rows = figures[name]
        if any(row["value"] is not None and row["count"] for row in rows):
            shown.append(_headline(METRICS[name], rows))
        else:
            needs = {need.strip().partition(".")[0] for row in rows for need in (row["needs"] or "").split(",") if need}
            missing.append(Missing(str(METRICS[name].words), sorted(needs)))
    return shown, missing


def _metrics(scope: Scope) -> list[str]:
    """The headline metrics, of the industry pack where there is one, that the scope can see; without amounts those that tell of money are left out."""
    return [metric.name for metric in numbers.offered(scope, practice(lake()).headlines or SHOWN)]


def _measured(
    scope: Scope, as_of: datetime, contracts: list[str], wanted: list[str]
) -> dict[str, list[dict[str, Any]]]:
    until = timezone.localtime(as_of).date()
    periods = apart.spans("month", until, MONTHS, workspace().zone)
    with numbers.tables(lake(), scope, contracts) as tables:
        return {name: measure(METRICS[name], tables, periods).to_pylist() for name in wanted}


def _headline(metric: Metric, rows: list[dict[str, Any]]) -> Headline:
    metric = numbers.held(lake(), metric)
    months = [
        Month(row["period_start"], row["value"], _figure(metric, row["value"]), row["numerator"], row["denominator"],
              row["count"])
        for row in rows
    ]  # fmt: skip
    last, before = months[-1], months[-2]
    change, tone = "", "plain"
    if last.value is not None and before.value is not None and last.value != before.value:
        moved = Change(before.value, last.value, metric.unit)
        change = _moved(metric, moved)
        if metric.better != "neither":
            tone = "good" if (moved.absolute > 0) == (metric.better == "higher") else "bad"
    verdict = judge(metric, last.value)
    return Headline(
        name=str(metric.words),
        meaning=str(metric.meaning),
        formula=str(metric.formula),
        counted=str(metric.count),
        shown=last.shown,
        change=change,
        tone=tone,
        verdict=str(verdict.words) if verdict else "",
        months=months,
    )


def _moved(metric: Metric, change: Change) -> str:
    arrow = "↑" if change.absolute > 0 else "↓"
    if metric.unit == "share":
        points = figure("points", abs(change.absolute) * 100, places=1)
        return f"{arrow} {Words(f'{points} pp', f'{points} 个百分点')}"
    if metric.unit == "points" or change.relative is None:
        return f"{arrow} {figure('points', abs(change.absolute), places=1)}"
    return f"{arrow} {figure('share', abs(change.relative), places=1)}"


def _figure(metric: Metric, value: float | None) -> str:
    if value is None:
        return "–"
    if metric.unit == "money":
        return compact_money(value)
    if metric.unit in {"customers", "orders"}:
        return compact(value)
    return str(figure(metric.unit, value, places=1))
