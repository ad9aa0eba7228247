"""How a person leaves the lake: their numbers are buried, their rows deleted or made nobody's, old versions removed.

Each function may be run again after it was cut off at any instant: what is done already is found done. Run them while
holding `lake.writing`.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts import CONTRACTS, Contract
from tenure.lake import archived
from tenure.lake.batches import is_writing
from tenure.lake.copies import let_go
from tenure.lake.door import Lake
from tenure.lake.scope import SYSTEM
from tenure.lake.tombstones import ERASED, Mode, Tombstones, digester

Number: TypeAlias = tuple[str, str]
"""A source's numbering and the customer's number in it."""


@dataclass(frozen=True)
class Person:
    """Who is to go: every number minted for them, and every number sources know them by."""

    own_ids: tuple[int, ...]
    numbers: tuple[Number, ...]


def find(lake: Lake, person_ids: Collection[int]) -> Person:
    """The person behind these ids, with every number that was merged into them."""
    links = lake.to_arrow(lake.read("identity/links", actor=SYSTEM).order_by("own_id"))
    wanted = pa.array(sorted(person_ids), pa.int64())
    theirs = links.filter(pc.or_(pc.is_in(links["person_id"], wanted), pc.is_in(links["own_id"], wanted)))
    numbers = tuple(zip(theirs["ids_of"].to_pylist(), theirs["customer_id"].to_pylist(), strict=True))
    return Person(tuple(sorted({*person_ids, *theirs["own_id"].to_pylist()})), numbers)


def bury(lake: Lake, person: Person, mode: Mode) -> int:
    """Remember, by keyed digests alone, that these numbers are never to be received again; forget whose they were.

    From here on rows of these numbers come in as nobody's, or (mode `erase`) not at all, and the ids minted for them
    are never minted again. Returns how many numbers are buried.
    """
    links = lake.to_arrow(lake.read("identity/links", actor=SYSTEM).select("ids_of", "customer_id", "own_id"))
    own = {(row["ids_of"], row["customer_id"]): row["own_id"] for row in links.to_pylist()}
    known = set(Tombstones.of(lake.store).digests)
    digest = digester(lake.store)
    rows = [
        {"digest": mark, "own_id": own.get(number), "mode": mode}
        for number in person.numbers
        if (mark := digest(*number)) not in known
    ]
    # An id without a number (its links went before) is still never minted again.
    if not person.numbers:
        rows += [{"digest": "", "own_id": own_id, "mode": mode} for own_id in person.own_ids]
    if rows:
        lake.store.append("identity/erased", pa.Table.from_pylist(rows, schema=ERASED))
    gone = _any_of("own_id", person.own_ids)
    if lake.exists("identity/links"):
        lake.store.delete("identity/links", gone)
    if lake.exists(archived.PERSONS):
        lake.store.delete(archived.PERSONS, _any_of("person_id", person.own_ids))
    for side in ("left", "right"):
        if lake.exists("identity/pairs"):
            lake.store.delete("identity/pairs", _any_of(f"{side}_own", person.own_ids))
        if lake.exists("identity/decisions") and person.numbers:
            lake.store.delete("identity/decisions", numbered(f"{side}_customer_id", person, f"{side}_ids_of"))
    return len(person.numbers)


def purge(lake: Lake, contract: Contract, person: Person, mode: Mode) -> int:
    """Take the person out of everything received and every record of a contract; returns the rows received that went.

    Mode `anonymise` keeps facts as nobody's: number, personal columns and what the contract does not name are null.
    What describes the person (entities, or facts whose key is the person) is deleted in both modes.
    """
    if contract.person is None:
        return 0
    theirs = _theirs(contract, person)
    keep = mode == "anonymise" and contract.fact and contract.person not in contract.key
    went = _rewrite(lake, f"received/{contract.name}", theirs, _blanks(contract) if keep else None)
    ours = " OR ".join(filter(None, (theirs, _any_of("person_id", person.own_ids))))
    custom = {column.name: "NULL" for column in lake.custom(contract.name)}
    blanks = {**_blanks(contract), **custom, "person_id": "NULL"} if keep else None
    _rewrite(lake, f"records/{contract.name}", ours, blanks)
    # A record kept as nobody's stays put away; of one that goes, the list must not keep the number.
    _rewrite(lake, archived.table_of(contract), theirs, {contract.person: "NULL"} if keep else None)
    if went:
        note_rewrite(lake, contract.name)
    return went


def forget_computed(lake: Lake, person: Person) -> int:
    """Delete the person's rows from every computed table (scores, features, whatever has a `person_id`)."""
    gone = 0
    for table in lake.store.names():
        if table.partition("/")[0] not in {"received", "records", "identity"} and _has(lake, table, "person_id"):
            gone += _rewrite(lake, table, _any_of("person_id", person.own_ids), None)
    return gone


def drop_old_versions(lake: Lake) -> int:
    """Remove what only older versions of the tables hold: files, and the log lines that quote values from them.

    Returns how many files went. Files that nobody knows of (a writer died) go too, unless an import is at work.
    """
    let_go(lake.folder)
    importing = any(info.state == "begun" and is_writing(info.writer) for info in lake.batches())
    return sum(
        lake.store.drop_old_versions(table, strays=not importing)
        for table in lake.store.names()
    )  # fmt: skip


def traces(lake: Lake, person: Person) -> dict[str, int]:
    """Where rows of the person are still to be found, table by table; empty where none are."""
    found: dict[str, int] = {}
    for table in lake.store.names():
        kind, __, name = table.partition("/")
        wanted = []
        if _has(lake, table, "person_id"):
            wanted.append(_any_of("person_id", person.own_ids))
        contract = CONTRACTS.get(name) if kind in {"received", "records", "archived"} else None
        number = contract.person if contract else "customer_id" if table == "identity/links" else None
        if number and person.numbers:
            wanted += [
                numbered(column, person)
                for column in (number, *(contract.others if contract else ()))
                if _has(lake, table, column)
            ]
        if table == "identity/pairs":
            wanted += [_any_of(f"{side}_own", person.own_ids) for side in ("left", "right")]
        if table == "identity/decisions" and person.numbers:
            wanted += [numbered(f"{side}_customer_id", person, f"{side}_ids_of") for side in ("left", "right")]
        wanted = [one for one in wanted if one]
        if wanted and (left := lake.store.count(table, " OR ".join(wanted))):
            found[table] = left
    return found


def expire(lake: Lake, contract: Contract, before: datetime, mode: Literal["delete", "anonymise"], *, dry: bool) -> int:
    """Let go of the records of a contract whose business time lies before an instant; returns the rows received.

    dry: only count. Anonymous rows that are nobody's already are not counted again. Entities (a customer's own row)
    are a current truth, not a thing of the past: a contract of them is not to be given here.
    """
    table = f"received/{contract.name}"
    if not lake.exists(table):
        return 0
    # Bare text: a typed literal has nanoseconds, which Delta's own rewriting does not compare with the column's micros.
    old = f"valid_at < '{before.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'"
    blanks = _blanks(contract) if mode == "anonymise" else None
    if blanks is not None:
        said = " OR ".join(f"{name} IS NOT NULL" for name in blanks if _has(lake, table, name))
        old = f"({old}) AND ({said})"
    if dry:
        return lake.store.count(table, old)
    went = _rewrite(lake, table, old, blanks)
    _rewrite(lake, f"records/{contract.name}", old, {**blanks, "person_id": "NULL"} if blanks else None)
    if went:
        note_rewrite(lake, contract.name)
    return went


def without_stragglers(lake: Lake, ids: pa.Table) -> pa.Table:
    """The numbers (ids_of, customer_id) that may be somebody; rows of buried ones that slipped in are taken out.

    An import that was at work while a person was erased may have written rows after its last look.
    """
    buried = Tombstones.of(lake.store)
    if not buried:
        return ids
    gone, modes = buried.marks(ids["ids_of"], ids["customer_id"])
    if not pc.any(gone).as_py():
        return ids
    dead = ids.filter(gone).to_pylist()
    for mode in ("erase", "anonymise"):
        of_mode = [row for row, own in zip(dead, modes.filter(gone).to_pylist(), strict=True) if own == mode]
        person = Person((), tuple((row["ids_of"], row["customer_id"]) for row in of_mode))
        for contract in CONTRACTS.values() if of_mode else ():
            purge(lake, contract, person, mode)
    return ids.filter(pc.invert(gone))


def highest_buried(lake: Lake) -> int:
    """The highest id ever minted for somebody who is gone; 0 where nobody is."""
    return Tombstones.of(lake.store).highest


def note_rewrite(lake: Lake, contract: str) -> None:
    """What is worked out from a contract's rows must be worked out anew, though no batch came or went."""
    counted = lake.document("rewrites") or {}
    counted[contract] = counted.get(contract, 0) + 1
    lake.publish_document("rewrites", counted)


def rewrites(lake: Lake, contracts: Iterable[str]) -> list[str]:
    """How often the rows of these contracts were rewritten, as something a step can depend on."""
    counted = lake.document("rewrites") or {}
    return [f"{name} rewritten {counted[name]}" for name in sorted(contracts) if counted.get(name)]


def _rewrite(lake: Lake, table: str, where: str, blanks: dict[str, str] | None) -> int:
    """Delete the rows for which `where` holds, or null their columns in `blanks`; returns how many."""
    if not where or not lake.exists(table):
        return 0
    if blanks is None:
        return lake.store.delete(table, where)
    return lake.store.blank(table, where, {name: to for name, to in blanks.items() if _has(lake, table, name)})


def _blanks(contract: Contract) -> dict[str, str]:
    names = {*contract.personal, "extra"} | ({contract.person} if contract.person else set())
    return dict.fromkeys(sorted(names - set(contract.key)), "NULL")


def _theirs(contract: Contract, person: Person) -> str:
    """SQL that holds for the rows that are about the person, as their customer or as another one they name."""
    if not contract.person or not person.numbers:
        return ""
    return " OR ".join(numbered(column, person) for column in (contract.person, *contract.others))


def numbered(column: str, person: Person, numbering: str = "ids_of") -> str:
    """SQL that holds for the rows of this person's numbers, named by these columns."""
    by_source: dict[str, list[str]] = {}
    for ids_of, number in person.numbers:
        by_source.setdefault(ids_of, []).append(number)
    return " OR ".join(
        f"({numbering} = {_quoted(ids_of)} AND {column} IN ({', '.join(map(_quoted, numbers))}))"
        for ids_of, numbers in sorted(by_source.items())
    )


def _any_of(column: str, ids: Sequence[int]) -> str:
    return f"{column} IN ({', '.join(str(int(one)) for one in ids)})" if ids else ""


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _has(lake: Lake, table: str, column: str) -> bool:
    return column in lake.store.schema(table).names
