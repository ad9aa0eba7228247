"""Questions of SQL: what they may read, and that nothing gets out of the process that answers them."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from tests.cast import CUSTOMERS, EAST, SECRET, SOUTH, WANG

from tenure.errors import TenureError
from tenure.lake import SYSTEM, Lake, Scope
from tenure.lake.analyst import TABLES, Limits, ask, columns


@pytest.fixture
def lake(filled_home: Path) -> Lake:
    """The company's lake; whose scope is not everything reaches East."""
    return Lake(filled_home / "lake", assigned=lambda scope: pa.array(sorted(EAST), pa.int64()))


MIA = Scope(reach="team", team_ids=frozenset({1}), user="mia")


def test_a_question_over_several_tables_is_answered(lake: Lake) -> None:
    sql = """WITH spent AS (SELECT person_id, sum(amount_base_minor) AS spent FROM orders GROUP BY 1)
             SELECT name, spent FROM customers JOIN spent USING (person_id) ORDER BY spent DESC LIMIT 1;"""

    answer = ask(lake, sql, scope=SYSTEM)

    assert answer.rows.to_pylist() == [{"name": "赵敏", "spent": 120_000}]
    assert (answer.tables, answer.more) == (("customers", "orders"), False)
    assert answer.guards == ("amounts", "name")


def test_another_teams_rows_are_not_there_to_be_read(lake: Lake) -> None:
    sql = (
        "SELECT DISTINCT person_id FROM customers UNION SELECT person_id FROM orders UNION SELECT person_id FROM cases"
    )

    assert set(ask(lake, sql, scope=MIA).rows["person_id"].to_pylist()) == EAST
    assert set(ask(lake, sql, scope=SYSTEM).rows["person_id"].to_pylist()) == EAST | SOUTH
    assert ask(lake, sql, scope=Scope()).rows.num_rows == 0


def test_masked_columns_come_in_part_and_hidden_ones_not_at_all(lake: Lake) -> None:
    scope = Scope(reach="all", masked=frozenset({"name"}), hidden=frozenset({"phone", "amounts", "text"}))

    seen = ask(lake, f"SELECT * FROM customers WHERE person_id = {WANG}", scope=scope).rows.to_pylist()[0]

    assert seen["name"] == "王**"
    assert not {"phone", "value_base_minor", "monetary_base_minor"} & set(seen)
    with pytest.raises(TenureError, match='"text" not found'):
        ask(lake, "SELECT text FROM cases", scope=scope)
    with pytest.raises(TenureError, match="can't be answered"):
        ask(lake, f"SELECT person_id FROM customers WHERE phone LIKE '%{WANG}{WANG}'", scope=scope)
    assert SECRET in str(ask(lake, "SELECT * FROM cases", scope=SYSTEM).rows.to_pylist())
    assert SECRET not in str(ask(lake, "SELECT * FROM cases", scope=scope).rows.to_pylist())


OUTSIDE = {
    "copy": ("COPY (SELECT 1) TO '{out}'", "found COPY"),
    "export": ("EXPORT DATABASE '{out}'", "found EXPORT"),
    "attach": ("ATTACH '{out}'", "found ATTACH"),
    "install": ("INSTALL httpfs", "found LOAD"),
    "load": ("LOAD httpfs", "found LOAD"),
    "pragma": ("PRAGMA database_list", "found PRAGMA"),
    "set": ("SET memory_limit = '99GB'", "found SET"),
    "unlock": ("SET lock_configuration = false", "found SET"),
    "two": ("SELECT 1; SELECT 2", "found SELECT, SELECT"),
    "made": ("CREATE TABLE t AS SELECT 1", "found CREATE"),
    "nested": ("SELECT * FROM query('COPY (SELECT 1) TO ''{out}''')", "can't be answered"),
    "a file": ("SELECT * FROM '{secret}'", "no table"),
    "csv": ("SELECT * FROM read_csv('{secret}')", "disabled by configuration"),
    "text": ("SELECT * FROM read_text('{secret}')", "disabled by configuration"),
    "blob in a join": ("SELECT * FROM customers, read_blob('{secret}')", "disabled by configuration"),
    "a folder": ("SELECT * FROM glob('/*')", "disabled by configuration"),
    "what others were handed": ("SELECT * FROM read_parquet('/dev/fd/*')", "disabled by configuration"),
    "the network": ("SELECT * FROM read_csv('https://example.com/x.csv')", "can't be answered"),
    "secrets": ("SELECT * FROM duckdb_secrets()", "disabled by configuration"),
    "variables of the process": ("SELECT * FROM sys", "no table"),
    "the environment": ("SELECT getenv('PATH')", "can't be answered"),
    "the lake's own names": ('SELECT * FROM "identity/links"', "no table"),
    "no SQL": ("selekt", "can't be answered"),
    "nothing": ("  ;", "begins with SELECT"),
    "deep": ("SELECT " + "(" * 20_000 + "1" + ")" * 20_000, "depth"),
}


@pytest.mark.parametrize("way", OUTSIDE)
def test_nothing_leads_out_of_the_process_that_answers(lake: Lake, tmp_path: Path, way: str) -> None:
    secret, out = tmp_path / "secret.csv", tmp_path / "out"
    secret.write_text("password\nhunter2\n")
    sql, expected = OUTSIDE[way]

    with pytest.raises(TenureError, match=expected) as caught:
        ask(lake, sql.format(secret=secret, out=out), scope=SYSTEM)

    assert "hunter2" not in str(caught.value)
    assert not out.exists()


HEAVY = {
    "a join of everything": "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = -1",
    "an endless recursion": "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r",
    "a list of everything": "SELECT list(range) FROM range(4000000000)",
    "one enormous text": "SELECT length(repeat(range::VARCHAR, 1000000000)) FROM range(100, 200)",
}


@pytest.mark.parametrize("way", HEAVY)
def test_what_takes_too_much_is_stopped_and_the_next_is_answered(lake: Lake, way: str) -> None:
    with pytest.raises(TenureError, match=r"and was stopped|more memory"):
        ask(lake, HEAVY[way], scope=SYSTEM, limits=Limits(seconds=2, memory_mb=128, room_mb=3000))

    assert ask(lake, "SELECT 1 AS one", scope=SYSTEM).rows.to_pylist() == [{"one": 1}]
    assert _children() == []


def _children() -> list[str]:
    told = subprocess.run(
        ["ps", "-o", "stat=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=False
    )
    return [line for line in told.stdout.splitlines() if "engines/analyst.py" in line]


def test_an_answer_is_capped_and_says_so(lake: Lake) -> None:
    answer = ask(lake, "SELECT * FROM range(50)", scope=SYSTEM, limits=Limits(rows=20))

    assert (answer.rows.num_rows, answer.more) == (20, True)
    with pytest.raises(TenureError, match="larger than 1 MB"):
        ask(lake, "SELECT repeat(range::VARCHAR, 100) FROM range(100, 9000)", scope=SYSTEM, limits=Limits(answer_mb=1))


def test_only_columns_a_question_can_mean_are_handed_over(lake: Lake) -> None:
    # What is not handed over is not unsealed either.
    assert ask(lake, "SELECT count(*) FROM customers", scope=SYSTEM).guards == ()
    assert "phone" in ask(lake, "SELECT * FROM customers", scope=SYSTEM).guards
    with pytest.raises(TenureError, match="too large to hand over"):
        ask(lake, "SELECT * FROM orders", scope=SYSTEM, limits=Limits(handed_mb=0))


def test_the_persons_of_an_answer_come_without_repetition(lake: Lake) -> None:
    assert sorted(ask(lake, "SELECT * FROM orders", scope=MIA, persons=True).rows["person_id"].to_pylist()) == sorted(
        EAST
    )
    with pytest.raises(TenureError, match="column person_id"):
        ask(lake, "SELECT name FROM customers", scope=MIA, persons=True)


def test_every_table_can_be_asked_for_every_column_there_is(lake: Lake) -> None:
    union = " UNION ALL ".join(
        f"SELECT count(*) FROM (SELECT {', '.join(columns(lake, name, SYSTEM))} FROM {name})" for name in TABLES
    )

    counts = [next(iter(row.values())) for row in ask(lake, union, scope=SYSTEM).rows.to_pylist()]

    assert sorted(counts)[-1] == 2 * sum(5 if person % 2 else 10 for person in CUSTOMERS)


def test_the_other_process_is_told_nothing_of_ours() -> None:
    """It runs alone, so it can be read alone: no module of the product is loaded in it."""
    import tenure.lake.engines.analyst as other

    probe = f"import runpy, sys; runpy.run_path({other.__file__!r}, run_name='x'); print([n for n in sys.modules if 'tenure' in n])"

    told = subprocess.run([sys.executable, "-I", "-c", probe], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == "[]"
