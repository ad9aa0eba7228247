"""The standard form of what is received, worked out while the values are clear; they are sealed right after."""

import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts import Contract, fault_column, standard_column


def with_standards(rows: pa.Table, contract: Contract) -> pa.Table:
    """The rows with `<name>_standard` and `<name>_fault` beside each column whose contract names a standard.

    Of a personal column the standard is left null where the value was in standard form already (its fault is then ""):
    sealing the same text twice would cost as much again, and readers put it back (`lake.sealed.unsealed`).
    """
    found = [column for column in contract.standards if column.name in rows.column_names]
    if not found:
        return rows
    # Their dictionaries take half a second to load, which rows that name nobody need not wait for.
    from tenure.identity.standard import FINE, standard_named
    from tenure.identity.standard.base import flat

    for column in found:
        given = flat(rows[column.name])
        form, fault = standard_named(column.standard or "").both(given)
        if column.personal:
            same = pc.and_(pc.equal(form, given), pc.equal(fault, FINE))
            form = pc.if_else(pc.fill_null(same, False), None, form)
        rows = rows.append_column(standard_column(column.name), form).append_column(fault_column(column.name), fault)
    return rows
