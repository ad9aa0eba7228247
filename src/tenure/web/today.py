"""Today: who needs attention, what moved, and the headline numbers."""

from typing import Any

from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from tenure.desk.causes import calling
from tenure.desk.causes.models import Mention
from tenure.desk.causes.taxonomy import tree
from tenure.desk.customers import selectors
from tenure.desk.customers.models import Publication
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import User
from tenure.web import duplicates
from tenure.web.cache import remembered
from tenure.web.frame import render
from tenure.web.headlines import headlines
from tenure.web.packs import offered

ATTENTION = 12
CALLED = 10  # notices shown; the rest follow as these are read


def page(request: HttpRequest) -> HttpResponse:
    """The first page after signing in. The monthly numbers follow in a second request, so that the names come at once."""
    scope = scope_of(request.user)
    shown = Publication.current()
    called = _called(request)
    if shown is None:
        return render(request, "welcome.html", _("Today"), packs=offered(request, scope), called=called)
    totals, moves, newcomers = remembered(
        "today",
        scope,
        shown,
        lambda: (selectors.totals(scope, shown), selectors.moves(scope, shown), selectors.newcomers(scope, shown)),
    )
    return render(
        request,
        "today.html",
        _("Today"),
        shown=shown,
        totals=totals,
        moves=moves[:6],
        newcomers=newcomers,
        attention=selectors.attention(scope, shown, ATTENTION),
        list_url=reverse("admin:customers"),
        called=called,
        may_insight=may(request.user, "insight"),
    )


def _called(request: HttpRequest) -> dict[str, Any] | None:
    """Where the reader was called in: what is not read yet, and the last that was; None where there is nothing."""
    user = request.user
    if not isinstance(user, User):
        return None
    # Asked once, what is not read yet first: enough of these to fill both lists and tell whether there are more.
    first = list(calling.notices(user).order_by(F("read_at").desc(nulls_first=True), "-at", "-pk")[: 2 * CALLED + 1])
    if not first:
        return None
    unread, nodes = [one for one in first if one.read_at is None], tree()
    read = [one for one in first if one.read_at is not None]

    def told(one: Mention) -> tuple[Mention, str]:
        return one, str(nodes[one.idea.cause].words) if one.idea.cause in nodes else one.idea.cause

    return {
        "unread": [told(one) for one in unread[:CALLED]],
        "more": len(unread) > CALLED,
        "read": [told(one) for one in read[:CALLED]],
    }


@require_safe
def numbers(request: HttpRequest) -> HttpResponse:
    """The headline numbers with their months, as a piece of the page."""
    scope = scope_of(request.user)
    shown = Publication.current()
    found, missing = headlines(scope, shown) if shown else ([], [])
    asked = len(duplicates.queue(scope)) if may(request.user, "merge") else 0
    return render(
        request,
        "headlines.html",
        "",
        headlines=found,
        missing=missing,
        duplicates=asked,
        packs=offered(request, scope),
    )
