"""What the desk knows of a company's own fields, brought to the lake before anything is worked out from it."""

from datetime import datetime

import ibis

from tenure.contracts import Contract
from tenure.lake import SYSTEM, Lake
from tenure.lake.custom import UNFIT

MISFITS = "fields_unfit"
"""Document: by contract and column, how many records were sent something that does not fit."""


def tell_fields(lake: Lake, now: datetime) -> None:
    """Heal the definitions, and tell what people said of customers since the last time."""
    from tenure.desk.customers import api

    api.tell_fields(lake, now=now)


def definitions_of(lake: Lake, contract: str) -> list[object]:
    """What a table that carries the fields of a contract depends on; nothing where there are none."""
    return [column.as_plain() for column in lake.custom(contract)]


def note_misfits(lake: Lake, contract: Contract) -> None:
    """Count the records in which a value does not fit its field."""
    known = lake.document(MISFITS) or {}
    counted: dict[str, int] = {}
    if lake.custom(contract.name):
        rows = lake.read(f"records/{contract.name}", actor=SYSTEM)
        rows = rows.filter(rows[UNFIT].notnull()).group_by(UNFIT).agg(n=ibis._.count())
        for row in lake.to_arrow(rows).to_pylist():
            for name in row[UNFIT].split(" "):
                counted[name] = counted.get(name, 0) + row["n"]
    if counted or known.get(contract.name):
        lake.publish_document(MISFITS, {**known, contract.name: counted})
