"""Sharing with partners: what is shared with whom, a new link, and the public page a link opens."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar

from django.contrib import messages
from django.db.models import Count, Max
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import render as bare
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenure.desk.customers import selectors
from tenure.desk.customers.cards import TABLE, Card
from tenure.desk.customers.export import Column, export_columns, lines
from tenure.desk.customers.selectors import Filters
from tenure.desk.governance import grants
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import AuditEntry, Grant, User
from tenure.desk.lake import workspace
from tenure.errors import TenureError
from tenure.lake.fields import field_of
from tenure.lake.scope import Scope
from tenure.web.frame import render

Response = TypeVar("Response", bound=HttpResponseBase)
PAGE = 100
USUAL_DAYS = 30
OPENINGS = ("open_grant", "download_grant")
# The page holds customers and is open to whoever has the link: it runs nothing, and leaves no trace it can help.
SHIELD = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}


def sight_of(user: User) -> grants.Sight:
    """What the user sees of customers: the columns of an export that are in clear, and who is within reach."""
    scope = scope_of(user)
    return grants.Sight(
        fields=[name for name, _heading, _value in in_clear(scope)],
        reaches=lambda person_ids: selectors.within_reach(scope, person_ids),
    )


def in_clear(scope: Scope) -> list[Column]:
    """The columns of an export that show whole."""
    return [column for column in export_columns() if scope.shows(field_of(TABLE, column[0])) == "clear"]


# For staff


@dataclass(frozen=True, slots=True)
class Line:
    """A grant as its list shows it. state: open, soon, over or revoked."""

    grant: Grant
    state: str
    word: str
    fields: list[str]
    openings: int
    opened_at: datetime | None


def page(request: HttpRequest) -> HttpResponse:
    """What is shared, newest first, with how often each link was opened."""
    user, now = request.user, timezone.now()
    assert isinstance(user, User)
    found = list(grants.visible_to(user)[:500])
    opened = AuditEntry.objects.filter(
        object_type="grant", object_id__in=[str(one.pk) for one in found], verb__in=OPENINGS
    )
    seen = {
        row["object_id"]: row for row in opened.order_by().values("object_id").annotate(n=Count("pk"), at=Max("at"))
    }
    headings = {name: heading for name, heading, _value in export_columns()}
    rows = []
    for one in found:
        state = _state(one, now)
        row: Mapping[str, Any] = seen.get(str(one.pk), {"n": 0, "at": None})
        names = [headings.get(name, name) for name in one.fields]
        rows.append(Line(one, state, _words()[state], names, row["n"], row["at"]))
    return render(request, "sharing.html", _("Sharing"), rows=rows)


def _state(one: Grant, now: datetime) -> str:
    if one.revoked_at is not None:
        return "revoked"
    if now >= one.until:
        return "over"
    return "open" if one.starts_at <= now else "soon"


def _words() -> dict[str, str]:
    return {"open": _("in force"), "soon": _("not begun"), "over": _("over"), "revoked": _("revoked")}


def new(request: HttpRequest) -> HttpResponse:
    """Share the customers of a list, which the query string gives, with a partner."""
    user, now = request.user, timezone.now()
    assert isinstance(user, User)
    sent = request.POST if request.method == "POST" else None
    filters = Filters.read(sent if sent is not None else request.GET)
    scope = scope_of(user)
    rows = selectors.listing(scope, filters)
    chosen = sent.getlist("field") if sent is not None else ["customer_id", "name"]
    if sent is not None:
        person_ids = list(rows.values_list("customer_id", flat=True)[: grants.MOST_CUSTOMERS + 1])
        try:
            given, token = grants.grant(
                sent.get("partner", ""),
                fields=chosen,
                person_ids=person_ids,
                until=_midnight(sent.get("until", ""), after=True),
                starts_at=max(now, _midnight(sent["from"])) if sent.get("from") else None,
                sight_of=sight_of,
                actor=user,
                now=now,
                query=filters.query,
            )
        except TenureError as error:
            messages.error(request, str(error))
        else:
            link = request.build_absolute_uri(reverse("shared", args=[token]))
            return render(request, "sharing_given.html", _("Shared"), grant=given, link=link, count=len(person_ids))
    today = timezone.localdate()
    return render(
        request,
        "sharing_new.html",
        _("Share with a partner"),
        filters=filters,
        count=rows.order_by().count(),
        most=grants.MOST_CUSTOMERS,
        first=[Card(row, scope) for row in rows[:5]],
        fields=[(name, heading, name in chosen) for name, heading, _value in in_clear(scope)],
        partner=sent.get("partner", "") if sent is not None else "",
        starts=sent.get("from", "") if sent is not None else "",
        until=sent.get("until", "") if sent is not None else (today + timedelta(days=USUAL_DAYS)).isoformat(),
        today=today.isoformat(),
        latest=(today + grants.LONGEST - timedelta(days=1)).isoformat(),
    )


@require_POST
def revoke(request: HttpRequest, grant_id: int) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)
    try:
        found = grants.revoke(grant_id, actor=user, now=timezone.now())
    except Grant.DoesNotExist as error:
        raise Http404 from error
    messages.success(request, _("Revoked: the link of %(partner)s no longer opens.") % {"partner": found.partner})
    return HttpResponseRedirect(reverse("admin:sharing"))


def _midnight(day: str, *, after: bool = False) -> datetime:
    """The beginning of a day in the business zone, or its end. Raises TenureError for what is no date."""
    try:
        begun = datetime.combine(date.fromisoformat(day.strip()), time.min, timezone.get_current_timezone())
        return begun + timedelta(days=after)
    except (ValueError, OverflowError) as error:
        raise TenureError(_("Give the dates as year-month-day, such as 2026-03-31.")) from error


# For the partner


@require_safe
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """What a link shows: its fields of its customers. Whatever is not available looks the same."""
    opened = grants.open_link(token, sight_of=sight_of, now=timezone.now())
    if opened is None:
        return _closed(request)
    total = len(opened.person_ids)
    pages = -(-total // PAGE)
    asked = request.GET.get("page", "")
    number = min(max(int(asked), 1), pages) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1
    columns = _columns(opened)
    cards = _cards(opened, opened.person_ids[(number - 1) * PAGE : number * PAGE])
    response = bare(
        request,
        "tenure/shared.html",
        {
            "grant": opened.grant,
            "company": workspace().company,
            "total": total,
            "headings": [heading for _name, heading, _value in columns],
            "rows": [[value(card) for _name, _heading, value in columns] for card in cards],
            "number": number,
            "pages": pages,
            "token": token,
        },
    )
    return _shielded(response)


@require_safe
def shared_file(request: HttpRequest, token: str) -> HttpResponseBase:
    """The same as CSV, streamed."""
    opened = grants.open_link(token, sight_of=sight_of, now=timezone.now(), download=True)
    if opened is None:
        return _closed(request)
    response = StreamingHttpResponse(
        lines(_cards(opened, opened.person_ids), _columns(opened)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="customers-{timezone.localdate():%Y%m%d}.csv"'},
    )
    return _shielded(response)


def _columns(opened: grants.Opened) -> list[Column]:
    known = {column[0]: column for column in export_columns()}
    return [known[name] for name in opened.fields]


def _cards(opened: grants.Opened, person_ids: Sequence[int]) -> Iterator[Card]:
    """The cards of these customers in the order given, as the giver sees them; some hundreds at a time."""
    giver = scope_of(opened.grant.created_by)
    for start in range(0, len(person_ids), 500):
        some = person_ids[start : start + 500]
        scope = Scope(reach="listed", persons=frozenset(some), within=giver)
        rows = selectors.scores(scope).select_related("customer__owner", "customer__team")
        found = {row.customer_id: row for row in rows}
        yield from (Card(found[person], scope) for person in some if person in found)


def _closed(request: HttpRequest) -> HttpResponse:
    return _shielded(bare(request, "tenure/shared_closed.html", status=404))


def _shielded(response: Response) -> Response:
    for name, value in SHIELD.items():
        response.headers[name] = value
    return response
