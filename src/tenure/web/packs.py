"""The industry pack: what there are, what each would change, and what people set beside it (targets)."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tenure.contracts import CONTRACTS
from tenure.desk.customers import packs
from tenure.desk.customers.models import PracticeVersion
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import User
from tenure.desk.lake import lake
from tenure.errors import TenureError
from tenure.insight.churn.definitions import said
from tenure.insight.lifecycle import STAGES
from tenure.insight.metrics import METRICS, Metric
from tenure.insight.segments.tiers import TIERS
from tenure.lake import Scope
from tenure.packs import Pack, leaving_words, pack_named
from tenure.packs import packs as known
from tenure.practice import LINES, Practice
from tenure.web.frame import render
from tenure.web.typed import number, typed

Row = dict[str, Any]


def page(request: HttpRequest) -> HttpResponse:
    """Which pack is in force and what by hand; and the packs there are."""
    scope, actor = scope_of(request.user), _actor(request)
    state, practice = packs.state(), packs.in_force()
    return render(
        request, "packs.html", _("Industry pack"), state=state, practice=practice, chosen=_pack(practice.pack),
        cards=cards(practice), may_choose=packs.may_choose(actor, scope), undecided=state is None,
        leaving=packs.said_leaving(practice), beside=[said(one) for one in practice.beside],
        records=_records(practice), targets=_targets(practice, state), versions=[
            (one, known()[one.pack].words if one.pack in known() else one.pack)
            for one in PracticeVersion.objects.select_related("made_by")[:20]
        ],
    )  # fmt: skip


def cards(practice: Practice) -> list[Row]:
    """The packs as cards: what each is for, and how much it holds."""
    return [
        {
            "pack": pack, "chosen": pack.name == practice.pack, "leaving": leaving_words(pack.leaving[0].as_plain()),
            "records": len(pack.contracts), "targets": len(pack.targets),
            "names": sum(len(names) for columns in pack.names.values() for names in columns.values()),
        }
        for pack in known().values()
    ]  # fmt: skip


def offered(request: HttpRequest, scope: Scope) -> list[Row]:
    """The cards for an administrator who has not decided yet; nothing for anybody else."""
    actor = _actor(request)
    return cards(Practice()) if packs.may_choose(actor, scope) and packs.undecided() else []


def one(request: HttpRequest, pack: str) -> HttpResponse:
    """What one pack says and would change here; posted, it is in force."""
    found = _pack(pack)
    if found is None:
        raise Http404
    scope, actor = scope_of(request.user), _actor(request)
    if request.method == "POST":
        try:
            wanted = packs.choose(pack, lake=lake(), scope=scope, actor=actor, now=timezone.now())
        except TenureError as error:
            messages.error(request, str(error))
        else:
            said = (
                _("%(name)s is in force. Imports know its columns now; figures follow with the next refresh.")
                if wanted.moves
                else _("%(name)s is in force already; nothing was changed.")
            )
            messages.success(request, said % {"name": found.words})
            return HttpResponseRedirect(reverse("admin:packs"))
    return render(
        request, "pack.html", str(found.words), pack=found, parts=_by_part(packs.plan(pack)), may_choose=packs.may_choose(actor, scope),
        chosen=packs.in_force().pack == pack, back=False,
        stages=[(words, found.stages[code]) for code, words in STAGES.items()],
        service=[(words, found.service[code]) for code, words in TIERS.items()],
        records=[(CONTRACTS[code].words, why) for code, why in found.contracts.items()],
        names=[
            (CONTRACTS[code].words, [(CONTRACTS[code][field].words, ", ".join(names)) for field, names in columns.items()])
            for code, columns in found.names.items()
        ],
        targets=[(METRICS[code], packs.said_target(code, found.practice()), target.source) for code, target in found.targets.items()],
    )  # fmt: skip


def back(request: HttpRequest) -> HttpResponse:
    """What would change if the pack in force were taken back; posted, it is."""
    scope, actor = scope_of(request.user), _actor(request)
    if request.method == "POST":
        try:
            packs.take_back(lake=lake(), scope=scope, actor=actor, now=timezone.now())
        except TenureError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("The industry pack is taken back. Figures follow with the next refresh."))
        return HttpResponseRedirect(reverse("admin:packs"))
    pack = _pack(packs.in_force().pack)
    if pack is None:
        return HttpResponseRedirect(reverse("admin:packs"))
    return render(
        request, "pack.html", _("Take the industry pack back"), pack=pack, parts=_by_part(packs.plan_back()), back=True,
        may_choose=packs.may_choose(actor, scope),
    )  # fmt: skip


@require_POST
def later(request: HttpRequest) -> HttpResponse:
    """The pack may wait."""
    try:
        packs.leave_for_later(scope=scope_of(request.user), actor=_actor(request), now=timezone.now())
    except TenureError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("You will find the industry packs in the settings."))
    return HttpResponseRedirect(reverse("admin:index"))


@require_POST
def target(request: HttpRequest, metric: str) -> HttpResponse:
    """What a metric is held against, set by hand; `drop` goes back to the pack's or the catalogue's."""
    if metric not in METRICS:
        raise Http404
    try:
        lines = (
            None
            if "drop" in request.POST
            else {name: number(request.POST.get(name, ""), METRICS[metric].unit) for name in LINES}
        )
        packs.set_target(
            metric, lines, lake=lake(), scope=scope_of(request.user), actor=_actor(request), now=timezone.now()
        )
    except TenureError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Saved. The figure is held against it from now on."))
    return HttpResponseRedirect(reverse("admin:metric", args=[metric]))


def target_form(request: HttpRequest, metric: Metric) -> Row | None:
    """The lines of a metric as they are typed in; None for whoever may not set them."""
    if metric.better == "neither" or not packs.may_choose(_actor(request), scope_of(request.user)):
        return None
    state = packs.state()
    return {
        "lines": [
            (name, {"benchmark": _("Target"), "excellent": _("Excellent"), "limit": _("Limit")}[name], _typed(metric, name))
            for name in LINES
        ],
        "unit": {"share": "%", "money": _("in the reporting currency")}.get(metric.unit, ""),
        "own": bool(state and metric.name in state.targets),
    }  # fmt: skip


# What is asked for


def _actor(request: HttpRequest) -> User:
    actor = request.user
    assert isinstance(actor, User)
    return actor


def _pack(name: str) -> Pack | None:
    return pack_named(name) if name in known() else None


def _typed(metric: Metric, name: str) -> str:
    line = getattr(metric, name)
    return typed(None if line is None else line.value, metric.unit)


# How it is said


def _by_part(wanted: packs.Plan) -> list[tuple[str, list[packs.Change]]]:
    parts = [
        (str(words), [one for one in wanted.changes if one.part == code])
        for code, words in packs.PARTS_OF_A_PACK.items()
    ]
    return [(words, changes) for words, changes in parts if changes]


def _records(practice: Practice) -> list[Row]:
    """The records the pack uses, in the order to import them, and what came in of each."""
    pack = _pack(practice.pack)
    if pack is None:
        return []
    there: dict[str, int] = {}
    for info in lake().batches():
        if info.state == "committed":
            there[info.contract] = there.get(info.contract, 0) + info.rows
    return [
        {"name": code, "words": CONTRACTS[code].words, "why": pack.contracts[code], "rows": there.get(code, 0)}
        for code in practice.contracts
        if code in CONTRACTS and code in pack.contracts
    ]


def _targets(practice: Practice, state: PracticeVersion | None) -> list[Row]:
    own = state.targets if state else {}
    rows = []
    for name, metric in METRICS.items():
        held = practice.held(metric)
        if held.benchmark or held.excellent or held.limit:
            first = next(line for line in (held.benchmark, held.excellent, held.limit) if line)
            rows.append(
                {"name": name, "words": metric.words, "said": packs.said_target(name, practice), "source": first.source,
                 "own": name in own}
            )  # fmt: skip
    return rows
