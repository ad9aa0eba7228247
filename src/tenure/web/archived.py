"""Archived records: who put what away, when and why, and the way back for one, some, or a whole archiving."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenure.contracts import CONTRACTS
from tenure.desk.customers import archiving, findings
from tenure.desk.customers.models import ArchivedRecord, Archiving, Customer
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import User
from tenure.desk.work.models import Migration
from tenure.errors import TenureError
from tenure.insight import quality
from tenure.lake.archived import shown
from tenure.lake.scope import Scope
from tenure.web.frame import render

PAGE = 50
DEEDS = 30  # archivings shown at once, the newest
Row = dict[str, Any]


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Every archiving with what is left of it, and the records of the one asked for, or all."""
    scope = scope_of(request.user)
    reached = archiving.visible_to(scope)
    deed = request.GET.get("deed", "")[:32]
    contract = request.GET.get("contract", "")
    kinds = set(reached.order_by().values_list("contract", flat=True).distinct())
    deeds = _deeds(reached)
    one = next((row for row in _told(deeds.filter(deed=deed), scope)), None) if deed else None
    if deed and one is None:
        raise Http404
    rows = reached.filter(archiving__deed=deed) if deed else reached
    rows = rows.filter(contract=contract) if contract in kinds else rows
    number = request.GET.get("page", "")
    at = min(int(number), 100_000) if number.isascii() and number.isdigit() and len(number) < 6 and int(number) else 1
    found = list(rows.select_related("archiving__made_by")[(at - 1) * PAGE : at * PAGE + 1])
    asked = {"deed": deed, "contract": contract if contract in kinds else ""}
    return render(
        request,
        "archived.html",
        _("Archived"),
        one=one,
        deeds=_told(deeds.order_by("-pk")[:DEEDS], scope) if not deed else [],
        rows=_lines(found[:PAGE], scope),
        total=rows.count(),
        kinds=[(name, str(CONTRACTS[name].words)) for name in sorted(kinds) if name in CONTRACTS],
        asked=asked,
        query=urlencode({name: value for name, value in asked.items() if value}),
        page=at,
        more=len(found) > PAGE,
        named=scope.shows("name") != "hidden",
        may_archive=may(request.user, "archive"),
    )


@require_POST
def bring_back(request: HttpRequest) -> HttpResponse:
    """Bring back the records chosen, or everything one archiving put away."""
    scope, actor = scope_of(request.user), request.user
    assert isinstance(actor, User)
    deed = request.POST.get("deed", "")[:32]
    chosen = [int(one) for one in request.POST.getlist("row") if one.isascii() and one.isdigit() and len(one) < 19]
    rows = ArchivedRecord.objects.filter(pk__in=chosen)
    if "all" in request.POST and deed:
        rows = ArchivedRecord.objects.filter(archiving__deed=deed)
    try:
        if not chosen and "all" not in request.POST:
            raise TenureError(_("Choose the records first."))
        count = archiving.bring_back(rows, scope=scope, actor=actor, now=timezone.now())
    except TenureError as error:
        messages.error(request, str(error))
    else:
        text = _("Brought %(count)s records back. They are in lists and figures again in a moment.")
        messages.success(request, text % {"count": f"{count:,}"})
    left = deed and archiving.visible_to(scope).filter(archiving__deed=deed).exists()
    return HttpResponseRedirect(reverse("admin:archived") + (f"?deed={deed}" if left else ""))


def _deeds(reached: "QuerySet[ArchivedRecord]") -> "QuerySet[Archiving]":
    """The archivings of which the asker reaches something that is still away."""
    return Archiving.objects.filter(pk__in=reached.values("archiving")).select_related("made_by")


def _told(found: "QuerySet[Archiving]", scope: Scope) -> list[Row]:
    deeds = list(found)
    counts = archiving.visible_to(scope).filter(archiving__in=[one.pk for one in deeds]).order_by()
    left = dict(counts.values_list("archiving").annotate(n=Count("pk")))
    moves = {one.migration for one in deeds if one.migration is not None}
    names = dict(Migration.objects.filter(pk__in=moves).values_list("pk", "name"))
    return [_deed(one, left.get(one.pk, 0), names, scope) for one in deeds]


def _deed(one: Archiving, left: int, names: dict[int, str], scope: Scope) -> Row:
    # How many it put away is over everybody's records; who sees a part is told of that part.
    return {
        "deed": one.deed, "contract": CONTRACTS[one.contract].words, "left": left, "reason": one.reason,
        "records": one.records if scope.sees_all else left, "who": one.made_by, "at": one.made_at,
        "source": one.source, "why": _why(one, scope),
        "migration": names.get(one.migration, "–") if one.migration is not None else None,
    }  # fmt: skip


def _why(one: Archiving, scope: Scope) -> str:
    """The finding in words, for whoever may be told of the field."""
    shape = CONTRACTS[one.contract]
    known = {flaw.code: flaw for flaw in quality.flaws_of(shape, one.field)} if one.field in ("", *shape.names) else {}
    if one.flaw not in known or not findings.may_see(scope, one.contract, one.field):
        return ""
    field = f"{shape[one.field].words}: " if one.field else ""
    return f"{field}{known[one.flaw].words}"


def _lines(found: list[ArchivedRecord], scope: Scope) -> list[Row]:
    seen = Customer.objects.visible_to(scope).in_bulk([row.own_id for row in found if row.own_id is not None])
    lines = []
    for row in found:
        customer = seen.get(row.own_id) if row.own_id is not None else None
        name = scope.show("scores/customers", "name", str(customer)) if customer else None
        lines.append({
            "pk": row.pk, "key": shown(row.key), "contract": CONTRACTS[row.contract].words, "source": row.source,
            "name": name, "who": row.archiving.made_by, "at": row.archiving.made_at, "reason": row.archiving.reason,
            "why": _why(row.archiving, scope), "deed": row.archiving.deed, "migration": row.archiving.migration,
        })  # fmt: skip
    return lines
