"""The records of every contract as they could be known at an instant, for the steps that score."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import TypeAlias

import ibis

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
        yield at(as_of)


@contextmanager
def tables_over(
    context: Context, names: Iterable[str] = CONTRACTS, among: Among | None = None
) -> Iterator[Callable[[datetime], dict[str, ibis.Table]]]:
    """`tables_at` for any number of dates: what can be read once for all of them is.

    among: which rows of a table are looked at, those of some people for one.
    """
    lake = context.lake
    names = list(names)
    steady = {name for name in names if lake.steady(name)}
    known: dict[datetime, dict[str, ibis.Table]] = {}
    with ExitStack() as open_until_then:

        def kept(tables: dict[str, ibis.Table]) -> dict[str, ibis.Table]:
            tables = {name: among(table) if among else table for name, table in tables.items()}
            return open_until_then.enter_context(lake.kept(tables))

        # Everything in the files as it is asked for is read from there, by whoever needs which column.
        records = {name: _bare(lake, name, lake.read(f"records/{name}", actor=SYSTEM)) for name in steady}
        records = kept(records) if among else records

        def at(as_of: datetime) -> dict[str, ibis.Table]:
            if as_of not in known:
                worked_out = kept(
                    {
                        name: _bare(lake, name, lake.history(name, as_of=as_of, actor=SYSTEM))
                        for name in names
                        if name not in steady
                    }
                )
                cut = {name: cut_down(table, CONTRACTS[name], as_of) for name, table in records.items()}
                known[as_of] = {name: cut[name] if name in cut else worked_out[name] for name in names}
            return known[as_of]

        yield at


def same_at_all_dates(context: Context, names: Iterable[str]) -> bool:
    """Whether the history at the last of several dates tells what was known at each of them, row by row."""
    lake = context.lake
    return all(lake.steady(name) or not live_batches(lake, name) for name in names)


def _bare(lake: Lake, name: str, table: ibis.Table) -> ibis.Table:
    unread = {*sealed_columns(f"records/{name}").keys() - {"birth_date"}}
    unread |= {field.name for field in schema_of(lake.custom(name))}
    return table.drop(*unread) if unread else table


def scored_from(context: Context, *names: str) -> list[object]:
    """What a figure worked out from the history of these contracts depends on."""
    lake = context.lake
    rules = {name: found for name in names if (found := lake.rules(name))}
    away = put_away(lake, *names)
    return [context.as_of, live_batches(lake, *names, "exchange_rates"), lake.version("identity/links"), rules, *away]
