"""Who is in a segment now, who came and who went; and telling those who start something from it.

Membership moves in small writes, each with the change it is part of. A change is told to its followers inside the transaction
that marks it told: what a follower does on the desk is done with the mark or not at all, so a change is neither lost nor
told twice, wherever the process dies. Whom it is about is read from the members, so erasing a person leaves no trace here.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias

import numpy as np
from django.db import transaction

from tenure.desk.customers.events import SegmentEntered, SegmentLeft, SegmentWorkedOut
from tenure.desk.customers.models import Publication
from tenure.desk.customers.segments.asking import EVERYTHING, ground_of, known_of
from tenure.desk.customers.segments.compiled import members
from tenure.desk.customers.segments.definition import asks_the_desk, named_in, read
from tenure.desk.customers.segments.models import Segment, SegmentChange, SegmentMember
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.lake import Lake

log = logging.getLogger("tenure.segments")

Follower: TypeAlias = Callable[[SegmentEntered | SegmentLeft], None]
CHUNK = 500  # customers a write: well under 100 ms on SQLite
_followers: list[Follower] = []


def follow(follower: Follower) -> None:
    """Have this called with every change, in the transaction that marks the change told; it writes on the desk alone.

    Asking twice is asking once. One that fails leaves the change untold, and is called again with the next telling.
    """
    if follower not in _followers:
        _followers.append(follower)


def unfollow(follower: Follower) -> None:
    _followers.remove(follower)


def work_out(lake: Lake, segment_id: int, *, now: datetime, actor: User | None = None) -> Segment:
    """Bring a segment's members up to date with its conditions and the figures shown; a fixed list stays as it is.

    Killed at any point, the next time goes on from there. Raises DefinitionError where its conditions no longer hold
    together (a field was put away).
    """
    row = Segment.objects.get(pk=segment_id)
    if row.is_static:
        return row
    found = lake.to_arrow(
        members(read(row.definition, known_of(EVERYTHING)), ground_of(lake, EVERYTHING, now, remember=False))
    )
    return settle(row, found["person_id"].to_numpy(), now=now, actor=actor)


def settle(
    row: Segment, wanted: "np.ndarray[tuple[int], np.dtype[np.int64]]", *, now: datetime, actor: User | None
) -> Segment:
    """Have exactly these persons in the segment from now on."""
    first = row.worked_out_at is None
    wanted = np.unique(wanted)
    there = SegmentMember.objects.filter(segment=row, left_at=None).values_list("person_id", flat=True)
    before = np.fromiter(there.iterator(), dtype=np.int64)
    came, went = np.setdiff1d(wanted, before), np.setdiff1d(before, wanted)
    for start in range(0, len(went), CHUNK):
        _leave(row.pk, went[start : start + CHUNK].tolist(), now)
    for start in range(0, len(came), CHUNK):
        _enter(row.pk, came[start : start + CHUNK].tolist(), now, first=first)
    with transaction.atomic():
        shown = Publication.current()
        changed = bool(len(came) or len(went)) or first or row.worked_out_by != row.version
        row.people, row.worked_out_at, row.worked_out_by = len(wanted), now, row.version
        row.as_of = shown.as_of if shown else now
        row.save(update_fields=["people", "worked_out_at", "worked_out_by", "as_of"])
        if changed:
            audit.record(
                "work_out_segment",
                "segment",
                row.pk,
                actor=actor,
                now=now,
                people=len(wanted),
                came=len(came),
                went=len(went),
            )
            announce(SegmentWorkedOut(row.pk, len(wanted), len(came), len(went)))
    return row


def work_out_all(lake: Lake, *, now: datetime) -> int:
    """Bring every segment that is kept up to date so, then tell what changed; returns how many were.

    One that can't be worked out keeps its members, and does not keep the others waiting.
    """
    kept = Segment.objects.filter(kind=Segment.Kind.DYNAMIC, archived_at=None)
    done = _each(lake, list(kept.values_list("pk", flat=True)), now)
    tell(now=now)
    return done


def _each(lake: Lake, segments: Sequence[int], now: datetime) -> int:
    done = 0
    for pk in segments:
        try:
            work_out(lake, pk, now=now)
            done += 1
        except TenureError as error:
            log.warning("segment %s keeps its members: %s", pk, error)
    return done


def following_the_desk() -> list[int]:
    """The kept segments that ask what people say on the desk, or ask about one that does."""
    rows = Segment.objects.filter(kind=Segment.Kind.DYNAMIC, archived_at=None).exclude(worked_out_at=None)
    told = dict(rows.values_list("pk", "definition"))
    found = {pk for pk, definition in told.items() if asks_the_desk(definition)}
    while more := {pk for pk, definition in told.items() if pk not in found and named_in(definition) & found}:
        found |= more
    return sorted(found)


def follow_the_desk(lake: Lake, *, now: datetime) -> int:
    """Bring every segment up to date that asks what people say on the desk, then tell what changed; returns how many."""
    done = _each(lake, following_the_desk(), now)
    tell(now=now)
    return done


def tell(*, now: datetime) -> int:
    """Tell followers every change they do not know, oldest first; returns how many. One that can't be told waits, with
    those of its segment after it."""
    told, waiting = 0, set[int]()
    for pk, segment in SegmentChange.objects.filter(told_at=None).order_by("pk").values_list("pk", "segment_id"):
        if segment in waiting:
            continue
        try:
            told += _tell(pk, now)
        except Exception:
            log.exception("change %s of segment %s is told the next time", pk, segment)
            waiting.add(segment)
    return told


@transaction.atomic
def _tell(pk: int, now: datetime) -> bool:
    change = SegmentChange.objects.select_for_update().filter(pk=pk, told_at=None).first()
    if change is None:  # another process told it just now
        return False
    part = {"entered_with" if change.entered else "left_with": change}
    people = tuple(SegmentMember.objects.filter(**part).order_by("person_id").values_list("person_id", flat=True))
    event: SegmentEntered | SegmentLeft
    if change.entered:
        event = SegmentEntered(change.pk, change.segment_id, people, change.first)
    else:
        event = SegmentLeft(change.pk, change.segment_id, people)
    for follower in _followers:
        follower(event)
    change.told_at = now
    change.save(update_fields=["told_at"])
    announce(event)
    return True


@transaction.atomic
def _enter(segment_id: int, people: Sequence[int], now: datetime, *, first: bool) -> None:
    Segment.objects.select_for_update().get(pk=segment_id)  # one at a time
    inside = SegmentMember.objects.filter(segment_id=segment_id, left_at=None, person_id__in=people)
    already = set(inside.values_list("person_id", flat=True))
    people = [person for person in people if person not in already]
    if not people:
        return
    change = SegmentChange.objects.create(segment_id=segment_id, entered=True, people=len(people), first=first, at=now)
    SegmentMember.objects.bulk_create(
        SegmentMember(segment_id=segment_id, person_id=person, entered_at=now, entered_with=change) for person in people
    )


@transaction.atomic
def _leave(segment_id: int, people: Sequence[int], now: datetime) -> None:
    Segment.objects.select_for_update().get(pk=segment_id)
    inside = SegmentMember.objects.filter(segment_id=segment_id, left_at=None, person_id__in=people)
    leaving = list(inside.values_list("pk", flat=True))
    if not leaving:
        return
    change = SegmentChange.objects.create(segment_id=segment_id, entered=False, people=len(leaving), at=now)
    SegmentMember.objects.filter(pk__in=leaving).update(left_at=now, left_with=change)
