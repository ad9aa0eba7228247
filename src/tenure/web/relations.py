"""Saying on a customer's page who belongs to whom, and dropping what was said by mistake."""

from datetime import date

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tenure.desk.customers import relations
from tenure.desk.customers.models import Customer, Relation
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import User
from tenure.errors import TenureError


@require_POST
def relate(request: HttpRequest, person_id: int) -> HttpResponse:
    """What another customer, named by its number, is to this one."""
    actor = request.user
    assert isinstance(actor, User)
    scope = scope_of(actor)
    number = request.POST.get("number", "").strip().replace("\x00", "")[:200]
    try:
        other = Customer.objects.visible_to(scope).filter(customer_id__iexact=number).order_by("pk").first()
        if not number or other is None:
            raise TenureError(_('No customer of yours has the number "%(number)s".') % {"number": number})
        relations.relate(
            person_id, other.pk, request.POST.get("side", ""), scope=scope, actor=actor, now=timezone.now(),
            called=request.POST.get("called", ""), since=_day(request.POST.get("since", "")),
            note=request.POST.get("note", ""),
        )  # fmt: skip
    except Customer.DoesNotExist as error:
        raise Http404 from error
    except TenureError as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("admin:person", args=[person_id]) + "#relations")


@require_POST
def unrelate(request: HttpRequest, person_id: int, relation_id: int) -> HttpResponse:
    actor = request.user
    assert isinstance(actor, User)
    try:
        relations.unrelate(relation_id, scope=scope_of(actor), actor=actor, now=timezone.now())
    except Relation.DoesNotExist as error:
        raise Http404 from error
    return HttpResponseRedirect(reverse("admin:person", args=[person_id]) + "#relations")


def _day(text: str) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise TenureError(
            _('"%(value)s" is no date. Write it as year-month-day, such as 1988-05-01.') % {"value": text[:40]}
        ) from None
