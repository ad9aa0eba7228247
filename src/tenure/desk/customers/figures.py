"""A customer's figures on the way from the cards' columns to the desk's, and which of them the desk does not show yet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection, models
from numpy.typing import NDArray

from tenure.desk.customers.models import REACHED_BY, Score
from tenure.digests import row_digests

BLOCK = 10_000  # rows brought from the cards' columns to the desk's at once
_LAST = 2**63 - 1  # no customer's number is past it, either way

FIGURES = (
    "first_order_on", "last_order_on", "recency_days", "frequency", "monetary_base_minor", "r", "f", "m", "rfm_cell",
    "abc", "stage", "stage_why_en", "stage_why_zh", "p_alive", "value_base_minor", "value_decile", "churn_probability",
    "risk_band", "fee_base_minor", "open_cases", "last_nps", "tier", "persona",
)  # fmt: skip
# All that `publish` reads of a card where it does not look at who the customer is.
OF_CARDS = ("person_id", *FIGURES, "reasons", "extra")
_TEXT = {field.name for field in Score._meta.fields if isinstance(field, models.CharField | models.TextField)}
# Where a row lies in a list follows from these; a list is also filtered by others along its index.
PLACES = ("risk_key", "value_key", "spent_key", "recency_key", "at_risk_minor")
INDEXED = (*PLACES, "stage", "risk_band", "rfm_cell", "value_decile")
# The figures `INDEXED` follow from.
_PLACED_BY = (
    "churn_probability", "value_base_minor", "monetary_base_minor", "recency_days", "stage", "risk_band", "rfm_cell",
    "value_decile",
)  # fmt: skip
# Most of what a row takes up, and changed by little that changes a figure.
WORDY = ("stage_why_en", "stage_why_zh", "reasons", "extra")
ELSEWHERE, _MOVES = ((1 << len(names)) - 1 for names in (PLACES, INDEXED))  # as bits of `Differing.moved`
_SAYS_MORE = 1 << len(INDEXED)
_WITH_WORDS = {*WORDY, "sealed_under"}


def blocks(rows: pa.Table) -> Iterator[pa.Table]:
    """The rows, some thousands at a time."""
    return (rows.slice(start, BLOCK) for start in range(0, rows.num_rows, BLOCK))


def told_of(rows: pa.Table) -> NDArray[np.int64]:
    """A digest of the figures of each card, as `Score.told` has it."""
    names = [name for name in OF_CARDS[1:] if name in rows.column_names]
    digests = row_digests([rows[name] for name in names])
    return digests[:, 0].view(np.int64) if names else np.zeros(rows.num_rows, np.int64)


def in_columns(cards: pa.Table, told: NDArray[np.int64]) -> pa.Table:
    """The figures of these cards in the columns of `Score`; in which generation, whose, and sealed under what is left open.

    Worked out column by column: a million times forty values are too many to look at one by one.
    """
    made: dict[str, Any] = {}
    nothing = pa.nulls(cards.num_rows, pa.int64())
    for name in FIGURES:
        value = cards[name] if name in cards.column_names else nothing
        if name in _TEXT:
            value = cut_column(Score, name, value)
        elif pa.types.is_date(value.type):
            value = value.cast(pa.string())  # both databases read it so, and no date is made of each
        made[name] = value
    for name, empty in (("reasons", "[]"), ("extra", "{}")):
        said = cards[name] if name in cards.column_names else nothing
        said = said.cast(pa.string()).fill_null("")
        made[name] = pc.if_else(pc.equal(said, ""), empty, said)
    risk, value = made["churn_probability"].cast(pa.float64()), made["value_base_minor"].cast(pa.int64())
    # Past 2 to the 53rd a cent is rounded away, as in any product with a probability.
    at_risk = pc.multiply(risk, pc.max_element_wise(value, 0, skip_nulls=False).cast(pa.float64(), safe=False))
    return pa.table(
        made
        | {
            "customer_id": cards["person_id"],
            "told": pa.array(told),
            "risk_key": risk.fill_null(-1.0),
            "value_key": value.fill_null(-1),
            "spent_key": made["monetary_base_minor"].cast(pa.int64()).fill_null(-(2**62)),
            "recency_key": made["recency_days"].cast(pa.int64()).fill_null(-1),
            "at_risk_minor": pc.round(at_risk).fill_null(0.0).cast(pa.int64()),
        }
    )


def in_blocks(cards: pa.Table, told: NDArray[np.int64]) -> Iterator[pa.Table]:
    """The same, some thousands at a time."""
    for start in range(0, cards.num_rows, BLOCK):
        yield in_columns(cards.slice(start, BLOCK), told[start : start + BLOCK])


def as_rows(figures: pa.Table, columns: Sequence[str], **same: Any) -> list[list[Any]]:
    """Figures as rows of values in this order; what is not among them as it is for all of these, or open."""
    values: list[list[Any]] = [
        figures[name].to_pylist() if name in figures.column_names else [same.get(name)] * figures.num_rows
        for name in columns
    ]
    return [list(row) for row in zip(*values, strict=True)]


@dataclass(frozen=True)
class Differing:
    """What the desk shows otherwise than the cards say.

    figures: of those customers, in the columns of `Score`. there: which of them have a row there. moved: a bit for each of
    `INDEXED` that differs from what that row says, and the next one where any of `WORDY` may. gone: who has figures
    there, and no card.
    """

    figures: pa.Table
    there: NDArray[np.bool_]
    moved: NDArray[np.int64]
    gone: NDArray[np.int64]

    @cached_property
    def elsewhere(self) -> int:
        """How many customers come to stand, or cease to stand, somewhere else in a list."""
        return int(np.count_nonzero(~self.there | ((self.moved & ELSEWHERE) > 0))) + len(self.gone)

    @cached_property
    def moves(self) -> NDArray[np.bool_]:
        """Who lies somewhere else in some index."""
        return (self.moved & _MOVES) > 0

    @staticmethod
    def columns(moved: int) -> list[str]:
        """The columns to write of a row with these bits."""
        plain = plain_columns() if moved & _SAYS_MORE else [one for one in plain_columns() if one not in _WITH_WORDS]
        return [*plain, *(name for bit, name in enumerate(INDEXED) if moved >> bit & 1)]


def differing_from(before: pa.Table, cards: pa.Table) -> Differing:
    """Which cards say something else than those before, some at least, both in order of person_id; those are shown."""
    old, people = before["person_id"].to_numpy(), cards["person_id"].to_numpy()
    place = np.minimum(np.searchsorted(old, people), len(old) - 1)
    there = old[place] == people
    same = np.array_equal(old, people)
    was = before if same else before.take(pa.array(place))
    names = [name for name in OF_CARDS[1:] if name in cards.column_names]
    other = {name: _differs(cards[name], was[name]) for name in names}
    changed = np.logical_or.reduce([~there, *other.values()])
    now = cards.filter(pa.array(changed))
    then = was.select([name for name in ("person_id", *_PLACED_BY) if name in was.column_names]).filter(
        pa.array(changed)
    )
    figures = in_columns(now, told_of(now))
    moved = _moved(figures, in_columns(then, np.zeros(then.num_rows, np.int64)))
    for name in WORDY:
        moved[other[name][changed]] |= _SAYS_MORE
    gone = old[:0] if same else np.setdiff1d(old, people, assume_unique=True)
    return Differing(figures, there[changed], moved, gone)


def _moved(now: pa.Table, then: pa.Table) -> NDArray[np.int64]:
    """A bit for each of `INDEXED` two tables of as many rows say otherwise of a row."""
    moved = np.zeros(now.num_rows, np.int64)
    for bit, name in enumerate(INDEXED):
        one = now[name].combine_chunks()
        moved |= _differs(one, then[name].combine_chunks().cast(one.type)).astype(np.int64) << bit
    return moved


def differing(cards: pa.Table, told: NDArray[np.int64], generation: int) -> Differing:
    """Which cards, in order of person_id, the desk shows no figures or other figures of in this generation, and in what."""
    found: list[tuple[pa.Table, NDArray[np.bool_], NDArray[np.int64]]] = []
    gone: list[NDArray[np.int64]] = []
    after = -_LAST
    for start in range(0, cards.num_rows + BLOCK, BLOCK):
        # Each block beside the rows of the same stretch of numbers, the last, of no cards, beside those after them all.
        block = cards.slice(start, BLOCK)
        people = block["person_id"].to_numpy()
        upto = int(people[-1]) if len(people) else _LAST
        lies = _lies(generation, after, upto)
        after = upto
        gone.append(np.setdiff1d(lies["customer_id"], people))
        found.append(_beside(block, told[start : start + BLOCK], lies))
    figures, there, moved = zip(*found, strict=True)
    return Differing(pa.concat_tables(figures), np.concatenate(there), np.concatenate(moved), np.concatenate(gone))


def _lies(generation: int, after: int, upto: int) -> dict[str, Any]:
    """What the rows of these customers say in what tells whether they differ, and where: a list for each column."""
    names = ("customer_id", "told", *INDEXED)
    quoted = connection.ops.quote_name
    # Not along an index of the generation, which would fetch the rows in some other order; asked plainly, not as models.
    sql = (
        f"SELECT {', '.join(map(quoted, names))} FROM {quoted(Score._meta.db_table)} "
        f"WHERE {quoted('customer_id')} > %s AND {quoted('customer_id')} <= %s AND +{quoted('generation')} = %s "
        f"ORDER BY {quoted('customer_id')}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [after, upto, generation])
        columns: Any = list(zip(*cursor.fetchall(), strict=True)) or [()] * len(names)
    lies: dict[str, Any] = dict(zip(names, columns, strict=True))
    lies["customer_id"] = np.array(lies["customer_id"], np.int64)
    return lies


def _beside(
    cards: pa.Table, told: NDArray[np.int64], lies: dict[str, Any]
) -> tuple[pa.Table, NDArray[np.bool_], NDArray[np.int64]]:
    people, before = cards["person_id"].to_numpy(), lies["customer_id"]
    there, place = np.zeros(len(people), bool), np.zeros(len(people), np.int64)
    if len(before):
        place = np.minimum(np.searchsorted(before, people), len(before) - 1)
        there = before[place] == people
    # 0 for one of before there was any digest.
    said = np.array([one or 0 for one in lies["told"]] or [0], np.int64)
    changed = ~there | (said[place] != told)
    figures = in_columns(cards.filter(pa.array(changed)), told[changed])
    there, place = there[changed], place[changed]
    types = {name: figures.schema.field(name).type for name in INDEXED}
    then = pa.table({name: pa.array(lies[name] or [None], types[name]).take(pa.array(place)) for name in INDEXED})
    return figures, there, _moved(figures, then) | _SAYS_MORE


def _differs(now: pa.Array | pa.ChunkedArray, then: pa.Array | pa.ChunkedArray) -> NDArray[np.bool_]:
    """Where two columns say something else; nothing and nothing are the same."""
    differ = pc.not_equal(now, then)
    if differ.null_count:
        differ = pc.coalesce(differ, pc.xor(pc.is_null(now), pc.is_null(then)))
    found: NDArray[np.bool_] = differ.to_numpy(zero_copy_only=False)
    return found


def score_columns() -> list[str]:
    """The columns of `Score` but for its own number."""
    return [str(field.column) for field in Score._meta.concrete_fields if not field.primary_key]


def plain_columns() -> list[str]:
    """The columns of `Score` that are no index's, and say nothing of whose the customer is."""
    left = {*INDEXED, *REACHED_BY, "customer_id", "generation"}
    return [column for column in score_columns() if column not in left]


def cut_column(model: type[models.Model], name: str, column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """What `cut` makes of each value."""
    text = pc.replace_substring(column.cast(pa.string()).fill_null(""), "\x00", "")
    limit = _limit(model, name)
    return pc.utf8_slice_codeunits(text, 0, limit) if limit else text


@cache
def _limit(model: type[models.Model], name: str) -> int | None:
    return getattr(model._meta.get_field(name), "max_length", None)


def cut(model: type[models.Model], name: str, value: object) -> str:
    """A text as its column takes it."""
    if value is None:
        return ""
    # A null byte is legal in a file and not in PostgreSQL.
    text = str(value).replace("\x00", "")
    limit = _limit(model, name)
    return text[:limit] if limit else text
