"""What a figure is made of: the customers or the records behind it, as far as the asker may see them."""

from typing import Any
from urllib.parse import parse_qsl

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from tenure.contracts import CONTRACTS
from tenure.desk.customers.cards import TABLE
from tenure.desk.customers.models import Customer, Publication, Segment
from tenure.desk.governance.api import may, scope_of
from tenure.desk.lake import lake
from tenure.insight.metrics import METRICS, Metric, figure
from tenure.insight.metrics.breakdown import dimension_of
from tenure.lake import Scope
from tenure.pipeline import numbers
from tenure.web.cache import remembered
from tenure.web.frame import render
from tenure.web.metrics.asked import arguments, drill_of, drill_query, known, number_in, segments_of, within
from tenure.web.metrics.showing import Row, part_words, period_shown, side
from tenure.web.metrics.worked import versions
from tenure.web.templatetags.tenure import in_units

PAGE = 50


@require_safe
def behind(request: HttpRequest, metric: str) -> HttpResponse:
    """The customers or the records a figure is made of, as far as the asker may see them."""
    scope, publication, found = scope_of(request.user), Publication.current(), known(request, metric)
    if publication is None:
        raise Http404
    if found.made_of:
        made = [METRICS[name] for name in found.made_of if name in {one.name for one in numbers.offered(scope)}]
        return render(request, "metric_behind.html", str(found.words), metric=found, made_of=made)
    asked = drill_of(request, found, publication)
    scope, segments = within(request, asked["segment"]), segments_of(request, asked["dimension"])
    dimension = dimension_of(asked["dimension"])
    at = max(min(number_in(request.GET.get("page", "")) or 1, 10_000), 1)
    told = remembered(
        f"behind:{found.name}:{asked!r}:{at}:{segments.mark if segments else ''}", scope, publication,
        lambda: numbers.behind(
            lake(), actor=scope, metric=found, limit=PAGE + 1, offset=(at - 1) * PAGE,
            **arguments(asked, segments),
        ), *versions(found),
    )  # fmt: skip
    return render(
        request,
        "metric_behind.html",
        str(found.words),
        metric=found,
        period=period_shown(asked["period"]),
        part=part_words(asked["dimension"], asked["part"]) if asked["dimension"] else "",
        segment=Segment.objects.filter(pk=asked["segment"]).first(),
        dimension=str(dimension.words) if dimension else "",
        told=told,
        counted=asked["counted"],
        rows=[_row(found, row, names) for names in [customers_of(scope, told["rows"])] for row in told["rows"][:PAGE]],
        columns=[str(CONTRACTS[found.each][name].words) for name in numbers.columns_of(found)] if found.each else [],
        numerator=side(found, told["numerator"], above=True),
        denominator=side(found, told["denominator"], above=False),
        page=at,
        more=len(told["rows"]) > PAGE,
        asked=dict(parse_qsl(drill_query(asked), keep_blank_values=True)),
        query=drill_query(asked),
        query_all=drill_query({**asked, "counted": not asked["counted"]}),
        may_export=may(request.user, "export"),
        named=scope.shows("name") != "hidden",
    )


def _row(metric: Metric, row: Row, customers: dict[int, str]) -> Row:
    person = row.get("person_id")
    return {
        "person": person if person in customers else None,
        "name": customers.get(person or 0) or ("" if person else _("Nobody known")),
        "record": (row.get("record") or "").lstrip("/"),
        "day": row.get("day"),
        "said": [
            said(metric, name, row.get(name)) for name in (numbers.columns_of(metric) if metric.each else [])
        ],
        "numerator": side(metric, row["numerator"], above=True),
        "denominator": side(metric, row["denominator"], above=False),
        "counted": row["numerator"] != 0,
    }  # fmt: skip


def said(metric: Metric, column: str, value: Any) -> str:
    if value is None:
        return "–"
    values = CONTRACTS[metric.each][column].values
    if str(value) in values:
        return str(values[str(value)])
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(figure("number", value)) if isinstance(value, int | float) else str(value)


def customers_of(scope: Scope, rows: list[Row]) -> dict[int, str]:
    """What to call the customers of these rows, as far as the asker may see them."""
    wanted = [row["person_id"] for row in rows if row.get("person_id")]
    found = Customer.objects.visible_to(scope).in_bulk(wanted)
    return {pk: str(scope.show(TABLE, "name", customer.name) or customer.customer_id) for pk, customer in found.items()}


def drill_table(scope: Scope, metric: Metric, rows: list[Row]) -> list[list[Any]]:
    columns = numbers.columns_of(metric) if metric.each else []
    named = scope.shows("name") != "hidden"
    heading = (
        [_("Record"), _("Date"), *(str(CONTRACTS[metric.each][name].words) for name in columns)] if metric.each else []
    )
    table: list[list[Any]] = [[_("Customer"), *heading, _("Numerator"), _("Denominator")]]
    for start in range(0, len(rows), 1000):
        some = rows[start : start + 1000]
        names = customers_of(scope, some) if named else {}
        for row in some:
            record = [row["record"].lstrip("/"), row.get("day"), *(said(metric, c, row.get(c)) for c in columns)] \
                if metric.each else []  # fmt: skip
            person = row.get("person_id")
            above = metric.unit == "money" or (metric.unit == "share" and metric.amounts)
            below = metric.unit == "share" and metric.amounts
            numerator = in_units(row["numerator"]) if above else row["numerator"]
            denominator = in_units(row["denominator"]) if below else row["denominator"]
            table.append([names.get(person or 0, person or ""), *record, numerator, denominator])
    return table
