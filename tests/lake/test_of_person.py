"""One person's rows, by a question planned once: the same as reading them at the door, for whoever asks."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest
from tests.cast import LI, SMITH, WANG, cards, fill

from tenure.lake import SYSTEM, Lake, Scope

COLUMNS = ("person_id", "name", "phone", "email", "monetary_base_minor", "region")
ASKERS = {
    "system": SYSTEM,
    "of some": Scope(reach="own", user_id=1),
    "masked": Scope(reach="all", masked=frozenset({"phone", "email"}), hidden=frozenset({"amounts", "name"})),
    "nobody": Scope(),
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("home") / "lake"
    fill(folder)
    return Lake(folder, assigned=lambda scope: pa.array([WANG, LI] if scope.reach == "own" else [], pa.int64()))


def card(rows: ibis.Table) -> ibis.Table:
    return rows.select(*COLUMNS)


def read(lake: Lake, person: int, actor: Scope) -> list[dict[str, Any]]:
    table = lake.read("scores/customers", actor=actor)
    return lake.to_arrow(card(table.filter(table.person_id == person))).to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("actor", ASKERS.values(), ids=ASKERS)
def test_it_is_what_the_door_gives(lake: Lake, actor: Scope) -> None:
    for person in (WANG, LI, SMITH, 999):
        found = lake.of_person("scores/customers", person, card, named="card", actor=actor).to_pylist()
        assert found == read(lake, person, actor)


def test_one_asker_never_gets_what_was_planned_for_another(lake: Lake) -> None:
    def phone(actor: Scope) -> list[Any]:
        rows = lake.of_person("scores/customers", WANG, card, named="card", actor=actor)
        return rows["phone"].to_pylist()

    clear, masked, nobody, again = (phone(ASKERS[name]) for name in ("system", "masked", "nobody", "system"))

    assert clear == again == ["+8613800001211"]
    assert masked == ["138****1211"]
    assert nobody == []


def test_what_was_published_since_is_seen(tmp_path: Path) -> None:
    fill(tmp_path / "lake")
    lake = Lake(tmp_path / "lake")

    def region() -> list[Any]:
        return lake.of_person("scores/customers", WANG, card, named="card", actor=SYSTEM)["region"].to_pylist()  # type: ignore[no-any-return]

    assert region() == ["浙江"]
    lake.publish("scores/customers", cards(region={WANG: "江苏"}))
    assert region() == ["江苏"]


def test_a_table_that_is_not_there_yet_is_empty_and_then_is_not(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")

    def orders() -> int:
        pick = lambda rows: rows.select("order_id", "ordered_at")  # noqa: E731
        return int(lake.of_person("records/orders", WANG, pick, named="orders", actor=SYSTEM).num_rows)

    assert orders() == 0
    fill(tmp_path / "lake")
    assert orders() > 0


def test_instants_come_in_utc(lake: Lake) -> None:
    pick = lambda rows: rows.order_by(rows.ordered_at).select("ordered_at").limit(1)  # noqa: E731

    found = lake.of_person("records/orders", WANG, pick, named="first", actor=SYSTEM)

    assert found["ordered_at"].to_pylist() == [datetime(2025, 3, 10, 4, tzinfo=UTC)]
