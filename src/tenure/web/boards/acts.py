"""What changes a board: each button is one verb, and afterwards the reader is where they were."""

from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tenure.desk.customers.boards import services
from tenure.desk.customers.boards.models import Board, BoardTile
from tenure.desk.customers.boards.ready import READY, Placed
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.web.boards.found import opened
from tenure.web.boards.tiles import checked, kinds
from tenure.web.metrics.asked import number_in


@require_POST
def make(request: HttpRequest) -> HttpResponse:
    """A new board: empty, or a copy of one that the reader may open."""
    user, now = _user(request), timezone.now()
    source, name = request.POST.get("of", ""), request.POST.get("name", "")
    try:
        if source:
            found = opened(request, source, request.POST.get("link", ""))
            of: Board | str = found.row if found.row is not None else found.key
            board = services.copy(of, name or _copy_of(found.name), actor=user, now=now)
            messages.success(request, _("This copy is yours: change it as you like."))
        else:
            board = services.make(name, actor=user, now=now)
    except TenureError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:boards"))
    return HttpResponseRedirect(f"{reverse('admin:board', args=[board.pk])}?edit=1")


@require_POST
def act(request: HttpRequest, board_id: int, verb: str) -> HttpResponse:
    """One change of the reader's own board; another's is not there."""
    do = VERBS.get(verb)
    if do is None:
        raise Http404
    back = _back(request, board_id)
    try:
        told = do(board_id, request.POST, _user(request))
    except (Board.DoesNotExist, BoardTile.DoesNotExist) as error:
        raise Http404 from error
    except TenureError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(back)
    if verb == "delete":
        messages.success(request, _("The board is deleted."))
        return HttpResponseRedirect(reverse("admin:boards"))
    return HttpResponseRedirect(back + (f"#tile-{told}" if told else ""))


def _rename(board_id: int, sent: QueryDict, user: User) -> None:
    services.rename(board_id, sent.get("name", ""), actor=user, now=timezone.now())


def _add(board_id: int, sent: QueryDict, user: User) -> int:
    kind = sent.get("kind", "")
    options = checked(kind, _options(sent), scope_of(user))
    width = number_in(sent.get("width", "")) or kinds()[kind].width
    return services.add_tile(board_id, Placed(kind, options, width), actor=user, now=timezone.now()).pk


def _change(board_id: int, sent: QueryDict, user: User) -> int:
    tile = BoardTile.objects.get(pk=_tile(sent), board_id=board_id, board__owner=user)
    options = checked(tile.kind, _options(sent), scope_of(user))
    services.change_tile(board_id, tile.pk, options, actor=user, now=timezone.now())
    return tile.pk


def _move(board_id: int, sent: QueryDict, user: User) -> int:
    by = {"earlier": -1, "later": 1}.get(sent.get("to", ""), 0)
    services.move_tile(board_id, _tile(sent), by, actor=user, now=timezone.now())
    return _tile(sent)


def _order(board_id: int, sent: QueryDict, user: User) -> None:
    wanted = [pk for text in sent.get("order", "").split(",")[:200] if (pk := number_in(text)) is not None]
    services.order_tiles(board_id, wanted, actor=user, now=timezone.now())


def _resize(board_id: int, sent: QueryDict, user: User) -> int:
    width = number_in(sent.get("width", "")) or 0
    services.resize_tile(board_id, _tile(sent), width, actor=user, now=timezone.now())
    return _tile(sent)


def _remove(board_id: int, sent: QueryDict, user: User) -> None:
    services.remove_tile(board_id, _tile(sent), actor=user, now=timezone.now())


def _share(board_id: int, sent: QueryDict, user: User) -> None:
    teams = [pk for text in sent.getlist("team") if (pk := number_in(text)) is not None]
    told = services.With("everyone" in sent, teams, sent.getlist("role"))
    services.share(board_id, told, actor=user, now=timezone.now())


def _link(board_id: int, sent: QueryDict, user: User) -> None:
    services.open_link(board_id, actor=user, now=timezone.now())


def _unlink(board_id: int, sent: QueryDict, user: User) -> None:
    services.close_link(board_id, actor=user, now=timezone.now())


def _delete(board_id: int, sent: QueryDict, user: User) -> None:
    services.delete(board_id, actor=user, now=timezone.now())


VERBS: Mapping[str, Callable[[int, QueryDict, User], int | None]] = {
    "rename": _rename,
    "add": _add,
    "change": _change,
    "move": _move,
    "order": _order,
    "resize": _resize,
    "remove": _remove,
    "share": _share,
    "link": _link,
    "unlink": _unlink,
    "delete": _delete,
}


def _options(sent: QueryDict) -> dict[str, str]:
    return {name.removeprefix("o."): value for name, value in sent.items() if name.startswith("o.")}  # type: ignore[misc]


def _tile(sent: QueryDict) -> int:
    return number_in(sent.get("tile", "")) or 0


def _back(request: HttpRequest, board_id: int) -> str:
    kept = {name: request.GET[name] for name in ("period", "segment") if request.GET.get(name)}
    return f"{reverse('admin:board', args=[board_id])}?{urlencode({**kept, 'edit': '1'})}"


def _copy_of(name: str) -> str:
    said = _("%(name)s, copy") % {"name": name}
    return name if name in {str(one.words) for one in READY.values()} else said[: services.LONGEST]


def _user(request: HttpRequest) -> User:
    user = request.user
    assert isinstance(user, User)
    return user
