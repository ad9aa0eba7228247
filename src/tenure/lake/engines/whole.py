"""Rows that come sorted by person, in tables that never part one person's rows."""

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc


def whole_persons(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows of whole persons, a batch's worth at a time.

    batches: sorted by person_id. What a batch has of its last person waits for the next, which may have more.
    """
    waiting: list[pa.Table] = []
    for batch in batches:
        if not batch.num_rows:
            continue
        rows = pa.Table.from_batches([batch]).cast(schema)
        person = rows["person_id"]
        last = person[-1]
        begins = pc.index(person, last).as_py() if last.is_valid else pc.index(pc.is_null(person), True).as_py()
        if begins == 0:
            before = waiting[-1]["person_id"][-1] if waiting else last
            if before.equals(last):
                waiting.append(rows)
                continue
            yield pa.concat_tables(waiting)
            waiting = [rows]
            continue
        yield pa.concat_tables([*waiting, rows.slice(0, begins)])
        waiting = [rows.slice(begins)]
    if waiting:
        yield pa.concat_tables(waiting)
