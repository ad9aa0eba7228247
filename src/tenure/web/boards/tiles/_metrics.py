"""What the tiles about metrics share: which metrics are offered, and what a tile says where there is none."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from tenure.contracts import CONTRACTS
from tenure.insight.metrics import GROUPS, METRICS, Metric, Period
from tenure.insight.metrics import breakdown as apart
from tenure.lake import Scope
from tenure.language import Words
from tenure.pipeline import numbers
from tenure.web.boards.tiles.base import Choice, Option, Tile
from tenure.web.metrics.showing import Row
from tenure.web.metrics.worked import APART, versions
from tenure.web.templatetags.tenure import in_units


def offered(scope: Scope) -> Sequence[Choice]:
    """The metrics this asker may be told, chapter by chapter."""
    known = numbers.offered(scope)
    return [
        Choice(one.name, str(one.words), str(words)) for group, words in GROUPS.items() for one in known if one.group == group
    ]  # fmt: skip


METRIC = Option("metric", Words("Metric", "指标"), offered)


def reads(options: Mapping[str, str]) -> Sequence[str]:
    metric = METRICS.get(options.get("metric", ""))
    return [*versions(metric), *APART] if metric is not None else []


def found(scope: Scope, options: Mapping[str, str]) -> Metric | Tile:
    """The metric a tile is about; where there is none for this asker, a tile that says so."""
    name = options.get("metric", "")
    if name not in METRICS:
        return Tile(
            title=name or _("Metric"),
            why=_("The catalogue no longer has this metric. Take the tile off the board, or choose another metric."),
        )
    if not numbers.offered(scope, [name]):
        return Tile(title=str(METRICS[name].words), why=_("It tells of money, which your role does not show."))
    return METRICS[name]


def opens(metric: Metric, period: Period, segment: int | None) -> str:
    """The address of what a figure is made of."""
    asked = {"from": period.start.isoformat(), "to": period.end.isoformat()}
    if segment is not None:
        asked["segment"] = str(segment)
    where = reverse("admin:metric_behind", args=[metric.name])
    return where if metric.made_of else f"{where}?{urlencode(asked)}"


def why(metric: Metric, told: Row, scope: Scope) -> tuple[str, tuple[str, ...]]:
    """Why there is no figure, in words, and the imports that would give one."""
    lacks = told["lacks"]
    imports = tuple(dict.fromkeys(name.partition(".")[0] for name in lacks))
    return str(apart.why_nothing(metric, lacks, told["rows"][-1], scope.sees_all)), imports


def cautions(told: Row) -> tuple[str, ...]:
    """What was left out of the figures, in words."""
    return tuple(
        _("%(n)s records of %(kind)s in %(currencies)s are left out: no exchange rate is known for them.")
        % {"n": f"{one['records']:,}", "kind": str(CONTRACTS[one["contract"]].words),
           "currencies": ", ".join(one["currencies"])}
        + " tenure import exchange_rates.csv --as exchange_rates"
        for one in told["cautions"]
    )  # fmt: skip


def plain(metric: Metric, value: float | None) -> Any:
    """The value as a spreadsheet has it: money in whole units."""
    return None if value is None else in_units(value) if metric.unit == "money" else value


def unpublished(metric: Metric) -> Tile:
    return Tile(title=str(metric.words), why=_("Nothing has been counted yet. Work the records out: tenure refresh"))
