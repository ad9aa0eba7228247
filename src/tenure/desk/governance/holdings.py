"""What the desk holds about a person, told by each app for its own tables: to hand out, and to let go of.

An app that keeps anything about customers registers a `Holding` when it starts. A person's package and an erasure go
through all of them, so neither has a list of its own to forget a table in.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from django.db import models

from tenure.language import Words

Mode = Literal["erase", "anonymise"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom to look for: the numbers minted for the person, those of the sources, and what they are called.

    values: name, phone, email, id_number … → every spelling known.
    """

    own_ids: tuple[int, ...]
    numbers: tuple[tuple[str, str], ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mode: Mode = "erase"

    @property
    def texts(self) -> list[str]:
        """Everything the person can be recognised by in a text, longest first."""
        found = {text for texts in self.values.values() for text in texts} | {number for _, number in self.numbers}
        return sorted((text for text in found if text), key=len, reverse=True)


@dataclass(frozen=True, slots=True)
class Holding:
    """One kind of thing the desk holds about a person.

    models: the tables, which are compacted after an erasure. rows: what the package shows. let_go: takes it away, and
    may be run again; returns how many rows went. left: how many rows still tell something of the person.
    called: what the person is called here, for finding them elsewhere.
    """

    name: str
    words: Words
    models: tuple[type[models.Model], ...]
    rows: Callable[[Sequence[int]], list[dict[str, Any]]]
    let_go: Callable[[Wanted, datetime], int]
    left: Callable[[Wanted], int]
    called: Callable[[Sequence[int]], Mapping[str, Iterable[str]]] = lambda own_ids: {}


HOLDINGS: dict[str, Holding] = {}


def register(*holdings: Holding) -> None:
    """Called once by each app as it starts."""
    for holding in holdings:
        HOLDINGS[holding.name] = holding
