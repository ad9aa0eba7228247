"""The metric catalogue for programs: definitions, figures by period and told apart, and what is behind one."""

from datetime import date
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema
from ninja.errors import HttpError

from tenure.api.auth import Key, holder
from tenure.desk.customers.models import Publication
from tenure.desk.customers.segments.apart import Named, named
from tenure.desk.customers.segments.asking import asker_of
from tenure.desk.lake import lake, workspace
from tenure.insight.metrics import GROUPS, METRICS, UNITS, Line, Metric, Period, judge
from tenure.insight.metrics.breakdown import DIMENSIONS, GRAINS, segments_in, spans, why_nothing
from tenure.language import Words
from tenure.pipeline import numbers

router = Router()
PERIODS, MOST_PERIODS, MOST_ROWS = 13, 60, 1000


class Split(Schema):
    """grain: day, week, month, quarter or year. periods: how many, up to the last full one (13).

    by: a dimension, or segments your company built by their numbers: own:3, or several beside each other, own:3,7.
    """

    grain: str = "month"
    periods: int | None = None
    by: str = ""


class Behind(Schema):
    """start, end: the period, the end not included; the last full month unless said. by, part: one part of a dimension.

    counted: only what is in the numerator. rows: how many at most, up to 1000; skip: how many to pass over.
    """

    start: str = ""
    end: str = ""
    by: str = ""
    part: str = ""
    counted: bool = False
    rows: int = 100
    skip: int = 0


@router.get("/metrics", url_name="metrics", auth=Key("insight"))
def metrics(request: HttpRequest) -> dict[str, Any]:
    """Every metric this key may be told: what it means, how it is worked out, where it is held against."""
    return {
        "metrics": [_defined(numbers.held(lake(), one)) for one in numbers.offered(holder(request).scope)],
        "grains": {one.name: _both(one.words) for one in GRAINS.values()},
        "dimensions": {one.name: _both(one.words) for one in DIMENSIONS.values()},
    }


@router.get("/metrics/{slug:metric}", url_name="metric", auth=Key("insight"))
def one(request: HttpRequest, metric: str, asked: Query[Split]) -> dict[str, Any]:
    """One metric by period, each beside the same period a year before; with `by`, its newest period told apart.

    Over the customers within the key's reach. Money is in minor units of the reporting currency; a share is 0 to 1. A
    value that is null says why.
    """
    found, shown = _asked(request, metric)
    scope = holder(request).scope
    if asked.grain not in GRAINS:
        raise HttpError(422, f"There is no grain {asked.grain[:40]}. There are: {', '.join(GRAINS)}.")
    segments = _apart(request, asked.by)
    periods = PERIODS if asked.periods is None else asked.periods
    if not 1 <= periods <= MOST_PERIODS:
        raise HttpError(422, f"Ask for 1 to {MOST_PERIODS} periods; found {periods}.")
    told = numbers.told(
        lake(), actor=scope, metric=found, grain=asked.grain, until=_until(shown), periods=periods,
        dimension=asked.by or None, members=segments.members() if segments else None,
    )  # fmt: skip
    if asked.by and told["by"] is None:
        raise HttpError(422, f"{metric} can't be told apart by {asked.by}. {told['why_not'][asked.by].en}")

    def row(one: dict[str, Any]) -> dict[str, Any]:
        keys = ("period_start", "period_end", "value", "numerator", "denominator", "count", "year_before")
        verdict = judge(found, one["value"])
        why = None if one["value"] is not None else _both(why_nothing(found, told["lacks"], one, scope.sees_all))
        return {key: one[key] for key in keys} | {"judgement": verdict.level if verdict else None, "why": why}

    return {
        **_defined(found),
        "as_of": shown.as_of,
        "figures": [row(one) for one in told["rows"]],
        "by": told["by"],
        "parts": [{"part": one["segment"], "before": one["before"], **row(one)} for one in told["parts"]],
        "dimensions": told["dimensions"],
        "needs": told["lacks"],
    }


@router.get("/metrics/{slug:metric}/behind", url_name="metric_behind", auth=Key("insight"))
def behind(request: HttpRequest, metric: str, asked: Query[Behind]) -> dict[str, Any]:
    """What a figure is made of: its customers, or its records, those of the greatest numerator first."""
    found, shown = _asked(request, metric)
    if found.made_of:
        raise HttpError(422, f"{metric} is no sum over customers or records. Look at: {', '.join(found.made_of)}.")
    period = spans("month", _until(shown), 1, workspace().zone)[0]
    if asked.start or asked.end:
        try:
            period = Period(date.fromisoformat(asked.start), date.fromisoformat(asked.end), workspace().zone)
        except ValueError:
            raise HttpError(422, "Give start and end as 2026-03-01 and 2026-04-01, the end not included.") from None
    segments = _apart(request, asked.by)
    try:
        told = numbers.behind(
            lake(), actor=holder(request).scope, metric=found, period=period, dimension=asked.by or None,
            part=asked.part or None, counted=asked.counted, limit=max(1, min(asked.rows, MOST_ROWS)),
            offset=max(0, asked.skip), members=segments.members() if segments else None,
        )  # fmt: skip
    except ValueError as error:
        raise HttpError(422, str(error)) from None
    return {"period_start": period.start, "period_end": period.end, "of": found.each or "customers", **told}


def _asked(request: HttpRequest, name: str) -> tuple[Metric, Publication]:
    """The metric and the publication; one the key may not be told is the same answer as none: 404."""
    offered = {one.name for one in numbers.offered(holder(request).scope)}
    if name not in offered:
        raise HttpError(404, "There is no such metric. See /api/v1/metrics.")
    shown = Publication.current()
    if shown is None:
        raise HttpError(404, "Nothing has been worked out yet. Run: tenure refresh")
    return numbers.held(lake(), METRICS[name]), shown


def _apart(request: HttpRequest, by: str) -> Named | None:
    """The segments a dimension names; None for a dimension of the catalogue, and for none."""
    if not by or by in DIMENSIONS:
        return None
    if not segments_in(by):
        raise HttpError(
            422,
            f"There is no dimension {by[:40]}. There are: {', '.join(DIMENSIONS)}, and own:3 for a segment of your own.",
        )
    person = holder(request)
    if (found := named(by, asker_of(person, person.scope))) is None:
        raise HttpError(404, "There is no such segment, or it is not this key's to see.")
    return found


def _until(shown: Publication) -> date:
    return timezone.localtime(shown.as_of).date()


def _defined(of: Metric) -> dict[str, Any]:
    def line(at: Line | None) -> dict[str, Any] | None:
        return None if at is None else {"value": at.value, "source": _both(at.source)}

    return {
        "name": of.name, "group": of.group, "group_words": _both(GROUPS[of.group]), "words": _both(of.words),
        "meaning": _both(of.meaning), "formula": _both(of.formula), "unit": of.unit, "unit_words": _both(UNITS[of.unit]),
        "better": of.better, "sample": _both(of.count), "source": _both(of.source), "reads": list(of.reads),
        "columns": list(of.columns), "made_of": list(of.made_of), "benchmark": line(of.benchmark),
        "excellent": line(of.excellent), "limit": line(of.limit),
    }  # fmt: skip


def _both(words: Words) -> dict[str, str]:
    return {"en": words.en, "zh": words.zh}


__all__ = ["router"]
