"""PostgreSQL, read by its own binary protocol into Arrow (ADBC)."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote, urlencode

import pyarrow as pa

from tenure.errors import TenureError
from tenure.language import Words
from tenure.sources.pull.base import (
    CONNECT_SECONDS,
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

_READ_AS_THEY_ARE = (
    pa.types.is_string, pa.types.is_integer, pa.types.is_float64, pa.types.is_boolean, pa.types.is_timestamp,
    pa.types.is_date,
)  # fmt: skip
_ORDERS: dict[str, Ordered] = {
    **dict.fromkeys(("int2", "int4", "int8", "numeric", "float4", "float8", "oid"), "number"),
    **dict.fromkeys(("timestamp", "timestamptz"), "instant"),
    "date": "date",
}
_BATCH_BYTES = str(4 << 20)
_TABLES = """
SELECT CASE WHEN table_schema = current_schema() THEN '' ELSE table_schema || '.' END || table_name AS name,
       column_name::text AS field, udt_name::text AS kind
FROM information_schema.columns
WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
ORDER BY 1, ordinal_position
"""


class Postgres(Database):
    """One repeatable-read, read-only transaction."""

    def __init__(self, dsn: Dsn) -> None:
        import adbc_driver_postgresql.dbapi as driver

        self.dsn = dsn
        options = {
            "connect_timeout": str(CONNECT_SECONDS), "application_name": "tenure", "keepalives_idle": "30",
            "tcp_user_timeout": "60000", **dsn.options,
        }  # fmt: skip
        user = quote(dsn.user, safe="") + (":" + quote(dsn.password, safe="") if dsn.password else "")
        host = f"[{dsn.host}]" if ":" in dsn.host else quote(dsn.host, safe="")
        at = f"{user}@{host}" if user else host
        try:
            self._connection = driver.connect(
                f"postgresql://{at}:{dsn.port}/{quote(dsn.database, safe='')}?{urlencode(options)}"
            )
        except driver.Error as error:
            # Only a server that was reached can say FATAL.
            raise (not_let_in if "FATAL" in str(error) else unreachable)(dsn, _said(error)) from None
        with self._read() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'")
            cursor.execute("SET LOCAL TimeZone = 'UTC'")
            cursor.execute("SET LOCAL standard_conforming_strings = on")

    def tables(self) -> list[Table]:
        found: dict[str, list[Column]] = {}
        for batch in self.batches(_TABLES):
            for row in batch.to_pylist():
                found.setdefault(row["name"], []).append(Column(row["field"], row["kind"]))
        return [Table(name, tuple(columns)) for name, columns in found.items()]

    def quoted(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def literal(self, value: str, order: Ordered) -> str:
        return "'" + value.replace("'", "''").replace("\x00", "") + "'"

    def select(self, asked: Asked) -> str:
        columns = []
        for field in self._schema(asked):
            name = self.quoted(field.name)
            kind = _type_of(field)
            if kind == "money":
                # Its whole numbers are of the smallest unit of the server's locale; as numeric it says what it means.
                columns.append(f"CAST({name} AS numeric) AS {name}")
            elif kind == "numeric" or any(holds(field.type) for holds in _READ_AS_THEY_ARE):
                columns.append(name)
            else:
                columns.append(f"CAST({name} AS text) AS {name}")
        return f"SELECT {', '.join(columns)} FROM {self.source(asked)}{self.where(asked)}{self.limit(asked)}"

    def batches(self, sql: str) -> Iterator[pa.RecordBatch]:
        with self._read() as cursor:
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": _BATCH_BYTES})
            cursor.execute(sql)
            reader = cursor.fetch_record_batch()
            schema = pa.schema([pa.field(f.name, _plain_type(f.type)) for f in reader.schema])
            some = False
            for batch in reader:
                some = True
                yield pa.RecordBatch.from_arrays(
                    [c.storage if isinstance(c, pa.ExtensionArray) else c for c in batch.columns], schema=schema
                )
            if not some:
                yield pa.RecordBatch.from_pylist([], schema=schema)

    def highest(self, asked: Asked, column: str) -> Mark | None:
        kinds = {field.name: _type_of(field) for field in self._schema(asked)}
        if column not in kinds:
            raise no_column(asked, column, list(kinds))
        value = self.one(
            f"SELECT CAST(max({self.quoted(column)}) AS text) AS top FROM {self.source(asked)}{self.where(asked)}"
        )
        return None if value is None else Mark(column, _ORDERS.get(kinds[column], "text"), value)

    def close(self) -> None:
        # A server that is gone can't be taken leave of.
        with suppress(Exception):
            self._connection.close()

    def _schema(self, asked: Asked) -> pa.Schema:
        with self._read() as cursor:
            return cursor.adbc_execute_schema(f"SELECT * FROM {self.source(asked)}")

    @contextmanager
    def _read(self) -> Iterator[Any]:
        try:
            with self._connection.cursor() as cursor:
                yield cursor
        except (GeneratorExit, TenureError):
            raise
        except Exception as error:
            raise broke_off(self.dsn, _said(error)) from None


def _type_of(field: pa.Field) -> str:
    found: bytes = (field.metadata or {}).get(b"POSTGRESQL:type", b"")
    return found.decode()


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _said(error: Exception) -> str:
    text = str(error)
    for before in ("ERROR:", "failed:", "Failed to connect:"):
        text = text.partition(before)[2] or text
    return text.strip()


postgres = Kind(
    name="postgresql",
    words=Words("PostgreSQL", "PostgreSQL"),
    schemes=("postgresql", "postgres"),
    example="postgresql://reader:password@db.example.com:5432/shop",
    open=Postgres,
    port=5432,
    options=frozenset({"sslmode", "sslrootcert", "connect_timeout"}),
)
