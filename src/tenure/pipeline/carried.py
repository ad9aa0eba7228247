"""Tables of figures by person that go on with records that came since, in the place of being worked out from all of them.

A document says what each was made from: a digest of everything it depends on beside records, the files these lay in,
and its own content. While all that is as it was and files were only added to the records, what came since is all there
is to look at. Whatever else happened (a correction, an undo, an erasure, others who turn out to be one, a rate), records
lie in files of other names, and the table is worked out from the start.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts import CONTRACTS
from tenure.in_order import by_person as in_order
from tenure.lake import Lake
from tenure.pipeline.history import settled, tables_at, tables_of
from tenure.pipeline.run import Context, made_from

DOCUMENT = "carried"
# Of more than this share of the persons it is quicker to look at everybody.
_MOST = 0.6


@dataclass(frozen=True)
class Standing:
    """What a table is to be made from now. came: by contract, the files that came since it was made; None: all are to
    be looked at. lasts: whether files tell what it is made from at all, so that it can be gone on with tomorrow."""

    table: str
    of: str
    files: dict[str, list[str]]
    came: dict[str, list[str]] | None
    lasts: bool

    @property
    def holds(self) -> bool:
        """Whether the table says already what it is to say."""
        return self.came is not None and not any(self.came.values())


def standing(context: Context, table: str, names: Iterable[str], *of: object) -> Standing:
    """How a table made from the records of these contracts stands. of: whatever else it depends on, as plain values."""
    lake, names = context.lake, sorted(names)
    files = {name: lake.files(f"records/{name}") for name in names}
    now = made_from([table, *of])
    # Where the same record came twice, what was known of it once is a question to everything received.
    lasts = settled(context, names) == names
    was = (lake.document(DOCUMENT) or {}).get(table)
    if was is None or not lasts or context.again:
        return Standing(table, now, files, None, lasts)
    if was["of"] != now or was["content"] != lake.content(table) or was["files"].keys() != files.keys():
        return Standing(table, now, files, None, lasts)
    if any(set(was["files"][name]) - set(files[name]) for name in names):
        return Standing(table, now, files, None, lasts)
    came = {name: sorted(set(files[name]) - set(was["files"][name])) for name in names}
    return Standing(table, now, files, came, lasts)


def note(lake: Lake, made: Standing) -> None:
    """Say what a table was made from, once it is in its place."""
    known: dict[str, Any] = lake.document(DOCUMENT) or {}
    known.pop(made.table, None)
    if made.lasts:
        known[made.table] = {"of": made.of, "files": made.files, "content": lake.content(made.table)}
    lake.publish_document(DOCUMENT, known)


def by_person(
    context: Context,
    table: str,
    names: Iterable[str],
    work_out: Callable[[Mapping[str, ibis.Table]], pa.Table],
    *of: object,
) -> pa.Table:
    """What `work_out` makes of these contracts' records at the refresh's date, one row a person, in order of person_id.

    It tells each person from that person's own records alone, so of whom nothing came since the table was made, the row
    is carried over. of: whatever else the rows depend on. The table stands under its name in the lake for the next time.
    """
    names = sorted(names)
    made = standing(context, table, names, context.as_of, *of)
    if made.holds:
        return context.lake.in_runs(table)
    rows = _gone_on_with(context, made, work_out)
    if rows is None:
        with tables_at(context, context.as_of, names) as tables:
            rows = in_order(work_out(tables))
    keep(context.lake, made, rows)
    return rows


def keep(lake: Lake, made: Standing, rows: pa.Table) -> None:
    """Put a table, in order of person_id, in its place for the next refresh to go on with, where it can be."""
    if made.lasts:
        lake.renew(made.table, [rows.to_reader()])
        note(lake, made)


def _gone_on_with(
    context: Context, made: Standing, work_out: Callable[[Mapping[str, ibis.Table]], pa.Table]
) -> pa.Table | None:
    """The table with those persons worked out anew of whom records came; None where everybody must be."""
    came = {name: files for name, files in (made.came or {}).items() if files}
    if not came or any(CONTRACTS[name].person is None for name in came):
        return None
    lake = context.lake
    of_whom = [lake.as_it_lies(f"records/{name}", files).select("person_id") for name, files in came.items()]
    every = reduce(lambda one, other: ibis.union(one, other), of_whom).distinct()
    people = lake.to_arrow(every.filter(every.person_id.notnull()))["person_id"].combine_chunks()
    before = lake.in_runs(made.table)
    if len(people) > _MOST * before.num_rows:
        return None
    fresh = work_out(tables_of(context, list(made.files), people))
    if set(fresh.column_names) - set(before.column_names):
        return None  # something is told of these that was told of nobody before
    carried = before.filter(pc.invert(pc.is_in(before["person_id"], people)))
    lacking = [name for name in before.column_names if name not in fresh.column_names]
    for name in lacking:
        fresh = fresh.append_column(name, pa.nulls(fresh.num_rows, before.schema.field(name).type))
    return in_order(pa.concat_tables([carried, fresh.select(before.column_names).cast(before.schema)]))
