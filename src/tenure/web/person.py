"""Customer 360: who it is, where it stands and why, and one timeline."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenure.contracts import CONTRACTS
from tenure.desk.customers import duplicates, relations, selectors, services, tiers
from tenure.desk.customers.cards import SENSITIVE, Card
from tenure.desk.customers.fields import tags
from tenure.desk.customers.fields.definitions import known, seen_by
from tenure.desk.customers.fields.layouts import laid_out
from tenure.desk.customers.fields.values import with_values
from tenure.desk.customers.influence import REFERRAL, influence
from tenure.desk.customers.models import Customer
from tenure.desk.customers.objects import records as own_records
from tenure.desk.governance import access, audit, consents
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import Team, User
from tenure.desk.lake import about
from tenure.errors import TenureError
from tenure.lake import Lake, Scope
from tenure.web.consents import purposes_of
from tenure.web.fields import shown_on
from tenure.web.frame import render
from tenure.web.insight.shared import persona_called, span_around
from tenure.web.timeline import kinds_in, timeline

STEP = 60
SHOWN_FORMS = ("name", "phone", "email", "region", "city")  # of the standards, those a card shows


@require_safe
def page(request: HttpRequest, person_id: int) -> HttpResponse:
    """One customer. Out of the asker's reach is the same answer as not there: 404."""
    scope = scope_of(request.user)
    card = selectors.card_of(scope, person_id)
    if card is None:
        # A link from before two customers became one leads on to who it is now, for whom that is within reach.
        now = consents.current(person_id)
        if now != person_id and selectors.card_of(scope, now) is not None:
            return HttpResponseRedirect(reverse("admin:person", args=[now]))
        raise Http404
    merges = may(request.user, "merge")
    with about(person_id) as lake:
        entries = timeline(lake, scope, person_id, now=timezone.now())
        written, outside = as_written(lake, scope, card), from_outside(lake, scope, person_id)
        numbers = duplicates.numbers_of(lake, {person_id}) if merges else []
        standing = tiers.standing_of(person_id, lake=lake, scope=scope)
    related = relations.relations_of(scope, person_id, today=timezone.localdate())
    kind, channel = request.GET.get("kind", ""), request.GET.get("channel", "")
    chosen = [e for e in entries if kind in ("", e.kind) and channel in ("", e.channel)]
    upto = request.GET.get("upto", "")
    length = min(int(upto), 3000) if upto.isascii() and upto.isdigit() and len(upto) < 6 else STEP
    assigns = may(request.user, "assign")
    assert isinstance(request.user, User)
    own = seen_by(scope, known())
    list(with_values([card], scope, own))
    laid = laid_out(own, card.kind)
    guards = {one.field.guarded_as for one in card.custom.values() if one.field.personal}
    in_clear = [field for field in sorted({*SENSITIVE, *guards}) if scope.sees(field)]
    audit.read("customer", person_id, actor=request.user, now=timezone.now(), fields=in_clear)
    return render(
        request,
        "person.html",
        str(card),
        card=card,
        because=access.why(request.user, **access_facts(card)).words,
        may_users=may(request.user, "users"),
        hidden=scope.hides,
        standing=standing,
        span=span_around(card.value_base_minor) if not card.fee_base_minor else None,
        style=tiers.in_force().styles.get(card.region) if card.region else None,
        persona=persona_called(card.persona) if card.persona else "",
        cover=tiers.cover_of(card.owner_id, timezone.localdate()),
        entries=chosen[:length],
        more=len(chosen) > length,
        upto=length + STEP * 2,
        kinds=kinds_in(entries),
        channels=sorted({entry.channel for entry in entries if entry.channel}),
        kind=kind,
        channel=channel,
        everything=len(entries),
        written=written,
        outside=outside,
        open_cases=[entry for entry in entries if entry.is_open],
        extra=sorted(card.extra.items()) if isinstance(card.extra, dict) else [],
        own=shown_on(card.custom, laid),
        own_kinds=own_records.of_customer(scope, person_id),
        facts=laid.facts,
        tagged=tags.tags_of(scope, person_id, [one for one in own if one.grows]),
        tags=[str(choice.words) for one in own if one.grows for choice in one.open_options],
        may_edit=bool(own) and may(request.user, "edit"),
        may_tag=may(request.user, "edit"),
        owners=User.objects.filter(is_active=True).exclude(role="").order_by("username") if assigns else [],
        teams=Team.objects.all() if assigns else [],
        may_assign=assigns,
        numbers=numbers,
        relations=related,
        group=relations.group_of(scope, person_id, today=timezone.localdate()) if related else None,
        influence=influence(scope, timezone.localdate()).get(person_id)
        if any(one.kind == REFERRAL for one in related)
        else None,
        may_relate=may(request.user, "relate"),
        sides=relations.sides(),
        deeds=duplicates.history(scope, [number.own for number in numbers]) if merges else [],
        may_rights=may(request.user, "rights"),
        consents=purposes_of(person_id, now=timezone.now()) if may(request.user, "consent") else [],
    )


def as_written(lake: Lake, scope: Scope, card: Card) -> dict[str, list[str]]:
    """What sources wrote of the customer, by field, where it differs from the standard form the card shows."""
    names = [column.name for column in CONTRACTS["customers"].standards if column.name in SHOWN_FORMS]
    told = lake.of_person(
        "records/customers", card.pk, lambda rows: rows.select(*names).limit(20), named="as written", actor=scope
    )
    rows = told.to_pylist()
    found = {name: sorted({row[name] for row in rows if row[name]} - {getattr(card, name)}) for name in names}
    return {name: texts for name, texts in found.items() if texts}


def from_outside(lake: Lake, scope: Scope, person_id: int) -> list[dict[str, Any]]:
    """The newest value of each attribute that each provider outside has of the customer, with who says so and when."""
    columns = ("attribute", "provider", "observed_at", "value", "number", "source")
    rows = lake.of_person(
        "records/external_attributes", person_id,
        lambda rows: rows.order_by(rows.observed_at.desc()).limit(200).select(*columns), named="outside", actor=scope,
    )  # fmt: skip
    newest: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows.to_pylist():
        newest.setdefault((row["attribute"], row["provider"]), row)
    return sorted(newest.values(), key=lambda row: (row["attribute"], row["provider"]))


def access_facts(card: Card) -> dict[str, Any]:
    """What of a customer decides who sees it."""
    return {
        "owner_id": card.owner_id,
        "team": (card.team_id, card.team.name) if card.team is not None else None,
        "region": card.region,
    }


@require_POST
def assign(request: HttpRequest, person_id: int) -> HttpResponse:
    scope = scope_of(request.user)
    actor = request.user
    assert isinstance(actor, User)
    owner, team = request.POST.get("owner", ""), request.POST.get("team", "")
    try:
        services.assign_customer(
            person_id,
            owner=User.objects.filter(pk=owner).first() if owner.isdigit() else None,
            team=Team.objects.filter(pk=team).first() if team.isdigit() else None,
            scope=scope,
            actor=actor,
            now=timezone.now(),
        )
    except Customer.DoesNotExist as error:
        raise Http404 from error
    except TenureError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Assigned."))
    # Whoever gives a customer out of the own reach no longer sees it.
    if Customer.objects.visible_to(scope).filter(pk=person_id).exists():
        return HttpResponseRedirect(reverse("admin:person", args=[person_id]))
    return HttpResponseRedirect(reverse("admin:customers"))
