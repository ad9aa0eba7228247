"""Questions of SQL over what the asker may see: asked, taken as a file, or kept as a segment."""

import csv
from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from tenure.desk.customers import selectors
from tenure.desk.customers.export import harmless
from tenure.desk.customers.segments import services
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import User
from tenure.desk.lake import lake
from tenure.errors import TenureError
from tenure.lake import Scope, analyst
from tenure.web.frame import render

SHOWN = 200  # rows on the page; a file has more
EXAMPLE = "SELECT region, count(*) AS customers, avg(churn_probability) AS risk\nFROM customers GROUP BY region ORDER BY risk DESC"


def page(request: HttpRequest) -> HttpResponseBase:
    """The question and its answer. `take` asks for a file, `keep` for a segment of the persons in the answer."""
    user, scope = request.user, scope_of(request.user)
    assert isinstance(user, User)
    context: dict[str, Any] = {
        "sql": request.POST.get("sql", "") if request.method == "POST" else EXAMPLE,
        "tables": [(name, list(analyst.columns(lake(), name, scope))) for name in analyst.TABLES],
        "most": analyst.Limits().rows,
        "seconds": analyst.Limits().seconds,
        "may_export": may(user, "export"),
        "may_keep": may(user, "segments"),
        "name": request.POST.get("name", ""),
    }
    if request.method == "POST":
        try:
            if "keep" in request.POST:
                return _kept(request, user, scope)
            answer = _asked(request, user, scope)
        except TenureError as error:
            return render(request, "analyst.html", _("SQL"), wrong=str(error), **context)
        if "take" in request.POST:
            return _file(answer)
        found = answer.rows.slice(0, SHOWN)
        columns = [one.to_pylist() for one in found.columns]
        numbers = [str(field.type).startswith(("int", "uint", "float", "double", "decimal")) for field in found.schema]
        context |= {
            "answer": answer,
            "headings": list(zip(found.column_names, numbers, strict=True)),
            "rows": [list(zip(row, numbers, strict=True)) for row in zip(*columns, strict=True)],
            "count": answer.rows.num_rows,
            "shown": SHOWN,
            "has_persons": "person_id" in found.column_names,
        }
    return render(request, "analyst.html", _("SQL"), **context)


def _asked(request: HttpRequest, user: User, scope: Scope) -> analyst.Answer:
    """The answer to show, or to take as a file."""
    taking = "take" in request.POST
    if taking and not may(user, "export"):
        raise PermissionDenied
    answer = _answered(request, user, scope)
    services.record_query(
        text=request.POST.get("sql", ""), rows=answer.rows.num_rows, actor=user, now=timezone.now(),
        tables=list(answer.tables), fields=list(answer.guards), **({"taken": True} if taking else {}),
    )  # fmt: skip
    return answer


def _answered(request: HttpRequest, user: User, scope: Scope, *, persons: bool = False) -> analyst.Answer:
    """The answer; a question that has none is written down as well."""
    sql = request.POST.get("sql", "")
    try:
        return analyst.ask(lake(), sql, scope=scope, persons=persons)
    except TenureError:
        services.record_query(text=sql, rows=None, actor=user, now=timezone.now())
        raise


def _kept(request: HttpRequest, user: User, scope: Scope) -> HttpResponse:
    """The persons of the answer whom the asker reaches, as a segment of their own."""
    if not may(user, "segments"):
        raise PermissionDenied
    sql, now = request.POST.get("sql", ""), timezone.now()
    answer = _answered(request, user, scope, persons=True)
    wanted = [one for one in answer.rows["person_id"].to_pylist() if isinstance(one, int)]
    people = sorted(selectors.within_reach(scope, wanted))
    services.record_query(text=sql, rows=len(people), actor=user, now=now, tables=list(answer.tables))
    made = services.fix(
        request.POST.get("name", ""), people, made_from={"guards": list(answer.guards)}, actor=user, now=now
    )
    messages.success(request, _("Kept as a list of its own; it stays as it is."))
    return HttpResponseRedirect(reverse("admin:segment", args=[made.pk]))


def _file(answer: analyst.Answer) -> StreamingHttpResponse:
    class Echo:
        def write(self, line: str) -> str:
            return line

    def lines() -> Iterator[str]:
        writer = csv.writer(Echo())
        yield "\ufeff" + writer.writerow([harmless(name) for name in answer.rows.column_names])
        for batch in answer.rows.to_batches(max_chunksize=1000):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                yield writer.writerow([harmless(value) for value in row])

    name = f"answer-{timezone.localdate():%Y%m%d}.csv"
    return StreamingHttpResponse(
        lines(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
