"""SQLite files, opened so that nothing can be written to them (ADBC)."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from tenure.errors import TenureError
from tenure.home import home_folder
from tenure.language import Words, tr
from tenure.sources.pull.base import (
    ROWS_PER_BATCH,
    Asked,
    Column,
    Database,
    Dsn,
    Kind,
    Mark,
    Ordered,
    Table,
    broke_off,
    no_column,
)

_MAGIC = b"SQLite format 3\x00"


class Sqlite(Database):
    """One read transaction. A cell has a type of its own here, so all are read as the text a person would write."""

    def __init__(self, dsn: Dsn) -> None:
        import adbc_driver_sqlite.dbapi as driver

        self.dsn = dsn
        path = Path(dsn.database)
        if not path.is_file():
            raise TenureError(
                tr("There is no file {path}. Check the path; it is one on the server's own disk.", path=path)
            )
        # Whoever may add a feed must not read accounts, keys and sealed texts through it.
        if path.resolve().is_relative_to(home_folder().resolve()):
            raise TenureError(tr("{path} lies in Tenure's own folder; its files are not for pulling.", path=path))
        try:
            with path.open("rb") as file:
                head = file.read(len(_MAGIC))
        except OSError as error:
            raise broke_off(dsn, error.strerror) from None
        if head and head != _MAGIC:
            raise TenureError(tr("{path} is not an SQLite database.", path=path))
        try:
            self._connection = driver.connect(f"file:{quote(dsn.database)}?mode=ro")
        except driver.Error as error:
            raise broke_off(dsn, error) from None
        with self._read() as cursor:
            cursor.execute("PRAGMA query_only = on")
            cursor.execute("PRAGMA busy_timeout = 10000")

    def tables(self) -> list[Table]:
        found: dict[str, list[Column]] = {}
        sql = (
            "SELECT m.name AS name, c.name AS field, c.type AS kind FROM sqlite_master m, pragma_table_info(m.name) c "
            "WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, c.cid"
        )
        for batch in self.batches(sql):
            for row in batch.to_pylist():
                found.setdefault(row["name"], []).append(Column(row["field"], row["kind"] or ""))
        return [Table(name, tuple(columns)) for name, columns in found.items()]

    def quoted(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def source(self, asked: Asked) -> str:
        # A table's name may have a point in it; there are no schemas.
        return self.quoted(asked.table) if asked.table else super().source(asked)

    def literal(self, value: str, order: Ordered) -> str:
        return value if order == "number" else "'" + value.replace("'", "''").replace("\x00", "") + "'"

    def select(self, asked: Asked) -> str:
        columns = ", ".join(
            f"CASE typeof({name}) WHEN 'blob' THEN hex({name}) ELSE CAST({name} AS TEXT) END AS {name}"
            for name in map(self.quoted, self._names(asked))
        )
        return f"SELECT {columns} FROM {self.source(asked)}{self.where(asked)}{self.limit(asked)}"

    def batches(self, sql: str) -> Iterator[pa.RecordBatch]:
        with self._read() as cursor:
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(ROWS_PER_BATCH)})
            cursor.execute(sql)
            reader = cursor.fetch_record_batch()
            some = False
            for batch in reader:
                some = True
                yield batch
            if not some:
                yield pa.RecordBatch.from_pylist([], schema=reader.schema)

    def highest(self, asked: Asked, column: str) -> Mark | None:
        names = self._names(asked)
        if column not in names:
            raise no_column(asked, column, names)
        top = f"SELECT max({self.quoted(column)}) AS top FROM {self.source(asked)}{self.where(asked)}"
        value = self.one(f"SELECT CAST(top AS TEXT) AS top FROM ({top})")
        if value is None:
            return None
        kind = self.one(f"SELECT typeof(top) AS kind FROM ({top})")
        if kind in ("integer", "real"):
            return Mark(column, "number", value)
        return Mark(column, _order_of(value), value)

    def close(self) -> None:
        with suppress(Exception):
            self._connection.close()

    def _names(self, asked: Asked) -> list[str]:
        with self._read() as cursor:
            cursor.execute(f"SELECT * FROM {self.source(asked)} LIMIT 0")
            return [str(column[0]) for column in cursor.description or ()]

    @contextmanager
    def _read(self) -> Iterator[Any]:
        try:
            with self._connection.cursor() as cursor:
                yield cursor
        except (GeneratorExit, TenureError):
            raise
        except Exception as error:
            raise broke_off(self.dsn, str(error).partition("query:")[0]) from None


def _order_of(value: str) -> Ordered:
    """What a text is ordered as: times are text here, and are taken back by the clock only if they stay in form."""
    from datetime import datetime

    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return "text"
    if f"{moment:%Y-%m-%d}" == value:
        return "date"
    return "instant" if moment.isoformat(" ") == value else "text"


sqlite = Kind(
    name="sqlite",
    words=Words("SQLite", "SQLite"),
    schemes=("sqlite", "sqlite3"),
    example="sqlite:////data/shop.sqlite3",
    open=Sqlite,
)
