"""Which event starts what: the only file that knows.

`connect` is called once, when the desk starts. Listeners run after the commit, in the process that did the change.
"""

import inspect
import logging
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import tenure.backup.events
import tenure.desk.customers.events
import tenure.desk.governance.events
from tenure.desk.events import subscribe

log = logging.getLogger("tenure.events")

ROOMS = (tenure.backup.events, tenure.desk.customers.events, tenure.desk.governance.events)


def connect() -> None:
    """Connect every event to what follows from it."""
    for room in ROOMS:
        for kind in events_of(room):
            subscribe(kind, write_to_log)
    subscribe(tenure.desk.customers.events.IdentityDecided, follow_decisions)
    subscribe(tenure.desk.customers.events.IdentityDecisionUndone, follow_decisions)


def follow_decisions(event: Any) -> None:
    """Who is who shows on the pages at once; where the lake is taken, the refresh that has it follows the decision."""
    from django.utils import timezone

    from tenure.desk.lake import lake, workspace
    from tenure.errors import TenureError
    from tenure.pipeline.persons import settle  # loads the science: only where it is needed

    try:
        settle(workspace(), lake(), now=timezone.now())
    except TenureError as error:
        log.info("left to the refresh: %s", error)


def events_of(room: ModuleType) -> Iterator[type[Any]]:
    """The events a room announces."""
    return (kind for _name, kind in inspect.getmembers(room, inspect.isclass) if kind.__module__ == room.__name__)


def write_to_log(event: Any) -> None:
    """Each change of state leaves one line, for whoever runs the machine."""
    log.info("%s", event)
