"""Which source wins, field by field: a rule people can see and change, and where each fact of a customer comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from tenure.contracts import CONTRACTS
from tenure.desk.customers.events import PrecedenceSet
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.api import may
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.lake import Lake, Scope
from tenure.lake.stored import PRECEDENCE
from tenure.language import Words, tr

MOST_SOURCES = 30
TOLD = ("name", "phone", "email", "id_number", "birth_date", "gender", "kind", "region", "city", "street", "language")


def may_set(user: User, scope: Scope) -> bool:
    """A rule holds for every customer, so it is for whoever decides who is who and sees everybody."""
    return may(user, "merge") and scope.sees_all


@transaction.atomic
def set_precedence(
    contract: str,
    orders: Mapping[str, Sequence[str]],
    *,
    lake: Lake,
    scope: Scope,
    actor: User | None,
    now: datetime,
) -> list[str]:
    """Say for fields of a contract which source goes first, then which; an empty order takes a field's rule away.

    Sources that a rule does not name follow, newest first. What people see follows with the next refresh. Returns the
    fields whose rule changed.

    Raises TenureError for an unknown contract, a field that has no rule (a key), a source twice, or an actor who may
    not.
    """
    if actor is not None and not may_set(actor, scope):
        raise TenureError(tr("Which source wins is set by somebody who sees every customer and decides who is who."))
    if contract not in CONTRACTS:
        raise TenureError(tr('There are no records "{contract}".', contract=contract))
    shape = CONTRACTS[contract]
    told = dict(lake.document(PRECEDENCE) or {})
    rules = dict(told.get(contract, {}))
    before = dict(rules)
    for field, given in orders.items():
        if field not in shape or field in shape.key:
            raise TenureError(tr('"{field}" can have no rule: it names the record itself.', field=field))
        order = [source.strip()[:100] for source in given if source.strip()]
        if len(set(order)) != len(order) or len(order) > MOST_SOURCES:
            raise TenureError(tr("Name each source once for {field}.", field=shape[field].words))
        if order:
            rules[field] = order
        else:
            rules.pop(field, None)
    changed = sorted(field for field in {*before, *rules} if before.get(field) != rules.get(field))
    if not changed:
        return []
    audit.record(
        "set_precedence", "contract", contract, actor=actor, now=now,
        before={field: " > ".join(before.get(field, [])) for field in changed},
        after={field: " > ".join(rules.get(field, [])) for field in changed},
    )  # fmt: skip
    announce(PrecedenceSet(contract, tuple(changed)))
    # Last, so that whatever fails before it leaves rule and record as they were.
    lake.publish_document(PRECEDENCE, {**told, contract: rules})
    return changed


def sources(lake: Lake, contract: str) -> list[str]:
    """Every source that sent records of this kind, by name."""
    return sorted({info.source for info in lake.batches(contract) if info.state == "committed"})


@dataclass(frozen=True, slots=True)
class Said:
    """What one source said of a field, newest. wins: the value is the one shown."""

    value: str
    source: str
    at: datetime
    wins: bool


@dataclass(frozen=True, slots=True)
class Origin:
    """A fact of a customer and everybody who said something about it, who wins first."""

    field: str
    words: Words
    said: tuple[Said, ...]


def origins(lake: Lake, scope: Scope, person_id: int, shown: Mapping[str, str]) -> list[Origin]:
    """Where each fact comes from, as far as the scope sees it. shown: what the card shows, by field.

    A fact the card does not carry (an ID number, a street) is won by the source the field's rule names first, then by
    the newest.
    """
    rows = lake.read("received/customers", actor=scope)
    fields = [name for name in TOLD if scope.shows(_field(name)) != "hidden"]
    told = rows.filter(rows.person_id == person_id).select("source", "ids_of", "valid_at", "received_at", *fields)
    found = lake.to_arrow(told.order_by(told.valid_at.desc(), told.received_at.desc())).to_pylist()
    rules = lake.rules("customers")
    made = []
    for name in fields:
        order = rules.get(name, lake.precedence)
        newest: dict[str, tuple[str, datetime]] = {}
        for row in found:
            if row[name] is not None:
                newest.setdefault(row["source"], (str(row[name]), row["valid_at"]))
        ranked = sorted(newest.items(), key=lambda one: -one[1][1].timestamp())
        ranked = sorted(ranked, key=lambda one: order.index(one[0]) if one[0] in order else len(order))
        if not ranked:
            continue
        value = shown.get(name) or ranked[0][1][0]
        said = [Said(text, source, at, text == value) for source, (text, at) in ranked]
        made.append(Origin(name, CONTRACTS["customers"][name].words, tuple(sorted(said, key=lambda one: not one.wins))))
    return made


def _field(name: str) -> str | None:
    from tenure.lake.fields import field_of

    return field_of("records/customers", name)
