"""One cause, or a branch: how it went, who said so, what they had spent, and what is done about it."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenure.desk.causes import board, calling
from tenure.desk.causes.models import Idea, Mention, Statement
from tenure.desk.causes.reading import ideas, lines, spent_by
from tenure.desk.causes.taxonomy import AXES, tree
from tenure.desk.customers.models import Publication
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.web import figures
from tenure.web.causes.asked import Look, counted, offered, today
from tenure.web.causes.part import NOBODY
from tenure.web.frame import render
from tenure.web.metrics.asked import number_in

PAGE = 20


@require_safe
def page(request: HttpRequest, cause: str) -> HttpResponse:
    """The leavers under one cause, or under every cause of a branch, over the customers the asker may see."""
    scope, nodes = scope_of(request.user), tree()
    node = nodes.get(cause)
    if node is None:
        raise Http404
    user = request.user
    assert isinstance(user, User)
    shown = Publication.current()
    look = Look.read(request.GET.dict(), scope)
    inside = {node.code, *(one.code for one in nodes.values() if one.parent == node.code)}
    found = counted(scope, shown, look, nodes)
    mine = [one for one in found.leavers.values() if one.cause in inside]
    better, all_better = None, 0.0
    if found.corrected:
        all_better = sum(one.value for one in found.corrected.causes.values())
        branch = found.corrected.groups.get(("branch", cause))
        better = (branch if not node.parent else None) or found.corrected.causes.get(cause, NOBODY)
    spent = spent_by(scope, [one.person for one in mine])
    rows = Statement.objects.visible_to(scope).filter(_under(inside))
    since = look.since(today(shown))
    if since:
        rows = rows.filter(said_at__date__gte=since)
    number = max(1, number_in(request.GET.get("page", "")) or 1)
    told = list(rows.select_related("reviewed_by", "said_by")[(number - 1) * PAGE : number * PAGE + 1])
    return render(
        request,
        "causes/cause.html",
        str(node.words),
        node=node,
        branch=nodes.get(node.parent),
        causes=[one for one in nodes.values() if one.parent == node.code],
        axes=[str(AXES[axis][getattr(node.cause, axis)]) for axis in AXES],
        look=look,
        offered=offered(scope, shown, look),
        leavers=len(mine),
        confirmed=sum(one.confirmed for one in mine),
        everyone=len(found.leavers),
        better=better,
        of_better=found.corrected,
        share_better=better.value / all_better if better and all_better else None,
        spent=None if spent is None else sum(spent.values()),
        trend=_trend(mine) if mine else None,
        lines=lines(scope, told[:PAGE], nodes),
        number=number,
        more=len(told) > PAGE,
        sees_text=scope.sees("text"),
        ideas=[(idea, user.pk in {one.user_id for one in idea.votes.all()}) for idea in ideas(cause)],
        may_decide=may(user, "causes"),
        owners=User.objects.filter(is_active=True).exclude(role="").order_by("username") if may(user, "causes") else [],
        user_id=user.pk,
        today=timezone.localdate(),
    )


def _under(codes: set[str]) -> Any:
    from django.db.models import Q

    waits = Q(state=Statement.State.WAITING, suggested__in=codes)
    return waits | Q(state=Statement.State.CONFIRMED, confirmed__in=codes)


def _trend(mine: list[Any]) -> figures.Figure:
    """Leavers by month, confirmed and suggested told apart; a month without any is shown empty."""
    months = sorted({one.left_on.replace(day=1) for one in mine})
    at = months[0]
    every: list[date] = []
    while at <= months[-1] and len(every) < 120:
        every.append(at)
        at = (at.replace(year=at.year + 1, month=1)) if at.month == 12 else at.replace(month=at.month + 1)
    data = []
    for name, sure, tint in ((_("Confirmed"), True, "$primary"), (_("Suggested"), False, "$veil")):
        counts = Counter(one.left_on.replace(day=1) for one in mine if one.confirmed is sure)
        data.append(
            {"type": "bar", "name": name, "x": [f"{one:%Y-%m}" for one in every], "y": [counts[one] for one in every],
             "marker": {"color": tint}}
        )  # fmt: skip
    return {
        "data": data,
        "layout": {
            "barmode": "stack", "xaxis": {"type": "category"}, "yaxis": {"title": {"text": _("Leavers")}, "rangemode": "tozero"},
            "showlegend": True, "legend": {"orientation": "h", "y": 1.15},
        },
    }  # fmt: skip


@require_POST
def suggest_idea(request: HttpRequest, cause: str) -> HttpResponse:
    """Put forward what could be done about a cause."""
    user = _user(request)
    if cause not in tree():
        raise Http404
    text = request.POST.get("text", "")
    try:
        board.add_idea(cause, text, actor=user, now=timezone.now())
    except TenureError as error:
        messages.error(request, str(error))
    else:
        _say_who(request, text, user)
    return HttpResponseRedirect(reverse("admin:cause", args=[cause]) + "#ideas")


@require_POST
def act(request: HttpRequest, idea_id: int, verb: str) -> HttpResponse:
    """One step of the discussion: a comment, a vote, a decision, or the state it is in."""
    user = _user(request)
    do = VERBS.get(verb)
    idea = Idea.objects.filter(pk=idea_id).first()
    if do is None or idea is None:
        raise Http404
    try:
        do(idea_id, request.POST, user)
    except Idea.DoesNotExist as error:
        raise Http404 from error
    except TenureError as error:
        messages.error(request, str(error))
    else:
        if verb == "comment":
            _say_who(request, request.POST.get("text", ""), user)
    return HttpResponseRedirect(reverse("admin:cause", args=[idea.cause]) + f"#idea-{idea_id}")


def _say_who(request: HttpRequest, text: str, user: User) -> None:
    """Who was called in, and which names called nobody: as much for who may not see causes as for who is not there."""
    if "@" not in text:
        return
    people, strange = calling.called_in(text, calling.callable_by(user))
    if people:
        names = ", ".join(one.shown_name for one in people)
        messages.success(request, _("Called in: %(names)s. They find it on their page Today.") % {"names": names})
    if strange:
        names = ", ".join(f"@{name}" for name in strange)
        messages.warning(
            request, _("Nobody by these names can be called in here: %(names)s. Choose from the list that opens after an @.") % {"names": names}
        )  # fmt: skip


@require_safe
def people(request: HttpRequest) -> JsonResponse:
    """Whom a name begun after an @ may become."""
    found = calling.offered(_user(request), request.GET.get("q", "")[:40])
    return JsonResponse({"people": [{"name": one.username, "shown": one.shown_name} for one in found]})


@require_POST
def notice(request: HttpRequest, mention_id: int) -> HttpResponse:
    """One's own notice, read: on to where one was called, if one may go there; laid back as unread; or its decision done."""
    user, unread = _user(request), "unread" in request.POST
    try:
        found = calling.read(mention_id, read=not unread, actor=user, now=timezone.now())
        if "done" in request.POST:
            board.move(found.idea_id, Idea.State.DONE, actor=user, now=timezone.now())
    except Mention.DoesNotExist as error:
        raise Http404 from error
    except TenureError as error:  # done already, or given to somebody else meanwhile
        messages.error(request, str(error))
    if unread or {"stay", "done"} & set(request.POST) or not may(user, "insight"):
        return HttpResponseRedirect(reverse("admin:index") + "#called")
    return HttpResponseRedirect(reverse("admin:cause", args=[found.idea.cause]) + f"#idea-{found.idea_id}")


def _comment(idea_id: int, sent: QueryDict, user: User) -> None:
    board.comment(idea_id, sent.get("text", ""), actor=user, now=timezone.now())


def _vote(idea_id: int, sent: QueryDict, user: User) -> None:
    board.vote(idea_id, for_it="off" not in sent, actor=user, now=timezone.now())


def _decide(idea_id: int, sent: QueryDict, user: User) -> None:
    owner = User.objects.filter(pk=number_in(sent.get("owner", "")) or 0).first()
    try:
        due = date.fromisoformat(sent.get("due", "").strip())
    except ValueError:
        due = None
    board.decide(idea_id, sent.get("decision", ""), owner=owner, due=due, actor=user, now=timezone.now())


def _move(idea_id: int, sent: QueryDict, user: User) -> None:
    board.move(idea_id, sent.get("state", ""), actor=user, now=timezone.now())


VERBS: Mapping[str, Callable[[int, QueryDict, User], None]] = {
    "comment": _comment, "vote": _vote, "decide": _decide, "move": _move,
}  # fmt: skip


def _user(request: HttpRequest) -> User:
    user = request.user
    if not isinstance(user, User):
        raise PermissionDenied
    return user
