"""The records of every contract as they could be known at an instant, for the steps that score."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from typing import TypeAlias

import ibis
import pyarrow as pa

from tenure.contracts import CONTRACTS
from tenure.lake import SYSTEM, Lake
from tenure.lake.custom import schema_of
from tenure.lake.resolve import cut_down
from tenure.lake.sealed import sealed_columns
from tenure.pipeline.records import live_batches, put_away
from tenure.pipeline.run import Context

Among: TypeAlias = Callable[[ibis.Table], ibis.Table]


@contextmanager
def tables_at(context: Context, as_of: datetime, names: Iterable[str] = CONTRACTS) -> Iterator[dict[str, ibis.Table]]:
    """Each contract's history at `as_of`, by name, worked out once; one nothing was received of is typed and empty.

    What is personal is left out, but for birth dates: no score reads it, and opening it is most of the work.
    """
    with tables_over(context, names) as at:
        yield dict(at(as_of))


@contextmanager
def tables_over(
    context: Context, names: Iterable[str] = CONTRACTS, among: Among | None = None, *, once: bool = False
) -> Iterator[Callable[[datetime], Mapping[str, ibis.Table]]]:
    """`tables_at` for any number of dates: what can be read once for all of them is, and what nobody asks for is not.

    among: which rows of a table are looked at, those of some people for one. once: they are asked for hardly more than
    once, so each question reads the few columns it is about.
    """
    lake = context.lake
    names = list(names)
    steady = {name for name in names if _steady(lake, name)}
    known: dict[datetime, Mapping[str, ibis.Table]] = {}
    with ExitStack() as open_until_then:

        def kept(name: str, table: ibis.Table) -> ibis.Table:
            table = among(table) if among else table
            return open_until_then.enter_context(lake.kept({name: table}))[name]

        def recorded(name: str) -> ibis.Table:
            # Everything in the files as it is asked for is read from there, by whoever needs which column.
            records = _bare(lake, name, lake.read(f"records/{name}", actor=SYSTEM))
            if once:
                return among(records) if among else records
            return kept(name, records) if among else records

        records = _AsAsked(steady, recorded)

        def known_at(as_of: datetime, name: str) -> ibis.Table:
            if name in records:
                return cut_down(records[name], CONTRACTS[name], as_of)
            return kept(name, _bare(lake, name, lake.history(name, as_of=as_of, actor=SYSTEM)))

        def at(as_of: datetime) -> Mapping[str, ibis.Table]:
            if as_of not in known:
                known[as_of] = _AsAsked(names, partial(known_at, as_of))
            return known[as_of]

        yield at


def tables_of(context: Context, names: Iterable[str], people: pa.Array) -> dict[str, ibis.Table]:
    """`tables_at` the refresh's own date, of these persons alone; every one of the contracts is `settled`.

    What belongs to nobody by its contract (products) is there as a whole. Read from the files by whoever asks.
    """
    lake = context.lake
    wanted = ibis.memtable(pa.table({"person_id": people.cast(pa.int64())}))
    found = {}
    for name in names:
        records = _bare(lake, name, lake.read(f"records/{name}", actor=SYSTEM))
        if CONTRACTS[name].person is not None:
            records = records.semi_join(wanted, "person_id")
        found[name] = cut_down(records, CONTRACTS[name], context.as_of)
    return found


class _AsAsked(Mapping[str, ibis.Table]):
    """Tables by name, each worked out when it is first asked for."""

    def __init__(self, names: Iterable[str], make: Callable[[str], ibis.Table]) -> None:
        self._names = list(names)
        self._make = make
        self._made: dict[str, ibis.Table] = {}

    def __getitem__(self, name: str) -> ibis.Table:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def settled(context: Context, names: Iterable[str]) -> list[str]:
    """Those of the contracts whose history at the last of several dates tells what was known at each, row by row."""
    lake = context.lake
    return [name for name in names if not live_batches(lake, name) or _steady(lake, name)]


def _steady(lake: Lake, name: str) -> bool:
    """Whether each record came once: by what the imports say, or because there are as many records as rows received."""
    if lake.steady(name):
        return True
    received = sum(batch.rows for batch in lake.batches(name) if batch.state == "committed")
    return bool(received) and lake.exists(f"records/{name}") and lake.store.count(f"records/{name}", "true") == received


def _bare(lake: Lake, name: str, table: ibis.Table) -> ibis.Table:
    unread = {*sealed_columns(f"records/{name}").keys() - {"birth_date"}}
    unread |= {field.name for field in schema_of(lake.custom(name))}
    return table.drop(*unread) if unread else table


def scored_from(context: Context, *names: str) -> list[object]:
    """What a figure worked out from the history of these contracts depends on."""
    lake = context.lake
    rules = {name: found for name in names if (found := lake.rules(name))}
    away = put_away(lake, *names)
    return [context.as_of, live_batches(lake, *names, "exchange_rates"), lake.content("identity/links"), rules, *away]
