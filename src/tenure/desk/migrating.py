"""Making the desk's tables: an empty database is given them as they come out of all migrations, any other is migrated.

Django draws every model anew at each step of a migration: seconds of processor time at each `tenure init` and at each
restore, for tables that are the same each time. `ready/` holds what comes of it, for either database; the suite holds
it to the migrations, and `python -m tools.desk` writes it anew.
"""

import gc
import re
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

Key = tuple[str, str]
"""A migration: its app and its name."""
READY = Path(__file__).with_name("ready")
_LOCK = 7_402_118  # of those who make tables on PostgreSQL; any number that nobody else takes


def up_to_date(*, filled: bool = False) -> None:
    """Bring the desk's tables up to what this version wants; nothing where they are.

    filled: they were just filled with another desk's rows, so what Django adds after migrations is looked for again.
    """
    from django.core.management import call_command
    from django.core.management.sql import emit_post_migrate_signal
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    laid = lay()
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        with uncollected():
            call_command("migrate", interactive=False, verbosity=0, stdout=sys.stderr)
    elif laid or filled:
        emit_post_migrate_signal(verbosity=0, interactive=False, db=connection.alias)


def lay(among: Collection[Key] | None = None) -> bool:
    """Give a database without a desk the tables as they come out of the migrations, all at once; whether it did.

    among: the migrations whose tables are wanted; where these are not all that the ready ones come from, nothing is
    done. Such rows as Django adds once migrations are through (permissions, kinds of content) are not among them.
    """
    from django.db import connection, transaction
    from django.db.migrations.recorder import MigrationRecorder

    if connection.vendor not in ("sqlite", "postgresql"):
        return False
    applied, statements = ready(connection.vendor)
    if among is not None and not set(applied) <= set(among):
        return False
    if _there(statements):
        return False
    with transaction.atomic():
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            if _there(statements):  # of two who begin at once, the second waited
                return False
            for statement in statements:
                cursor.execute(statement)
        rows = MigrationRecorder(connection).migration_qs
        rows.bulk_create(rows.model(app=app, name=name) for app, name in applied)
    return True


@cache
def ready(vendor: str) -> tuple[tuple[Key, ...], tuple[str, ...]]:
    """What lies ready for a kind of database: the migrations it comes from, in their order, and the statements."""
    said, *statements = (READY / f"{vendor}.sql").read_text(encoding="utf-8").strip().split("\n\n")
    _made_by, *applied = (line.removeprefix("-- ") for line in said.splitlines())
    return tuple((app, name) for app, _space, name in (line.partition(" ") for line in applied)), tuple(statements)


def _there(statements: Collection[str]) -> set[str]:
    """Which of the tables there are already."""
    from django.db import connection

    wanted = set(re.findall(r'^CREATE TABLE "?(\w+)', "\n".join(statements), re.MULTILINE))
    with connection.cursor() as cursor:
        return wanted & set(connection.introspection.table_names(cursor))


@contextmanager
def uncollected() -> Iterator[None]:
    """Let nothing be looked through for garbage meanwhile: a third of the time of migrating.

    Django draws the models anew at every step of a migration, and nearly all of it is still in use.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
