"""Boards for programs, within the key's reach and fields."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tenure.desk.customers.boards import services
from tenure.desk.customers.boards.models import Board
from tenure.desk.customers.boards.ready import READY, Placed
from tenure.desk.customers.boards.services import With
from tenure.desk.customers.segments import changes
from tenure.desk.customers.segments import services as segments
from tenure.desk.customers.segments.asking import asker_of
from tenure.desk.customers.segments.services import Draft
from tenure.desk.governance import keys
from tenure.desk.governance.access import scope_of
from tenure.desk.governance.models import User
from tenure.desk.lake import lake
from tests.cast import EAST, MONDAY, SOUTH

pytestmark = pytest.mark.django_db

TILES = [Placed("metric", {"metric": "revenue"}), Placed("split", {"metric": "revenue", "by": "team"}, 2),
         Placed("metric", {"metric": "stock_cover_days"}), Placed("metric", {"metric": "gone"}), Placed("strange", {})]  # fmt: skip


@pytest.fixture
def board(company: dict[str, User]) -> Board:
    made = services.make("Shown", tiles=TILES, actor=company["dee"], now=MONDAY)
    services.share(made.pk, With(roles=["manager"]), actor=company["dee"], now=MONDAY)
    return made


@pytest.fixture
def ask(company: dict[str, User]) -> Any:
    """What the API answers to a key of this person."""

    def ask(name: str, path: str) -> Any:
        until = timezone.now() + timedelta(days=9)
        user = company[name]
        key = keys.make_key(user, role=user.role, expires_at=until, name="t", actor=None, now=timezone.now())[1]
        return Client().get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {key}"})

    return ask


def test_a_key_lists_the_boards_its_owner_may_open(ask: Any, board: Board) -> None:
    for name, opens in (("dee", True), ("mia", True), ("ivy", False)):
        found = {one["id"]: one for one in ask(name, "boards").json()}
        assert (str(board.pk) in found) is opens
        assert set(READY) <= set(found)


@pytest.mark.parametrize(("name", "reached"), [("dee", EAST | SOUTH), ("mia", EAST)])
def test_a_board_s_figures_are_of_the_customers_the_key_reaches(
    ask: Any, board: Board, name: str, reached: set[int]
) -> None:
    told = ask(name, f"boards/{board.pk}/figures?on=2025-03-09").json()

    revenue, apart, stock, gone, strange = told["tiles"]
    assert (told["period_start"], told["period_end"]) == ("2025-03-01", "2025-04-01")
    assert revenue["value"] == sum(2_000 * person for person in reached)
    assert sum(part["value"] for part in apart["parts"]) == revenue["value"]
    assert stock["value"] is None
    assert stock["why"]["en"]
    assert gone["why"]
    assert strange["why"]


def test_a_segment_narrows_the_figures_of_a_board(ask: Any, board: Board, company: dict[str, User]) -> None:
    dee = company["dee"]
    draft = Draft("Zhejiang", {"field": "region", "is": "in", "value": ["浙江"]}, "all")
    row = segments.create(draft, asker=asker_of(dee, scope_of(dee)), actor=dee, now=MONDAY)
    changes.work_out(lake(), row.pk, now=MONDAY, actor=dee)

    told = ask("dee", f"boards/{board.pk}/figures?on=2025-03-09&segment={row.pk}").json()

    assert told["tiles"][0]["value"] == sum(2_000 * person for person in EAST)


@pytest.mark.parametrize(
    ("path", "status"),
    [("boards/987654/figures", 404), ("boards/x/figures", 404), ("boards/{board}/figures?grain=age", 422),
     ("boards/{board}/figures?on=x", 422), ("boards/{board}/figures?on=2999-01-01", 422),
     ("boards/{board}/figures?segment=987654", 404)],
)  # fmt: skip
def test_what_cannot_be_asked_of_a_board_is_refused_in_words(ask: Any, board: Board, path: str, status: int) -> None:
    answer = ask("dee", path.replace("{board}", str(board.pk)))

    assert answer.status_code == status
    assert answer.json()["detail"]


def test_another_s_board_and_a_role_without_insight_get_nothing(ask: Any, board: Board) -> None:
    assert ask("ivy", f"boards/{board.pk}/figures").status_code == 404
