"""Reading the register: whom the asker's customers were lost to, and which records name a competitor."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis

from tenure.desk.competitors.models import Competitor, Loss
from tenure.desk.customers.models import Customer, Publication, Score
from tenure.desk.governance import personal
from tenure.desk.governance.models import PersonMerge
from tenure.lake import Lake, Scope

MOST = 200
# contract → (the text that may name a competitor, the key, when it was said)
NAMES_IT: Mapping[str, tuple[str, str, str]] = {
    "subscriptions": ("end_reason", "subscription_id", "ended_at"),
    "survey_responses": ("text", "response_id", "answered_at"),
    "cases": ("text", "case_id", "opened_at"),
    "interactions": ("text", "interaction_id", "occurred_at"),
}


@dataclass(frozen=True, slots=True)
class Lost:
    """A customer within reach who left for a competitor. spent_minor: None where amounts are hidden, or not known."""

    loss_id: int
    competitor_id: int
    person_id: int
    name: str
    region: str
    tier: str
    on: date
    found_in: str
    note: str
    spent_minor: int | None


@dataclass(frozen=True, slots=True)
class Suggested:
    """A record that names a competitor, about which nobody has decided yet."""

    competitor_id: int
    person_id: int
    name: str
    on: date
    found_in: str
    record: str
    said: str


def competitors(*, away: bool = False) -> list[Competitor]:
    """Those in use, by name; with `away` those put away."""
    return list(Competitor.objects.filter(archived_at__isnull=not away))


def losses(scope: Scope, competitor_id: int | None = None) -> list[Lost]:
    """Confirmed losses of customers within reach, the latest first. Each customer counts once for a competitor."""
    rows = Loss.objects.visible_to(scope).filter(verdict=Loss.Verdict.CONFIRMED, competitor__archived_at=None)
    if competitor_id is not None:
        rows = rows.filter(competitor_id=competitor_id)
    found = list(rows)
    now = _now({row.own_id for row in found})
    people = _people(scope, now.values())
    spent = _figures(scope, people)
    told, seen = [], set()
    for row in found:
        person = now[row.own_id]
        if person not in people or (row.competitor_id, person) in seen:
            continue
        seen.add((row.competitor_id, person))
        customer = people[person]
        score = spent.get(person)
        told.append(
            Lost(
                row.pk, row.competitor_id, person, _called(customer, scope), customer.region,
                score.tier if score and scope.sees("amounts") else "", row.on, row.found_in,
                (personal.unseal(row.note) or "") if scope.sees("text") else "",
                score.monetary_base_minor if score and scope.sees("amounts") else None,
            )
        )  # fmt: skip
    return told


def suggestions(scope: Scope, lake: Lake, rows: Sequence[Competitor] | None = None) -> list[Suggested]:
    """Records that name a competitor by any of its names, newest first; what was decided of before is left out.

    They are read as the asker may see them: a text that is hidden names nobody.
    """
    rows = competitors() if rows is None else rows
    if not rows:
        return []
    patterns = [(row.pk, re.compile(pattern(row.called), re.IGNORECASE)) for row in rows]
    anyone = pattern([name for row in rows for name in row.called])
    said: list[tuple[str, dict[str, Any]]] = []
    for contract, (text, key, at) in NAMES_IT.items():
        if text == "text" and not scope.sees("text"):
            continue
        table = lake.read(f"records/{contract}", actor=scope)
        named = table.filter(
            table.person_id.notnull(), table[at].notnull(), table[text].notnull(),
            table[text].cast("string").re_search(f"(?i)(?:{anyone})"),
        )  # fmt: skip
        picked = named.select("person_id", said=named[text], record=named[key], at=named[at])
        said += [(contract, row) for row in lake.to_arrow(picked.order_by(ibis.desc("at")).limit(MOST)).to_pylist()]
    decided = set(Loss.objects.values_list("competitor_id", "found_in", "record"))
    people = _people(scope, {row["person_id"] for _contract, row in said})
    found: dict[tuple[int, str, str], Suggested] = {}
    for contract, row in said:
        for competitor, named_so in patterns:
            about = (competitor, contract, str(row["record"])[:200])
            if about in decided or row["person_id"] not in people or not named_so.search(row["said"]):
                continue
            customer = people[row["person_id"]]
            found.setdefault(
                about,
                Suggested(
                    competitor,
                    customer.pk,
                    _called(customer, scope),
                    row["at"].date(),
                    contract,
                    about[2],
                    row["said"][:300],
                ),
            )
    return sorted(found.values(), key=lambda one: (one.on, one.person_id), reverse=True)[:MOST]


def pattern(names: Iterable[str]) -> str:
    """A regular expression for any of the names: Latin ones as whole words, Chinese ones anywhere."""
    told = []
    for name in names:
        # Written out: what engines escape differs.
        plain = re.sub(r"([\\.^$|?*+()\[\]{}])", r"\\\1", name)
        before = r"(^|[^A-Za-z0-9])" if name[0].isascii() and name[0].isalnum() else ""
        after = r"($|[^A-Za-z0-9])" if name[-1].isascii() and name[-1].isalnum() else ""
        told.append(f"{before}{plain}{after}")
    return "|".join(told)


def _now(own_ids: Iterable[int]) -> dict[int, int]:
    """Who each number stands for now, after every join."""
    wanted = sorted(set(own_ids))
    found = {own: own for own in wanted}
    for start in range(0, len(wanted), 500):
        merged = PersonMerge.objects.filter(own_id__in=wanted[start : start + 500])
        found.update(merged.values_list("own_id", "person_id"))
    return found


def _people(scope: Scope, ids: Iterable[int]) -> dict[int, Customer]:
    wanted, found = sorted(set(ids)), {}
    for start in range(0, len(wanted), 500):
        found.update(Customer.objects.visible_to(scope).in_bulk(wanted[start : start + 500]))
    return found


def _called(customer: Customer, scope: Scope) -> str:
    return scope.show("scores/customers", "name", customer.name) or customer.customer_id or str(customer.pk)


def _figures(scope: Scope, people: Mapping[int, Customer]) -> dict[int, Score]:
    shown = Publication.current()
    if shown is None:
        return {}
    wanted, found = sorted(people), {}
    for start in range(0, len(wanted), 500):
        rows = Score.objects.filter(generation=shown.generation, customer_id__in=wanted[start : start + 500])
        found.update({row.customer_id: row for row in rows})
    return found
