"""The verbs of segments: each is one transaction, one audit entry, one announced event."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from django.db import transaction

from tenure.desk.customers.events import SegmentSaved
from tenure.desk.customers.models import Customer
from tenure.desk.customers.segments.asking import Asker, known_of, restricted
from tenure.desk.customers.segments.changes import settle, tell
from tenure.desk.customers.segments.definition import named_in, read
from tenure.desk.customers.segments.models import Segment, SegmentMember, SegmentVersion
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.language import tr

LONGEST, MOST = 120, 500
SHARED = ("", "team", "all")


@dataclass(frozen=True, slots=True)
class Draft:
    """A segment as somebody wishes it. definition: JSON (`definition`). shared: "" with nobody, "team" or "all"."""

    name: str
    definition: Mapping[str, Any] = field(default_factory=dict)
    shared: str = ""


@transaction.atomic
def create(draft: Draft, *, asker: Asker, actor: User, now: datetime) -> Segment:
    """Make a segment that is kept up to date; who is in it is worked out by `changes.work_out`.

    Raises TenureError without a name or past the limit, DefinitionError for conditions that are none or not the asker's to ask.
    """
    row = _new(draft, actor=actor, now=now)
    read(draft.definition, known_of(asker, writing=True))
    row.definition = dict(draft.definition)
    _keep(row, "create_segment", actor, now)
    return row


@transaction.atomic
def change(segment_id: int, draft: Draft, *, asker: Asker, actor: User, now: datetime) -> Segment:
    """Change one's own segment: its name, its conditions (not of a fixed list), with whom it is shared.

    Raises Segment.DoesNotExist for another's, TenureError and DefinitionError as `create`, and where it would ask about itself.
    """
    row = _own(segment_id, actor)
    name, shared = _named(draft)
    definition = row.definition if row.is_static else dict(draft.definition)
    if not row.is_static and restricted(row, asker):
        raise TenureError(tr("The segment asks about what you may no longer see, so you can't change it."))
    if not row.is_static:
        read(definition, known_of(asker, writing=True))
        _no_circle(row, definition)
    if (row.name, row.shared, row.definition) == (name, shared, definition):
        return row
    row.name, row.shared, row.definition = name, shared, definition
    row.team_id = actor.team_id
    row.version += 1
    _keep(row, "change_segment", actor, now)
    return row


@transaction.atomic
def put_away(segment_id: int, *, actor: User, now: datetime) -> Segment:
    """Put one's own segment away: it is asked about no more, and nobody is told of it. What it was is kept.

    Raises Segment.DoesNotExist for another's, and TenureError while another segment asks about it.
    """
    row = _own(segment_id, actor)
    asking = [
        one
        for one in Segment.objects.filter(archived_at=None)
        if row.pk in named_in(one.definition) and one.pk != row.pk
    ]
    if asking:
        mine = ", ".join(one.name for one in asking if one.owner_id == actor.pk) or tr("a colleague's")
        raise TenureError(tr("Other segments ask about this one: {names}. Change them first.", names=mine))
    row.archived_at = now
    row.save(update_fields=["archived_at"])
    audit.record("archive_segment", "segment", row.pk, actor=actor, now=now, name=row.name)
    announce(SegmentSaved(row.pk, "archive_segment"))
    return row


def snapshot(segment_id: int, name: str, *, asker: Asker, actor: User, now: datetime) -> Segment:
    """Keep who is in a segment now, and within the asker's reach, as a fixed list of one's own.

    Raises Segment.DoesNotExist where it is not open to the asker, and TenureError where it is restricted.
    """
    source = Segment.objects.open_to(asker.scope).get(pk=segment_id)
    if restricted(source, asker):
        raise TenureError(tr("The segment asks about what you may not see, so you can't take a list of it."))
    inside = Customer.objects.visible_to(asker.scope).filter(
        pk__in=SegmentMember.objects.filter(segment=source, left_at=None).values("person_id")
    )
    people = list(inside.values_list("pk", flat=True))
    return fix(name, people, made_from=dict(source.definition), actor=actor, now=now)


def fix(name: str, people: Collection[int], *, made_from: Mapping[str, Any], actor: User, now: datetime) -> Segment:
    """Keep these customers, whom the asker must reach already, as a fixed list.

    made_from: the conditions they were found by, or {"guards": [fields]} that a reader must see.
    Raises TenureError without a name, or for nobody.
    """
    if not people:
        raise TenureError(tr("Nobody is in the list, so there is nothing to keep."))
    with transaction.atomic():
        row = _new(Draft(name), actor=actor, now=now)
        row.kind, row.definition = Segment.Kind.STATIC, dict(made_from)
        _keep(row, "create_segment", actor, now, people=len(people), digest=audit.digest(people))
    settle(row, np.array(sorted(people), dtype=np.int64), now=now, actor=actor)
    tell(now=now)
    return row


@transaction.atomic
def record_query(*, text: str, rows: int | None, actor: User | None, now: datetime, **more: Any) -> None:
    """Write down a question of SQL: its text sealed, since it may name somebody, and a digest to prove it by.

    rows: of the answer; None where there was none.
    """
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    audit.record(
        "ask_sql",
        "query",
        digest[:16],
        actor=actor,
        now=now,
        private={"query": text[:20_000]},
        answered=rows,
        digest=digest,
        **more,
    )


def _new(draft: Draft, *, actor: User, now: datetime) -> Segment:
    name, shared = _named(draft)
    if Segment.objects.filter(archived_at=None).count() >= MOST:
        raise TenureError(tr("There are {limit} segments already. Put away those nobody uses.", limit=MOST))
    return Segment(name=name, shared=shared, owner=actor, team_id=actor.team_id, made_at=now)


def _named(draft: Draft) -> tuple[str, str]:
    name = " ".join(draft.name.replace("\x00", "").split())
    if not name:
        raise TenureError(tr("Give the segment a name."))
    if len(name) > LONGEST:
        raise TenureError(
            tr("That is too long: {length} characters, and {limit} fit.", length=len(name), limit=LONGEST)
        )
    if draft.shared not in SHARED:
        raise TenureError(tr("A segment is shared with nobody, the team or everyone."))
    return name, draft.shared


def _own(segment_id: int, actor: User) -> Segment:
    return Segment.objects.select_for_update().get(pk=segment_id, owner=actor, archived_at=None)


def _keep(row: Segment, verb: str, actor: User, now: datetime, **detail: Any) -> None:
    row.save()
    SegmentVersion.objects.create(
        segment=row, number=row.version, name=row.name, definition=row.definition, at=now, actor=actor
    )
    audit.record(
        verb, "segment", row.pk, actor=actor, now=now, name=row.name, version=row.version, shared=row.shared, kind=row.kind,
        **detail,
    )  # fmt: skip
    announce(SegmentSaved(row.pk, verb))


def _no_circle(row: Segment, definition: Mapping[str, Any]) -> None:
    """Refuse what would have the segment ask about itself. Every row is held, so that two changes can't close one together."""
    asks = {one.pk: named_in(one.definition) for one in Segment.objects.select_for_update().order_by("pk")}
    names = dict(Segment.objects.values_list("pk", "name"))
    asks[row.pk] = named_in(definition)
    way: list[int] = []

    def follow(pk: int) -> None:
        if pk == row.pk and way:
            path = " → ".join(names.get(one, "") for one in [*way, pk])
            raise TenureError(tr("The segment would ask about itself: {path}. Take the circle out.", path=path))
        if pk in way:
            return
        way.append(pk)
        for one in asks.get(pk, ()):
            follow(one)
        way.pop()

    follow(row.pk)
