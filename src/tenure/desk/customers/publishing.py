"""How a refresh reaches the pages: a new generation beside the old one, in small writes, then one pointer flips.

What comes again on the day shown goes in the place of what was there, where it differs.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection, models, transaction
from django.db.models import Max
from numpy.typing import NDArray

from tenure.desk.customers.events import CustomersPublished
from tenure.desk.customers.fields.values import Publishing
from tenure.desk.customers.models import REACHED_BY, Customer, CustomValue, Publication, Score
from tenure.desk.customers.names import search_text, syllables
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.consents import note_merges_of
from tenure.desk.governance.models import Team, User
from tenure.desk.sealed import RowSealer
from tenure.digests import row_digests

CHUNK = 500  # rows a write: well under 100 ms on SQLite, so no page waits behind a refresh
_LOG_PAGES = 16_384  # of 4 KB
_MOST_IN_PLACE = 1 / 3  # of the rows: past it a generation of their own costs no more
_BLOCK = 10_000  # rows brought from the cards' columns to the desk's at once

Progress = Callable[[int, int], None]

_FACTS = ("customer_id", "source", "name", "kind", "phone", "email", "region", "city", "language")
_FIGURES = (
    "first_order_on", "last_order_on", "recency_days", "frequency", "monetary_base_minor", "r", "f", "m", "rfm_cell",
    "abc", "stage", "stage_why_en", "stage_why_zh", "p_alive", "value_base_minor", "value_decile", "churn_probability",
    "risk_band", "fee_base_minor", "open_cases", "last_nps", "tier", "persona",
)  # fmt: skip
_TEXT = {field.name for field in Score._meta.fields if isinstance(field, models.CharField | models.TextField)}


def publish(
    rows: pa.Table,
    *,
    as_of: datetime,
    now: datetime,
    lake_version: int | None = None,
    who: str = "",
    progress: Progress | None = None,
) -> int:
    """Show these published cards (one row a person, Arrow) from now on, and return their generation.

    lake_version: the version of the lake's `scores/customers` the cards are. who: a digest of all that says who these
    people are; where the desk shows what was made from the very same, customers are not looked at, only their figures.

    Figures of another day go as a generation beside the one shown, and killed at any point, the pages go on showing that.
    Where figures of the day shown come again and few differ, those rows are put in the place of the old, a few at a time:
    each customer's are whole, and killed at any point, the next publish goes on. They stay beside the same day before.
    What was left of a generation never shown is cleared.
    An owner is matched by user name and a team by its name (made where new); a customer assigned on the desk stays
    where it was put, whatever the records say.
    """
    _sweep()
    people, shown, rows = _People(), Publication.current(), rows.sort_by("person_id")
    figures = _Figures.to_write(rows, shown, as_of)
    known = bool(who) and shown is not None and shown.who == _with_names(who, people)
    step = _steps(progress, figures.rows.num_rows + (0 if known else rows.num_rows))
    with _seldom_checkpoints():
        if not known:
            # From here on the desk is between what it showed and what it will: nothing is to be passed over for it.
            Publication.objects.filter(pk=1).update(who="")
            for block in _blocks(rows):
                facts = _facts(block)
                for at in range(0, block.num_rows, CHUNK):
                    _write_customers(facts[at : at + CHUNK], people)
                    step(len(facts[at : at + CHUNK]))
        for start, block in zip(range(0, figures.rows.num_rows, _BLOCK), _blocks(figures.rows), strict=True):
            made = _figures(block, figures.generation, figures.told[start : start + _BLOCK])
            for at in range(0, block.num_rows, CHUNK):
                _write_scores(made[at : at + CHUNK], upon=figures.upon)
                step(len(made[at : at + CHUNK]))
        _drop(figures.generation, figures.gone)
    if not figures.upon:
        _weigh()
    _flip(figures.generation, rows.num_rows, lake_version, as_of, now, _with_names(who, people) if who else "")
    _sweep()
    return figures.generation


@dataclass(frozen=True)
class _Figures:
    """The figures a publish writes. upon: in a generation that is shown; gone: who is to be taken out of it.

    rows: those cards, in order of person_id. told: the digest of each one's figures.
    """

    generation: int
    rows: pa.Table
    told: NDArray[np.int64]
    upon: bool
    gone: NDArray[np.int64]

    @classmethod
    def to_write(cls, rows: pa.Table, shown: Publication | None, as_of: datetime) -> "_Figures":
        told = _told(rows)
        if shown is not None and shown.as_of == as_of:
            there, said = _there(shown)
            changed = _changed(rows, told, there, said)
            if changed.sum() <= _MOST_IN_PLACE * rows.num_rows:
                gone = np.setdiff1d(there, rows["person_id"].to_numpy())
                return cls(shown.generation, rows.filter(pa.array(changed)), told[changed], True, gone)
        return cls(_next_generation(), rows, told, False, np.empty(0, np.int64))


def _steps(progress: Progress | None, total: int) -> Callable[[int], None]:
    """Counts rows written, and tells how many of so many."""
    done = 0

    def step(rows: int) -> None:
        nonlocal done
        done += rows
        if progress:
            progress(done, total)

    return step


def _blocks(rows: pa.Table) -> Iterator[pa.Table]:
    # In order of their key, so the two databases' indexes grow at their end and two writers lock in one order.
    return (rows.slice(start, _BLOCK) for start in range(0, rows.num_rows, _BLOCK))


def _with_names(who: str, people: "_People") -> str:
    """The digest of who people are together with the users and teams their owners are matched by."""
    names = json.dumps([sorted(people.users.items()), sorted(people.teams.items())])
    return hashlib.sha256(f"{who} {names}".encode()).hexdigest()


def _told(rows: pa.Table) -> NDArray[np.int64]:
    """A digest of the figures of each card, as `Score.told` has it."""
    names = [name for name in (*_FIGURES, "reasons", "extra") if name in rows.column_names]
    digests = row_digests([rows[name] for name in names])
    return digests[:, 0].view(np.int64) if names else np.zeros(rows.num_rows, np.int64)


def _there(shown: Publication) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Whose figures are shown, and the digests of those; 0 for one of before there was any."""
    found = Score.objects.filter(generation=shown.generation).order_by().values_list("customer_id", "told")
    pairs = np.array([(who, told or 0) for who, told in found.iterator(chunk_size=_BLOCK)], np.int64).reshape(-1, 2)
    order = np.argsort(pairs[:, 0])
    return pairs[order, 0], pairs[order, 1]


def _changed(
    rows: pa.Table, told: NDArray[np.int64], there: NDArray[np.int64], said: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which cards the desk does not show the very figures of."""
    people = rows["person_id"].to_numpy()
    if not len(there):
        return np.ones(len(people), bool)
    place = np.minimum(np.searchsorted(there, people), len(there) - 1)
    changed: NDArray[np.bool_] = (there[place] != people) | (said[place] != told)
    return changed


def _drop(generation: int, people: NDArray[np.int64]) -> None:
    """Take the figures of those who have no card any more out of a generation."""
    for start in range(0, len(people), CHUNK):
        stale = Score.objects.filter(generation=generation, customer_id__in=people[start : start + CHUNK].tolist())
        with transaction.atomic():
            stale._raw_delete(using=stale.db)


@contextmanager
def _seldom_checkpoints() -> Iterator[None]:
    """Let SQLite's write-ahead log grow to 64 MB before it is worked into the file, not to 4.

    Figures land all over the indexes: at the usual size every single write would be followed by a checkpoint.
    """
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        usual = cursor.execute("PRAGMA wal_autocheckpoint").fetchone()[0]
        cursor.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}").fetchall()
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA wal_autocheckpoint = {usual}").fetchall()


@transaction.atomic
def republish(
    rows: pa.Table, people: Sequence[int], *, merges: Mapping[int, int], lake_version: int | None = None
) -> None:
    """Show these cards in the place of what is shown of these persons now; one of `people` without a card is gone.

    merges: own id → the person behind it now. The generation shown keeps its number: who is who changed, not the day.
    All at once, so that nobody sees the halves of a person.
    """
    shown = Publication.objects.select_for_update().filter(pk=1).first()
    if shown is None:
        return
    note_merges_of(list(merges), merges)
    rows = rows.sort_by("person_id")
    stale = Score.objects.filter(generation=shown.generation, customer_id__in=people)
    went = stale._raw_delete(using=stale.db)
    _write_customers(_facts(rows), _People())
    _write_scores(_figures(rows, shown.generation, _told(rows)))
    shown.rows += rows.num_rows - went
    shown.who = ""
    if lake_version is not None:
        shown.lake_version = lake_version
    shown.save(update_fields=["rows", "lake_version", "who"])


def _weigh() -> None:
    """Tell the database how its rows are spread, so that a list of few is found by whose they are, not by its order."""
    with connection.cursor() as cursor:
        for model in (Customer, Score, CustomValue):
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")


def _next_generation() -> int:
    shown = Publication.current()
    written = Score.objects.aggregate(last=Max("generation"))["last"]
    return max(shown.generation if shown else 0, written or 0) + 1


@transaction.atomic
def _flip(generation: int, rows: int, lake_version: int | None, as_of: datetime, now: datetime, who: str) -> None:
    shown = Publication.objects.select_for_update().filter(pk=1).first()
    before: tuple[int | None, datetime | None] = (shown.generation, shown.as_of) if shown else (None, None)
    if shown and shown.as_of == as_of:  # the same day again stands beside the same day before
        before = shown.previous, shown.previous_as_of
    Publication(
        pk=1,
        generation=generation,
        previous=before[0],
        previous_as_of=before[1],
        rows=rows,
        lake_version=lake_version,
        who=who,
        as_of=as_of,
        published_at=now,
    ).save()
    audit.record(
        "publish", "generation", generation, actor=None, now=now, rows=rows, as_of=as_of.isoformat(timespec="seconds")
    )
    announce(CustomersPublished(generation, rows))


def _sweep() -> None:
    """Delete, in small writes, every generation but the one shown and the one before it."""
    shown = Publication.current()
    kept = [shown.generation, shown.previous] if shown else []
    stale = Score.objects.exclude(generation__in=[g for g in kept if g is not None])
    for generation in stale.order_by().values_list("generation", flat=True).distinct():
        while ids := list(Score.objects.filter(generation=generation).values_list("pk", flat=True)[:CHUNK]):
            with transaction.atomic():
                Score.objects.filter(pk__in=ids)._raw_delete(using=Score.objects.db)


class _People:
    """Users and teams by the names the records use, read once a publish."""

    def __init__(self) -> None:
        self.users = dict(User.objects.values_list("username", "pk"))
        self.teams = dict(Team.objects.values_list("name", "pk"))
        self.custom = Publishing()

    def owner(self, row: dict[str, Any]) -> int | None:
        return self.users.get(row.get("owner") or "")

    def team(self, row: dict[str, Any]) -> int | None:
        name = (row.get("team") or "").strip()[:100]
        if not name:
            return None
        if name not in self.teams:
            self.teams[name] = Team.objects.get_or_create(name=name)[0].pk
        return self.teams[name]


def _facts(block: pa.Table) -> list[dict[str, Any]]:
    """What the cards say of who each customer is, as plain rows; the figures are not among it."""
    rest = {*_FIGURES, "reasons", "extra"}
    rows: list[dict[str, Any]] = block.select([name for name in block.column_names if name not in rest]).to_pylist()
    return rows


def _write_customers(chunk: Sequence[dict[str, Any]], people: _People) -> None:
    """Bring these customers up to their cards; those of whom the desk says so already are not written."""
    fields = _concrete(Customer)
    # The desk's word on whose customer this is goes before the records': a conflict leaves these three alone …
    ours = {"person_id", "owner_id", "team_id", "assigned_here"}
    wanted = {row["person_id"]: (people.owner(row), people.team(row)) for row in chunk}
    seal = RowSealer(Customer)
    there = _as_they_lie(list(wanted)) if wanted else {}
    plain = [_customer(row, *wanted[row["person_id"]]) for row in chunk]
    # Looked at and sealed before the lock is taken.
    changed = [seal(row) for row in plain if not _says(there.get(row["person_id"]), row, seal, ours)]
    if changed or any(
        not there[person]["assigned_here"] and (there[person]["owner_id"], there[person]["team_id"]) != told
        for person, told in wanted.items()
    ):
        with transaction.atomic():
            if changed:
                columns = [field.column for field in fields]
                plain_rows = [[row[column] for column in columns] for row in changed]
                _put(Customer, columns, plain_rows, ["person_id"], [one for one in columns if one not in ours])
            # … and only customers nobody has assigned here follow the records when those change.
            moved: dict[tuple[int | None, int | None], list[int]] = {}
            placed = Customer.objects.filter(pk__in=list(wanted), assigned_here=False)
            for person_id, owner, team in placed.values_list("person_id", "owner_id", "team_id"):
                if (owner, team) != wanted[person_id]:
                    moved.setdefault(wanted[person_id], []).append(person_id)
            for (new_owner, new_team), ids in moved.items():
                Customer.objects.filter(pk__in=ids, assigned_here=False).update(owner_id=new_owner, team_id=new_team)
    people.custom(chunk)


def _as_they_lie(people: Sequence[int]) -> dict[int, dict[str, Any]]:
    """These customers as the desk's database has them, what is sealed of them sealed."""
    names = [field.column for field in _concrete(Customer)]
    quoted = connection.ops.quote_name
    places = ", ".join(["%s"] * len(people))
    # Asked plainly: Django would open what is sealed, and takes as long to bring values to their types as all the rest.
    sql = (
        f"SELECT {', '.join(map(quoted, names))} FROM {quoted(Customer._meta.db_table)} "
        f"WHERE {quoted('person_id')} IN ({places})"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, list(people))
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return {row["person_id"]: row for row in found}


def _says(lies: Mapping[str, Any] | None, row: Mapping[str, Any], seal: RowSealer, ours: Collection[str]) -> bool:
    """Whether the desk says of a customer what its card does: what anybody changed since is not what was published."""
    if lies is None:
        return False
    skipped = {*ours, *seal.columns}
    return all(lies[name] == value for name, value in row.items() if name not in skipped) and seal.says(row, lies)


def _customer(row: dict[str, Any], owner: int | None, team: int | None) -> dict[str, Any]:
    facts: dict[str, Any] = {name: _cut(Customer, name, row.get(name)) for name in _FACTS}
    numbers = [facts["customer_id"], *(row.get("also_known_as") or ())]
    return facts | {
        "person_id": row["person_id"],
        "also_known_as": json.dumps(row.get("also_known_as") or [], ensure_ascii=False),
        "pinyin": _cut(Customer, "pinyin", row.get("pinyin") or facts["name"].lower()),
        "search_text": search_text(facts["name"], row.get("pinyin") or "", numbers),
        "owner_id": owner,
        "team_id": team,
        "assigned_here": False,
        "blocked": bool(row.get("blocked")),
        "created_on": row.get("created_on"),
    }


def described(customer: Customer, changed: dict[str, str]) -> dict[str, Any]:
    """The fields of a customer that follow from these: how it is found by name and by the last four digits."""
    row = {name: getattr(customer, name) for name in _FACTS} | changed
    row |= {"person_id": customer.pk, "also_known_as": customer.also_known_as, "blocked": customer.blocked}
    row["pinyin"] = " ".join(syllables(row["name"])) if row["name"] else ""
    columns = _customer(row, customer.owner_id, customer.team_id)
    return {name: columns[name] for name in (*changed, "pinyin", "search_text", "phone_last4") if name in columns}


def _score_columns() -> list[str]:
    return [field.column for field in _concrete(Score) if not field.primary_key]


def _write_scores(rows: Sequence[list[Any]], *, upon: bool = False) -> None:
    """Put rows of `_figures` in their table, in its columns, with whose the customers are.

    upon: in the place of the same customers' rows of the generation, where there are any.
    """
    if not rows:
        return
    columns = _score_columns()
    seal = RowSealer(Score)
    who, extra, under = (columns.index(name) for name in ("customer_id", "extra", "sealed_under"))
    whose_at = [columns.index(name) for name in REACHED_BY]
    for row in rows:
        row[extra], row[under] = seal.value("extra", row[extra]), seal.under
    with transaction.atomic():
        # Locked, so that whoever gives a customer away meanwhile waits, and then finds these scores to change as well.
        customers = Customer.objects.select_for_update().filter(pk__in=[row[who] for row in rows])
        whose = {pk: said for pk, *said in customers.order_by("pk").values_list("pk", *REACHED_BY)}
        for row in rows:
            for at, value in zip(whose_at, whose[row[who]], strict=True):
                row[at] = value
        if upon:
            _put(Score, columns, rows, conflict=("customer_id", "generation"))
        else:
            _insert(Score, columns, rows)


def _figures(block: pa.Table, generation: int, said: NDArray[np.int64]) -> list[list[Any]]:
    """The figures of these cards as rows in the columns of their table; whose they are, and under which key, is left open.

    Worked out column by column: a million times forty values are too many to look at one by one.
    """
    made: dict[str, Any] = {}
    for name in _FIGURES:
        value = block[name] if name in block.column_names else pa.nulls(block.num_rows)
        made[name] = _cut_column(Score, name, value) if name in _TEXT else value
    for name, nothing in (("reasons", "[]"), ("extra", "{}")):
        told = block[name] if name in block.column_names else pa.nulls(block.num_rows)
        told = told.cast(pa.string()).fill_null("")
        made[name] = pc.if_else(pc.equal(told, ""), nothing, told)
    risk, value = made["churn_probability"].cast(pa.float64()), made["value_base_minor"].cast(pa.int64())
    # Past 2 to the 53rd a cent is rounded away, as in any product with a probability.
    at_risk = pc.multiply(risk, pc.max_element_wise(value, 0, skip_nulls=False).cast(pa.float64(), safe=False))
    made |= {
        "customer_id": block["person_id"],
        "told": pa.array(said),
        "risk_key": risk.fill_null(-1.0),
        "value_key": value.fill_null(-1),
        "spent_key": made["monetary_base_minor"].cast(pa.int64()).fill_null(-(2**62)),
        "recency_key": made["recency_days"].cast(pa.int64()).fill_null(-1),
        "at_risk_minor": pc.round(at_risk).fill_null(0.0).cast(pa.int64()),
    }
    same = {"generation": generation, "sealed_under": "", **dict.fromkeys(REACHED_BY)}
    columns = [[same[name]] * block.num_rows if name in same else made[name].to_pylist() for name in _score_columns()]
    return [list(row) for row in zip(*columns, strict=True)]


def _cut_column(model: type[models.Model], name: str, column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """What `_cut` makes of each value."""
    text = pc.replace_substring(column.cast(pa.string()).fill_null(""), "\x00", "")
    limit = _limit(model, name)
    return pc.utf8_slice_codeunits(text, 0, limit) if limit else text


@cache
def _limit(model: type[models.Model], name: str) -> int | None:
    return getattr(model._meta.get_field(name), "max_length", None)


def _cut(model: type[models.Model], name: str, value: object) -> str:
    if value is None:
        return ""
    # A null byte is legal in a file and not in PostgreSQL.
    text = str(value).replace("\x00", "")
    limit = _limit(model, name)
    return text[:limit] if limit else text


def _concrete(model: type[models.Model]) -> list[Any]:
    return list(model._meta.concrete_fields)


def _put(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    conflict: Sequence[str],
    update: Sequence[str] | None = None,
) -> None:
    """Insert rows of values, or put them upon those they conflict with: all other columns, or those to update.

    In one prepared statement; both databases speak this same SQL. Measured against `bulk_create`, which builds a model
    and a statement text for every few rows.
    """
    quoted = connection.ops.quote_name
    places = ", ".join(["%s"] * len(columns))
    sets = update if update is not None else [column for column in columns if column not in conflict]
    sql = (
        f"INSERT INTO {quoted(model._meta.db_table)} ({', '.join(map(quoted, columns))}) VALUES ({places}) "
        f"ON CONFLICT ({', '.join(map(quoted, conflict))}) DO UPDATE "
        f"SET {', '.join(f'{quoted(column)} = excluded.{quoted(column)}' for column in sets)}"
    )
    with connection.cursor() as cursor:
        cursor.executemany(sql, rows)


def _insert(model: type[models.Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert new rows, given as values in these columns; by PostgreSQL's COPY where that is what is spoken."""
    quoted = connection.ops.quote_name
    into = f"{quoted(model._meta.db_table)} ({', '.join(map(quoted, columns))})"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {into} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            cursor.executemany(f"INSERT INTO {into} VALUES ({', '.join(['%s'] * len(columns))})", rows)
