"""The kinds of database that can be pulled from, one file each; `KINDS` is what the folder holds."""

import sys

from tenure.registry import scan
from tenure.sources.pull.base import Asked, Column, Database, Dsn, Kind, Mark, Range, Table, check_query, read_dsn

KINDS: dict[str, Kind] = scan(sys.modules[__name__], Kind)

__all__ = [
    "KINDS",
    "Asked",
    "Column",
    "Database",
    "Dsn",
    "Kind",
    "Mark",
    "Range",
    "Table",
    "check_query",
    "dsn_of",
    "open_database",
]


def dsn_of(text: str) -> Dsn:
    """An address as a person gave it. Raises TenureError, which never repeats it, for one of no known kind."""
    return read_dsn(text, KINDS.values())


def open_database(dsn: Dsn | str) -> Database:
    """A read-only session on one snapshot of the database; close it when done.

    Raises TenureError where nobody answers there, or whoever answers does not let us in.
    """
    found = dsn_of(dsn) if isinstance(dsn, str) else dsn
    return KINDS[found.kind].open(found)
