"""Keys for programs: one's own, or for whoever keeps the accounts everybody's."""

from datetime import timedelta

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tenure.desk.governance import access, keys, services
from tenure.desk.governance.api import may
from tenure.desk.governance.models import Key, User
from tenure.errors import TenureError
from tenure.web.frame import render

DAYS = (30, 90, 180, 365)


def page(request: HttpRequest) -> HttpResponse:
    """The keys there are, and a form for one more; the answer to the form shows the new key, this once."""
    actor = request.user
    assert isinstance(actor, User)
    now = timezone.now()
    shown = made = None
    if request.method == "POST":
        try:
            made, shown = keys.make_key(
                _owner(request, actor),
                role=request.POST.get("role", ""),
                expires_at=now + timedelta(days=_days(request)),
                name=request.POST.get("name", ""),
                actor=actor,
                now=now,
            )
        except TenureError as error:
            messages.error(request, str(error))
    known = access.roles()
    rows = [(key, known.get(key.role), key.lives(now)) for key in keys.visible_to(actor)[:500]]
    owners = [user for user in User.objects.filter(is_active=True).order_by("username") if may(user, "keys")]
    return render(
        request,
        "keys.html",
        _("API keys"),
        rows=rows,
        made=made,
        shown=shown,
        roles=[(code, role.words) for code, role in known.items() if not services.beyond(role, actor)],
        days=[(days, _("%(days)d days") % {"days": days}) for days in DAYS],
        owners=owners if may(actor, "users") else [],
        actor=actor,
    )


def _owner(request: HttpRequest, actor: User) -> User:
    wanted = request.POST.get("owner", "")
    found = User.objects.filter(pk=wanted).first() if wanted.isdecimal() and wanted.isascii() else None
    return found or actor


def _days(request: HttpRequest) -> int:
    wanted = request.POST.get("days", "")
    return int(wanted) if wanted in {str(days) for days in DAYS} else DAYS[0]


@require_POST
def revoke(request: HttpRequest, key_id: int) -> HttpResponse:
    """End a key; somebody else's is not there to be ended."""
    actor = request.user
    assert isinstance(actor, User)
    try:
        key = keys.revoke_key(key_id, actor=actor, now=timezone.now())
    except Key.DoesNotExist as error:
        raise Http404 from error
    messages.success(request, _("Revoked: %(name)s. It counts from the next call.") % {"name": key.name})
    return HttpResponseRedirect(reverse("admin:keys"))
