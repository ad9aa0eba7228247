"""The editor of the tree of causes, in Settings."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from tenure.desk.causes import taxonomy
from tenure.desk.causes.models import Statement
from tenure.desk.causes.taxonomy import AXES, TITLES, Draft, open_causes, tree
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.web.frame import render
from tenure.web.metrics.asked import number_in


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Every branch and cause with its axes; posted, one is added, changed, retired or brought back."""
    actor = request.user
    assert isinstance(actor, User)
    if request.method == "POST":
        try:
            _do(request, actor)
        except KeyError as error:
            raise Http404 from error
        except TenureError as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:causes_tree"))
    nodes = tree()
    # How many statements of the reader's customers name each.
    used: dict[str, int] = {}
    for state, suggested, confirmed in Statement.objects.visible_to(scope_of(actor)).values_list(
        "state", "suggested", "confirmed"
    ):
        cause = confirmed if state == Statement.State.CONFIRMED else suggested
        used[cause] = used.get(cause, 0) + 1
    branches = [
        (top, [(one, used.get(one.code, 0)) for one in nodes.values() if one.parent == top.code])
        for top in nodes.values()
        if not top.parent
    ]
    return render(
        request,
        "causes/tree.html",
        _("Causes of leaving"),
        branches=branches,
        open_branches=[top for top in nodes.values() if not top.parent and not top.retired],
        choices=open_causes(nodes),
        axes=[(axis, TITLES[axis], list(known.items())) for axis, known in AXES.items()],
        longest=taxonomy.LONGEST,
    )


def _do(request: HttpRequest, actor: User) -> None:
    sent, now = request.POST, timezone.now()
    verb, code = sent.get("do", ""), sent.get("code", "")
    version = number_in(sent.get("version", "")) or 0
    draft = Draft(
        sent.get("name_en", ""), sent.get("name_zh", ""), sent.get("parent", ""), sent.get("control", "controllable"),
        sent.get("side", "internal"), sent.get("nature", "objective"), "vague" in sent,
    )  # fmt: skip
    if verb == "add":
        node = taxonomy.add_cause(draft, actor=actor, now=now)
        messages.success(request, _("Added: %(name)s.") % {"name": node.words})
    elif verb == "change":
        taxonomy.change_cause(code, draft, version=version, actor=actor, now=now)
        messages.success(request, _("Saved."))
    elif verb == "retire":
        moved = taxonomy.retire_cause(code, into=sent.get("into", ""), version=version, actor=actor, now=now)
        messages.success(request, _("Retired. Statements that waited with it: %(n)s.") % {"n": moved})
    elif verb == "restore":
        taxonomy.restore_cause(code, actor=actor, now=now)
        messages.success(request, _("It can be chosen again."))
    else:
        raise Http404
