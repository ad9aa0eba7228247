"""Two systems held against each other: what the old one has now, and what came of it here, row by row.

Counts, how often each column is filled, and sums of money are taken from the old rows as they lie, without the import's
own reading of them; only then is every row read and compared value by value.
"""

import csv
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import tenure.sources as sources
from tenure.contracts import Contract
from tenure.currencies import minor_digits
from tenure.lake.archived import key_texts, shown
from tenure.lake.scope import SYSTEM
from tenure.sources.base import Options, Reader
from tenure.sources.convert import Plan, convert
from tenure.sources.mapping import map_columns
from tenure.sources.parse import NOTHING, as_text
from tenure.sources.seen import Seen, hashes, number_within
from tenure.sources.spelling import Corrections, mended
from tenure.sources.trade import shape_of

if TYPE_CHECKING:
    from tenure.lake import Lake

SHOWN = 200


@dataclass(frozen=True)
class Difference:
    """One value that is not the same. old, new: as text; None where blank, or where the row is missing altogether."""

    key: str
    column: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Comparison:
    """What was found. old, new: rows with different keys on each side.

    missing: keys only the old side has; gone: keys only we have, archived ones left out (gone_rows: what names them); archived: how many those are;
    differing: keys with some value that differs, columns: how many, by column. unreadable: old rows the import refuses.
    sums: by money column, minor units (old, new). filled: by column, cells with a value (old, new).
    differences: the first of them, sample: some rows that are the same on both sides, for a person to look at.
    """

    contract: str
    source: str
    old: int
    new: int
    missing: int
    gone: int
    archived: int
    differing: int
    unreadable: int
    sums: Mapping[str, tuple[int, int]]
    filled: Mapping[str, tuple[int, int]]
    columns: Mapping[str, int]
    differences: tuple[Difference, ...] = ()
    sample: tuple[Mapping[str, str | None], ...] = ()
    gone_rows: pa.Table | None = field(default=None, repr=False)
    old_keys: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def same(self) -> bool:
        """Whether the old system's rows are all here, to the value, and none besides that is not archived."""
        even = all(a == b for a, b in (*self.sums.values(), *self.filled.values()))
        return even and not (self.missing or self.gone or self.differing or self.unreadable)

    def as_document(self) -> dict[str, Any]:
        """The figures alone, which name nobody."""
        names = ("contract", "source", "old", "new", "missing", "gone", "archived", "differing", "unreadable")
        figures = {name: getattr(self, name) for name in names}
        pairs = {name: dict(getattr(self, name)) for name in ("sums", "filled", "columns")}
        return {**figures, **{name: {k: list(v) if isinstance(v, tuple) else v for k, v in found.items()} for name, found in pairs.items()}, "same": self.same}  # fmt: skip


def compare(
    lake: "Lake",
    old: Sequence[Path],
    contract: Contract | str,
    *,
    source: str,
    zone: str,
    currency: str,
    ids_of: str | None = None,
    mapping: Mapping[str, str] | None = None,
    corrections: Corrections | None = None,
    archived: Collection[str] = frozenset(),
    seed: int = 0,
) -> Comparison:
    """Hold the rows of the old system, in these files, against the newest word of `source` on each key in the lake.

    archived: the keys of this numbering that are put away (texts of `lake.archived.key_texts`), which may be gone there.
    """
    shape = shape_of(lake, contract)
    theirs = _Old(shape, source, zone, currency, mapping, corrections)
    for path in old:
        theirs.read(path)
    ours = _ours(lake, shape, source)
    left, right = theirs.by_key(), _places(key_texts(ours, shape))
    shared = [key for key in left if key in right]
    missing = [key for key in left if key not in right]
    only_ours = [key for key in right if key not in left]
    put_away = set(archived).intersection(only_ours)
    gone = [key for key in only_ours if key not in put_away]
    a = theirs.table.take(pa.array([left[key] for key in shared], pa.int64()))
    b = ours.take(pa.array([right[key] for key in shared], pa.int64()))
    columns, differing, found = _held_against(a, b, shared, theirs.names, shape)
    found += [Difference(shown(key), "", "", None) for key in missing[:SHOWN]]
    found += [Difference(shown(key), "", None, "") for key in gone[:SHOWN]]
    live = ours.filter(pa.array([key not in put_away for key in right], pa.bool_())) if put_away else ours
    return Comparison(
        contract=shape.name, source=source, old=len(left), new=len(right), missing=len(missing), gone=len(gone),
        archived=len(put_away), differing=differing, unreadable=theirs.unreadable,
        sums={name: (total, pc.sum(live[name]).as_py() or 0) for name, total in theirs.sums().items()},
        filled={
            name: (theirs.filled.get(name, 0), live.num_rows - live[name].null_count)
            for name in theirs.names if name in theirs.filled
        },
        columns=columns, differences=tuple(found[:SHOWN]), sample=_sample(a, shared, theirs.names, seed),
        gone_rows=_named(ours, shape, [right[key] for key in gone]), old_keys=frozenset(left),
    )  # fmt: skip


class _Old:
    """The old system's rows: counted as they lie, and read as the import reads them."""

    def __init__(
        self, shape: Contract, source: str, zone: str, currency: str, mapping: Any, corrections: Corrections | None
    ) -> None:
        self.shape, self.source, self.zone, self.currency = shape, source, zone, currency
        self._mapping, self._corrections = mapping, corrections
        self._tables: list[pa.Table] = []
        self.names: list[str] = []
        self.filled: dict[str, int] = {}
        self.unreadable = 0
        self._sums: dict[str, Decimal] = {}

    def read(self, path: Path) -> None:
        reader = mended(sources.source_for(path).open(path, Options()), self._corrections)
        absent = ["amount_minor"] if "unit_price" in self.shape else []
        fields = map_columns(reader.headers, self.shape, self._mapping, source=self.source, absent=absent)
        self._count(reader, fields.fields)
        plan = Plan(
            contract=self.shape,
            fields=fields,
            reader=reader,
            zone=self.zone,
            currency=self.currency,
            file_stem=path.stem,
        )
        self.names = [name for name in self.shape.names if name in plan.present]
        orders = Seen()
        for chunk in reader.chunks():
            converted = convert(plan, chunk)
            line_no = self.shape.line_no
            if plan.numbers_lines and line_no:
                within = [converted.columns[name] for name in self.shape.key if name != line_no]
                converted.columns[line_no] = pa.array(number_within(hashes(within), orders))
            table = pa.table({name: converted.columns[name] for name in self.names})
            self.unreadable += int(converted.bad.sum()) + len(chunk.broken)
            self._tables.append(table.filter(pa.array(~converted.bad)))

    def _count(self, reader: Reader, fields: Mapping[str, str]) -> None:
        headers = {header: name for name, header in fields.items()}
        money = {
            name for name in fields if self.shape[name].type == "money" and "currency" not in fields
        }  # of several currencies, a sum over all says nothing
        for chunk in reader.chunks(list(dict.fromkeys(headers))):
            for header, column in zip(chunk.batch.schema.names, chunk.batch.columns, strict=True):
                text = pc.utf8_trim_whitespace(pc.cast(as_text(column), pa.string()))
                name = headers[header]
                blank = [""] if self.shape[name].type == "text" and not self.shape[name].values else sorted(NOTHING)
                there = len(text) - (pc.sum(pc.is_in(pc.utf8_lower(text), pa.array([*blank, None]))).as_py() or 0)
                self.filled[name] = self.filled.get(name, 0) + there
                if name in money:
                    self._sums[name] = self._sums.get(name, Decimal()) + sum(_amounts(text), Decimal())

    def sums(self) -> dict[str, int]:
        step = Decimal(10) ** minor_digits(self.currency)
        return {name: int((total * step).to_integral_value()) for name, total in self._sums.items()}

    @property
    def table(self) -> pa.Table:
        return pa.concat_tables(self._tables) if self._tables else self.shape.schema.empty_table()

    def by_key(self) -> dict[str, int]:
        return _places(key_texts(self.table, self.shape))


def _amounts(text: pa.Array) -> Iterator[Decimal]:
    for value in text.to_pylist():
        try:
            yield Decimal(value.replace(",", "")) if value else Decimal()
        except InvalidOperation:
            continue


def _ours(lake: "Lake", shape: Contract, source: str) -> pa.Table:
    """The newest row of each key that this source sent and that still counts."""
    rows = lake.read(f"received/{shape.name}", actor=SYSTEM)
    rows = rows.filter(rows.source == source)
    newest = ibis.window(
        group_by=[*shape.key],
        order_by=[rows.valid_at.desc(), rows.received_at.desc(), rows.row.desc(), rows.batch.desc()],
    )
    found = rows.mutate(turn=ibis.row_number().over(newest))
    return lake.to_arrow(found.filter(found.turn == 0).drop("turn"))


def _named(table: pa.Table, shape: Contract, places: Sequence[int]) -> pa.Table:
    """Key and person of these rows: what names a record."""
    names = list(dict.fromkeys([*shape.key, *([shape.person] if shape.person in table.column_names else [])]))
    return table.select(names).take(pa.array(places, pa.int64()))


def _places(keys: list[str]) -> dict[str, int]:
    return {key: place for place, key in enumerate(keys) if key is not None}


def _held_against(
    a: pa.Table, b: pa.Table, keys: list[str], names: Sequence[str], shape: Contract
) -> tuple[dict[str, int], int, list[Difference]]:
    counts: dict[str, int] = {}
    any_differs = np.zeros(len(keys), dtype=bool)
    found: list[Difference] = []
    for name in names:
        if name in shape.key:
            continue
        kind = shape[name].arrow_type
        left, right = (side[name].combine_chunks().cast(kind) for side in (a, b))
        unlike = pc.fill_null(pc.not_equal(left, right), False)
        unlike = pc.or_(unlike, pc.xor(left.is_null(), right.is_null())).to_numpy(zero_copy_only=False)
        if not unlike.any():
            continue
        counts[name] = int(unlike.sum())
        any_differs |= unlike
        for place in np.flatnonzero(unlike)[:SHOWN]:
            at = int(place)
            found.append(Difference(shown(keys[at]), name, _text(left[at]), _text(right[at])))
    return counts, int(any_differs.sum()), found


def _sample(table: pa.Table, keys: list[str], names: Sequence[str], seed: int) -> tuple[Mapping[str, str | None], ...]:
    places = sorted(random.Random(seed).sample(range(len(keys)), min(5, len(keys))))
    return tuple({name: _text(table[name][place]) for name in names} for place in places)


def _text(value: Any) -> str | None:
    found = value.as_py()
    return None if found is None else str(found)


def write_differences(path: Path, comparison: Comparison) -> Path:
    """The differences as a file for a spreadsheet; it lies with the rejected rows and is erased from as those are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["customer_id" if comparison.contract == "customers" else "key", "column", "old", "new"])
        for one in comparison.differences:
            cells = [one.key, one.column, one.old or "", one.new or ""]
            writer.writerow(["'" + cell if cell[:1] in "=+-@\t\r" and cell else cell for cell in cells])
    return path
