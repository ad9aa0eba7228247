"""The lake as the desk sees it: opened once a thread, scoped to the asker through the desk's own word on who has whom."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import pyarrow as pa

from tenure.desk.customers.selectors import person_ids
from tenure.lake import Lake, Scope
from tenure.workspace import Workspace, open_workspace

_own = threading.local()
_only: ContextVar[tuple[int, ...]] = ContextVar("only", default=())


def workspace() -> Workspace:
    """The workspace these pages belong to."""
    return open_workspace()


def lake() -> Lake:
    """This thread's lake; a lake object serves one thread at a time."""
    here = workspace()
    opened: dict[Path, Lake] = _own.__dict__.setdefault("opened", {})
    if here.lake_folder not in opened:
        opened[here.lake_folder] = Lake(here.lake_folder, zone=here.zone, currency=here.currency, assigned=_assigned)
    return opened[here.lake_folder]


@contextmanager
def about(*person_ids: int) -> Iterator[Lake]:
    """The lake for a page about one person, or a few: the same scope at the same door, asked about these alone.

    A manager's reach may be a hundred thousand persons; no need to join with them all to show one.
    """
    token = _only.set(person_ids)
    try:
        yield lake()
    finally:
        _only.reset(token)


def _assigned(scope: Scope) -> pa.Array:
    return pa.array(person_ids(scope, _only.get()), pa.int64())
