"""The list of boards, a board, and each of its tiles as a piece of the page."""

from collections.abc import Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from tenure.desk.customers.boards.links import link_of
from tenure.desk.customers.boards.models import Board
from tenure.desk.customers.boards.ready import READY
from tenure.desk.customers.boards.services import WIDTHS
from tenure.desk.customers.models import Publication
from tenure.desk.governance.access import roles
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import Team
from tenure.web.boards.found import Opened, Spot, Teller, form_of, opened
from tenure.web.boards.picking import Picked, periods, picked, segments
from tenure.web.boards.tiles import kinds
from tenure.web.frame import render


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """Every board the reader may open: the own ones, those shared with them, and those that come with the product."""
    scope = scope_of(request.user)
    rows = list(Board.objects.visible_to(scope).select_related("owner").prefetch_related("tiles", "shares__team"))
    names = {code: str(role.words) for code, role in roles().items()}
    told = [
        {
            "row": row,
            "mine": row.owner_id == scope.user_id,
            "tiles": len(row.tiles.all()),
            "shared": _shared(row, names),
        }
        for row in rows
    ]
    told.sort(key=lambda one: not one["mine"])
    ready = [(one.name, str(one.words), str(one.meaning), len(one.tiles)) for one in READY.values()]
    return render(request, "boards/list.html", _("Boards"), rows=told, ready=ready)


@require_safe
def page(request: HttpRequest, board: str) -> HttpResponse:
    """A board for the picked period and segment: what is known at once, and the tiles that follow by themselves.

    With `edit` in its address, the owner changes it there.
    """
    found = opened(request, board, request.GET.get("link", ""))
    publication = Publication.current()
    if publication is None:
        return render(request, "boards/board.html", found.name, board=found, publication=None)
    asked = picked(request.GET, request.user, publication)
    editing = found.mine and "edit" in request.GET
    context: dict[str, Any] = _editing(request, found) if editing else {}
    return render(
        request,
        "boards/board.html",
        found.name,
        board=found,
        publication=publication,
        picked=asked,
        query=asked.query,
        periods=periods(publication, asked.code),
        segments=segments(request.user),
        tiles=[] if asked.gone else _tiles(found.spots, asked, publication, request, editing=editing),
        editing=editing,
        may_export=may(request.user, "export"),
        limited=not scope_of(request.user).sees_all,
        **context,
    )


@require_safe
def piece(request: HttpRequest, board: str, tile: int) -> HttpResponse:
    """One tile, worked out where it is not known yet, as a piece of the page."""
    found = opened(request, board, request.GET.get("link", ""))
    publication = Publication.current()
    spot = next((one for one in found.spots if one.number == tile), None)
    if publication is None or spot is None:
        raise Http404
    asked = picked(request.GET, request.user, publication)
    if asked.gone:
        raise Http404
    drawn = Teller(asked, publication).tile(spot, found.spots)
    return render(request, "boards/_tile.html", "", spot=spot, tile=drawn)


def _tiles(
    spots: Sequence[Spot], asked: Picked, publication: Publication, request: HttpRequest, *, editing: bool
) -> list[dict[str, Any]]:
    teller = Teller(asked, publication)
    last = len(spots) - 1
    return [
        {
            "spot": spot, "tile": teller.at_once(spot), "first": at == 0, "last": at == last,
            "kind": str(kinds()[spot.kind].words) if spot.kind in kinds() else spot.kind,
            "form": form_of(spot.kind, request.user, spot.options) if editing and spot.kind in kinds() else [],
        }
        for at, spot in enumerate(spots)
    ]  # fmt: skip


def _editing(request: HttpRequest, found: Opened) -> dict[str, Any]:
    assert found.row is not None
    shares = list(found.row.shares.all())
    shared_roles, shared_teams = {one.role for one in shares}, {one.team_id for one in shares}
    link = link_of(found.row)
    where = reverse("admin:board", args=[found.key])
    return {
        "kinds": [
            {"name": one.name, "words": str(one.words), "meaning": str(one.meaning), "width": one.width,
             "form": form_of(one.name, request.user)}
            for one in kinds().values()
        ],
        "widths": WIDTHS,
        "may_share": may(request.user, "share"),
        "everyone": any(one.kind == "all" for one in shares),
        "roles": [(code, str(role.words), code in shared_roles) for code, role in roles().items()
                  if "insight" in role.permissions],
        "teams": [(team.pk, team.name, team.pk in shared_teams) for team in Team.objects.order_by("name")],
        "link": request.build_absolute_uri(f"{where}?link={link}") if link else "",
    }  # fmt: skip


def _shared(row: Board, names: dict[str, str]) -> list[str]:
    told = []
    for one in row.shares.all():
        if one.kind == "all":
            told.append(_("everyone"))
        elif one.kind == "team" and one.team is not None:
            told.append(one.team.name)
        else:
            told.append(names.get(one.role, one.role))
    return told


__all__ = ["listing", "page", "piece"]
