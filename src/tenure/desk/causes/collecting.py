"""What the records say of why people left, brought to the desk after each refresh: once a record, however often it runs."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
from django.db import transaction
from django.db.models import F

from tenure.desk.causes.events import StatementsCollected
from tenure.desk.causes.models import CameFrom, Statement
from tenure.desk.causes.statements import CONTEXT
from tenure.desk.causes.suggesting import Own, learn, suggester
from tenure.desk.causes.taxonomy import tree
from tenure.desk.customers.relations import merged
from tenure.desk.events import announce
from tenure.desk.governance import audit, personal
from tenure.desk.governance.models import ErasedPerson
from tenure.lake import SYSTEM, Lake
from tenure.vault import vault

BEFORE_DAYS, AFTER_DAYS = 90, 30
"""Complaints and calls count where their customer left within so many days after them; answers may come a little later."""
PASSING = (CameFrom.COMPLAINT, CameFrom.CALL_NOTE)
CHUNK = 500
KEPT = 4000  # characters of a text that come along
AGAIN = 5000  # waiting statements looked at again in one run, where the suggester goes by something new
EXIT = ("exit", "leav", "cancel", "churn", "offboard", "离网", "离开", "流失", "退订", "退网", "销户", "离店", "注销")
# A survey by one of these names is filled in by a member of staff who asks a leaver in depth.
INTERVIEW = ("interview", "访谈", "面谈")
TABLES = ("records/subscriptions", "records/survey_responses", "records/cases", "records/interactions", "scores/lives",
          "scores/customers", "identity/links")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """A record that says something: of whom, when, in words and in codes."""

    key: str
    own_id: int
    person_id: int
    said_at: datetime
    came_from: str
    text: str
    codes: tuple[str, ...]
    left_on: date | None


@dataclass(frozen=True, slots=True)
class Collected:
    """standing: statements from records that are there now."""

    standing: int
    made: int
    changed: int
    gone: int


def desk_mark() -> list[Any]:
    """Changes with whatever people said or changed here that suggestions go by."""
    confirmed = Statement.objects.filter(state=Statement.State.CONFIRMED).count()
    by_hand = Statement.objects.filter(record_key=None).count()
    return [confirmed, by_hand, sorted((one.code, one.retired, one.version) for one in tree().values() if one.version)]


def collect(lake: Lake, *, now: datetime) -> Collected:
    """Make the desk's statements from records what the records say now, with a suggestion for each.

    What people confirmed is never changed: its record gone, it is put by until the record is back. What waits goes with
    its record. Killed in the middle, the next call completes it.
    """
    learn(lake)
    guesses = suggester(lake)
    left = _left(lake)
    erased = set(ErasedPerson.objects.values_list("own_id", flat=True))
    wanted = {one.key: one for one in _found(lake, left) if one.own_id not in erased}
    kept = Statement.objects.exclude(record_key=None).values_list(
        "pk", "record_key", "state", "left_on", "withdrawn_at"
    )
    there = {str(key): (pk, state, day, withdrawn is not None) for pk, key, state, day, withdrawn in kept}
    gone = _let_go({key: row for key, row in there.items() if key not in wanted}, now)
    changed = _bring_back([row[0] for key, row in there.items() if key in wanted and row[3]])
    changed += _say_when(
        {row[0]: wanted[key].left_on for key, row in there.items() if key in wanted and wanted[key].left_on != row[2]}
    )
    fresh = [one for key, one in wanted.items() if key not in there]
    made = sum(_make(fresh[start : start + CHUNK], guesses, now) for start in range(0, len(fresh), CHUNK))
    changed += _left_by_hand(left)
    changed += _look_again(guesses)
    if made or changed or gone:
        with transaction.atomic():
            audit.record(
                "collect_statements", "statements", len(wanted), actor=None, now=now, made=made, changed=changed,
                gone=gone,
            )  # fmt: skip
            announce(StatementsCollected(made, changed, gone))
    return Collected(len(there) - gone + made, made, changed, gone)


def _make(found: list[Found], guesses: Own, now: datetime) -> int:
    """Statements of these records, their texts sealed in one go; returns how many.

    A complaint or call that names no cause is no statement of why somebody left.
    """
    both = [(one, guesses.suggest(one.text, one.codes)) for one in found]
    both = [(one, guess) for one, guess in both if guess.told or one.came_from not in PASSING]
    if not both:
        return 0
    found, said = [one for one, _ in both], [guess for _, guess in both]
    subjects = pa.array([personal.subject(one.own_id) for one in found])
    texts = pa.array([one.text or None for one in found], pa.string())
    words = pa.array([", ".join(guess.words) or None for guess in said], pa.string())
    sealed, went_by = (vault().seal_column(subjects, column, context=CONTEXT).to_pylist() for column in (texts, words))
    rows = [
        Statement(
            own_id=one.own_id, said_at=one.said_at, came_from=one.came_from, record_key=one.key, text=text or "",
            left_on=one.left_on, suggested=guess.cause, confidence=guess.confidence,
            suggested_by=guess.by if guess.told else "", went_by=words or "", looked_with=guesses.mark, made_at=now,
        )
        for one, guess, text, words in zip(found, said, sealed, went_by, strict=True)
    ]  # fmt: skip
    Statement.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _let_go(gone: Mapping[str, tuple[int, str, date | None, bool]], now: datetime) -> int:
    """Waiting ones go; what people settled is put by. Returns how many were there until now."""
    waiting = [pk for pk, state, _left_on, _by in gone.values() if state == Statement.State.WAITING]
    settled = [pk for pk, state, _left_on, by in gone.values() if state != Statement.State.WAITING and not by]
    for start in range(0, len(waiting), CHUNK):
        # Somebody may have settled one since it was looked up: theirs stays.
        Statement.objects.filter(pk__in=waiting[start : start + CHUNK], state=Statement.State.WAITING).delete()
    for start in range(0, len(settled), CHUNK):
        Statement.objects.filter(pk__in=settled[start : start + CHUNK]).update(
            withdrawn_at=now, version=F("version") + 1
        )
    return len(waiting) + len(settled)


def _bring_back(back: list[int]) -> int:
    for start in range(0, len(back), CHUNK):
        Statement.objects.filter(pk__in=back[start : start + CHUNK]).update(withdrawn_at=None, version=F("version") + 1)
    return len(back)


def _say_when(left: Mapping[int, date | None]) -> int:
    """The day their customers left, where it is another now; who reviews them need not look again for that."""
    by_day: dict[date | None, list[int]] = {}
    for pk, day in left.items():
        by_day.setdefault(day, []).append(pk)
    for day, rows in by_day.items():
        for start in range(0, len(rows), CHUNK):
            Statement.objects.filter(pk__in=rows[start : start + CHUNK]).update(left_on=day)
    return len(left)


def _left_by_hand(left: Mapping[int, date]) -> int:
    """Statements written down before anybody knew that, or when, the customer left."""
    rows = list(Statement.objects.filter(record_key=None, left_on=None).values_list("pk", "own_id", "said_at"))
    persons = merged({own for _pk, own, _at in rows})
    told: dict[int, date | None] = {
        pk: left[persons[own]]
        for pk, own, at in rows
        if persons[own] in left and at.date() <= left[persons[own]] + timedelta(days=AFTER_DAYS)
        and left[persons[own]] <= at.date() + timedelta(days=BEFORE_DAYS)
    }  # fmt: skip
    return _say_when(told)


def _look_again(guesses: Own) -> int:
    """Waiting statements that another suggester looked at last, the newest first."""
    rows = list(
        Statement.objects.standing().filter(state=Statement.State.WAITING).exclude(looked_with=guesses.mark)
        .exclude(suggested_by="code").order_by("-said_at")[:AGAIN]
    )  # fmt: skip
    changed = []
    for row in rows:
        guess = guesses.suggest(personal.unseal(row.text) or "")
        row.looked_with = guesses.mark
        if guess.cause != row.suggested and (guess.told or row.suggested_by != "code"):
            row.suggested, row.confidence = guess.cause, guess.confidence
            row.suggested_by = guess.by if guess.told else ""
            row.went_by = personal.seal(row.own_id, ", ".join(guess.words), context=CONTEXT)
            changed.append(row.pk)
    for start in range(0, len(rows), CHUNK):
        with transaction.atomic():
            mine = rows[start : start + CHUNK]
            waiting = set(
                Statement.objects.select_for_update().filter(pk__in=[row.pk for row in mine], state="waiting")
                .values_list("pk", "version")
            )  # fmt: skip
            still = [row for row in mine if (row.pk, row.version) in waiting]
            for row in still:
                if row.pk in set(changed):
                    row.version += 1
            Statement.objects.bulk_update(
                still, ["suggested", "confidence", "suggested_by", "went_by", "looked_with", "version"]
            )
    return len(changed)


# What the records say


def _left(lake: Lake) -> dict[int, date]:
    """person → the day they left: the end of the last contract where none runs, else the last purchase before a silence
    that counts as leaving."""
    left: dict[int, date] = {}
    if lake.exists("scores/lives") and lake.exists("scores/customers"):
        lives = lake.read("scores/lives", actor=SYSTEM)
        cards = lake.read("scores/customers", actor=SYSTEM).select("person_id", "last_order_on")
        silent = lives.filter(lives.ended & (lives.kind == "buyer")).inner_join(cards, "person_id")
        for row in lake.to_arrow(silent.select("person_id", "last_order_on")).to_pylist():
            if row["last_order_on"] is not None:
                left[row["person_id"]] = row["last_order_on"]
    if lake.exists("records/subscriptions"):
        held = lake.read("records/subscriptions", actor=SYSTEM)
        held = held.filter(held.person_id.notnull())
        last = held.group_by("person_id").agg(runs=held.ended_at.isnull().any(), ended=held.ended_at.max())
        for row in lake.to_arrow(last).to_pylist():
            if row["runs"]:
                left.pop(row["person_id"], None)
            else:
                left[row["person_id"]] = _day(lake, row["ended"])
    return left


def _found(lake: Lake, left: Mapping[int, date]) -> Iterator[Found]:
    """Every record that says why somebody left, or what they had complained and called about just before."""
    for row in _rows(lake, left, "survey_responses", "response_id", "question", "answered_at", "survey", "text"):
        survey = f"{row['survey'] or ''} {row['question']}".casefold()
        if row["text"] and any(word in survey for word in EXIT):
            asked = any(word in survey for word in INTERVIEW)
            yield _one(
                lake,
                CameFrom.STAFF_INTERVIEW if asked else CameFrom.EXIT_SURVEY,
                row,
                ("response_id", "question"),
                "answered_at",
                left,
                row["text"],
            )
    for row in _rows(lake, left, "subscriptions", "subscription_id", "ended_at", "end_reason"):
        if row["ended_at"] is not None and row["end_reason"]:
            reason = row["end_reason"]
            yield _one(lake, CameFrom.CANCELLATION, row, ("subscription_id",), "ended_at", left, reason, (reason,))
    for row in _rows(lake, left, "cases", "case_id", "opened_at", "kind", "category", "subject", "text", "cause"):
        if row["kind"] in (None, "complaint") and _before(lake, row, "opened_at", left):
            said = " ".join(part for part in (row["subject"], row["text"]) if part)
            codes = tuple(one for one in (row["cause"], row["category"]) if one)
            if said or codes:
                yield _one(lake, CameFrom.COMPLAINT, row, ("case_id",), "opened_at", left, said, codes)
    for row in _rows(lake, left, "interactions", "interaction_id", "occurred_at", "topic", "text", "direction"):
        if row["text"] and _before(lake, row, "occurred_at", left):
            yield _one(lake, CameFrom.CALL_NOTE, row, ("interaction_id",), "occurred_at", left, row["text"])


def _rows(lake: Lake, left: Mapping[int, date], contract: str, *columns: str) -> Iterator[dict[str, Any]]:
    """The records of a contract with the number minted for the customer they name, in a steady order.

    Of complaints and calls only those of people who left come along: they are many, and leavers few.
    """
    if not lake.exists(f"records/{contract}"):
        return
    rows = lake.read(f"records/{contract}", actor=SYSTEM)
    links = lake.read("identity/links", actor=SYSTEM)
    ends = links.select(_of=links.ids_of, _number=links.customer_id, own_id=links.own_id)
    rows = rows.inner_join(ends, [rows.ids_of == ends["_of"], rows.customer_id == ends["_number"]])
    rows = rows.filter(rows.person_id.notnull())
    if contract == "subscriptions":
        rows = rows.filter(rows.ended_at.notnull() & rows.end_reason.notnull())
    elif contract == "survey_responses":
        rows = rows.filter(rows.text.notnull())
    else:
        rows = rows.semi_join(ibis.memtable(pa.table({"person_id": pa.array(list(left), pa.int64())})), "person_id")
    kept = rows.select("ids_of", "person_id", "own_id", *columns)
    yield from lake.to_arrow(kept).to_pylist()


def _before(lake: Lake, row: Mapping[str, Any], at: str, left: Mapping[int, date]) -> bool:
    gone = left.get(row["person_id"])
    return gone is not None and 0 <= (gone - _day(lake, row[at])).days <= BEFORE_DAYS


def _one(
    lake: Lake, came_from: CameFrom, row: Mapping[str, Any], key: tuple[str, ...], at: str, left: Mapping[int, date],
    text: str, codes: tuple[str, ...] = (),
) -> Found:  # fmt: skip
    named = "\x1f".join((came_from, row["ids_of"], *(str(row[name]) for name in key)))
    day, gone = _day(lake, row[at]), left.get(row["person_id"])
    # An answer or a cancellation from long before somebody left in the end is of another time.
    near = gone is not None and -AFTER_DAYS <= (gone - day).days <= BEFORE_DAYS
    return Found(
        hashlib.blake2b(named.encode(), digest_size=16).hexdigest(), row["own_id"], row["person_id"], row[at], came_from,
        text.replace("\x00", "")[:KEPT], codes, gone if near else None,
    )  # fmt: skip


def _day(lake: Lake, instant: datetime) -> date:
    return instant.astimezone(ZoneInfo(lake.zone)).date()
