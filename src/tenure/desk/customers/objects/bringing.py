"""Many records of an own kind from a file: checked first, every row accounted for, taken back as one batch."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from tenure.contracts._shared import CUSTOMER
from tenure.contracts.custom import as_text, id_of, plain
from tenure.desk.customers.events import OwnRecordsBrought
from tenure.desk.customers.fields.definitions import known as fields_of
from tenure.desk.customers.fields.definitions import tidy
from tenure.desk.customers.fields.layouts import laid_out
from tenure.desk.customers.fields.models import CustomField
from tenure.desk.customers.fields.values import read, write
from tenure.desk.customers.objects.models import OwnBatch, OwnBefore, OwnLink, OwnObject, OwnRecord, OwnValue
from tenure.desk.customers.objects.records import LONGEST_NUMBER, MOST_LINKS, relink
from tenure.desk.customers.relations import merged
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.models import ErasedPerson, User
from tenure.errors import TenureError
from tenure.lake import SYSTEM, Lake
from tenure.lake.scope import Scope
from tenure.language import tr

CHUNK = 500
TOLD = 200  # rejects that are named; the rest is counted
NUMBER, CUSTOMERS = "number", "customer"
BETWEEN = re.compile(r"[;,，；、|\n]+")
_CUSTOMER = {
    plain(name) for name in (CUSTOMER.name, CUSTOMER.words.en, CUSTOMER.words.zh, *CUSTOMER.aliases, "customers")
}
_NUMBER = {plain(name) for name in ("number", "no", "no.", "id", "code", "编号", "号码", "序号")}


@dataclass(frozen=True, slots=True)
class Plan:
    """Which column of a file is read as what. fields: field → header."""

    number: str | None
    customers: str | None
    fields: Mapping[int, str]
    headers: tuple[str, ...]

    @property
    def unread(self) -> tuple[str, ...]:
        """Headers that nothing takes."""
        used = {self.number, self.customers, *self.fields.values()}
        return tuple(name for name in self.headers if name not in used)


@dataclass(slots=True)
class Report:
    """What came of a file, or would: every row is made, changed, the same or rejected.

    rejects: (row, column, what stands there, why) of the first of them.
    """

    plan: Plan
    rows: int = 0
    made: int = 0
    changed: int = 0
    same: int = 0
    rejected: int = 0
    rejects: list[tuple[int, str, str, str]] = field(default_factory=list)
    batch: int | None = None


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did. kept: numbers of records that somebody, or a later file, changed since, and that stay."""

    deleted: int
    restored: int
    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    row: int
    number: str
    owners: frozenset[int] | None
    said: Mapping[int, str]


class _RefusedError(Exception):
    """A row can't be taken: column, what stands there, why."""


def planned(kind: OwnObject, headers: Sequence[str], mapping: Mapping[str, str] | None = None) -> Plan:
    """How a file with these headers is read. mapping: header → `number`, `customer` or a field (`c_7`, or its name); empty: unread.

    Raises TenureError where nothing names the records, or a mapping names what is not there.
    """
    fields = fields_of(kind.code)
    by_name = {
        plain(name): one.pk for one in reversed(fields) for name in (one.name_en, one.name_zh, *one.headers) if name
    }
    found: dict[str, str] = {}
    taken: dict[int, str] = {}
    for header, wanted in (mapping or {}).items():
        if header not in headers:
            raise TenureError(
                tr(
                    'The file has no column "{name}". It has: {known}.',
                    name=header[:80],
                    known=", ".join(headers)[:500],
                )
            )
        if not wanted:
            continue
        pk = id_of(wanted) or by_name.get(plain(wanted))
        if wanted in (NUMBER, CUSTOMERS):
            found[wanted] = header
        elif pk in {one.pk for one in fields}:
            taken[pk] = header
        else:
            raise TenureError(tr("There is no field {field}.", field=wanted[:80]))
    said = {*(mapping or {})}
    own = {plain(one) for one in (kind.name_en, kind.name_zh) if one}
    numbers = _NUMBER | own | {name + more for name in own for more in ("number", "no", "id", "编号", "号")}
    for header in headers:
        bare = plain(header)
        if header in said:
            continue
        if (pk := id_of(header.strip().lower()) or by_name.get(bare)) in {one.pk for one in fields}:
            taken.setdefault(pk, header)
        elif bare in numbers:
            found.setdefault(NUMBER, header)
        elif bare in _CUSTOMER:
            found.setdefault(CUSTOMERS, header)
    if NUMBER not in found:
        raise TenureError(
            tr(
                'No column of the file names the records. It has: {known}. Name one "number", or map one: COLUMN=number.',
                known=", ".join(headers)[:500],
            )
        )
    return Plan(found[NUMBER], found.get(CUSTOMERS), taken, tuple(headers))


def headers_of(path: Path) -> tuple[str, ...]:
    """What the columns of a file are called. Raises TenureError for a file that can't be read."""
    from tenure.sources import source_for
    from tenure.sources.base import Options

    return source_for(path).open(path, Options()).headers


def bring(
    kind: OwnObject,
    path: Path,
    *,
    lake: Lake,
    scope: Scope,
    actor: User | None,
    now: datetime,
    source: str = "main",
    ids_of: str | None = None,
    mapping: Mapping[str, str] | None = None,
    dry_run: bool = False,
    most: int | None = None,
    name: str = "",
) -> Report:
    """Bring the records of a file in: new numbers are made, known ones changed; an empty cell leaves what is there.

    ids_of: the numbering of the file's customers; without one, a number that only one customer has. dry_run: only
    look. Killed in the middle, what is in stays in its batch, and the file may be brought again: nothing is done twice.

    Raises TenureError for a file that can't be read or names no records, and for whoever does not see everybody.
    """
    from tenure.sources import source_for
    from tenure.sources.base import Options

    reader = source_for(path).open(path, Options())
    if most is not None and reader.rows > most:
        raise TenureError(
            tr("The file has {n:,} rows, and a page takes {most:,}. Use: tenure import FILE --as {name}",
               n=reader.rows, most=most, name=kind.code)
        )  # fmt: skip
    rows = ((number, cells) for chunk in reader.chunks() for number, cells in _cells(chunk))
    plan = planned(kind, reader.headers, mapping)
    report = _take(
        kind, plan, rows, lake=lake, scope=scope, actor=actor, now=now, source=source, ids_of=ids_of, dry_run=dry_run,
        file=(name or path.name)[:200],
    )  # fmt: skip
    # Rows that are no rows have no cells to read: they are rejects of their own.
    for chunk in reader.chunks(only=reader.headers[:1]):
        for broken in chunk.broken:
            report.rows += 1
            _reject(report, broken.row, "", " ".join(broken.cells), str(broken.fault.reason))
    if report.batch is not None:
        OwnBatch.objects.filter(pk=report.batch).update(rejected=report.rejected)
    return report


def take(
    kind: OwnObject,
    rows: Sequence[Mapping[str, Any]],
    *,
    lake: Lake,
    scope: Scope,
    actor: User | None,
    now: datetime,
    source: str = "api",
    ids_of: str | None = None,
    dry_run: bool = False,
) -> Report:
    """The same of rows at hand, as programs send them: keys are `number`, `customer` and fields."""
    headers = list(dict.fromkeys(name for row in rows for name in row))
    return _take(
        kind, planned(kind, headers), ((n, row) for n, row in enumerate(rows, start=1)), lake=lake, scope=scope,
        actor=actor, now=now, source=source, ids_of=ids_of, dry_run=dry_run, file="",
    )  # fmt: skip


def undo(batch_id: int, *, scope: Scope, actor: User | None, now: datetime) -> Undone:
    """Take a batch back: what it made goes, what it changed is again as it was; what was changed since stays, and is named.

    Raises OwnBatch.DoesNotExist; TenureError where it was taken back already, or for whoever does not see everybody.
    """
    _allowed(scope)
    with transaction.atomic():
        batch = OwnBatch.objects.select_for_update().get(pk=batch_id)
        if batch.undone_at is not None:
            raise TenureError(tr("This batch was taken back already."))
        fields = {one.pk: one for one in fields_of(batch.object.code, archived=True)}
        rows = list(OwnBefore.objects.filter(batch=batch).select_related("record"))
        erased = set(ErasedPerson.objects.values_list("own_id", flat=True))
        kept = [row.record.number for row in rows if row.record.batch_id != batch.pk]
        gone = [row.record_id for row in rows if row.record.batch_id == batch.pk and row.made]
        again = [row for row in rows if row.record.batch_id == batch.pk and not row.made]
        for start in range(0, len(gone), CHUNK):
            OwnRecord.objects.filter(pk__in=gone[start : start + CHUNK]).delete()
        for row in again:
            was = {int(pk): kept for pk, kept in row.was.items()}
            there = {value.field_id: value.kept for value in OwnValue.objects.filter(record=row.record_id)}
            said = [(row.record_id, fields[pk], was.get(pk)) for pk in {*was, *there} if was.get(pk) != there.get(pk)]
            write([one for one in said if one[1] is not None], OwnValue, "record_id")
            before = OwnLink.objects.filter(record=row.record_id).values_list("own_id", flat=True)
            relink(row.record_id, set(before), set(row.links) - erased)
            OwnRecord.objects.filter(pk=row.record_id).update(batch=row.said_by or None, changed_at=now)
        OwnBefore.objects.filter(batch=batch).delete()
        batch.undone_at = now
        batch.save(update_fields=["undone_at"])
        audit.record(
            "undo_own_records", "own_batch", batch.pk, actor=actor, now=now, kind=batch.object.code,
            deleted=len(gone), restored=len(again), kept=len(kept),
        )  # fmt: skip
        announce(OwnRecordsBrought(batch.object_id, batch.pk, True))
    return Undone(len(gone), len(again), tuple(sorted(kept)))


# How


def _allowed(scope: Scope) -> None:
    if not scope.sees_all:
        raise TenureError(tr("Records are brought in for every customer, so only whoever sees them all may."))


def _cells(chunk: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    yield from zip(chunk.rows.tolist(), chunk.batch.to_pylist(), strict=True)


def _take(
    kind: OwnObject, plan: Plan, rows: Iterator[tuple[int, Mapping[str, Any]]], *, lake: Lake, scope: Scope,
    actor: User | None, now: datetime, source: str, ids_of: str | None, dry_run: bool, file: str,
) -> Report:  # fmt: skip
    _allowed(scope)
    if kind.archived_at is not None:
        raise TenureError(tr("{name} was put away. Bring it back first.", name=kind))
    report = Report(plan)
    fields = {one.pk: one for one in fields_of(kind.code)}
    people = _People(lake, ids_of) if plan.customers else None
    seen: set[str] = set()
    batch: OwnBatch | None = None
    waiting: list[_Row] = []

    def settle() -> None:
        nonlocal batch
        if waiting and not dry_run and batch is None:
            batch = OwnBatch.objects.create(object=kind, file=file, source=source[:100], at=now, actor=actor)
        _write(kind, batch, waiting, fields, report, now)
        waiting.clear()

    for number, cells in rows:
        report.rows += 1
        try:
            waiting.append(_read(number, cells, plan, kind, fields, people, seen))
        except _RefusedError as refused:
            _reject(report, number, *refused.args)
        if len(waiting) == CHUNK:
            settle()
    settle()
    if batch is not None:
        report.batch = batch.pk
        with transaction.atomic():
            audit.record(
                "bring_own_records", "own_batch", batch.pk, actor=actor, now=now, kind=kind.code, file=file,
                made=report.made, changed=report.changed, rejected=report.rejected,
            )  # fmt: skip
            announce(OwnRecordsBrought(kind.pk, batch.pk, False))
    return report


def _read(
    row: int, cells: Mapping[str, Any], plan: Plan, kind: OwnObject, fields: Mapping[int, CustomField],
    people: "_People | None", seen: set[str],
) -> _Row:  # fmt: skip
    """A row of a file as it is meant. Raises _RefusedError where it can't be taken."""

    def cell(header: str | None) -> str:
        return as_text(cells.get(header)).replace("\x00", "").strip() if header is not None else ""

    number = tidy(cell(plan.number))
    if not number or len(number) > LONGEST_NUMBER:
        why = tr("A record needs a number.") if not number else tr(
            "That is too long: {length} characters, and {limit} fit.", length=len(number), limit=LONGEST_NUMBER
        )  # fmt: skip
        raise _RefusedError(plan.number or "", number, why)
    if number in seen:
        raise _RefusedError(plan.number or "", number, tr("An earlier row of the file has this number already."))
    seen.add(number)
    owners: frozenset[int] | None = None
    if people is not None and (told := cell(plan.customers)):
        found = []
        for one in (part.strip() for part in BETWEEN.split(told)):
            if one:
                own = people.of(one)
                if isinstance(own, str):
                    raise _RefusedError(plan.customers or "", one, own)
                found.append(own)
        owners = frozenset(found)
        if len(owners) > (MOST_LINKS if kind.many else 1):
            why = tr("A record of this kind belongs to one customer. Name one, or let the kind take several.")
            raise _RefusedError(plan.customers or "", told, why)
    wanted = {pk: text for pk, header in plan.fields.items() if (text := cell(header))}
    said, wrong = read(fields, wanted)
    for pk, why in wrong.items():
        raise _RefusedError(plan.fields[pk], wanted[pk], why)
    return _Row(row, number, owners, {pk: kept for pk, kept in said.items() if kept})


@transaction.atomic
def _write(
    kind: OwnObject, batch: OwnBatch | None, rows: Sequence[_Row], fields: Mapping[int, CustomField], report: Report,
    now: datetime,
) -> None:  # fmt: skip
    """Put some rows in their places; without a batch, only count them."""
    there = {one.number: one for one in OwnRecord.objects.filter(object=kind, number__in=[row.number for row in rows])}
    pks = [one.pk for one in there.values()]
    values: dict[int, dict[int, str]] = {pk: {} for pk in pks}
    for value in OwnValue.objects.filter(record__in=pks):
        values[value.record_id][value.field_id] = value.kept
    links: dict[int, set[int]] = {pk: set() for pk in pks}
    for record, own in OwnLink.objects.filter(record__in=pks).values_list("record_id", "own_id"):
        links[record].add(own)
    required = laid_out(list(fields.values()), contract=kind.code).required
    fresh: list[_Row] = []
    changed: list[_Row] = []
    for row in rows:
        known = there.get(row.number)
        has = {**(values[known.pk] if known else {}), **row.said}
        if missing := [fields[pk] for pk in required if not has.get(pk)]:
            _reject(report, row.row, str(missing[0]), "", tr("This field is required."))
        elif known is None:
            fresh.append(row)
        elif has != values[known.pk] or (row.owners is not None and _persons(row.owners) != _persons(links[known.pk])):
            changed.append(row)
        else:
            report.same += 1
    report.made += len(fresh)
    report.changed += len(changed)
    if batch is None:
        return
    made = OwnRecord.objects.bulk_create(
        OwnRecord(object=kind, number=row.number, made_at=now, changed_at=now, batch=batch) for row in fresh
    )
    OwnBefore.objects.bulk_create(
        [OwnBefore(batch=batch, record=one, made=True) for one in made]
        + [
            OwnBefore(
                batch=batch, record=there[row.number], said_by=there[row.number].batch_id or 0,
                links=sorted(links[there[row.number].pk]),
                was=json.dumps(values[there[row.number].pk], ensure_ascii=False),
            )
            for row in changed
        ]
    )  # fmt: skip
    places = [(one.pk, row) for one, row in zip(made, fresh, strict=True)]
    places += [(there[row.number].pk, row) for row in changed]
    write([(pk, fields[f], kept) for pk, row in places for f, kept in row.said.items()], OwnValue, "record_id")
    OwnLink.objects.bulk_create(
        OwnLink(record_id=one.pk, own_id=own) for one, row in zip(made, fresh, strict=True) for own in row.owners or ()
    )
    for row in changed:
        pk = there[row.number].pk
        if row.owners is not None and _persons(row.owners) != _persons(links[pk]):
            relink(pk, links[pk], row.owners)
    OwnRecord.objects.filter(pk__in=[there[row.number].pk for row in changed]).update(changed_at=now, batch=batch)
    OwnBatch.objects.filter(pk=batch.pk).update(
        made=report.made, changed=report.changed, same=report.same, rejected=report.rejected
    )


def _persons(own_ids: Any) -> set[int]:
    return set(merged(set(own_ids)).values())


def _reject(report: Report, row: int, column: str, value: str, why: str) -> None:
    report.rejected += 1
    if len(report.rejects) < TOLD:
        report.rejects.append((row, column, value[:80], why))


class _People:
    """Who has which number, read once an import from the lake's links."""

    def __init__(self, lake: Lake, ids_of: str | None) -> None:
        links = lake.read("identity/links", actor=SYSTEM)
        if ids_of is not None:
            links = links.filter(links.ids_of == ids_of)
        self._own: dict[str, list[int]] = {}
        for row in lake.to_arrow(links.select("customer_id", "own_id").order_by("own_id")).to_pylist():
            self._own.setdefault(row["customer_id"], []).append(row["own_id"])

    def of(self, number: str) -> int | str:
        """The id minted for this number, or what is wrong with it."""
        found = self._own.get(number, [])
        if not found:
            return tr("No customer has this number. Bring the customers first, then refresh.")
        if len(found) > 1 and len(_persons(found)) > 1:
            return tr("Several customers have this number. Say whose numbering the file uses (ids_of).")
        return found[0]
