"""What people ask about their own data: the list of requests, each with its steps and certificate; how long we keep what."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tenure.contracts import CONTRACTS
from tenure.desk.customers.models import Customer
from tenure.desk.customers.rights import CORRECTABLE, correct_customer, requests_visible_to
from tenure.desk.governance import certificates, consents, package, retention, rights
from tenure.desk.governance.access import scope_of
from tenure.desk.governance.models import SubjectRequest, User
from tenure.desk.lake import lake, workspace
from tenure.errors import TenureError
from tenure.web.frame import render

SHOWN = 200


def page(request: HttpRequest) -> HttpResponse:
    """Every request, the one due first on top; a form to write down another."""
    scope = scope_of(request.user)
    found = list(requests_visible_to(scope).order_by("done_at", "due_on", "pk")[:SHOWN])
    waiting = sorted((one for one in found if one.done_at is None), key=lambda one: one.due_on)
    closed = sorted((one for one in found if one.done_at is not None), key=lambda one: one.done_at, reverse=True)  # type: ignore[arg-type, return-value]
    called = _called(scope, found)
    return render(
        request,
        "requests.html",
        _("Requests"),
        requests=[(one, called.get(one.person_id)) for one in (*waiting, *closed)],
        today=timezone.localdate(),
        kinds=rights.KINDS.items(),
        laws=[(name, law.words) for name, law in rights.LAWS.items()],
        usual_days=settings.TENURE_REQUEST_DAYS,
        asked=request.GET.get("person", ""),
    )


@require_POST
def open_(request: HttpRequest) -> HttpResponse:
    scope, actor = scope_of(request.user), _actor(request)
    number = request.POST.get("person", "").strip()
    seen = list(Customer.objects.visible_to(scope).filter(customer_id=number)[:2]) if number else []
    if len(seen) != 1:
        messages.error(request, _("No customer with exactly this number: %(number)s") % {"number": number})
        return HttpResponseRedirect(reverse("admin:requests"))
    try:
        made = rights.open_request(
            request.POST.get("kind", ""),
            seen[0].pk,
            law=request.POST.get("law", "usual"),
            note=request.POST.get("note", "")[:2000],
            actor=actor,
            now=timezone.now(),
            zone=workspace().zone_info,
            usual_days=settings.TENURE_REQUEST_DAYS,
        )
    except TenureError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:requests"))
    return HttpResponseRedirect(reverse("admin:request", args=[made.pk]))


def one(request: HttpRequest, request_id: int) -> HttpResponse:
    """One request: what is asked, how far it is, what to do next."""
    scope = scope_of(request.user)
    found = _found(request, request_id)
    steps = [
        (step.words, found.finished(step.name)) for step in rights.STEPS if found.kind in rights.TAKES_AWAY
    ]  # fmt: skip
    return render(
        request,
        "request.html",
        _("Request %(number)s") % {"number": found.pk},
        asked=found,
        name=_called(scope, [found]).get(found.person_id),
        number=Customer.objects.visible_to(scope)
        .filter(pk=found.person_id)
        .values_list("customer_id", flat=True)
        .first(),
        note=rights.note_of(found) if scope.sees("text") else None,
        steps=steps,
        takes_away=found.kind in rights.TAKES_AWAY,
        fields=[(name, CONTRACTS["customers"][name].words) for name in CORRECTABLE],
        today=timezone.localdate(),
    )


@require_POST
def carry_out(request: HttpRequest, request_id: int) -> HttpResponse:
    """Erase or make anonymous, or go on with it. To begin, the customer's number must be typed once more."""
    found, actor = _found(request, request_id), _actor(request)
    number = Customer.objects.filter(pk=found.person_id).values_list("customer_id", flat=True).first()
    if found.state == SubjectRequest.State.OPEN and request.POST.get("number", "").strip() != (number or ""):
        messages.error(request, _("That is not the customer's number. Nothing was done."))
    else:
        try:
            rights.carry_out(found.pk, lake=lake(), workspace=workspace(), actor=actor, now=timezone.now())
        except TenureError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Done. The certificate is ready."))
    return HttpResponseRedirect(reverse("admin:request", args=[found.pk]))


@require_POST
def hand_over(request: HttpRequest, request_id: int) -> HttpResponseBase:
    """The package of everything about the person, as it is made."""
    found, actor = _found(request, request_id), _actor(request)
    if found.kind != "export" or found.state == SubjectRequest.State.REFUSED:
        raise Http404
    scope = scope_of(request.user)
    try:
        pieces = package.package_of(
            found.person_id, lake=lake(), scope=scope, actor=actor, now=timezone.now(), company=workspace().company,
            request=found if found.done_at is None else None,
        )  # fmt: skip
    except TenureError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:request", args=[found.pk]))
    headers = {"Content-Disposition": f'attachment; filename="package-{found.pk}.zip"'}
    return StreamingHttpResponse(pieces, content_type="application/zip", headers=headers)


@require_POST
def correct(request: HttpRequest, request_id: int) -> HttpResponse:
    found, actor = _found(request, request_id), _actor(request)
    if found.kind != "correct" or found.done_at is not None:
        raise Http404
    try:
        correct_customer(
            found.person_id,
            field=request.POST.get("field", ""),
            value=request.POST.get("value", ""),
            lake=lake(),
            scope=scope_of(request.user),
            actor=actor,
            now=timezone.now(),
            request=None if request.POST.get("more") else found,
        )
    except Customer.DoesNotExist as error:
        raise Http404 from error
    except TenureError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Corrected. What is worked out from it follows with the next refresh."))
    return HttpResponseRedirect(reverse("admin:request", args=[found.pk]))


@require_POST
def refuse(request: HttpRequest, request_id: int) -> HttpResponse:
    found, actor = _found(request, request_id), _actor(request)
    try:
        rights.refuse_request(found.pk, reason=request.POST.get("reason", "")[:2000], actor=actor, now=timezone.now())
    except TenureError as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("admin:request", args=[found.pk]))


def certificate(request: HttpRequest, request_id: int) -> HttpResponse:
    """The certificate in both languages, to be printed; `?file=1` gives the file that can be verified."""
    found = _found(request, request_id)
    if not found.certificate:
        raise Http404
    if request.GET.get("file"):
        headers = {"Content-Disposition": f'attachment; filename="certificate-{found.pk}.json"'}
        return HttpResponse(certificates.as_text(found.certificate), content_type="application/json", headers=headers)
    told: dict[str, Any] = found.certificate
    words = {step.name: step.words for step in rights.STEPS}
    return render(
        request,
        "certificate.html",
        _("Certificate %(number)s") % {"number": found.pk},
        asked=found,
        told=told,
        kind=rights.KINDS[found.kind],
        received=_in_utc(told["received_at"]),
        finished=_in_utc(told["done_at"]),
        done=[
            (words[step["step"]], _in_utc(step["at"]), certificates.counted(step["counts"]))
            for step in told["done"]
            if step["step"] in words
        ],
        remains=[(certificates.REMAINS[one["what"]], one["until"]) for one in told["remains"]],
    )


def kept(request: HttpRequest) -> HttpResponse:
    """How long the records of each contract are kept, and what would go if the schedule were applied now."""
    if request.method == "POST":
        actor, now = _actor(request), timezone.now()
        months = request.POST.get("months", "")
        try:
            if request.POST.get("drop"):
                retention.drop_retention(request.POST["drop"], actor=actor, now=now)
            else:
                retention.set_retention(
                    request.POST.get("contract", ""),
                    months=int(months) if months.isascii() and months.isdigit() and len(months) < 5 else 0,
                    what=request.POST.get("what", ""),
                    actor=actor,
                    now=now,
                )
        except TenureError as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:retention"))
    due = retention.due(lake(), now=timezone.now())
    return render(
        request,
        "retention.html",
        _("Retention"),
        due=[(one, CONTRACTS[one.schedule.contract].words, retention.ACTIONS[one.schedule.what]) for one in due],
        contracts=retention.schedulable(),
        actions=retention.ACTIONS.items(),
    )


def _found(request: HttpRequest, request_id: int) -> SubjectRequest:
    try:
        return requests_visible_to(scope_of(request.user)).get(pk=request_id)
    except SubjectRequest.DoesNotExist as error:
        raise Http404 from error


def _called(scope: Any, found: list[SubjectRequest]) -> dict[int, str]:
    """What to call the persons, as far as the scope shows it; an erased one is called nothing."""
    people = {one.person_id: consents.current(one.person_id) for one in found}
    customers = Customer.objects.visible_to(scope).in_bulk(list(people.values()))
    return {
        own: scope.show("scores/customers", "name", customer.name) or customer.customer_id
        for own, person in people.items()
        if (customer := customers.get(person)) is not None
    }


def _in_utc(instant: str) -> str:
    return f"{datetime.fromisoformat(instant).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _actor(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
