"""The verbs of putting records away and bringing them back.

The desk's rows are the truth of what is archived; the lake is told by `pipeline.archiving`, and leaves those records
out of everything it works out. Nothing that was received is changed, so what comes back is what went.
"""

import hashlib
import secrets
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import pyarrow as pa
from django.db import IntegrityError, transaction
from django.db.models import Max, Q, QuerySet

from tenure.contracts import CONTRACTS, Contract, contract_named
from tenure.desk.customers import findings
from tenure.desk.customers.events import RecordsArchived, RecordsBroughtBack, StaleRuleSet
from tenure.desk.customers.findings import Finding
from tenure.desk.customers.models import ArchivedRecord, Archiving, Customer, reach
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.api import may
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.lake import Lake, Scope
from tenure.lake.archived import key_columns, key_texts, schema_of
from tenure.language import tr

MOST_AT_ONCE = 50_000
ROWS = 1_000

Place = tuple[str, str]
"""A record by its numbering and its key as one text."""


def archive(
    found: Finding,
    chosen: Collection[Place] | None,
    *,
    lake: Lake,
    scope: Scope,
    actor: User | None,
    now: datetime,
    reason: str,
    expected: int | None = None,
) -> Archiving:
    """Put records with this flaw away: those chosen, or (None) all of the finding within the scope's reach.

    They leave lists, counts, figures and audiences; everything received stays, so they can come back whole. A customer
    whose every record is away takes orders, cases and the like along.
    expected: how many of the finding there were when it was agreed to; where it is another number now, none goes.

    Raises NoFindingError as `findings.finding` does; TenureError without the permission or a reason, where none of the
    chosen has the flaw any more, or they are too many.
    """
    _allowed(actor)
    reason = reason.strip()[:300]
    if not reason:
        raise TenureError(tr("Say why they are archived: whoever finds them there will ask."))
    rows = findings.records_with(lake, scope, found, now).order_by("ids_of", *found.shape.key)
    table = lake.to_arrow(rows.limit(MOST_AT_ONCE + 1) if chosen is None else rows)
    if chosen is None and table.num_rows > MOST_AT_ONCE:
        raise TenureError(
            tr("These are more than {most:,} records, the most that go at once. Choose a source first.", most=MOST_AT_ONCE)
        )  # fmt: skip
    if chosen is None and expected is not None and table.num_rows != expected:
        raise TenureError(
            tr("There are {found:,} of them now, not {expected:,} as when you looked. Look again, then archive them.",
               found=table.num_rows, expected=expected)
        )  # fmt: skip
    wanted = None if chosen is None else set(chosen)
    made = Archiving(
        contract=found.contract, source=found.source, field=found.field, flaw=found.flaw, reason=reason, made_by=actor,
        made_at=now,
    )  # fmt: skip
    try:
        with transaction.atomic():
            done = _put_away(made, _told(table, found.shape, wanted))
            if done is None:
                raise TenureError(tr("None of these records has this flaw any more. Look at the list again."))
            audit.record(
                "archive_records", "contract", found.contract, actor=actor, now=now, records=done.records,
                finding=f"{found.field} {found.flaw}".strip(), source=found.source, digest=_digest(done), deed=done.deed,
                private={"why": reason},
            )  # fmt: skip
            announce(RecordsArchived(done.deed, done.contract, done.records))
    except IntegrityError:
        raise TenureError(tr("Somebody archived some of these just now. Look at the list again.")) from None
    return done


def bring_back(
    rows: "QuerySet[ArchivedRecord]", *, scope: Scope, actor: User | None, now: datetime, why: str = ""
) -> int:
    """Bring archived records back into lists and figures, as they are in their sources by now; returns how many.

    One audit entry for each archiving they were part of. Raises TenureError without the permission, or where none of
    the rows is archived any more or within reach.
    """
    _allowed(actor)
    with transaction.atomic():
        reached = visible_to(scope).filter(pk__in=rows.values("pk")).select_for_update(of=("self",))
        by_deed: dict[str, list[ArchivedRecord]] = {}
        for row in reached.select_related("archiving").order_by("pk"):
            by_deed.setdefault(row.archiving.deed, []).append(row)
        if not by_deed:
            raise TenureError(tr("None of these records is archived any more."))
        count = 0
        for deed, theirs in by_deed.items():
            done = theirs[0].archiving
            digest = _digest_of((row.ids_of, row.key) for row in theirs)
            gone = [row.pk for row in theirs]
            for start in range(0, len(gone), ROWS):
                ArchivedRecord.objects.filter(pk__in=gone[start : start + ROWS]).delete()
            count += len(gone)
            audit.record(
                "bring_back_records", "contract", done.contract, actor=actor, now=now, records=len(gone), digest=digest,
                deed=deed, why=why,
            )  # fmt: skip
            announce(RecordsBroughtBack(deed, done.contract, len(gone)))
    return count


@transaction.atomic
def set_stale_after(months: int, *, lake: Lake, scope: Scope, actor: User | None, now: datetime) -> None:
    """Say after how many months without a word a record is stale. Raises TenureError for whoever may not, or sees a part."""
    _allowed(actor)
    if not scope.sees_all:
        raise TenureError(tr("This rule holds for every record, so it is set by somebody who sees every customer."))
    if not 1 <= months <= 240:
        raise TenureError(tr("Say from 1 to 240 months, not {months}.", months=months))
    rules = dict(lake.document(findings.RULES) or {})
    before = findings.stale_days(lake)
    rules["stale_days"] = round(months * 365 / 12)
    audit.record(
        "set_stale_after", "contract", "quality", actor=actor, now=now, months=months, before=f"{before} d",
        after=f"{rules['stale_days']} d",
    )  # fmt: skip
    announce(StaleRuleSet(rules["stale_days"]))
    # Last, so that whatever fails before it leaves rule and record as they were.
    lake.publish_document(findings.RULES, rules)


# What a migration puts away: through here, since the desk's own order of rooms lets `work` not know of this one.


def known_keys(contract: str, ids_of: str) -> set[str]:
    """The keys of a contract that are archived in one numbering."""
    return set(ArchivedRecord.objects.filter(contract=contract, ids_of=ids_of).values_list("key", flat=True))


@transaction.atomic
def archive_gone(
    contract: str, ids_of: str, source: str, gone: pa.Table, *, migration: int, actor: User | None, now: datetime
) -> int:
    """Put away the records (key and person columns) that the old system no longer has; returns how many."""
    shape = contract_named(contract)
    table = gone.append_column("ids_of", pa.array([ids_of] * gone.num_rows, pa.string()))
    table = table.append_column("source", pa.array([source] * gone.num_rows, pa.string()))
    made = Archiving(contract=contract, source=source, migration=migration, made_by=actor, made_at=now)
    done = _put_away(made, _told(table, shape, None))
    if done is None:
        return 0
    audit.record(
        "archive_migration", "migration", migration, actor=actor, now=now, records=done.records, contract=contract,
        digest=_digest(done), deed=done.deed,
    )  # fmt: skip
    announce(RecordsArchived(done.deed, contract, done.records))
    return done.records


@transaction.atomic
def unarchive(
    *, migration: int, contract: str = "", keys: Collection[str] | None = None, actor: User | None = None, now: datetime
) -> int:
    """Bring back what a migration put away: all of it, or of one contract the keys its system has again."""
    found = ArchivedRecord.objects.filter(archiving__migration=migration)
    if contract:
        found = found.filter(contract=contract)
    rows = [row for row in found.order_by("pk") if keys is None or row.key in keys]
    for start in range(0, len(rows), ROWS):
        ArchivedRecord.objects.filter(pk__in=[row.pk for row in rows[start : start + ROWS]]).delete()
    if rows:
        audit.record(
            "bring_back_records", "migration", migration, actor=actor, now=now, records=len(rows),
            digest=_digest_of((row.ids_of, row.key) for row in rows),
        )  # fmt: skip
        announce(RecordsBroughtBack("", contract, len(rows)))
    return len(rows)


# What people read


def visible_to(scope: Scope) -> "QuerySet[ArchivedRecord]":
    """The archived records of customers the scope reaches; of nobody's records, all where it sees everybody."""
    if scope.sees_all and not scope.objects:
        return ArchivedRecord.objects.all()
    if scope.sees_none and not scope.objects:
        return ArchivedRecord.objects.none()
    allowed = Q(pk__in=[])
    for name, shape in CONTRACTS.items():
        of_kind = scope.on(name)
        if of_kind.sees_all:
            allowed |= Q(contract=name)
        elif shape.person is not None and not of_kind.sees_none:
            seen = Customer.objects.filter(reach(of_kind)).values("pk")
            allowed |= Q(contract=name, own_id__in=seen)
    return ArchivedRecord.objects.filter(allowed)


# What the lake is told


def mark() -> str:
    """Changes with every archiving and every return: rows are only ever added at the end, and taken out."""
    newest = ArchivedRecord.objects.aggregate(last=Max("pk"))["last"]
    return f"{newest or 0}/{ArchivedRecord.objects.count()}"


def contracts() -> list[str]:
    """The contracts of which something is archived."""
    return sorted(ArchivedRecord.objects.order_by().values_list("contract", flat=True).distinct())


def as_table(contract: Contract) -> pa.Table:
    """What is archived of a contract, as the lake's `archived/<contract>`."""
    rows = list(
        ArchivedRecord.objects.filter(contract=contract.name).order_by("pk").values_list("ids_of", "key", "number")
    )
    columns: dict[str, pa.Array] = {"ids_of": pa.array([ids_of for ids_of, _, _ in rows], pa.string())}
    columns |= key_columns([key for _, key, _ in rows], contract)
    if contract.person and contract.person not in columns:
        columns[contract.person] = pa.array([number or None for _, _, number in rows], pa.string())
    schema = schema_of(contract)
    return pa.table([columns[name] for name in schema.names], schema=schema)


# How


def _allowed(actor: User | None) -> None:
    if actor is not None and not may(actor, "archive"):
        raise TenureError(tr("Your role does not archive records. Ask an administrator."))


Row = tuple[str, str, str, str, int | None]


def _told(table: pa.Table, shape: Contract, wanted: set[Place] | None) -> list[Row]:
    """(ids_of, key, source, number, person) of each row wanted."""
    nobody: Sequence[None] = [None] * table.num_rows
    numbers = table[shape.person].to_pylist() if shape.person else nobody
    persons = table["person_id"].to_pylist() if "person_id" in table.column_names else nobody
    rows = zip(
        table["ids_of"].to_pylist(), key_texts(table, shape), table["source"].to_pylist(), numbers, persons, strict=True
    )
    return [
        (ids_of, key, source or "", number or "", person)
        for ids_of, key, source, number, person in rows
        if wanted is None or (ids_of, key) in wanted
    ]


def _put_away(made: Archiving, rows: Sequence[Row]) -> Archiving | None:
    """Write down which records the deed puts away; one that is away already stays with the deed that did it."""
    known: set[Place] = set()
    places = [row[:2] for row in rows]
    for start in range(0, len(places), ROWS):
        some = [key for _ids_of, key in places[start : start + ROWS]]
        there = ArchivedRecord.objects.filter(contract=made.contract, key__in=some)
        known |= set(there.values_list("ids_of", "key"))
    # Two said the same key at once, or a key too long to keep: neither may cost the others.
    fresh = {row[:2]: row for row in rows if row[:2] not in known and len(row[1]) <= 900}
    if not fresh:
        return None
    made.deed, made.records = secrets.token_hex(16), len(fresh)
    made.save()
    ArchivedRecord.objects.bulk_create(
        (
            ArchivedRecord(
                archiving=made, contract=made.contract, ids_of=ids_of, key=key, source=source[:200],
                number=number[:200], own_id=person,
            )
            for ids_of, key, source, number, person in fresh.values()
        ),
        batch_size=ROWS,
    )  # fmt: skip
    return made


def _digest(done: Archiving) -> str:
    return _digest_of(done.rows.values_list("ids_of", "key"))


def _digest_of(places: Iterable[Place]) -> str:
    return hashlib.sha256("\n".join(sorted("\x1f".join(place) for place in places)).encode()).hexdigest()
