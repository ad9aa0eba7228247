"""The desk as a dump that knows no database: each table an Arrow stream of typed columns, all from one snapshot.

SQLite and PostgreSQL keep a date, a truth value or a document differently; the dump keeps what is meant. So what
one of them gave, the other takes: people outgrow SQLite. Nothing is pickled, nothing is SQL.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import IO, Any, Protocol
from urllib.parse import unquote

import pyarrow as pa

from tenure.errors import TenureError
from tenure.language import tr

ROWS = 2_000  # rows held at once
# Who is signed in is of the moment: a session ended since must not come alive again.
LEFT_OUT = frozenset({"django_session"})
MIGRATIONS = "django_migrations"
CLAIM = "tenure_restore"  # one row in a PostgreSQL desk just restored, until its home folder stands
NOT_OURS = LEFT_OUT | {MIGRATIONS, CLAIM, "sqlite_sequence"}

# What a column means, by Django's name for its type (a foreign key has its target's).
_MEANS = {
    **dict.fromkeys(
        ("AutoField", "BigAutoField", "SmallAutoField", "IntegerField", "BigIntegerField", "SmallIntegerField",
         "PositiveIntegerField", "PositiveBigIntegerField", "PositiveSmallIntegerField"), "integer"),
    **dict.fromkeys(("CharField", "TextField", "SlugField", "FileField", "ImageField", "FilePathField"), "text"),
    "BooleanField": "boolean", "FloatField": "number", "DecimalField": "decimal", "JSONField": "document",
    "DateField": "day", "DateTimeField": "instant", "TimeField": "clock", "DurationField": "span",
    "BinaryField": "bytes", "UUIDField": "uuid", "GenericIPAddressField": "address",
}  # fmt: skip
_ARROW = {
    "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(), "text": pa.string(), "document": pa.string(),
    "decimal": pa.string(), "day": pa.date32(), "instant": pa.timestamp("us", tz="UTC"), "clock": pa.time64("us"),
    "span": pa.duration("us"), "bytes": pa.binary(), "uuid": pa.string(), "address": pa.string(),
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    name: str
    kind: str
    numbered: bool = False  # the database itself gives the next number


@dataclass(frozen=True)
class Table:
    name: str
    columns: tuple[Column, ...]
    key: str | None


def tables() -> list[Table]:
    """Every table of the installed apps, as the models say. Raises TenureError for a kind of column nobody explained."""
    from django.apps import apps

    found: dict[str, Table] = {}
    for model in apps.get_models(include_auto_created=True):
        meta = model._meta
        if meta.managed and not meta.proxy and meta.db_table not in LEFT_OUT:
            fields = [field for field in meta.concrete_fields if field.column]
            columns = tuple(
                Column(str(f.column), _meaning(f), f.get_internal_type().endswith("AutoField")) for f in fields
            )
            key = next((str(f.column) for f in fields if f.primary_key), None)
            found[meta.db_table] = Table(meta.db_table, columns, key)
    return [found[name] for name in sorted(found)]


def _meaning(field: Any) -> str:
    while field.remote_field is not None and getattr(field, "target_field", None) is not None:
        field = field.target_field
    try:
        return _MEANS[field.get_internal_type()]
    except KeyError:
        raise TenureError(
            tr(
                "{column} is of a kind no backup knows: {kind}. Say what it means in tenure/backup/desk.py.",
                column=field, kind=field.get_internal_type(),
            )
        ) from None  # fmt: skip


class Snapshot(Protocol):
    """The desk at one moment, whatever is written on it meanwhile."""

    database: str

    def there(self) -> set[str]:
        """Names of the tables there are."""
        ...

    def rows(self, table: Table) -> Iterator[Sequence[Sequence[Any]]]:
        """A table's rows by key, a few thousand at a time, as what they mean."""
        ...

    def numbers(self, table: Table) -> dict[str, int]:
        """The last number given, by numbered column."""
        ...

    def ask(self, sql: str) -> list[Any]: ...


@contextmanager
def snapshot(url: str) -> Iterator[Snapshot]:
    """The desk at `url` as it is now. Writers are not held up.

    SQLite: one read transaction beside the write-ahead log; no second copy, in clear, ever lies on the disk.
    PostgreSQL: one REPEATABLE READ transaction.
    """
    if url.startswith("sqlite"):
        path = unquote(url.removeprefix("sqlite:///"))
        connection = sqlite3.connect(path, timeout=20, isolation_level=None)
        try:
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the snapshot is of this moment
            yield _OnSQLite(connection)
        finally:
            connection.close()
    else:
        with server(url) as connected:
            connected.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            connected.execute("SET LOCAL TIME ZONE 'UTC'")
            connected.execute("SELECT 1")
            yield _OnPostgreSQL(connected)


@contextmanager
def server(url: str) -> Iterator[Any]:
    """A connection to the PostgreSQL at `url`, apart from Django's; committed where the block ends well."""
    import psycopg

    try:
        connected = psycopg.connect(url)
    except psycopg.OperationalError as error:
        raise TenureError(
            tr("The database can't be reached: {error}. Check the address, and that the server is running.",
               error=str(error).strip())
        ) from error  # fmt: skip
    with connected:
        yield connected


class _OnSQLite:
    database = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def ask(self, sql: str) -> list[Any]:
        return self._connection.execute(sql).fetchall()

    def there(self) -> set[str]:
        return {name for (name,) in self.ask("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def rows(self, table: Table) -> Iterator[Sequence[Sequence[Any]]]:
        columns = ", ".join(_quoted(column.name) for column in table.columns)
        order = f" ORDER BY {_quoted(table.key)}" if table.key else ""
        cursor = self._connection.execute(f"SELECT {columns} FROM {_quoted(table.name)}{order}")
        meant = [(place, _FROM_SQLITE[c.kind]) for place, c in enumerate(table.columns) if c.kind in _FROM_SQLITE]
        while found := cursor.fetchmany(ROWS):
            rows = [list(row) for row in found]
            for place, means in meant:
                for row in rows:
                    if row[place] is not None:
                        row[place] = means(row[place])
            yield rows

    def numbers(self, table: Table) -> dict[str, int]:
        if "sqlite_sequence" not in self.there():
            return {}
        last = dict(self.ask("SELECT name, seq FROM sqlite_sequence")).get(table.name)
        return {column.name: last for column in table.columns if column.numbered and last}  # 0: none given yet


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


_FROM_SQLITE: Mapping[str, Callable[[Any], Any]] = {
    "boolean": bool, "number": float, "decimal": str, "day": lambda text: date.fromisoformat(text[:10]),
    "instant": _instant, "clock": time.fromisoformat, "span": lambda us: timedelta(microseconds=us),
    "text": str,
}  # fmt: skip


class _OnPostgreSQL:
    database = "postgresql"

    def __init__(self, server: Any) -> None:
        self._server = server

    def ask(self, sql: str) -> list[Any]:
        rows: list[Any] = self._server.execute(sql).fetchall()
        return rows

    def there(self) -> set[str]:
        return {name for (name,) in self.ask("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")}

    def rows(self, table: Table) -> Iterator[Sequence[Sequence[Any]]]:
        asked = ", ".join(_AS_TEXT.get(c.kind, "{}").format(_quoted(c.name)) for c in table.columns)
        order = f" ORDER BY {_quoted(table.key)}" if table.key else ""
        types = [_TYPES[column.kind] for column in table.columns]
        waiting: list[Any] = []
        with self._server.cursor().copy(
            f"COPY (SELECT {asked} FROM {_quoted(table.name)}{order}) TO STDOUT (FORMAT BINARY)"
        ) as copy:
            copy.set_types(types)
            for row in copy.rows():
                waiting.append(row)
                if len(waiting) == ROWS:
                    yield waiting
                    waiting = []
        if waiting:
            yield waiting

    def numbers(self, table: Table) -> dict[str, int]:
        found = {}
        for column in table.columns:
            if column.numbered:
                ((sequence,),) = self._server.execute(
                    "SELECT pg_get_serial_sequence(%s, %s)", [_quoted(table.name), column.name]
                ).fetchall()
                if sequence:
                    ((last, called),) = self.ask(f"SELECT last_value, is_called FROM {sequence}")
                    if called:
                        found[column.name] = last
        return found


_TYPES = {
    "integer": "int8", "number": "float8", "boolean": "bool", "text": "text", "document": "text", "decimal": "text",
    "day": "date", "instant": "timestamptz", "clock": "time", "span": "interval", "bytes": "bytea", "uuid": "text",
    "address": "text",
}  # fmt: skip
_AS_TEXT = {
    "integer": "{}::int8", "number": "{}::float8", "text": "{}::text", "document": "{}::text", "decimal": "{}::text",
    "uuid": "replace({}::text, '-', '')", "address": "host({})",
}  # fmt: skip


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def dump(snapshot: Snapshot, table: Table, file: IO[bytes]) -> int:
    """Write a table as an Arrow stream; returns its rows. Raises TenureError for a value that is not what it should be."""
    schema = pa.schema([(column.name, _ARROW[column.kind]) for column in table.columns])
    count = 0
    with pa.ipc.new_stream(
        pa.PythonFile(file, mode="w"), schema, options=pa.ipc.IpcWriteOptions(compression="zstd")
    ) as out:
        for rows in snapshot.rows(table):
            columns = [_column(table, column, [row[n] for row in rows]) for n, column in enumerate(table.columns)]
            out.write_batch(pa.record_batch(columns, schema=schema))
            count += len(rows)
    return count


def _column(table: Table, column: Column, values: list[Any]) -> pa.Array:
    try:
        return pa.array(values, _ARROW[column.kind])
    except (pa.ArrowException, UnicodeError, TypeError, ValueError, OverflowError) as error:
        raise TenureError(
            tr(
                "The desk's table {table} has in {column} something that is no {kind}: {error}. Mend that row, then back up again.",
                table=table.name, column=column.name, kind=column.kind, error=error,
            )
        ) from error  # fmt: skip


def load(table: str, source: IO[bytes], numbers: Mapping[str, int], kinds: Mapping[str, str]) -> tuple[int, int]:
    """Fill a table of the default database from its Arrow stream; returns its rows and how many cells were changed.

    The table must have the dump's columns. Text loses its NUL characters on PostgreSQL, which can't hold them.
    """
    from django.db import connection

    changed = 0
    count = 0
    with pa.ipc.open_stream(source) as stream:
        names = stream.schema.names
        postgresql = connection.vendor == "postgresql"
        put = _into_postgresql if postgresql else _into_sqlite
        if _count(table):
            with connection.cursor() as cursor:  # what migrations put there stands in the dump as well
                cursor.execute(f"DELETE FROM {_quoted(table)}")
        with put(table, names) as take:
            for batch in stream:
                columns = []
                for name, column in zip(names, batch.columns, strict=True):
                    values = column.to_pylist()
                    if postgresql and kinds[name] in ("text", "document"):
                        changed += _without_nul(values, document=kinds[name] == "document")
                    elif not postgresql and kinds[name] in _TO_SQLITE:
                        means = _TO_SQLITE[kinds[name]]
                        values = [None if value is None else means(value) for value in values]
                    columns.append(values)
                take(list(zip(*columns, strict=True)))
                count += batch.num_rows
    _number_on(table, numbers)
    return count, changed


_TO_SQLITE: Mapping[str, Callable[[Any], Any]] = {
    "boolean": int, "day": date.isoformat, "clock": str,
    # As Django writes them: UTC without saying so.
    "instant": lambda moment: str(moment.astimezone(UTC).replace(tzinfo=None)),
    "span": lambda span: span // timedelta(microseconds=1),
    "decimal": lambda text: str(Decimal(text)),
}  # fmt: skip

Take = Callable[[list[tuple[Any, ...]]], None]


@contextmanager
def _into_sqlite(table: str, names: Sequence[str]) -> Iterator[Take]:
    from django.db import connection

    columns, places = ", ".join(map(_quoted, names)), ", ".join(["?"] * len(names))
    sql = f"INSERT INTO {_quoted(table)} ({columns}) VALUES ({places})"
    yield lambda rows: connection.connection.executemany(sql, rows)


@contextmanager
def _into_postgresql(table: str, names: Sequence[str]) -> Iterator[Take]:
    from django.db import connection

    columns = ", ".join(map(_quoted, names))
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {_quoted(table)} ({columns}) FROM STDIN") as copy:

        def take(rows: list[tuple[Any, ...]]) -> None:
            for row in rows:
                copy.write_row(row)

        yield take


def _without_nul(values: list[Any], *, document: bool) -> int:
    changed = 0
    for place, value in enumerate(values):
        if value is None or ("\x00" not in value and not (document and "\\u0000" in value)):
            continue
        plain = json.dumps(_plain(json.loads(value)), ensure_ascii=False) if document else value.replace("\x00", "")
        if plain != value:
            values[place] = plain
            changed += 1
    return changed


def _plain(content: Any) -> Any:
    if isinstance(content, str):
        return content.replace("\x00", "")
    if isinstance(content, list):
        return [_plain(each) for each in content]
    if isinstance(content, dict):
        return {_plain(key): _plain(value) for key, value in content.items()}
    return content


def _count(table: str) -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {_quoted(table)}")
        return int(cursor.fetchone()[0])


def _number_on(table: str, numbers: Mapping[str, int]) -> None:
    """Go on numbering where the dump left off, so that no number is given twice, not even a deleted row's."""
    from django.db import connection

    with connection.cursor() as cursor:
        for column, last in numbers.items():
            if connection.vendor == "postgresql":
                cursor.execute(
                    "SELECT setval(pg_get_serial_sequence(%s, %s), %s, true)", [_quoted(table), column, last]
                )
            else:
                cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
                cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, last])
