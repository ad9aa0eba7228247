"""The records of every contract as they could be known at an instant, for the steps that score."""

from collections.abc import Iterable
from datetime import datetime

import ibis

from tenure.contracts import CONTRACTS
from tenure.lake import SYSTEM
from tenure.pipeline.records import live_batches
from tenure.pipeline.run import Context


def tables_at(context: Context, as_of: datetime, names: Iterable[str] = CONTRACTS) -> dict[str, ibis.Table]:
    """Each contract's history at `as_of`, by name; a contract nothing was received of is typed and empty."""
    return {name: context.lake.history(name, as_of=as_of, actor=SYSTEM) for name in names}


def scored_from(context: Context, *names: str) -> list[object]:
    """What a figure worked out from the history of these contracts depends on."""
    return [context.as_of, live_batches(context.lake, *names, "exchange_rates"), context.lake.version("identity/links")]
