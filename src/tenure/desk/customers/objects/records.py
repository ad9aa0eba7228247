"""Records of a company's own kinds: who may see them, lists of them, and saying on the desk what is in them.

A record is within reach where one of its customers is, and shows no other customer than those. One that belongs to
nobody is for whoever sees everybody.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db import transaction
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from tenure.desk.customers.events import OwnRecordChanged
from tenure.desk.customers.fields import asking
from tenure.desk.customers.fields.definitions import known as fields_of
from tenure.desk.customers.fields.definitions import tidy
from tenure.desk.customers.fields.layouts import laid_out
from tenure.desk.customers.fields.models import CustomField
from tenure.desk.customers.fields.values import MisfitError, Value, as_seen, read, write
from tenure.desk.customers.models import Customer
from tenure.desk.customers.objects.models import OwnLink, OwnObject, OwnRecord, OwnValue
from tenure.desk.customers.relations import merged
from tenure.desk.events import announce
from tenure.desk.governance import audit, consents
from tenure.desk.governance.models import PersonMerge, User
from tenure.errors import TenureError
from tenure.lake.scope import Scope
from tenure.language import tr

HELD = asking.Held(OwnValue, "record_id", "pk")
PAGE = 50
COUNTED = 2_000  # a list is counted this far; past it nobody pages, they filter
MOST_LINKS = 200
LONGEST_NUMBER = 200
SORTS = ("number", "-number", "changed")
COLUMNS = 6  # own fields a list shows unless somebody chooses


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list of records is narrowed to; empty means not narrowed."""

    q: str = ""
    customer: int | None = None
    sort: str = ""
    cols: str = ""
    custom: asking.Pairs = ()

    @classmethod
    def read(cls, query: Mapping[str, Any]) -> "Asked":
        """From a page's query string; what means nothing here is left out."""
        told = {
            name: str(query.get(name) or "").strip().replace("\x00", "")[:200]
            for name in ("q", "customer", "sort", "cols")
        }
        number = told["customer"]
        sort = told["sort"] if told["sort"] in SORTS or asking.SORT.match(told["sort"]) else ""
        cols = ",".join(f"c_{pk}" for pk in asking.columns_in(told["cols"]))
        customer = int(number) if number.isascii() and number.isdigit() and len(number) < 16 else None
        return cls(told["q"], customer, sort, cols, asking.read(query))

    @property
    def pairs(self) -> list[tuple[str, Any]]:
        """What is asked for, by name, without what goes unsaid."""
        told = [(name, getattr(self, name)) for name in ("q", "customer", "sort", "cols")]
        return [*((name, value) for name, value in told if value not in ("", None)), *self.custom]

    @property
    def query(self) -> str:
        """The query string that gives this list again."""
        return urlencode(self.pairs)

    def but(self, **changes: Any) -> str:
        return replace(self, **changes).query

    def without(self, field_id: int) -> str:
        """The query string of the same list, no longer narrowed by this field."""
        names = {f"c_{field_id}", *(f"c_{field_id}.{part}" for part in ("from", "to", "is"))}
        return self.but(custom=tuple(pair for pair in self.custom if pair[0] not in names))

    @property
    def narrowed(self) -> bool:
        return bool(self.q or self.customer is not None or self.custom)


@dataclass(slots=True)
class Shown:
    """A record as an asker may see it: those of its customers within reach, and its values by field."""

    record: OwnRecord
    customers: list[Customer] = field(default_factory=list)
    values: dict[int, Value] = field(default_factory=dict)

    @property
    def pk(self) -> int:
        return self.record.pk

    def __str__(self) -> str:
        return self.record.number


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. found: how many there are in all, counted up to COUNTED; more: there are more than that."""

    rows: list[Shown]
    number: int
    pages: int
    found: int
    more: bool


# Reading


def visible_to(scope: Scope) -> QuerySet[OwnRecord]:
    """The records this scope reaches, by their customers as they stand after every join."""
    if scope.sees_all:
        return OwnRecord.objects.all()
    if scope.sees_none:
        return OwnRecord.objects.none()
    return OwnRecord.objects.filter(pk__in=_links().filter(person__in=_people(scope)).values("record_id"))


def fields_seen(scope: Scope, kind: OwnObject) -> list[CustomField]:
    """The fields of a kind of which anything shows to this asker, in the order of its form."""
    return [one for one in fields_of(kind.code) if one.guarded_as not in scope.hides]


def listing(scope: Scope, kind: OwnObject, asked: Asked) -> QuerySet[OwnRecord]:
    """The records of a kind within reach: filtered, searched and sorted."""
    every = {one.pk: one for one in fields_of(kind.code)}
    rows = visible_to(scope).filter(object=kind)
    if asked.customer is not None:
        rows = rows.filter(pk__in=_links().filter(person=asked.customer).values("record_id"))
        if not scope.sees_all and not Customer.objects.visible_to(scope).filter(pk=asked.customer).exists():
            return rows.none()
    for word in asked.q.casefold().split():
        found = Q(number__icontains=word)
        if (said := asking.finding(word, scope, every.values())) is not None:
            found |= Q(pk__in=OwnValue.objects.filter(said).values("record_id"))
        if (said := asking.finding_whole(asked.q, scope, every.values(), HELD)) is not None:
            found |= Q(pk__in=OwnValue.objects.filter(said).values("record_id"))
        rows = rows.filter(found)
    rows = asking.narrowed(rows, asking.allowed(asked.custom, scope, every), every, HELD)
    if (by := asking.sorts_by(asked.sort, scope, every)) is not None:
        return asking.ordered(rows, by, asked.sort, HELD)[0]
    if asked.sort == "changed":
        return rows.order_by("-changed_at", "-pk")
    return rows.order_by("-number" if asked.sort == "-number" else "number", "pk")


def page_of(scope: Scope, kind: OwnObject, asked: Asked, number: int, fields: Sequence[CustomField]) -> Page:
    """The page of this number, or the nearest there is."""
    keys = list(listing(scope, kind, asked).values_list("pk", flat=True)[: COUNTED + 1])
    found = min(len(keys), COUNTED)
    pages = max(1, -(-found // PAGE))
    number = min(max(number, 1), pages)
    return Page(
        shown(scope, keys[:found][(number - 1) * PAGE : number * PAGE], fields),
        number,
        pages,
        found,
        len(keys) > COUNTED,
    )


def shown(scope: Scope, records: Sequence[int], fields: Sequence[CustomField]) -> list[Shown]:
    """These records, which the scope must reach already, in this order, with what shows of them."""
    rows = {row.pk: Shown(row) for row in OwnRecord.objects.filter(pk__in=records).select_related("object")}
    links = list(_links().filter(record__in=records).order_by("pk").values_list("record_id", "person"))
    seen = Customer.objects.visible_to(scope).in_bulk({person for _record, person in links})
    for record, person in links:
        if person in seen and seen[person] not in rows[record].customers:
            rows[record].customers.append(seen[person])
    wanted = {one.pk: one for one in fields if one.guarded_as not in scope.hides}
    if wanted:
        values = OwnValue.objects.filter(record__in=records, field_id__in=list(wanted))
        if not any(one.personal for one in wanted.values()):
            values = values.defer("sealed", "sealed_index", "sealed_under")
        for row in values:
            one = wanted[row.field_id]
            rows[row.record_id].values[one.pk] = as_seen(scope, one, row.kept if one.personal else row.value)
    return [rows[pk] for pk in records if pk in rows]


def each(scope: Scope, kind: OwnObject, asked: Asked, fields: Sequence[CustomField]) -> Iterator[Shown]:
    """Every record of a list, asked for some hundreds at a time."""
    keys = list(listing(scope, kind, asked).values_list("pk", flat=True))
    for start in range(0, len(keys), 500):
        yield from shown(scope, keys[start : start + 500], fields)


def counts(scope: Scope, kind: OwnObject, fields: Sequence[CustomField]) -> dict[int, int]:
    """How many of the records within reach have a value, by field; of a field that hides, nothing."""
    seen = [one.pk for one in fields if one.guarded_as not in scope.hides]
    rows = OwnValue.objects.filter(field_id__in=seen)
    if not scope.sees_all:
        rows = rows.filter(record__in=visible_to(scope).filter(object=kind).values("pk"))
    return dict(rows.order_by().values_list("field_id").annotate(n=Count("pk")))


def of_customer(scope: Scope, person_id: int, most: int = 20) -> list[tuple[OwnObject, list[Shown], int]]:
    """The records of a customer the scope must reach already, by kind: (kind, the newest of them, how many in all).

    Kinds they have none of are there too, empty.
    """
    kinds = {one.pk: one for one in OwnObject.objects.filter(archived_at=None)}
    if not kinds:
        return []
    mine = consents.numbers_of(person_id)
    rows = OwnRecord.objects.filter(
        object__in=kinds, pk__in=OwnLink.objects.filter(own_id__in=mine).values("record_id")
    )
    by_kind: dict[int, list[int]] = {}
    for pk, kind in rows.order_by("-changed_at", "-pk").values_list("pk", "object_id"):
        by_kind.setdefault(kind, []).append(pk)
    found = []
    for kind in kinds:
        pks = by_kind.get(kind, [])
        if not pks:
            found.append((kinds[kind], [], 0))
            continue
        fields = [one for one in fields_seen(scope, kinds[kind]) if one.kind != "long_text"][:COLUMNS]
        found.append((kinds[kind], shown(scope, pks[:most], fields), len(pks)))
    return found


def columns_of(fields: Sequence[CustomField], cols: str) -> list[CustomField]:
    """The fields a list shows as columns: those asked for, or the first few of the form."""
    if cols:
        by_pk = {one.pk: one for one in fields}
        return [by_pk[pk] for pk in asking.columns_in(cols) if pk in by_pk]
    return [one for one in fields if one.kind != "long_text"][:COLUMNS]


# Said on the desk


@transaction.atomic
def save_record(
    kind: OwnObject,
    *,
    record_id: int | None = None,
    number: str | None = None,
    values: Mapping[int, object] | None = None,
    customers: Collection[int] | None = None,
    scope: Scope,
    actor: User | None,
    now: datetime,
    through: str = "page",
    whole_form: bool = False,
) -> OwnRecord:
    """Make a record, or (record_id) change what it says; what is not named stays as it is. It shows at once.

    values: by field; None or an empty text says "nothing". customers: to whom it belongs from now on, of those the scope
    reaches; customers out of reach stay as they are. number: a new record without one gets the next free.

    Raises OwnRecord.DoesNotExist and Customer.DoesNotExist beyond the scope's reach; TenureError for a number that is
    taken, more customers than the kind takes, and a record that would belong to nobody the scope reaches; MisfitError for
    values that do not fit. Then nothing is changed.
    """
    if kind.archived_at is not None:
        raise TenureError(tr("{name} was put away. Bring it back first.", name=kind))
    fields = {one.pk: one for one in fields_of(kind.code) if scope.sees(one.guarded_as)}
    if missing := sorted(set(values or {}) - set(fields)):
        raise TenureError(tr("There is no field {field}.", field=", ".join(f"c_{pk}" for pk in missing)))
    # One at a time: two people must not give a record two customers, or two records one number.
    OwnObject.objects.select_for_update().get(pk=kind.pk)
    record = visible_to(scope).filter(object=kind).get(pk=record_id) if record_id is not None else None
    said, wrong = read(fields, values or {})
    there = kept_of(record.pk, fields) if record is not None else {}
    for pk in laid_out(list(fields.values()), contract=kind.code).required:
        asked = said.get(pk) if pk in said else there.get(pk)
        if not asked and pk not in wrong and (whole_form or record is None or pk in said):
            wrong[pk] = tr("This field is required.")
    if wrong:
        raise MisfitError(wrong, {pk: str(one.words) for pk, one in fields.items()})
    called = _number(kind, number, record)
    links = _links_wanted(kind, record, customers, scope)
    changed = [pk for pk, kept in said.items() if (kept or "") != there.get(pk, "")]
    before = (
        set(OwnLink.objects.filter(record=record).values_list("own_id", flat=True)) if record is not None else set()
    )
    made = record is None
    if record is None:
        record = OwnRecord.objects.create(object=kind, number=called, made_at=now, changed_at=now)
    elif not changed and called == record.number and links == before:
        return record
    else:
        record.number, record.changed_at, record.batch = called, now, None
        record.save(update_fields=["number", "changed_at", "batch"])
    write([(record.pk, fields[pk], said[pk]) for pk in changed], OwnValue, "record_id")
    relink(record.pk, before, links)
    audit.record(
        "add_own_record" if made else "edit_own_record", "own_record", record.pk, actor=actor, now=now, kind=kind.code,
        subject=min(links, default=None), through=through, fields=[fields[pk].code for pk in changed],
        customers=len(links),
        private={"number": called} | {fields[pk].code: {"before": there.get(pk, ""), "after": said[pk] or ""} for pk in changed},
    )  # fmt: skip
    announce(OwnRecordChanged(kind.pk, record.pk, tuple(sorted(before | links))))
    return record


@transaction.atomic
def delete_record(record_id: int, *, scope: Scope, actor: User | None, now: datetime, through: str = "page") -> None:
    """Delete a record that was made by mistake, with what is in it.

    Raises OwnRecord.DoesNotExist beyond the scope's reach; TenureError where it belongs to a customer out of reach too,
    whose record it is as well.
    """
    found = visible_to(scope).select_related("object").get(pk=record_id)
    ends = set(OwnLink.objects.filter(record=found).values_list("own_id", flat=True))
    if _out_of_reach(scope, ends):
        raise TenureError(tr("It belongs to a customer out of your reach as well. Ask an administrator to delete it."))
    audit.record(
        "delete_own_record", "own_record", found.pk, actor=actor, now=now, kind=found.object.code, through=through,
        subject=min(ends, default=None), private={"number": found.number},
    )  # fmt: skip
    announce(OwnRecordChanged(found.object_id, found.pk, tuple(sorted(ends))))
    found.delete()


def kept_of(record_id: int, fields: Collection[int]) -> dict[int, str]:
    """What a record has in these fields, in canonical form."""
    return {row.field_id: row.kept for row in OwnValue.objects.filter(record=record_id, field_id__in=list(fields))}


def relink(record_id: int, before: Collection[int], links: Collection[int]) -> None:
    """Have a record belong to these, and no longer to the others."""
    if gone := set(before) - set(links):
        OwnLink.objects.filter(record=record_id, own_id__in=gone).delete()
    OwnLink.objects.bulk_create(OwnLink(record_id=record_id, own_id=one) for one in sorted(set(links) - set(before)))


# How


def _links() -> QuerySet[Any]:
    """Links with the person behind each now."""
    now = PersonMerge.objects.filter(own_id=OuterRef("own_id")).values("person_id")[:1]
    return OwnLink.objects.annotate(person=Coalesce(Subquery(now), F("own_id")))


def _people(scope: Scope) -> QuerySet[Any]:
    return Customer.objects.visible_to(scope).order_by().values("pk")


def _out_of_reach(scope: Scope, own_ids: Iterable[int]) -> set[int]:
    """Those of these numbers whose person the scope does not reach."""
    now = merged(set(own_ids))
    seen = set(Customer.objects.visible_to(scope).filter(pk__in=set(now.values())).values_list("pk", flat=True))
    return {own for own, person in now.items() if person not in seen}


def _number(kind: OwnObject, number: str | None, record: OwnRecord | None) -> str:
    if number is None and record is not None:
        return record.number
    text = tidy(number or "")
    if len(text) > LONGEST_NUMBER:
        raise TenureError(
            tr("That is too long: {length} characters, and {limit} fit.", length=len(text), limit=LONGEST_NUMBER)
        )
    others = OwnRecord.objects.filter(object=kind)
    if record is not None:
        others = others.exclude(pk=record.pk)
    if not text and record is not None:
        raise TenureError(tr("A record needs a number."))
    if not text:
        n = others.count() + 1
        while others.filter(number=str(n)).exists():
            n += 1
        return str(n)
    if others.filter(number=text).exists():
        # Whose it is may be out of the asker's sight, so nothing more is said of it.
        raise TenureError(tr('There is a record "{number}" already. Give this one another number.', number=text))
    return text


def _links_wanted(
    kind: OwnObject, record: OwnRecord | None, customers: Collection[int] | None, scope: Scope
) -> set[int]:
    before = (
        set(OwnLink.objects.filter(record=record).values_list("own_id", flat=True)) if record is not None else set()
    )
    if customers is None and record is not None:
        return before
    wanted = {consents.current(one) for one in customers or ()}
    if Customer.objects.visible_to(scope).filter(pk__in=wanted).count() < len(wanted):
        raise Customer.DoesNotExist
    if any(consents.is_erased(one) for one in wanted):
        raise TenureError(tr("This person's data were erased; nothing more can be recorded about them."))
    if not wanted and not scope.sees_all:
        raise TenureError(tr("Say which customer it belongs to: one of yours."))
    now = merged(before)
    unseen = _out_of_reach(scope, before) if not scope.sees_all else set()
    # A customer it belongs to already stays by the very number it was said of.
    stay = {own for own in before if own in unseen or now[own] in wanted}
    links = stay | (wanted - {now[own] for own in stay})
    if not kind.many and len({merged({own})[own] for own in links}) > 1:
        raise TenureError(tr("A record of this kind belongs to one customer. Name one, or let the kind take several."))
    if len(links) > MOST_LINKS:
        raise TenureError(tr("{n} customers are too many for one record: {limit} fit.", n=len(links), limit=MOST_LINKS))
    return links
