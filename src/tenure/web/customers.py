"""The customer list: filter, search, sort, save, export."""

import csv
from collections.abc import Callable, Iterator
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tenure.desk.customers import selectors, services
from tenure.desk.customers.cards import TABLE, Card
from tenure.desk.customers.models import Publication, SavedView
from tenure.desk.customers.selectors import Filters
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.lake.fields import field_of
from tenure.web.cache import remembered
from tenure.web.frame import hidden_fields, render
from tenure.web.templatetags.tenure import in_units
from tenure.web.words import CELLS, RISK_BANDS, STAGES, words_for


def page(request: HttpRequest) -> HttpResponse:
    """One page of the list, as the query string asks for it."""
    scope = scope_of(request.user)
    filters = Filters.read(request.GET).within(scope)
    shown = Publication.current()
    asked = request.GET.get("page", "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1
    user = request.user
    assert isinstance(user, User)
    allowed = selectors.sorts(scope)
    return render(
        request,
        "customers.html",
        _("Customers"),
        filters=filters,
        page=selectors.page_of(scope, selectors.listing(scope, filters, shown), number),
        sees_amounts=scope.sees("amounts"),
        shown=shown,
        choices=remembered("choices", scope, shown, lambda: selectors.choices(scope)),
        stages=[(code, str(words)) for code, words in STAGES.items()],
        bands=[(code, str(words)) for code, words in RISK_BANDS.items()],
        cells=[(code, str(words)) for code, words in CELLS.items()],
        deciles=list(range(10, 0, -1)),
        sorts=[(key, name) for key, name in sorts() if key in allowed],
        headings=[(key, name, filters.but(sort=key)) for key, name in headings() if key in allowed],
        narrowed=narrowed(filters),
        views=selectors.saved_views(user),
        may_export=may(user, "export"),
        may_share=may(user, "share"),
        may_grant=may(user, "grants"),
    )


def sorts() -> list[tuple[str, str]]:
    return [
        ("at_risk", _("Value at risk")),
        ("risk", _("Churn risk")),
        ("value", _("Value")),
        ("spent", _("Spent")),
        ("silent", _("Longest silent")),
        ("name", _("Name")),
    ]


def headings() -> list[tuple[str, str]]:
    """The columns of figures, in order; a click on one sorts by it."""
    return [("risk", _("Churn risk")), ("value", _("Value")), ("spent", _("Spent")), ("silent", _("Last order"))]


def narrowed(filters: Filters) -> list[tuple[str, str]]:
    """What the list is narrowed to beyond what its own fields show, each with the query string that lifts it."""
    chips = []
    if filters.r is not None:
        chips.append((_("Recency score %(score)s") % {"score": filters.r}, filters.but(r=None)))
    if filters.f is not None:
        chips.append((_("Frequency score %(score)s") % {"score": filters.f}, filters.but(f=None)))
    if filters.moved == "high":
        chips.append((_("New at high risk"), filters.but(moved="")))
    return chips


@require_POST
def save_view(request: HttpRequest) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)
    query = Filters.read(request.POST).query
    try:
        services.save_view(
            user,
            request.POST.get("name", ""),
            query,
            shared=bool(request.POST.get("shared")) and may(user, "share"),
            now=timezone.now(),
        )
    except TenureError as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(f"{reverse('admin:customers')}?{query}")


@require_POST
def delete_view(request: HttpRequest, view_id: int) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)
    try:
        services.delete_view(user, view_id, now=timezone.now())
    except SavedView.DoesNotExist as error:
        raise Http404 from error
    return HttpResponseRedirect(reverse("admin:customers"))


@require_POST
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The whole list as CSV, streamed: what the asker may see, and an audit entry before the first byte leaves."""
    user = request.user
    assert isinstance(user, User)
    scope = scope_of(user)
    filters = Filters.read(request.POST)
    rows = selectors.listing(scope, filters)
    services.record_export(
        what="customers", rows=rows.order_by().count(), query=filters.query, actor=user, now=timezone.now()
    )
    hidden = hidden_fields(scope)
    columns = [column for column in export_columns() if field_of(TABLE, column[0]) not in hidden]
    name = f"customers-{timezone.localdate():%Y%m%d}.csv"
    # The lines are made while they are sent, when the page's language is no longer set: words are settled first.
    return StreamingHttpResponse(
        lines((Card(row, scope) for row in rows.iterator(chunk_size=1000)), columns),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


Column = tuple[str, str, Callable[[Card], Any]]


def export_columns() -> list[Column]:
    """Column of the card, heading, value. A column of a field that is hidden from the asker is left out whole."""
    stages, bands, cells = (
        {code: str(words) for code, words in known.items()} for known in (STAGES, RISK_BANDS, CELLS)
    )
    kinds = {code: words_for("kind", code) for code in ("individual", "enterprise", "government", "institution")}
    column = "zh" if words_for("risk", "high") == "高" else "en"
    return [
        ("customer_id", _("Customer number"), lambda s: s.customer_id),
        ("name", _("Name"), lambda s: s.name),
        ("kind", _("Kind"), lambda s: kinds.get(s.kind, s.kind)),
        ("region", _("Region"), lambda s: s.region),
        ("city", _("City"), lambda s: s.city),
        ("phone", _("Phone"), lambda s: s.phone),
        ("email", _("E-mail"), lambda s: s.email),
        ("owner", _("Owner"), lambda s: s.owner.shown_name if s.owner else ""),
        ("team", _("Team"), lambda s: s.team.name if s.team else ""),
        ("stage", _("Stage"), lambda s: stages.get(s.stage, s.stage)),
        ("risk_band", _("Risk band"), lambda s: bands.get(s.risk_band, s.risk_band)),
        ("churn_probability", _("Churn risk"), lambda s: _rounded(s.churn_probability)),
        ("reasons", _("Reasons"), lambda s: "; ".join(str(r.get(column) or r.get("en") or "") for r in s.reasons)),
        ("value_base_minor", _("Value, next 12 months"), lambda s: _units(s.value_base_minor)),
        ("value_decile", _("Value decile"), lambda s: s.value_decile),
        ("monetary_base_minor", _("Spent"), lambda s: _units(s.monetary_base_minor)),
        ("frequency", _("Days with an order"), lambda s: s.frequency),
        ("last_order_on", _("Last order"), lambda s: s.last_order_on),
        ("rfm_cell", _("RFM cell"), lambda s: cells.get(s.rfm_cell, s.rfm_cell)),
    ]


def lines(rows: Iterator[Card], columns: list[Column]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow([heading for _name, heading, _value in columns])
    for row in rows:
        yield writer.writerow([harmless(value(row)) for _name, _heading, value in columns])


def harmless(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula gets an apostrophe before it; numbers and dates are left alone."""
    if isinstance(value, str) and value.lstrip()[:1] in {"=", "+", "-", "@", "＝", "＋", "－", "＠"}:
        return "'" + value
    if isinstance(value, str) and value[:1] in {"\t", "\r", "\n"}:
        return "'" + value
    return "" if value is None else value


class _Echo:
    def write(self, line: str) -> str:
        return line


def _units(minor: int | None) -> float | None:
    return None if minor is None else round(in_units(minor), 2)


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
