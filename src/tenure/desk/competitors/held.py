"""What the register of competitors holds about a person: that they left for one, and what was noted of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q

from tenure.desk.competitors.models import Competitor, Loss, Move
from tenure.desk.governance import personal
from tenure.desk.governance.holdings import Holding, Wanted, register
from tenure.language import Words

_COMPETITOR = ("name", "offers", "prices", "strengths", "website")
_MOVE = ("title", "detail", "source")


def _rows(own_ids: Sequence[int]) -> list[dict[str, Any]]:
    found = Loss.objects.filter(own_id__in=own_ids).select_related("competitor").order_by("pk")
    return [
        {
            "competitor": loss.competitor.name, "verdict": loss.verdict, "on": loss.on, "found_in": loss.found_in,
            "decided_at": loss.decided_at, "note": personal.unseal(loss.note),
        }
        for loss in found
    ]  # fmt: skip


def _naming(wanted: Wanted) -> list[Competitor | Move]:
    """What was written of a competitor, and names the person: a text about a company, as a rule, names nobody."""
    called = [text.casefold() for texts in wanted.values.values() for text in texts if len(text) > 1]
    rows: list[Competitor | Move] = [*Competitor.objects.all(), *Move.objects.all()]
    return [row for row in rows if any(text in one.casefold() for text in called for one in _texts(row))]


def _fields(row: Competitor | Move) -> tuple[str, ...]:
    return _COMPETITOR if isinstance(row, Competitor) else _MOVE


def _texts(row: Competitor | Move) -> list[str]:
    told = [getattr(row, name) for name in _fields(row)]
    return told + row.aliases if isinstance(row, Competitor) else told


def _forget(wanted: Wanted, now: datetime) -> int:
    """Leave the text standing without what the person is called."""
    found = _naming(wanted)
    texts = [text for texts in wanted.values.values() for text in texts if len(text) > 1]
    for row in found:
        for name in _fields(row):
            setattr(row, name, _without(getattr(row, name), texts))
        if isinstance(row, Competitor):
            row.aliases = [_without(one, texts) for one in row.aliases]
            row.name = row.name if row.name.strip("… ") else f"… {row.pk}"
        row.save()
    return len(found)


def _without(text: str, called: Sequence[str]) -> str:
    for one in sorted(called, key=len, reverse=True):
        place = text.casefold().find(one.casefold())
        while place >= 0:
            text = text[:place] + "…" + text[place + len(one) :]
            place = text.casefold().find(one.casefold(), place + 1)
    return text


def _mine(wanted: Wanted) -> Q:
    return Q(own_id__in=wanted.own_ids)


def connect() -> None:
    register(
        Holding(
            "competitor_losses", Words("Lost to a competitor", "流失至竞争对手"), (Loss,), _rows,
            lambda wanted, now: Loss.objects.filter(_mine(wanted)).delete()[0],
            lambda wanted: Loss.objects.filter(_mine(wanted)).count(),
        ),
        Holding(
            "competitor_texts", Words("Notes on competitors", "竞争对手记录"), (Competitor, Move), lambda own_ids: [],
            _forget, lambda wanted: len(_naming(wanted)),
        ),
    )  # fmt: skip
