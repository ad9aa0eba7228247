"""Who may see what, as one frozen value: compiled here to an Ibis semi-join and a column mask,
and by `desk.governance` to a Django Q."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Reach: TypeAlias = Literal["none", "own", "team", "region", "all"]


@dataclass(frozen=True, slots=True)
class Scope:
    """The rows and columns an asker may see. The default sees nothing.

    reach: whose customers. user_id, team_ids, regions: what `own`, `team` and `region` are measured against.
    masked: names of columns that read as null.
    """

    reach: Reach = "none"
    user: str = ""
    user_id: int | None = None
    team_ids: frozenset[int] = field(default_factory=frozenset)
    regions: frozenset[str] = field(default_factory=frozenset)
    masked: frozenset[str] = field(default_factory=frozenset)


SYSTEM = Scope(reach="all", user="system")
"""The product itself, when it computes: sees every row. Never hand its results to a person unscoped."""
