"""How a metric is shown wherever it is shown: `tile` and `tenure/_metric_tile.html`."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from tenure.desk.customers.models import Segment
from tenure.desk.customers.words import words_for
from tenure.desk.lake import lake
from tenure.insight.metrics import Change, Metric, Period, figure, judge
from tenure.insight.metrics import breakdown as apart
from tenure.language import Words
from tenure.pipeline import numbers
from tenure.web.insight.shared import persona_called
from tenure.web.templatetags.tenure import compact, compact_money, in_units, symbol

FEW = 5  # a quotient over fewer says so
WORDS_OF = {
    "segment": "cell", "stage": "stage", "risk": "risk", "kind": "kind", "tier": "tier", "abc": "abc",
    "behaviour": "behaviour", "potential": "potential",
}  # fmt: skip

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Moved:
    """How a figure moved against another. tone: good, bad or plain."""

    shown: str
    words: str
    tone: str


@dataclass(frozen=True, slots=True)
class Tile:
    """A metric as it is shown anywhere: figure, movement, line, verdict, and where it leads.

    shown: empty where there is no figure; `why` says why not, and `lights` which imports would light it up.
    before, year: against the period before and a year before; None where either has no figure. few: the sample, where
    it is small enough to say so. aims: what the figure is held against.
    """

    name: str
    words: str
    meaning: str
    shown: str
    period: str
    url: str
    before: Moved | None = None
    year: Moved | None = None
    line: list[float | None] = field(default_factory=list)
    verdict: str = ""
    level: str = ""
    why: str = ""
    lights: tuple[str, ...] = ()
    few: str = ""
    aims: str = ""


def tile(metric: Metric, rows: list[Row], lacks: list[str], *, reach_all: bool = True) -> Tile:
    """The metric's newest figure, beside the period before and the same period a year before where `rows` hold them.

    It is held against the company's own lines, where it has any.

    rows: of MEASURED, one segment, oldest first. lacks: what `lacking` says of the records.
    """
    metric = numbers.held(lake(), metric)
    last = rows[-1]
    newest = Period(last["period_start"], last["period_end"])
    values = {(row["period_start"], row["period_end"]): row["value"] for row in rows}
    value = last["value"]
    plain: dict[str, Any] = {
        "name": metric.name,
        "words": str(metric.words),
        "meaning": str(metric.meaning),
        "period": period_shown(newest),
        "url": reverse("admin:metric", args=[metric.name]),
    }
    if value is None:
        imports = tuple(dict.fromkeys(name.partition(".")[0] for name in lacks))
        return Tile(
            **plain, shown="", aims=aims(metric), why=str(apart.why_nothing(metric, lacks, last, reach_all)), lights=imports,
            line=[row["value"] for row in rows],
        )  # fmt: skip
    verdict = judge(metric, value)
    before, year = newest.before(), newest.year_before()
    return Tile(
        **plain,
        shown=shown(metric, value),
        before=moved(metric, values.get((before.start, before.end)), value),
        year=moved(metric, values.get((year.start, year.end)), value),
        line=[row["value"] for row in rows],
        verdict=str(verdict.words) if verdict and metric.unit != "money" else "",
        level=verdict.level if verdict else "",
        few=_few(metric, last),
        aims=aims(metric),
    )


def aims(metric: Metric) -> str:
    """What the metric is held against, in few words: the benchmark, and what is excellent; else its limit."""
    parts = [
        f"{name} {shown(metric, line.value)}"
        for name, line in ((_("Target"), metric.benchmark), (_("excellent"), metric.excellent))
        if line
    ]
    if not parts and metric.limit:
        parts = [f"{_('Limit')} {shown(metric, metric.limit.value)}"]
    return " · ".join(parts)


def shown(metric: Metric, value: float | None) -> str:
    """The figure as pages write it; a dash where there is none."""
    if value is None:
        return "–"
    if metric.unit == "money":
        return compact_money(value) if abs(in_units(value)) >= 1000 else f"{symbol()}{figure_in_units(value)}"
    if metric.unit in {"customers", "orders"}:
        return compact(value)
    return str(figure(metric.unit, value, places=1))


def figure_in_units(minor: float) -> str:
    text = f"{in_units(minor):,.2f}"
    return text[:-3] if text.endswith(".00") else text


def moved(metric: Metric, before: float | None, after: float | None) -> Moved | None:
    """How far it moved, in the way the unit is spoken of; None where either is unknown."""
    if before is None or after is None:
        return None
    change = Change(before, after, metric.unit)
    tone = "plain"
    if metric.better != "neither" and change.absolute:
        tone = "good" if (change.absolute > 0) == (metric.better == "higher") else "bad"
    arrow = "↑" if change.absolute > 0 else "↓" if change.absolute < 0 else "→"
    if metric.unit == "share":
        points = figure("points", abs(change.absolute) * 100, places=1)
        said = str(Words(f"{points} pp", f"{points} 个百分点"))
    elif metric.unit == "points" or change.relative is None:
        said = shown(metric, abs(change.absolute))
    else:
        said = str(figure("share", abs(change.relative), places=1))
    words = "" if metric.unit == "money" and change.relative is None else str(change.words)
    return Moved(f"{arrow} {said}", words if metric.unit != "money" else "", tone)


def period_shown(period: Period) -> str:
    """A period by its name: 2026-06, 2026 Q2, 2026, or its first and last day."""
    start, days = period.start, (period.end - period.start).days
    if days == 1:
        return date_format(start, "Y-m-d")
    if start.day == 1 and Period.months(start, 1)[0].end == period.end:
        return date_format(start, "Y-m")
    if start.day == 1 and start.month % 3 == 1 and Period.months(start, 3)[-1].end == period.end:
        return f"{start.year} Q{(start.month + 2) // 3}"
    if start.month == start.day == 1 and period.end == date(start.year + 1, 1, 1):
        return str(start.year)
    return _("week of %(day)s") % {"day": date_format(start, "Y-m-d")} if days == 7 else f"{start} – {period.end}"


def part_words(dimension: str | None, part: object) -> str:
    """What a part of a dimension is called in the page's language. Of a segment its name: its reader has been let to it."""
    if part in (None, ""):
        return _("Unknown")
    if asked := apart.segments_in(dimension or ""):
        if part == apart.NEITHER:
            return _("Not in it") if len(asked) == 1 else _("In none of them")
        return Segment.objects.filter(pk=str(part)).values_list("name", flat=True).first() or str(part)
    if dimension == "persona":
        return persona_called(str(part))
    return words_for(WORDS_OF.get(dimension or "", ""), part)


def _few(metric: Metric, row: Row) -> str:
    if metric.total or row["count"] >= FEW:
        return ""
    return _("from only %(n)s %(of)s") % {"n": row["count"], "of": metric.count}


def side(metric: Metric, value: float, *, above: bool) -> str:
    """A numerator or denominator as it is written: money where it is money, else a plain number."""
    if (metric.unit == "money" and above) or (metric.unit == "share" and metric.amounts):
        return f"{symbol()}{figure_in_units(value)}"
    return str(figure("number", value, places=2))
