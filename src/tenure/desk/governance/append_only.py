"""Triggers that make the audit tables append-only for everybody who speaks to the database, not only for this code.

Whoever owns the database can drop a trigger; that is what the chain and its signed heads are for.
"""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

# table: the columns that are unique in it
TABLES = {"governance_auditentry": ("id", "once"), "governance_chainlink": ("position", "entry_id")}

_REFUSES = (
    "CREATE TRIGGER {name} BEFORE {verb} ON {table} {when} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
)
_FUNCTION = """
CREATE OR REPLACE FUNCTION tenure_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END $$
"""


def install(connection: BaseDatabaseWrapper) -> None:
    """Put the triggers on the tables that lack them; a table that is not there (yet) is passed over.

    Run after every migration: SQLite rebuilds a table to alter it, and the triggers go with the old one.
    """
    with connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor)) & set(TABLES)
        has = _triggers(connection, cursor)
        missing = [sql for table in sorted(there) for name, sql in wanted(connection.vendor, table) if name not in has]
        if missing and connection.vendor == "postgresql":
            cursor.execute(_FUNCTION)
        for sql in missing:
            cursor.execute(sql)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take the triggers away, for whoever empties a throw-away database."""
    with connection.cursor() as cursor:
        for name, table in _triggers(connection, cursor).items():
            where = f" ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER {name}{where}")


def wanted(vendor: str, table: str) -> list[tuple[str, str]]:
    """The triggers of a table: name and statement."""
    if vendor == "postgresql":
        call = "EXECUTE FUNCTION tenure_append_only()"
        return [
            (f"{table}_kept", f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {call}"),
            (f"{table}_whole", f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {call}"),
        ]
    # INSERT OR REPLACE deletes what is in its way without asking the delete trigger, hence the third.
    in_its_way = " OR ".join(f"{column} = NEW.{column}" for column in TABLES[table])
    refusals = {
        "update": ("UPDATE", ""),
        "delete": ("DELETE", ""),
        "replace": ("INSERT", f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {in_its_way})"),
    }
    return [
        (f"{table}_{what}", _REFUSES.format(name=f"{table}_{what}", verb=verb, table=table, when=when))
        for what, (verb, when) in refusals.items()
    ]


def _triggers(connection: BaseDatabaseWrapper, cursor: Any) -> dict[str, str]:
    if connection.vendor == "postgresql":
        cursor.execute(
            "SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal AND pg_table_is_visible(c.oid) AND c.relname = ANY(%s)",
            [list(TABLES)],
        )
        return dict(cursor.fetchall())
    cursor.execute("SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'")
    return {name: table for name, table in cursor.fetchall() if table in TABLES}
