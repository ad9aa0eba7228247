"""What becomes of each row of a file: taken, rejected with its reasons, or left out; and the count of it all."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.sources.base import Broken, Fault
from tenure.sources.convert import REPEATED, Converted, Plan, as_written
from tenure.sources.existing import ALREADY_THERE, NEW, NOT_THERE, OTHER, SAME, SEVERAL, Existing, Mode
from tenure.sources.rejects import RejectFile
from tenure.sources.seen import Hashes, Seen, first_rows, hashes, number_within

_SAMPLES = 5


@dataclass
class Tally:
    """What has become of the rows so far."""

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    left_out: int = 0
    blank: int = 0
    refunds: int = 0
    rounded: int = 0
    happened: int = 0
    parsed: dict[str, int] = field(default_factory=dict)
    appended: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    keys: Seen = field(default_factory=Seen)
    met: list[Hashes] = field(default_factory=list)  # of the keys of the rows taken
    orders: Seen = field(default_factory=Seen)
    existing: Any = None
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    samples: dict[str, list[dict[str, str]]] = field(default_factory=dict)


def decide(
    converted: Converted, plan: Plan, mode: Mode, tally: Tally, rejects: RejectFile, fingerprint: str
) -> pa.Table:
    """Decide what becomes of each row of a chunk, and give the rows that are taken."""
    chunk = converted.chunk
    size = chunk.batch.num_rows
    line_no = plan.contract.line_no
    known: Existing = tally.existing
    named: dict[int, str] = {}
    if plan.match_on:
        named = _find_records(converted, plan, known, fingerprint)
    if plan.numbers_lines and line_no:
        within = [converted.columns[name] for name in plan.contract.key if name != line_no]
        converted.columns[line_no] = pa.array(number_within(hashes(within), tally.orders))
    taken = ~(converted.bad | converted.late)
    first = None
    if not plan.numbers_lines and not plan.fields.numbered:
        first = _first_of_each(converted, plan, taken, tally)
        if first is not None:
            taken = taken & (first == chunk.rows)
    kinds = known.kinds(converted.columns) if size else np.empty(0, dtype=np.int8)
    if mode != "upsert" and size:
        fault, wrong = (ALREADY_THERE, kinds != NEW) if mode == "create" else (NOT_THERE, kinds == NEW)
        if (wrong & taken).any():
            converted.faults.setdefault(plan.contract.key[0], []).append((wrong & taken, fault))
            taken = taken & ~wrong
    refused = ~(taken | converted.late)

    tally.read += size + len(chunk.broken)
    tally.blank += chunk.blank
    tally.left_out += int(converted.late.sum())
    tally.rejected += int(refused.sum()) + len(chunk.broken)
    accepted = int(taken.sum())
    tally.accepted += accepted
    _count_kinds(converted, plan, kinds, taken, tally)
    if refused.any() or chunk.broken:
        _write_rejects(converted, plan, refused, first, named, tally, rejects)

    arrays = [*converted.columns.values(), converted.extra, pa.array(chunk.rows)]
    table = pa.table(arrays, names=[*converted.columns, "extra", "row"])
    if accepted < size:
        table = table.filter(pa.array(taken))
    for column in plan.contract.columns:
        if column.type == "money" and column.name in converted.columns:
            # Twice the same sum by two ways: from what was read, and from what is handed on.
            values = converted.columns[column.name].fill_null(0).to_numpy(zero_copy_only=False)
            tally.parsed[column.name] = tally.parsed.get(column.name, 0) + int(values[taken].sum())
            handed = pc.sum(table[column.name]).as_py() or 0
            tally.appended[column.name] = tally.appended.get(column.name, 0) + handed
            tally.rounded += int((converted.rounded[column.name] & taken).sum())
    if "amount_minor" in table.column_names:
        tally.refunds += pc.sum(pc.less(table["amount_minor"], 0)).as_py() or 0
    if plan.outcome:
        tally.happened += pc.sum(table["outcome"]).as_py() or 0
    return table


def each_key_once(tally: Tally, plan: Plan) -> bool:
    """Whether no two rows taken have one key, so that whoever reads the batch need not look which has the last word."""
    if plan.numbers_lines or plan.fields.numbered:
        return plan.numbers_lines or set(plan.contract.key) <= set(plan.fields.numbered)
    if sum(len(some) for some in tally.met) < tally.accepted:
        return False  # a key that the file has no columns for
    met = np.sort(np.concatenate(tally.met)) if tally.met else np.empty(0, dtype=np.uint64)
    return not (met[1:] == met[:-1]).any()


def _find_records(converted: Converted, plan: Plan, known: Existing, fingerprint: str) -> dict[int, str]:
    """Give each row the number of the record it is about; returns, for rows that fit several, which."""
    key = plan.contract.key[0]
    minted = pc.binary_join_element_wise(
        f"{fingerprint[:8]}", pc.cast(pa.array(converted.chunk.rows), pa.string()), "-"
    )
    matched = known.match(converted.columns, converted.forms, minted)
    converted.columns[key] = matched.keys
    for name, where in matched.several.items():
        where = where & ~converted.late
        converted.faults.setdefault(name, []).append((where, SEVERAL))
        converted.bad |= where
    return matched.names


def _count_kinds(converted: Converted, plan: Plan, kinds: Any, taken: Any, tally: Tally) -> None:
    for name, kind in (("created", NEW), ("updated", OTHER), ("unchanged", SAME)):
        these = taken & (kinds == kind)
        count = int(these.sum())
        setattr(tally, name, getattr(tally, name) + count)
        shown = tally.samples.setdefault(name, [])
        for row in np.flatnonzero(these)[: _SAMPLES - len(shown)]:
            cells = {field: column[int(row)].as_py() for field, column in converted.columns.items()}
            shown.append({field: str(value) for field, value in cells.items() if value is not None})


def _first_of_each(converted: Converted, plan: Plan, taken: Any, tally: Tally) -> Any:
    """For each row taken so far, the number of the first row with its key and business time."""
    names = [name for name in plan.contract.key if name in converted.columns]
    if len(names) < len(plan.contract.key) or not taken.any():
        return None
    keys = whole = hashes([converted.columns[name] for name in names])
    valid_at = plan.contract.valid_at
    if valid_at in converted.columns and valid_at not in names:
        whole = hashes([converted.columns[valid_at]], whole)
    first = converted.chunk.rows.copy()
    first[taken] = first_rows(whole[taken], converted.chunk.rows[taken], tally.keys)
    tally.met.append(keys[taken & (first == converted.chunk.rows)])
    return first


def _write_rejects(
    converted: Converted,
    plan: Plan,
    refused: Any,
    first: Any,
    named: Mapping[int, str],
    tally: Tally,
    rejects: RejectFile,
) -> None:
    chunk = converted.chunk
    places = np.flatnonzero(refused)
    originals = as_written(chunk, places)
    place_of = {header: place for place, header in enumerate(chunk.batch.schema.names)}
    blamed: dict[int, list[tuple[str, Fault]]] = {int(place): [] for place in places}
    for name, faults in converted.faults.items():
        for where, fault in faults:
            for place in np.flatnonzero(where & refused):
                blamed[int(place)].append((name, fault))
    broken: deque[Broken] = deque(chunk.broken)
    for place, cells in zip(places, originals, strict=True):
        row = int(chunk.rows[place])
        while broken and broken[0].row < row:
            _write_broken(broken.popleft(), tally, rejects)
        columns, values, reasons, remedies = [], [], [], []
        found = blamed[int(place)]
        if not found:
            found = [(name, REPEATED) for name in plan.contract.key[:1]]
        for name, fault in found:
            header = plan.fields.fields.get(name, name)
            value = (cells[place_of[header]] if header in place_of else None) or ""
            columns.append(header)
            values.append(value)
            earlier = named.get(int(place)) if fault is SEVERAL else None if first is None else int(first[place])
            reasons.append(str(fault.reason.format(value=value, field=header, first=earlier)))
            remedies.append(str(fault.remedy))
            told = str(fault.reason.format(value="…", field=header, first="…"))
            told = f"{header}: {told}"
            tally.reasons[told] = tally.reasons.get(told, 0) + 1
        if plan.numbers_lines and plan.contract.line_no:
            cells = [*cells, str(converted.columns[plan.contract.line_no][int(place)].as_py())]
        rejects.add(row, "; ".join(columns), "; ".join(values), "; ".join(reasons), "; ".join(remedies), cells)
    while broken:
        _write_broken(broken.popleft(), tally, rejects)


def _write_broken(broken: Broken, tally: Tally, rejects: RejectFile) -> None:
    reason = str(broken.fault.reason)
    tally.reasons[reason] = tally.reasons.get(reason, 0) + 1
    rejects.add(broken.row, "", "", reason, str(broken.fault.remedy), broken.cells)
