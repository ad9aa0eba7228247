"""What governance itself holds about a person: consents, links, requests, and what was done about them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tenure.desk.governance import personal
from tenure.desk.governance.holdings import Holding, Wanted, register
from tenure.desk.governance.models import AuditEntry, ConsentEntry, PersonMerge, PreferenceLink, SubjectRequest
from tenure.language import Words


def _consents(own_ids: Sequence[int]) -> list[dict[str, Any]]:
    return [
        {
            "at": entry.at, "purpose": entry.purpose, "channel": entry.channel, "state": entry.state,
            "evidence": personal.unseal(entry.evidence), "source": entry.source, "recorded_at": entry.recorded_at,
            "expires_at": entry.expires_at,
        }
        for entry in ConsentEntry.objects.filter(person_id__in=own_ids).order_by("at", "pk")
    ]  # fmt: skip


def _readable(wanted: Wanted) -> int:
    sealed = ConsentEntry.objects.filter(person_id__in=wanted.own_ids).exclude(evidence="")
    notes = SubjectRequest.objects.filter(person_id__in=wanted.own_ids).exclude(note="")
    tokens = [*sealed.values_list("evidence", flat=True), *notes.values_list("note", flat=True)]
    return sum(personal.unseal(token) is not None for token in tokens)


def _unreadable(wanted: Wanted, now: datetime) -> int:
    """Nothing to delete: that somebody said no must outlive them; how we know goes with the person's key."""
    return ConsentEntry.objects.filter(person_id__in=wanted.own_ids).count()


def _links(own_ids: Sequence[int]) -> list[dict[str, Any]]:
    links = PreferenceLink.objects.filter(person_id__in=own_ids)
    return [dict(link) for link in links.values("issued_at", "expires_at", "revoked_at")]


def _end_links(wanted: Wanted, now: datetime) -> int:
    PersonMerge.objects.filter(own_id__in=wanted.own_ids).delete()
    return PreferenceLink.objects.filter(person_id__in=wanted.own_ids).delete()[0]


def _requests(own_ids: Sequence[int]) -> list[dict[str, Any]]:
    return [
        {
            "received_at": request.received_at, "kind": request.kind, "state": request.state, "due_on": request.due_on,
            "done_at": request.done_at, "note": personal.unseal(request.note),
        }
        for request in SubjectRequest.objects.filter(person_id__in=own_ids).order_by("pk")
    ]  # fmt: skip


def _audit(own_ids: Sequence[int]) -> list[dict[str, Any]]:
    # Who of us did it is that colleague's own datum, and is left out.
    entries = AuditEntry.objects.filter(object_type="customer", object_id__in=[str(one) for one in own_ids])
    return [
        {"at": at, "verb": verb, "detail": detail}
        for at, verb, detail in entries.order_by("pk").values_list("at", "verb", "detail")
    ]


def _nothing(wanted: Wanted, now: datetime) -> int:
    return 0


def _none(wanted: Wanted) -> int:
    return 0


def connect() -> None:
    register(
        Holding("consents", Words("Consents", "授权同意"), (ConsentEntry,), _consents, _unreadable, _readable),
        Holding(
            "links", Words("Preference links", "偏好设置链接"), (PreferenceLink, PersonMerge), _links, _end_links,
            lambda wanted: PreferenceLink.objects.filter(person_id__in=wanted.own_ids).count(),
        ),
        Holding("requests", Words("Requests", "权利请求"), (SubjectRequest,), _requests, _nothing, _none),
        Holding("audit", Words("What we did", "处理记录"), (), _audit, _nothing, _none),
    )  # fmt: skip
