"""What a kind of database is: how an address becomes a read-only session that lists tables and streams rows."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

import pyarrow as pa

from tenure.contracts import CONTRACTS, Contract
from tenure.errors import TenureError
from tenure.language import Words, tr
from tenure.sources.mapping import map_columns, plain

CONNECT_SECONDS = 10
STATEMENT_SECONDS = 3600  # a whole table may be long; one that hangs must end all the same
ROWS_PER_BATCH = 16_384

Ordered: TypeAlias = Literal["number", "instant", "date", "text"]
"""What the values of a column are ordered as."""


@dataclass(frozen=True)
class Dsn:
    """Where a database is, and who asks. Printed in whatever way, it does not give its password away.

    database: the database's name; for SQLite the file. options: what the address says after the question mark.
    """

    kind: str
    host: str = ""
    port: int | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    database: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """The address for a screen or a log."""
        if not self.host:
            return f"{self.kind}:{self.database}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind}://{self.user + '@' if self.user else ''}{host}:{self.port}/{self.database}"

    def __str__(self) -> str:
        return self.shown

    def hush(self, text: object) -> str:
        """What a driver says, in one line, without the password."""
        said = " ".join(str(text).split())
        return said.replace(self.password, "•••") if len(self.password) > 2 else said


@dataclass(frozen=True)
class Column:
    """One column of a table, in the database's own word for its type."""

    name: str
    type: str


@dataclass(frozen=True)
class Table:
    """A table or view. name: as it is asked for, with its schema where that is not the usual one."""

    name: str
    columns: tuple[Column, ...]

    def guesses(self, contracts: Mapping[str, Contract] = CONTRACTS) -> list[tuple[str, float]]:
        """Contracts its columns fit, best first: (name, share of the columns that have a field)."""
        return contracts_for([column.name for column in self.columns], self.name, contracts)

    @property
    def watermarks(self) -> list[str]:
        """Columns by which new and changed rows can be told, the likeliest first."""
        found = []
        for column in self.columns:
            name, kind = column.name.casefold(), column.type.casefold()
            rank = next((place for place, word in enumerate(_CHANGED) if word in name), None)
            if rank is None and not re.search("time|date", kind):
                continue
            found.append((len(_CHANGED) if rank is None else rank, column.name))
        return [name for _, name in sorted(found, key=lambda pair: pair[0])]


_CHANGED = ("updated", "modified", "changed", "last_mod", "更新", "修改", "created", "创建")


def contracts_for(
    headers: list[str], name: str = "", contracts: Mapping[str, Contract] = CONTRACTS
) -> list[tuple[str, float]]:
    """Contracts that rows with these columns could be, best first, each with its fit from 0 to 1."""
    stem = plain(name.rpartition(".")[2]).removesuffix("s")
    found = []
    for contract in contracts.values():
        try:
            absent = ["amount_minor"] if "unit_price" in contract else []
            fields = map_columns(headers, contract, absent=absent).fields
        except TenureError:
            continue
        if not fields:
            continue
        same = bool(stem) and stem in {plain(contract.name).removesuffix("s"), plain(contract.words.zh)}
        found.append((contract.name, min(1.0, len(fields) / len(headers) + 0.5 * same)))
    return sorted(found, key=lambda pair: -pair[1])


@dataclass(frozen=True)
class Mark:
    """How far a column had come: its highest value, as the database writes it."""

    column: str
    order: Ordered
    value: str

    def back(self, overlap: int) -> "Mark":
        """The mark this much earlier: so many seconds of a time, or units of a number; dates go to the day, text stays.

        What a transaction commits after we looked, under a value from before, lies within the overlap.
        """
        if self.order == "text" or not overlap:
            return self
        if self.order == "number":
            return Mark(self.column, self.order, f"{Decimal(self.value) - overlap:f}")
        moment = datetime.fromisoformat(self.value) - timedelta(seconds=overlap)
        return Mark(self.column, self.order, f"{moment:%Y-%m-%d}" if self.order == "date" else moment.isoformat(" "))


@dataclass(frozen=True)
class Range:
    """Rows whose column lies in a half-open range, in the database's own order; None leaves a side open."""

    column: str
    order: Ordered
    at_least: str | None = None
    below: str | None = None


@dataclass(frozen=True)
class Asked:
    """What to read: a table by its name or a query, and of it the rows in all of the ranges; `most` ends it early."""

    table: str = ""
    query: str = ""
    ranges: tuple[Range, ...] = ()
    most: int | None = None

    @property
    def what(self) -> str:
        return self.table or tr("the query")


class Database(ABC):
    """A session that can only read, on one snapshot from its first question to its end."""

    dsn: Dsn

    @abstractmethod
    def tables(self) -> list[Table]:
        """Tables and views this user can see, those of the database system left out, by name."""

    @abstractmethod
    def quoted(self, name: str) -> str:
        """A name of a column or table as the database takes it."""

    @abstractmethod
    def literal(self, value: str, order: Ordered) -> str:
        """A value as the database takes it."""

    @abstractmethod
    def select(self, asked: Asked) -> str:
        """The statement that reads what was asked, with every column in a type that is read exactly."""

    @abstractmethod
    def batches(self, sql: str) -> Iterator[pa.RecordBatch]:
        """Run a statement and stream its rows; at least one batch, if an empty one, for the columns."""

    @abstractmethod
    def highest(self, asked: Asked, column: str) -> Mark | None:
        """The highest value of a column; None where no row has one."""

    @abstractmethod
    def close(self) -> None:
        """End the session."""

    def stream(self, asked: Asked) -> Iterator[pa.RecordBatch]:
        """The rows, in plain types: text, whole numbers, floats, truth values, dates and times.

        Decimals come as the text of their digits, so that money stays exact. Raises TenureError where the database
        breaks off, or does not know what was asked.
        """
        yield from self.batches(self.select(asked))

    def count(self, asked: Asked) -> int:
        """How many rows there are."""
        return int(self.one(f"SELECT count(*) AS n FROM {self.source(asked)}{self.where(asked)}") or 0)

    def one(self, sql: str) -> str | None:
        """The first cell of the first row, as text."""
        cells = [cell for batch in self.batches(sql) for cell in batch.column(0).to_pylist()]
        return None if not cells or cells[0] is None else str(cells[0])

    def source(self, asked: Asked) -> str:
        """What stands after FROM. A query is always part of a larger one, so it can be nothing but a question."""
        if asked.query:
            return f"({check_query(asked.query)}\n) AS asked"
        return ".".join(self.quoted(part) for part in asked.table.split("."))

    def where(self, asked: Asked) -> str:
        """The ranges as a WHERE clause."""
        parts = []
        for one in asked.ranges:
            column = self.quoted(one.column)
            if one.at_least is not None:
                parts.append(f"{column} >= {self.literal(one.at_least, one.order)}")
            if one.below is not None:
                parts.append(f"{column} < {self.literal(one.below, one.order)}")
        return " WHERE " + " AND ".join(parts) if parts else ""

    def limit(self, asked: Asked) -> str:
        return "" if asked.most is None else f" LIMIT {int(asked.most)}"

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.dsn.shown})"


@dataclass(frozen=True)
class Kind:
    """One kind of database. schemes: how its addresses begin; example: one to copy; open: see `open_database`.

    options: what an address may say after the question mark; anything else is refused by name.
    """

    name: str
    words: Words
    schemes: tuple[str, ...]
    example: str
    open: Callable[[Dsn], Database]
    port: int | None = None
    options: frozenset[str] = frozenset()


def read_dsn(text: str, kinds: Iterable[Kind]) -> Dsn:
    """The parts of an address. Raises TenureError, which never repeats what was given: it may hold a password."""
    kinds = list(kinds)
    try:
        parts = urlsplit(text.strip())
        kind = next((one for one in kinds if parts.scheme.lower() in one.schemes), None)
        port = parts.port
    except ValueError:
        kind, port = None, None
    if kind is None or "\x00" in text:
        raise TenureError(
            tr("That is no address of a database. Write one like: {examples}.",
               examples="  ".join(one.example for one in kinds))
        )  # fmt: skip
    options = dict(parse_qsl(parts.query))
    if unknown := sorted(set(options) - kind.options):
        raise TenureError(
            tr(
                "The address has options that are not taken here: {unknown}. Known are: {known}.",
                unknown=", ".join(unknown),
                known=", ".join(sorted(kind.options)) or "–",
            )
        )
    path = unquote(parts.path)
    if kind.port is None:
        if parts.netloc or len(path) < 2:
            raise TenureError(tr("Write the file with its whole path: {example}.", example=kind.example))
        # sqlite:///folder/file and sqlite:////folder/file both mean the file from the root.
        return Dsn(kind.name, database="/" + path.lstrip("/"))
    database = path.lstrip("/")
    if not parts.hostname or not database:
        raise TenureError(
            tr("The address names no host or no database. Write it like: {example}.", example=kind.example)
        )
    return Dsn(
        kind.name, parts.hostname, port or kind.port, unquote(parts.username or ""), unquote(parts.password or ""),
        database, options,
    )  # fmt: skip


def unreachable(dsn: Dsn, why: object) -> TenureError:
    """Nobody answers at the address."""
    return TenureError(
        tr(
            "Nobody answers at {host}, port {port} ({why}). Check that the name and the port are right, that the "
            "database runs and listens on that address and not only on its own machine, and that no firewall stands between.",
            host=dsn.host,
            port=dsn.port,
            why=dsn.hush(why)[:200],
        )
    )


def not_let_in(dsn: Dsn, why: object) -> TenureError:
    """Somebody answers, and says no."""
    return TenureError(
        tr(
            'The database at {host}, port {port} does not let "{user}" into "{database}" ({why}). Check the user name, '
            "the password and the database's name, and that this user may read it from this machine.",
            host=dsn.host,
            port=dsn.port,
            user=dsn.user,
            database=dsn.database,
            why=dsn.hush(why)[:200],
        )
    )


def broke_off(dsn: Dsn, why: object) -> TenureError:
    """The database went away, or did not understand; a pull that meets this keeps nothing of the run."""
    return TenureError(
        tr(
            "{database} could not be read to the end ({why}). Nothing of this run was kept. If it names a table or "
            "column, mend what is asked for; otherwise the next run goes on by itself.",
            database=dsn.shown,
            why=dsn.hush(why)[:300],
        )
    )


def no_column(asked: Asked, column: str, known: Iterable[str]) -> TenureError:
    """What was asked for has no such column."""
    return TenureError(
        tr(
            '{what} has no column "{column}". It has: {columns}.',
            what=asked.what,
            column=column,
            columns=", ".join(known),
        )
    )


def check_query(text: str) -> str:
    """A query as it may be asked: one question. Raises TenureError for anything else."""
    query = text.strip().rstrip(";").strip()
    bare = re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", "''", query)
    if not re.match(r"(?is)(select|with|values|table)\b", query) or ";" in bare:
        raise TenureError(tr("A query is one SELECT, without a semicolon inside. Found: {query}", query=query[:80]))
    return query
