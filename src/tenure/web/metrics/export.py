"""Figures, or what one of them is made of, taken out as a file."""

import csv
import io
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from tenure.desk.customers import services
from tenure.desk.customers.export import harmless
from tenure.desk.customers.models import Publication
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import User
from tenure.desk.lake import lake
from tenure.insight.metrics import Metric
from tenure.pipeline import numbers
from tenure.web.metrics.asked import arguments, asked_for, drill_of, drill_query, known, segments_of, within
from tenure.web.metrics.drill import drill_table
from tenure.web.metrics.pages import figures_table
from tenure.web.metrics.worked import told_of

MOST_ROWS = 100_000


@require_POST
def export(request: HttpRequest, metric: str) -> HttpResponse:
    """The figures, or what one of them is made of, as CSV or Excel; the audit entry comes first."""
    scope, publication, found = scope_of(request.user), Publication.current(), known(request, metric)
    if publication is None:
        raise Http404
    user = request.user
    assert isinstance(user, User)
    if request.POST.get("what") == "behind":
        if found.made_of:
            raise Http404
        asked = drill_of(request, found, publication)
        scope = within(request, asked["segment"])
        told = numbers.behind(
            lake(),
            actor=scope,
            metric=found,
            limit=MOST_ROWS,
            **arguments(asked, segments_of(request, asked["dimension"])),
        )
        table = drill_table(scope, found, told["rows"])
        query = drill_query(asked)
    else:
        grain, by = asked_for(request, found)
        figures_ = told_of(scope, publication, found, grain, by, segments=segments_of(request, by))
        assert figures_ is not None
        table = figures_table(found, grain, figures_)
        query = urlencode({"grain": grain, "by": by})
    services.record_export(
        what=f"metric {found.name}", rows=len(table) - 1, query=query, actor=user, now=timezone.now()
    )
    safe = [[harmless(cell) for cell in row] for row in table]
    if request.POST.get("format") == "xlsx":
        return workbook(found, safe)
    written = io.StringIO()
    csv.writer(written).writerows(safe)
    answer = HttpResponse("\ufeff" + written.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{found.name}.csv"'
    return answer


def workbook(metric: Metric, table: list[list[Any]]) -> HttpResponse:
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
