"""What is known about each customer at a date: one file a family, found by scanning; nothing later is ever in it.

`FEATURES` is every feature by name; `as_of` computes them, for any list of dates in one pass.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial, reduce
from types import MappingProxyType
from typing import Any, TypeAlias

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts import CONTRACTS, Contract, base_money
from tenure.insight.features.base import Family, Feature, Tables, filled, prepared, seen_at, written
from tenure.insight.features.kernel import microseconds, worked_out
from tenure.insight.features.terms import SEEN, Term, leaves
from tenure.insight.frames import like, to_arrow
from tenure.insight.purchases import INSTANT
from tenure.registry import scan

FAMILIES: dict[str, Family] = scan(sys.modules[__name__], Family)
FEATURES: dict[str, Feature] = {feature.name: feature for family in FAMILIES.values() for feature in family.features}

if len(FEATURES) != sum(len(family.features) for family in FAMILIES.values()):
    raise ValueError("two feature families claim one feature name")

__all__ = ["FAMILIES", "FEATURES", "Family", "Feature", "as_of", "known_people", "written"]

Work: TypeAlias = Callable[[pa.Table], pa.Table]
ByPerson: TypeAlias = Callable[[ibis.Table, Work, pa.Schema, Sequence[str]], ibis.Table]

_INSTANT = pa.timestamp("us", tz="UTC")


def known_people(tables: Tables, as_of: datetime) -> ibis.Table:
    """Everyone with a row true before `as_of`: one column, person_id, each once.

    Raises ValueError where no table names people, or `as_of` carries no zone.
    """
    seen = prepared(tables, as_of)
    return _union([table.select(table.person_id.cast("int64").name("person_id")) for table in seen.values()]).distinct()


def as_of(
    records: Mapping[str, Any],
    dates: datetime | Sequence[datetime],
    *,
    by_person: ByPerson | None = None,
    also: Mapping[str, Mapping[str, Term]] = MappingProxyType({}),
) -> Any:
    """What was known about each person just before each date: person_id, as_of and the features.

    records: by contract name, the lake's tables (Ibis; `records_schema`, or the history at the last date; both give the
    same), or pandas, Polars or Arrow frames with a person_id: a column they lack is unknown, money in its reporting
    currency as it stands, a business day the date's own zone's. The result is of the kind that came in.
    dates: instants with their zone; one row a person for each date anything was known of the person at. by_person: how
    an engine runs a function over the rows of whole persons; in this process unless given. also: by family, further
    numbers to work out in the same pass.
    Numbers are float64, categories text. A count is 0 for a person without rows; anything else is null. A family whose
    records have no row is absent, so its columns are too. Adding rows true only at or after a date changes nothing there.

    Raises ValueError where no table names people, no date is given, or a date carries no zone.
    """
    moments = sorted(set([dates] if isinstance(dates, datetime) else dates))
    if not moments:
        raise ValueError("dates is empty: give at least one instant to look back from")
    for moment in moments:
        microseconds(moment)
    first = next(iter(records.values()), None)
    if first is None or isinstance(first, ibis.Table):
        return _as_of(records, moments, by_person or _in_process, also)
    shaped = {
        name: ibis.memtable(_shaped(CONTRACTS[name], to_arrow(frame), moments[-1]))
        for name, frame in records.items()
        if name in CONTRACTS
    }
    found = _as_of(shaped, moments, by_person or _in_process, also).order_by("as_of", "person_id").to_pyarrow()
    return like(first, found)


def _as_of(
    tables: Tables, moments: Sequence[datetime], by_person: ByPerson, also: Mapping[str, Mapping[str, Term]]
) -> ibis.Table:
    last = ibis.literal(moments[-1])
    seen = {}
    for name, table in tables.items():
        if name in CONTRACTS and "person_id" in table.columns:
            known = table.filter(table.person_id.notnull())
            known = known.mutate(person_id=known.person_id.cast("int64"), **{SEEN: seen_at(CONTRACTS[name], known)})
            seen[name] = known.filter(known[SEEN] < last)
    asked = {
        family.contract.name: seen[family.contract.name] for family in FAMILIES.values() if family.contract.name in seen
    }
    there = filled(asked)
    result = everyone = _people(seen, moments)
    shown: dict[str, ibis.Value] = {}
    for family in FAMILIES.values():
        if family.contract.name not in there:
            continue
        terms = family.terms | {name: (term, False) for name, term in also.get(family.name, {}).items()}
        found = _family(family, asked[family.contract.name], moments, by_person, terms)
        counts = {f.name for f in family.features if f.zero and f.unit != "text"}
        # One join of them all and one list of columns, not one for each family: an engine plans every list it is given.
        result = result.left_join(found, ["person_id", "as_of"])
        shown |= {name: found[name].fill_null(0.0) if name in counts else found[name] for name in terms}
    return result.select(everyone.person_id, everyone.as_of, **shown) if shown else result


def _family(
    family: Family,
    rows: ibis.Table,
    moments: Sequence[datetime],
    by_person: ByPerson,
    terms: Mapping[str, tuple[Term, bool]],
) -> ibis.Table:
    """One family's features, for whoever has a row in its records."""
    asked = {leaf for term, _ in terms.values() for leaf in leaves(term)}
    moment = family.contract.valid_at or "valid_at"
    needed = {SEEN, *(name for leaf in asked for name in leaf.columns)}
    needed |= {moment} if any(leaf.window and leaf.by is None for leaf in asked) else set()
    order = family.order if any(leaf.how == "newest" for leaf in asked) else ()
    rows = family.rows(rows)
    kept = [name for name in rows.columns if name in needed or name in order]
    schema = pa.schema(
        [("person_id", pa.int64()), ("as_of", _INSTANT)]
        + [(name, pa.string() if is_text else pa.float64()) for name, (_, is_text) in terms.items()]
    )
    work = partial(worked_out, dates=tuple(moments), moment=moment, terms=terms, schema=schema)
    order = tuple(name for name in order if name in rows.columns)
    return by_person(rows.select("person_id", *kept), work, schema, order)


def _people(seen: Tables, moments: Sequence[datetime]) -> ibis.Table:
    """Everyone at each date from which on anything was known of them."""
    known = _union([table.select("person_id", table[SEEN].cast(INSTANT).name("since")) for table in seen.values()])
    known = known.group_by("person_id").agg(since=known.since.min())
    dates = ibis.memtable(pa.table({"as_of": pa.array([m.astimezone(UTC) for m in moments], _INSTANT)}))
    both = known.cross_join(dates)
    return both.filter(both.since < both.as_of).select("person_id", "as_of")


def _union(each: Sequence[ibis.Table]) -> ibis.Table:
    if not each:
        raise ValueError("no table names people: give at least one records table with a person_id")
    return reduce(lambda left, right: ibis.union(left, right), each)


def _in_process(rows: ibis.Table, work: Work, schema: pa.Schema, order: Sequence[str] = ()) -> ibis.Table:
    return ibis.memtable(work(rows.order_by("person_id", *order).to_pyarrow()))


def _shaped(contract: Contract, frame: pa.Table, last: datetime) -> pa.Table:
    """A frame as records of the contract: every column there and in its type, what follows from others filled in."""
    columns = {}
    day, at = contract.day, contract.valid_at
    for field in contract.records_schema:
        if field.name in frame.column_names:
            column = frame[field.name]
            if pa.types.is_timestamp(field.type) and pa.types.is_timestamp(column.type) and column.type.tz is None:
                column = column.cast(pa.timestamp("us")).cast(field.type)
            columns[field.name] = column.cast(field.type, safe=False)
    if at and at in columns and pa.types.is_timestamp(columns[at].type):
        columns.setdefault("valid_at", columns[at])
        if day and day not in columns:
            zone = getattr(last.tzinfo, "key", None) or "UTC"
            columns[day] = pc.local_timestamp(columns[at].cast(pa.timestamp("us", tz=zone))).cast(pa.date32())
    for name in list(columns):
        if name in contract and contract[name].type == "money":
            columns.setdefault(base_money(name), columns[name])
    return pa.table(
        [columns.get(f.name, pa.nulls(frame.num_rows, f.type)) for f in contract.records_schema],
        schema=contract.records_schema,
    )
