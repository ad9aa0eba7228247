"""Who may ask what: a field hidden from somebody is no condition of theirs, nor may they see whom one chose.

A definition is read against what its reader may ask (`known_of`). Where it can't be read so, the segment is restricted for
them: its name shows, and neither its conditions nor its customers do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from tenure.currencies import minor_digits
from tenure.desk.customers.fields.definitions import known as own_fields
from tenure.desk.customers.influence import influence
from tenure.desk.customers.models import Customer, Publication
from tenure.desk.customers.objects.definitions import known as own_kinds
from tenure.desk.customers.objects.records import who_has
from tenure.desk.customers.segments.askable import (
    ASKABLE,
    DEEDS,
    INFLUENCE,
    OWN_RECORDS,
    Askable,
    Deed,
    asked_of,
    own,
    own_records,
    personas,
)
from tenure.desk.customers.segments.compiled import Ground, Persons, Remembered
from tenure.desk.customers.segments.definition import Agreed, DefinitionError, Group, Known, Test, named_in, read
from tenure.desk.customers.segments.models import Segment, in_segment
from tenure.desk.governance import consents
from tenure.desk.governance.access import may
from tenure.desk.governance.models import AuditEntry, User
from tenure.desk.lake import lake as desk_lake
from tenure.lake import SYSTEM, Lake, Scope
from tenure.language import Words
from tenure.workspace import Workspace, open_workspace

_remembered = Remembered()


@dataclass(frozen=True, slots=True)
class Asker:
    """Whoever asks. consents: may see what customers agree to."""

    scope: Scope
    consents: bool = False


EVERYTHING = Asker(SYSTEM, consents=True)


def asker_of(user: Any, scope: Scope) -> Asker:
    """The asker a user, or the holder of a key, is."""
    return Asker(scope, may(user, "consent"))


def asker_as(scope: Scope) -> Asker:
    """Who asks by a scope alone; of a narrower one (a key, a grant) nothing more than the scope says is taken for granted."""
    user = User.objects.filter(pk=scope.user_id).first() if scope.user_id is not None and scope.within is None else None
    return Asker(scope, user is not None and may(user, "consent"))


def persona_names() -> dict[str, Words]:
    """What the groups of customers alike are called, by number, as the last refresh found them."""
    groups = (desk_lake().document("personas") or {}).get("groups", [])
    return {str(group["number"]): Words(group["en"], group["zh"]) for group in groups}


def known_of(asker: Asker, *, writing: bool = False) -> Known:
    """What the asker may ask. writing: of other segments only those open to them, else all whose conditions they may read."""
    scope = asker.scope
    everything = scope == SYSTEM
    fields = {**ASKABLE, **{one.name: one for row in own_fields() if (one := own(row)) is not None}}
    fields |= personas(persona_names())
    # A kind put away is no longer offered; what asked for it still reads, and finds nobody.
    fields |= own_records(own_kinds(archived=everything))
    if not (everything or scope.sees_all):
        del fields[INFLUENCE]
    deeds = {name: deed for name, deed in DEEDS.items() if everything or _reaches(scope, deed.contract)}

    def columns(deed: Deed) -> Mapping[str, Askable]:
        return {name: one for name, one in asked_of(deed).items() if _sees(scope, one)}

    seen = Known(
        {name: one for name, one in fields.items() if _sees(scope, one)}, {}, minor_digits(open_workspace().currency), deeds,
        columns, asker.consents,
    )  # fmt: skip
    rows = {row.pk: row for row in Segment.objects.filter(archived_at=None)}
    readable = _readable(rows, seen, asker)
    opened = set(Segment.objects.open_to(scope).values_list("pk", flat=True)) if writing else set(rows)
    names = {pk: rows[pk].name for pk in rows if pk in opened and readable(pk)}
    return Known(seen.fields, names, seen.digits, seen.deeds, seen.columns, seen.consents)


def _readable(rows: Mapping[int, Segment], seen: Known, asker: Asker) -> Callable[[int], bool]:
    """Whether the asker may read the conditions of a segment, and of those it asks about."""
    found: dict[int, bool] = {}

    def readable(pk: int) -> bool:
        if pk in found:
            return found[pk]
        row = rows.get(pk)
        if row is None:
            return False
        found[pk] = False  # one that asks about itself is nobody's to read
        named = named_in(row.definition)
        told = Known(seen.fields, dict.fromkeys(named, ""), seen.digits, seen.deeds, seen.columns, seen.consents)
        found[pk] = all(readable(one) for one in named) and _reads(row, told, asker)
        return found[pk]

    return readable


def _reads(row: Segment, known: Known, asker: Asker) -> bool:
    if row.is_static and not {"all", "any", "none", "not"} & set(row.definition):
        # A list taken by a question of SQL: for whoever sees every field that its maker saw in the tables it was asked of.
        return all(asker.scope.sees(guard) for guard in row.definition.get("guards", ()))
    try:
        read(row.definition, known)
    except DefinitionError:
        return False
    return True


def restricted(row: Segment, asker: Asker) -> bool:
    """Whether its conditions and its customers are not this asker's to see."""
    return row.pk not in known_of(asker).segments


def usable(pk: int, asker: Asker) -> bool:
    """Whether a list of customers may be narrowed to this segment."""
    row = Segment.objects.open_to(asker.scope).filter(pk=pk).first()
    return row is not None and not restricted(row, asker)


def narrowed(scope: Scope, pk: int, asker: Asker) -> Scope | None:
    """The scope, of it only who is in the segment; None where it is gone, not open to the asker, or restricted."""
    if not usable(pk, asker):
        return None
    return Scope(reach="segment", user=scope.user, segment=pk, within=scope)


def _sees(scope: Scope, one: Askable) -> bool:
    return one.guard is None or scope.sees(one.guard)


def _reaches(scope: Scope, contract: str) -> bool:
    """Whether the scope sees all the records of its customers of this kind; fewer would make conditions untrue."""
    on = scope.on(contract)
    if on.reach not in (scope.reach, "all"):
        return False
    return scope.within is None or _reaches(scope.within, contract)


def day_of(now: datetime, workspace: Workspace | None = None) -> date:
    """The business day the figures shown are of; days in a window are counted back from it."""
    here = workspace or open_workspace()
    shown = Publication.current()
    return (shown.as_of if shown else now).astimezone(here.zone_info).date()


def _assigned() -> tuple[object, ...]:
    """Something else each time customers come within somebody's reach, or leave it."""
    shown = Publication.current()
    moved = AuditEntry.objects.filter(verb__in=("assign_customer", "assign_customers")).order_by("-pk")
    seen = (shown.generation, shown.published_at, shown.lake_version, shown.rows) if shown else ()
    return (*seen, moved.values_list("pk", flat=True).first())


def ground_of(lake: Lake, asker: Asker, now: datetime, *, only: int | None = None, remember: bool = True) -> Ground:
    """What the asker's questions are asked of. remember: what records come to is kept for the next question."""

    def other(pk: int) -> Group | Persons:
        row = Segment.objects.get(pk=pk)
        if row.is_static:
            return pa.array(in_segment(pk).values_list("person_id", flat=True), pa.int64())
        return read(row.definition, known_of(EVERYTHING))

    today = day_of(now)

    def desk(test: Test) -> Persons:
        if test.asked.name == OWN_RECORDS:
            codes = [*test.values] if test.how != "set" else [one.code for one in own_kinds()]
            return pa.array(sorted(who_has([int(code.removeprefix("o_")) for code in codes])), pa.int64())
        if test.asked.name == INFLUENCE:
            brought = influence(SYSTEM, today)
            return pa.array(
                sorted(p for p, one in brought.items() if test.how == "set" or one.band in test.values), pa.int64()
            )
        by = f"{test.asked.kind}_id"
        rows = Customer.objects.all()
        rows = (
            rows.exclude(**{by: None})
            if test.how == "set"
            else rows.filter(**{f"{by}__in": [int(v) for v in test.values]})
        )
        return pa.array(rows.values_list("pk", flat=True), pa.int64())

    def agreed(said: Agreed) -> tuple[Persons, bool]:
        persons, these = consents.reachable(said.purpose, said.channel, now)
        return pa.array(sorted(persons), pa.int64()), these

    kept = _remembered if remember else None
    return Ground(lake, asker.scope, today, desk, agreed, other, kept, only, _assigned() if kept else None)
