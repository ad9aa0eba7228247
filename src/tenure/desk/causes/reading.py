"""What leavers' statements add up to, over those the asker may see."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Max, Sum

from tenure.desk.causes.models import CameFrom, Idea, Statement
from tenure.desk.causes.taxonomy import Node, tree
from tenure.desk.customers.models import Publication, Score
from tenure.desk.customers.relations import merged
from tenure.desk.governance import personal
from tenure.insight.causes import Corrected, Leaver, corrected, main_of
from tenure.lake.scope import Scope


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked at: people who left from `since` until before `until` (None: open), causes by one axis value each
    ("" any), and persons (None: all within reach)."""

    since: date | None = None
    until: date | None = None
    control: str = ""
    side: str = ""
    nature: str = ""
    persons: frozenset[int] | None = None

    def holds(self, node: Node) -> bool:
        return all(getattr(self, axis) in ("", getattr(node.cause, axis)) for axis in ("control", "side", "nature"))


@dataclass(frozen=True, slots=True)
class Counted:
    """Leavers by cause. leavers: each once, under one cause. said: how many left in the period and said anything that
    names a cause; silent: how many said something nobody could make out."""

    leavers: Mapping[int, Leaver]
    said: int
    silent: int
    corrected: Corrected | None = None

    def by_cause(self) -> dict[str, list[Leaver]]:
        found: dict[str, list[Leaver]] = {}
        for one in self.leavers.values():
            found.setdefault(one.cause, []).append(one)
        return found


def mark() -> list[Any]:
    """Changes with every statement and every cause, for what is remembered."""
    told = Statement.objects.aggregate(
        n=Count("pk"), last=Max("pk"), versions=Sum("version"), reviewed=Max("reviewed_at")
    )
    days = Statement.objects.exclude(left_on=None).aggregate(n=Count("pk"), last=Max("left_on"))
    return [
        *map(str, told.values()),
        *map(str, days.values()),
        [(n.code, n.version) for n in tree().values() if n.version],
    ]


def leavers(scope: Scope, asked: Asked, nodes: Mapping[str, Node] | None = None) -> Counted:
    """Who left and the one cause that counts for each, as far as the asker may see them.

    A retired cause that people confirmed still counts; a suggestion of one does not.
    """
    nodes = tree() if nodes is None else nodes
    said, people = _said(scope, asked, nodes)
    main = main_of(said, _vague(nodes))
    kept = {person: one for person, one in main.items() if asked.holds(nodes[one.cause])}
    return Counted(kept, len(main), len(people) - len(main), _corrected(said, asked, nodes, None))


def worth_of(
    scope: Scope, asked: Asked, worth: Mapping[int, int], nodes: Mapping[str, Node] | None = None
) -> Corrected | None:
    """What leavers are worth (person → a whole number) by cause, branch and control, as interviews correct what they say.

    Groups: ("branch", code), ("control", kind). None where too few were asked in depth.
    """
    nodes = tree() if nodes is None else nodes
    return _corrected(_said(scope, asked, nodes)[0], asked, nodes, worth)


def _corrected(
    said: Sequence[Leaver], asked: Asked, nodes: Mapping[str, Node], worth: Mapping[int, int] | None
) -> Corrected | None:
    groups: dict[tuple[str, str], list[str]] = {}
    for code in sorted({one.cause for one in said if asked.holds(nodes[one.cause])}):
        node = nodes[code]
        for group in (("branch", node.parent or code), ("control", node.control)):
            groups.setdefault(group, []).append(code)
    found = corrected(said, _vague(nodes), groups, worth)
    return found and found.only([cause for cause in found.causes if asked.holds(nodes[cause])])


def _vague(nodes: Mapping[str, Node]) -> set[str]:
    return {node.code for node in nodes.values() if node.cause.vague}


def _said(scope: Scope, asked: Asked, nodes: Mapping[str, Node]) -> tuple[list[Leaver], set[int]]:
    """What was said that names a cause, and everybody who said anything."""
    rows = Statement.objects.visible_to(scope).exclude(left_on=None)
    if asked.since:
        rows = rows.filter(left_on__gte=asked.since)
    if asked.until:
        rows = rows.filter(left_on__lt=asked.until)
    told = list(
        rows.order_by("pk").values_list(
            "own_id", "left_on", "state", "suggested", "confirmed", "came_from", "confidence"
        )
    )
    now = merged({row[0] for row in told})
    said: list[Leaver] = []
    people: set[int] = set()
    for own, left_on, state, suggested, confirmed, came_from, confidence in told:
        person = now[own]
        if left_on is None or (asked.persons is not None and person not in asked.persons):
            continue
        people.add(person)
        sure = state == Statement.State.CONFIRMED
        cause = confirmed if sure else suggested if state == Statement.State.WAITING else ""
        if cause in nodes and (sure or not nodes[cause].retired):
            said.append(Leaver(person, left_on, cause, sure, came_from, confidence))
    return said, people


def spent_by(scope: Scope, persons: Collection[int]) -> dict[int, int] | None:
    """What each had spent with us, in minor units; None where amounts are hidden."""
    if not scope.sees("amounts"):
        return None
    shown = Publication.current()
    if shown is None:
        return {}
    found: dict[int, int] = {}
    wanted = sorted(persons)
    for start in range(0, len(wanted), 5000):
        rows = Score.objects.filter(generation=shown.generation, customer_id__in=wanted[start : start + 5000])
        found |= {person: spent or 0 for person, spent in rows.values_list("customer_id", "monetary_base_minor")}
    return found


@dataclass(frozen=True, slots=True)
class Line:
    """One statement as it reads on a page; what is hidden from the asker is empty."""

    row: Statement
    person_id: int
    name: str
    text: str
    went_by: str
    suggested: Node | None
    confirmed: Node | None

    @property
    def origin(self) -> str:
        return str(CameFrom(self.row.came_from).label)

    @property
    def retired(self) -> bool:
        return self.suggested is not None and self.suggested.retired


def lines(scope: Scope, rows: Sequence[Statement], nodes: Mapping[str, Node] | None = None) -> list[Line]:
    """Statements with whose they are and what they say; rows must come from `visible_to(scope)`."""
    from tenure.desk.customers.models import Customer

    nodes = tree() if nodes is None else nodes
    now = merged({row.own_id for row in rows})
    people = Customer.objects.visible_to(scope).in_bulk(list(set(now.values())))
    opens = scope.sees("text")
    found = []
    for row in rows:
        person = people.get(now[row.own_id])
        if person is None:
            continue
        name = scope.show("scores/customers", "name", person.name) or person.customer_id or str(person.pk)
        found.append(
            Line(
                row, person.pk, name, (personal.unseal(row.text) or "") if opens else "",
                (personal.unseal(row.went_by) or "") if opens else "", nodes.get(row.suggested),
                nodes.get(row.confirmed),
            )
        )  # fmt: skip
    return found


def of_customer(scope: Scope, person_id: int, most: int = 20) -> list[Line]:
    """What was said of why this customer leaves, the newest first."""
    from tenure.desk.governance import consents

    rows = Statement.objects.visible_to(scope).filter(own_id__in=consents.numbers_of(consents.current(person_id)))
    return lines(scope, list(rows.select_related("reviewed_by", "said_by")[:most]))


def ideas(cause: str) -> list[Idea]:
    """The discussion of a cause, what is to be decided or done first, then by votes."""
    rows = list(
        Idea.objects.filter(cause=cause).select_related("by", "owner", "decided_by")
        .prefetch_related("comments__by", "votes")
    )  # fmt: skip
    order = {state: at for at, state in enumerate(("decided", "open", "done", "dropped"))}
    return sorted(rows, key=lambda one: (order[one.state], -len(one.votes.all()), -one.pk))
