"""The customer list: filter, search, sort, save, export."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenure.desk.customers import selectors, services
from tenure.desk.customers.cards import Card
from tenure.desk.customers.export import columns_for, lines
from tenure.desk.customers.models import Publication, SavedView
from tenure.desk.customers.selectors import Filters
from tenure.desk.customers.words import CELLS, RISK_BANDS, STAGES
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.web.cache import remembered
from tenure.web.frame import render


@require_safe
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
    name = f"customers-{timezone.localdate():%Y%m%d}.csv"
    # The lines are made while they are sent, when the page's language is no longer set: words are settled first.
    return StreamingHttpResponse(
        lines((Card(row, scope) for row in rows.iterator(chunk_size=1000)), columns_for(scope)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
