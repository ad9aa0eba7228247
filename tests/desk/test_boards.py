"""Boards: who may open one, who changes it, and what every change leaves behind."""

from collections.abc import Callable
from typing import Any

import pytest

from tenure.desk.customers.boards import services
from tenure.desk.customers.boards.links import link_of, opens
from tenure.desk.customers.boards.models import Board, BoardTile
from tenure.desk.customers.boards.ready import READY, Placed
from tenure.desk.customers.boards.services import MOST_TILES, With
from tenure.desk.governance.access import scope_of
from tenure.desk.governance.models import AuditEntry, Team, User
from tenure.desk.governance.trail import VERBS
from tenure.errors import TenureError
from tests.cast import MONDAY

pytestmark = pytest.mark.django_db

NUMBERS = [Placed("metric", {"metric": name}) for name in ("revenue", "nps", "churn_rate")]


@pytest.fixture
def board(people: dict[str, User]) -> Board:
    return services.make("Ours", tiles=NUMBERS, actor=people["mia"], now=MONDAY)


def by(people: dict[str, User], name: str = "mia") -> dict[str, Any]:
    return {"actor": people[name], "now": MONDAY}


def metrics(board: Board) -> list[str]:
    return [tile.options["metric"] for tile in board.tiles.all()]


def opened_by(people: dict[str, User], board: Board) -> set[str]:
    return {name for name, user in people.items() if services.opened(board.pk, scope_of(user)) is not None}


def test_a_new_board_is_its_maker_s_alone(people: dict[str, User], board: Board) -> None:
    assert opened_by(people, board) == {"mia"}


def test_a_board_is_shared_with_a_team_a_role_or_everyone_and_no_longer(people: dict[str, User], board: Board) -> None:
    south = Team.objects.get(name="South")

    services.share(board.pk, With(teams=[south.pk]), **by(people))
    assert opened_by(people, board) == {"mia", "bo"}
    services.share(board.pk, With(roles=["analyst"]), **by(people))
    assert opened_by(people, board) == {"mia", "ivy"}
    services.share(board.pk, With(everyone=True), **by(people))
    assert opened_by(people, board) >= {"dee", "noa", "ivy", "ann", "bo"}
    services.share(board.pk, With(), **by(people))
    assert opened_by(people, board) == {"mia"}


def test_nobody_without_a_role_or_an_account_opens_what_everyone_may(people: dict[str, User], board: Board) -> None:
    services.share(board.pk, With(everyone=True), **by(people))

    assert not {"zed", "old"} & opened_by(people, board)


def test_tiles_are_added_at_the_end_moved_resized_changed_and_removed(people: dict[str, User], board: Board) -> None:
    added = services.add_tile(board.pk, Placed("line", {"metric": "orders"}, 2), **by(people))
    services.move_tile(board.pk, added.pk, -2, **by(people))
    assert metrics(board) == ["revenue", "orders", "nps", "churn_rate"]

    services.move_tile(board.pk, added.pk, -9, **by(people))
    services.resize_tile(board.pk, added.pk, 4, **by(people))
    services.change_tile(board.pk, added.pk, {"metric": "arpu"}, **by(people))
    assert metrics(board) == ["arpu", "revenue", "nps", "churn_rate"]
    assert board.tiles.first().width == 4  # type: ignore[union-attr]

    services.remove_tile(board.pk, added.pk, **by(people))
    assert metrics(board) == ["revenue", "nps", "churn_rate"]


def test_an_order_names_tiles_of_the_board_and_passes_over_all_else(people: dict[str, User], board: Board) -> None:
    first, second, third = board.tiles.all()
    other = services.make("Other", tiles=NUMBERS, **by(people, "dee"))
    stranger = other.tiles.all()[0]

    services.order_tiles(board.pk, [third.pk, stranger.pk, third.pk, first.pk, 99999], **by(people))

    assert [tile.pk for tile in board.tiles.all()] == [third.pk, first.pk, second.pk]


VERBS_OF_OTHERS: dict[str, Callable[[Board, int, dict[str, Any]], object]] = {
    "rename": lambda board, tile, me: services.rename(board.pk, "Mine now", **me),
    "add": lambda board, tile, me: services.add_tile(board.pk, NUMBERS[0], **me),
    "move": lambda board, tile, me: services.move_tile(board.pk, tile, 1, **me),
    "order": lambda board, tile, me: services.order_tiles(board.pk, [tile], **me),
    "resize": lambda board, tile, me: services.resize_tile(board.pk, tile, 2, **me),
    "change": lambda board, tile, me: services.change_tile(board.pk, tile, {"metric": "arpu"}, **me),
    "remove": lambda board, tile, me: services.remove_tile(board.pk, tile, **me),
    "share": lambda board, tile, me: services.share(board.pk, With(everyone=True), **me),
    "link": lambda board, tile, me: services.open_link(board.pk, **me),
    "unlink": lambda board, tile, me: services.close_link(board.pk, **me),
    "delete": lambda board, tile, me: services.delete(board.pk, **me),
}


@pytest.mark.parametrize("verb", VERBS_OF_OTHERS)
def test_whom_a_board_is_shared_with_may_not_change_it(people: dict[str, User], board: Board, verb: str) -> None:
    services.share(board.pk, With(everyone=True), **by(people))
    before = AuditEntry.objects.count()

    with pytest.raises(Board.DoesNotExist):
        VERBS_OF_OTHERS[verb](board, board.tiles.all()[0].pk, by(people, "dee"))

    assert AuditEntry.objects.count() == before


def test_a_tile_of_another_board_is_none_of_one_s_own(people: dict[str, User], board: Board) -> None:
    own = services.make("Own", tiles=NUMBERS, **by(people, "dee"))
    strange = board.tiles.all()[0].pk

    with pytest.raises(BoardTile.DoesNotExist):
        services.remove_tile(own.pk, strange, **by(people, "dee"))
    with pytest.raises(BoardTile.DoesNotExist):
        services.move_tile(own.pk, strange, 1, **by(people, "dee"))


def test_a_copy_is_the_copier_s_own_shared_with_nobody_and_stays_as_it_was(
    people: dict[str, User], board: Board
) -> None:
    services.share(board.pk, With(everyone=True), **by(people))

    made = services.copy(board, "Copied", **by(people, "ivy"))
    services.remove_tile(board.pk, board.tiles.all()[0].pk, **by(people))

    assert metrics(made) == ["revenue", "nps", "churn_rate"]
    assert opened_by(people, made) == {"ivy"}


@pytest.mark.parametrize("name", READY)
def test_each_ready_made_board_can_be_taken_over(people: dict[str, User], name: str) -> None:
    made = services.copy(name, "Taken", **by(people))

    assert made.tiles.count() == len(READY[name].tiles)


def test_a_link_opens_its_board_until_it_is_taken_back_and_never_again(people: dict[str, User], board: Board) -> None:
    first = link_of(services.open_link(board.pk, **by(people)))
    board.refresh_from_db()
    assert opens(board, first)

    services.close_link(board.pk, **by(people))
    board.refresh_from_db()
    assert not opens(board, first)

    second = link_of(services.open_link(board.pk, **by(people)))
    board.refresh_from_db()
    assert opens(board, second)
    assert not opens(board, first)


@pytest.mark.parametrize("forged", ["", "1", "1-1.", "x" * 5000, "\x00", "{other}", "{link}x", "{unsigned}"])
def test_no_link_that_was_not_made_for_the_board_opens_it(people: dict[str, User], board: Board, forged: str) -> None:
    other = services.make("Other", **by(people, "dee"))
    services.open_link(other.pk, **by(people, "dee"))
    services.open_link(board.pk, **by(people))
    for row in (board, other):
        row.refresh_from_db()

    made = forged.replace("{other}", link_of(other)).replace("{link}", link_of(board))
    made = made.replace("{unsigned}", f"{board.pk}-{board.links}")

    assert not opens(board, made)


def test_a_role_without_the_permission_shares_nothing(people: dict[str, User]) -> None:
    board = services.make("Ivy's", **by(people, "ivy"))

    with pytest.raises(TenureError):
        services.share(board.pk, With(everyone=True), **by(people, "ivy"))
    with pytest.raises(TenureError):
        services.open_link(board.pk, **by(people, "ivy"))
    assert opened_by(people, board) == {"ivy"}


@pytest.mark.parametrize(
    "placed",
    [
        Placed("", {}), Placed("x" * 41, {}), Placed("metric", {"metric": "x" * 201}), Placed("metric", {"a\x00": "b"}),
        Placed("metric", {}, 0), Placed("metric", {}, 5), Placed("metric", {f"o{n}": "1" for n in range(21)}),
    ],
)  # fmt: skip
def test_what_is_no_tile_is_not_put_on_a_board(people: dict[str, User], board: Board, placed: Placed) -> None:
    with pytest.raises(TenureError):
        services.add_tile(board.pk, placed, **by(people))

    assert board.tiles.count() == 3


@pytest.mark.parametrize("name", ["", "  ", "\x00", "x" * 81])
def test_a_board_has_a_name_that_fits(people: dict[str, User], board: Board, name: str) -> None:
    with pytest.raises(TenureError):
        services.make(name, **by(people))
    with pytest.raises(TenureError):
        services.rename(board.pk, name, **by(people))


def test_a_board_is_shared_with_roles_and_teams_that_there_are(people: dict[str, User], board: Board) -> None:
    for shared in (With(teams=[987654]), With(roles=["emperor"])):
        with pytest.raises(TenureError):
            services.share(board.pk, shared, **by(people))

    assert opened_by(people, board) == {"mia"}


def test_a_board_holds_so_many_tiles_and_no_more(people: dict[str, User]) -> None:
    full = services.make("Full", tiles=NUMBERS[:1] * MOST_TILES, **by(people))

    with pytest.raises(TenureError, match=str(MOST_TILES)):
        services.add_tile(full.pk, NUMBERS[0], **by(people))


def test_every_change_leaves_one_entry_in_words_and_what_changes_nothing_leaves_none(
    people: dict[str, User], board: Board
) -> None:
    tile = board.tiles.all()[0]
    written = AuditEntry.objects.order_by("-pk")[0].pk

    services.rename(board.pk, "Ours", **by(people))
    services.resize_tile(board.pk, tile.pk, 1, **by(people))
    services.move_tile(board.pk, tile.pk, -1, **by(people))
    services.close_link(board.pk, **by(people))
    assert not AuditEntry.objects.filter(pk__gt=written).exists()

    services.rename(board.pk, "Theirs", **by(people))
    services.resize_tile(board.pk, tile.pk, 2, **by(people))
    services.move_tile(board.pk, tile.pk, 1, **by(people))
    services.share(board.pk, With(everyone=True), **by(people))
    services.open_link(board.pk, **by(people))
    services.close_link(board.pk, **by(people))
    services.delete(board.pk, **by(people))

    verbs = list(AuditEntry.objects.filter(pk__gt=written).order_by("pk").values_list("verb", flat=True))
    assert verbs == [
        "rename_board", "resize_tile", "order_tiles", "share_board", "link_board", "unlink_board", "delete_board",
    ]  # fmt: skip
    assert set(verbs) <= set(VERBS)


def test_a_board_named_after_a_customer_forgets_the_name(people: dict[str, User], board: Board) -> None:
    from tenure.desk.governance.holdings import HOLDINGS, Wanted

    services.rename(board.pk, "Watching 王小明", **by(people))
    wanted = Wanted(own_ids=(1,), values={"name": ("王小明",)})
    held = HOLDINGS["board_names"]

    assert held.left(wanted) == 1
    held.let_go(wanted, MONDAY)
    board.refresh_from_db()
    assert held.left(wanted) == 0
    assert "王小明" not in board.name
