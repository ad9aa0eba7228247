"""The records of every contract as they could be known at an instant, for the steps that score."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

import ibis

from tenure.contracts import CONTRACTS
from tenure.lake import SYSTEM
from tenure.lake.custom import schema_of
from tenure.lake.sealed import sealed_columns
from tenure.pipeline.records import live_batches, put_away
from tenure.pipeline.run import Context


@contextmanager
def tables_at(context: Context, as_of: datetime, names: Iterable[str] = CONTRACTS) -> Iterator[dict[str, ibis.Table]]:
    """Each contract's history at `as_of`, by name, worked out once; one nothing was received of is typed and empty.

    What is personal is left out, but for birth dates: no score reads it, and opening it is most of the work.
    """
    tables = {}
    for name in names:
        history = context.lake.history(name, as_of=as_of, actor=SYSTEM)
        unread = {*sealed_columns(f"records/{name}").keys() - {"birth_date"}}
        unread |= {field.name for field in schema_of(context.lake.custom(name))}
        tables[name] = history.drop(*unread) if unread else history
    with context.lake.kept(tables) as kept:
        yield kept


def scored_from(context: Context, *names: str) -> list[object]:
    """What a figure worked out from the history of these contracts depends on."""
    lake = context.lake
    rules = {name: found for name in names if (found := lake.rules(name))}
    away = put_away(lake, *names)
    return [context.as_of, live_batches(lake, *names, "exchange_rates"), lake.version("identity/links"), rules, *away]
