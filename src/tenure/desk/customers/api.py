"""What customers offers to higher lines of the tree."""

from dataclasses import dataclass
from datetime import datetime

from tenure.desk.customers.fields.definitions import Draft, add_field, propose
from tenure.desk.customers.fields.definitions import known as own_fields
from tenure.desk.customers.fields.definitions import template as template_of
from tenure.desk.customers.fields.values import tell as tell_fields
from tenure.desk.customers.figures import OF_CARDS as FIGURES_OF_CARDS
from tenure.desk.customers.imported_relations import desk_mark as relations_mark
from tenure.desk.customers.imported_relations import follow as follow_relations
from tenure.desk.customers.models import Publication
from tenure.desk.customers.publishing import publish, republish

__all__ = [
    "FIGURES_OF_CARDS", "Draft", "Shown", "add_field", "follow_relations", "own_fields", "propose", "publish",
    "relations_mark", "republish", "shown", "tell_fields", "template_of",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """What the pages show: which generation, how many customers, as of when, published when."""

    generation: int
    rows: int
    as_of: datetime
    published_at: datetime


def shown() -> Shown | None:
    """The generation the pages show now; None before the first refresh."""
    found = Publication.current()
    return Shown(found.generation, found.rows, found.as_of, found.published_at) if found else None
