"""The rows an import did not take, as far as a page shows them."""

import csv
from dataclasses import dataclass
from itertools import islice

from tenure.desk.work import imports
from tenure.sources.rejects import ABOUT

SHOWN = 20
CELL = 120


@dataclass(frozen=True)
class Rejected:
    row: str
    column: str
    value: str
    reason: str
    remedy: str


def first_rejects(name: str | None) -> list[Rejected]:
    """The first rows of a file of rejected rows; none where it is gone."""
    path = imports.rejects_path(name) if name else None
    if path is None:
        return []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(islice(csv.reader(file), 1, SHOWN + 1))
    except (OSError, csv.Error, UnicodeDecodeError):
        return []
    return [Rejected(*(cell[:CELL] for cell in row[: len(ABOUT)])) for row in rows if len(row) >= len(ABOUT)]
