"""The tables that lie ready for an empty database are those that come out of the migrations, on either database."""

import re
import sqlite3

import pytest
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from tenure.desk.migrating import lay, ready

pytestmark = pytest.mark.django_db
AGAIN = "the migrations say something else than what lies ready; write it anew: python -m tools.desk"

CATALOGUE = """
SELECT 'column', format('%s.%s %s %s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       a.attidentity, pg_get_expr(d.adbin, d.adrelid))
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'v', 'm', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND c.relnamespace = current_schema()::regnamespace
UNION ALL SELECT 'sequence', format('%s %s', c.relname, s) FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
WHERE c.relnamespace = current_schema()::regnamespace
UNION ALL SELECT 'constraint', format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE connamespace = current_schema()::regnamespace
UNION ALL SELECT 'index', pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class c ON c.oid = indexrelid
WHERE c.relnamespace = current_schema()::regnamespace
UNION ALL SELECT 'trigger', pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE NOT tgisinternal AND c.relnamespace = current_schema()::regnamespace
UNION ALL SELECT 'function', pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
"""


# A list of texts is cast as a whole, or each of it, as it was told the first or the second time: it says the same.
CASTS = re.compile(r"::(character varying|text)(\[\])?|[()]")


def catalogue(schema: str) -> list[tuple[str, str]]:
    """Everything a schema of PostgreSQL holds, without the schema's name and the numbers the server gave."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL search_path TO {schema}")
        cursor.execute(CATALOGUE)
        rows = cursor.fetchall()
    plain = ((kind, re.sub(r"\(\d+,", "(", said.replace(f"{schema}.", ""))) for kind, said in rows)
    return sorted((kind, CASTS.sub("", said)) for kind, said in plain)


def test_it_comes_from_every_migration_there_is() -> None:
    applied = MigrationRecorder(connection).applied_migrations()

    assert set(ready(connection.vendor)[0]) == set(applied), AGAIN


@pytest.mark.skipif(connection.vendor != "sqlite", reason="told of SQLite")
def test_on_sqlite_it_is_to_the_letter_what_the_migrations_make() -> None:
    # What SQLite keeps for itself (its counters, its statistics once a test has published) is nobody's migration.
    of_sqlite = (
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
        "ORDER BY type, name"
    )
    with connection.cursor() as cursor:
        migrated = cursor.execute(of_sqlite).fetchall()

    laid = sqlite3.connect(":memory:")
    for statement in ready("sqlite")[1]:
        laid.execute(statement)

    assert laid.execute(of_sqlite).fetchall() == migrated, AGAIN


@pytest.mark.skipif(connection.vendor != "postgresql", reason="told of PostgreSQL")
def test_on_postgresql_it_is_all_that_the_migrations_make() -> None:
    migrated = catalogue("public")

    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA laid")
        cursor.execute("SET LOCAL search_path TO laid")
    assert lay()
    laid = catalogue("laid")

    assert len(laid) > 500
    assert laid == migrated, AGAIN
    assert set(ready("postgresql")[0]) == set(MigrationRecorder(connection).applied_migrations())


def test_a_desk_that_is_there_is_left_alone_and_one_of_an_older_version_is_not_begun_with() -> None:
    applied = MigrationRecorder(connection).migration_qs.count()
    with transaction.atomic():
        assert not lay()
        assert not lay(ready(connection.vendor)[0][:-1])

    assert MigrationRecorder(connection).migration_qs.count() == applied
