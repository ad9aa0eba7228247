"""The customer list: filter, search, sort, save, export."""

from dataclasses import replace

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenure.desk.customers import selectors, services
from tenure.desk.customers.cards import Card
from tenure.desk.customers.export import columns_for, lines
from tenure.desk.customers.fields import asking
from tenure.desk.customers.fields.definitions import known, seen_by
from tenure.desk.customers.fields.values import with_values
from tenure.desk.customers.models import Publication, SavedView, Segment
from tenure.desk.customers.selectors import Filters
from tenure.desk.customers.words import CELLS, RISK_BANDS, STAGES, TIERS
from tenure.desk.governance import audit
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.web.asking import asks, chips, heading
from tenure.web.cache import remembered
from tenure.web.frame import render
from tenure.web.insight.shared import persona_called


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
    views = selectors.saved_views(user)
    own = seen_by(scope, known())
    filters = replace(filters, cols=filters.cols or selectors.kept_columns(views, user))
    columns = [one for pk in asking.columns_in(filters.cols) for one in own if one.pk == pk]
    found = selectors.page_in(scope, filters, number, shown)
    list(with_values(found.rows, scope, columns))
    if found.rows and (guards := {one.guarded_as for one in columns if one.personal and scope.sees(one.guarded_as)}):
        audit.read("customers", "list", actor=user, now=timezone.now(), fields=guards)
    return render(
        request,
        "customers.html",
        _("Customers"),
        filters=filters,
        page=found,
        columns=[(one, heading(one, filters, scope)) for one in columns],
        own=[(one, one in columns) for one in own],
        asks=asks(own, columns, filters, scope),
        sees_amounts=scope.sees("amounts"),
        shown=shown,
        choices=remembered("choices", scope, shown, lambda: selectors.choices(scope)),
        stages=[(code, str(words)) for code, words in STAGES.items()],
        bands=[(code, str(words)) for code, words in RISK_BANDS.items()],
        cells=[(code, str(words)) for code, words in CELLS.items()],
        deciles=list(range(10, 0, -1)),
        tiers=[(code, str(words)) for code, words in TIERS.items()],
        nobody=selectors.NOBODY,
        sorts=[(key, name) for key, name in sorts() if key in allowed],
        headings=[(key, name, filters.but(sort=key)) for key, name in headings() if key in allowed],
        narrowed=narrowed(filters) + chips(own, filters),
        views=[view for view in views if view.name],
        may_export=may(user, "export"),
        may_share=may(user, "share"),
        may_grant=may(user, "grants"),
    )


@require_POST
def keep_columns(request: HttpRequest) -> HttpResponse:
    """Show these own fields in the list from now on."""
    user = request.user
    assert isinstance(user, User)
    chosen = ",".join(f"c_{pk}" for pk in asking.columns_in(",".join(request.POST.getlist("show"))))
    services.keep_columns(user, chosen, now=timezone.now())
    query = replace(Filters.read(request.POST), cols=chosen).query
    return HttpResponseRedirect(f"{reverse('admin:customers')}?{query}")


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
    if filters.persona:
        chips.append((persona_called(filters.persona), filters.but(persona="")))
    if filters.segment is not None:
        name = Segment.objects.filter(pk=filters.segment).values_list("name", flat=True).first() or ""
        chips.append((_("Segment: %(name)s") % {"name": name}, filters.but(segment=None)))
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
    own = seen_by(scope, known())
    services.record_export(
        what="customers", rows=rows.order_by().count(), query=filters.query, actor=user, now=timezone.now()
    )
    name = f"customers-{timezone.localdate():%Y%m%d}.csv"
    # The lines are made while they are sent, when the page's language is no longer set: words are settled first.
    return StreamingHttpResponse(
        lines(
            with_values((Card(row, scope) for row in rows.iterator(chunk_size=1000)), scope, own),
            columns_for(scope, own),
        ),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
