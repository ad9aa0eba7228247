"""What every way to tell who left is made of: its settings, what it reads, and the rules of time all of them keep."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, Protocol, Self, TypeAlias, runtime_checkable

import ibis

from tenure.errors import TenureError
from tenure.insight.features.base import is_filled
from tenure.language import Words, tr

Tables: TypeAlias = Mapping[str, ibis.Table]
Wish: TypeAlias = Mapping[str, Any]

SHORTEST_DAYS, LONGEST_HORIZON_DAYS = 7, 730
_NOTHING = Words("", "")


@runtime_checkable
class Definition(Protocol):
    """Who could leave at a date, and who did within the horizon after it.

    code: what this definition is called among others of the company, for good: the name of its kind, or that with a number.
    reads: the contracts whose records it is told by.
    eligible: person_id of everyone the question makes sense for at `as_of`, from what was known then.
    label: person_id and churned, one row for each of them, from records that reach to `as_of + horizon`.
    """

    @property
    def name(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def horizon_days(self) -> int: ...
    @property
    def timed(self) -> bool: ...
    @property
    def reads(self) -> tuple[str, ...]: ...
    @property
    def words(self) -> Words: ...
    def eligible(self, tables: Tables, as_of: datetime) -> ibis.Table: ...
    def label(self, tables: Tables, as_of: datetime) -> ibis.Table: ...


@dataclass(frozen=True)
class Setting:
    """One thing a company may say of a definition.

    unit: `days` and `count` are whole numbers, `share` is 0 to 1, `times` a number, `choice` one of `choices`.
    usual: what holds where nothing is said; None where that is learned from the records.
    """

    name: str
    words: Words
    unit: Literal["days", "count", "share", "times", "choice"]
    least: float = 0
    most: float = 0
    usual: float | str | None = None
    choices: Mapping[str, Words] = field(default_factory=dict)
    help: Words = _NOTHING

    def checked(self, value: Any) -> float | str:
        """The value as it is kept. Raises TenureError that says what may be given."""
        if self.unit == "choice":
            if value not in self.choices:
                raise TenureError(
                    tr('{setting}: there is no "{value}". There are: {known}.',
                       setting=self.words, value=str(value)[:40], known=", ".join(name or '""' for name in self.choices))
                )  # fmt: skip
            return str(value)
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        whole = self.unit in ("days", "count")
        if not number or (whole and value != int(value)):
            raise TenureError(
                tr("{setting}: {value} is no number that can be.", setting=self.words, value=str(value)[:40])
            )
        if not self.least <= value <= self.most:
            if self.unit == "days":
                said = tr("{days} days can't be; give {least} to {most}.", days=value, least=self.least, most=self.most)
            elif self.unit == "share":
                said = tr("{share:.0%} can't be; give {least:.0%} to {most:.0%}.", share=value, least=self.least, most=self.most)  # fmt: skip
            else:
                said = tr("{value:g} can't be; give {least:g} to {most:g}.", value=value, least=self.least, most=self.most)  # fmt: skip
            raise TenureError(tr("{setting}: {problem}", setting=self.words, problem=said))
        return int(value) if whole else float(value)


def horizon(usual: int | None) -> Setting:
    """The setting every definition over time has."""
    return Setting(
        "horizon_days", Words("Looks ahead days", "向前看天数"), "days", SHORTEST_DAYS, LONGEST_HORIZON_DAYS, usual,
        help=Words("Within so many days after a date it must happen", "须在某日之后这么多天内发生"),
    )  # fmt: skip


def earlier(usual: int) -> Setting:
    """How far back a customer's own level is taken from."""
    return Setting(
        "earlier_days", Words("Own level: days before", "自身水平：此前天数"), "days", SHORTEST_DAYS, LONGEST_HORIZON_DAYS, usual,
        help=Words("What was usual for each customer is taken from these days", "以这些天衡量每位客户的平时水平"),
    )  # fmt: skip


def fall(usual: float) -> Setting:
    """By more than which share of the own level."""
    return Setting("share", Words("Falls by more than", "下降超过"), "share", 0.05, 0.95, usual)


@dataclass(frozen=True)
class Kind(ABC):
    """A way to tell who left; each instance is one definition, with its days.

    title, meaning: what it is called and what it is for. contracts: records it can be told by. of_money: made of amounts.
    usual: its place among those taken where nobody wished for any; 0: only where it is wished for.
    """

    horizon_days: int = 0
    code: str = field(default="", kw_only=True)

    name: ClassVar[str] = ""
    title: ClassVar[Words]
    meaning: ClassVar[Words]
    contracts: ClassVar[tuple[str, ...]]
    settings: ClassVar[tuple[Setting, ...]]
    timed: ClassVar[bool] = True
    of_money: ClassVar[bool] = False
    usual: ClassVar[int] = 0

    def __post_init__(self) -> None:
        if not self.code:
            object.__setattr__(self, "code", self.name)

    @property
    def reads(self) -> tuple[str, ...]:
        """The contracts whose records this one is told by."""
        return self.contracts

    @property
    @abstractmethod
    def words(self) -> Words:
        """The definition in a sentence."""

    @classmethod
    def plain(cls, wish: Wish) -> Self:
        """The definition as it is without records to learn from; settings that are not said are the usual ones."""
        names = {one.name for one in cls.settings}
        given = {name: value for name, value in wish.items() if name in names and value is not None}
        return cls(**given, code=str(wish.get("code") or ""))

    @classmethod
    def of(cls, tables: Tables, wish: Wish) -> Self:
        """The definition as wished; what is not said is learned from the records where it can be."""
        return cls.plain(wish)

    @classmethod
    def told_by(cls, tables: Tables, wish: Wish) -> bool:
        """Whether there are records to tell it by."""
        return all(has(tables, name) for name in cls.contracts)

    @classmethod
    def said(cls, wish: Wish) -> Words:
        """What is wished for in a sentence, without looking at records."""
        return cls.plain(wish).words

    def refused(self) -> str | None:
        """Why these settings don't go together; None where they do."""
        return None

    @abstractmethod
    def eligible(self, tables: Tables, as_of: datetime) -> ibis.Table: ...

    @abstractmethod
    def label(self, tables: Tables, as_of: datetime) -> ibis.Table: ...

    def end(self, as_of: datetime) -> datetime:
        """When the horizon after a date ends."""
        return as_of + timedelta(days=self.horizon_days)


def has(tables: Tables, name: str) -> bool:
    return name in tables and is_filled(tables[name])


def sales(orders: ibis.Table) -> ibis.Table:
    """Order lines that are purchases: not cancelled, not given back."""
    by_sign = (orders.amount_minor < 0).ifelse("refund", "sale")
    return orders.filter(orders.status.fill_null("completed") != "cancelled", orders.kind.fill_null(by_sign) == "sale")


def labelled(eligible: ibis.Table, *, stayed: ibis.Table) -> ibis.Table:
    """Everyone who could leave; who is not among those who stayed has churned."""
    stayed = stayed.select(stayed.person_id.name("_stayed"))
    joined = eligible.left_join(stayed, eligible.person_id == stayed._stayed)
    return joined.select("person_id", churned=joined._stayed.isnull())


def percent(share: float) -> int:
    """A share in whole per cent: compared in whole numbers, no engine rounds it another way."""
    return round(100 * share)


def within(moment: ibis.Value, start: datetime, end: datetime) -> Any:
    """Whether a moment lies in the half-open period."""
    return (moment >= ibis.literal(start)) & (moment < ibis.literal(end))
