"""Who belongs to whom: companies and their branches, employees, households, referrals; the tree they make."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import Q

from tenure.desk.customers import selectors
from tenure.desk.customers.cards import Card
from tenure.desk.customers.events import RelationDropped, RelationSaid
from tenure.desk.customers.models import Customer, Publication, Relation
from tenure.desk.events import announce
from tenure.desk.governance import audit, consents, personal
from tenure.desk.governance.api import may
from tenure.desk.governance.models import PersonMerge, User
from tenure.errors import TenureError
from tenure.lake.scope import Scope
from tenure.language import Words, tr

DEEPEST = 12  # levels of a tree that are followed
MOST = 500  # members of a tree that are shown and added up


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of relation. there: what `to` is to `from` ("Parent company"). back: what `from` is to `to` ("Branch").

    tree: nobody stands above themselves. single: `from` has one such `to` at a time.
    """

    name: str
    there: Words
    back: Words
    tree: bool = False
    single: bool = False


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "branch", Words("Parent company", "上级公司"), Words("Branch or subsidiary", "分支机构或子公司"), True, True
        ),
        Kind("employee", Words("Employer", "任职公司"), Words("Employee", "员工")),
        Kind("decision_maker", Words("Decides for", "决策对象"), Words("Decision maker", "决策人")),
        Kind("household", Words("Same household", "同一家庭"), Words("Same household", "同一家庭")),
        Kind("referred_by", Words("Referred by", "推荐人"), Words("Referred", "被推荐客户"), True, True),
        Kind("custom", Words("Related", "其他关系"), Words("Related", "其他关系")),
    )
}
SYMMETRIC = ("household", "custom")


def sides() -> list[tuple[str, str]]:
    """What another customer may be to this one: (code, words). `branch:back` is said the other way round."""
    offered = []
    for kind in KINDS.values():
        offered.append((kind.name, str(kind.there)))
        if kind.name not in SYMMETRIC:
            offered.append((f"{kind.name}:back", str(kind.back)))
    return offered


@transaction.atomic
def relate(
    person_id: int,
    other_id: int,
    side: str,
    *,
    scope: Scope,
    actor: User | None,
    now: datetime,
    called: str = "",
    since: date | None = None,
    until: date | None = None,
    source: str = "desk",
    note: str = "",
) -> Relation:
    """Say what the other customer is to this one (a code of `sides`).

    Raises Customer.DoesNotExist where the scope does not reach both, TenureError for an unknown kind, a relation to
    oneself, one said already, a second parent, a circle in a tree, or an end before the beginning.
    """
    if actor is not None and not may(actor, "relate"):
        raise TenureError(tr("Your role does not record relations. Ask an administrator."))
    name, __, back = side.partition(":")
    kind = KINDS.get(name)
    if kind is None:
        raise TenureError(tr('There is no relation "{kind}". There are: {known}.', kind=name, known=", ".join(KINDS)))
    called = called.strip()[:60] if kind.name == "custom" else ""
    if kind.name == "custom" and not called:
        raise TenureError(tr("Say what this relation is called."))
    if since is not None and until is not None and until < since:
        raise TenureError(tr("The relation would end before it began; give a later day."))
    # One at a time: two people must not close a circle from both ends.
    Publication.objects.select_for_update().filter(pk=1).first()
    here, there = consents.current(person_id), consents.current(other_id)
    found = Customer.objects.visible_to(scope).select_for_update(of=("self",)).filter(pk__in={here, there})
    if len(found) < len({here, there}):
        raise Customer.DoesNotExist
    if here == there:
        raise TenureError(tr("That is the same customer. Choose another one."))
    below, above = (there, here) if back else (here, there)
    if kind.name in SYMMETRIC:
        below, above = min(here, there), max(here, there)
    every = holding(kind.name)
    if kind.single and any(low == below and high != above for low, high in every):
        # Whom it belongs to already may be out of the asker's sight, so it is not named.
        raise TenureError(tr("This customer has a relation of this kind already; end that one first."))
    if kind.tree and _is_above(below, above, every):
        raise TenureError(tr("That would make a circle: this customer already stands above the other one."))
    try:
        with transaction.atomic():
            # Said anew what was taken off before: it is somebody's word now, and no longer a file's.
            Relation.objects.filter(
                from_own=below, to_own=above, kind=kind.name, called=called, dropped_at__isnull=False
            ).delete()
            made = Relation.objects.create(
                from_own=below, to_own=above, kind=kind.name, called=called, since=since, until=until,
                source=source[:60], note=personal.seal(below, note.strip()[:500], context="relation"), said_by=actor,
                said_at=now,
            )  # fmt: skip
    except IntegrityError:
        raise TenureError(tr("That relation is known already.")) from None
    audit.record(
        "relate", "customer", person_id, actor=actor, now=now, kind=kind.name, other=other_id, relation=made.pk,
        subject=below, private={"note": note.strip()[:500], "called": called} if note.strip() or called else None,
    )  # fmt: skip
    announce(RelationSaid(made.pk, below, above, kind.name))
    return made


@transaction.atomic
def unrelate(relation_id: int, *, scope: Scope, actor: User | None, now: datetime) -> Relation:
    """Drop a relation that was said by mistake; one that came with a file stays off, though the file says it again.

    Raises Relation.DoesNotExist where the scope does not reach both ends.
    """
    if actor is not None and not may(actor, "relate"):
        raise TenureError(tr("Your role does not record relations. Ask an administrator."))
    found = Relation.objects.select_for_update(of=("self",)).get(pk=relation_id, dropped_at=None)
    ends = {consents.current(found.from_own), consents.current(found.to_own)}
    if len(selectors.within_reach(scope, sorted(ends))) < len(ends):
        raise Relation.DoesNotExist
    audit.record(
        "unrelate", "customer", found.from_own, actor=actor, now=now, kind=found.kind, other=found.to_own,
        relation=found.pk,
    )  # fmt: skip
    announce(RelationDropped(found.pk, found.from_own, found.to_own, found.kind))
    if found.imported:
        found.dropped_at = now
        found.save(update_fields=["dropped_at"])
    else:
        found.delete()
    return Relation(pk=relation_id)


# What people read


@dataclass(frozen=True, slots=True)
class Line:
    """One relation as it reads on a customer's page: what the other is to them, since when, who says so."""

    relation_id: int
    kind: str
    words: str
    other: Card
    since: date | None
    until: date | None
    source: str
    note: str
    current: bool


@dataclass(slots=True)
class Node:
    """A customer in the tree of companies, with those below it."""

    card: Card
    here: bool = False
    below: list["Node"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Group:
    """A tree as far as the asker sees it, and what it comes to. Money is None where amounts are hidden."""

    root: Node
    members: int
    high_risk: int
    spent_minor: int | None
    at_risk_minor: int | None
    open_cases: int


def relations_of(scope: Scope, person_id: int, *, today: date) -> list[Line]:
    """The customer's relations to others within reach, as they stand after every join; those that ended come last."""
    here = consents.current(person_id)
    mine = consents.numbers_of(here)
    rows = list(Relation.objects.filter(Q(from_own__in=mine) | Q(to_own__in=mine), dropped_at=None))
    if not rows:
        return []
    now = merged({one for row in rows for one in (row.from_own, row.to_own)})
    cards = _cards(scope, {now[one] for row in rows for one in (row.from_own, row.to_own)} - {here})
    lines: list[Line] = []
    seen: set[tuple[int, str, str, bool]] = set()
    for row in rows:
        up = now[row.from_own] == here
        other = now[row.to_own] if up else now[row.from_own]
        mark = (other, row.kind, row.called, up)
        if other == here or other not in cards or mark in seen:
            continue  # joined into one, out of reach, or said of two numbers that are one person now
        seen.add(mark)
        kind = KINDS.get(row.kind)
        words = row.called or (str(kind.there if up else kind.back) if kind else row.kind)
        lines.append(
            Line(
                row.pk, row.kind, words, cards[other], row.since, row.until, row.source,
                (personal.unseal(row.note) or "") if scope.sees("text") else "", row.until is None or row.until >= today,
            )
        )  # fmt: skip
    return sorted(
        lines,
        key=lambda one: (not one.current, list(KINDS).index(one.kind) if one.kind in KINDS else 99, one.relation_id),
    )


def group_of(scope: Scope, person_id: int, *, today: date, kind: str = "branch") -> Group | None:
    """The tree this customer stands in, from the highest within reach down; None where it stands alone.

    A customer out of reach ends the tree there, on either side: neither shown, nor counted, nor passed through.
    """
    here = consents.current(person_id)
    pairs = [pair for pair in holding(kind, today) if pair[0] != pair[1]]
    if not any(here in pair for pair in pairs):
        return None
    seen = selectors.within_reach(scope, sorted({one for pair in pairs for one in pair} | {here}))
    above = {low: high for low, high in pairs if low in seen and high in seen}
    below: dict[int, list[int]] = {}
    for low, high in sorted(above.items()):
        below.setdefault(high, []).append(low)
    top, passed = here, {here}
    while above.get(top) is not None and above[top] not in passed and len(passed) < DEEPEST:
        top = above[top]
        passed.add(top)
    order, levels = [top], {top: 0}
    for one in order:  # grows while it is walked; joins may have closed a circle, so nobody is taken twice
        for low in below.get(one, []):
            if low not in levels and levels[one] < DEEPEST and len(order) < MOST:
                levels[low] = levels[one] + 1
                order.append(low)
    cards = _cards(scope, order)
    if len(cards) < 2 or top not in cards or here not in cards:
        return None
    nodes = {one: Node(cards[one], here=one == here) for one in order if one in cards}
    for one in order[1:]:
        if one in nodes and above.get(one) in nodes:
            nodes[above[one]].below.append(nodes[one])
    members = list(nodes.values())
    money = scope.sees("amounts")
    return Group(
        nodes[top],
        len(members),
        sum(one.card.risk_band == "high" for one in members),
        sum(one.card.monetary_base_minor or 0 for one in members) if money else None,
        sum(one.card.at_risk_minor or 0 for one in members) if money else None,
        sum(one.card.open_cases or 0 for one in members),
    )


# How


def holding(kind: str, today: date | None = None) -> list[tuple[int, int]]:
    """Every relation of a kind as (below, above) of the persons behind them now; of a day, those that hold then."""
    rows = Relation.objects.filter(kind=kind, dropped_at=None)
    if today is not None:
        rows = rows.filter(Q(until__isnull=True) | Q(until__gte=today)).filter(
            Q(since__isnull=True) | Q(since__lte=today)
        )
    else:
        rows = rows.filter(until__isnull=True)
    ends = list(rows.order_by("pk").values_list("from_own", "to_own"))
    now = merged({one for pair in ends for one in pair})
    return [(now[low], now[high]) for low, high in ends]


def merged(own_ids: Collection[int]) -> dict[int, int]:
    """Who is behind each of these ids now."""
    found: dict[int, int] = {}
    asked = sorted(own_ids)
    for start in range(0, len(asked), 5000):
        found |= PersonMerge.objects.filter(own_id__in=asked[start : start + 5000]).values_list("own_id", "person_id")
    return {own: found.get(own, own) for own in asked}


def _is_above(one: int, other: int, every: Sequence[tuple[int, int]]) -> bool:
    """Whether `one` stands above `other`, however far."""
    above: dict[int, set[int]] = {}
    for low, high in every:
        above.setdefault(low, set()).add(high)
    todo, seen = [other], {other}
    while todo:
        for high in above.get(todo.pop(), ()):
            if high == one:
                return True
            if high not in seen:
                seen.add(high)
                todo.append(high)
    return False


def in_one_circle(low: int, high: int, above: Mapping[int, int]) -> bool:
    """Whether `high` above `low` would close a circle, where each has one above at most."""
    passed: set[int] = set()
    while high not in passed:
        if high == low:
            return True
        passed.add(high)
        if high not in above:
            return False
        high = above[high]
    return False


def _cards(scope: Scope, people: Collection[int]) -> dict[int, Card]:
    found = selectors.scores(scope).filter(customer_id__in=list(people)).select_related("customer")
    return {score.customer_id: Card(score, scope) for score in found}
