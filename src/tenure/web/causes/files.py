"""The fishbone, the tree and the statements, to take along."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenure.desk.causes.exporting import leaver_lines, statement_lines, taxonomy_lines
from tenure.desk.causes.importing import LARGEST, import_tree
from tenure.desk.causes.models import Statement
from tenure.desk.causes.reading import Line, lines
from tenure.desk.causes.taxonomy import tree
from tenure.desk.customers.models import Publication
from tenure.desk.governance import audit
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.lake import Scope
from tenure.web.causes import fishbone
from tenure.web.causes.asked import Look, counted
from tenure.web.causes.part import bones_of, rows_of

CHUNK = 500


@require_safe
def drawing(request: HttpRequest) -> HttpResponse:
    """The fishbone as an SVG file for a report or the wall; its links lead nowhere outside, so they are left out."""
    scope, shown, nodes = scope_of(request.user), Publication.current(), tree()
    look = Look.read(request.GET.dict(), scope)
    found = counted(scope, shown, look, nodes)
    better = found.corrected if request.GET.get("rank") != "said" else None
    note = ""
    if better is not None:
        note = _(
            "≈ estimated, with the interval that holds the truth about 95 times in 100: of %(n)s leavers asked in depth, %(m)s meant something else than they had said. Said: as leavers say it."
        ) % {"n": better.asked, "m": better.otherwise}
    head = _("Left: %(n)s") % {"n": f"{len(found.leavers):,}"}
    drawn = fishbone.lying(
        bones_of(found, nodes, look, estimated=better is not None), head,
        _("Fishbone diagram of why customers left"), alone=True, note=note,
    ).replace("<a href=", "<g data-of=").replace("</a>", "</g>")  # fmt: skip
    name = f"fishbone-{timezone.localdate():%Y%m%d}.svg"
    return HttpResponse(
        drawn,
        content_type="image/svg+xml; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_POST
def leavers(request: HttpRequest) -> HttpResponse:
    """Leavers by cause as CSV, as said and as interviews correct it, looked at as the page was."""
    user = request.user
    assert isinstance(user, User)
    scope, shown, nodes = scope_of(user), Publication.current(), tree()
    look = Look.read(request.POST.dict(), scope)
    found = counted(scope, shown, look, nodes)
    rows = rows_of(found, nodes, scope, look, estimated=found.corrected is not None)
    with transaction.atomic():
        audit.record("export_leavers", "cause", len(rows), actor=user, now=timezone.now(), through="page")
    return csv_file("leavers-by-cause", leaver_lines(rows, found.corrected))


def csv_file(name: str, told: Iterable[str]) -> HttpResponse:
    """These lines as a file of today's; made before it is sent, while the page's language is set."""
    name = f"{name}-{timezone.localdate():%Y%m%d}.csv"
    return HttpResponse(
        "".join(told), content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )  # fmt: skip


@require_POST
def statements(request: HttpRequest) -> HttpResponse:
    """Every statement the asker may see, as CSV, with an audit entry before the first byte leaves."""
    user = request.user
    assert isinstance(user, User)
    scope = scope_of(user)
    rows = Statement.objects.visible_to(scope)
    with transaction.atomic():
        audit.record(
            "export_statements", "statements", rows.count(), actor=user, now=timezone.now(), through="page"
        )  # fmt: skip
    return csv_file("statements", statement_lines(_in_chunks(scope), scope))


def _in_chunks(scope: Scope) -> Iterator[Line]:
    nodes, last = tree(), 0
    while True:
        rows = list(Statement.objects.visible_to(scope).filter(pk__gt=last).order_by("pk")[:CHUNK])
        if not rows:
            return
        yield from lines(scope, rows, nodes)
        last = rows[-1].pk


@require_POST
def bring(request: HttpRequest) -> HttpResponse:
    """The tree of causes from a file, whole or not at all."""
    user, file = request.user, request.FILES.get("file")
    assert isinstance(user, User)
    try:
        if file is None:
            raise TenureError(_("Choose a file first."))
        told = import_tree(file.read(LARGEST + 1), actor=user, now=timezone.now())
    except TenureError as error:
        messages.error(request, _("Nothing was taken from the file. %(why)s") % {"why": error})
    else:
        messages.success(
            request,
            _("Added: %(added)s. Changed: %(changed)s. Retired: %(retired)s. Brought back: %(restored)s. As they were: %(same)s.")
            % asdict(told),
        )  # fmt: skip
    return HttpResponseRedirect(reverse("admin:causes_tree"))


@require_POST
def taxonomy(request: HttpRequest) -> HttpResponse:
    """The tree of causes as CSV."""
    user = request.user
    assert isinstance(user, User)
    nodes = tree()
    with transaction.atomic():
        audit.record("export_causes", "cause", len(nodes), actor=user, now=timezone.now(), through="page")
    return HttpResponse(
        "".join(taxonomy_lines(nodes)), content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="causes.csv"'},
    )  # fmt: skip
