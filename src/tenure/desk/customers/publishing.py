"""How a refresh reaches the pages: a new generation beside the old one, in small writes, then one pointer flips.

What comes again on the day shown goes in the place of what was there, where it differs.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from django.db import connection, models, transaction
from django.db.models import Max
from numpy.typing import NDArray

from tenure.desk.customers.events import CustomersPublished
from tenure.desk.customers.fields.values import Publishing
from tenure.desk.customers.figures import (
    BLOCK,
    ELSEWHERE,
    FIGURES,
    Differing,
    as_rows,
    blocks,
    cut,
    cut_column,
    differing,
    differing_from,
    in_blocks,
    in_columns,
    score_columns,
    told_of,
)
from tenure.desk.customers.indexing import indexed_after
from tenure.desk.customers.models import REACHED_BY, Customer, CustomValue, Publication, Score, say_whose
from tenure.desk.customers.names import search_text, syllables
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.consents import note_merges_of
from tenure.desk.governance.models import Team, User
from tenure.desk.sealed import RowSealer
from tenure.in_order import by_person as in_order

CHUNK = 500  # rows a write: well under 100 ms on SQLite, so no page waits behind a refresh
_IN_ITS_PLACE = 4  # times as many rows
_ROOMS = {"wal_autocheckpoint": 16_384, "cache_size": -409_600}  # pages of 4 KB; KB
_MOST_ELSEWHERE = 1 / 2  # of the customers: past it a generation of their own costs no more

Progress = Callable[[int, int], None]

_FACTS = ("customer_id", "source", "name", "kind", "phone", "email", "region", "city", "language")


def publish(
    rows: pa.Table,
    *,
    as_of: datetime,
    now: datetime,
    lake_version: int | None = None,
    who: str = "",
    people: Callable[[], pa.Table] | None = None,
    before: Callable[[int], pa.Table | None] | None = None,
    progress: Progress | None = None,
) -> int:
    """Show these published cards (one row a person, Arrow) from now on, and return their generation.

    lake_version: the version of the lake's `scores/customers` the cards are. who: a digest of all that says who these
    people are; where the desk shows what was made from the very same, customers are not looked at, only their figures.
    people: gives the cards with all that says who they are, where `rows` have their figures alone. before: gives the figures
    of an earlier version of the cards, or None: what differs is then known without asking the desk.

    Figures of another day go as a generation beside the one shown, and killed at any point, the pages go on showing that.
    Where figures of the day shown come again and few change their place in a list, rows that differ are changed, a few at a
    time: each customer's are whole, and killed at any point, the next publish goes on. They stay beside the same day before.
    What was left of a generation never shown is cleared.
    An owner is matched by user name and a team by its name (made where new); a customer assigned on the desk stays
    where it was put, whatever the records say.
    """
    _sweep()
    names, shown, rows = _People(), Publication.current(), in_order(rows)
    upon = _in_place(rows, shown, as_of, before)
    known = bool(who) and shown is not None and shown.who == _with_names(who, names)
    step = _steps(progress, (upon.figures if upon else rows).num_rows + (0 if known else rows.num_rows))
    with _seldom_checkpoints(), _listed_after(shown):
        if upon or not known:
            # From here on the desk is between what it showed and what it will: nothing is to be passed over for it.
            Publication.objects.filter(pk=1).update(who="")
        if not known:
            for block in blocks(in_order(people()) if people else rows):
                facts = _facts(block)
                for at in range(0, block.num_rows, CHUNK):
                    _write_customers(facts[at : at + CHUNK], names)
                    step(len(facts[at : at + CHUNK]))
        if upon and shown is not None:
            generation = shown.generation
            _bring_up(upon, generation, step)
            _drop(generation, upon.gone)
        else:
            generation = _next_generation()
            for made in in_blocks(rows, told_of(rows)):
                _add(made, generation, step)
    if not upon:
        _weigh()
    _flip(generation, rows.num_rows, lake_version, as_of, now, _with_names(who, names) if who else "")
    _sweep()
    return generation


def _in_place(
    rows: pa.Table, shown: Publication | None, as_of: datetime, before: Callable[[int], pa.Table | None] | None
) -> Differing | None:
    """What differs of the day that is shown, where it goes in the place of what is there; None where all goes beside it."""
    if shown is None or shown.as_of != as_of:
        return None
    was = _shown_whole(shown, before)
    found = differing(rows, told_of(rows), shown.generation) if was is None else differing_from(was, rows)
    return found if found.elsewhere <= _MOST_ELSEWHERE * rows.num_rows else None


def _shown_whole(shown: Publication, before: Callable[[int], pa.Table | None] | None) -> pa.Table | None:
    """The cards the desk shows, by person, where it is known to show those of one version of the lake's, all of them."""
    if before is None or not shown.who or shown.lake_version is None:
        return None
    was = before(shown.lake_version)
    if was is None or not was.num_rows or was.num_rows != Score.objects.filter(generation=shown.generation).count():
        return None
    return in_order(was)


def _steps(progress: Progress | None, total: int) -> Callable[[int], None]:
    """Counts rows written, and tells how many of so many."""
    done = 0

    def step(rows: int) -> None:
        nonlocal done
        done += rows
        if progress:
            progress(done, total)

    return step


def _with_names(who: str, people: "_People") -> str:
    """The digest of who people are together with the users and teams their owners are matched by."""
    names = json.dumps([sorted(people.users.items()), sorted(people.teams.items())])
    return hashlib.sha256(f"{who} {names}".encode()).hexdigest()


def _drop(generation: int, people: NDArray[np.int64]) -> None:
    """Take the figures of those who have no card any more out of a generation."""
    for start in range(0, len(people), CHUNK):
        stale = Score.objects.filter(generation=generation, customer_id__in=people[start : start + CHUNK].tolist())
        with transaction.atomic():
            stale._raw_delete(using=stale.db)


def _listed_after(shown: Publication | None) -> AbstractContextManager[None]:
    """Where nobody looks at any customers yet, the indexes are made after their rows.

    However few they are: the publish before, of more, may have been killed without its indexes.
    """
    return indexed_after(Customer, Score) if shown is None else nullcontext()


@contextmanager
def _seldom_checkpoints() -> Iterator[None]:
    """Let SQLite's write-ahead log grow to 64 MB before it is worked into the file, not to 4, and hold all indexes in memory.

    Figures land all over the indexes: at the usual size every single write would be followed by a checkpoint.
    """
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        usual = {name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in _ROOMS}
        for name, room in _ROOMS.items():
            cursor.execute(f"PRAGMA {name} = {room}").fetchall()
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for name, room in usual.items():
                cursor.execute(f"PRAGMA {name} = {room}").fetchall()


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
    rows = in_order(rows)
    stale = Score.objects.filter(generation=shown.generation, customer_id__in=people)
    went = stale._raw_delete(using=stale.db)
    _write_customers(_facts(rows), _People())
    _write_scores(as_rows(in_columns(rows, told_of(rows)), score_columns(), generation=shown.generation))
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
    """What the cards say of who each customer is, as plain rows, texts as their columns take them.

    The figures are not among it.
    """
    rest = {*FIGURES, "reasons", "extra"}
    columns = {name: block[name] for name in block.column_names if name not in rest}
    columns |= {name: cut_column(Customer, name, columns[name]) for name in _FACTS if name in columns}
    rows: list[dict[str, Any]] = pa.table(columns).to_pylist()
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
    moved: dict[tuple[int | None, int | None], list[int]] = {}
    for person, lies in there.items():
        if not lies["assigned_here"] and (lies["owner_id"], lies["team_id"]) != wanted[person]:
            moved.setdefault(wanted[person], []).append(person)
    if changed or moved:
        with transaction.atomic():
            if changed:
                columns = [field.column for field in fields]
                plain_rows = [[row[column] for column in columns] for row in changed]
                _put(Customer, columns, plain_rows, ["person_id"], [one for one in columns if one not in ours])
                # Figures that stay as they are go with their customer into another region.
                say_whose([row["person_id"] for row in changed if _elsewhere(row, there.get(row["person_id"]))])
            # … and only customers nobody has assigned here follow the records when those change.
            for (new_owner, new_team), ids in moved.items():
                Customer.objects.filter(pk__in=ids, assigned_here=False).update(owner_id=new_owner, team_id=new_team)
    people.custom(chunk)


def _elsewhere(row: Mapping[str, Any], lies: Mapping[str, Any] | None) -> bool:
    """Whether a customer the desk had comes into another region."""
    return lies is not None and lies["region"] != row["region"]


def _as_they_lie(people: Sequence[int]) -> dict[int, dict[str, Any]]:
    """These customers as the desk's database has them, what is sealed of them sealed."""
    names = [field.column for field in _concrete(Customer)]
    return {row["person_id"]: row for row in (dict(zip(names, row, strict=True)) for row in _plainly(names, people))}


def _plainly(names: Sequence[str], people: Sequence[int], rest: str = "") -> list[tuple[Any, ...]]:
    """These columns of these customers as they lie.

    Asked without Django, which would open what is sealed, and takes as long to make the question as the answer takes.
    """
    quoted = connection.ops.quote_name
    sql = (
        f"SELECT {', '.join(map(quoted, names))} FROM {quoted(Customer._meta.db_table)} "
        f"WHERE {quoted('person_id')} IN ({', '.join(['%s'] * len(people))}){rest}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, list(people))
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _says(lies: Mapping[str, Any] | None, row: Mapping[str, Any], seal: RowSealer, ours: Collection[str]) -> bool:
    """Whether the desk says of a customer what its card does: what anybody changed since is not what was published."""
    if lies is None:
        return False
    skipped = {*ours, *seal.columns}
    return all(lies[name] == value for name, value in row.items() if name not in skipped) and seal.says(row, lies)


def _customer(row: dict[str, Any], owner: int | None, team: int | None) -> dict[str, Any]:
    """A row of the desk's from what a card says, its texts as `_facts` cuts them."""
    facts: dict[str, Any] = {name: row.get(name, "") for name in _FACTS}
    others = row.get("also_known_as") or ()
    return facts | {
        "person_id": row["person_id"],
        "also_known_as": json.dumps(others, ensure_ascii=False) if others else "[]",
        "pinyin": cut(Customer, "pinyin", row.get("pinyin") or facts["name"].lower()),
        "search_text": search_text(facts["name"], row.get("pinyin") or "", [facts["customer_id"], *others]),
        "owner_id": owner,
        "team_id": team,
        "assigned_here": False,
        "blocked": bool(row.get("blocked")),
        "created_on": row.get("created_on"),
    }


def described(customer: Customer, changed: dict[str, str]) -> dict[str, Any]:
    """The fields of a customer that follow from these: how it is found by name and by the last four digits."""
    said = {name: getattr(customer, name) for name in _FACTS} | changed
    row: dict[str, Any] = {name: cut(Customer, name, said[name]) for name in _FACTS}
    row |= {"person_id": customer.pk, "also_known_as": customer.also_known_as, "blocked": customer.blocked}
    row["pinyin"] = " ".join(syllables(row["name"])) if row["name"] else ""
    columns = _customer(row, customer.owner_id, customer.team_id)
    return {name: columns[name] for name in (*changed, "pinyin", "search_text", "phone_last4") if name in columns}


def _add(figures: pa.Table, generation: int, step: Callable[[int], None]) -> None:
    """Add these customers' figures to a generation, a few at a time."""
    made = as_rows(figures, score_columns(), generation=generation)
    for at in range(0, len(made), CHUNK):
        _write_scores(made[at : at + CHUNK])
        step(len(made[at : at + CHUNK]))


def _write_scores(rows: Sequence[list[Any]]) -> None:
    """Put new rows in the columns of `Score` in its table, with whose the customers are."""
    if not rows:
        return
    columns = score_columns()
    seal = RowSealer(Score)
    who, extra, under = (columns.index(name) for name in ("customer_id", "extra", "sealed_under"))
    whose_at = [columns.index(name) for name in REACHED_BY]
    for row in rows:
        row[extra], row[under] = seal.value("extra", row[extra]), seal.under
    with transaction.atomic():
        # Locked, so that whoever gives a customer away meanwhile waits, and then finds these scores to change as well.
        locked = " FOR UPDATE" if connection.features.has_select_for_update else ""
        asked = _plainly(("person_id", *REACHED_BY), [row[who] for row in rows], f" ORDER BY 1{locked}")
        whose = {person: said for person, *said in asked}
        for row in rows:
            for at, value in zip(whose_at, whose[row[who]], strict=True):
                row[at] = value
        _insert(Score, columns, rows)


def _bring_up(differing: Differing, generation: int, step: Callable[[int], None]) -> None:
    """Bring the figures of a generation that is shown up to the cards, a few customers at a time, each one's whole.

    Only indexes in which a row lies somewhere else now are written: customers of whom the same moves come together, and
    among them those that lie beside one another. Nobody else writes figures meanwhile: who publishes holds the lake.
    """
    for block in blocks(differing.figures.filter(pa.array(~differing.there))):
        _add(block, generation, step)
    figures, order = differing.figures.combine_chunks(), _order(differing)
    for start in range(0, len(order), BLOCK):
        these = order[start : start + BLOCK]
        block, moved = figures.take(pa.array(these)), differing.moved[these]
        for at, end in pairwise([0, *(np.flatnonzero(np.diff(moved)) + 1), len(moved)]):
            columns = differing.columns(int(moved[at]))
            made = as_rows(block.slice(at, end - at), [*columns, "generation", "customer_id"], generation=generation)
            # Where nothing goes elsewhere in a list, a row is written in a tenth of the time.
            room = CHUNK * (1 if moved[at] & ELSEWHERE else _IN_ITS_PLACE)
            for first in range(0, len(made), room):
                _change_scores(columns, made[first : first + room])
                step(len(made[first : first + room]))


def _order(differing: Differing) -> NDArray[np.int64]:
    """The rows that are there, by what moves, then by their place in the list; where nothing does, as they lie.

    One list's order is much like another's: measured, any of them writes a fifth less than the customers' own.
    """
    at_risk = np.where(differing.moves, differing.figures["at_risk_minor"].to_numpy(), 0)
    order = np.lexsort((differing.figures["customer_id"].to_numpy(), at_risk, differing.moved))
    found: NDArray[np.int64] = order[differing.there[order]]
    return found


def _change_scores(columns: Sequence[str], rows: Sequence[list[Any]]) -> None:
    """Write these columns of rows that are there; each row's values end with the generation and the customer."""
    if "extra" in columns:
        seal = RowSealer(Score)
        extra, under = columns.index("extra"), columns.index("sealed_under")
        for row in rows:
            row[extra], row[under] = seal.value("extra", row[extra]), seal.under
    quoted = connection.ops.quote_name
    sql = (
        f"UPDATE {quoted(Score._meta.db_table)} SET {', '.join(f'{quoted(column)} = %s' for column in columns)} "
        f"WHERE {quoted('generation')} = %s AND {quoted('customer_id')} = %s"
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(sql, rows)


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
