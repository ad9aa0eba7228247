"""What a part of Insight draws for a page or a tile: one figure with its title, its rows, and where it leads."""

from dataclasses import dataclass, field
from typing import Any

from tenure.web.figures import Figure


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure as it is shown anywhere.

    figure: None where there is none, and then `why` says what is missing, in plain words. said: the one sentence that
    goes with it. url: the page it opens. rows: what it shows as a table, the heading first, for a workbook.
    lights: the imports that would light it up.
    """

    title: str
    figure: Figure | None
    url: str
    said: str = ""
    why: str = ""
    lights: tuple[str, ...] = ()
    rows: list[list[Any]] = field(default_factory=list)
