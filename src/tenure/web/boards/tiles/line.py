from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _

from tenure.insight.metrics import Period
from tenure.lake import Scope
from tenure.language import Words
from tenure.web.boards.tiles import _metrics
from tenure.web.boards.tiles.base import Kind, Tile
from tenure.web.metrics.pages import chart
from tenure.web.metrics.showing import Row, period_shown
from tenure.web.metrics.worked import by_period


def draw(scope: Scope, period: Period, segment: int | None, options: Mapping[str, str]) -> Tile:
    """The metric over the periods up to the one picked, beside the same periods a year before and its benchmark lines."""
    metric = _metrics.found(scope, options)
    if isinstance(metric, Tile):
        return metric
    told = by_period(scope, [metric.name], period, years=True).get(metric.name)
    if told is None:
        return _metrics.unpublished(metric)
    rows: list[Row] = told["rows"]
    names = [period_shown(Period(row["period_start"], row["period_end"])) for row in rows]
    known = any(row["value"] is not None for row in rows)
    why, lights = ("", ()) if known else _metrics.why(metric, told, scope)
    table = [[_("Period"), str(metric.words), _("A year before"), _("Sample")]]
    for name, row in zip(names, rows, strict=True):
        value, before = (_metrics.plain(metric, row[key]) for key in ("value", "year_before"))
        table.append([name, value, before, row["count"]])
    return Tile(
        title=str(metric.words), meaning=str(metric.meaning), period=f"{names[0]} – {names[-1]}",
        url=_metrics.opens(metric, period, segment), figure=chart(metric, names, rows) if known else None, rows=table,
        notes=_metrics.cautions(told), why=why, lights=lights,
    )  # fmt: skip


def together(scope: Scope, period: Period, all_options: Sequence[Mapping[str, str]]) -> None:
    by_period(scope, [options.get("metric", "") for options in all_options], period, years=True)


LINE = Kind(
    "line",
    Words("Line over time", "趋势图"),
    Words("A metric by period, beside the same periods a year before", "指标随时间变化，与去年同期对比"),
    draw,
    (_metrics.METRIC,),
    _metrics.reads,
    together,
    width=2,
)
