from collections.abc import Mapping, Sequence
from dataclasses import replace

from django.utils.translation import gettext as _

from tenure.insight.metrics import Period
from tenure.lake import Scope
from tenure.language import Words
from tenure.web.boards.tiles import _metrics
from tenure.web.boards.tiles.base import Kind, Tile
from tenure.web.metrics.showing import Row, period_shown, tile
from tenure.web.metrics.worked import by_period


def draw(scope: Scope, period: Period, segment: int | None, options: Mapping[str, str]) -> Tile:
    """The metric's figure for the period beside the one before and the year before, with the periods that led there."""
    metric = _metrics.found(scope, options)
    if isinstance(metric, Tile):
        return metric
    told = by_period(scope, [metric.name], period).get(metric.name)
    if told is None:
        return _metrics.unpublished(metric)
    url = _metrics.opens(metric, period, segment)
    rows: list[Row] = told["rows"]
    year = period.year_before()
    compared = {**rows[-1], "period_start": year.start, "period_end": year.end, "value": rows[-1]["year_before"]}
    shown = tile(metric, [compared, *rows], told["lacks"], reach_all=scope.sees_all)
    shown = replace(shown, url=url, line=[row["value"] for row in rows])
    table = [[_("Period"), str(metric.words), _("Sample")]]
    for row in rows:
        name = period_shown(Period(row["period_start"], row["period_end"]))
        table.append([name, _metrics.plain(metric, row["value"]), row["count"]])
    return Tile(
        title=shown.words, meaning=shown.meaning, period=shown.period, url=url, number=shown, rows=table,
        notes=_metrics.cautions(told), why=shown.why, lights=shown.lights,
    )  # fmt: skip


def together(scope: Scope, period: Period, all_options: Sequence[Mapping[str, str]]) -> None:
    by_period(scope, [options.get("metric", "") for options in all_options], period)


METRIC = Kind(
    "metric",
    Words("Number", "数值"),
    Words("A metric with its change on the period and the year before", "指标数值，附环比与同比"),
    draw,
    (_metrics.METRIC,),
    _metrics.reads,
    together,
)
