"""Records put away: the keys that are left out of the current truth, and of history, until they are brought back.

`archived/<contract>` names them as `received/<contract>` does. What was received stays as it is: bringing a record back
is taking its key out of the list, so nothing can be lost by it.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts import Contract

PERSONS = "identity/archived"
"""Persons of whom every record of their own is put away: what hangs on them is left out too."""
_APART = "\x1f"
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"


def table_of(contract: Contract) -> str:
    return f"archived/{contract.name}"


def schema_of(contract: Contract) -> pa.Schema:
    """ids_of, the contract's key, and whose the record is, so that an erasure finds it."""
    names = [*contract.key]
    if contract.person and contract.person not in names:
        names.append(contract.person)
    return pa.schema([("ids_of", pa.string()), *(contract.schema.field(name) for name in names)])


def key_texts(rows: pa.Table, contract: Contract) -> list[str]:
    """The key of each row as one text; `key_columns` reads it again."""
    if not rows.num_rows:
        return []
    columns = []
    for name in contract.key:
        column = rows[name].combine_chunks().cast(contract.schema.field(name).type)
        # The format has parts of a second too, which are a part of the key.
        moment = pa.types.is_timestamp(column.type)
        columns.append(pc.strftime(column, format=_MOMENT) if moment else pc.cast(column, pa.string()))
    found: list[str] = pc.binary_join_element_wise(*columns, _APART).to_pylist()
    return found


def key_columns(texts: Sequence[str], contract: Contract) -> dict[str, pa.Array]:
    """The key columns that `key_texts` made these of, in the contract's types."""
    split = [text.split(_APART) for text in texts]
    found = {}
    for at, name in enumerate(contract.key):
        kind = contract.schema.field(name).type
        column = pa.array([parts[at] for parts in split], pa.string())
        found[name] = pc.cast(column, kind)
    return found


def shown(key: str) -> str:
    """A key as people read it."""
    return " · ".join(key.split(_APART))
