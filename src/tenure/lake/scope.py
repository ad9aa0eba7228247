"""Who may see what, as one frozen value: compiled by the lake to an Ibis semi-join and a column mask,
and by `desk.customers` to a Django Q."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from tenure.lake.fields import FIELDS, field_of, shown_in_part

Reach: TypeAlias = Literal["none", "own", "team", "region", "listed", "segment", "all"]
Shown: TypeAlias = Literal["clear", "masked", "hidden"]

CUSTOMERS = "customers"  # the object that cards, scores and links belong to


@dataclass(frozen=True, slots=True)
class Scope:
    """The rows and fields an asker may see. The default sees nothing.

    reach: whose customers. user_id, team_ids, regions, persons: what `own`, `team`, `region` and `listed` are
    measured against. objects: (contract, reach) where records of a kind reach elsewhere than the customers do.
    masked, hidden: names of fields (`lake.fields`) shown in part, or not at all.
    segment: whose members `segment` reaches, as the desk knows them.
    within: a second scope that must allow as well: an API key within its owner's reach, a grant within its giver's, the
    members of a segment within whom the asker sees.
    """

    reach: Reach = "none"
    user: str = ""
    user_id: int | None = None
    team_ids: frozenset[int] = field(default_factory=frozenset)
    regions: frozenset[str] = field(default_factory=frozenset)
    persons: frozenset[int] = field(default_factory=frozenset)
    masked: frozenset[str] = field(default_factory=frozenset)
    hidden: frozenset[str] = field(default_factory=frozenset)
    objects: tuple[tuple[str, Reach], ...] = ()
    segment: int | None = None
    within: "Scope | None" = None

    def on(self, kind: str) -> "Scope":
        """The scope as it holds for records of this kind (a contract's name)."""
        reach = dict(self.objects).get(kind, self.reach)
        within = self.within.on(kind) if self.within else None
        if reach == self.reach and within == self.within:
            return self
        return replace(self, reach=reach, within=within)

    @property
    def sees_all(self) -> bool:
        """Whether every row is within reach."""
        return self.reach == "all" and (self.within is None or self.within.sees_all)

    @property
    def sees_none(self) -> bool:
        return self.reach == "none" or (self.within is not None and self.within.sees_none)

    def shows(self, field: str | None) -> Shown:
        """How a field is shown: clear, masked, or hidden. No field (None) is for all who may see the row."""
        if field is None:
            return "clear"
        if field in self.hidden or (self.within is not None and self.within.shows(field) == "hidden"):
            return "hidden"
        if field in self.masked or (self.within is not None and self.within.shows(field) == "masked"):
            return "masked"
        return "clear"

    def sees(self, field: str) -> bool:
        """Whether the field is shown in clear."""
        return self.shows(field) == "clear"

    @property
    def hides(self) -> frozenset[str]:
        """The fields of which nothing shows, hidden or without a part to show: a page can leave them out."""
        return frozenset(
            name
            for name, field in FIELDS.items()
            if (shown := self.shows(name)) == "hidden" or (shown == "masked" and field.mask is None)
        )

    def show(self, table: str, column: str, value: Any) -> Any:
        """A value of a table's column as the scope may see it: itself, a part of it, or None."""
        field = field_of(table, column)
        shown = self.shows(field)
        if shown == "clear":
            return value
        return shown_in_part(field or "", value) if shown == "masked" else None


SYSTEM = Scope(reach="all", user="system")
"""The product itself, when it computes: sees every row. Never hand its results to a person unscoped."""
