"""Segments for programs: list, make, count, and read who is in one and since when."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema
from ninja.errors import HttpError

from tenure.api.auth import Key, holder
from tenure.desk.customers.models import Customer, Segment, SegmentMember
from tenure.desk.customers.segments import changes, services
from tenure.desk.customers.segments.asking import Asker, asker_of, ground_of, known_of
from tenure.desk.customers.segments.compiled import count_of
from tenure.desk.customers.segments.definition import DefinitionError, Known, read
from tenure.desk.customers.segments.reading import said
from tenure.desk.customers.segments.services import Draft
from tenure.desk.lake import lake

router = Router()
MOST = 1000


class Asking(Schema):
    """Conditions: a tree of all, any and none, as the builder's page makes them (docs, "Segments")."""

    definition: dict[str, Any]


class Wanted(Asking):
    """A segment to make. shared: "" with nobody, "team" or "all"."""

    name: str
    shared: str = ""


@router.get("/segments", url_name="segments", auth=Key("segments"))
def listed(request: HttpRequest) -> list[dict[str, Any]]:
    """The segments open to the key's owner; a restricted one shows its name alone."""
    asker = _asker(request)
    known = known_of(asker)
    return [_told(row, known) for row in Segment.objects.open_to(asker.scope)]


@router.post("/segments", url_name="segments", auth=Key("segments"))
def make(request: HttpRequest, wanted: Wanted) -> dict[str, Any]:
    """Make a segment that is kept up to date, and work out who is in it."""
    person, asker, now = holder(request), _asker(request), timezone.now()
    if wanted.shared and not person.may("share"):
        raise HttpError(403, "This key may not share.")
    row = services.create(
        Draft(wanted.name, wanted.definition, wanted.shared), asker=asker, actor=person.owner, now=now
    )
    row = changes.work_out(lake(), row.pk, now=now, actor=person.owner)
    changes.tell(now=now)
    return _told(row, known_of(asker))


@router.post("/segments/count", url_name="segments_count", auth=Key("segments"))
def count(request: HttpRequest, asked: Asking) -> dict[str, Any]:
    """How many customers within reach the conditions hold for, and the conditions in words."""
    asker = _asker(request)
    known = known_of(asker, writing=True)
    node = read(asked.definition, known)
    words = said(node, known.segments, known.digits)
    found = count_of(node, ground_of(lake(), asker, timezone.now()))
    return {"count": found, "words": {"en": words.en, "zh": words.zh}}


@router.get("/segments/{int:segment_id}/members", url_name="segment_members", auth=Key("segments"))
def members(request: HttpRequest, segment_id: int, after: int = 0, limit: int = MOST) -> dict[str, Any]:
    """Those within reach who are in it now, by person id; `next` is the `after` of the next stretch, null at the end."""
    asker = _asker(request)
    row = Segment.objects.open_to(asker.scope).filter(pk=segment_id).first()
    if row is None:
        raise HttpError(404, "There is no such segment.")
    if row.pk not in known_of(asker).segments:
        raise HttpError(403, "This segment asks about what the key may not see.")
    limit = max(1, min(limit, MOST))
    stays = SegmentMember.objects.filter(segment=row, left_at=None, person_id__gt=max(0, min(after, 2**62)))
    if not asker.scope.sees_all:
        stays = stays.filter(person_id__in=Customer.objects.visible_to(asker.scope).values("pk"))
    found = list(stays.order_by("person_id").values_list("person_id", "entered_at")[: limit + 1])
    return {
        "members": [{"person_id": person, "since": since} for person, since in found[:limit]],
        "next": found[limit - 1][0] if len(found) > limit else None,
    }


def _asker(request: HttpRequest) -> Asker:
    person = holder(request)
    return asker_of(person, person.scope)


def _told(row: Segment, known: Known) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": row.pk,
        "name": row.name,
        "kind": row.kind,
        "restricted": row.pk not in known.segments,
    }
    if told["restricted"]:
        return told
    up_to_date: datetime | None = row.worked_out_at
    words = None
    try:
        found = said(read(row.definition, known), known.segments, known.digits)
        words = {"en": found.en, "zh": found.zh}
    except DefinitionError:
        pass
    return told | {
        "definition": row.definition,
        "version": row.version,
        "shared": row.shared,
        "words": words,
        "up_to_date": up_to_date,
    }
