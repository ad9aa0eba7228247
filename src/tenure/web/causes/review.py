"""The queue of statements, and writing one down."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from tenure.desk.causes import statements
from tenure.desk.causes.models import CameFrom, Statement
from tenure.desk.causes.reading import lines, of_customer
from tenure.desk.causes.statements import CANT_TELL, Said
from tenure.desk.causes.taxonomy import open_causes, tree
from tenure.desk.customers import selectors
from tenure.desk.customers.models import Customer
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import User
from tenure.desk.lake import lake
from tenure.errors import TenureError
from tenure.lake import Scope
from tenure.web.frame import render
from tenure.web.metrics.asked import number_in

PAGE = 50


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """What waits to be reviewed, the surest suggestions last: what needs a person comes first."""
    user, scope, nodes = _user(request), scope_of(request.user), tree()
    state = request.GET.get("state", "")
    state = state if state in Statement.State.values else Statement.State.WAITING
    came_from, cause = request.GET.get("from", ""), request.GET.get("cause", "")
    if request.method == "POST":
        _review(request, user, scope)
        kept = {name: value for name, value in request.GET.items() if name in ("state", "from", "cause", "page")}
        return HttpResponseRedirect(reverse("admin:causes_review") + (f"?{urlencode(kept)}" if kept else ""))
    rows = Statement.objects.visible_to(scope).filter(state=state)
    if came_from in CameFrom.values:
        rows = rows.filter(came_from=came_from)
    if cause == "none":
        rows = rows.filter(suggested="")
    elif cause in nodes:
        rows = rows.filter(confirmed=cause) if state == Statement.State.CONFIRMED else rows.filter(suggested=cause)
    found = rows.count()
    number = min(max(1, number_in(request.GET.get("page", "")) or 1), max(1, -(-found // PAGE)))
    ordered = rows.order_by("confidence", "-said_at", "-pk")
    told = list(ordered.select_related("reviewed_by")[(number - 1) * PAGE : number * PAGE])
    return render(
        request,
        "causes/review.html",
        _("Review why customers left"),
        lines=lines(scope, told, nodes),
        found=found,
        number=number,
        pages=max(1, -(-found // PAGE)),
        state=state,
        states=[(code, words) for code, words in Statement.State.choices],
        came_from=came_from,
        origins=CameFrom.choices,
        cause=cause,
        choices=open_causes(nodes),
        sees_text=scope.sees("text"),
    )


def _review(request: HttpRequest, user: User, scope: Scope) -> None:
    versions: dict[int, int] = {}
    for text in request.POST.getlist("s")[: 2 * statements.MOST_AT_ONCE]:
        pk, _colon, version = text.partition(":")
        if (key := number_in(pk)) is not None and (seen := number_in(version)) is not None:
            versions[key] = seen
    verb = request.POST.get("do", "")
    verdict = CANT_TELL if verb == "cant_tell" else request.POST.get("verdict", "") if verb == "set" else ""
    try:
        if verb == "set" and not verdict:
            raise TenureError(_("Choose the cause that these statements name."))
        told = statements.review(versions, verdict, scope=scope, actor=user, now=timezone.now())
    except Statement.DoesNotExist as error:
        raise Http404 from error
    except TenureError as error:
        messages.error(request, str(error))
        return
    if told.done:
        messages.success(request, _("Reviewed: %(n)s.") % {"n": told.done})
    if told.moved:
        messages.warning(
            request, _("Somebody else reviewed %(n)s of these meanwhile; theirs stand.") % {"n": len(told.moved)}
        )


@require_http_methods(["GET", "HEAD", "POST"])
def of_person(request: HttpRequest, person_id: int) -> HttpResponse:
    """What was said of why a customer leaves, as a piece of the customer's page; posted, one more is written down."""
    user, scope = _user(request), scope_of(request.user)
    card = selectors.card_of(scope, person_id)
    if card is None:
        raise Http404
    if request.method == "POST":
        _record(request, person_id, user, scope)
        return HttpResponseRedirect(reverse("admin:person", args=[person_id]) + "#causes")
    return render(
        request, "causes/_of_person.html", "", card=card, lines=of_customer(scope, person_id), **_form(user, scope)
    )


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """A statement of a customer named by the number."""
    user, scope = _user(request), scope_of(request.user)
    number = request.POST.get("number", request.GET.get("number", "")).replace("\x00", "").strip()[:200]
    if request.method == "POST":
        customer = Customer.objects.visible_to(scope).filter(customer_id__iexact=number).order_by("pk").first()
        if not number or customer is None:
            messages.error(request, _('No customer of yours has the number "%(number)s".') % {"number": number})
        elif _record(request, customer.pk, user, scope):
            return HttpResponseRedirect(reverse("admin:causes_new"))
    sent = {
        name: request.POST.get(name, "") for name in ("text", "came_from", "competitor", "said_on", "left_on", "cause")
    }
    return render(
        request, "causes/new.html", _("Write down what was said"), number=number, sent=sent, **_form(user, scope)
    )


def _form(user: User, scope: Scope) -> dict[str, Any]:
    return {
        "origins": CameFrom.choices, "choices": open_causes(), "may_record": statements.may_record(user),
        "may_confirm": may(user, "causes"), "longest": statements.LONGEST, "today": timezone.localdate(),
        "sees_text": scope.sees("text"),
    }  # fmt: skip


def _record(request: HttpRequest, person_id: int, user: User, scope: Scope) -> bool:
    try:
        said_on = _day(request.POST, "said_on") or timezone.localdate()
        said = Said(
            request.POST.get("came_from", ""), request.POST.get("text", ""), said_on, _day(request.POST, "left_on"),
            request.POST.get("competitor", "").replace("\x00", ""), request.POST.get("cause", ""),
        )  # fmt: skip
        made = statements.record_statement(person_id, said, lake=lake(), scope=scope, actor=user, now=timezone.now())
    except Customer.DoesNotExist as error:
        raise Http404 from error
    except TenureError as error:
        messages.error(request, str(error))
        return False
    node = tree().get(made.cause)
    if made.state == Statement.State.CONFIRMED:
        messages.success(request, _("Written down."))
    elif node is not None:
        messages.success(request, _("Written down. Suggested cause: %(name)s.") % {"name": node.words})
    else:
        messages.success(request, _("Written down. No cause could be suggested; it waits for review."))
    return True


def _day(sent: QueryDict, name: str) -> date | None:
    text = sent.get(name, "").strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise TenureError(
            _('"%(value)s" is no date. Write it as year-month-day, such as 1988-05-01.') % {"value": text[:40]}
        ) from None


def _user(request: HttpRequest) -> User:
    user = request.user
    assert isinstance(user, User)
    return user
