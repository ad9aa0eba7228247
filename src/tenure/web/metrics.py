"""The metric catalogue: every number with its figure, how it moved and where it stands, down to the records behind it.

`tile` and `tenure/_metric_tile.html` are how a metric is shown wherever it is shown.
"""

import csv
import io
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenure.contracts import CONTRACTS
from tenure.desk.customers import services
from tenure.desk.customers.cards import TABLE
from tenure.desk.customers.export import harmless
from tenure.desk.customers.models import Customer, Publication
from tenure.desk.customers.words import words_for
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import User
from tenure.desk.lake import lake, workspace
from tenure.insight.metrics import GROUPS, METRICS, UNITS, Change, Metric, Period, figure, judge
from tenure.insight.metrics import breakdown as apart
from tenure.insight.metrics.breakdown import DIMENSIONS, GRAINS
from tenure.lake import Scope
from tenure.language import Words
from tenure.pipeline import numbers
from tenure.web import figures
from tenure.web.cache import recalled, remembered
from tenure.web.frame import render
from tenure.web.packs import target_form
from tenure.web.templatetags.tenure import compact, compact_money, in_units, symbol

CATALOGUE = tuple(METRICS)
MONTHS = 13  # of a tile's line: with the newest one, the same month a year before
PAGE = 50
FEW = 5  # a quotient over fewer says so
MOST_ROWS = 100_000  # of an export
WORDS_OF = {"segment": "cell", "stage": "stage", "risk": "risk", "kind": "kind"}

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


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The whole catalogue, chapter by chapter; a chapter not worked out yet follows by itself."""
    scope, publication = scope_of(request.user), Publication.current()
    chapters = []
    for group, words in GROUPS.items():
        names = _names(scope, group)
        if names:
            tiles = _tiles(scope, publication, group, at_once=True) if publication else []
            chapters.append({"code": group, "words": str(words), "tiles": tiles, "n": len(names)})
    return render(
        request, "metrics.html", _("Metrics"), chapters=chapters, publication=publication,
        waiting=sum(1 for one in chapters if one["tiles"] is None),
        ready=sum(1 for one in chapters if one["tiles"] is not None), known=sum(one["n"] for one in chapters),
        hidden=not scope.sees("amounts"),
    )  # fmt: skip


@require_safe
def chapter(request: HttpRequest, group: str) -> HttpResponse:
    """The tiles of one chapter, as a piece of the page."""
    scope, publication = scope_of(request.user), Publication.current()
    if group not in GROUPS or publication is None or not _names(scope, group):
        raise Http404
    return render(
        request, "_metric_tiles.html", "", chapter={"code": group, "tiles": _tiles(scope, publication, group) or []}
    )


@require_safe
def one(request: HttpRequest, metric: str) -> HttpResponse:
    """One metric: what it means, how it went, told apart, and what it is made of."""
    scope, publication, found = scope_of(request.user), Publication.current(), _known(request, metric)
    grain, by = _asked(request, found)
    told = _told(scope, publication, found, grain, by, at_once=True) if publication else None
    lines = [
        (name, shown(found, line.value), str(line.source))
        for name, line in (
            (_("Benchmark"), found.benchmark), (_("Excellent"), found.excellent), (_("Limit"), found.limit),
        ) if line
    ]  # fmt: skip
    return render(
        request,
        "metric.html",
        str(found.words),
        metric=found,
        group=str(GROUPS[found.group]),
        unit=str(UNITS[found.unit]),
        better={"higher": _("higher is better"), "lower": _("lower is better")}.get(
            found.better, _("neither way is better")
        ),
        lines=lines,
        aim=target_form(request, found),
        example=_example(found),
        reads=[(name, str(CONTRACTS[name].words)) for name in found.reads],
        publication=publication,
        query=urlencode({"grain": grain, "by": by}),
        may_export=may(request.user, "export"),
        **(_worded(scope, found, grain, told) if told else {"told": None}),
    )


@require_safe
def shares(request: HttpRequest, metric: str) -> HttpResponse:
    """The figures of one metric's page, as a piece of it: worked out where they are not yet."""
    scope, publication, found = scope_of(request.user), Publication.current(), _known(request, metric)
    if publication is None:
        raise Http404
    grain, by = _asked(request, found)
    told = _told(scope, publication, found, grain, by)
    assert told is not None
    return render(
        request, "_metric_figures.html", "", metric=found, may_export=may(request.user, "export"),
        **_worded(scope, found, grain, told),
    )  # fmt: skip


@require_safe
def behind(request: HttpRequest, metric: str) -> HttpResponse:
    """The customers or the records a figure is made of, as far as the asker may see them."""
    scope, publication, found = scope_of(request.user), Publication.current(), _known(request, metric)
    if publication is None:
        raise Http404
    if found.made_of:
        made = [METRICS[name] for name in found.made_of if name in {one.name for one in numbers.offered(scope)}]
        return render(request, "metric_behind.html", str(found.words), metric=found, made_of=made)
    asked = _drill(request, found, publication)
    number = request.GET.get("page", "")
    at = min(int(number), 10_000) if number.isascii() and number.isdigit() and 0 < len(number) < 6 else 1
    at = max(at, 1)
    told = remembered(
        f"behind:{found.name}:{asked!r}:{at}", scope, publication,
        lambda: numbers.behind(
            lake(), actor=scope, metric=found, limit=PAGE + 1, offset=(at - 1) * PAGE, **_arguments(asked)
        ), *_versions(found),
    )  # fmt: skip
    return render(
        request,
        "metric_behind.html",
        str(found.words),
        metric=found,
        period=period_shown(asked["period"]),
        part=_part_words(asked["dimension"], asked["part"]) if asked["dimension"] else "",
        dimension=str(DIMENSIONS[asked["dimension"]].words) if asked["dimension"] else "",
        told=told,
        counted=asked["counted"],
        rows=[_row(found, row, names) for names in [_customers(scope, told["rows"])] for row in told["rows"][:PAGE]],
        columns=[str(CONTRACTS[found.each][name].words) for name in numbers.columns_of(found)] if found.each else [],
        numerator=_side(found, told["numerator"], above=True),
        denominator=_side(found, told["denominator"], above=False),
        page=at,
        more=len(told["rows"]) > PAGE,
        asked=dict(parse_qsl(_drill_query(asked), keep_blank_values=True)),
        query=_drill_query(asked),
        query_all=_drill_query({**asked, "counted": not asked["counted"]}),
        may_export=may(request.user, "export"),
        named=scope.shows("name") != "hidden",
    )


@require_POST
def export(request: HttpRequest, metric: str) -> HttpResponse:
    """The figures, or what one of them is made of, as CSV or Excel; the audit entry comes first."""
    scope, publication, found = scope_of(request.user), Publication.current(), _known(request, metric)
    if publication is None:
        raise Http404
    user = request.user
    assert isinstance(user, User)
    if request.POST.get("what") == "behind":
        if found.made_of:
            raise Http404
        asked = _drill(request, found, publication)
        told = numbers.behind(lake(), actor=scope, metric=found, limit=MOST_ROWS, **_arguments(asked))
        table = _drill_table(scope, found, told["rows"])
        query = _drill_query(asked)
    else:
        grain, by = _asked(request, found)
        figures_ = _told(scope, publication, found, grain, by)
        assert figures_ is not None
        table = _figures_table(found, grain, figures_)
        query = urlencode({"grain": grain, "by": by})
    services.record_export(
        what=f"metric {found.name}", rows=len(table) - 1, query=query, actor=user, now=timezone.now()
    )
    safe = [[harmless(cell) for cell in row] for row in table]
    if request.POST.get("format") == "xlsx":
        return _workbook(found, safe)
    written = io.StringIO()
    csv.writer(written).writerows(safe)
    answer = HttpResponse("\ufeff" + written.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{found.name}.csv"'
    return answer


def _workbook(metric: Metric, table: list[list[Any]]) -> HttpResponse:
    from openpyxl import Workbook  # type: ignore[import-untyped]  # loads slowly; here alone

    book = Workbook(write_only=True)
    sheet = book.create_sheet(metric.name[:31])
    for row in table:
        sheet.append(row)
    written = io.BytesIO()
    book.save(written)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    answer = HttpResponse(written.getvalue(), content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{metric.name}.xlsx"'
    return answer


# What is asked for


def _known(request: HttpRequest, name: str) -> Metric:
    """The metric of the address; one that the asker may not be told is not there."""
    if name not in METRICS or not numbers.offered(scope_of(request.user), [name]):
        raise Http404
    return numbers.held(lake(), METRICS[name])


def _asked(request: HttpRequest, metric: Metric) -> tuple[str, str]:
    """The grain and the dimension asked for; months, and the first that may apply, unless said."""
    given = request.POST if request.method == "POST" else request.GET
    grain, by = given.get("grain", ""), given.get("by", "")
    if by not in DIMENSIONS:
        person = all(CONTRACTS[name].person for name in metric.reads)
        by = (
            "team"
            if person
            else "channel"
            if all("channel" in CONTRACTS[name] for name in metric.reads)
            else "category"
        )
    return grain if grain in GRAINS else "month", by


def _drill(request: HttpRequest, metric: Metric, publication: Publication) -> Row:
    """The figure that is opened: its period (the last full month unless said), and the part of a dimension."""
    given = request.POST if request.method == "POST" else request.GET
    zone = workspace().zone
    period = apart.spans("month", _until(publication), 1, zone)[0]
    try:
        start, end = (date.fromisoformat(given.get(name, "")) for name in ("from", "to"))
        if start < end and start.year > 1900:
            period = Period(start, end, zone)
    except ValueError:
        pass
    dimension = given.get("by", "")
    if dimension not in DIMENSIONS or "part" not in given:
        dimension = ""
    part = given.get("part", "")[:200].replace("\x00", "") if dimension else ""
    return {"period": period, "dimension": dimension, "part": part, "counted": given.get("counted") == "1"}


def _arguments(asked: Row) -> Row:
    return {**asked, "dimension": asked["dimension"] or None, "part": asked["part"] or None}


def _drill_query(asked: Row) -> str:
    pairs = {"from": asked["period"].start.isoformat(), "to": asked["period"].end.isoformat()}
    if asked["dimension"]:
        pairs |= {"by": asked["dimension"], "part": asked["part"] or ""}
    if asked["counted"]:
        pairs["counted"] = "1"
    return urlencode(pairs)


# What is worked out


def _until(publication: Publication) -> date:
    return timezone.localtime(publication.as_of).date()


def _names(scope: Scope, group: str) -> list[str]:
    return [one.name for one in numbers.offered(scope, CATALOGUE) if one.group == group]


def _versions(*metrics: Metric) -> list[str]:
    return sorted({f"records/{name}" for metric in metrics for name in metric.reads} | {"records/products"})


def _tiles(scope: Scope, publication: Publication, group: str, *, at_once: bool = False) -> list[Tile] | None:
    """The tiles of a chapter; with `at_once`, None where they would have to be worked out first."""
    names = _names(scope, group)
    what = f"metrics:{group}:{MONTHS}"
    tables = _versions(*(METRICS[name] for name in names))
    if at_once:
        found = recalled(what, scope, publication, *tables)
        if found is None:
            return None
    else:
        found = remembered(
            what, scope, publication,
            lambda: numbers.catalogue(lake(), actor=scope, until=_until(publication), months=MONTHS, names=names), *tables,
        )  # fmt: skip
    return [tile(METRICS[name], found[name]["rows"], found[name]["lacks"], reach_all=scope.sees_all) for name in names]


def _told(
    scope: Scope, publication: Publication, metric: Metric, grain: str, by: str, *, at_once: bool = False
) -> Row | None:
    what, tables = f"metric:{metric.name}:{grain}:{by}:{MONTHS}", [*_versions(metric), apart.CARDS, apart.STAGES]
    if at_once:
        return recalled(what, scope, publication, *tables)
    periods = min(GRAINS[grain].shown, MONTHS) if grain == "month" else GRAINS[grain].shown
    return remembered(
        what, scope, publication,
        lambda: numbers.told(
            lake(), actor=scope, metric=metric, grain=grain, until=_until(publication), periods=periods, dimension=by
        ), *tables,
    )  # fmt: skip


# How it is said


def _worded(scope: Scope, metric: Metric, grain: str, told: Row) -> Row:
    """What the figures' template needs."""
    rows: list[Row] = told["rows"]
    names = [period_shown(Period(row["period_start"], row["period_end"])) for row in rows]
    last = rows[-1]
    newest = Period(last["period_start"], last["period_end"])
    year = newest.year_before()
    with_year = [*rows, {**last, "period_start": year.start, "period_end": year.end, "value": last["year_before"]}]
    with_year.sort(key=lambda row: row["period_end"])
    lacks = told["lacks"]
    drill = reverse("admin:metric_behind", args=[metric.name])
    most = max((abs(part["value"]) for part in told["parts"] if part["value"] is not None), default=0)
    return {
        "told": told,
        # On its own page the tile opens what its figure is made of.
        "tile": replace(
            tile(metric, with_year, lacks, reach_all=scope.sees_all),
            url=drill if metric.made_of else f"{drill}?{_drill_query(_of(last))}",
        ),
        "grain": grain,
        "grains": [(one.name, str(one.words)) for one in GRAINS.values()],
        "by": told["by"] or "",
        "dimensions": [(name, str(DIMENSIONS[name].words)) for name in told["dimensions"]],
        "why_not": [(str(DIMENSIONS[name].words), str(why)) for name, why in told["why_not"].items()],
        "figure": _chart(metric, names, rows) if any(row["value"] is not None for row in rows) else None,
        "rows": [
            {
                "name": name, "shown": shown(metric, row["value"]), "count": row["count"],
                "why": "" if row["value"] is not None
                else str(apart.why_nothing(metric, lacks, row, scope.sees_all)),
                "before": moved(metric, rows[at - 1]["value"] if at else None, row["value"]),
                "year": moved(metric, row["year_before"], row["value"]),
                "url": f"{drill}?{_drill_query(_of(row))}" if row["count"] else "",
            }
            for at, (name, row) in enumerate(zip(names, rows, strict=True))
        ][::-1],
        "parts": [
            {
                "name": _part_words(told["by"], part.get("name") or part["segment"]),
                "shown": shown(metric, part["value"]), "count": part["count"],
                "heat": abs(part["value"]) / most if most and part["value"] is not None else 0,
                "before": moved(metric, part["before"], part["value"]),
                "year": moved(metric, part["year_before"], part["value"]),
                "url": f"{drill}?{_drill_query(_of(part) | {'dimension': told['by'], 'part': part['segment']})}"
                if part["count"] and not metric.made_of else "",
            }
            for part in told["parts"][:60]
        ],
        "cut": max(0, len(told["parts"]) - 60),
        "cautions": [
            _("%(n)s records of %(kind)s in %(currencies)s are left out: no exchange rate is known for them.")
            % {"n": f"{one['records']:,}", "kind": str(CONTRACTS[one["contract"]].words),
               "currencies": ", ".join(one["currencies"])}
            for one in told["cautions"]
        ],
        "newest": period_shown(newest),
        "newest_url": f"{drill}?{_drill_query(_of(last))}",
    }  # fmt: skip


def _of(row: Row) -> Row:
    return {
        "period": Period(row["period_start"], row["period_end"]), "dimension": "", "part": "", "counted": False,
    }  # fmt: skip


def _chart(metric: Metric, names: list[str], rows: list[Row]) -> figures.Figure:
    def units(value: float | None) -> float | None:
        return None if value is None else in_units(value) if metric.unit == "money" else value

    lines = [
        (name, units(line.value), tint)
        for name, line, tint in (
            (_("Benchmark"), metric.benchmark, "$muted"), (_("Excellent"), metric.excellent, "$good"),
            (_("Limit"), metric.limit, "$bad"),
        ) if line
    ]  # fmt: skip
    return figures.over_time(
        names,
        [units(row["value"]) for row in rows],
        [units(row["year_before"]) for row in rows],
        name=str(metric.words),
        before_name=_("A year before"),
        share=metric.unit == "share",
        lines=[(name, value, tint) for name, value, tint in lines if value is not None],
    )


def _part_words(dimension: str | None, part: object) -> str:
    if part in (None, ""):
        return _("Unknown")
    return words_for(WORDS_OF.get(dimension or "", ""), part)


def _few(metric: Metric, row: Row) -> str:
    if metric.total or row["count"] >= FEW:
        return ""
    return _("from only %(n)s %(of)s") % {"n": row["count"], "of": metric.count}


def _side(metric: Metric, value: float, *, above: bool) -> str:
    """A numerator or denominator as it is written: money where it is money, else a plain number."""
    if (metric.unit == "money" and above) or (metric.unit == "share" and metric.amounts):
        return f"{symbol()}{figure_in_units(value)}"
    return str(figure("number", value, places=2))


def _row(metric: Metric, row: Row, customers: dict[int, str]) -> Row:
    person = row.get("person_id")
    return {
        "person": person if person in customers else None,
        "name": customers.get(person or 0) or ("" if person else _("Nobody known")),
        "record": (row.get("record") or "").lstrip("/"),
        "day": row.get("day"),
        "said": [
            _said(metric, name, row.get(name)) for name in (numbers.columns_of(metric) if metric.each else [])
        ],
        "numerator": _side(metric, row["numerator"], above=True),
        "denominator": _side(metric, row["denominator"], above=False),
        "counted": row["numerator"] != 0,
    }  # fmt: skip


def _said(metric: Metric, column: str, value: Any) -> str:
    if value is None:
        return "–"
    values = CONTRACTS[metric.each][column].values
    if str(value) in values:
        return str(values[str(value)])
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(figure("number", value)) if isinstance(value, int | float) else str(value)


def _customers(scope: Scope, rows: list[Row]) -> dict[int, str]:
    """What to call the customers of these rows, as far as the asker may see them."""
    wanted = [row["person_id"] for row in rows if row.get("person_id")]
    found = Customer.objects.visible_to(scope).in_bulk(wanted)
    return {pk: str(scope.show(TABLE, "name", customer.name) or customer.customer_id) for pk, customer in found.items()}


def _drill_table(scope: Scope, metric: Metric, rows: list[Row]) -> list[list[Any]]:
    columns = numbers.columns_of(metric) if metric.each else []
    named = scope.shows("name") != "hidden"
    heading = (
        [_("Record"), _("Date"), *(str(CONTRACTS[metric.each][name].words) for name in columns)] if metric.each else []
    )
    table: list[list[Any]] = [[_("Customer"), *heading, _("Numerator"), _("Denominator")]]
    for start in range(0, len(rows), 1000):
        some = rows[start : start + 1000]
        names = _customers(scope, some) if named else {}
        for row in some:
            record = [row["record"].lstrip("/"), row.get("day"), *(_said(metric, c, row.get(c)) for c in columns)] \
                if metric.each else []  # fmt: skip
            person = row.get("person_id")
            above = metric.unit == "money" or (metric.unit == "share" and metric.amounts)
            below = metric.unit == "share" and metric.amounts
            numerator = in_units(row["numerator"]) if above else row["numerator"]
            denominator = in_units(row["denominator"]) if below else row["denominator"]
            table.append([names.get(person or 0, person or ""), *record, numerator, denominator])
    return table


def _figures_table(metric: Metric, grain: str, told: Row) -> list[list[Any]]:
    def plain(value: float | None) -> float | None:
        return None if value is None else in_units(value) if metric.unit == "money" else value

    dimension = DIMENSIONS[told["by"]].words if told["by"] else ""
    table: list[list[Any]] = [
        [str(GRAINS[grain].words), str(dimension), str(metric.words), _("A year before"), capfirst(str(metric.count))]
    ]
    for row in told["rows"]:
        period = period_shown(Period(row["period_start"], row["period_end"]))
        table.append([period, "", plain(row["value"]), plain(row["year_before"]), row["count"]])
    for row in told["parts"]:
        period = period_shown(Period(row["period_start"], row["period_end"]))
        name = _part_words(told["by"], row.get("name") or row["segment"])
        table.append([period, name, plain(row["value"]), plain(row["year_before"]), row["count"]])
    return table


def _example(metric: Metric) -> Row:
    """The worked example: each contract's rows with the columns that hold anything, and what they come to."""
    example = metric.example
    tables = []
    for name, rows in example.rows.items():
        columns = list(dict.fromkeys(column for row in rows for column in row))
        heads = [
            _("Customer") if c == "person_id" else str(CONTRACTS[name][c].words) if c in CONTRACTS[name] else c
            for c in columns
        ]
        cells = [[_cell(c, row.get(c)) for c in columns] for row in rows[:12]]
        tables.append(
            {"words": str(CONTRACTS[name].words), "heads": heads, "rows": cells, "cut": max(0, len(rows) - 12)}
        )
    return {"tables": tables, "value": shown(metric, example.value), "count": example.count,
            "period": period_shown(example.period)}  # fmt: skip


def _cell(column: str, value: Any) -> str:
    if value is None:
        return "–"
    return figure_in_units(value) if column.endswith("_minor") else str(value)


__all__ = ["Moved", "Tile", "behind", "chapter", "export", "one", "page", "period_shown", "shares", "shown", "tile"]
