"""What a kind of tile is, and what it draws."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tenure.insight.metrics import Period
from tenure.lake import Scope
from tenure.language import Words
from tenure.web.figures import Figure
from tenure.web.metrics import Tile as Number


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a tile's table. heat: 0 to 1, how strongly it is tinted. tone: good, bad or plain."""

    text: str
    url: str = ""
    number: bool = False
    heat: float | None = None
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """heads: the headings, with whether numbers stand below. cut: how many rows are left out on the page."""

    heads: Sequence[tuple[str, bool]]
    rows: Sequence[Sequence[Cell]]
    cut: int = 0


@dataclass(frozen=True, slots=True)
class Tile:
    """What a tile says to one asker: a number, a figure or a table; where it has none, why, and what would light it up.

    url: where it opens. rows: the same for a spreadsheet, headings first; money in whole units, shares from 0 to 1. notes:
    what a reader must know beside it. lights: the imports that would give it something to say.
    """

    title: str
    meaning: str = ""
    period: str = ""
    url: str = ""
    number: Number | None = None
    figure: Figure | None = None
    table: Table | None = None
    rows: list[list[Any]] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    why: str = ""
    lights: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """A value an option may have. group: the heading it is offered under."""

    value: str
    words: str
    group: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    """Something that is asked when a tile is put on a board: one of some choices, which depend on who asks."""

    name: str
    words: Words
    choices: Callable[[Scope], Sequence[Choice]]
    needed: bool = True


class Draw(Protocol):
    def __call__(self, scope: Scope, period: Period, segment: int | None, options: Mapping[str, str]) -> Tile: ...


class Together(Protocol):
    def __call__(self, scope: Scope, period: Period, all_options: Sequence[Mapping[str, str]]) -> None: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of tile.

    draw: the tile for an asker whose `scope` is narrowed to the `segment` already; the segment's number is there for
    links. Options are as they were kept: whatever they name may be gone meanwhile, and the tile then says so. It gives
    words, so what it gives is remembered for the language too. reads: the lake tables its figures are made of.
    together: works out the figures of several tiles of the kind at once, where that is cheaper.
    """

    name: str
    words: Words
    meaning: Words
    draw: Draw
    options: Sequence[Option] = ()
    reads: Callable[[Mapping[str, str]], Sequence[str]] = lambda _options: ()
    together: Together | None = None
    width: int = 1
