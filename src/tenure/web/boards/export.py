"""A board taken out as a file: with the figures of whoever takes it, and written down first."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tenure.desk.customers import services
from tenure.desk.customers.models import Publication
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import User
from tenure.desk.lake import workspace
from tenure.web.boards.excel import workbook
from tenure.web.boards.found import Opened, Teller, opened
from tenure.web.boards.pdf import pdf
from tenure.web.boards.picking import Picked, picked
from tenure.web.metrics.showing import period_shown

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@require_POST
def export(request: HttpRequest, board: str) -> HttpResponse:
    """The board for the picked period and segment as PDF, or as Excel where that is asked for."""
    found = opened(request, board, request.POST.get("link", ""))
    publication = Publication.current()
    back = reverse("admin:board", args=[found.key])
    if publication is None:
        return HttpResponseRedirect(back)
    asked = picked(request.POST, request.user, publication)
    if asked.gone:
        messages.error(request, _("The segment is gone, or not yours to see. Choose another."))
        return HttpResponseRedirect(back)
    user = request.user
    assert isinstance(user, User)
    services.record_export(
        what=f"board {found.key}", rows=len(found.spots), query=asked.query, actor=user, now=timezone.now()
    )
    teller = Teller(asked, publication)
    tiles = [(spot.width, teller.tile(spot, found.spots)) for spot in found.spots]
    about = _about(asked, publication, user)
    if request.POST.get("format") == "xlsx":
        body, kind, ending = workbook(found.name, about, [tile for _width, tile in tiles]), EXCEL, "xlsx"
    else:
        body, kind, ending = pdf(found.name, about, tiles, _foot(user)), "application/pdf", "pdf"
    answer = HttpResponse(body, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{_file_name(found, asked)}.{ending}"'
    answer["Cache-Control"] = "no-store"
    return answer


def _about(asked: Picked, publication: Publication, user: User) -> list[str]:
    day = date_format(timezone.localtime(publication.as_of), "Y-m-d")
    told = [f"{_('Period')}: {period_shown(asked.period)}", _("As of %(day)s") % {"day": day}]
    if asked.segment is not None:
        told.insert(1, f"{_('Segment')}: {asked.segment.name}")
    if not scope_of(user).sees_all:
        told.append(_("Figures of the customers %(name)s may see") % {"name": user.shown_name})
    return [" · ".join(told)]


def _foot(user: User) -> str:
    return " · ".join(
        part for part in (workspace().company, _("Taken by %(name)s") % {"name": user.shown_name}) if part
    )


def _file_name(found: Opened, asked: Picked) -> str:
    return f"board-{found.key}-{asked.period.start.isoformat()}"
