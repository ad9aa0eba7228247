"""The pages of the catalogue: every number with its figure, how it moved and where it stands."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from tenure.contracts import CONTRACTS
from tenure.desk.customers.models import Publication
from tenure.desk.customers.segments.apart import offered
from tenure.desk.customers.segments.asking import asker_of
from tenure.desk.governance.api import may, scope_of
from tenure.insight.metrics import GROUPS, UNITS, Metric, Period
from tenure.insight.metrics import breakdown as apart
from tenure.insight.metrics.breakdown import DIMENSIONS, GRAINS, OWN, dimension_of, segments_in
from tenure.lake import Scope
from tenure.web import figures
from tenure.web.frame import render
from tenure.web.metrics.asked import asked_for, drill_query, known, opened_at, segments_of
from tenure.web.metrics.showing import Row, figure_in_units, moved, part_words, period_shown, shown, tile
from tenure.web.metrics.worked import names_in, tiles_of, told_of
from tenure.web.packs import target_form
from tenure.web.templatetags.tenure import in_units

BESIDE = 12  # segments offered to be set beside the one asked for


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The whole catalogue, chapter by chapter; a chapter not worked out yet follows by itself."""
    scope, publication = scope_of(request.user), Publication.current()
    chapters = []
    for group, words in GROUPS.items():
        names = names_in(scope, group)
        if names:
            tiles = tiles_of(scope, publication, group, at_once=True) if publication else []
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
    if group not in GROUPS or publication is None or not names_in(scope, group):
        raise Http404
    return render(
        request, "_metric_tiles.html", "", chapter={"code": group, "tiles": tiles_of(scope, publication, group) or []}
    )


@require_safe
def one(request: HttpRequest, metric: str) -> HttpResponse:
    """One metric: what it means, how it went, told apart, and what it is made of."""
    scope, publication, found = scope_of(request.user), Publication.current(), known(request, metric)
    grain, by = asked_for(request, found)
    segments = segments_of(request, by)
    told = told_of(scope, publication, found, grain, by, segments=segments, at_once=True) if publication else None
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
        **(_worded(scope, found, grain, told) | _segments(request, told) if told else {"told": None}),
    )


@require_safe
def shares(request: HttpRequest, metric: str) -> HttpResponse:
    """The figures of one metric's page, as a piece of it: worked out where they are not yet."""
    scope, publication, found = scope_of(request.user), Publication.current(), known(request, metric)
    if publication is None:
        raise Http404
    grain, by = asked_for(request, found)
    told = told_of(scope, publication, found, grain, by, segments=segments_of(request, by))
    assert told is not None
    return render(
        request, "_metric_figures.html", "", metric=found, may_export=may(request.user, "export"),
        **_worded(scope, found, grain, told), **_segments(request, told),
    )  # fmt: skip


# How it is said


def _segments(request: HttpRequest, told: Row) -> Row:
    """The segments the reader may tell the figure apart by, which of them are asked for, and the heading of their table."""
    asked = segments_in(told["by"] or "")
    may = offered(asker_of(request.user, scope_of(request.user))) if "stage" in told["dimensions"] or asked else []
    names = dict(may)
    heading = names.get(int(asked[0]), "") if len(asked) == 1 else str(OWN.words)
    return {
        "own": [(f"{OWN.name}:{pk}", name, bool(asked) and str(pk) == asked[0]) for pk, name in may],
        # Those asked for first, then as many others as fit on a line or two.
        "beside": sorted(
            ((pk, name, str(pk) in asked) for pk, name in may if str(pk) != asked[0]), key=lambda one: not one[2]
        )[:BESIDE] if asked else [],
        "own_heading": heading if asked else "",
    }  # fmt: skip


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
        "counted": capfirst(str(metric.count)),
        # On its own page the tile opens what its figure is made of.
        "tile": replace(
            tile(metric, with_year, lacks, reach_all=scope.sees_all),
            url=drill if metric.made_of else f"{drill}?{drill_query(opened_at(last))}",
        ),
        "grain": grain,
        "grains": [(one.name, str(one.words)) for one in GRAINS.values()],
        "by": told["by"] or "",
        "as_today": bool(told["parts"]) and told["by"] != "stage" and _of_customers(told["by"]),
        "dimensions": [(name, str(DIMENSIONS[name].words)) for name in told["dimensions"] if name in DIMENSIONS],
        "why_not": [
            (str(one.words), str(why)) for name, why in told["why_not"].items() if (one := dimension_of(name))
        ],
        "figure": chart(metric, names, rows) if any(row["value"] is not None for row in rows) else None,
        "rows": [
            {
                "name": name, "shown": shown(metric, row["value"]), "count": row["count"],
                "why": "" if row["value"] is not None
                else str(apart.why_nothing(metric, lacks, row, scope.sees_all)),
                "before": moved(metric, rows[at - 1]["value"] if at else None, row["value"]),
                "year": moved(metric, row["year_before"], row["value"]),
                "url": f"{drill}?{drill_query(opened_at(row))}" if row["count"] else "",
            }
            for at, (name, row) in enumerate(zip(names, rows, strict=True))
        ][::-1],
        "parts": [
            {
                "name": part_words(told["by"], part.get("name") or part["segment"]),
                "shown": shown(metric, part["value"]), "count": part["count"],
                "heat": abs(part["value"]) / most if most and part["value"] is not None else 0,
                "before": moved(metric, part["before"], part["value"]),
                "year": moved(metric, part["year_before"], part["value"]),
                "url": f"{drill}?{drill_query(opened_at(part) | {'dimension': told['by'], 'part': part['segment']})}"
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
        "newest_url": f"{drill}?{drill_query(opened_at(last))}",
    }  # fmt: skip


def _of_customers(by: str | None) -> bool:
    one = dimension_of(by or "")
    return one is not None and one.of == "customer"


def chart(metric: Metric, names: list[str], rows: list[Row]) -> figures.Figure:
    """The figure by period beside a year before, and the lines it is held against."""

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


def figures_table(metric: Metric, grain: str, told: Row) -> list[list[Any]]:
    def plain(value: float | None) -> float | None:
        return None if value is None else in_units(value) if metric.unit == "money" else value

    one = dimension_of(told["by"] or "")
    dimension = one.words if one else ""
    table: list[list[Any]] = [
        [str(GRAINS[grain].words), str(dimension), str(metric.words), _("A year before"), capfirst(str(metric.count))]
    ]
    for row in told["rows"]:
        period = period_shown(Period(row["period_start"], row["period_end"]))
        table.append([period, "", plain(row["value"]), plain(row["year_before"]), row["count"]])
    for row in told["parts"]:
        period = period_shown(Period(row["period_start"], row["period_end"]))
        name = part_words(told["by"], row.get("name") or row["segment"])
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
