"""What a record contract is made of, and what follows from it: Arrow schema, Ibis schema, template."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias

import ibis
import pyarrow as pa

from tenure.language import Words

ColumnType: TypeAlias = Literal["text", "integer", "number", "decimal", "money", "boolean", "instant", "date"]

ARROW_TYPES: Mapping[str, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "decimal": pa.decimal128(18, 6),
    "money": pa.int64(),
    "boolean": pa.bool_(),
    "instant": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
}

# Stamped on every received row, after the contract's own columns.
STAMPS = pa.schema(
    [
        pa.field("extra", pa.string()),  # JSON object of what the contract doesn't know
        pa.field("source", pa.string()),  # who says so
        pa.field("ids_of", pa.string()),  # the source whose numbering the row's keys follow; its own unless said
        pa.field("batch", pa.string()),
        pa.field("row", pa.int64()),  # the row's number in its file, the header not counted, from 1
        pa.field("valid_at", ARROW_TYPES["instant"]),  # business time: since when it is true
        pa.field("received_at", ARROW_TYPES["instant"]),
    ]
)


@dataclass(frozen=True)
class Column:
    """One column of a contract.

    type: `money` is integer minor units (cents) and its name ends in `_minor`; `instant` is UTC; `decimal` has 6 places.
    personal: `identifier` (phone, name, e-mail …) or `text` (free text that may name people); None is not personal.
    fixed: never changes over a row's life, so it may be read at any earlier date without a history.
    standard: the form its values are brought into (`identity.standard`); the column keeps them as they were written.
    known_at: the column that says when this one became known; before that instant it reads as null.
    values: the codes allowed, with their words.
    aliases: other header names it is recognised by, in any language; case, spaces and underscores do not count.
    trade: names it goes by in the company's own line of business, which say more than the aliases everybody shares.
    """

    name: str
    type: ColumnType
    words: Words
    meaning: Words
    required: bool = False
    personal: Literal["identifier", "text"] | None = None
    standard: str | None = None
    fixed: bool = False
    known_at: str | None = None
    unit: str | None = None
    values: Mapping[str, Words] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    trade: tuple[str, ...] = ()
    example: str = ""

    @property
    def arrow_type(self) -> pa.DataType:
        return ARROW_TYPES[self.type]


@dataclass(frozen=True)
class Contract:
    """The shape of one kind of record.

    key: the columns that name a row within a source. person: the column that names its customer, if it has one.
    others: columns that name further customers in the same numbering; such a row goes when any of them is erased.
    valid_at: the column with the business time of the row; without one, the time of receipt.
    fact: a thing that happened; its columns are fixed from `valid_at` on, but for those with a `known_at`.
    line_no: the key's last column, numbered by the import within the rest of the key when the file lacks it.
    open: columns the contract does not name are expected (they are kept in `extra` and offered as features).
    """

    name: str
    words: Words
    meaning: Words
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    person: str | None = "customer_id"
    valid_at: str | None = None
    fact: bool = True
    line_no: str | None = None
    open: bool = False
    others: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError(f"contract {self.name!r} names a column twice")
        named = {*self.key, *self.others, *(n for n in (self.person, self.valid_at, self.line_no) if n)}
        named |= {column.known_at for column in self.columns if column.known_at}
        if taken := {beside for column in self.columns for beside in _beside(column)} & set(names):
            raise ValueError(f"contract {self.name!r} names columns that standards are kept in: {sorted(taken)}")
        if unknown := named - set(names):
            raise ValueError(f"contract {self.name!r} refers to columns it does not have: {sorted(unknown)}")
        for column in self.columns:
            if (column.type == "money") != column.name.endswith("_minor"):
                raise ValueError(f"{self.name}.{column.name}: money, and only money, is named *_minor")

    def __getitem__(self, name: str) -> Column:
        return self._by_name[name]

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @cached_property
    def personal(self) -> frozenset[str]:
        """Names of the columns that are personal data; the standard of such a column is as well."""
        own = frozenset(column.name for column in self.columns if column.personal)
        return own | {standard_column(name) for name in own if self[name].standard}

    @cached_property
    def standards(self) -> tuple[Column, ...]:
        """The columns whose values are brought into a standard form."""
        return tuple(column for column in self.columns if column.standard)

    @cached_property
    def written(self) -> Mapping[str, str]:
        """Each column worked out of another, with the one that holds what was written: phone_standard, phone_fault → phone."""
        return {beside: column.name for column in self.standards for beside in _beside(column)}

    def beside(self, name: str) -> tuple[str, ...]:
        """What is worked out of a column and goes wherever it goes: its standard, and what is wrong with it."""
        return _beside(self[name]) if name in self else ()

    @cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the contract's own columns."""
        return pa.schema([pa.field(c.name, c.arrow_type) for c in self.columns])

    @cached_property
    def received_schema(self) -> pa.Schema:
        """The Arrow schema of `received/<contract>`: own columns, their standards, then the stamps."""
        return pa.schema([*self.schema, *self._besides, *STAMPS])

    @cached_property
    def _besides(self) -> pa.Schema:
        return pa.schema([pa.field(name, pa.string()) for column in self.standards for name in _beside(column)])

    @cached_property
    def records_schema(self) -> pa.Schema:
        """The Arrow schema of `records/<contract>`: the person, own columns, their standards, business date, base money,
        the stamps."""
        person = [pa.field("person_id", pa.int64())]
        derived = [pa.field(self.day, pa.date32())] if self.day else []
        derived += [pa.field(base_money(c.name), pa.int64()) for c in self.columns if c.type == "money"]
        return pa.schema([*person, *self.schema, *self._besides, *derived, *STAMPS])

    @property
    def day(self) -> str | None:
        """The business date that goes with `valid_at`: ordered_at → ordered_on; None where valid_at is no instant."""
        if self.valid_at and self.valid_at.endswith("_at") and self[self.valid_at].type == "instant":
            return self.valid_at.removesuffix("_at") + "_on"
        return None

    @cached_property
    def ibis_schema(self) -> ibis.Schema:
        """The Ibis schema of the contract's own columns."""
        return ibis.Schema.from_pyarrow(self.schema)

    @property
    def template(self) -> str:
        """A CSV file to fill in: the header and one example row."""
        header = ",".join(_as_given(c.name) for c in self.columns)
        return header + "\n" + ",".join(_quoted(c.example) for c in self.columns) + "\n"


def base_money(name: str) -> str:
    """amount_minor → amount_base_minor: the same money in the workspace's reporting currency."""
    return name.removesuffix("_minor") + "_base_minor"


def standard_column(name: str) -> str:
    """phone → phone_standard: the same value in its standard form."""
    return f"{name}_standard"


def fault_column(name: str) -> str:
    """phone → phone_fault: the code of what is to be said of the value, "" where nothing is, null where none was looked at."""
    return f"{name}_fault"


def _beside(column: Column) -> tuple[str, ...]:
    return (standard_column(column.name), fault_column(column.name)) if column.standard else ()


def _as_given(name: str) -> str:
    # People write 19.90 under "amount"; the minor units are ours.
    return name.removesuffix("_minor")


def _quoted(text: str) -> str:
    return f'"{text}"' if "," in text else text
