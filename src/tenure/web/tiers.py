"""Where the lines between tiers are drawn and how each tier is served, with a look at what would change before saving."""

from collections.abc import Mapping
from datetime import date

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from tenure.desk.customers import selectors, tiers
from tenure.desk.customers.tiers import Policy, Style
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import User
from tenure.desk.lake import lake
from tenure.errors import TenureError
from tenure.insight.segments.tiers import PARTS, TIERS, Rule
from tenure.lake import Scope
from tenure.language import tr
from tenure.web.frame import render

SAID_OF_REGION = ("language", "channel", "hours", "note")
LINES = ("strategic_from", "tenure_least_days", "core_from", "growth_from", "growth_points_from")


def page(request: HttpRequest) -> HttpResponse:
    """The rule in force; posted with `look`, what another would change; posted with `save`, that other in force."""
    scope, actor = scope_of(request.user), request.user
    assert isinstance(actor, User)
    force, may_set = tiers.in_force(), tiers.may_set(actor, scope)
    rule, policies, styles, note = force.rule, dict(force.policies), dict(force.styles), ""
    looked = False
    if request.method == "POST" and may_set:
        note = request.POST.get("note", "")[:300]
        try:
            rule, policies = _rule(request.POST), _policies(request.POST)
            styles = _styles(request.POST) or styles
            looked = "save" not in request.POST
            if not looked:
                tiers.set_tiers(
                    rule, policies, styles=styles, note=note, lake=lake(), scope=scope, actor=actor, now=timezone.now()
                )
                messages.success(request, _("Saved. Customers move to their new tiers with the next refresh."))
                return HttpResponseRedirect(reverse("admin:tiers"))
        except TenureError as error:
            messages.error(request, str(error))
    shares = tiers.preview(rule, lake=lake(), scope=scope) if may_set else []
    brought = sum(share.brought_minor for share in shares)
    return render(
        request,
        "tiers.html",
        _("Tiers"),
        rule=rule,
        weights=[(name, words, rule.weights.get(name, 0)) for name, words in PARTS.items()],
        tiers=[(name, words, policies.get(name, Policy())) for name, words in TIERS.items()],
        regions=[(region, styles.get(region, Style())) for region in _regions(scope, styles)] if may_set else [],
        shares=[(share, share.brought_minor / brought if brought else None) for share in shares],
        everyone=sum(share.customers for share in shares),
        styled=bool(styles),
        looked=looked,
        note=note,
        version=force.version,
        versions=tiers.versions() if may_set else [],
        may_set=may_set,
    )


def _regions(scope: Scope, styles: Mapping[str, Style]) -> list[str]:
    """The regions of which something is said, then all others there are customers in."""
    return [*styles, *(region for region in selectors.choices(scope).regions if region not in styles)]


def _styles(posted: QueryDict) -> dict[str, Style]:
    """What was said of each region; the fields of a region carry its place in the list of them."""
    return {
        region: Style(**{name: posted.get(f"region{place}.{name}", "").strip() for name in SAID_OF_REGION})
        for place, region in enumerate(posted.getlist("region"))
    }


def _rule(posted: Mapping[str, str]) -> Rule:
    try:
        return Rule(
            weights={name: _whole(posted, f"weight_{name}") for name in PARTS},
            **{name: _whole(posted, name) for name in LINES},
        )
    except ValueError as error:
        if isinstance(error, TenureError):
            raise
        raise TenureError(
            tr("These lines contradict each other: points rise from growth over core to strategic, up to 100, and value and what was brought in can't both weigh nothing.")
        ) from error  # fmt: skip


def _whole(posted: Mapping[str, str], name: str) -> int:
    text = str(posted.get(name, "")).strip()
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise TenureError(tr('"{text}" is no whole number; every line takes one, from 0.', text=text))
    return int(text)


def _policies(posted: Mapping[str, str]) -> dict[str, Policy]:
    found = {}
    for name in TIERS:
        numbers = [
            _whole(posted, f"{name}.{field}") if str(posted.get(f"{name}.{field}", "")).strip() else None
            for field in ("contact_days", "response_hours", "discount_percent")
        ]
        texts = [str(posted.get(f"{name}.{field}", "")).strip() for field in ("looked_after", "note")]
        days, hours, percent = numbers
        found[name] = Policy(days, hours, percent, *texts)
    return found


def cover(request: HttpRequest) -> HttpResponse:
    """Who stands in for whom, and the form that says so."""
    actor = request.user
    assert isinstance(actor, User)
    people = {str(user.pk): user for user in User.objects.filter(is_active=True).exclude(role="").order_by("username")}
    if request.method == "POST":
        try:
            manager = people.get(request.POST.get("manager", ""))
            if manager is None:
                raise TenureError(tr("Say for whom somebody stands in."))
            since, until = (_day(request.POST.get(name, "")) for name in ("since", "until"))
            tiers.set_cover(
                manager, people.get(request.POST.get("deputy", "")), since=since, until=until, actor=actor,
                now=timezone.now(),
            )  # fmt: skip
        except TenureError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Saved. It shows on the customers' pages."))
            return HttpResponseRedirect(reverse("admin:cover"))
    today = timezone.localdate()
    return render(
        request, "cover.html", _("Cover"), people=list(people.values()), covers=tiers.covers(today), today=today
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise TenureError(tr('"{text}" is no day; give one as 2026-03-01.', text=text)) from error
