"""A customer's consents: how they stand, what was said and when, a change with its evidence, a link for the person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tenure.desk.customers.models import Customer
from tenure.desk.governance import consents, preferences
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import User
from tenure.desk.governance.purposes import CHANNELS, PURPOSES, Purpose
from tenure.desk.lake import workspace
from tenure.errors import TenureError
from tenure.web.frame import render


@dataclass(frozen=True, slots=True)
class PurposeStands:
    """One purpose as a box shows it: the channels that are open, and those that were refused or withdrawn."""

    purpose: Purpose
    standings: Sequence[consents.Standing]

    @property
    def open(self) -> list[consents.Standing]:
        return [one for one in self.standings if one.allowed]

    @property
    def closed(self) -> list[consents.Standing]:
        return [one for one in self.standings if one.state in {"refused", "withdrawn", "expired"}]

    @property
    def every(self) -> bool:
        return len(self.open) == len(self.standings)


def purposes_of(person_id: int, *, now: datetime) -> list[PurposeStands]:
    """How a person's consents stand, purpose by purpose."""
    found = consents.standing(person_id, now)
    return [PurposeStands(purpose, [one for one in found if one.purpose == name]) for name, purpose in PURPOSES.items()]


def page(request: HttpRequest, person_id: int) -> HttpResponse:
    """How the consents of one customer stand, how to change them, and everything ever said."""
    customer = _customer(request, person_id)
    return _page(request, customer)


def _page(request: HttpRequest, customer: Customer, link: str = "") -> HttpResponse:
    now = timezone.now()
    scope = scope_of(request.user)
    shown_name = scope.show("scores/customers", "name", customer.name) or customer.customer_id or str(customer.pk)
    return render(
        request,
        "consents.html",
        _("Consents of %(name)s") % {"name": shown_name},
        customer=customer,
        shown_name=shown_name,
        consents=purposes_of(customer.pk, now=now),
        history=[
            (entry, consents.evidence_of(entry) if scope.sees("text") else None)
            for entry in consents.history(customer.pk)
        ],
        purposes=PURPOSES.values(),
        channels=CHANNELS.values(),
        link=link,
        days=preferences.DAYS,
    )


@require_POST
def change(request: HttpRequest, person_id: int) -> HttpResponse:
    customer, user = _customer(request, person_id), request.user
    assert isinstance(user, User)
    ends = parse_date(request.POST.get("expires_on", "") or "0") if request.POST.get("expires_on") else None
    try:
        consents.record_consent(
            customer.pk,
            purpose=request.POST.get("purpose", ""),
            channel=request.POST.get("channel", ""),
            state=request.POST.get("state", ""),  # type: ignore[arg-type]
            evidence=request.POST.get("evidence", "")[:2000],
            source="desk",
            actor=user,
            now=timezone.now(),
            expires_at=datetime.combine(ends, time(), tzinfo=workspace().zone_info) if ends else None,
        )
    except TenureError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Written down."))
    return HttpResponseRedirect(reverse("admin:consents", args=[customer.pk]))


@require_POST
def link(request: HttpRequest, person_id: int) -> HttpResponse:
    """Make a link for the person, shown this once; or end those there are."""
    customer, user = _customer(request, person_id), request.user
    assert isinstance(user, User)
    now = timezone.now()
    try:
        if request.POST.get("revoke"):
            ended = preferences.revoke_links(customer.pk, actor=user, now=now)
            messages.success(request, _("Links ended: %(n)s") % {"n": ended})
        else:
            token = preferences.issue_link(customer.pk, actor=user, now=now)
            return _page(request, customer, request.build_absolute_uri(reverse("preferences", args=[token])))
    except TenureError as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("admin:consents", args=[customer.pk]))


def _customer(request: HttpRequest, person_id: int) -> Customer:
    try:
        return Customer.objects.visible_to(scope_of(request.user)).get(pk=person_id)
    except Customer.DoesNotExist as error:
        raise Http404 from error
