"""Roles a company can edit, and what a person's effective access is and why."""

from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenure.contracts import CONTRACTS
from tenure.desk.customers.models import Customer
from tenure.desk.governance import access, services
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import User
from tenure.desk.governance.roles import BUILT_IN, FIXED, OBJECTS, PERMISSIONS, REACHES, SHOWN, Role
from tenure.errors import TenureError
from tenure.lake.fields import FIELDS
from tenure.language import Words
from tenure.web.frame import render
from tenure.web.person import access_facts

NEW = "new"


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Every role with who has it, whom it reaches and what it hides."""
    holders = dict(User.objects.filter(is_active=True).values_list("role").annotate(n=Count("pk")))
    known = access.roles()
    rows = [
        {
            "role": role,
            "holders": holders.get(code, 0),
            "reach": REACHES[role.reach],
            "kept": [(FIELDS[name].words, SHOWN[shown]) for name, shown in role.fields.items() if shown != "clear"],
            "own": code not in BUILT_IN,
            "changed": code in BUILT_IN and role != BUILT_IN[code],
            "fixed": code == FIXED,
        }
        for code, role in known.items()
    ]
    return render(request, "roles.html", _("Roles"), rows=rows)


def edit(request: HttpRequest, code: str) -> HttpResponse:
    """One role as a form; `new` begins one from a role that is there (`?like=agent`)."""
    known = access.roles()
    like = request.GET.get("like", "agent")
    role = known.get(like, BUILT_IN["agent"]) if code == NEW else known.get(code)
    if role is None:
        raise Http404
    sent = request.POST if request.method == "POST" else None
    if sent is not None:
        role = read(sent, role.code if code != NEW else sent.get("code", "").strip().lower())
        actor = request.user
        assert isinstance(actor, User)
        try:
            if code == NEW and role.code in known:
                raise TenureError(_('There is already a role "%(code)s".') % {"code": role.code})
            services.save_role(role, actor=actor, now=timezone.now())
        except TenureError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Saved. It counts from everyone's next click."))
            return HttpResponseRedirect(reverse("admin:roles"))
    return render(
        request,
        "role.html",
        _("New role") if code == NEW else str(role.words),
        role=role,
        new=code == NEW,
        like=like,
        known=[(name, one.words) for name, one in known.items()],
        fixed=code == FIXED,
        may_drop=code not in (NEW, FIXED) and known[code] != BUILT_IN.get(code),
        built_in=code in BUILT_IN,
        permissions=[(name, words, name in role.permissions) for name, words in PERMISSIONS.items()],
        reaches=list(REACHES.items()),
        objects=[(name, CONTRACTS[name].words, role.objects.get(name, "")) for name in OBJECTS],
        fields=[(field, role.fields.get(name, "clear"), _ways(name)) for name, field in FIELDS.items()],
    )


def _ways(name: str) -> list[tuple[str, Words]]:
    return [(shown, words) for shown, words in SHOWN.items() if shown != "masked" or FIELDS[name].mask is not None]


def read(sent: Any, code: str) -> Role:
    """The role a form describes; the service says what is wrong with it."""
    return Role(
        code=code,
        words=Words(sent.get("name_en", ""), sent.get("name_zh", "")),
        meaning=Words(sent.get("meaning_en", ""), sent.get("meaning_zh", "")),
        reach=sent.get("reach", "none"),
        permissions=frozenset(sent.getlist("permission")),
        fields={name: shown for name in FIELDS if (shown := sent.get(f"field_{name}", "clear")) != "clear"},
        objects={name: reach for name in OBJECTS if (reach := sent.get(f"object_{name}", ""))},
    )


@require_POST
def drop(request: HttpRequest, code: str) -> HttpResponse:
    """Take back what the company changed, or delete a role of its own."""
    actor = request.user
    assert isinstance(actor, User)
    try:
        services.drop_role(code, actor=actor, now=timezone.now())
    except TenureError as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("admin:roles"))


@require_safe
def of_user(request: HttpRequest, user_id: int) -> HttpResponse:
    """What one person sees and may do, and why: by kind of record, by field, by page."""
    user = User.objects.select_related("team").filter(pk=user_id).first()
    if user is None:
        raise Http404
    role, scope = access.role_of(user), scope_of(user)
    reaches = [(Words("Customers", "客户"), REACHES.get(scope.reach, REACHES["none"]))]
    reaches += [(CONTRACTS[kind].words, REACHES[scope.on(kind).reach]) for kind in OBJECTS]
    return render(
        request,
        "access_user.html",
        _("What %(name)s sees") % {"name": user.shown_name},
        person=user,
        role=role,
        scope=scope,
        seen=Customer.objects.visible_to(scope).count(),
        everyone=Customer.objects.count(),
        reaches=reaches,
        fields=[(field, SHOWN[scope.shows(name)], scope.shows(name)) for name, field in FIELDS.items()],
        permissions=[(words, role is not None and name in role.permissions) for name, words in PERMISSIONS.items()],
        measured=measured(user),
    )


def measured(user: User) -> list[tuple[str, str]]:
    """What of the account the reach is measured against."""
    return [
        (_("Team"), user.team.name if user.team is not None else "–"),
        (_("Regions"), ", ".join(user.regions) or (user.team.region if user.team is not None else "") or "–"),
        (_("Account"), _("in use") if user.is_active else _("closed")),
    ]


@require_safe
def of_customer(request: HttpRequest, person_id: int) -> HttpResponse:
    """Everyone with an account: who sees this customer, who does not, and why."""
    from tenure.desk.customers import selectors

    card = selectors.card_of(scope_of(request.user), person_id)
    if card is None:
        raise Http404
    facts = access_facts(card)
    users = User.objects.select_related("team").order_by("username")
    found = [(user, access.why(user, **facts)) for user in users]
    return render(
        request,
        "access_customer.html",
        _("Who sees %(name)s") % {"name": card},
        card=card,
        sees=[(user, because.words) for user, because in found if because.sees],
        others=[(user, because.words) for user, because in found if not because.sees],
    )
