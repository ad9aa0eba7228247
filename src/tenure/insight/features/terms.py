"""The words a feature is declared in: what is counted over a person's rows, and what is made of such counts.

Each row counts at the dates it was known at: after its `since`, up to its `until`, and within the window where one is
given. Tables: one row a person and date, so a term is one number for each person and date; unknown is null.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

How: TypeAlias = Literal["count", "total", "highest", "lowest", "distinct", "newest"]
Making: TypeAlias = Literal[
    "plus", "minus", "over", "floor", "size", "or_zero", "change", "days_since", "days_until", "years_since"
]

SEEN = "_seen"  # the instant after which a row is known; the kernel's own, for every family


class Term:
    """One number for each person and date. Null in, null out, unless a word says otherwise."""

    def __add__(self, other: "Term") -> "Term":
        return Made("plus", (self, other))

    def __sub__(self, other: "Term | int") -> "Term":
        return Made("minus", (self, other if isinstance(other, Term) else Fixed(other)))

    def __truediv__(self, other: "Term") -> "Term":
        """The quotient; null where there is nothing to divide by."""
        return Made("over", (self, other))


@dataclass(frozen=True)
class Fixed(Term):
    """The same number for everyone."""

    value: int


@dataclass(frozen=True)
class Over(Term):
    """Something of the rows of a person that count at a date.

    column: what is looked at; rows in which it is null say nothing (but the newest row may say that it is null).
    where: a column of yes and no; only rows with yes count. window: only rows whose `by` lies in so many days that
    end `back` days before the date, half-open. by: the contract's own moment unless named.
    since, until: columns of instants; the row counts at dates after the one and not after the other.
    """

    how: How
    column: str | None = None
    where: str | None = None
    window: int | None = None
    back: int = 0
    by: str | None = None
    since: str = SEEN
    until: str | None = None

    @property
    def columns(self) -> Iterator[str]:
        """The columns of the rows it needs, but for the contract's moment."""
        yield from (name for name in (self.column, self.where, self.by, self.since, self.until) if name)


@dataclass(frozen=True)
class Made(Term):
    """What is worked out from other terms."""

    how: Making
    of: tuple[Term, ...]


def count(
    column: str | None = None, *, where: str | None = None, window: int | None = None, back: int = 0,
    by: str | None = None, since: str = SEEN, until: str | None = None,
) -> Term:  # fmt: skip
    """How many rows; with a column, how many that have it."""
    return Over("count", column, where, window, back, by, since, until)


def total(
    column: str, *, where: str | None = None, window: int | None = None, back: int = 0,
    by: str | None = None, since: str = SEEN, until: str | None = None,
) -> Term:  # fmt: skip
    """The sum of a column; null where no row has it."""
    return Over("total", column, where, window, back, by, since, until)


def mean(
    column: str, *, where: str | None = None, window: int | None = None, since: str = SEEN, until: str | None = None
) -> Term:
    """The mean of a column over the rows that have it."""
    return total(column, where=where, window=window, since=since, until=until) / count(
        column, where=where, window=window, since=since, until=until
    )


def highest(column: str, *, where: str | None = None, since: str = SEEN, until: str | None = None) -> Term:
    """The largest value; of instants and days the last."""
    return Over("highest", column, where, since=since, until=until)


def lowest(column: str, *, where: str | None = None, since: str = SEEN, until: str | None = None) -> Term:
    """The smallest value; of instants and days the first."""
    return Over("lowest", column, where, since=since, until=until)


def distinct(
    column: str, *, where: str | None = None, window: int | None = None, back: int = 0,
    by: str | None = None, since: str = SEEN,
) -> Term:  # fmt: skip
    """How many different values."""
    return Over("distinct", column, where, window, back, by, since)


def newest(column: str, *, where: str | None = None, since: str = SEEN, until: str | None = None) -> Term:
    """What the last row says, by the order of the family; null where that row says nothing."""
    return Over("newest", column, where, since=since, until=until)


def days_since(instant: Term) -> Term:
    """Whole days of 24 hours from an instant to the date."""
    return Made("days_since", (instant,))


def days_until(instant: Term) -> Term:
    """Whole days of 24 hours from the date to an instant."""
    return Made("days_until", (instant,))


def years_since(day: Term) -> Term:
    """Whole years from a calendar day to the date's own day in its zone."""
    return Made("years_since", (day,))


def change(now: Term, before: Term) -> Term:
    """This window against the one before: -1 all gone, 0 the same, 1 all new; null where both are empty."""
    return Made("change", (now, before))


def size(term: Term) -> Term:
    """The number without its sign."""
    return Made("size", (term,))


def or_zero(term: Term) -> Term:
    """0 where there is none."""
    return Made("or_zero", (term,))


def leaves(term: Term) -> Iterator[Over]:
    """What a term asks of the rows."""
    if isinstance(term, Over):
        yield term
    elif isinstance(term, Made):
        for part in term.of:
            yield from leaves(part)
