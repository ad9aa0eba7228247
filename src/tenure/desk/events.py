"""What happened on the desk, announced once it is committed; `tenure.wiring` alone says who listens.

An event is a frozen dataclass of plain values. It is announced inside the transaction that makes it true and
delivered after the commit, so nothing ever acts on a change that was rolled back.
"""

import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import transaction

log = logging.getLogger("tenure.desk")

Event = TypeVar("Event")
_listeners: dict[type[Any], list[Callable[[Any], None]]] = defaultdict(list)


def subscribe(kind: type[Event], listener: Callable[[Event], None]) -> None:
    """Call `listener` with every event of this kind; asking twice is asking once."""
    if listener not in _listeners[kind]:
        _listeners[kind].append(listener)


def announce(event: object) -> None:
    """Tell the listeners, once the transaction at hand has committed."""
    transaction.on_commit(lambda: _deliver(event))


def _deliver(event: object) -> None:
    for listener in _listeners[type(event)]:
        # The change is committed: a listener's failure is its own, and the other listeners still hear.
        try:
            listener(event)
        except Exception:
            log.exception("%s failed on %r", getattr(listener, "__qualname__", listener), event)
