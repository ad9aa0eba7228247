"""Any figure of the catalogue carried forward, with an interval that was tried on the past, and its surprises."""

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from tenure.desk.customers.models import Publication
from tenure.desk.governance.api import scope_of
from tenure.desk.lake import lake, workspace
from tenure.insight.forecast import METHODS, Forecast, NotEnoughData
from tenure.insight.forecast import forecast as carried_forward
from tenure.insight.metrics import GROUPS, METRICS, Metric, Period, lacking, measure
from tenure.insight.metrics import breakdown as apart
from tenure.insight.metrics.breakdown import DIMENSIONS, GRAINS
from tenure.lake import Scope
from tenure.pipeline import numbers
from tenure.web import figures
from tenure.web.cache import recalled, remembered
from tenure.web.frame import render
from tenure.web.insight import narrowed
from tenure.web.insight.drawn import Drawn
from tenure.web.insight.shared import part_where
from tenure.web.metrics import period_shown, shown
from tenure.web.parts import Context
from tenure.web.templatetags.tenure import in_units

# Of each length of period: how many are looked back on, after how many a pattern repeats, how many are foretold.
LENGTHS: Mapping[str, tuple[int, int, int]] = {
    "month": (48, 12, 6), "week": (60, 52, 8), "quarter": (24, 4, 4), "day": (84, 7, 14),
}  # fmt: skip
LEVEL = 0.9
RATES = (20, 100, 1000)
"""One value in so many is flagged as a surprise though nothing happened."""
USUAL = "revenue"


def forecast(scope: Scope, publication: Publication | None, given: Mapping[str, str]) -> Context:
    """What was asked for, and its figures where they are worked out already; else they follow as a piece of the page."""
    asked = _asked(scope, given)
    ready = publication is not None and asked["metric"] and _told(scope, publication, asked, at_once=True) is not None
    metrics = offered(scope)
    context: Context = {
        "asked": asked,
        "groups": [
            (str(words), [(one.name, str(one.words)) for one in metrics if one.group == group])
            for group, words in GROUPS.items()
            if any(one.group == group for one in metrics)
        ],
        "grains": [(name, str(GRAINS[name].words)) for name in LENGTHS],
        "rates": [(str(n), _("One false surprise in %(n)s") % {"n": f"{n:,}"}) for n in RATES],
        "offered": narrowed.offered(scope, publication),
        "query": urlencode({name: value for name, value in asked.items() if value}),
        "ready": ready,
        "publication": publication,
    }
    return context | (_worded(scope, asked) if ready else {})


@require_safe
def piece(request: HttpRequest) -> HttpResponse:
    """The figures of the page, as a piece of it: worked out where they are not yet."""
    scope, publication = scope_of(request.user), Publication.current()
    asked = _asked(scope, request.GET.dict())
    if publication is None or not asked["metric"]:
        raise Http404
    return render(request, "insight/_forecast.html", "", asked=asked, **_worded(scope, asked))


def draw(
    scope: Scope, period: Period | None = None, segment: str = "", options: Mapping[str, str] | None = None
) -> Drawn:
    """A figure of the catalogue, carried forward from the newest full period, over the customers the asker may see.

    period: what the board shows; only periods that ended by its end are looked back on. segment: what to narrow to.
    options: metric (its name), grain (a key of LENGTHS), rate (one false surprise in so many).
    """
    asked = _asked(scope, {**(options or {}), "of": segment})
    publication = Publication.current()
    url = part_where("forecast", **asked)
    if not asked["metric"]:
        return Drawn(_("Forecast"), None, url, why=_("Your role hides amounts."))
    wanted = (options or {}).get("metric", "")
    if wanted and wanted != asked["metric"]:
        # Gone from the catalogue, hidden from this asker, or too long to count: never another metric in its place.
        return Drawn(_("Forecast"), None, url, why=_("This metric can’t be carried forward for you. Choose another."))
    metric = METRICS[asked["metric"]]
    title = _("%(metric)s, forecast") % {"metric": metric.words}
    if publication is None:
        kinds = tuple(metric.reads)
        return Drawn(title, None, url, why=str(apart.why_nothing(metric, kinds, None, scope.sees_all)), lights=kinds)
    told = _told(scope, publication, asked)
    assert told is not None
    rows = [row for row in told["rows"] if period is None or row["period_end"] <= period.end]
    found, why = _foretold(metric, rows, told, asked, scope)
    if found is None:
        lights = tuple(dict.fromkeys(name.partition(".")[0] for name in told["lacks"]))
        return Drawn(title, None, url, why=why, lights=lights)
    ahead = _ahead(asked["grain"], rows[-1]["period_end"], len(found.expected))
    table: list[list[Any]] = [[_("Period"), str(metric.words), _("From"), _("To")]]
    table += [[period_shown(_period(row)), _plain(metric, row["value"]), None, None] for row in rows]
    table += [list(row) for row in _coming(metric, found, ahead)]
    return Drawn(title, _figure(metric, rows, found, ahead), url, said=_how(metric, found), rows=table)


def offered(scope: Scope) -> list[Metric]:
    """The metrics that are carried forward for this asker: those counted quickly enough over so many periods."""
    return [one for one in numbers.offered(scope) if not one.heavy]


def _asked(scope: Scope, given: Mapping[str, str]) -> dict[str, str]:
    known = {one.name for one in offered(scope)}
    usual = USUAL if USUAL in known else next((name for name in METRICS if name in known), "")
    metric, grain, rate = given.get("metric", ""), given.get("grain", ""), given.get("rate", "")
    return {
        "metric": metric if metric in known else usual,
        "grain": grain if grain in LENGTHS else "month",
        "rate": rate if rate in {str(n) for n in RATES} else "100",
        "of": narrowed.read(given.get("of", ""), scope),
    }


def _told(
    scope: Scope, publication: Publication, asked: Mapping[str, str], *, at_once: bool = False
) -> dict[str, Any] | None:
    """rows: of MEASURED, oldest first; lacks: what is missing; why: why it can't be narrowed so, "" where it can."""
    metric, grain, of = METRICS[asked["metric"]], asked["grain"], asked["of"]

    def compute() -> dict[str, Any]:
        until = timezone.localtime(publication.as_of).date()
        periods = apart.spans(grain, until, LENGTHS[grain][0], workspace().zone)
        with numbers.tables(lake(), scope, metric.reads, split=bool(of)) as kept:
            lacks = list(lacking(metric, kept))
            if of:
                if said := apart.why_not(metric, DIMENSIONS["stage"], kept):
                    return {"rows": [], "lacks": [], "why": said}
                people = narrowed.persons(scope, of, kept, periods[-1])
                kept = {name: narrowed.only(kept[name], people) for name in metric.reads}
            return {"rows": [] if lacks else measure(metric, kept, periods).to_pylist(), "lacks": lacks, "why": ""}

    what = f"forecast:{metric.name}:{grain}:{of}:{narrowed.version(of)}:{LENGTHS[grain]}"
    tables = narrowed.tables(*(f"records/{name}" for name in metric.reads))
    if at_once:
        return recalled(what, scope, publication, *tables)
    return remembered(what, scope, publication, compute, *tables)


def _foretold(
    metric: Metric, rows: list[dict[str, Any]], told: Mapping[str, Any], asked: Mapping[str, str], scope: Scope
) -> tuple[Forecast | None, str]:
    """The forecast, or why there is none."""
    if told["why"]:
        return None, str(told["why"])
    if told["lacks"]:
        return None, str(apart.why_nothing(metric, told["lacks"], None, scope.sees_all))
    _back, season, horizon = LENGTHS[asked["grain"]]
    values = _values(metric, rows)
    known = [value for value in values if value is not None]
    lowest = 0.0 if known and min(known) >= 0 and metric.unit != "points" else None
    highest = 1.0 if known and metric.unit == "share" and max(known) <= 1 else None
    try:
        return carried_forward(
            values, season=season, horizon=horizon, level=LEVEL, one_false_in=int(asked["rate"]), lowest=lowest,
            highest=highest,
        ), ""  # fmt: skip
    except NotEnoughData as error:
        return None, str(error.why)


def _values(metric: Metric, rows: list[dict[str, Any]]) -> list[float | None]:
    """The figure by period; nothing before the records begin, nor for the period they begin within: it is no whole one."""
    values: list[float | None] = [row["value"] for row in rows]
    if not metric.total:
        return values
    begun = next((at for at, row in enumerate(rows) if row["count"]), len(rows))
    return [None if begun and at <= begun else value for at, value in enumerate(values)]


def _worded(scope: Scope, asked: Mapping[str, str]) -> Context:
    """What the figures' template needs."""
    publication, metric = Publication.current(), METRICS[asked["metric"]]
    assert publication is not None
    told = _told(scope, publication, asked)
    assert told is not None
    rows = told["rows"]
    found, why = _foretold(metric, rows, told, asked, scope)
    context: Context = {
        "metric": metric,
        "narrowed": narrowed.said(asked["of"]) if asked["of"] else "",
        "why": why,
        "lights": tuple(dict.fromkeys(name.partition(".")[0] for name in told["lacks"])),
    }
    if found is None:
        return context
    ahead = _ahead(asked["grain"], rows[-1]["period_end"], len(found.expected))
    return context | {
        "figure": _figure(metric, rows, found, ahead),
        "how": _how(metric, found),
        "ahead": [
            (period_shown(one), *(shown(metric, float(v)) for v in values))
            for one, values in zip(ahead, zip(found.expected, found.low, found.high, strict=True), strict=True)
        ],
        "surprises": [
            {
                "name": period_shown(_period(rows[one.place])), "value": shown(metric, one.value),
                "low": shown(metric, one.low), "high": shown(metric, one.high), "above": one.value > one.high,
                "url": _behind(metric, rows[one.place]),
            }
            for one in reversed(found.surprises)
        ],
        "tried": [(str(METHODS[one.method]), shown(metric, one.error), one.method == found.method) for one in found.tried],
        "forecasts": found.tried[0].forecasts,
        "method": str(METHODS[found.method]),
        "level": f"{LEVEL:.0%}",
        "covered": found.covered, "counted": found.counted, "coverage": found.coverage,
        "tested": found.tested, "by_chance": f"{found.tested * found.false_rate:.1f}", "rate": asked["rate"],
        "used": found.used,
    }  # fmt: skip


def _how(metric: Metric, found: Forecast) -> str:
    if not found.counted:
        return _("%(method)s; the past is too short to try its interval on.") % {"method": METHODS[found.method]}
    return _("%(method)s; %(covered)s of %(counted)s forecasts of the past lay within their interval.") % {
        "method": METHODS[found.method], "covered": found.covered, "counted": found.counted,
    }  # fmt: skip


def _figure(metric: Metric, rows: list[dict[str, Any]], found: Forecast, ahead: list[Period]) -> figures.Figure:
    known = len(rows) - found.used
    past = rows[known:]
    return figures.forecast(
        [period_shown(_period(row)) for row in past],
        [_plain(metric, row["value"]) for row in past],
        [_behind(metric, row) for row in past],
        [(one.place - known, _plain(metric, one.low), _plain(metric, one.high)) for one in found.surprises],
        _coming(metric, found, ahead),
        name=str(metric.words), ahead_name=_("Forecast"), surprise_name=_("Surprise"), share=metric.unit == "share",
    )  # fmt: skip


def _coming(metric: Metric, found: Forecast, ahead: list[Period]) -> list[tuple[str, Any, Any, Any]]:
    """Period, expected, low and high of each that comes, in the units a figure is drawn in."""
    return [
        (period_shown(one), _plain(metric, float(middle)), _plain(metric, float(low)), _plain(metric, float(high)))
        for one, middle, low, high in zip(ahead, found.expected, found.low, found.high, strict=True)
    ]


def _ahead(grain: str, end: date, n: int) -> list[Period]:
    """The next periods of the grain, from the end of the newest full one."""
    edges = [end]
    for _step in range(n):
        edges.append(GRAINS[grain].back(edges[-1], -1))
    return [Period(a, b, workspace().zone) for a, b in pairwise(edges)]


def _period(row: Mapping[str, Any]) -> Period:
    return Period(row["period_start"], row["period_end"])


def _plain(metric: Metric, value: float | None) -> float | None:
    return None if value is None else in_units(value) if metric.unit == "money" else value


def _behind(metric: Metric, row: Mapping[str, Any]) -> str:
    asked = {"from": row["period_start"].isoformat(), "to": row["period_end"].isoformat()}
    return f"{reverse('admin:metric_behind', args=[metric.name])}?{urlencode(asked)}"


__all__ = ["draw", "forecast", "piece"]
