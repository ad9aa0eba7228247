"""The kinds of tiles, one file each."""

import sys
from collections.abc import Mapping
from functools import cache

from tenure.errors import TenureError
from tenure.lake import Scope
from tenure.language import tr
from tenure.registry import scan
from tenure.web.boards.tiles.base import Cell, Choice, Draw, Kind, Option, Table, Tile


@cache
def kinds() -> Mapping[str, Kind]:
    """Every kind of tile by its name. Read when first asked for: kinds build on pages of every room."""
    found = scan(sys.modules[__name__], Kind)
    first = ("metric", "line", "split")
    return {name: found[name] for name in (*first, *(name for name in found if name not in first))}


def checked(kind: str, given: Mapping[str, str], scope: Scope) -> dict[str, str]:
    """The options a tile of this kind is kept with, of those given.

    Raises TenureError for a kind that is none, and for a choice that is not offered to this asker.
    """
    known = kinds().get(kind)
    if known is None:
        raise TenureError(tr("That is no tile that there is. Choose one of those offered."))
    kept = {}
    for option in known.options:
        value = given.get(option.name, "")
        if not value and not option.needed:
            continue
        if value not in {choice.value for choice in option.choices(scope)}:
            raise TenureError(tr('"{option}" is not one of those offered.', option=str(option.words)))
        kept[option.name] = value
    return kept


__all__ = ["Cell", "Choice", "Draw", "Kind", "Option", "Table", "Tile", "checked", "kinds"]
