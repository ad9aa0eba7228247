"""One chunk of a file as columns of its contract, with a reason for each row that can't be taken."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tenure.contracts import Column, Contract
from tenure.currencies import minor_digits
from tenure.language import Words
from tenure.sources import dates, parse
from tenure.sources.base import Broken, Chunk, Fault, Reader
from tenure.sources.existing import standard_form
from tenure.sources.extra import as_json
from tenure.sources.mapping import FieldMap
from tenure.sources.parse import Ints, Mask, Parsed
from tenure.sources.rejects import ABOUT, SHIELDED

BLANK = Fault(
    Words("{field} is blank", "{field} 为空"),
    Words(
        "Fill it in; without it the row can't be told from others or placed in time", "请填写；缺少它无法识别或定位该行"
    ),
)
REPEATED = Fault(
    Words("the same key and time as row {first}, which was taken", "与第 {first} 行的键和时间相同，已采用该行"),
    Words("Delete one of the two, or give them different keys or times", "删除其中一行，或改用不同的键或时间"),
)
TOO_LARGE_TOGETHER = Fault(
    Words("quantity times unit price is too large", "数量乘单价过大"),
    Words("Look for two cells run together", "请检查是否有两个单元格连在一起"),
)


@dataclass(frozen=True)
class Outcome:
    """The column and the value in it that mean yes."""

    header: str
    value: str


@dataclass
class Plan:
    """Everything that turns chunks of one file into rows of one contract; the same for all its chunks."""

    contract: Contract
    fields: FieldMap
    reader: Reader
    zone: str
    currency: str
    file_stem: str
    date_order: dates.Order | None = None
    outcome: Outcome | None = None
    since: datetime | None = None
    before: datetime | None = None
    extras: list[str] = field(default_factory=list)
    shielded: bool = False  # the file is one of rejects, whose formulas were made harmless
    match_on: tuple[str, ...] = ()  # fields a row finds its record by, instead of by its key
    _orders: dict[str, dates.Order] = field(default_factory=dict)
    _deciding: threading.Lock = field(default_factory=threading.Lock)

    @property
    def numbers_lines(self) -> bool:
        """Whether the import numbers the lines within an order, since the file doesn't."""
        line_no = self.contract.line_no
        return line_no is not None and line_no not in self.fields.fields and line_no not in self.fields.numbered

    @property
    def derives_amount(self) -> bool:
        return {"quantity", "unit_price"} <= set(self.fields.fields) and "amount_minor" in self.contract

    @property
    def present(self) -> frozenset[str]:
        """The contract's columns that the rows will have: from the file, or worked out from it."""
        names = {*self.fields.fields, *self.fields.numbered}
        if self.match_on:
            names.add(self.contract.key[0])
        if self.numbers_lines and self.contract.line_no:
            names.add(self.contract.line_no)
        if self.derives_amount:
            names.add("amount_minor")
        if self.derives_kind:
            names.add("kind")
        return frozenset(names)

    @property
    def derives_kind(self) -> bool:
        """Whether a row is a sale or a refund by the sign of its amount."""
        if "kind" not in self.contract or "refund" not in self.contract["kind"].values:
            return False
        return "amount_minor" in self.fields.fields or self.derives_amount

    def order_of(self, header: str) -> Callable[[], dates.Order]:
        """Which of day and month comes first in this column: as told, else by all its values, looked at once."""

        def decide() -> dates.Order:
            if self.date_order:
                return self.date_order
            with self._deciding:
                if header not in self._orders:
                    evidence = dates.OrderEvidence()
                    for chunk in self.reader.chunks(only=[header]):
                        evidence.look(chunk.batch.column(0))
                    self._orders[header] = evidence.decide(header)
                return self._orders[header]

        return decide


@dataclass
class Converted:
    """A chunk in its contract's types.

    bad: rows with at least one fault. late: good rows outside of the period asked for. faults: by field, why.
    """

    chunk: Chunk
    columns: dict[str, pa.Array]
    extra: pa.Array
    bad: Mask
    late: Mask
    faults: dict[str, list[tuple[Mask, Fault]]]
    rounded: dict[str, Mask]
    forms: dict[str, pa.Array] = field(default_factory=dict)  # of the fields a row finds its record by


def convert(plan: Plan, chunk: Chunk) -> Converted:
    """Read every mapped column of the chunk, work out what the contract lets be worked out, and gather the rest."""
    if plan.shielded:
        chunk = _without_shield(chunk)
    size = chunk.batch.num_rows
    found = Converted(chunk, {}, pa.nulls(size, pa.string()), np.zeros(size, bool), np.zeros(size, bool), {}, {})
    cells = {name: chunk.batch.column(header) for name, header in plan.fields.fields.items()}
    codes = None
    if "currency" in cells and plan.contract["currency"].type == "text":
        codes = parse.currency(cells["currency"])
        _take(found, "currency", codes)
    exponent = parse.exponents(codes.values, plan.currency) if codes else minor_digits(plan.currency)
    for name, cell in cells.items():
        if name == "currency" and codes:
            continue
        column = plan.contract[name]
        if plan.outcome and name == "outcome":
            _take(found, name, _is_outcome(cell, plan.outcome.value))
        elif column.type == "money":
            _take_money(found, name, cell, exponent, None if codes else plan.currency)
        else:
            _take(found, name, _parse(plan, column, cell, plan.fields.fields[name]))
    for name in plan.fields.numbered:
        numbers = pa.array(chunk.rows)
        text = plan.contract[name].type == "text"
        found.columns[name] = (
            pc.binary_join_element_wise(plan.file_stem, pc.cast(numbers, pa.string()), "-") if text else numbers
        )
    if plan.derives_amount:
        _derive_amount(found, exponent)
    if plan.derives_kind:
        _derive_kind(found)
    _refuse_blanks(found, plan)
    _leave_out(found, plan)
    found.extra = as_json(chunk.batch, plan.extras, plan.fields.custom)
    found.forms = {name: standard_form(name, found.columns[name]) for name in plan.match_on}
    return found


def _without_shield(chunk: Chunk) -> Chunk:
    """A chunk of a mended reject file as its original was: without the reasons in front, and with formulas as typed."""
    batch = chunk.batch.select(chunk.batch.schema.names[len(ABOUT) :])
    columns = [
        pc.replace_substring_regex(column, SHIELDED, r"\1") if pa.types.is_string(column.type) else column
        for column in batch.columns
    ]
    broken = tuple(Broken(row.row, row.cells[len(ABOUT) :], row.fault) for row in chunk.broken)
    return Chunk(pa.RecordBatch.from_arrays(columns, names=batch.schema.names), chunk.rows, broken, chunk.blank)


def _parse(plan: Plan, column: Column, cells: pa.Array, header: str) -> Parsed:
    if column.values:
        return parse.coded(cells, column.values)
    if plan.reader.from_1904 and column.type in ("instant", "date") and pa.types.is_floating(cells.type):
        cells = pc.add(cells, dates.DAYS_FROM_1900_TO_1904)
    if column.type == "instant":
        return dates.instant(cells, plan.zone, plan.order_of(header))
    if column.type == "date":
        return dates.day(cells, plan.order_of(header))
    if column.type == "text":
        return parse.text(cells)
    readers = {
        "integer": parse.integer,
        "number": parse.number,
        "decimal": parse.decimal,
        "boolean": parse.boolean,
    }
    return readers[column.type](cells)


def _take(found: Converted, name: str, parsed: Parsed) -> None:
    found.columns[name] = parsed.values
    if parsed.fault is not None:
        for code, fault in enumerate(parsed.faults, start=1):
            _blame(found, name, parsed.fault == code, fault)


def _blame(found: Converted, name: str, where: Mask, fault: Fault) -> None:
    if where.any():
        found.faults.setdefault(name, []).append((where, fault))
        found.bad |= where


def _take_money(found: Converted, name: str, cells: pa.Array, exponent: Ints | int, money_in: str | None) -> None:
    micro, parsed = parse.millionths(cells, money_in=money_in)
    blank = parsed.values.is_null().to_numpy(zero_copy_only=False)
    minor, inexact = parse.minor_units(micro, exponent)
    _take(found, name, Parsed(_ints(minor, blank), parsed.fault, parsed.faults))
    found.rounded[name] = inexact & ~blank


def _derive_amount(found: Converted, exponent: Ints | int) -> None:
    """Quantity times unit price, to the last digit of both, where the file gives no amount."""
    given = found.columns.get("amount_minor")
    if given is not None and not given.null_count:
        return
    quantity, many = parse.millionths(found.columns["quantity"])
    price, each = parse.millionths(found.columns["unit_price"])
    micro, rest, too_large = parse.times(quantity, price)
    unknown = many.values.is_null().to_numpy(zero_copy_only=False) | each.values.is_null().to_numpy(
        zero_copy_only=False
    )
    minor, inexact = parse.minor_units(micro, exponent, rest)
    wanted = ~unknown
    if given is not None:
        wanted &= given.is_null().to_numpy(zero_copy_only=False) & ~found.bad
    _blame(found, "amount_minor", too_large & wanted, TOO_LARGE_TOGETHER)
    worked_out = _ints(minor, ~wanted | too_large)
    found.columns["amount_minor"] = worked_out if given is None else pc.coalesce(given, worked_out)
    found.rounded["amount_minor"] = (inexact & wanted) | found.rounded.get("amount_minor", np.zeros(len(minor), bool))


def _derive_kind(found: Converted) -> None:
    """A negative amount is a refund, where the file doesn't say what a line is."""
    told = pc.if_else(pc.less(found.columns["amount_minor"], 0), "refund", "sale")
    given = found.columns.get("kind")
    found.columns["kind"] = told if given is None else pc.coalesce(given, told)


def _refuse_blanks(found: Converted, plan: Plan) -> None:
    for column in plan.contract.columns:
        if not (column.required or column.name in plan.contract.key) or column.name not in found.columns:
            continue
        values = found.columns[column.name]
        if plan.match_on and column.name == plan.contract.key[0]:
            continue
        if values.null_count:
            blank = values.is_null().to_numpy(zero_copy_only=False)
            for where, _ in found.faults.get(column.name, ()):
                blank = blank & ~where
            _blame(found, column.name, blank, BLANK)


def _leave_out(found: Converted, plan: Plan) -> None:
    """Rows outside of the period asked for are left out, whatever else may be wrong with them."""
    name = plan.contract.valid_at
    if name is None or name not in found.columns or (plan.since is None and plan.before is None):
        return
    values = found.columns[name]
    if pa.types.is_date(values.type):
        values = pc.cast(values, pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))
    late = pa.array(np.zeros(len(values), dtype=bool))
    if plan.since is not None:
        late = pc.or_(late, pc.less(values, pa.scalar(plan.since, dates.INSTANT)))
    if plan.before is not None:
        late = pc.or_(late, pc.greater_equal(values, pa.scalar(plan.before, dates.INSTANT)))
    found.late = pc.fill_null(late, False).to_numpy(zero_copy_only=False)
    found.bad &= ~found.late


def _is_outcome(cells: pa.Array, wanted: str) -> Parsed:
    values = parse.text(cells).values
    return Parsed(pc.equal(pc.utf8_lower(values), wanted.strip().lower()))


def _ints(values: Ints, blank: Mask) -> pa.Array:
    return pa.array(values, pa.int64(), mask=blank) if blank.any() else pa.array(values, pa.int64())


def as_written(chunk: Chunk, places: NDArray[np.int64]) -> list[list[str | None]]:
    """The cells of some rows as text, row by row."""
    picked = chunk.batch.take(pa.array(places))
    columns = [parse.text(column).values.to_pylist() for column in picked.columns]
    return [list(row) for row in zip(*columns, strict=True)]
