"""Segments: the list, the builder with its live count, one segment with who is in it and why."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenure.desk.customers import selectors
from tenure.desk.customers.cards import Card
from tenure.desk.customers.models import Customer, Publication, Score, Segment, SegmentMember
from tenure.desk.customers.segments import changes, services
from tenure.desk.customers.segments.asking import Asker, asker_of, ground_of, known_of
from tenure.desk.customers.segments.compiled import Compiling, count_of, members
from tenure.desk.customers.segments.definition import DefinitionError, Group, Known, Node, Path, read
from tenure.desk.customers.segments.reading import said
from tenure.desk.customers.segments.services import Draft
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import User
from tenure.desk.lake import about, lake
from tenure.errors import TenureError
from tenure.language import Words
from tenure.web.cache import remembered
from tenure.web.frame import render
from tenure.web.segment_form import EMPTY, Showing, asks, from_form, numbered

SAMPLE = 8


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Every segment open to the reader, with how many of their own customers are in it."""
    asker, user = _asker(request), _user(request)
    known = known_of(asker)
    rows = Segment.objects.open_to(asker.scope).select_related("owner")
    shown = [
        (row, row.pk not in known.segments, _inside(row, asker) if row.pk in known.segments else None) for row in rows
    ]
    return render(request, "segments.html", _("Segments"), rows=shown, user_id=user.pk)


def edit(request: HttpRequest, segment_id: int | None = None) -> HttpResponse:
    """The builder: a new segment, or one's own to change. A button that only moves conditions about saves nothing."""
    asker, user = _asker(request), _user(request)
    row = _found(request, segment_id) if segment_id is not None else None
    if row is not None and (row.owner_id != user.pk or row.pk not in known_of(asker).segments):
        raise Http404
    told: dict[str, Any] = row.definition if row is not None else EMPTY
    name, shared = (row.name, row.shared) if row is not None else ("", "")
    if request.method == "POST":
        told = from_form(request.POST) if row is None or not row.is_static else row.definition
        name, shared = request.POST.get("name", ""), request.POST.get("shared", "")
        if "do" not in request.POST:
            try:
                draft = Draft(name, told, shared if may(user, "share") else "")
                now = timezone.now()
                row = (
                    services.create(draft, asker=asker, actor=user, now=now) if row is None
                    else services.change(row.pk, draft, asker=asker, actor=user, now=now)
                )  # fmt: skip
                changes.work_out(lake(), row.pk, now=now, actor=user)
                changes.tell(now=now)
            except TenureError as error:
                messages.error(request, str(error))
            else:
                messages.success(request, _("Saved. It is kept up to date with every refresh."))
                return HttpResponseRedirect(reverse("admin:segment", args=[row.pk]))
    title = row.name if row is not None else _("New segment")
    context = _building(asker, told, row)
    return render(
        request, "segment_edit.html", title, row=row, name=name, shared=shared, may_share=may(user, "share"), **context
    )


@require_POST
def build(request: HttpRequest) -> HttpResponse:
    """The builder's conditions after one of its buttons, as a part of the page."""
    from django.shortcuts import render as part

    return part(request, "tenure/_segment_build.html", _building(_asker(request), from_form(request.POST), None))


@require_POST
def count(request: HttpRequest) -> HttpResponse:
    """How many the conditions hold for as they stand, some of them, and what was asked in words."""
    from django.shortcuts import render as part

    asker = _asker(request)
    told = from_form(request.POST)
    known = known_of(asker, writing=True)
    context: dict[str, Any] = {}
    try:
        node = read(told, known)
        context = _counted(node, asker, known)
    except DefinitionError as error:
        numbers = dict(numbered(Showing(known, {}, {}).of(told)))
        context = {"wrong": [(numbers.get(path, 0), str(why)) for path, why in sorted(error.by_path.items())]}
    except TenureError as error:
        context = {"wrong": [(0, str(error))]}
    return part(request, "tenure/_segment_count.html", context)


@require_safe
def one(request: HttpRequest, segment_id: int) -> HttpResponse:
    """One segment: what it asks, who is in it, who came and went, and why a customer is or is not."""
    asker, user = _asker(request), _user(request)
    row = _found(request, segment_id)
    known = known_of(asker)
    context: dict[str, Any] = {"row": row, "mine": row.owner_id == user.pk, "restricted": row.pk not in known.segments}
    if not context["restricted"]:
        context |= _told(row, known)
        inside = _inside(row, asker)
        if inside:
            members_ = selectors.page_in(asker.scope, selectors.Filters(segment=row.pk), 1)
            context["sample"] = members_.rows[:SAMPLE]
        context |= {
            "inside": inside,
            "moves": _moves(row, asker),
            "versions": row.versions.select_related("actor")[:20],
        }
        asked = request.GET.get("customer", "").strip()
        if asked:
            context |= _why(row, known, asker, asked)
        context["everyone"] = selectors.scores(asker.scope).count()
    context["may_export"] = may(user, "export")
    return render(request, "segment.html", row.name, **context)


@require_POST
def act(request: HttpRequest, segment_id: int, verb: str) -> HttpResponse:
    """Bring a segment up to date, keep its customers as a fixed list, or put it away."""
    asker, user, now = _asker(request), _user(request), timezone.now()
    row = _found(request, segment_id)
    to = reverse("admin:segment", args=[row.pk])
    try:
        if verb == "update":
            changes.work_out(lake(), row.pk, now=now, actor=user)
            changes.tell(now=now)
            messages.success(request, _("Up to date."))
        elif verb == "keep":
            name = request.POST.get("name") or f"{row.name} {timezone.localdate():%Y-%m-%d}"
            kept = services.snapshot(row.pk, name, asker=asker, actor=user, now=now)
            messages.success(request, _("Kept as a list of its own; it stays as it is."))
            to = reverse("admin:segment", args=[kept.pk])
        elif verb == "put-away":
            services.put_away(row.pk, actor=user, now=now)
            to = reverse("admin:segments")
        else:
            raise Http404
    except Segment.DoesNotExist as error:
        raise Http404 from error
    except TenureError as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(to)


def _building(asker: Asker, told: Mapping[str, Any], row: Segment | None) -> dict[str, Any]:
    known = known_of(asker, writing=True)
    shown = Publication.current()
    choices = remembered("choices", asker.scope, shown, lambda: selectors.choices(asker.scope))
    people = {
        kind: [(str(pk), name) for pk, name in rows]
        for kind, rows in (("owner", choices.owners), ("team", choices.teams))
    }
    segments = [(pk, name) for pk, name in known.segments.items() if row is None or pk != row.pk]
    return {
        "root": Showing(known, people, {}).of(told),
        "asks": asks(known),
        "segments": segments,
        "suggested": {"region": choices.regions},
        "is_static": row is not None and row.is_static,
    }


def _counted(node: Group, asker: Asker, known: Known) -> dict[str, Any]:
    ground = ground_of(lake(), asker, timezone.now())
    found = count_of(node, ground)
    some = (
        lake().to_arrow(members(node, ground).order_by("person_id").limit(SAMPLE))["person_id"].to_pylist()
        if found
        else []
    )
    cards = (
        selectors.scores(asker.scope).select_related("customer__owner", "customer__team").filter(customer_id__in=some)
    )
    words = said(node, known.segments, known.digits, _people())
    return {
        "found": found, "everyone": selectors.scores(asker.scope).count(), "sample": [Card(card, asker.scope) for card in cards],
        "words": words, "other": _other(words),
    }  # fmt: skip


def _told(row: Segment, known: Known) -> dict[str, Any]:
    """What the segment asks, in the page's language and in the other one."""
    try:
        words = said(read(row.definition, known), known.segments, known.digits, _people())
    except DefinitionError as error:
        return {"trouble": str(error)} if not row.is_static else {}
    return {"words": words, "other": _other(words)}


def _other(words: Words) -> str:
    return words.en if str(words) == words.zh else words.zh


def _people() -> dict[str, dict[str, str]]:
    from tenure.desk.governance.models import Team

    return {
        "owner": {str(user.pk): user.shown_name for user in User.objects.all()},
        "team": {str(pk): name for pk, name in Team.objects.values_list("pk", "name")},
    }


def _why(row: Segment, known: Known, asker: Asker, asked: str) -> dict[str, Any]:
    """Of one customer, by number: whether each condition holds."""
    seen = selectors.scores(asker.scope)
    card: Score | None = seen.filter(customer__customer_id=asked).first()
    if card is None and asked.isdecimal() and len(asked) < 15:
        card = seen.filter(customer_id=int(asked)).first()
    if card is None:
        return {"asked": asked, "unknown": True}
    person = card.customer_id
    found: dict[str, Any] = {"asked": asked, "about": Card(card, asker.scope)}
    if row.is_static:
        return found | {"holds": SegmentMember.objects.filter(segment=row, left_at=None, person_id=person).exists()}
    try:
        node = read(row.definition, known)
    except DefinitionError:
        return found
    nodes = list(_walk(node, ()))
    with about(person) as here:
        compiled = Compiling(ground_of(here, asker, timezone.now(), only=person))
        told = here.to_arrow(compiled.of(None, **{f"t{n}": one for n, (_path, one) in enumerate(nodes)})).to_pylist()
    if not told:
        return found | {"unknown": True}
    people = _people()
    reasons = [
        (len(path), said(one, known.segments, known.digits, people), told[0][f"t{n}"], isinstance(one, Group), one)
        for n, (path, one) in enumerate(nodes)
    ]
    return found | {"holds": told[0]["t0"], "reasons": reasons[1:]}


def _walk(node: Node, path: Path) -> list[tuple[Path, Node]]:
    found: list[tuple[Path, Node]] = [(path, node)]
    if isinstance(node, Group):
        for place, part in enumerate(node.parts):
            found += _walk(part, (*path, place))
    return found


def _inside(row: Segment, asker: Asker) -> int | None:
    """How many of the asker's customers are in it; None before it was worked out."""
    if row.worked_out_at is None:
        return None
    return selectors.listing(asker.scope, selectors.Filters(segment=row.pk)).order_by().count()


def _moves(row: Segment, asker: Asker) -> list[tuple[Any, int, int]]:
    """Who came and who went of the asker's customers, by the moment, newest first: (when, came, went)."""
    from django.db.models import Count

    stays = SegmentMember.objects.filter(segment=row)
    if not asker.scope.sees_all:
        stays = stays.filter(person_id__in=Customer.objects.visible_to(asker.scope).values("pk"))
    came = dict(stays.order_by().values_list("entered_at").annotate(n=Count("pk")))
    went = dict(stays.exclude(left_at=None).order_by().values_list("left_at").annotate(n=Count("pk")))
    return [(at, came.get(at, 0), went.get(at, 0)) for at in sorted({*came, *went}, reverse=True)[:10]]


def _found(request: HttpRequest, segment_id: int) -> Segment:
    row = Segment.objects.open_to(scope_of(request.user)).filter(pk=segment_id).first()
    if row is None:
        raise Http404
    return row


def _asker(request: HttpRequest) -> Asker:
    return asker_of(request.user, scope_of(request.user))


def _user(request: HttpRequest) -> User:
    user = request.user
    assert isinstance(user, User)
    return user
