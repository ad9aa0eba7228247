"""A definition as one question to the lake: who is in the segment, within the asker's reach.

Fields are columns of the card; each deed is one pass over its records, joined to the cards by person. A group is plain
logic over columns that are never null, so `none` is the exact opposite of `any`.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import reduce
from operator import and_, or_
from typing import Any, TypeAlias

import ibis
import pyarrow as pa

from tenure.desk.customers.segments.askable import CARD, CATEGORY, KNOWN_TO_DESK, RULED, Deed
from tenure.desk.customers.segments.definition import Agreed, Belongs, Did, Group, Node, Test
from tenure.errors import TenureError
from tenure.in_memory import in_memory
from tenure.insight.segments.habits import by_rule
from tenure.lake import SYSTEM, Lake, Scope
from tenure.language import tr

Persons: TypeAlias = pa.Array
"""Person ids, int64."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a question is asked of. day: the business day at whose start the figures are taken; it is not over yet.

    desk: who has this owner or team, as the desk knows. agreed: persons, and whether these are the ones who may be reached
    or all that may not. other: another segment: its definition, or those who are in it. only: one person asked about.
    assigned: changes whenever anybody's reach does; what is remembered is remembered for that.
    """

    lake: Lake
    scope: Scope
    day: date
    desk: Callable[[Test], Persons]
    agreed: Callable[[Agreed], tuple[Persons, bool]]
    other: Callable[[int], Group | Persons]
    remember: "Remembered | None" = None
    only: int | None = None
    assigned: object = None


class Remembered:
    """What records came to a person, kept for whoever is still editing: another limit on the same number costs nothing.

    Of this process, up to so many bytes; the key holds everything the answer depends on, so nothing is ever stale.
    """

    def __init__(self, most_bytes: int = 128 * 1024**2) -> None:
        self._most, self._held = most_bytes, OrderedDict[object, pa.Table]()
        self._lock = threading.Lock()

    def get(self, key: object, work_out: Callable[[], pa.Table]) -> pa.Table:
        with self._lock:
            if (found := self._held.get(key)) is not None:
                self._held.move_to_end(key)
                return found
        found = work_out()
        with self._lock:
            self._held[key] = found
            while len(self._held) > 1 and sum(one.nbytes for one in self._held.values()) > self._most:
                self._held.popitem(last=False)
        return found


def members(node: Node, ground: Ground) -> ibis.Table:
    """The customers of a definition: one row a person, column person_id."""
    return Compiling(ground).of(node).select("person_id")


class Compiling:
    """One question being put together; a condition that occurs twice is worked out once.

    Raises TenureError where a segment turns out to ask about itself, however far round.
    """

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.columns: set[str] = set()
        self.ruled: set[str] = set()
        self.joined: dict[Any, tuple[str, ibis.Table]] = {}
        self._inside: list[int] = []

    def of(self, node: Node | None, **shown: Node) -> ibis.Table:
        """The cards for which the node holds, or all of them; shown: further columns, each whether another node holds."""
        truth = self._prepare(node) if node is not None else lambda people: ibis.literal(True)
        truths = {name: self._prepare(one) for name, one in shown.items()}
        people = self.ground.lake.read(CARD, actor=self.ground.scope).select("person_id", *sorted(self.columns))
        if self.ruled:
            rules = self._by_rule().select("person_id", *sorted(self.ruled))
            people = people.left_join(rules, "person_id").drop("person_id_right")
        if self.ground.only is not None:
            people = people.filter(people.person_id == self.ground.only)
        for name, table in self.joined.values():
            found = table.select("person_id").distinct().mutate(**{name: ibis.literal(True)})
            people = people.left_join(found, "person_id").drop("person_id_right")
        kept = people.filter(truth(people))
        return kept.select("person_id", **{name: one(kept) for name, one in truths.items()})

    def _by_rule(self) -> ibis.Table:
        lake, scope = self.ground.lake, self.ground.scope
        return by_rule(lake.read("scores/habits", actor=scope), lake.read("scores/tiers", actor=scope))

    def _prepare(self, node: Node) -> Callable[[ibis.Table], ibis.Value]:
        """What to ask of the joined cards, having noted what must be joined."""
        if isinstance(node, Group):
            parts = [self._prepare(part) for part in node.parts]
            how = or_ if node.mode in ("any", "none") else and_
            if not parts:
                return lambda people: ibis.literal(node.mode != "any")
            if node.mode == "none":
                return lambda people: ~reduce(how, [part(people) for part in parts])
            return lambda people: reduce(how, [part(people) for part in parts])
        if isinstance(node, Test) and not of_desk(node):
            name = node.asked.name
            (self.ruled if node.asked.table == RULED else self.columns).add(name)
            return lambda people: truth_of(people[name], node, self.ground.day)
        if isinstance(node, Belongs):
            inside = self.ground.other(node.segment)
            if isinstance(inside, Group):
                if node.segment in self._inside:
                    raise TenureError(tr("The segment asks about itself. Take the circle out of its conditions."))
                self._inside.append(node.segment)
                part = self._prepare(inside)
                self._inside.pop()
                return part if node.inside else lambda people: ~part(people)
            return self._flag(node.segment, lambda: _listed(inside), node.inside)
        if isinstance(node, Agreed):
            persons, these = self.ground.agreed(node)
            return self._flag((node.purpose, node.channel), lambda: _listed(persons), node.yes == these)
        if isinstance(node, Test):
            wanted = node if node.how != "not_in" else Test(node.asked, "in", node.values)
            wanted = wanted if node.how != "empty" else Test(node.asked, "set", ())
            sense = node.how not in ("not_in", "empty")
            return self._flag(wanted, lambda: _listed(self.ground.desk(wanted)), sense)
        sense = not holds_for_nothing(node)
        return self._flag(node, lambda: did(node, self.ground, sense=sense), sense)

    def _flag(self, key: Any, table: Callable[[], ibis.Table], sense: bool) -> Callable[[ibis.Table], ibis.Value]:
        """Whether a person is among those of a table, or not among them."""
        if key not in self.joined:
            self.joined[key] = f"in_{len(self.joined)}", table()
        name = self.joined[key][0]
        return (lambda people: people[name].notnull()) if sense else (lambda people: people[name].isnull())


def of_desk(test: Test) -> bool:
    """Whether the desk knows better than the cards."""
    return test.asked.name in KNOWN_TO_DESK


def _listed(persons: Persons) -> ibis.Table:
    return in_memory(pa.table({"person_id": persons.cast(pa.int64())}))


def truth_of(column: ibis.Value, test: Test, day: date) -> ibis.Value:
    """Whether a column passes a test: true or false, never null. What is unknown passes `is not` and `empty` alone."""
    kind, how, values = test.asked.kind, test.how, test.values
    if kind == "choices":
        filled = column.notnull() & (column.length() > 0)
        some = reduce(or_, [column.contains(value) for value in values]).fill_null(False) if values else filled
        found = {"in": some, "not_in": ~some, "set": filled, "empty": ~filled.fill_null(False)}[how]
        return found.fill_null(False)
    if how in ("set", "empty"):
        filled = column.notnull() & (column != "") if column.type().is_string() else column.notnull()
        return filled if how == "set" else ~filled
    if kind in ("text", "code"):
        if how == "has":
            return reduce(or_, [column.lower().contains(value.lower()) for value in values]).fill_null(False)
        some = column.isin(values).fill_null(False)
        return some if how == "in" else ~some
    if kind == "yes_no":
        said = column.fill_null(False)
        return said if how == "yes" else ~said
    if kind == "date":
        if how in ("from", "to"):
            asked = ibis.literal(values[0])
            return (column >= asked if how == "from" else column <= asked).fill_null(False)
        since = ibis.literal(day - timedelta(days=int(values[0])))
        return (column >= since if how == "within" else column < since).fill_null(False)
    return compared(column, how, values[0]).fill_null(False)


def compared(column: ibis.Value, how: str, value: int | Decimal) -> ibis.Value:
    """A number beside another; whole ones stay whole, so that no cent is lost."""
    plain: int | float = int(value) if value == int(value) else float(value)
    if isinstance(plain, float) and column.type().is_decimal():
        column = column.cast("float64")
    return {"ge": column >= plain, "le": column <= plain, "eq": column == plain}[how]


def holds_for_nothing(node: Did) -> bool:
    """Whether somebody without a single such record passes: at most three times, exactly none.

    "More than 30 days since the last" is true of whoever never did; "at most 30 days" is not.
    """
    if node.what == "since":
        return node.how == "ge"
    if node.what == "max":
        return False
    return {"ge": node.value <= 0, "le": node.value >= 0, "eq": node.value == 0}[node.how]


def rows_of(node: Did, ground: Ground) -> ibis.Table:
    """The records a condition speaks of, within its stretch of days; of the future there are none."""
    deed = node.deed
    rows = ground.lake.read(f"records/{deed.contract}", actor=ground.scope)
    wanted = rows.person_id.notnull() if ground.only is None else rows.person_id == ground.only
    rows = _of_deed(rows.filter(wanted), deed)
    happened = rows[deed.day]
    kept = [happened < ibis.literal(ground.day)]
    if node.days is not None:
        kept.append(happened >= ibis.literal(ground.day - timedelta(days=node.days)))
    if node.first is not None:
        kept.append(happened >= ibis.literal(node.first))
    if node.last is not None:
        kept.append(happened <= ibis.literal(node.last))
    rows = rows.filter(*kept)
    asked = {test.asked.name for test in node.where} | ({node.of.name} if node.of else set())
    if CATEGORY in asked and CATEGORY not in rows.columns:
        rows = rows.left_join(_categories(ground.lake), "product_id").drop("product_id_right")
    for test in node.where:
        rows = rows.filter(truth_of(rows[test.asked.name], test, ground.day))
    return rows


def did(node: Did, ground: Ground, *, sense: bool = True) -> ibis.Table:
    """The persons for whom the condition holds; sense False: those with such records for whom it does not."""
    if node.what == "count" and node.how == "ge" and node.value == 1 and sense:
        return rows_of(node, ground).select("person_id").distinct()
    found = (
        _remembered(node, ground)
        if ground.remember and ground.only is None
        else counted(node, rows_of(node, ground), ground.day)
    )
    holds = compared(found.n, node.how, node.value)
    return found.filter(holds if sense else ~holds).select("person_id")


def _remembered(node: Did, ground: Ground) -> ibis.Table:
    assert ground.remember is not None
    lake = ground.lake
    asked = replace(node, how="ge", value=0)
    versions = [lake.version(table) for table in (f"records/{node.deed.contract}", "records/products")]
    key = (str(lake.folder), *versions, ground.scope, ground.assigned, ground.day, asked)
    found = ground.remember.get(key, lambda: lake.to_arrow(counted(asked, rows_of(asked, ground), ground.day)))
    return ibis.memtable(found)


def counted(node: Did, rows: ibis.Table, day: date) -> ibis.Table:
    """The number each person's records come to: person_id, n."""
    deed = node.deed
    if node.what == "count":
        return rows.group_by("person_id").agg(n=rows[deed.times].nunique() if deed.times else rows.count())
    if node.what == "days":
        return rows.group_by("person_id").agg(n=rows[deed.day].nunique())
    if node.what == "since":
        last = rows.group_by("person_id").agg(last=rows[deed.day].max())
        return last.select("person_id", n=ibis.literal(day).delta(last.last, unit="day"))
    assert node.of is not None
    column = rows[node.of.name]
    by = {"sum": "sum", "max": "max", "distinct": "nunique"}[node.what]
    found = rows.group_by("person_id").agg(n=getattr(column, by)())
    return found.mutate(n=found.n.fill_null(0)) if node.what == "sum" else found.filter(found.n.notnull())


def _of_deed(rows: ibis.Table, deed: Deed) -> ibis.Table:
    for name, values in deed.only.items():
        rows = rows.filter(rows[name].isin(values))
    for name, values in deed.never.items():
        rows = rows.filter(rows[name].isnull() | rows[name].notin(values))
    return rows


def _categories(lake: Lake) -> ibis.Table:
    """The category of each product. What a product is belongs to no customer, so it is no asker's to hide."""
    products = lake.read("records/products", actor=SYSTEM)
    products = products.filter(products.product_id.notnull(), products.category.notnull())
    return products.group_by("product_id").agg(category=products.category.max())


def count_of(node: Node, ground: Ground) -> int:
    """How many customers the definition holds for, within the asker's reach."""
    return int(ground.lake.to_arrow(members(node, ground).count())["value"][0].as_py())
