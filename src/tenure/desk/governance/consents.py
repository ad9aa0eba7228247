"""Consent: who agreed to what, by which channel, how we know, and whether we may go ahead now.

The history is kept; for each purpose and channel the newest entry counts. `allows` is the one question the way out to
people asks. It says no unless something says yes.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from django.db import transaction

from tenure.desk.events import announce
from tenure.desk.governance import audit, personal
from tenure.desk.governance.events import ConsentChanged
from tenure.desk.governance.models import ConsentEntry, ErasedPerson, PersonMerge, User
from tenure.desk.governance.purposes import CHANNELS, EVERY_CHANNEL, PURPOSES, Purpose
from tenure.errors import TenureError
from tenure.language import Words, tr

Said: TypeAlias = Literal["given", "refused", "withdrawn"]
State: TypeAlias = Literal["given", "refused", "withdrawn", "expired", "unasked"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand for one purpose and channel (empty: the purpose as a whole). entry: what it rests on."""

    purpose: str
    channel: str
    state: State
    allowed: bool
    entry: ConsentEntry | None


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to go ahead, and why, to be kept with whatever was done or left undone."""

    allowed: bool
    why: Words


def standing(person_id: int, now: datetime) -> tuple[Standing, ...]:
    """How things stand for each purpose and, where it is agreed by channel, each channel; as of `now`.

    An entry about a whole purpose speaks for every channel until a newer one speaks for a single one. A consent that
    has run out is none. What was said under a number that was merged into this person counts as said by this person.
    """
    said: dict[tuple[str, str], ConsentEntry] = {}
    # In order of time, and of one instant in order of writing: the last one written over is the newest.
    for entry in ConsentEntry.objects.of(person_id).filter(at__lte=now).order_by("at", "pk"):
        purpose = PURPOSES.get(entry.purpose)
        for channel in _channels(purpose) if purpose and entry.channel == EVERY_CHANNEL else (entry.channel,):
            said[entry.purpose, channel] = entry
    return tuple(
        _stands(purpose, channel, said.get((purpose.name, channel)), now)
        for purpose in PURPOSES.values()
        for channel in _channels(purpose)
    )


def allows(person_id: int, purpose: str, channel: str, now: datetime) -> Decision:
    """Whether this person may be reached for this purpose by this channel now; no, unless something says yes.

    Purposes that rest on consent (offers, research, profiling, sharing) need a consent that was given and has neither
    been withdrawn nor run out. Service messages rest on the contract and go out unless refused. A purpose or channel
    nobody knows, and a person who was erased, are always refused.
    """
    known = PURPOSES.get(purpose)
    if known is None or (channel not in CHANNELS and (known.by_channel or channel != EVERY_CHANNEL)):
        return Decision(
            False, Words(f'Unknown purpose or channel "{purpose}/{channel}"', f"未知的目的或渠道“{purpose}/{channel}”")
        )
    if is_erased(person_id):
        return Decision(False, Words("This person's data were erased", "该客户的个人数据已被删除"))
    found = next(
        one for one in standing(person_id, now)
        if one.purpose == purpose and one.channel in (channel, EVERY_CHANNEL)
    )  # fmt: skip
    return Decision(found.allowed, _why(known, found))


def reachable(purpose: str, channel: str, now: datetime) -> tuple[set[int], bool]:
    """Of all persons at once: who may be reached for a purpose by a channel, by the same rules as `allows`.

    Those persons and True where the purpose rests on consent; where it rests on the contract, those who may not and False.
    """
    known = PURPOSES[purpose]
    merged = dict(PersonMerge.objects.values_list("own_id", "person_id"))
    rows = ConsentEntry.objects.filter(purpose=purpose, channel__in={channel, EVERY_CHANNEL}, at__lte=now)
    said: dict[int, bool] = {}
    for person, state, until in rows.order_by("at", "pk").values_list("person_id", "state", "expires_at").iterator():
        given = state == "given" and (until is None or until > now)
        # A yes to what the contract covers that has run out leaves the contract.
        ran_out = state == "given" and not given and known.basis == "contract"
        said[merged.get(person, person)] = given or ran_out
    these = known.basis == "consent"
    return {person for person, allowed in said.items() if allowed == these}, these


def history(person_id: int) -> list[ConsentEntry]:
    """Everything the person said, newest first, each with who wrote it down."""
    return list(ConsentEntry.objects.of(person_id).select_related("actor").order_by("-at", "-pk"))


def evidence_of(entry: ConsentEntry) -> str | None:
    """How we know; None where the person's key is gone."""
    return personal.unseal(entry.evidence)


@transaction.atomic
def record_consent(
    person_id: int,
    *,
    purpose: str,
    channel: str = EVERY_CHANNEL,
    state: Said,
    evidence: str,
    source: str,
    actor: User | None,
    now: datetime,
    at: datetime | None = None,
    expires_at: datetime | None = None,
) -> ConsentEntry:
    """Write down what a person said about one purpose and channel (none: all of the purpose's channels).

    at: when they said it, if that was before `now`. The evidence is sealed under the person's key. A consent without
    evidence is none, so it is refused; a no needs none.

    Raises TenureError for an unknown purpose or channel, a consent without evidence, an end that is over or belongs
    to a no, a time still to come, or a person who was erased.
    """
    at = at or now
    _check(purpose, channel, state, evidence, at, expires_at, now)
    person = current(person_id)
    if is_erased(person):
        raise TenureError(tr("This person's data were erased; nothing more can be recorded about them."))
    entry = ConsentEntry.objects.create(
        person_id=person,
        purpose=purpose,
        channel=channel,
        state=state,
        evidence=personal.seal(person, evidence.strip(), context="consent"),
        source=source[:60],
        at=at,
        recorded_at=now,
        expires_at=expires_at,
        actor=actor,
    )
    audit.record(
        "withdraw_consent" if state == "withdrawn" else "record_consent", "customer", person, actor=actor, now=now,
        purpose=purpose, channel=channel, state=state, source=source, entry=entry.pk,
    )  # fmt: skip
    announce(ConsentChanged(person, purpose, channel, state))
    return entry


def withdraw_consent(
    person_id: int,
    *,
    purpose: str,
    channel: str = EVERY_CHANNEL,
    source: str,
    actor: User | None,
    now: datetime,
    evidence: str = "",
) -> ConsentEntry:
    """Take a consent back; as easy as giving it, and from this instant on. Raises as `record_consent` does."""
    return record_consent(
        person_id, purpose=purpose, channel=channel, state="withdrawn", evidence=evidence, source=source, actor=actor,
        now=now,
    )  # fmt: skip


@transaction.atomic
def withdraw_everything(
    person_id: int, *, source: str, actor: User | None, now: datetime, evidence: str = ""
) -> list[ConsentEntry]:
    """Take back every consent there is, or could be taken for one; service messages do not rest on consent and stay."""
    return [
        withdraw_consent(person_id, purpose=purpose.name, source=source, actor=actor, now=now, evidence=evidence)
        for purpose in PURPOSES.values()
        if purpose.basis == "consent"
    ]


def current(person_id: int) -> int:
    """Who this number stands for now: itself, or the person it was merged into."""
    merged = PersonMerge.objects.filter(own_id=person_id).values_list("person_id", flat=True).first()
    return person_id if merged is None else int(merged)


def numbers_of(person_id: int) -> list[int]:
    """Every number minted for this person: their own first, then those merged into it."""
    merged = PersonMerge.objects.filter(person_id=person_id).order_by("own_id").values_list("own_id", flat=True)
    return [person_id, *merged]


def is_erased(person_id: int) -> bool:
    """Whether the person behind this number was erased or made anonymous, or is about to be."""
    return ErasedPerson.objects.filter(own_id=person_id).exists()


@transaction.atomic
def note_merges(merges: Iterable[tuple[int, int]]) -> None:
    """Keep who turned out to be whom, (own_id, person_id), as the lake says now; what it no longer says is forgotten.

    So the consents of two numbers that became one person are one history, and part again where they part.
    """
    wanted = {own: person for own, person in merges if own != person}
    known = dict(PersonMerge.objects.values_list("own_id", "person_id"))
    if known == wanted:
        return
    gone = [own for own, person in known.items() if wanted.get(own) != person]
    for start in range(0, len(gone), 500):
        PersonMerge.objects.filter(own_id__in=gone[start : start + 500]).delete()
    fresh = [
        PersonMerge(own_id=own, person_id=person) for own, person in sorted(wanted.items()) if known.get(own) != person
    ]
    PersonMerge.objects.bulk_create(fresh, batch_size=500)


@transaction.atomic
def note_merges_of(own_ids: Collection[int], merges: Mapping[int, int]) -> None:
    """The same for some numbers alone: who each of `own_ids` is merged into, own_id → person_id; itself where not."""
    for own in sorted(own_ids):
        person = merges.get(own, own)
        if person == own:
            PersonMerge.objects.filter(own_id=own).delete()
        else:
            PersonMerge.objects.update_or_create(own_id=own, defaults={"person_id": person})


@transaction.atomic
def carry_noes(
    stays: Collection[int], leaves: Collection[int], *, since: datetime | None, actor: User | None, now: datetime
) -> int:
    """Somebody taken out of a person keeps every no said while the two were one; returns how many were carried along.

    stays, leaves: the numbers of each side. since: when they became one; None where nobody knows, then every no
    counts. Nobody can tell which of the two had said it, and to be left alone once too often does no harm.
    """
    person, carried = min(leaves), 0
    said = ConsentEntry.objects.filter(person_id__in=stays, at__lte=now)
    newest: dict[tuple[str, str], ConsentEntry] = {}
    for entry in said.order_by("at", "pk"):
        newest[entry.purpose, entry.channel] = entry
    for entry in newest.values():
        if entry.state == "given" or (since is not None and entry.recorded_at < since):
            continue
        ConsentEntry.objects.create(
            person_id=person, purpose=entry.purpose, channel=entry.channel, state=entry.state,
            evidence=personal.seal(person, personal.unseal(entry.evidence) or "", context="consent"), source="unmerge",
            at=entry.at, recorded_at=now, actor=actor,
        )  # fmt: skip
        carried += 1
    return carried


def _channels(purpose: Purpose) -> tuple[str, ...]:
    return tuple(CHANNELS) if purpose.by_channel else (EVERY_CHANNEL,)


def _stands(purpose: Purpose, channel: str, entry: ConsentEntry | None, now: datetime) -> Standing:
    state: State
    if entry is None:
        state = "unasked"
    elif entry.state == "given":
        state = "expired" if entry.expires_at is not None and entry.expires_at <= now else "given"
    else:
        state = "refused" if entry.state == "refused" else "withdrawn"
    allowed = state == "given" or (purpose.basis == "contract" and state in {"unasked", "expired"})
    return Standing(purpose.name, channel, state, allowed, entry)


def _why(purpose: Purpose, found: Standing) -> Words:
    what = purpose.words
    by = CHANNELS[found.channel].words if found.channel else Words("all channels", "所有渠道")
    day = f"{found.entry.at:%Y-%m-%d}" if found.entry else ""
    ended = f"{found.entry.expires_at:%Y-%m-%d}" if found.entry and found.entry.expires_at else ""
    number = found.entry.pk if found.entry else 0
    if found.state == "given":
        return Words(
            f"{what.en} by {by.en}: agreed on {day} (entry {number})",
            f"{what.zh}（{by.zh}）：{day} 已同意（记录 {number}）",
        )
    if found.state in {"refused", "withdrawn"}:
        told = Words("refused", "拒绝") if found.state == "refused" else Words("withdrawn", "撤回同意")
        return Words(
            f"{what.en} by {by.en}: {told.en} on {day} (entry {number})",
            f"{what.zh}（{by.zh}）：{day} 已{told.zh}（记录 {number}）",
        )
    if found.allowed:
        return Words(
            f"{what.en} by {by.en}: needed for the contract, and not refused",
            f"{what.zh}（{by.zh}）：履行合同所必需，且客户未拒绝",
        )
    if found.state == "expired":
        return Words(
            f"{what.en} by {by.en}: the consent ran out on {ended} (entry {number})",
            f"{what.zh}（{by.zh}）：同意已于 {ended} 到期（记录 {number}）",
        )
    return Words(f"{what.en} by {by.en}: never agreed to", f"{what.zh}（{by.zh}）：从未同意")


def _check(
    purpose: str, channel: str, state: str, evidence: str, at: datetime, expires_at: datetime | None, now: datetime
) -> None:
    known = PURPOSES.get(purpose)
    if known is None:
        raise TenureError(
            tr('There is no purpose "{purpose}". There are: {known}.', purpose=purpose, known=", ".join(PURPOSES))
        )
    if channel != EVERY_CHANNEL and not known.by_channel:
        raise TenureError(tr('"{purpose}" is agreed to as a whole, not by channel.', purpose=known.words))
    if channel != EVERY_CHANNEL and channel not in CHANNELS:
        raise TenureError(
            tr('There is no channel "{channel}". There are: {known}.', channel=channel, known=", ".join(CHANNELS))
        )
    if state not in {"given", "refused", "withdrawn"}:
        raise TenureError(tr('A consent is given, refused or withdrawn, not "{state}".', state=state))
    if state == "given" and not evidence.strip():
        raise TenureError(tr("Say how you know that they agreed: a consent without evidence is none."))
    if expires_at is not None and state != "given":
        raise TenureError(tr("Only a consent can run out; a no holds until it is changed."))
    if expires_at is not None and expires_at <= at:
        raise TenureError(tr("The consent would run out before it begins; give a later day."))
    if at > now:
        raise TenureError(tr("That lies in the future; give the time at which they said it."))
