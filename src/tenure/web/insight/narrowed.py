"""Which customers a figure of Insight is about: all, one group of them, or those of a saved segment."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import ibis
import pyarrow as pa
from django.utils.translation import gettext as _

from tenure.desk.customers import selectors
from tenure.desk.customers.models import Publication, Segment, SegmentMember
from tenure.desk.customers.segments.asking import asker_as, known_of, usable
from tenure.desk.customers.words import CELLS, RISK_BANDS, STAGES, TIERS
from tenure.desk.lake import lake
from tenure.in_memory import in_memory
from tenure.insight.metrics import Period
from tenure.insight.metrics import breakdown as apart
from tenure.insight.metrics.breakdown import CARDS, DIMENSIONS
from tenure.lake import Scope
from tenure.language import Words
from tenure.web.cache import remembered

SAVED = "in"
OF: Mapping[str, Mapping[str, Words]] = {"stage": STAGES, "tier": TIERS, "segment": CELLS, "risk": RISK_BANDS}
"""The dimensions of the customer whose parts are known by name; regions are those there are."""
SPLITS = ("stage", "tier", "segment", "risk", "kind", "team", "region", "persona")

Choice: TypeAlias = tuple[str, str]  # what is sent, what is shown


def offered(scope: Scope, shown: Publication | None) -> list[tuple[str, list[Choice]]]:
    """What the asker can narrow a figure to, by heading: `tier:strategic`, `region:浙江`, `in:4` (a saved segment)."""
    found = [
        (str(DIMENSIONS[name].words), [(f"{name}:{code}", str(words)) for code, words in parts.items()])
        for name, parts in OF.items()
        if _told(scope, name)
    ]
    if shown is not None:
        regions = remembered("choices", scope, shown, lambda: selectors.choices(scope)).regions
        found.append((str(DIMENSIONS["region"].words), [(f"region:{name}", name) for name in regions]))
    saved = known_of(asker_as(scope), writing=True).segments
    found.append((_("Saved segments"), [(f"{SAVED}:{pk}", name) for pk, name in saved.items()]))
    return [(title, choices) for title, choices in found if choices]


def splits(scope: Scope) -> list[Choice]:
    """The ways a figure can be told apart by who the customer is, as the asker may see them."""
    return [(name, str(DIMENSIONS[name].words)) for name in SPLITS if _told(scope, name)]


def read(text: str, scope: Scope) -> str:
    """What was asked to narrow to; "" (everybody) for what is nothing, or not the asker's to ask."""
    kind, _colon, value = text[:200].replace("\x00", "").partition(":")
    if kind == SAVED:
        return f"{kind}:{value}" if value.isascii() and value.isdigit() and len(value) < 10 and usable(
            int(value), asker_as(scope)
        ) else ""  # fmt: skip
    known = value in OF[kind] if kind in OF else kind in SPLITS and bool(value)
    return f"{kind}:{value}" if known and _told(scope, kind) else ""


def said(text: str) -> str:
    """What a figure is narrowed to, in words; "" where it is not."""
    kind, _colon, value = text.partition(":")
    if kind == SAVED:
        return str(Segment.objects.filter(pk=int(value)).values_list("name", flat=True).first() or "")
    return str(OF[kind][value]) if kind in OF else value


def tables(*names: str) -> list[str]:
    """The lake's tables a narrowed figure depends on, besides the records themselves, for `remembered`."""
    return [*names, apart.CARDS, apart.STAGES]


def version(text: str) -> object:
    """What changes when who is in a saved segment changes, for the key of what is remembered."""
    kind, _colon, value = text.partition(":")
    return (
        Segment.objects.filter(pk=int(value)).values_list("worked_out_at", flat=True).first() if kind == SAVED else ""
    )


def persons(scope: Scope, text: str, kept: Mapping[str, ibis.Table], period: Period | None = None) -> Any | None:
    """A table (person_id) of whom a figure is narrowed to; None for everybody.

    kept: `scores/customers` and `scores/stages` as the asker may see them. A stage is the one at the period's start.
    """
    kind, _colon, value = text.partition(":")
    if not text:
        return None
    if kind == SAVED:
        inside = SegmentMember.objects.filter(segment_id=int(value), left_at=None).values_list("person_id", flat=True)
        return in_memory(pa.table({"person_id": pa.array(list(inside), pa.int64())}))
    who: Any = apart.by(kind, kept, period)
    return who.filter(who.segment == value).select("person_id")


def only(table: Any, people: Any | None) -> Any:
    """The records of these persons; all of them where `people` is None."""
    return table if people is None else table.semi_join(people, "person_id")


def read_cards(scope: Scope) -> dict[str, ibis.Table]:
    """The cards and stages that tell customers apart, as the asker may see them."""
    return {name: lake().read(name, actor=scope) for name in (CARDS, apart.STAGES)}


def _told(scope: Scope, dimension: str) -> bool:
    guard = selectors.TELLS.get(dimension)
    return guard is None or scope.sees(guard)


__all__: Sequence[str] = [
    "offered", "only", "persons", "read", "read_cards", "said", "splits", "tables", "version",
]  # fmt: skip
