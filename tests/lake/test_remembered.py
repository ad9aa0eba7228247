"""A question the lake was asked before is not turned into SQL again, and what it brought along in memory is let go."""

import gc
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest
from ibis.backends.sql import SQLBackend

from tenure.in_memory import MOST_ROWS, in_memory
from tenure.lake import Lake
from tenure.lake.engines import duckdb


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Each expression that was turned into SQL, by a process that has been asked nothing yet."""
    monkeypatch.setattr(duckdb, "_texts", duckdb._Texts())
    made: list[Any] = []
    really = SQLBackend.compile

    def noting(self: Any, expr: Any, /, **more: Any) -> Any:
        made.append(expr)
        return really(self, expr, **more)

    monkeypatch.setattr(SQLBackend, "compile", noting)
    return made


def persons(*numbers: int) -> pa.Table:
    return pa.table({"person_id": pa.array(numbers, pa.int64())})


def total(lake: Lake, rows: pa.Table) -> int:
    """The sum of the numbers that are kept for a block, among the first two."""
    with lake.kept({"people": in_memory(rows)}) as kept:
        among = kept["people"].semi_join(in_memory(persons(1, 2)), "person_id")
        return int(lake.to_arrow(among.aggregate(total=among.person_id.sum()))["total"][0].as_py())


def test_the_same_question_about_other_rows_is_not_worked_out_again_and_answers_for_the_new_ones(
    lake: Lake, compiled: list[Any]
) -> None:
    first = total(lake, persons(1, 2, 3))
    after_first = len(compiled)
    same, other = total(lake, persons(1, 2, 3)), total(lake, persons(2, 3))

    assert (first, same, other) == (3, 3, 2)
    assert len(compiled) - after_first == 1, "only what is kept is another question the third time"


def test_what_one_lake_was_asked_of_kept_tables_is_not_worked_out_again_for_another(
    lake: Lake, tmp_path: Path, compiled: list[Any]
) -> None:
    first = total(lake, persons(1, 2, 3))
    after_first = len(compiled)
    other = total(Lake(tmp_path / "other"), persons(2, 3))

    assert (first, other) == (3, 2)
    assert len(compiled) - after_first == 1, "only what is kept there is another question"


def test_blocks_within_each_other_keep_their_tables_apart(lake: Lake) -> None:
    with lake.kept({"people": in_memory(persons(1))}) as outer:
        with lake.kept({"people": in_memory(persons(2))}) as inner:
            found = [lake.to_arrow(kept["people"])["person_id"].to_pylist() for kept in (outer, inner)]
        still = lake.to_arrow(outer["people"])["person_id"].to_pylist()

    assert found == [[1], [2]]
    assert still == [1]


def test_equal_rows_of_another_type_are_another_table() -> None:
    assert in_memory(persons(1)) is in_memory(persons(1))
    assert in_memory(persons(1)) is not in_memory(persons(1).cast(pa.schema([("person_id", pa.int32())])))
    assert in_memory(persons()) is not in_memory(pa.table({"person_id": pa.array([], pa.string())}))


def test_a_table_of_no_rows_keeps_its_columns_as_every_engine_takes_them() -> None:
    rows = in_memory(persons()).op().data.to_pyarrow(None)  # type: ignore[attr-defined, unused-ignore]

    assert rows.schema == persons().schema
    assert [column.num_chunks for column in rows.columns] == [1]


def test_a_large_table_in_memory_is_let_go_once_nobody_asks_for_it(lake: Lake) -> None:
    def there() -> list[str]:
        return list(lake._engine._connection.con.sql("SELECT view_name FROM duckdb_views() WHERE NOT internal").df()["view_name"])  # type: ignore[attr-defined]  # fmt: skip

    for _ in range(5):
        assert lake.to_arrow(ibis.memtable(persons(*range(MOST_ROWS + 1))).count())["value"].to_pylist() == [
            MOST_ROWS + 1
        ]
    gc.collect()
    lake.to_arrow(ibis.memtable(persons(*range(MOST_ROWS + 1))).count())

    assert len(there()) <= 2
