"""The audit trail: who did what, and whether the chain over it is whole."""

from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tenure.desk.customers.models import Customer
from tenure.desk.governance import chain, heads, services, trail, verifying
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import AuditEntry, User
from tenure.errors import TenureError
from tenure.web.frame import render

PAGE = 50
QUICK = 50_000  # links that are verified within a second or so, while the reader waits


def page(request: HttpRequest) -> HttpResponse:
    """The newest entries that fit the query string, the chain's state above them."""
    scope = scope_of(request.user)
    asked, query = _asked(request)
    found = trail.entries(asked)
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        found = found.filter(pk__lt=int(before))
    shown = list(found[: PAGE + 1])
    more, shown = len(shown) > PAGE, shown[:PAGE]
    # Private details are for a reader from whom nothing is kept; who sees part of the customers sees none of them.
    teller = trail.Teller(shown, private=scope.sees_all and not scope.masked and not scope.hidden)
    numbers = [int(entry.object_id) for entry in shown if entry.object_type == "customer" and entry.object_id.isdigit()]
    customers = Customer.objects.visible_to(scope).in_bulk([number for number in numbers if number < 2**63])
    state = chain.state()
    return render(
        request,
        "audit.html",
        _("Audit"),
        rows=[
            {
                "entry": entry,
                "actor": teller.actor(entry),
                "verb": teller.verb(entry),
                "object": teller.object(entry),
                "details": teller.details(entry),
                "customer": customers.get(int(entry.object_id))
                if entry.object_type == "customer" and entry.object_id.isdigit()
                else None,
                "position": entry.link.position if hasattr(entry, "link") else None,
            }
            for entry in shown
        ],
        more=f"{urlencode(query | {'before': shown[-1].pk})}" if more else "",
        query=query,
        asked=asked,
        verbs=sorted(((code, str(words)) for code, words in trail.VERBS.items()), key=lambda pair: pair[1]),
        objects=[(code, str(words)) for code, words in trail.OBJECTS.items()],
        actors=[(user.pk, user.shown_name) for user in User.objects.order_by("username")],
        state=state,
        head=heads.newest(),
        quick=state.position <= QUICK,
        verified=AuditEntry.objects.filter(verb="verify_audit").select_related("actor").order_by("-pk").first(),
    )


@require_POST
def verify(request: HttpRequest) -> HttpResponse:
    """Verify the chain now, where that is quick; a long one is verified from the command line."""
    actor = request.user
    assert isinstance(actor, User)
    if chain.head().position > QUICK:
        messages.warning(request, _("The chain is long; verify it with: tenure audit verify"))
        return HttpResponseRedirect(reverse("admin:audit"))
    try:
        found = verifying.verify()
    except TenureError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:audit"))
    services.record_verification(found, actor=actor, now=timezone.now())
    if found.first is None:
        messages.success(request, _("The audit chain is whole: %(n)s entries.") % {"n": f"{found.sealed:,}"})
    else:
        messages.error(request, found.first.told)
    return HttpResponseRedirect(reverse("admin:audit"))


def _asked(request: HttpRequest) -> tuple[trail.Asked, dict[str, str]]:
    """What the query string asks for, and the part of it that means something."""
    names = ("verb", "actor", "object", "q", "since", "until")
    query = {name: text for name in names if (text := request.GET.get(name, "").strip().replace("\x00", "")[:100])}
    if not (query.get("actor", "").isascii() and query.get("actor", "").isdigit() and len(query["actor"]) < 10):
        query.pop("actor", None)
    since, until = _day(query.get("since", "")), _day(query.get("until", ""))
    asked = trail.Asked(
        verb=query.get("verb", ""),
        actor=int(query["actor"]) if "actor" in query else None,
        object_type=query.get("object", ""),
        text=query.get("q", ""),
        since=since,
        until=until + timedelta(days=1) if until else None,
    )
    return asked, query


def _day(text: str) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text), time.min, timezone.get_current_timezone())
    except (ValueError, OverflowError):
        return None
