"""Writes the desk's tables as they come out of all migrations: python -m tools.desk, after a migration was added.

An empty database is given them at once (`tenure/desk/migrating.py`); the suite holds them to the migrations on both
databases. Needs a PostgreSQL that can be started here, with pg_dump beside it.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.servers import postgresql, postgresql_programs

from tenure.desk.migrating import READY

MADE = "-- Made by: python -m tools.desk"
SETTING = re.compile(r"(SET |SELECT pg_catalog\.set_config|\\)")


def of_sqlite() -> Iterator[str]:
    """The statements of every table, index and trigger."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
            "ORDER BY type = 'trigger', type = 'index', tbl_name, name"
        )
        yield from (sql for (sql,) in cursor.fetchall())


def of_postgresql() -> Iterator[str]:
    """The same as pg_dump tells it, without the name of the schema: it goes wherever tables are made."""
    programs = postgresql_programs()
    assert programs is not None
    said = subprocess.run(
        [programs / "pg_dump", "--schema-only", "--no-owner", "--no-privileges", "--no-comments", os.environ["DATABASE_URL"]],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    plain = "\n".join(line for line in said.splitlines() if not line.startswith("--") and not SETTING.match(line))
    for statement in re.split(r"\n{2,}", plain.strip()):
        # A desk that was put aside by a restore leaves its function behind.
        yield statement.replace("public.", "").replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)


def write() -> None:
    """Migrate the empty database named by DATABASE_URL, and write what it then holds."""
    import django
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.recorder import MigrationRecorder

    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    applied = MigrationRecorder(connection).migration_qs.order_by("pk").values_list("app", "name")
    statements = list({"sqlite": of_sqlite, "postgresql": of_postgresql}[connection.vendor]())
    said = "\n".join([MADE, *(f"-- {app} {name}" for app, name in applied)])
    (READY / f"{connection.vendor}.sql").write_text("\n\n".join([said, *statements]) + "\n", encoding="utf-8")


def main() -> int:
    if "tools.desk" in sys.argv[1:]:  # Django settles on one database a process
        write()
        return 0
    with tempfile.TemporaryDirectory() as folder, postgresql() as server:
        own = {"TENURE_HOME": folder, "DJANGO_SETTINGS_MODULE": "tenure.settings"}
        for url in (f"sqlite:///{Path(folder) / 'desk.sqlite3'}", server):
            subprocess.run(
                [sys.executable, "-m", "tools.desk", "tools.desk"],
                check=True,
                env=os.environ | own | {"DATABASE_URL": url},
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
