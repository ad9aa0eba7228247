"""The verbs of boards: each is one transaction, one audit entry, one announced event. Only its owner changes a board."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from tenure.desk.customers.boards.models import Board, BoardShare, BoardTile, tiles_of
from tenure.desk.customers.boards.ready import READY, Placed
from tenure.desk.customers.events import BoardSaved
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.access import may, roles
from tenure.desk.governance.models import Team, User
from tenure.errors import TenureError
from tenure.lake import Scope
from tenure.language import tr

LONGEST, MOST_BOARDS, MOST_TILES, MOST_SHARES = 80, 200, 40, 40
WIDTHS = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class With:
    """Whom a board is shared with: everyone, one team, or one role."""

    everyone: bool = False
    teams: Sequence[int] = ()
    roles: Sequence[str] = ()


@transaction.atomic
def make(name: str, *, tiles: Sequence[Placed] = (), actor: User, now: datetime) -> Board:
    """Make a board of one's own. Raises TenureError without a name, or past the limit of boards or tiles."""
    board = _new(name, tiles, actor, now)
    _written("make_board", board, actor, now, tiles=len(tiles))
    return board


@transaction.atomic
def copy(board: Board | str, name: str, *, actor: User, now: datetime) -> Board:
    """Take a copy as a board of one's own: of a ready-made one by its name, or of one the actor may open.

    Whoever calls it has made sure of that. With nobody is a copy shared. Raises as `make`, and KeyError for no such name.
    """
    if isinstance(board, str):
        tiles: Sequence[Placed] = READY[board].tiles
    else:
        tiles = [Placed(kind, options, width) for kind, options, width in tiles_of(board)]
    made = _new(name, tiles, actor, now)
    source = board if isinstance(board, str) else board.pk
    _written("copy_board", made, actor, now, of=source, tiles=len(tiles))
    return made


@transaction.atomic
def rename(board_id: int, name: str, *, actor: User, now: datetime) -> Board:
    """Call one's own board something else. Raises Board.DoesNotExist for another's, TenureError without a name."""
    board, said = _own(board_id, actor), _named(name)
    if board.name == said:
        return board
    before, board.name = board.name, said
    _changed("rename_board", board, actor, now, before={"name": before}, after={"name": said})
    return board


@transaction.atomic
def add_tile(board_id: int, placed: Placed, *, actor: User, now: datetime) -> BoardTile:
    """Put a tile at the end of one's own board; its kind says which options make sense and has checked them.

    Raises Board.DoesNotExist for another's, TenureError past the limit, for a width that is none or options that are none.
    """
    board = _own(board_id, actor)
    there = list(board.tiles.values_list("place", flat=True))
    if len(there) >= MOST_TILES:
        raise TenureError(
            tr("A board holds up to {limit} tiles. Take one away, or make another board.", limit=MOST_TILES)
        )
    kind, options, width = _fit(placed)
    tile = BoardTile.objects.create(
        board=board, place=max(there, default=0) + 1, kind=kind, options=options, width=width
    )
    _changed("add_tile", board, actor, now, tile=tile.pk, kind=kind)
    return tile


@transaction.atomic
def move_tile(board_id: int, tile_id: int, by: int, *, actor: User, now: datetime) -> None:
    """Move a tile so many places towards the end (or the beginning, below 0); at the edge it stays.

    Raises Board.DoesNotExist for another's board, BoardTile.DoesNotExist for a tile that is not on it.
    """
    board = _own(board_id, actor)
    order = [tile.pk for tile in board.tiles.all()]
    if tile_id not in order:
        raise BoardTile.DoesNotExist
    at = order.index(tile_id)
    to = min(max(at + by, 0), len(order) - 1)
    if to != at:
        order.insert(to, order.pop(at))
        _order(board, order, actor, now)


@transaction.atomic
def order_tiles(board_id: int, wanted: Sequence[int], *, actor: User, now: datetime) -> None:
    """Put the tiles of one's own board in this order; tiles not named keep theirs, behind the named ones.

    Raises Board.DoesNotExist for another's.
    """
    board = _own(board_id, actor)
    there = [tile.pk for tile in board.tiles.all()]
    named = [pk for pk in dict.fromkeys(wanted) if pk in there]
    order = [*named, *(pk for pk in there if pk not in named)]
    if order != there:
        _order(board, order, actor, now)


@transaction.atomic
def resize_tile(board_id: int, tile_id: int, width: int, *, actor: User, now: datetime) -> None:
    """Have a tile be 1 to 4 columns wide. Raises as `move_tile`, and TenureError for another width."""
    board = _own(board_id, actor)
    tile = board.tiles.get(pk=tile_id)
    if width not in WIDTHS:
        raise TenureError(tr("A tile is 1 to 4 columns wide; found {width}.", width=width))
    if tile.width != width:
        before, tile.width = tile.width, width
        tile.save(update_fields=["width"])
        _changed("resize_tile", board, actor, now, tile=tile.pk, before={"width": before}, after={"width": width})


@transaction.atomic
def change_tile(board_id: int, tile_id: int, options: Mapping[str, Any], *, actor: User, now: datetime) -> None:
    """Give a tile other options, which its kind has checked. Raises as `move_tile`, and TenureError for what is none."""
    board = _own(board_id, actor)
    tile = board.tiles.get(pk=tile_id)
    _kind, fit, _width = _fit(Placed(tile.kind, options, tile.width))
    if tile.options != fit:
        tile.options = fit
        tile.save(update_fields=["options"])
        _changed("change_tile", board, actor, now, tile=tile.pk, kind=tile.kind)


@transaction.atomic
def remove_tile(board_id: int, tile_id: int, *, actor: User, now: datetime) -> None:
    """Take a tile off one's own board. Raises as `move_tile`."""
    board = _own(board_id, actor)
    tile = board.tiles.get(pk=tile_id)
    kind = tile.kind
    tile.delete()
    _changed("remove_tile", board, actor, now, tile=tile_id, kind=kind)


@transaction.atomic
def share(board_id: int, shared: With, *, actor: User, now: datetime) -> None:
    """Say whom one's own board is shared with, instead of whoever it was; it shows nobody a figure beyond their reach.

    Raises Board.DoesNotExist for another's, TenureError where the actor's role may not share, and for teams or roles
    that are none.
    """
    board = _own(board_id, actor)
    if not may(actor, "share"):
        raise TenureError(tr("Your role may not share boards."))
    teams, codes = sorted(set(shared.teams)), sorted(set(shared.roles))
    unknown = [code for code in codes if code not in roles()]
    if unknown or Team.objects.filter(pk__in=teams).count() != len(teams) or len(teams) + len(codes) > MOST_SHARES:
        raise TenureError(tr("Share a board with roles and teams that there are."))
    before = _shared(board)
    board.shares.all().delete()
    rows = [BoardShare(board=board, kind=BoardShare.Kind.ALL)] if shared.everyone else []
    rows += [BoardShare(board=board, kind=BoardShare.Kind.TEAM, team_id=pk) for pk in teams]
    rows += [BoardShare(board=board, kind=BoardShare.Kind.ROLE, role=code) for code in codes]
    BoardShare.objects.bulk_create(rows)
    after = _shared(board)
    if after != before:
        _changed("share_board", board, actor, now, before={"shared": before}, after={"shared": after})


@transaction.atomic
def open_link(board_id: int, *, actor: User, now: datetime) -> Board:
    """Give one's own board a link that opens it to whoever is signed in and may see figures; an older one stays shut.

    Raises Board.DoesNotExist for another's, TenureError where the actor's role may not share.
    """
    board = _own(board_id, actor)
    if not may(actor, "share"):
        raise TenureError(tr("Your role may not share boards."))
    if not board.linked:
        board.linked, board.links = True, board.links + 1
        _changed("link_board", board, actor, now)
    return board


@transaction.atomic
def close_link(board_id: int, *, actor: User, now: datetime) -> Board:
    """Take the link back: from now on it opens nothing. Raises Board.DoesNotExist for another's board."""
    board = _own(board_id, actor)
    if board.linked:
        board.linked = False
        _changed("unlink_board", board, actor, now)
    return board


@transaction.atomic
def delete(board_id: int, *, actor: User, now: datetime) -> None:
    """Delete one's own board, for everyone it was shared with. Raises Board.DoesNotExist for another's."""
    board = _own(board_id, actor)
    audit.record("delete_board", "board", board.pk, actor=actor, now=now, name=board.name, tiles=board.tiles.count())
    announce(BoardSaved(board.pk, "delete_board"))
    board.delete()


def opened(board_id: int, scope: Scope) -> Board | None:
    """The board, where it is this asker's to open."""
    return Board.objects.visible_to(scope).filter(pk=board_id).first()


def _new(name: str, tiles: Sequence[Placed], actor: User, now: datetime) -> Board:
    said = _named(name)
    if Board.objects.filter(owner=actor).count() >= MOST_BOARDS:
        raise TenureError(tr("You have {limit} boards already. Delete those you no longer use.", limit=MOST_BOARDS))
    if len(tiles) > MOST_TILES:
        raise TenureError(
            tr("A board holds up to {limit} tiles. Take one away, or make another board.", limit=MOST_TILES)
        )
    board = Board.objects.create(name=said, owner=actor, made_at=now, changed_at=now)
    fitted = [_fit(tile) for tile in tiles]
    BoardTile.objects.bulk_create(
        BoardTile(board=board, place=at, kind=kind, options=options, width=width)
        for at, (kind, options, width) in enumerate(fitted, start=1)
    )
    return board


def _named(name: str) -> str:
    said = " ".join(name.replace("\x00", "").split())
    if not said:
        raise TenureError(tr("Give the board a name."))
    if len(said) > LONGEST:
        raise TenureError(
            tr("That is too long: {length} characters, and {limit} fit.", length=len(said), limit=LONGEST)
        )
    return said


def _fit(placed: Placed) -> tuple[str, dict[str, str], int]:
    """The tile as it is kept: short texts only, so that no options can carry anything but choices."""
    options = {str(name): str(value) for name, value in placed.options.items() if value not in (None, "")}
    if placed.width not in WIDTHS:
        raise TenureError(tr("A tile is 1 to 4 columns wide; found {width}.", width=placed.width))
    fits = all(len(name) <= 40 and len(value) <= 200 and "\x00" not in name + value for name, value in options.items())
    if not 0 < len(placed.kind) <= 40 or len(options) > 20 or not fits:
        raise TenureError(tr("That is no tile that there is. Choose one of those offered."))
    return placed.kind, options, placed.width


def _own(board_id: int, actor: User) -> Board:
    return Board.objects.select_for_update().get(pk=board_id, owner=actor)


def _order(board: Board, order: Sequence[int], actor: User, now: datetime) -> None:
    tiles = board.tiles.in_bulk()
    for at, pk in enumerate(order, start=1):
        tiles[pk].place = at
    BoardTile.objects.bulk_update(tiles.values(), ["place"])
    _changed("order_tiles", board, actor, now)


def _shared(board: Board) -> list[str]:
    return [
        "all" if one.kind == "all" else f"{one.kind} {one.role or one.team_id}" for one in board.shares.order_by("pk")
    ]


def _changed(verb: str, board: Board, actor: User, now: datetime, **detail: Any) -> None:
    board.changed_at = now
    board.save()
    _written(verb, board, actor, now, **detail)


def _written(verb: str, board: Board, actor: User, now: datetime, **detail: Any) -> None:
    audit.record(verb, "board", board.pk, actor=actor, now=now, name=board.name, **detail)
    announce(BoardSaved(board.pk, verb))
