"""What counts as leaving: what is in force, and what another definition would have said of the last year before it is saved."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import ibis
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenure.desk.customers import churn_definitions, packs, selectors
from tenure.desk.customers.models import Publication
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import User
from tenure.desk.lake import lake, workspace
from tenure.errors import TenureError
from tenure.insight.churn import preview
from tenure.insight.churn.definitions import DEFINITIONS, Kind, Setting, checked, said
from tenure.lake import Scope
from tenure.language import tr
from tenure.packs import pack_named
from tenure.packs import packs as known_packs
from tenure.practice import Practice
from tenure.web import figures
from tenure.web.cache import recalled, remembered
from tenure.web.frame import render
from tenure.web.insight.people import Opened, opened_where
from tenure.web.parts import Context
from tenure.web.templatetags.tenure import money

LISTED = 50_000  # customers behind a group of a preview; a list longer than this is nothing to work through
SHOWN = 5  # customers of a group beside its number
USUAL = "own_rhythm"


def definitions(scope: Scope, publication: Publication | None, given: Mapping[str, str]) -> Context:
    """What is in force, the kinds there are, and the form of the one that is looked at; its preview follows as a piece."""
    kind = DEFINITIONS[given["kind"] if given.get("kind") in DEFINITIONS else USUAL]
    asked = {name: given[name] for name in _fields(kind) if given.get(name, "").strip()}
    tried = given.get("kind") == kind.name
    problem = ""
    try:
        checked(_wish(kind, asked))
    except TenureError as error:
        problem, tried = str(error), False
    unseen = kind.of_money and not scope.sees("amounts")
    query = urlencode({"kind": kind.name, **asked})
    ready = (
        tried and kind.timed and not unseen and publication is not None
        and _remembered(scope, publication, _wish(kind, asked), at_once=True) is not None
    )  # fmt: skip
    return {
        "may_set": _may_set(scope),
        "main": _main(), "beside": _beside(), "most": churn_definitions.MOST_BESIDE,
        "kinds": [(one, one.name == kind.name) for one in DEFINITIONS.values()],
        "kind": kind, "settings": [_field(one, asked) for one in kind.settings], "problem": problem, "tried": tried,
        "unseen": unseen, "query": query, "ready": ready, "publication": publication,
        **(_worded(scope, publication, kind, asked) if ready and publication else {}),
    }  # fmt: skip


@require_safe
def piece(request: HttpRequest) -> HttpResponse:
    """What a definition would have said of the last year, as a piece of the page: worked out where it is not yet."""
    scope, publication = scope_of(request.user), Publication.current()
    given = request.GET.dict()
    kind = DEFINITIONS.get(given.get("kind", ""))
    if kind is None or publication is None:
        raise Http404
    try:
        told = _worded(scope, publication, kind, {name: given[name] for name in _fields(kind) if given.get(name, "").strip()})  # fmt: skip
    except TenureError as error:
        told = {"why": str(error)}
    return render(request, "churn/_preview.html", "", kind=kind, may_set=_may_set(scope), **told)


@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Put what was looked at in force: as the main definition, or beside it. `as=usual` lets pack and records say again."""
    scope, actor, given = scope_of(request.user), request.user, request.POST.dict()
    assert isinstance(actor, User)
    back = reverse("admin:churn_part", args=["definitions"])
    by: dict[str, Any] = {"lake": lake(), "scope": scope, "actor": actor, "now": timezone.now()}
    how = given.get("as", "")
    try:
        if how == "usual":
            churn_definitions.set_churn(None, **by)
        elif how in ("main", "beside"):
            kind = DEFINITIONS.get(given.get("kind", ""))
            wish = _wish(kind, given) if kind else {"definition": given.get("kind", "")}
            back += f"?{urlencode({name: given[name] for name in ('kind', *(_fields(kind) if kind else ())) if given.get(name)})}"
            churn_definitions.set_churn(wish, **by) if how == "main" else churn_definitions.put_beside(wish, **by)
        else:
            raise TenureError(tr("Say whether it is to be the main definition, or to stand beside it."))
    except TenureError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(back)
    messages.success(request, _("Saved. Churn is worked out by it with the next refresh."))
    return HttpResponseRedirect(reverse("admin:churn_part", args=["definitions"]))


@require_POST
def take(request: HttpRequest, code: str) -> HttpResponse:
    """Take a definition away from beside the main one."""
    actor = request.user
    assert isinstance(actor, User)
    try:
        churn_definitions.take_from_beside(
            code, lake=lake(), scope=scope_of(actor), actor=actor, now=timezone.now()
        )  # fmt: skip
    except TenureError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Taken away. What it scored so far stays on record."))
    return HttpResponseRedirect(reverse("admin:churn_part", args=["definitions"]))


def people(scope: Scope, publication: Publication | None, given: Mapping[str, str]) -> Opened | None:
    """The customers behind a number of a preview: of one month, or of all of them."""
    kind, who = DEFINITIONS.get(given.get("kind", "")), given.get("who", "")
    if kind is None or who not in preview.WHO or publication is None or (kind.of_money and not scope.sees("amounts")):
        return None
    asked = {name: given[name] for name in _fields(kind) if given.get(name, "").strip()}
    try:
        told = _remembered(scope, publication, _wish(kind, asked))
    except TenureError:
        return None
    assert told is not None
    compares = told["old"] is not None and not told["same"]
    at, day = given.get("at", ""), ""
    if at:
        if at not in told["cuts"]:
            return None
        day = at[:10]
        found = _at_one_date(scope, _wish(kind, asked), datetime.fromisoformat(at), who)
    elif who in told["people"]:
        found = [tuple(one) for one in told["people"][who]]
    else:
        return None
    seen = scope.sees("amounts")
    return Opened(
        title=f"{kind.title} · {_who_words(kind)[who if compares or who == 'asked' else 'left']}",
        said=" · ".join(
            one for one in (str(said(_wish(kind, asked))), _("as of %(day)s") % {"day": day} if day else "") if one
        ),
        back=f"{reverse('admin:churn_part', args=['definitions'])}?{urlencode({'kind': kind.name, **asked})}",
        back_name=_("Definitions of churn"),
        people=[person for person, _minor in found],
        columns=[_("Revenue of the year before")] if seen else [],
        values={person: [money(minor)] for person, minor in found} if seen else {},
        guards=("amounts",) if kind.of_money else (),
    )


# What is asked for


def _may_set(scope: Scope) -> bool:
    if scope.user_id is None:
        return False
    return packs.may_choose(User.objects.get(pk=scope.user_id), scope)


def _fields(kind: type[Kind]) -> list[str]:
    return [one.name for one in kind.settings]


def _wish(kind: type[Kind], given: Mapping[str, str]) -> dict[str, Any]:
    """The wish as it was typed in: shares in per cent. Raises TenureError for what is no number."""
    wish: dict[str, Any] = {"definition": kind.name}
    for one in kind.settings:
        text = given.get(one.name, "").strip().removesuffix("%").strip()
        if not text:
            continue
        if one.unit == "choice":
            wish[one.name] = text
            continue
        try:
            value = float(text) if len(text) < 20 else float("nan")
        except ValueError:
            value = float("nan")
        if one.unit == "share":
            value /= 100
        elif one.unit in ("days", "count") and value == value and abs(value) < 1e9 and value == int(value):
            value = int(value)
        if value != value:
            raise TenureError(tr('{setting}: "{text}" is no number.', setting=one.words, text=text[:20]))
        wish[one.name] = value
    return wish


def _field(one: Setting, asked: Mapping[str, str]) -> dict[str, Any]:
    """A setting as the form shows it."""
    scale = 100 if one.unit == "share" else 1
    usual = f"{one.usual * scale:g}" if isinstance(one.usual, int | float) else ""
    return {
        "one": one, "value": asked.get(one.name, ""), "usual": usual, "least": f"{one.least * scale:g}", "most": f"{one.most * scale:g}",
        "choices": [(code, str(words)) for code, words in one.choices.items()], "step": "0.1" if one.unit == "times" else "1",
    }  # fmt: skip


def _main() -> dict[str, Any]:
    """The main definition: in a sentence, who said so, and the way to look at it."""
    state, practice = packs.state(), packs.in_force()
    by_hand = bool(state and state.by_hand.get("churn"))
    pack = pack_named(practice.pack).words if practice.pack in known_packs() else None
    card = lake().document("churn_card") or {}
    # The list says what is wished for; the card, which of it the records allowed.
    found = card.get("definition") or {}
    taken = {"definition": found.get("name"), "horizon_days": found.get("horizon_days")}
    if practice.churn and practice.churn[0].get("definition") == found.get("name"):
        taken = dict(practice.churn[0])
    return {
        "said": packs.said_leaving(practice), "found": found, "by_hand": by_hand, "state": state, "pack": pack,
        "query": _query(taken),
    }  # fmt: skip


def _beside() -> list[dict[str, Any]]:
    return [
        {"code": one["code"], "title": DEFINITIONS[one["definition"]].title, "said": said(one), "query": _query(one)}
        for one in packs.in_force().beside
        if one.get("definition") in DEFINITIONS
    ]


def _query(wish: Mapping[str, Any]) -> str:
    """The query string that shows a wish in the form."""
    kind = DEFINITIONS.get(str(wish.get("definition")))
    if kind is None:
        return ""
    shares = {one.name for one in kind.settings if one.unit == "share"}
    told = {
        name: f"{100 * value:g}" if name in shares else value
        for name, value in wish.items()
        if name not in ("definition", "code") and value
    }
    return urlencode({"kind": kind.name, **told})


# What is worked out


def _remembered(
    scope: Scope, publication: Publication, wish: Mapping[str, Any], *, at_once: bool = False
) -> dict[str, Any] | None:
    """The preview of a wish over the asker's customers; with `at_once` None where it would have to be worked out."""
    practice = packs.in_force()
    what = f"churn_preview:{json.dumps(checked(wish), sort_keys=True)}:{json.dumps([dict(w) for w in practice.churn], sort_keys=True)}"
    tables = [f"records/{name}" for name in preview.READ]
    if at_once:
        return recalled(what, scope, publication, *tables)
    return remembered(what, scope, publication, lambda: _work_out(scope, publication, wish, practice), *tables)


def _records(scope: Scope) -> dict[str, ibis.Table]:
    return {name: lake().read(f"records/{name}", actor=scope) for name in preview.READ}


def _work_out(scope: Scope, publication: Publication, wish: Mapping[str, Any], practice: Practice) -> dict[str, Any]:
    until = publication.as_of.astimezone(workspace().zone_info)
    return preview.last_year(
        _records(scope), wish, practice.churn, until, lake(), listed=LISTED, by_revenue=scope.sees("amounts")
    )


def _at_one_date(scope: Scope, wish: Mapping[str, Any], cut: datetime, who: str) -> list[tuple[int, int]]:
    return preview.at_one_date(
        _records(scope), wish, packs.in_force().churn, cut.astimezone(workspace().zone_info), who, lake(), listed=LISTED,
        by_revenue=scope.sees("amounts"),
    )  # fmt: skip


# How it is said


def _who_words(kind: type[Kind]) -> dict[str, str]:
    return {
        "asked": _("Who could leave"), "left": _("Counts as leaving"), "both": _("By both"),
        "only_new": _("By this one alone"), "only_old": _("By the one in force alone"),
    }  # fmt: skip


def _worded(scope: Scope, publication: Publication, kind: type[Kind], asked: Mapping[str, str]) -> Context:
    """The preview in the asker's language. Raises TenureError where there is nothing to tell it by."""
    if kind.of_money and not scope.sees("amounts"):
        return {"why": _("Your role hides amounts, which this definition is made of.")}
    if not kind.timed:
        return {"why": _("A snapshot has no dates, so there is no last year to look at. Its outcome column says who left."), "fields": [("kind", kind.name)]}  # fmt: skip
    told = _remembered(scope, publication, _wish(kind, asked))
    assert told is not None
    months, cuts = told["months"], [cut[:7] for cut in told["cuts"]]
    seen, compares = scope.sees("amounts"), told["old"] is not None and not told["same"]
    words = _who_words(kind)

    def opens(who: str, at: str = "") -> str:
        return opened_where("churn_definitions", kind=kind.name, who=who, at=at, **asked)

    lines = [
        {
            **row, "name": cut, "share": _share(row["left"], row["asked"]),
            "share_before": _share(row["left_before"], row["asked_before"]),
            "asked_url": opens("asked", at), "left_url": opens("left", at),
        }
        for row, cut, at in zip(months, cuts, told["cuts"], strict=True)
    ]  # fmt: skip
    groups = []
    for code in ("both", "only_new", "only_old") if compares else ("only_new", "both"):
        one = told["groups"].get(code)
        if one is None and not compares:
            continue
        listed = [tuple(row) for row in told["people"].get(code, [])]
        cards = {
            card.person_id: card for card in selectors.cards_among(scope, [p for p, _m in listed[:20]], publication)
        }
        sample = [(cards[person], minor) for person, minor in listed if person in cards][:SHOWN]
        groups.append({
            "name": words[code] if compares else words["left"], "n": one["n"] if one else 0,
            "minor": one["minor"] if one and seen else None, "url": opens(code), "sample": sample,
        })  # fmt: skip
    n = len(months) or 1
    asked_each, left_each = sum(row["asked"] for row in months) / n, sum(row["left"] for row in months) / n
    return {
        "told": told, "lines": lines, "groups": groups, "compares": compares, "seen": seen, "everyone": scope.sees_all,
        "asked_each": asked_each, "left_each": left_each, "share": _share(left_each, asked_each),
        "minor_each": sum(row["left_minor"] for row in months) / n,
        "share_before": _share(sum(row["left_before"] for row in months), sum(row["asked_before"] for row in months)),
        "counts": _stacked(cuts, months, words, compares),
        "shares": figures.over_time(
            cuts, [line["share"] for line in lines], [line["share_before"] if compares else None for line in lines],
            name=_("This definition"), before_name=_("The one in force"), share=True,
        ),
        "fields": [("kind", kind.name), *asked.items()],
    }  # fmt: skip


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _stacked(
    cuts: Sequence[str], months: Sequence[Mapping[str, Any]], words: Mapping[str, str], compares: bool
) -> figures.Figure:
    """How many would have left, month by month, by which of the two definitions."""
    tints = {"both": "$primary", "only_new": "$bad", "only_old": "$muted"} if compares else {"left": "$bad"}
    return {
        "data": [
            {"type": "bar", "x": list(cuts), "y": [row[code] for row in months], "name": words[code], "marker": {"color": tint}}
            for code, tint in tints.items()
        ],
        "layout": {
            "barmode": "stack", "xaxis": {"type": "category"}, "yaxis": {"title": {"text": _("Customers")}},
            "showlegend": compares, "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"},
            "margin": {"l": 52, "r": 12, "t": 56, "b": 48}, "hovermode": "x unified",
        },
    }  # fmt: skip
