"""Which event starts what: the only file that knows.

`connect` is called once, when the desk starts. Listeners run after the commit, in the process that did the change.
"""

import inspect
import logging
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import tenure.backup.events
import tenure.desk.competitors.events
import tenure.desk.customers.events
import tenure.desk.governance.events
import tenure.desk.work.events
from tenure.desk.customers import archiving
from tenure.desk.events import subscribe
from tenure.desk.work import feeds, migration
from tenure.desk.work.api import Running, kind, soon, start
from tenure.language import Words

log = logging.getLogger("tenure.events")
ARCHIVE_JOB, SEGMENTS_JOB = "archived", "segments"

ROOMS = (
    tenure.backup.events,
    tenure.desk.competitors.events,
    tenure.desk.customers.events,
    tenure.desk.governance.events,
    tenure.desk.work.events,
)


# What people say of customers that segments may ask for.
SAID_OF_CUSTOMERS: tuple[type[Any], ...] = (
    tenure.desk.customers.events.CustomerAssigned,
    tenure.desk.customers.events.RelationSaid,
    tenure.desk.customers.events.RelationDropped,
    tenure.desk.customers.events.OwnRecordChanged,
    tenure.desk.customers.events.OwnRecordsBrought,
    tenure.desk.governance.events.ConsentChanged,
)


def connect() -> None:
    """Connect every event to what follows from it, and every kind of job to what does it."""
    for room in ROOMS:
        for event in events_of(room):
            subscribe(event, write_to_log)
    kind("refresh", Words("Refresh", "刷新"), refresh)
    kind(
        ARCHIVE_JOB,
        Words("Archived records leave figures, or come back", "已归档记录移出或恢复至各项数据"),
        settle_archived,
    )
    kind(SEGMENTS_JOB, Words("Segments follow what people said", "细分群体随客户信息更新"), settle_segments)
    feeds.register()
    migration.register(archiving)
    subscribe(tenure.desk.customers.events.IdentityDecided, follow_decisions)
    subscribe(tenure.desk.customers.events.IdentityDecisionUndone, follow_decisions)
    subscribe(tenure.desk.customers.events.RecordsArchived, follow_archiving)
    subscribe(tenure.desk.customers.events.RecordsBroughtBack, follow_archiving)
    subscribe(tenure.desk.customers.events.CustomersPublished, follow_publication)
    for said in SAID_OF_CUSTOMERS:
        subscribe(said, follow_in_segments)


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


def follow_archiving(event: Any) -> None:
    """What was archived leaves lists and figures as soon as a worker is free; several deeds at once are one job."""
    from django.utils import timezone

    start(ARCHIVE_JOB, params={}, actor=None, now=timezone.now(), once=ARCHIVE_JOB)


def settle_archived(running: Running) -> None:
    """Bring into effect what was archived or brought back, in a worker."""
    from tenure.pipeline import job

    job.follow_archiving(running)


def follow_publication(event: Any) -> None:
    """Who is in which segment follows the figures that have just come to be shown, and whoever follows segments is told.

    Killed in the middle, the publishing is done again by the next refresh, and this with it.
    """
    from django.utils import timezone

    from tenure.desk.customers.segments import changes
    from tenure.desk.lake import lake

    changes.work_out_all(lake(), now=timezone.now())


def follow_in_segments(event: Any) -> None:
    """Who is in which segment follows what somebody just said, as soon as a worker is free; several words are one job."""
    from django.utils import timezone

    from tenure.desk.customers.segments import changes

    if changes.following_the_desk():
        soon(SEGMENTS_JOB, now=timezone.now())


def settle_segments(running: Running) -> None:
    """Bring the segments up to date that ask what people say, in a worker."""
    from tenure.desk.customers.segments import changes
    from tenure.desk.lake import lake

    running.result = {"segments": changes.follow_the_desk(lake(), now=running.now())}


def events_of(room: ModuleType) -> Iterator[type[Any]]:
    """The events a room announces."""
    return (kind for _name, kind in inspect.getmembers(room, inspect.isclass) if kind.__module__ == room.__name__)


def refresh(running: Running) -> None:
    """Bring the pages up to date, in a worker: a web process never loads what works the figures out."""
    from tenure.pipeline import job

    job.run(running)


def write_to_log(event: Any) -> None:
    """Each change of state leaves one line, for whoever runs the machine."""
    log.info("%s", event)
