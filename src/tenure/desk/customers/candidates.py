"""Pairs of customers that may be one person: who is asked about, how much speaks for it, and the two side by side.

Nobody learns here what they may not see elsewhere: a pair is shown to whoever reaches both customers, evidence from a
field that is hidden from the asker is left out of words, sums and order, and a masked field says "same" without a value.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from difflib import SequenceMatcher
from typing import Any, Literal

import ibis
import pyarrow as pa
from ibis import _

from tenure.contracts import CONTRACTS
from tenure.desk.customers import duplicates, selectors
from tenure.desk.customers.models import Publication
from tenure.identity import standard
from tenure.identity.words import evidence as words_for
from tenure.lake import SYSTEM, Lake, Scope
from tenure.lake.fields import FIELDS, field_of
from tenure.language import Words

PAIRS = "identity/pairs"
MOST = 20_000  # pairs looked at, strongest first: nobody reviews more by hand
_NAMED = {"surname", "given_name", "pinyin", "nickname", "company", "first_name", "last_name"}
_COMPARED = (
    "name", "kind", "phone", "email", "id_number", "birth_date", "gender", "region", "city", "street", "industry",
    "language", "created_at",
)  # fmt: skip

Likeness = Literal["same", "similar", "different", "unknown"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that speaks for two numbers being one person (weight above 0) or against it (below)."""

    field: str
    weight: float
    words: Words


@dataclass(frozen=True, slots=True)
class Candidate:
    """Two numbers that may be one person. weight: the sum of the evidence shown; value_minor: what is at stake with
    both, None where amounts are hidden."""

    left_own: int
    right_own: int
    left: int
    right: int
    weight: float
    why: tuple[Evidence, ...]
    value_minor: int | None

    @property
    def pair(self) -> tuple[int, int]:
        return self.left_own, self.right_own

    @property
    def reasons(self) -> frozenset[str]:
        """The fields that speak for it."""
        return frozenset(one.field for one in self.why if one.weight > 0)


def candidates(lake: Lake, scope: Scope) -> list[Candidate]:
    """The pairs a person is to be asked about, the most value at stake first; where amounts are hidden, the surest."""
    if not lake.exists(PAIRS) or scope.sees_none:
        return []
    rows = lake.read(PAIRS, actor=SYSTEM)
    asked = rows.filter(rows.band == "ask")
    found = lake.to_arrow(asked.order_by(_.weight.desc(), _.left_own, _.right_own).limit(MOST)).to_pylist()
    person = _persons(lake, {row[side] for row in found for side in ("left_own", "right_own")})
    told = duplicates.decided_pairs()
    open_ = [
        (row, person[row["left_own"]], person[row["right_own"]])
        for row in found
        if row["left_own"] in person and row["right_own"] in person
        and person[row["left_own"]] != person[row["right_own"]]
        and frozenset((row["left_own"], row["right_own"])) not in told
    ]  # fmt: skip
    everybody = sorted({one for _row, left, right in open_ for one in (left, right)})
    reached = selectors.within_reach(scope, everybody)
    worth = _worth(scope, [one for one in everybody if one in reached])
    made = []
    seen: set[frozenset[int]] = set()
    for row, left, right in open_:
        pair = frozenset((left, right))
        if left not in reached or right not in reached or pair in seen:
            continue  # of several numbers of the same two persons, the strongest pair asks for all
        seen.add(pair)
        why = evidence(scope, row["why"])
        value = worth.get(left, 0) + worth.get(right, 0) if scope.sees("amounts") else None
        weight = round(sum(one.weight for one in why), 2)
        made.append(Candidate(row["left_own"], row["right_own"], left, right, weight, why, value))
    return sorted(made, key=lambda one: (-(one.value_minor or 0), -one.weight, one.pair))


def candidate(lake: Lake, scope: Scope, left: int, right: int) -> Candidate | None:
    """These two numbers as a pair, asked about or not; None where the scope does not reach both or they are one."""
    person = _persons(lake, {left, right})
    if left == right or left not in person or right not in person or person[left] == person[right]:
        return None
    if len(selectors.within_reach(scope, [person[left], person[right]])) < 2:
        return None
    low, high = min(left, right), max(left, right)
    why: tuple[Evidence, ...] = ()
    if lake.exists(PAIRS):
        rows = lake.read(PAIRS, actor=SYSTEM)
        found = lake.to_arrow(rows.filter(rows.left_own == low, rows.right_own == high).limit(1)).to_pylist()
        why = evidence(scope, found[0]["why"]) if found else ()
    worth = _worth(scope, [person[low], person[high]])
    value = sum(worth.values()) if scope.sees("amounts") else None
    return Candidate(low, high, person[low], person[high], round(sum(one.weight for one in why), 2), why, value)


def evidence(scope: Scope, why: str | None) -> tuple[Evidence, ...]:
    """The evidence the scope may learn of, strongest first, whichever way it points."""
    told = [item for item in json.loads(why or "[]") if scope.shows(_field(str(item.get("field")))) != "hidden"]
    made = [Evidence(str(item.get("field")), float(item.get("weight") or 0), words_for(item)) for item in told]
    return tuple(sorted(made, key=lambda one: -abs(one.weight)))


def _field(name: str) -> str | None:
    """The field that evidence about this speaks of; what nobody knows counts as an identifier."""
    if name in FIELDS:
        return name
    if name in _NAMED:
        return "name"
    if name == "place":  # city, region and postcode: for all who see the row
        return None
    return field_of("records/customers", name) if name in CONTRACTS["customers"] else "identity"


def _persons(lake: Lake, own_ids: Collection[int]) -> dict[int, int]:
    links = lake.read("identity/links", actor=SYSTEM)
    wanted = pa.table({"own_id": pa.array(sorted(own_ids), pa.int64())})
    found = lake.to_arrow(links.semi_join(ibis.memtable(wanted), "own_id").select("own_id", "person_id"))
    return dict(zip(found["own_id"].to_pylist(), found["person_id"].to_pylist(), strict=True))


def _worth(scope: Scope, people: Sequence[int]) -> dict[int, int]:
    shown = Publication.current()
    worth: dict[int, int] = {}
    for start in range(0, len(people), 5000):
        rows = selectors.scores(scope, shown).filter(customer_id__in=people[start : start + 5000])
        for person, value in rows.values_list("customer_id", "value_base_minor"):
            worth[person] = max(value or 0, 0)
    return worth


# Two persons side by side


@dataclass(frozen=True, slots=True)
class Line:
    """One field of both, as the asker may see it, and how alike the two are."""

    name: str
    words: Words
    left: tuple[str, ...]
    right: tuple[str, ...]
    likeness: Likeness


def side_by_side(lake: Lake, scope: Scope, left: int, right: int) -> list[Line]:
    """Every field that either has and the scope does not have hidden, in the order people look at them."""
    shown, clear = _values(lake, scope, left, right), _values(lake, SYSTEM, left, right)
    lines = []
    for name in _COMPARED:
        if scope.shows(field_of("records/customers", name)) == "hidden":
            continue
        ours, theirs = clear[left].get(name, []), clear[right].get(name, [])
        if ours or theirs:
            column = CONTRACTS["customers"][name]
            told = [
                tuple(str(column.values.get(text, text)) for text in shown[side].get(name, []))
                or (("••••",) if clear[side].get(name) else ())
                for side in (left, right)
            ]
            alike = likeness(name, ours, theirs)
            if alike == "similar" and not scope.sees(field_of("records/customers", name) or ""):
                alike = (
                    "different"  # of what is masked, how near two values are would tell of the part that is not shown
                )
            lines.append(Line(name, column.words, told[0], told[1], alike))
    return lines


def _values(lake: Lake, scope: Scope, left: int, right: int) -> dict[int, dict[str, list[str]]]:
    rows = lake.read("records/customers", actor=scope)
    rows = rows.filter(rows.person_id.isin([left, right])).order_by(rows.person_id, rows.ids_of, rows.customer_id)
    found: dict[int, dict[str, list[str]]] = {left: {}, right: {}}
    for row in lake.to_arrow(rows.select("person_id", *_COMPARED)).to_pylist():
        for name in _COMPARED:
            if (text := _text(row[name])) and text not in found[row["person_id"]].setdefault(name, []):
                found[row["person_id"]][name].append(text)
    return found


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}"
    return value.isoformat() if isinstance(value, date) else "" if value is None else str(value).strip()


def likeness(name: str, ours: Sequence[str], theirs: Sequence[str]) -> Likeness:
    """How alike two customers' values of a field are; the nearest two speak. Unknown where one has none."""
    if not ours or not theirs:
        return "unknown"
    a, b = set(_standard(name, ours)), set(_standard(name, theirs))
    if a & b:
        return "same"
    if name in {"kind", "gender", "region", "language"}:
        return "different"
    if name == "email":  # whoever has the same host is no nearer for it
        a, b = {one.partition("@")[0] for one in a}, {one.partition("@")[0] for one in b}
    nearest = max(SequenceMatcher(None, one, other).ratio() for one in a for other in b)
    # Numbers are given out in rows: only a slip of the pen makes two of them alike.
    return "similar" if nearest >= (0.9 if name in {"phone", "id_number"} else 0.75) else "different"


def _standard(name: str, values: Sequence[str]) -> list[str]:
    forms = {
        "phone": standard.phones,
        "email": standard.emails,
        "name": standard.names,
        "id_number": standard.id_numbers,
    }
    column = pa.array(list(values), pa.string())
    made = forms[name](column).to_pylist() if name in forms else [None] * len(values)
    return [form or text.casefold() for form, text in zip(made, values, strict=True)]


@dataclass(frozen=True, slots=True)
class Brought:
    """What a person brought, as far as the asker sees: None where nothing of the kind may be counted."""

    orders: int
    spent_minor: int | None
    last_order: date | None
    cases: int
    open_cases: int
    numbers: tuple[str, ...]


def brought(lake: Lake, scope: Scope, people: Sequence[int]) -> Mapping[int, Brought]:
    """Orders, sums and cases of each, and the numbers it goes by."""
    orders = lake.read("records/orders", actor=scope)
    orders = orders.filter(orders.person_id.isin(list(people)), (orders.kind == "sale") | orders.kind.isnull())
    bought = {
        row["person_id"]: row
        for row in lake.to_arrow(
            orders.group_by("person_id").agg(
                orders=orders.order_id.nunique(), spent=orders.amount_base_minor.sum(), last=orders.ordered_on.max()
            )
        ).to_pylist()
    }
    cases = lake.read("records/cases", actor=scope)
    cases = cases.filter(cases.person_id.isin(list(people)))
    complained = {
        row["person_id"]: row
        for row in lake.to_arrow(
            cases.group_by("person_id").agg(cases=cases.count(), open=cases.resolved_at.isnull().sum())
        ).to_pylist()
    }
    numbers: dict[int, list[str]] = {}
    for number in duplicates.numbers_of(lake, people):
        numbers.setdefault(number.person, []).append(f"{number.customer_id} ({number.ids_of})")
    sees = scope.sees("amounts")
    return {
        one: Brought(
            bought.get(one, {}).get("orders", 0),
            (bought.get(one, {}).get("spent") or 0) if sees else None,
            bought.get(one, {}).get("last"),
            complained.get(one, {}).get("cases", 0),
            complained.get(one, {}).get("open", 0),
            tuple(numbers.get(one, [])),
        )
        for one in people
    }
