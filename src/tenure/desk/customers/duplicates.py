"""The verbs of who is who: two customers are one person, or two; a person parts again; a decision is taken back.

The desk's row is the truth. What follows from it (links, records, cards) is worked out from it as often as needed, by
`pipeline.persons.settle` and by every refresh; a decision that has not been followed yet has no `settled_at`.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise, product

import pyarrow as pa
from django.db import transaction
from django.db.models import Q

from tenure.desk.customers.events import IdentityDecided, IdentityDecisionUndone
from tenure.desk.customers.models import Customer, IdentityDecision
from tenure.desk.events import announce
from tenure.desk.governance import audit, consents, personal
from tenure.desk.governance.api import may
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.lake import SYSTEM, Lake, Scope
from tenure.lake.tables import COMPUTED
from tenure.language import tr

Kind = IdentityDecision.Kind
MOST_NUMBERS = 60  # of one person, to be taken apart by hand; past it the matching is at fault, not one customer
MOST_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Number:
    """A customer number as its source gives it. own: the id minted for it. person: who is behind it now."""

    ids_of: str
    customer_id: str
    own: int
    person: int
    why: str | None = None


def numbers_of(lake: Lake, person_ids: Collection[int]) -> list[Number]:
    """Every number of these persons (given by any of their ids), oldest first."""
    links = lake.read("identity/links", actor=SYSTEM)
    wanted = sorted(set(person_ids))
    near = links.filter(links.own_id.isin(wanted)).select(found="person_id").distinct()
    theirs = links.semi_join(near, links.person_id == near.found).order_by("own_id")
    return [
        Number(row["ids_of"], row["customer_id"], row["own_id"], row["person_id"], row["why"])
        for row in lake.to_arrow(theirs).to_pylist()
    ]


@transaction.atomic
def join(left: int, right: int, *, lake: Lake, scope: Scope, actor: User | None, now: datetime, note: str = "") -> str:
    """Say that two customers are the same person; returns the deed, by which it can be taken back.

    left, right: any id of each. What kept numbers of the two apart until now is replaced. Everything each brought
    stays written under its own number, so that they can part again.

    Raises Customer.DoesNotExist where the scope does not reach both, TenureError where they are one already or may
    not be joined.
    """
    _allowed(actor)
    ours, theirs = _two(lake, left, right)
    _lock({ours[0].person, theirs[0].person}, scope)
    a, b = _of(ours, left), _of(theirs, right)
    deed = _deed()
    _supersede(((x.own, y.own) for x, y in product(ours, theirs)), "apart", deed)
    _write([(a, b, "join")], deed, Kind.JOIN, actor=actor, now=now, note=note)
    person = min(a.person, b.person)
    audit.record(
        "join_customers", "customer", person, actor=actor, now=now, subject=person, private=_said(note),
        numbers=sorted([a.own, b.own]), deed=deed,
    )  # fmt: skip
    announce(IdentityDecided(deed, Kind.JOIN.value, (a.own, b.own)))
    return deed


@transaction.atomic
def join_many(
    pairs: Sequence[tuple[int, int]], *, lake: Lake, scope: Scope, actor: User | None, now: datetime
) -> tuple[str, int]:
    """Say of many pairs at once that each is the same person; returns the deed and how many pairs it joined.

    One audit entry names them by their digest, and one undo takes all back. Pairs that are one already, or that
    somebody keeps apart, are left as they are. Raises as `join` does, and then joins none.
    """
    _allowed(actor)
    if len(pairs) > MOST_AT_ONCE:
        raise TenureError(
            tr("That are {found:,} pairs; {most:,} go at once. Choose a higher weight.", found=len(pairs), most=MOST_AT_ONCE)
        )  # fmt: skip
    known = {number.own: number for number in numbers_of(lake, {one for pair in pairs for one in pair})}
    told = {frozenset(row.pair): row for row in IdentityDecision.objects.standing().filter(_either(list(known)))}
    wanted = [
        (known[a], known[b])
        for a, b in pairs
        if a in known and b in known and known[a].person != known[b].person and frozenset((a, b)) not in told
    ]
    if not wanted:
        raise TenureError(tr("None of these pairs is left to be joined. Look at the list again."))
    _lock({one.person for pair in wanted for one in pair}, scope)
    deed = _deed()
    _write([(a, b, "join") for a, b in wanted], deed, Kind.JOIN, actor=actor, now=now)
    own = [one.own for pair in wanted for one in pair]
    audit.record(
        "join_many", "customers", len(wanted), actor=actor, now=now, digest=audit.digest(own), deed=deed
    )  # fmt: skip
    announce(IdentityDecided(deed, Kind.JOIN.value, tuple(own)))
    return deed, len(wanted)


@transaction.atomic
def keep_apart(
    left: int, right: int, *, lake: Lake, scope: Scope, actor: User | None, now: datetime, note: str = ""
) -> str:
    """Say that two customers are different people: they are never joined, by whatever path, until this is taken back.

    Raises as `join` does; TenureError where they are one person now: then a number is taken out instead.
    """
    _allowed(actor)
    ours, theirs = _two(lake, left, right)
    _lock({ours[0].person, theirs[0].person}, scope)
    a, b = _of(ours, left), _of(theirs, right)
    deed = _deed()
    _supersede([(a.own, b.own)], "join", deed)
    _write([(a, b, "apart")], deed, Kind.APART, actor=actor, now=now, note=note)
    audit.record(
        "keep_apart", "customer", a.person, actor=actor, now=now, subject=a.person, private=_said(note),
        numbers=sorted([a.own, b.own]), deed=deed,
    )  # fmt: skip
    announce(IdentityDecided(deed, Kind.APART.value, (a.own, b.own)))
    return deed


@transaction.atomic
def unmerge(
    person_id: int,
    own_ids: Collection[int],
    *,
    lake: Lake,
    scope: Scope,
    actor: User | None,
    now: datetime,
    note: str = "",
) -> str:
    """Take some of a person's numbers out, as one person of their own; what the numbers brought goes with them.

    Both sides are kept together among themselves and never joined with each other again, whatever the records say,
    until the deed is taken back. A no to being reached, said while they were one, holds for both afterwards.

    Raises Customer.DoesNotExist beyond the scope's reach, TenureError where nothing or everything would be taken out.
    """
    _allowed(actor)
    members = numbers_of(lake, {person_id})
    if not members:
        raise Customer.DoesNotExist
    person = members[0].person
    _lock({person}, scope)
    out = [number for number in members if number.own in set(own_ids)]
    rest = [number for number in members if number.own not in set(own_ids)]
    if not out or not rest:
        raise TenureError(tr("Choose some of the customer's numbers to take out, and leave at least one."))
    if len(members) > MOST_NUMBERS:
        raise TenureError(
            tr("This customer has {found} numbers; at most {most} can be taken apart by hand.",
               found=len(members), most=MOST_NUMBERS)
        )  # fmt: skip
    deed = _deed()
    _supersede(((x.own, y.own) for x, y in product(out, rest)), "join", deed)
    rows = [(x, y, "apart") for x, y in product(out, rest)]
    rows += [(x, y, "join") for side in (out, rest) for x, y in pairwise(side)]
    _write(rows, deed, Kind.UNMERGE, actor=actor, now=now, note=note)
    carried = consents.carry_noes(
        {number.own for number in rest},
        {number.own for number in out},
        since=_joined_at(out, rest),
        now=now,
        actor=actor,
    )
    audit.record(
        "unmerge_customer", "customer", person, actor=actor, now=now, subject=person, private=_said(note),
        numbers=[number.own for number in out], left=[number.own for number in rest], consents=carried, deed=deed,
    )  # fmt: skip
    announce(IdentityDecided(deed, Kind.UNMERGE.value, tuple(number.own for number in out)))
    return deed


@transaction.atomic
def undo(deed: str, *, scope: Scope, actor: User | None, now: datetime) -> list[int]:
    """Take a decision back, as if it had not been made; what it had replaced counts again. Returns the ids concerned.

    Raises IdentityDecision.DoesNotExist where there is none within the scope's reach, TenureError where it was taken
    back already or something newer replaced it.
    """
    _allowed(actor)
    rows = list(IdentityDecision.objects.select_for_update(of=("self",)).filter(deed=deed))
    own = sorted({one for row in rows for one in row.pair})
    if not rows or not _within(scope, own):
        raise IdentityDecision.DoesNotExist
    if any(row.withdrawn_at is not None for row in rows):
        raise TenureError(tr("This decision was taken back already."))
    if any(row.superseded_by for row in rows):
        raise TenureError(tr("A newer decision about the same customers replaced this one. Take that one back first."))
    IdentityDecision.objects.filter(deed=deed).update(withdrawn_at=now, withdrawn_by=actor, settled_at=None)
    IdentityDecision.objects.filter(superseded_by=deed).update(superseded_by="", settled_at=None)
    audit.record(
        "undo_decision", "customer", own[0], actor=actor, now=now, decision=rows[0].kind, rows=len(rows),
        digest=audit.digest(own), deed=deed,
    )  # fmt: skip
    announce(IdentityDecisionUndone(deed, tuple(own)))
    return own


# What the lake is told, and what it has followed


def as_table() -> pa.Table:
    """Every decision that counts, as the lake's `identity/decisions`; oldest first."""
    schema = COMPUTED["identity/decisions"]
    rows = IdentityDecision.objects.standing().order_by("pk").values_list(
        "left_ids_of", "left_customer_id", "right_ids_of", "right_customer_id", "verdict", "decided_at"
    )  # fmt: skip
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema)


def pending() -> list[IdentityDecision]:
    """What was decided, or taken back, and has not been followed yet."""
    return list(IdentityDecision.objects.filter(settled_at__isnull=True).order_by("pk"))


def followed(rows: Iterable[IdentityDecision], now: datetime) -> None:
    """Note that links, records and cards are now as these rows say. A row that changed meanwhile is not yet followed."""
    for row in rows:
        same = IdentityDecision.objects.filter(
            pk=row.pk, withdrawn_at=row.withdrawn_at, superseded_by=row.superseded_by, settled_at__isnull=True
        )
        same.update(settled_at=now)


# What people read


@dataclass(frozen=True, slots=True)
class Deed:
    """One decision as it reads: who said what of whom, and what became of it."""

    deed: str
    kind: str
    pairs: list[tuple[int, int]]
    by: User | None
    at: datetime
    note: str
    counts: bool
    settled: bool
    withdrawn_at: datetime | None = None

    @property
    def word(self) -> str:
        return str(Kind(self.kind).label)


def history(scope: Scope, own_ids: Collection[int]) -> list[Deed]:
    """The decisions about these numbers, newest first; none that speaks of a customer out of the scope's reach."""
    deeds = IdentityDecision.objects.filter(_either(list(own_ids))).values("deed")
    rows = list(IdentityDecision.objects.filter(deed__in=deeds).select_related("decided_by"))
    told = _told(rows)
    reached = _reached(scope, {one for row in rows for one in row.pair})
    return [deed for deed in told if all(one in reached for pair in deed.pairs for one in pair)]


def last_of(user: User) -> Deed | None:
    """The newest decision of this user that still counts: what Undo takes back."""
    row = IdentityDecision.objects.standing().filter(decided_by=user).first()
    if row is None:
        return None
    return _told(list(IdentityDecision.objects.filter(deed=row.deed).select_related("decided_by")))[0]


def decided_pairs() -> Mapping[frozenset[int], str]:
    """What people said of each pair of numbers, as it counts now."""
    rows = IdentityDecision.objects.standing().order_by("pk").values_list("left_own", "right_own", "verdict")
    return {frozenset((left, right)): verdict for left, right, verdict in rows}


def state_mark() -> str:
    """Changes with every decision and every undo: good for keys of caches."""
    newest = IdentityDecision.objects.order_by("-pk").values_list("pk", flat=True).first()
    undone = IdentityDecision.objects.filter(withdrawn_at__isnull=False).count()
    return f"{newest}/{undone}/{IdentityDecision.objects.filter(settled_at__isnull=True).count()}"


def _told(rows: Sequence[IdentityDecision]) -> list[Deed]:
    by_deed: dict[str, list[IdentityDecision]] = {}
    for row in rows:
        by_deed.setdefault(row.deed, []).append(row)
    told = []
    for deed, theirs in by_deed.items():
        first = theirs[0]
        told.append(
            Deed(
                deed, first.kind, [row.pair for row in theirs], first.decided_by, first.decided_at,
                next((personal.unseal(row.note) or "" for row in theirs if row.note), ""),
                all(not row.superseded_by and row.withdrawn_at is None for row in theirs),
                all(row.settled_at is not None for row in theirs), first.withdrawn_at,
            )
        )  # fmt: skip
    return sorted(told, key=lambda one: (one.at, one.deed), reverse=True)


# How


def _allowed(actor: User | None) -> None:
    if actor is not None and not may(actor, "merge"):
        raise TenureError(tr("Your role does not decide who is who. Ask an administrator."))


def _deed() -> str:
    return secrets.token_hex(16)


def _said(note: str) -> dict[str, str] | None:
    return {"note": note.strip()[:500]} if note.strip() else None


def _two(lake: Lake, left: int, right: int) -> tuple[list[Number], list[Number]]:
    found = numbers_of(lake, {left, right})
    person = {number.own: number.person for number in found}
    if left not in person or right not in person:
        raise Customer.DoesNotExist
    if person[left] == person[right]:
        raise TenureError(
            tr("These numbers are one person already. To part them, take a number out on the customer's page.")
        )
    return (
        [number for number in found if number.person == person[left]],
        [number for number in found if number.person == person[right]],
    )


def _of(numbers: Sequence[Number], own: int) -> Number:
    return next(number for number in numbers if number.own == own)


def _lock(persons: Collection[int], scope: Scope) -> None:
    """Hold the customers concerned, all within reach and none erased, so that two who decide do so one after the other."""
    wanted = sorted(persons)
    held = 0
    for start in range(0, len(wanted), 500):
        some = Customer.objects.visible_to(scope).select_for_update(of=("self",)).order_by("pk")
        held += len(some.filter(pk__in=wanted[start : start + 500]).values_list("pk", flat=True))
    if held < len(wanted):
        raise Customer.DoesNotExist
    if any(consents.is_erased(one) for one in wanted[:MOST_NUMBERS]):
        raise TenureError(tr("This person's data were erased; nothing more can be recorded about them."))


def _reached(scope: Scope, own_ids: Collection[int]) -> set[int]:
    """Those of these numbers whose person the scope reaches."""
    now = {own: consents.current(own) for own in own_ids}
    seen = set(Customer.objects.visible_to(scope).filter(pk__in=set(now.values())).values_list("pk", flat=True))
    return {own for own, person in now.items() if person in seen}


def _within(scope: Scope, own_ids: Collection[int]) -> bool:
    return scope.sees_all or len(_reached(scope, own_ids)) == len(set(own_ids))


def _either(own_ids: list[int]) -> Q:
    return Q(left_own__in=own_ids) | Q(right_own__in=own_ids)


def _supersede(pairs: Iterable[tuple[int, int]], verdict: str, deed: str) -> None:
    """The standing decisions of these pairs that say otherwise count no more."""
    for a, b in pairs:
        IdentityDecision.objects.standing().filter(left_own=min(a, b), right_own=max(a, b), verdict=verdict).update(
            superseded_by=deed
        )


def _write(
    pairs: Sequence[tuple[Number, Number, str]],
    deed: str,
    kind: IdentityDecision.Kind,
    *,
    actor: User | None,
    now: datetime,
    note: str = "",
) -> None:
    rows: list[IdentityDecision] = []
    for one, other, verdict in pairs:
        left, right = (one, other) if one.own < other.own else (other, one)
        rows.append(
            IdentityDecision(
                deed=deed, kind=kind, verdict=verdict,
                left_ids_of=left.ids_of, left_customer_id=left.customer_id, left_own=left.own,
                right_ids_of=right.ids_of, right_customer_id=right.customer_id, right_own=right.own,
                note=personal.seal(left.own, note.strip()[:500], context="decision") if not rows else "",
                decided_by=actor, decided_at=now,
            )
        )  # fmt: skip
    IdentityDecision.objects.bulk_create(rows, batch_size=200)


def _joined_at(out: Sequence[Number], rest: Sequence[Number]) -> datetime | None:
    """Since when the two sides were one, where people joined them; None where the records did."""
    sides = {number.own for number in out}, {number.own for number in rest}
    rows = IdentityDecision.objects.filter(verdict="join", withdrawn_at__isnull=True).filter(_either(list(sides[0])))
    crossing = [row.decided_at for row in rows if (row.left_own in sides[0]) != (row.right_own in sides[0])]
    return min(crossing, default=None)
