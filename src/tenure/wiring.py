"""Which event starts what: the only file that knows.

`connect` is called once, when the desk starts. Listeners run after the commit, in the process that did the change.
"""

import logging
from typing import Any

from tenure.desk.customers.events import CustomerAssigned, CustomersPublished
from tenure.desk.events import subscribe
from tenure.desk.governance.events import (
    AccessChanged,
    ConsentChanged,
    PersonCorrected,
    PersonErased,
    PreferenceLinkIssued,
    RequestDone,
    RequestOpened,
    RetentionChanged,
    TeamSaved,
    UserCreated,
)

log = logging.getLogger("tenure.events")


def connect() -> None:
    """Connect every event to what follows from it."""
    for kind in (
        UserCreated, AccessChanged, TeamSaved, CustomerAssigned, CustomersPublished, ConsentChanged,
        PreferenceLinkIssued, RequestOpened, RequestDone, PersonErased, PersonCorrected, RetentionChanged,
    ):  # fmt: skip
        subscribe(kind, write_to_log)


def write_to_log(event: Any) -> None:
    """Each change of state leaves one line, for whoever runs the machine."""
    log.info("%s", event)
