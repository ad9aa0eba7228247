"""Boards for programs: which there are, and what the figures on one are for whoever the key stands for."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema
from ninja.errors import HttpError

from tenure.api.auth import Key, holder
from tenure.desk.customers.boards.models import Board, tiles_of
from tenure.desk.customers.boards.ready import READY
from tenure.desk.customers.models import Publication
from tenure.desk.customers.segments.apart import named, reader_of
from tenure.desk.customers.segments.asking import asker_of, narrowed
from tenure.desk.lake import lake, workspace
from tenure.insight.metrics import METRICS, Period
from tenure.insight.metrics.breakdown import DIMENSIONS, GRAINS, spans, why_nothing
from tenure.lake import Scope
from tenure.pipeline import numbers

router = Router()
# A board's id, name, owner, and its tiles: kind, options, width.
Told: TypeAlias = tuple[str, str, str | None, Sequence[tuple[str, Mapping[str, Any], int]]]
ABOUT_METRICS = ("metric", "line", "split")


class Picked(Schema):
    """grain: day, week, month, quarter or year. on: a day of the period, the newest full one unless said. segment: its id."""

    grain: str = "month"
    on: str = ""
    segment: int | None = None


@router.get("/boards", url_name="boards", auth=Key("insight"))
def listed(request: HttpRequest) -> list[dict[str, Any]]:
    """The boards the key's owner may open, and those that come with the product, by id and name, with their tiles."""
    rows = Board.objects.visible_to(holder(request).scope).select_related("owner").prefetch_related("tiles")
    ready = [
        (one.name, one.words.en, None, [(t.kind, t.options, t.width) for t in one.tiles]) for one in READY.values()
    ]
    kept: list[Told] = [
        (str(row.pk), row.name, row.owner.username if row.owner else None, tiles_of(row)) for row in rows
    ]
    return [
        {"id": key, "name": name, "owner": owner,
         "tiles": [{"kind": kind, "options": dict(options), "width": width} for kind, options, width in tiles]}
        for key, name, owner, tiles in [*kept, *ready]
    ]  # fmt: skip


@router.get("/boards/{str:board}/figures", url_name="board_figures", auth=Key("insight"))
def figures(request: HttpRequest, board: str, asked: Query[Picked]) -> dict[str, Any]:
    """The figures of a board's tiles about metrics, over the customers within the key's reach.

    Each with the period before and the year before; of a tile told apart, the parts. Money is in minor units of the
    reporting currency; a share is 0 to 1. A value that is null says why; so does a tile without figures.
    """
    tiles, shown = _tiles(request, board), Publication.current()
    if shown is None:
        raise HttpError(404, "Nothing has been worked out yet. Run: tenure refresh")
    scope, period = _scope(request, asked.segment), _period(asked, shown)
    names = {options.get("metric", "") for _kind, options in tiles}
    known = {one.name for one in numbers.offered(scope, sorted(names))}
    told = numbers.over(lake(), actor=scope, names=sorted(known), spans=[period.before(), period]) if known else {}
    return {
        "as_of": shown.as_of, "period_start": period.start, "period_end": period.end, "segment": asked.segment,
        "tiles": [_figure(scope, kind, options, period, asked.grain, told) for kind, options in tiles],
    }  # fmt: skip


def _figure(
    scope: Scope, kind: str, options: Mapping[str, str], period: Period, grain: str, told: Mapping[str, Any]
) -> dict[str, Any]:
    name = options.get("metric", "")
    found: dict[str, Any] = {"kind": kind, "options": dict(options)}
    if kind not in ABOUT_METRICS:
        return found | {"why": "Only its page shows what this kind of tile says."}
    if name not in told:
        return found | {"why": "There is no such metric, or this key may not be told of it."}
    metric, rows = METRICS[name], told[name]["rows"]
    last = rows[-1]
    why = None if last["value"] is not None else why_nothing(metric, told[name]["lacks"], last, scope.sees_all)
    found |= {
        "unit": metric.unit, "value": last["value"], "count": last["count"], "before": rows[0]["value"],
        "year_before": last["year_before"], "why": None if why is None else {"en": why.en, "zh": why.zh},
        "needs": told[name]["lacks"],
    }  # fmt: skip
    by = options.get("by", "")
    segments = named(by, reader_of(scope))
    if kind == "split" and (by in DIMENSIONS or segments is not None):
        apart = numbers.told(
            lake(), actor=scope, metric=metric, grain=grain, until=period.end, periods=1, dimension=by,
            members=segments.members() if segments else None,
        )  # fmt: skip
        keys = ("value", "count", "before", "year_before")
        found["parts"] = [{"part": one["segment"]} | {key: one[key] for key in keys} for one in apart["parts"]]
    return found


def _tiles(request: HttpRequest, board: str) -> Sequence[tuple[str, Mapping[str, str]]]:
    if board in READY:
        return [(one.kind, one.options) for one in READY[board].tiles]
    pk = int(board) if board.isascii() and board.isdigit() and len(board) < 10 else None
    row = Board.objects.visible_to(holder(request).scope).filter(pk=pk).first() if pk is not None else None
    if row is None:
        raise HttpError(404, "There is no such board. See /api/v1/boards.")
    return [(kind, options) for kind, options, _width in tiles_of(row)]


def _scope(request: HttpRequest, segment: int | None) -> Scope:
    person = holder(request)
    if segment is None:
        return person.scope
    found = narrowed(person.scope, segment, asker_of(person, person.scope))
    if found is None:
        raise HttpError(404, "There is no such segment, or it is not this key's to see.")
    return found


def _period(asked: Picked, shown: Publication) -> Period:
    if asked.grain not in GRAINS:
        raise HttpError(422, f"There is no grain {asked.grain[:40]}. There are: {', '.join(GRAINS)}.")
    newest = spans(asked.grain, timezone.localtime(shown.as_of).date(), 1, workspace().zone)[0]
    if not asked.on:
        return newest
    grain = GRAINS[asked.grain]
    try:
        found = spans(asked.grain, grain.back(grain.start(date.fromisoformat(asked.on)), -1), 1, workspace().zone)[0]
    except (ValueError, OverflowError):
        raise HttpError(422, "Give the day as 2026-03-01.") from None
    if found.end > newest.end or found.start.year < 1990:
        raise HttpError(422, f"The newest full period begins on {newest.start}; ask for one from 1990 up to it.")
    return found


__all__ = ["router"]
