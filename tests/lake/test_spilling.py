"""What does not fit in memory goes to disk, where nobody can read it."""

from pathlib import Path

import ibis

from tenure.lake.engines.duckdb import DuckDBEngine

ROWS = 2_000_000


def test_a_sort_larger_than_memory_is_done_and_lies_on_disk_unreadable(tmp_path: Path) -> None:
    engine = DuckDBEngine(tmp_path, 100 * 1024 * 1024)
    numbers = ibis.range(ROWS).unnest().name("number").as_table()
    names = numbers.mutate(
        name=ibis.literal("the-name-of-customer-") + (numbers.number * 7919 % 1_000_003).cast("string")
    )
    reader = engine.to_reader(names.order_by("name", "number"))
    first = reader.read_next_batch()
    spilled = [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size]
    assert spilled, "the sort fitted in memory, so this shows nothing"
    assert not any(b"the-name-of-customer-" in path.read_bytes() for path in spilled)
    rest = [batch["name"] for batch in reader]
    assert first.num_rows + sum(len(names) for names in rest) == ROWS
    assert rest[-1][-1].as_py() == "the-name-of-customer-999999"
