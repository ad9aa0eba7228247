"""Which board an address means, whether it is the asker's to open, and what its tiles say to this asker."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from tenure.desk.customers.boards.links import opens
from tenure.desk.customers.boards.models import Board
from tenure.desk.customers.boards.ready import READY
from tenure.desk.customers.models import Publication
from tenure.desk.customers.segments.apart import named, reader_of
from tenure.desk.governance.api import scope_of
from tenure.errors import TenureError
from tenure.insight.metrics.breakdown import segments_in
from tenure.web.boards.picking import Picked
from tenure.web.boards.tiles import Tile, kinds
from tenure.web.cache import Remembering
from tenure.web.metrics.asked import number_in

Options = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Spot:
    """A tile of a board as it is kept. number: what its address has."""

    number: int
    kind: str
    options: Options
    width: int

    @property
    def figure_id(self) -> str:
        """What the page calls the tile's chart."""
        return f"tile-figure-{self.number}"


@dataclass(frozen=True, slots=True)
class Opened:
    """A board somebody may open: one that is kept, or one that comes with the product. key: what its address has."""

    key: str
    name: str
    meaning: str
    spots: Sequence[Spot]
    row: Board | None
    mine: bool


def opened(request: HttpRequest, key: str, link: str = "") -> Opened:
    """The board of an address. Raises Http404 for none, and for one that is neither shared with the asker nor linked."""
    if key in READY:
        ready = READY[key]
        spots = [Spot(at, one.kind, one.options, one.width) for at, one in enumerate(ready.tiles, start=1)]
        return Opened(key, str(ready.words), str(ready.meaning), spots, None, False)
    pk = number_in(key)
    scope = scope_of(request.user)
    row = Board.objects.visible_to(scope).filter(pk=pk).first() if pk is not None else None
    if row is None and pk is not None and link:
        linked = Board.objects.filter(pk=pk, linked=True).first()
        row = linked if linked is not None and opens(linked, link) else None
    if row is None:
        raise Http404
    spots = [Spot(tile.pk, tile.kind, tile.options, tile.width) for tile in row.tiles.all()]
    return Opened(str(row.pk), row.name, "", spots, row, row.owner_id == scope.user_id)


class Teller:
    """Tells what tiles say to whoever picked this, and remembers it until anything it is made of changes."""

    def __init__(self, picked: Picked, publication: Publication) -> None:
        self._picked = picked
        self._remembering = Remembering(picked.scope, publication)

    def at_once(self, spot: Spot) -> Tile | None:
        """What the tile says, where that is known already."""
        if spot.kind not in kinds():
            return _gone(spot)
        return self._remembering.recall(self._what(spot), *kinds()[spot.kind].reads(spot.options))

    def tile(self, spot: Spot, beside: Collection[Spot] = ()) -> Tile:
        """What the tile says. Where it has to be worked out, so is what the tiles beside it need, which costs little more."""
        if (known := self.at_once(spot)) is not None:
            return known
        kind = kinds()[spot.kind]
        picked = self._picked

        def draw() -> Tile:
            alike = [spot.options, *(one.options for one in beside if one.kind == spot.kind and one != spot)]
            if kind.together is not None and len(alike) > 1:
                kind.together(picked.scope, picked.period, alike)
            return kind.draw(picked.scope, picked.period, picked.segment.pk if picked.segment else None, spot.options)

        try:
            return self._remembering.remember(self._what(spot), draw, *kind.reads(spot.options))
        except TenureError as error:
            return Tile(title=str(kind.words), why=str(error))

    def _what(self, spot: Spot) -> str:
        period = self._picked.period
        segment = self._picked.segment.pk if self._picked.segment else None
        options = sorted(spot.options.items())
        # Readers with the same reach may not use the same segments, and who is in one changes.
        own = spot.options.get("by", "")
        apart = named(own, reader_of(self._picked.scope)) if segments_in(own) else None
        mark = apart.mark if apart is not None else None
        return f"tile:{spot.kind}:{options}:{mark}:{period.start}:{period.end}:{segment}:{get_language()}"


def _gone(spot: Spot) -> Tile:
    return Tile(title=spot.kind, why=_("There is no such kind of tile any more. Take it off the board."))


def form_of(kind: str, user: Any, chosen: Options | None = None) -> list[dict[str, Any]]:
    """The fields of a kind's options: name, words, needed, and what is offered, under headings."""
    scope, fields = scope_of(user), []
    for option in kinds()[kind].options:
        groups: dict[str, list[tuple[str, str, bool]]] = {}
        for choice in option.choices(scope):
            picked = chosen is not None and chosen.get(option.name) == choice.value
            groups.setdefault(choice.group, []).append((choice.value, choice.words, picked))
        fields.append({"name": option.name, "words": str(option.words), "needed": option.needed, "groups": groups})
    return fields
