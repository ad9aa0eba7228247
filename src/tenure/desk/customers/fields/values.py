"""What customers have in a company's own fields: shown by who asks, said on the desk, told to the lake."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from django.db import connection, transaction

from tenure.contracts.custom import NUMBERS, as_text, canonical, of_table, order_key, typed
from tenure.desk.customers.cards import Card
from tenure.desk.customers.events import CustomValuesChanged
from tenure.desk.customers.fields.definitions import known, publish_definitions
from tenure.desk.customers.fields.layouts import laid_out
from tenure.desk.customers.fields.models import TEXT_KEY, CustomEdit, CustomField, CustomValue, whole
from tenure.desk.customers.models import Customer
from tenure.desk.customers.objects.models import OwnValue
from tenure.desk.events import announce
from tenure.desk.governance import audit, consents, personal
from tenure.desk.governance.models import User
from tenure.desk.sealed import RowSealer
from tenure.errors import TenureError
from tenure.lake import Lake
from tenure.lake import erase as lake_erase
from tenure.lake.fields import shown_in_part
from tenure.lake.scope import Scope
from tenure.language import Words, tr

CHUNK = 500
_YES, _NO = Words("Yes", "是"), Words("No", "否")
_CONTEXT = "custom"

Said = tuple[int, CustomField, str | None]
"""A customer, a field, and the canonical value; None for none."""


class MisfitError(TenureError):
    """Some values do not fit. by_field: the number of each field with what is wrong."""

    def __init__(self, by_field: Mapping[int, str], names: Mapping[int, str]) -> None:
        self.by_field = dict(by_field)
        super().__init__(" ".join(f"{names[pk]}: {said}" for pk, said in by_field.items()))


@dataclass(frozen=True, slots=True)
class Value:
    """A value as an asker may see it. kept: canonical, None unless it is in clear. text: in words, or the part that shows."""

    field: CustomField
    kept: str | None
    text: str
    clear: bool = True

    @property
    def typed(self) -> Any:
        """As a program takes it; of a masked one the part that shows."""
        return typed(self.field.column, self.kept) if self.clear else self.text or None

    @property
    def cell(self) -> Any:
        """As a cell of a spreadsheet: numbers are numbers, everything else is words."""
        if self.clear and self.kept and self.field.kind in NUMBERS:
            return int(self.kept) if self.field.kind == "whole" else Decimal(self.kept)
        return self.text


def worded(field: CustomField, kept: str | None) -> str:
    """A canonical value in words of the page's language."""
    if not kept:
        return ""
    if field.kind == "yes_no":
        return str(_YES if kept == "true" else _NO)
    if field.is_choosing:
        words = {one.code: str(one.words) for one in field.options}
        codes = kept.split(",") if field.kind == "choices" else [kept]
        return "; ".join(words.get(code, code) for code in codes)
    if field.kind == "money":
        return f"{Decimal(kept):,.{field.column.digits}f}"
    if field.kind == "whole":
        return f"{int(kept):,}" if abs(int(kept)) >= 10_000 else kept
    return kept


def as_seen(scope: Scope, field: CustomField, kept: str | None) -> Value:
    """A value of a field as this scope may see it."""
    shown = scope.shows(field.guarded_as)
    if shown == "clear":
        return Value(field, kept, worded(field, kept))
    part = shown_in_part(field.guarded_as, kept) if shown == "masked" and field.is_text and kept else None
    return Value(field, None, part or "", clear=False)


def values_of(scope: Scope, person_ids: Collection[int], fields: Sequence[CustomField]) -> dict[int, dict[int, Value]]:
    """Of each of these customers, whom the scope must reach already, the values that there are, by field."""
    wanted = {one.pk: one for one in fields if one.guarded_as not in scope.hides}
    found: dict[int, dict[int, Value]] = {person: {} for person in person_ids}
    if not wanted or not found:
        return found
    rows = CustomValue.objects.filter(customer_id__in=list(found), field_id__in=list(wanted))
    if not any(one.personal for one in wanted.values()):
        rows = rows.defer("sealed", "sealed_index", "sealed_under")
    for row in rows:
        field = wanted[row.field_id]
        kept = row.kept if field.personal else row.value
        found[row.customer_id][row.field_id] = as_seen(scope, field, kept)
    return found


def with_values(
    cards: Iterable[Card], scope: Scope, fields: Sequence[CustomField], at_once: int = 500
) -> Iterator[Card]:
    """The same cards with their values at hand, asked for some hundreds at a time."""
    waiting: list[Card] = []
    for card in cards:
        waiting.append(card)
        if len(waiting) == at_once:
            yield from _filled(waiting, scope, fields)
            waiting = []
    yield from _filled(waiting, scope, fields)


def _filled(cards: list[Card], scope: Scope, fields: Sequence[CustomField]) -> list[Card]:
    found = values_of(scope, [card.pk for card in cards], fields) if fields else {}
    for card in cards:
        card.custom = found.get(card.pk, {})
    return cards


def counts(scope: Scope, fields: Sequence[CustomField]) -> dict[int, int]:
    """How many of the customers within reach have a value, by field; of a field that hides, nothing."""
    from django.db.models import Count

    from tenure.desk.customers.models import reach

    seen = [one.pk for one in fields if one.guarded_as not in scope.hides]
    rows = CustomValue.objects.filter(field_id__in=seen)
    if not scope.sees_all:
        rows = rows.filter(customer__in=Customer.objects.filter(reach(scope)).values("pk"))
    return dict(rows.order_by().values_list("field_id").annotate(n=Count("pk")))


# Said on the desk


def edit_values(
    person_id: int,
    wanted: Mapping[int, object],
    *,
    scope: Scope,
    actor: User | None,
    now: datetime,
    through: str = "page",
    whole_form: bool = False,
) -> list[int]:
    """Say what a customer has in these fields; None or an empty text says "nothing". Returns the fields that changed.

    It shows at once, goes before what any other source says, and reaches the lake with the next refresh. Who said
    what is kept. What is required is as the form of this kind of customer is laid out; whole_form: also refuse where a
    required field is left empty that is not among `wanted`.

    Raises Customer.DoesNotExist beyond the scope's reach; TenureError for a field that is not there for the asker (hidden,
    masked or archived); MisfitError for values that do not fit, and then nothing is changed.
    """
    fields = {one.pk: one for one in known() if scope.sees(one.guarded_as)}
    customer = Customer.objects.visible_to(scope).get(pk=person_id)
    if consents.is_erased(person_id):
        raise TenureError(tr("This person's data were erased; nothing more can be recorded about them."))
    if missing := sorted(set(wanted) - set(fields)):
        raise TenureError(tr("There is no field {field}.", field=", ".join(f"c_{pk}" for pk in missing)))
    said, wrong = read(fields, wanted)
    with transaction.atomic():
        customer = Customer.objects.select_for_update(of=("self",)).get(pk=person_id)
        there = {
            row.field_id: row.kept for row in CustomValue.objects.filter(customer=customer, field_id__in=list(fields))
        }
        for pk in laid_out(list(fields.values()), customer.kind).required:
            asked = said.get(pk) if pk in said else there.get(pk)
            if not asked and pk not in wrong and (whole_form or pk in said):
                wrong[pk] = tr("This field is required.")
        if wrong:
            raise MisfitError(wrong, {pk: str(one.words) for pk, one in fields.items()})
        changed = [pk for pk, kept in said.items() if (kept or "") != there.get(pk, "")]
        if not changed:
            return []
        write([(person_id, fields[pk], said[pk]) for pk in changed])
        CustomEdit.objects.bulk_create(
            CustomEdit(
                field_id=pk, own_id=person_id, ids_of=customer.source, customer_number=customer.customer_id,
                before=personal.seal(person_id, there.get(pk, ""), context=_CONTEXT),
                after=personal.seal(person_id, said[pk] or "", context=_CONTEXT), through=through, at=now, actor=actor,
            )
            for pk in changed
        )  # fmt: skip
        audit.record(
            "edit_custom_values", "customer", person_id, actor=actor, now=now, subject=person_id, through=through,
            fields=[fields[pk].code for pk in changed],
            private={fields[pk].code: {"before": there.get(pk, ""), "after": said[pk] or ""} for pk in changed},
        )  # fmt: skip
        announce(CustomValuesChanged(person_id, tuple(changed)))
    return changed


def read(
    fields: Mapping[int, CustomField], wanted: Mapping[int, object]
) -> tuple[dict[int, str | None], dict[int, str]]:
    """What was said of these fields in canonical form, and of those that it does not fit, why."""
    said: dict[int, str | None] = {}
    wrong: dict[int, str] = {}
    for pk, value in wanted.items():
        try:
            said[pk] = canonical(fields[pk].column, as_text(value))
        except TenureError as error:
            wrong[pk] = str(error)
    return said, wrong


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the history of a value. before, after: as the asker may see them; None: no longer to be read."""

    field: CustomField
    at: datetime
    actor: User | None
    through: str
    before: Value | None
    after: Value | None
    told: bool


def history(scope: Scope, person_id: int, fields: Sequence[CustomField], most: int = 100) -> list[Change]:
    """Who said what on the desk, newest first, of a customer the scope must reach already."""
    wanted = {one.pk: one for one in fields if scope.sees(one.guarded_as)}
    rows = CustomEdit.objects.filter(own_id__in=consents.numbers_of(person_id), field_id__in=list(wanted))

    def read(field: CustomField, token: str) -> Value | None:
        kept = personal.unseal(token) if token else ""
        return None if kept is None else as_seen(scope, field, kept)

    return [
        Change(
            wanted[row.field_id], row.at, row.actor, row.through, read(wanted[row.field_id], row.before),
            read(wanted[row.field_id], row.after), row.told_at is not None,
        )
        for row in rows.select_related("actor").order_by("-pk")[:most]
    ]  # fmt: skip


# Kept


def write(
    said: Sequence[Said], model: type[CustomValue] | type[OwnValue] = CustomValue, holder: str = "customer_id"
) -> None:
    """Put these values in their places, in a transaction of the caller's or one a write; None takes one away.

    model, holder: the table, and its column that says whose value it is.
    """
    seal = RowSealer(model)
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    columns = [str(field.column) for field in fields]
    gone: dict[int, list[int]] = {}
    rows = []
    for person, field, kept in said:
        if not kept:
            gone.setdefault(field.pk, []).append(person)
        else:
            rows.append(seal(_columns(person, field, kept, holder)))
    quoted = connection.ops.quote_name
    places = ", ".join(["%s"] * len(columns))
    keys = {holder, "field_id"}
    sets = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in columns if name not in keys)
    sql = (
        f"INSERT INTO {quoted(model._meta.db_table)} ({', '.join(map(quoted, columns))}) VALUES ({places}) "
        f"ON CONFLICT ({quoted(holder)}, {quoted('field_id')}) DO UPDATE SET {sets}"
    )
    for start in range(0, len(rows), CHUNK * 4):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(sql, [[row[name] for name in columns] for row in rows[start : start + CHUNK * 4]])
    for pk, people in gone.items():
        for start in range(0, len(people), CHUNK):
            some = {f"{holder}__in": people[start : start + CHUNK]}
            model.objects.filter(field_id=pk, **some).delete()


def _columns(person: int, field: CustomField, kept: str, holder: str) -> dict[str, Any]:
    if field.personal:
        return {holder: person, "field_id": field.pk, "value": "", "text": "", "number": None, "sealed": kept}
    number = order_key(field.column, kept)
    text = ""
    if number is None:
        text = f",{kept}," if field.kind == "choices" else kept if field.kind == "choice" else whole(kept)
    return {
        holder: person, "field_id": field.pk, "value": kept, "text": text[:TEXT_KEY], "number": number,
        "sealed": "",
    }  # fmt: skip


class Publishing:
    """Brings what a refresh worked out to the customers' values, writing only what is new.

    What was said on the desk and the lake has not heard yet stands.
    """

    def __init__(self) -> None:
        self.fields = known(archived=True)
        self._untold: dict[int, dict[int, str]] = {}
        if self.fields:
            for row in CustomEdit.objects.filter(told_at=None).order_by("pk"):
                self._untold.setdefault(row.own_id, {})[row.field_id] = row.after

    def __call__(self, chunk: Sequence[Mapping[str, Any]]) -> None:
        """chunk: cards as plain rows; a field whose column they lack is left alone."""
        fields = [one for one in self.fields if chunk and one.code in chunk[0]]
        if not fields:
            return
        people = [row["person_id"] for row in chunk]
        rows = CustomValue.objects.filter(customer_id__in=people, field_id__in=[one.pk for one in fields])
        there = {
            (person, pk): sealed or value
            for person, pk, value, sealed in rows.values_list("customer_id", "field_id", "value", "sealed")
        }
        said: list[Said] = []
        for row in chunk:
            person, waiting = row["person_id"], self._untold.get(row["person_id"], {})
            for one in fields:
                kept = of_table(one.column, row[one.code])
                if one.pk in waiting:
                    kept = personal.unseal(waiting[one.pk]) if waiting[one.pk] else None
                if (kept or "") != there.get((person, one.pk), ""):
                    said.append((person, one, kept))
        if said:
            write(said)


def tell(lake: Lake, *, now: datetime) -> int:
    """Bring to the lake what it has not heard: what the fields are, and what was said on the desk; returns the values.

    One batch of source `desk` for each numbering of customers. Killed before it is noted here, the same is said
    again, which changes nothing: a later word on a value is always told in a later batch, or the same.
    Nothing said of a person erased since is told.
    """
    publish_definitions(lake)
    waiting = list(CustomEdit.objects.filter(told_at=None).order_by("pk"))
    newest: dict[tuple[str, str], dict[int, CustomEdit]] = {}
    for edit in waiting:
        if edit.ids_of and edit.customer_number:
            newest.setdefault((edit.ids_of, edit.customer_number), {})[edit.field_id] = edit
    told: dict[str, dict[str, dict[str, str | None]]] = {}
    for (ids_of, number), edits in newest.items():
        for field, edit in edits.items():
            kept = personal.unseal(edit.after) if edit.after else None
            if edit.after and kept is None:
                continue  # erased since
            numbers: Iterable[tuple[str, str]] = [(ids_of, number)]
            if kept is None:
                # That a person has nothing holds for every number of theirs, or another's value would show instead.
                numbers = {(ids_of, number), *lake_erase.find(lake, {edit.own_id}).numbers}
            for of, one in sorted(numbers):
                if kept is not None or (of, one) == (ids_of, number) or field not in newest.get((of, one), {}):
                    told.setdefault(of, {}).setdefault(one, {})[f"c_{field}"] = kept
    # A later word must be the later row, even where a clock was set back, or stands still.
    said_before = [info.at for info in lake.batches("customers") if info.source == "desk"]
    now = max(now, max(said_before, default=now) + timedelta(microseconds=1)) if said_before else now
    for ids_of, rows in told.items():
        with lake.receiving("customers", source="desk", ids_of=ids_of, columns=["customer_id"], now=now) as batch:
            batch.append(
                pa.table({
                    "customer_id": list(rows),
                    "extra": [json.dumps(said, ensure_ascii=False) for said in rows.values()],
                    "row": pa.array(range(1, len(rows) + 1), pa.int64()),
                })
            )  # fmt: skip
            batch.report.update(read=len(rows), accepted=len(rows), rejected=0)
    pks = [edit.pk for edit in waiting]
    for start in range(0, len(pks), CHUNK):
        CustomEdit.objects.filter(pk__in=pks[start : start + CHUNK]).update(told_at=now)
    return sum(len(said) for rows in told.values() for said in rows.values())
