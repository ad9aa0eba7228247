"""Who is who, asked of people: the queue of pairs, one pair side by side, many at once, and the way back."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenure.desk.customers import candidates, duplicates, selectors
from tenure.desk.customers.candidates import Candidate
from tenure.desk.customers.cards import SENSITIVE
from tenure.desk.customers.models import Customer, IdentityDecision, Publication
from tenure.desk.governance import audit
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import User
from tenure.desk.lake import about, lake
from tenure.errors import TenureError
from tenure.identity.model import KINDS
from tenure.lake.scope import Scope
from tenure.web.cache import remembered
from tenure.web.frame import render

PAGE = 50
SAMPLES = 5  # of the surest and of the least sure, shown before many are joined at once
LATER = "later_pairs"  # in the session: pairs put off, shown after all others


def queue(scope: Scope) -> list[Candidate]:
    """The pairs this scope is asked about, in order; worked out once until anything they are made of changes."""
    mark = f"duplicates {duplicates.state_mark()}"
    return remembered(
        mark, scope, Publication.current(), lambda: candidates.candidates(lake(), scope), candidates.PAIRS, "identity/links"
    )  # fmt: skip


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The queue, a page of it, narrowed to what speaks for a pair."""
    scope = scope_of(request.user)
    everything = queue(scope)
    reason = _reason(request)
    found = _in_turn(request, [one for one in everything if not reason or reason in one.reasons])
    number = _number(request.GET.get("page", ""), 1)
    pages = max(1, -(-len(found) // PAGE))
    number = min(max(number, 1), pages)
    shown = found[(number - 1) * PAGE : number * PAGE]
    return render(
        request,
        "duplicates.html",
        _("Duplicates"),
        rows=_named(scope, shown),
        total=len(everything),
        found=len(found),
        reason=reason,
        reasons=_reasons(everything),
        first=found[0] if found else None,
        query=_query(reason),
        number=number,
        pages=pages,
        sees_amounts=scope.sees("amounts"),
        last=_last(request),
        waiting=len(duplicates.pending()),
        most=max((abs(one.weight) for one in shown), default=1.0) or 1.0,
    )


@require_safe
def pair(request: HttpRequest, left: int, right: int) -> HttpResponse:
    """Two numbers side by side: what is alike, what speaks for and against, what each brought."""
    scope = scope_of(request.user)
    assert isinstance(request.user, User)
    known = candidates.candidate(lake(), scope, left, right)
    if known is None:
        raise Http404
    people = (known.left, known.right)
    cards = [selectors.card_of(scope, person) for person in people]
    if None in cards:
        raise Http404
    with about(*people) as here:
        lines = candidates.side_by_side(here, scope, *people)
        brought = candidates.brought(here, scope, people)
    in_clear = [field for field in SENSITIVE if scope.sees(field)]
    for person in people:
        audit.read("customer", person, actor=request.user, now=timezone.now(), fields=in_clear)
    reason = _reason(request)
    turn = _in_turn(request, [one for one in queue(scope) if not reason or reason in one.reasons])
    place = next((at for at, one in enumerate(turn) if one.pair == known.pair), None)
    said = [deed for deed in duplicates.history(scope, known.pair) if deed.counts and known.pair in deed.pairs]
    return render(
        request,
        "pair.html",
        _("Same person?"),
        known=known,
        cards=list(zip(cards, [brought[person] for person in people], strict=True)),
        names=[str(card) for card in cards],
        lines=lines,
        most=max((abs(one.weight) for one in known.why), default=1.0) or 1.0,
        chance=_chance(known.weight) if known.why else None,
        before=turn[place - 1] if place else None,
        after=turn[place + 1] if place is not None and place + 1 < len(turn) else None,
        place=None if place is None else place + 1,
        total=len(turn),
        query=_query(reason),
        reason=reason,
        said=said,
        last=_last(request),
    )


@require_POST
def decide(request: HttpRequest, left: int, right: int) -> HttpResponse:
    """Same person, different people, or later; then on to the next pair."""
    scope, actor, now = scope_of(request.user), request.user, timezone.now()
    assert isinstance(actor, User)
    reason, verdict = _reason(request), request.POST.get("verdict", "")
    ends = sorted((left, right))
    turn = _in_turn(request, [one for one in queue(scope) if not reason or reason in one.reasons])
    try:
        if verdict == "later":
            put_off = [one for one in request.session.get(LATER, []) if one != ends]
            request.session[LATER] = [*put_off[-499:], ends]
        elif verdict in {"join", "apart"}:
            verb = duplicates.join if verdict == "join" else duplicates.keep_apart
            verb(left, right, lake=lake(), scope=scope, actor=actor, now=now, note=request.POST.get("note", ""))
        else:
            raise Http404
    except Customer.DoesNotExist as error:
        raise Http404 from error
    except TenureError as error:
        messages.error(request, str(error))
    following = [one for one in turn if list(one.pair) != ends]
    place = next((at for at, one in enumerate(turn) if list(one.pair) == ends), 0)
    following = following[place:] + following[:place]
    # The decision may have answered others too, or put somebody out of sight: what is still asked comes next.
    still = queue(scope)
    asked = {one.pair for one in still}
    following = [one for one in following if one.pair in asked]
    if not following:
        return HttpResponseRedirect(reverse("admin:duplicates") + _query(reason))
    return HttpResponseRedirect(reverse("admin:pair", args=following[0].pair) + _query(reason))


@require_POST
def undo(request: HttpRequest, deed: str) -> HttpResponse:
    """Take a decision back; to the pair it was about, or to the customer's page it came from."""
    actor = request.user
    assert isinstance(actor, User)
    try:
        own = duplicates.undo(deed, scope=scope_of(actor), actor=actor, now=timezone.now())
    except IdentityDecision.DoesNotExist as error:
        raise Http404 from error
    except TenureError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:duplicates"))
    messages.success(request, _("Taken back. What it had replaced counts again."))
    person = _number(request.POST.get("person", ""), 0)
    if person:
        return HttpResponseRedirect(reverse("admin:person", args=[person]))
    if len(own) == 2:
        return HttpResponseRedirect(reverse("admin:pair", args=own))
    return HttpResponseRedirect(reverse("admin:duplicates"))


@require_POST
def take_out(request: HttpRequest, person_id: int) -> HttpResponse:
    """Take the chosen numbers out of a customer."""
    actor = request.user
    assert isinstance(actor, User)
    chosen = [_number(text, 0) for text in request.POST.getlist("own")]
    try:
        duplicates.unmerge(
            person_id, chosen, lake=lake(), scope=scope_of(actor), actor=actor, now=timezone.now(),
            note=request.POST.get("note", ""),
        )  # fmt: skip
    except Customer.DoesNotExist as error:
        raise Http404 from error
    except TenureError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Taken out. Both have back what they brought, and will not be joined again."))
    return HttpResponseRedirect(reverse("admin:person", args=[person_id]))


def bulk(request: HttpRequest) -> HttpResponse:
    """Join every pair from a weight up: first how many and which, then all of them as one deed."""
    scope, actor = scope_of(request.user), request.user
    assert isinstance(actor, User)
    everything = sorted(queue(scope), key=lambda one: (-one.weight, one.pair))
    asked = request.POST if request.method == "POST" else request.GET
    weight = _weight(asked.get("weight", ""), everything)
    chosen = [one for one in everything if one.weight >= weight]
    digest = audit.digest(one for pair_ in chosen for one in pair_.pair)
    if request.method == "POST":
        try:
            # Who agrees to a list agrees to that list, not to what came into it meanwhile.
            if request.POST.get("digest") != digest:
                raise TenureError(_("The list changed since you looked. Look at it again, then accept."))
            _deed, joined = duplicates.join_many(
                [one.pair for one in chosen], lake=lake(), scope=scope, actor=actor, now=timezone.now()
            )
        except Customer.DoesNotExist as error:
            raise Http404 from error
        except TenureError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Joined %(count)s pairs. One Undo takes all of them back.") % {"count": joined})
            return HttpResponseRedirect(reverse("admin:duplicates"))
    samples = chosen if len(chosen) <= 2 * SAMPLES else chosen[:SAMPLES] + chosen[-SAMPLES:]
    return render(
        request,
        "duplicates_bulk.html",
        _("Accept many at once"),
        weight=weight,
        chosen=len(chosen),
        left=len(everything) - len(chosen),
        people=len({one for pair_ in chosen for one in (pair_.left, pair_.right)}),
        samples=_named(scope, samples),
        digest=digest,
        steps=_steps(everything),
        most=max((abs(one.weight) for one in samples), default=1.0) or 1.0,
    )


def _steps(everything: Sequence[Candidate]) -> list[tuple[float, int]]:
    """Weights to choose from, each with how many pairs have it or more."""
    weights = sorted({float(int(one.weight)) for one in everything if one.weight >= 0}, reverse=True)
    return [(weight, sum(one.weight >= weight for one in everything)) for weight in weights[:20]]


def _weight(text: str, everything: Sequence[Candidate]) -> float:
    try:
        found = float(text)
    except ValueError:
        found = max((one.weight for one in everything), default=0.0)
    return found if found == found and abs(found) < 1e6 else 0.0


def _named(scope: Scope, rows: Sequence[Candidate]) -> list[dict[str, Any]]:
    """Each pair with the names the asker may see."""
    from tenure.desk.customers.cards import Card

    people = {one for row in rows for one in (row.left, row.right)}
    found = selectors.scores(scope).filter(customer_id__in=people).select_related("customer")
    card = {score.customer_id: Card(score, scope) for score in found}
    return [
        {"row": row, "left": card[row.left], "right": card[row.right]}
        for row in rows
        if row.left in card and row.right in card
    ]


def _in_turn(request: HttpRequest, found: list[Candidate]) -> list[Candidate]:
    """Those put off come last, in the order they were put off."""
    put_off = {tuple(one): place for place, one in enumerate(request.session.get(LATER, []))}
    return sorted(found, key=lambda one: put_off.get(one.pair, -1))


def _reasons(everything: Sequence[Candidate]) -> list[tuple[str, str, int]]:
    """(field, its words, how many pairs it speaks for), most first."""
    counted: dict[str, int] = {}
    for one in everything:
        for field in one.reasons:
            counted[field] = counted.get(field, 0) + 1
    words = {field.name: str(field.words) for kind in reversed(KINDS.values()) for field in kind.fields}
    named = [(field, words.get(field, field), n) for field, n in sorted(counted.items())]
    return sorted(named, key=lambda one: -one[2])


def _last(request: HttpRequest) -> dict[str, Any] | None:
    """The last decision of this user, to be taken back with one click, with the names of two where it is about two."""
    assert isinstance(request.user, User)
    deed = duplicates.last_of(request.user)
    if deed is None:
        return None
    names: list[str] = []
    if len(deed.pairs) == 1:
        seen = Customer.objects.visible_to(scope_of(request.user)).in_bulk(deed.pairs[0])
        shows = scope_of(request.user)
        names = [
            str(shows.show("scores/customers", "name", seen[one].name) or seen[one].customer_id)
            for one in deed.pairs[0]
            if one in seen
        ]
    return {"deed": deed, "names": names}


def _chance(weight: float) -> float:
    """How likely the same person, by the evidence shown alone, where before it both answers were as likely."""
    return float(1 / (1 + 2.0 ** -max(min(weight, 60.0), -60.0)))


def _reason(request: HttpRequest) -> str:
    asked = (request.POST if request.method == "POST" else request.GET).get("reason", "")
    return asked[:40] if asked.replace("_", "").isalnum() else ""


def _query(reason: str) -> str:
    return f"?{urlencode({'reason': reason})}" if reason else ""


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else otherwise
