"""MySQL and MariaDB, streamed row by row (PyMySQL)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from tenure.errors import TenureError
from tenure.language import Words
from tenure.sources.pull.base import (
    CONNECT_SECONDS,
    ROWS_PER_BATCH,
    STATEMENT_SECONDS,
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
    not_let_in,
    unreachable,
)

_TABLES = """
SELECT CASE WHEN table_schema = DATABASE() THEN '' ELSE CONCAT(table_schema, '.') END AS folder, table_name AS name,
       column_name AS field, column_type AS kind
FROM information_schema.columns
WHERE table_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')
ORDER BY 1, 2, ordinal_position
"""
_SILENCE_SECONDS = 300


class Mysql(Database):
    """One consistent snapshot, read only. Cells come as the server writes them; no driver rounds a decimal."""

    def __init__(self, dsn: Dsn) -> None:
        import pymysql
        from pymysql.converters import encoders
        from pymysql.cursors import SSCursor

        self.dsn = dsn
        secure = {"ssl_ca": dsn.options["ssl_ca"]} if "ssl_ca" in dsn.options else {}
        try:
            self._connection = pymysql.connect(
                host=dsn.host, port=dsn.port or 3306, user=dsn.user, password=dsn.password, database=dsn.database,
                charset="utf8mb4", connect_timeout=CONNECT_SECONDS, read_timeout=_SILENCE_SECONDS, cursorclass=SSCursor,
                conv=dict(encoders), local_infile=False, **secure,
            )  # fmt: skip
        except pymysql.err.OperationalError as error:
            code, why = error.args[0], error.args[-1]
            if isinstance(code, int) and 2000 <= code < 3000:
                raise unreachable(dsn, error.__cause__ or error.__context__ or why) from None
            raise not_let_in(dsn, why) from None
        except Exception as error:
            raise unreachable(dsn, error) from None
        with self._read() as cursor:
            cursor.execute("SET SESSION time_zone = '+00:00'")
        # The two families name the same limit differently.
        for limit in (f"max_statement_time = {STATEMENT_SECONDS}", f"max_execution_time = {STATEMENT_SECONDS * 1000}"):
            with suppress(TenureError), self._read() as cursor:
                cursor.execute(f"SET SESSION {limit}")
        with self._read() as cursor:
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def tables(self) -> list[Table]:
        found: dict[str, list[Column]] = {}
        for batch in self.batches(_TABLES):
            for row in batch.to_pylist():
                found.setdefault(row["folder"] + row["name"], []).append(Column(row["field"], row["kind"]))
        return [Table(name, tuple(columns)) for name, columns in found.items()]

    def quoted(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def literal(self, value: str, order: Ordered) -> str:
        # A quoted number would be compared as a float; a time with a zone is understood by some servers only.
        value = value.removesuffix("+00:00") if order == "instant" else value
        return value if order == "number" else "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"

    def select(self, asked: Asked) -> str:
        return f"SELECT * FROM {self.source(asked)}{self.where(asked)}{self.limit(asked)}"

    def batches(self, sql: str) -> Iterator[pa.RecordBatch]:
        with self._read() as cursor:
            cursor.execute(sql)
            names = [column[0] for column in cursor.description]
            makers = [_maker(column[1]) for column in cursor.description]
            some = False
            while rows := cursor.fetchmany(ROWS_PER_BATCH):
                some = True
                columns = zip(*rows, strict=True)
                yield pa.RecordBatch.from_arrays(
                    [make(list(cells)) for make, cells in zip(makers, columns, strict=True)], names=names
                )
            if not some:
                yield pa.RecordBatch.from_arrays([make([]) for make in makers], names=names)

    def highest(self, asked: Asked, column: str) -> Mark | None:
        with self._read() as cursor:
            cursor.execute(f"SELECT * FROM {self.source(asked)} LIMIT 0")
            kinds = {found[0]: found[1] for found in cursor.description}
        if column not in kinds:
            raise no_column(asked, column, list(kinds))
        value = self.one(
            f"SELECT CAST(max({self.quoted(column)}) AS CHAR) AS top FROM {self.source(asked)}{self.where(asked)}"
        )
        return None if value is None else Mark(column, _ORDERS.get(kinds[column], "text"), value)

    def close(self) -> None:
        # Not `close`, which would first read to the end what was asked for.
        with suppress(Exception):
            self._connection._force_close()

    @contextmanager
    def _read(self) -> Iterator[Any]:
        cursor = self._connection.cursor()
        try:
            yield cursor
            cursor.close()
        except GeneratorExit:
            # The rows that are left were never wanted; the session ends with them.
            self._connection._force_close()
            raise
        except TenureError:
            raise
        except Exception as error:
            raise broke_off(self.dsn, error.args[-1] if error.args else error) from None


def _text(cells: list[Any]) -> pa.Array:
    return pa.array([cell.hex() if isinstance(cell, bytes) else cell for cell in cells], pa.string())


def _dated(cells: list[Any]) -> pa.Array:
    # What MySQL calls the zero date is its word for none.
    return pa.array([None if cell is None or cell.startswith("0000-00-00") else cell for cell in cells], pa.string())


def _instants(cells: list[Any]) -> pa.Array:
    """TIMESTAMP is an instant, given in the session's zone, which is UTC."""
    kind = pa.timestamp("us", tz="UTC")
    values = _dated(cells).to_pylist()
    return pa.array([None if v is None else datetime.fromisoformat(v).replace(tzinfo=UTC) for v in values], kind)


def _bits(cells: list[Any]) -> pa.Array:
    return pa.array([None if cell is None else int.from_bytes(cell, "big") for cell in cells], pa.uint64())


def _maker(code: int) -> Callable[[list[Any]], pa.Array]:
    from pymysql.constants import FIELD_TYPE

    if code == FIELD_TYPE.TIMESTAMP:
        return _instants
    if code in (FIELD_TYPE.DATETIME, FIELD_TYPE.DATE, FIELD_TYPE.NEWDATE):
        return _dated
    return _bits if code == FIELD_TYPE.BIT else _text


_ORDERS: dict[int, Ordered] = {
    **dict.fromkeys((0, 1, 2, 3, 4, 5, 8, 9, 13, 246), "number"),
    **dict.fromkeys((7, 12), "instant"),
    **dict.fromkeys((10, 14), "date"),
}

mysql = Kind(
    name="mysql",
    words=Words("MySQL, MariaDB", "MySQL、MariaDB"),
    schemes=("mysql", "mariadb"),
    example="mysql://reader:password@db.example.com:3306/shop",
    open=Mysql,
    port=3306,
    options=frozenset({"ssl_ca"}),
)
