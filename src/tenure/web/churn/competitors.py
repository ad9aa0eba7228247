"""Whom customers are lost to: the register of competitors, their moves beside our losses, and what records suggest."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenure.contracts import CONTRACTS
from tenure.desk.competitors import selectors, services
from tenure.desk.competitors.models import Competitor, Loss, Move
from tenure.desk.competitors.selectors import Lost
from tenure.desk.competitors.services import Told
from tenure.desk.customers.models import Customer, Publication
from tenure.desk.customers.words import TIERS
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import User
from tenure.desk.lake import lake
from tenure.errors import TenureError
from tenure.lake import Scope
from tenure.language import Words
from tenure.web import figures
from tenure.web.frame import render
from tenure.web.insight import narrowed
from tenure.web.parts import Context

MONTHS = 12
SHOWN = 12  # suggestions on the page; the others come up as these are decided
TINTS = ("$primary", "$bad", "$good", "$muted", "$text", "$veil")
SAID = Words("Said by us", "人工登记")


def competitors(scope: Scope, shown: Publication | None) -> Context:
    """Who we lose to: how many and how much, by month and by group, and records that name a competitor."""
    rows = selectors.competitors()
    lost = selectors.losses(scope)
    suggested = selectors.suggestions(scope, lake(), rows)
    names = {row.pk: row.name for row in rows}
    summed = Counter(one.competitor_id for one in lost)
    rows.sort(key=lambda row: (-summed[row.pk], row.name))
    moves = list(Move.objects.filter(competitor__in=rows).select_related("competitor")[:200])
    return {
        "rows": [_summed(row, [one for one in lost if one.competitor_id == row.pk], moves, scope) for row in rows],
        "away": selectors.competitors(away=True),
        "lost": len(lost),
        "amounts": scope.sees("amounts"),
        "figure": _timeline(lost, moves, names) if lost else None,
        "groups": [(title, table) for title, table in _groups(lost, rows, scope) if table],
        "suggested": [(one, names[one.competitor_id], _where(one.found_in)) for one in suggested[:SHOWN]],
        "more": max(0, len(suggested) - SHOWN),
        "may_keep": _keeps(scope),
    }


@require_safe
def one(request: HttpRequest, competitor_id: int) -> HttpResponse:
    """One competitor: what it offers and does, and which of the asker's customers were lost to it."""
    scope, row = scope_of(request.user), _found(competitor_id)
    lost = selectors.losses(scope, row.pk)
    moves = list(row.moves.select_related("noticed_by"))
    offered = narrowed.offered(scope, Publication.current())
    called = {code: words for _title, choices in offered for code, words in choices}
    suggested = [] if row.archived_at else selectors.suggestions(scope, lake(), [row])
    return render(
        request,
        "churn/competitor.html",
        row.name,
        row=row,
        lost=[(loss, _where(loss.found_in)) for loss in lost[: selectors.MOST]],
        n=len(lost),
        spent=sum(loss.spent_minor or 0 for loss in lost) if scope.sees("amounts") else None,
        amounts=scope.sees("amounts"),
        # Whom a move aims at is shown as far as the reader may ask for such a group.
        moves=[(move, [called[code] for code in move.aims_at if code in called]) for move in moves],
        figure=_timeline(lost, moves, {row.pk: row.name}) if lost else None,
        suggested=[(found, row.name, _where(found.found_in)) for found in suggested[:SHOWN]],
        more=max(0, len(suggested) - SHOWN),
        kinds=Move.Kind.choices,
        offered=offered,
        today=timezone.localdate().isoformat(),
        may_keep=may(request.user, "competitors"),
    )


@require_safe
def new(request: HttpRequest) -> HttpResponse:
    """The form for a competitor."""
    return render(request, "churn/competitor_edit.html", _("A competitor"), row=None, aliases="")


@require_safe
def edit(request: HttpRequest, competitor_id: int) -> HttpResponse:
    """The form for what is known of a competitor."""
    row = _found(competitor_id)
    return render(request, "churn/competitor_edit.html", row.name, row=row, aliases="\n".join(row.aliases))


@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Add a competitor, or keep what was changed of one."""
    sent = request.POST
    number = sent.get("competitor", "")
    competitor_id = _found(int(number)).pk if number.isascii() and number.isdigit() and len(number) < 10 else None
    aliases = [
        part for line in _text(sent.get("aliases", "")).splitlines() for part in line.replace("，", ",").split(",")
    ]
    told = Told(
        _text(sent.get("name", "")), aliases, _text(sent.get("offers", "")), _text(sent.get("prices", "")),
        _text(sent.get("strengths", "")), _text(sent.get("website", "")),
    )  # fmt: skip
    try:
        row = services.save(told, competitor_id=competitor_id, actor=_user(request), now=timezone.now())
    except TenureError as error:
        messages.error(request, str(error))
        back = (
            reverse("admin:competitor_edit", args=[competitor_id]) if competitor_id else reverse("admin:competitor_new")
        )
        return HttpResponseRedirect(back)
    return HttpResponseRedirect(reverse("admin:competitor", args=[row.pk]))


@require_POST
def act(request: HttpRequest, competitor_id: int, verb: str) -> HttpResponse:
    """One deed on the page of a competitor; afterwards the reader is where they were."""
    do = _DEEDS.get(verb)
    if do is None:
        raise Http404
    row = _found(competitor_id)
    try:
        said = do(request, row)
    except (Customer.DoesNotExist, Loss.DoesNotExist, Move.DoesNotExist) as error:
        raise Http404 from error
    except TenureError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said)
    if request.POST.get("back") == "list":
        return HttpResponseRedirect(reverse("admin:churn_part", args=["competitors"]) + "#suggested")
    return HttpResponseRedirect(reverse("admin:competitor", args=[row.pk]))


def _move(request: HttpRequest, row: Competitor) -> str:
    sent, scope = request.POST, scope_of(request.user)
    aims = [code for code in sent.getlist("aims_at") if narrowed.read(code, scope)]
    services.note_move(
        row.pk, _day(sent.get("on", "")), sent.get("kind", ""), _text(sent.get("title", "")), detail=_text(sent.get("detail", "")),
        source=_text(sent.get("source", "")), aims_at=aims, actor=_user(request), now=timezone.now(),
    )  # fmt: skip
    return _("Noted.")


def _strike(request: HttpRequest, row: Competitor) -> str:
    services.strike_move(
        row.moves.get(pk=_number(request.POST.get("move", ""))).pk, actor=_user(request), now=timezone.now()
    )
    return _("The note is struck.")


def _decide(request: HttpRequest, row: Competitor) -> str:
    """A customer named by its number, or by a record that names the competitor."""
    sent, scope = request.POST, scope_of(request.user)
    left = sent.get("left") != "no"
    if number := _text(sent.get("number", "")).strip()[:200]:
        found = Customer.objects.visible_to(scope).filter(customer_id__iexact=number).order_by("pk").first()
        if found is None:
            raise TenureError(_('No customer of yours has the number "%(number)s".') % {"number": number})
        person = found.pk
    else:
        person = _number(sent.get("person", ""))
    services.decide_loss(
        row.pk, person, _day(sent.get("on", "")), left=left, found_in=sent.get("found_in", "said"),
        record=_text(sent.get("record", "")), note=_text(sent.get("note", "")), scope=scope, actor=_user(request), now=timezone.now(),
    )  # fmt: skip
    return (
        _("Counted as lost to %(name)s.") % {"name": row.name} if left else _("Not counted; it is not suggested again.")
    )


def _withdraw(request: HttpRequest, row: Competitor) -> str:
    loss = row.losses.get(pk=_number(request.POST.get("loss", "")))
    services.withdraw_loss(loss.pk, scope=scope_of(request.user), actor=_user(request), now=timezone.now())
    return _("Taken back.")


def _away(request: HttpRequest, row: Competitor) -> str:
    services.put_away(row.pk, away=row.archived_at is None, actor=_user(request), now=timezone.now())
    return _("Put away; what is known of it stays.") if row.archived_at is None else _("Back in the register.")


_DEEDS: Mapping[str, Callable[[HttpRequest, Competitor], str]] = {
    "move": _move, "strike": _strike, "loss": _decide, "withdraw": _withdraw, "away": _away,
}  # fmt: skip


def _found(competitor_id: int) -> Competitor:
    row = Competitor.objects.filter(pk=competitor_id).first()
    if row is None:
        raise Http404
    return row


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _keeps(scope: Scope) -> bool:
    user = User.objects.filter(pk=scope.user_id).first() if scope.user_id is not None else None
    return user is not None and may(user, "competitors")


def _text(sent: str) -> str:
    return sent.replace("\x00", "")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise TenureError(
            _('"%(value)s" is no date. Write it as year-month-day, such as 1988-05-01.') % {"value": text[:40]}
        ) from None


def _where(found_in: str) -> str:
    return str(CONTRACTS[found_in].words if found_in in CONTRACTS else SAID)


def _summed(row: Competitor, lost: Sequence[Lost], moves: Sequence[Move], scope: Scope) -> dict[str, Any]:
    mine = [move for move in moves if move.competitor_id == row.pk]
    return {
        "row": row,
        "lost": len(lost),
        "spent": sum(one.spent_minor or 0 for one in lost) if scope.sees("amounts") else None,
        "last": max((one.on for one in lost), default=None),
        "move": mine[0] if mine else None,
    }


def _months(lost: Sequence[Lost], moves: Sequence[Move]) -> list[str]:
    """The months from the first to the last day told of, the latest twelve."""
    days = [one.on for one in lost] + [move.on for move in moves]
    last = max(days)
    months: list[str] = []
    year, month = last.year, last.month
    first = min(days)
    while len(months) < MONTHS and (year, month) >= (first.year, first.month):
        months.append(f"{year}-{month:02d}")
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    return months[::-1]


def _timeline(lost: Sequence[Lost], moves: Sequence[Move], names: Mapping[int, str]) -> figures.Figure:
    """Customers lost by month to each competitor, and above them what the competitors did."""
    months = _months(lost, moves)
    counted = Counter((one.competitor_id, f"{one.on:%Y-%m}") for one in lost)
    most = max((sum(counted[(pk, month)] for pk in names) for month in months), default=0)
    data: list[dict[str, Any]] = []
    for place, (pk, name) in enumerate(names.items()):
        if any(counted[(pk, month)] for month in months):
            tint = TINTS[place % len(TINTS)]
            data.append(
                {
                    "type": "bar",
                    "x": months,
                    "y": [counted[(pk, month)] for month in months],
                    "name": name,
                    "marker": {"color": tint},
                }
            )
    seen = [move for move in moves if f"{move.on:%Y-%m}" in months]
    if seen:
        data.append(
            {"type": "scatter", "mode": "markers", "name": _("Their moves"), "x": [f"{move.on:%Y-%m}" for move in seen],
             "y": [1.12 * max(most, 1)] * len(seen), "text": [f"{names[move.competitor_id]}: {move.title}" for move in seen],
             "hovertemplate": "%{text}<extra></extra>", "marker": {"symbol": "triangle-down", "size": 12, "color": "$bad"}}
        )  # fmt: skip
    return {
        "data": data,
        "layout": {
            "barmode": "stack",
            "xaxis": {"type": "category", "categoryorder": "array", "categoryarray": months},
            # A customer is whole: no tick between two.
            "yaxis": {"title": {"text": _("Customers lost")}, "rangemode": "tozero", "tickformat": "d"}
            | ({"dtick": 1} if most <= 5 else {}),
            "showlegend": True,
            "legend": {"orientation": "h", "y": 1.15},
        },
    }


def _groups(lost: Sequence[Lost], rows: Sequence[Competitor], scope: Scope) -> list[tuple[str, list[dict[str, Any]]]]:
    """Losses by group of customers and competitor: the largest groups first."""
    told = []
    ways: list[tuple[str, Callable[[Lost], str]]] = [(_("Region"), lambda one: one.region)]
    if scope.sees("amounts"):
        ways.append((_("Tier"), lambda one: str(TIERS.get(one.tier, one.tier))))
    for title, group in ways:
        counted = Counter((group(one), one.competitor_id) for one in lost if group(one))
        totals = Counter(group(one) for one in lost if group(one))
        table = [
            {"name": name, "n": n, "by": [counted[(name, row.pk)] for row in rows]} for name, n in totals.most_common(8)
        ]
        told.append((title, table))
    return told
