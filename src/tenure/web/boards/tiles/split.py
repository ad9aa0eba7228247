from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from tenure.desk.customers.segments.apart import named, offered, reader_of
from tenure.insight.metrics import Period
from tenure.insight.metrics.breakdown import DIMENSIONS, OWN, dimension_of
from tenure.lake import Scope
from tenure.language import Words
from tenure.web.boards.tiles import _metrics
from tenure.web.boards.tiles.base import Cell, Choice, Kind, Option, Table, Tile
from tenure.web.metrics.showing import moved, part_words, period_shown, shown
from tenure.web.metrics.worked import by_part

SHOWN = 8


def _dimensions(scope: Scope) -> Sequence[Choice]:
    own = offered(reader_of(scope))
    return [
        *(Choice(name, str(one.words)) for name, one in DIMENSIONS.items()),
        *(Choice(f"{OWN.name}:{pk}", name, str(OWN.words)) for pk, name in own),
    ]


def draw(scope: Scope, period: Period, segment: int | None, options: Mapping[str, str]) -> Tile:
    """The metric told apart by segment, team, product and so on, each part beside the period and the year before."""
    metric = _metrics.found(scope, options)
    if isinstance(metric, Tile):
        return metric
    of = options.get("by", "")
    one, segments = dimension_of(of), named(of, reader_of(scope))
    if one is None or (one is OWN and segments is None):
        return Tile(title=str(metric.words), why=_("It is told apart by something that is gone. Choose another."))
    # A segment is what its readers call it; the heading of two of them is what they are.
    dimension = next(iter(segments.names.values())) if segments and len(segments.names) == 1 else str(one.words)
    told = by_part(scope, metric, period, of, segments)
    if told is None:
        return _metrics.unpublished(metric)
    parts, why = told["parts"], ""
    lights: tuple[str, ...] = ()
    if told["by"] is None:
        why = str(told["why_not"][of])
    elif not any(part["value"] is not None for part in parts):
        why, lights = _metrics.why(metric, told, scope)
        parts = []
    most = max((abs(part["value"]) for part in parts if part["value"] is not None), default=0)
    opened = _metrics.opens(metric, period, segment)
    table = [[dimension, str(metric.words), _("The period before"), _("A year before"), capfirst(str(metric.count))]]
    rows = []
    for part in parts:
        name = part_words(of, part.get("name") or part["segment"])
        values = [_metrics.plain(metric, part[key]) for key in ("value", "before", "year_before")]
        table.append([name, *values, part["count"]])
        url = "" if metric.made_of or not part["count"] else (
            f"{opened}&{urlencode({'by': of, 'part': part['segment'] or ''})}"
        )  # fmt: skip
        before = moved(metric, part["before"], part["value"])
        rows.append(
            [
                Cell(name, url),
                Cell(
                    shown(metric, part["value"]), number=True,
                    heat=abs(part["value"]) / most if most and part["value"] is not None else None,
                ),
                Cell(before.shown if before else "–", number=True, tone=before.tone if before else ""),
            ]
        )  # fmt: skip
    heads = [(dimension, False), (str(metric.words), True), (_("On the period before"), True)]
    return Tile(
        title=_("%(metric)s by %(dimension)s") % {"metric": metric.words, "dimension": dimension if segments else dimension.lower()},
        meaning=str(metric.meaning), period=period_shown(period), url=opened, rows=table,
        table=Table(heads, rows[:SHOWN], max(0, len(rows) - SHOWN)) if rows else None, notes=_metrics.cautions(told),
        why=why, lights=lights,
    )  # fmt: skip


SPLIT = Kind(
    "split",
    Words("Told apart", "分项对比"),
    Words("A metric by segment, team, region, product or channel", "指标按分群、团队、地区、产品或渠道拆分"),
    draw,
    (_metrics.METRIC, Option("by", Words("By", "按"), _dimensions)),
    _metrics.reads,
    width=2,
)
