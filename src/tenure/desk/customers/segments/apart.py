"""Segments a figure is told apart by: which of them somebody may use so, and who is in them.

A dimension `own:3,7` names them. Whoever may not use every one of them is told of none: a figure of the rest would be another.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from tenure.desk.customers.segments.asking import Asker, asker_as, known_of
from tenure.desk.customers.segments.models import Segment, in_segment
from tenure.insight.metrics.breakdown import segments_in
from tenure.lake import Scope


@dataclass(frozen=True, slots=True)
class Named:
    """The segments a dimension names, as a reader may use them. names: by number, in the order said.

    mark: something else each time one of them is worked out anew, or called otherwise; what is remembered of a figure is remembered for that.
    """

    names: dict[int, str]
    mark: tuple[object, ...]

    def members(self) -> dict[int, pa.Array]:
        """The person ids of those in each now."""
        return {pk: pa.array(in_segment(pk).values_list("person_id", flat=True), pa.int64()) for pk in self.names}


def offered(asker: Asker) -> Sequence[tuple[int, str]]:
    """The segments the asker may look at figures by, by number and name: open, readable, and worked out."""
    rows = list(Segment.objects.open_to(asker.scope).exclude(worked_out_at=None))
    if not rows:
        return []
    known = known_of(asker, writing=True).segments
    return [(row.pk, row.name) for row in rows if row.pk in known]


def named(dimension: str, asker: Asker) -> Named | None:
    """What the dimension names; None where it names no segment, or one that is gone, not the asker's, or not worked out."""
    asked = [int(one) for one in segments_in(dimension)]
    if not asked:
        return None
    may = dict(offered(asker))
    if any(pk not in may for pk in asked):
        return None
    at = dict(Segment.objects.filter(pk__in=asked).values_list("pk", "worked_out_at"))
    return Named({pk: may[pk] for pk in asked}, tuple((pk, may[pk], at.get(pk)) for pk in asked))


def reader_of(scope: Scope) -> Asker:
    """Who asks by this scope, also where what they see is narrowed to a segment just now."""
    while scope.reach == "segment" and scope.within is not None:
        scope = scope.within
    return asker_as(scope)
