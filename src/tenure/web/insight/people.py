"""The customers behind a figure of Insight: who they are, what each adds, and a list of them to act on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenure.desk.customers import selectors
from tenure.desk.customers.models import Customer, Publication
from tenure.desk.customers.segments import services
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.lake import Scope
from tenure.web.frame import render

MOST = 200
OPENS = {
    **{part: f"tenure.web.insight.{part}" for part in ("bridge", "cohorts", "funnel", "personas")},
    "churn_definitions": "tenure.web.churn.definitions",
    "cost": "tenure.web.churn.cost.people",
    "survival": "tenure.web.churn.survival",
}
"""The parts whose figures open, and where each has its `people(scope, shown, given)`."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The customers behind one figure. people: their ids, in the order to show them.

    columns, values, total: what each adds to the figure, by person, and what it comes to. guards: the fields a reader
    must see to be told who they are.
    """

    title: str
    said: str
    back: str
    back_name: str
    people: list[int]
    columns: list[str] = field(default_factory=list)
    values: Mapping[int, list[str]] = field(default_factory=dict)
    total: list[str] = field(default_factory=list)
    guards: tuple[str, ...] = ()


def opened_where(part: str, **asked: str) -> str:
    """The address of the customers behind a figure."""
    return f"{reverse('admin:insight_people')}?{urlencode({'part': part, **{k: v for k, v in asked.items() if v}})}"


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The customers behind a figure, as far as the asker may see them."""
    scope, shown = scope_of(request.user), Publication.current()
    found = _found(scope, shown, request.GET.dict())
    # With a table the figure's own order counts; without one the list's.
    among = found.people[:MOST] if found.columns else found.people
    cards = {card.person_id: card for card in selectors.cards_among(scope, among, shown, MOST)}
    return render(
        request,
        "insight/people.html",
        found.title,
        opened=found,
        table=[(cards[person], found.values[person]) for person in among if person in cards] if found.columns else [],
        cards=list(cards.values()),
        n=len(found.people),
        most=MOST,
        query=request.GET.urlencode(),
        may_keep=may(request.user, "segments") and bool(found.people),
    )


@require_POST
def keep(request: HttpRequest) -> HttpResponse:
    """Keep the customers behind a figure as a fixed list, to write to or to watch."""
    scope, shown, user = scope_of(request.user), Publication.current(), request.user
    assert isinstance(user, User)
    found = _found(scope, shown, dict(parse_qsl(request.POST.get("query", ""))))
    seen = Customer.objects.visible_to(scope)
    people = [
        pk
        for start in range(0, len(found.people), 5000)
        for pk in seen.filter(pk__in=found.people[start : start + 5000]).values_list("pk", flat=True)
    ]
    name = request.POST.get("name") or found.title
    try:
        row = services.fix(name, people, made_from={"guards": list(found.guards)}, actor=user, now=timezone.now())
    except TenureError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(found.back)
    messages.success(request, _("Kept as a list of its own; it stays as it is."))
    return HttpResponseRedirect(reverse("admin:segment", args=[row.pk]))


def _found(scope: Scope, shown: Publication | None, given: Mapping[str, str]) -> Opened:
    part = given.get("part", "")
    if part not in OPENS or shown is None:
        raise Http404
    opens: Callable[..., Any] = import_module(OPENS[part]).people
    found = opens(scope, shown, given)
    if not isinstance(found, Opened):
        raise Http404
    return found
