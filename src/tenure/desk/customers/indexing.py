"""Indexes of very many new rows, made when the rows are there: sorted once, not found a place for row by row."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, models


@contextmanager
def indexed_after(*tables: type[models.Model]) -> Iterator[None]:
    """Within the block these tables go without the indexes they are listed by; what must be unique stays watched.

    For tables nobody looks at yet: killed or failing within the block, they go without until it is gone through again.
    Within somebody's transaction they keep their indexes, since PostgreSQL makes none beside rows not yet committed.
    """
    if connection.in_atomic_block:
        yield
        return
    saying = connection.schema_editor(collect_sql=True)  # not entered, so it changes nothing
    indexes = [(index, table) for table in tables for index in table._meta.indexes]
    with connection.cursor() as cursor:
        for index, _table in indexes:
            cursor.execute(f"DROP INDEX IF EXISTS {connection.ops.quote_name(index.name)}")
    yield
    with connection.cursor() as cursor:
        for index, table in indexes:
            cursor.execute(str(index.create_sql(table, saying)))
