"""Figures of the catalogue, worked out once a scope and kept until what they are made of changes."""

from collections.abc import Sequence
from datetime import date

from django.utils import timezone

from tenure.desk.customers.models import Publication
from tenure.desk.customers.segments.apart import Named
from tenure.desk.lake import lake
from tenure.insight.metrics import METRICS, Metric, Period
from tenure.insight.metrics import breakdown as apart
from tenure.insight.metrics.breakdown import GRAINS
from tenure.lake import Scope
from tenure.pipeline import numbers
from tenure.web.cache import Remembering, recalled, remembered
from tenure.web.metrics.showing import Row, Tile, tile

CATALOGUE = tuple(METRICS)
APART = (apart.CARDS, apart.STAGES, "scores/habits", "scores/tiers")  # what customers are told apart by
MONTHS = 13  # of a tile's line: with the newest one, the same month a year before


def until(publication: Publication) -> date:
    return timezone.localtime(publication.as_of).date()


def names_in(scope: Scope, group: str) -> list[str]:
    return [one.name for one in numbers.offered(scope, CATALOGUE) if one.group == group]


def versions(*metrics: Metric) -> list[str]:
    return sorted({f"records/{name}" for metric in metrics for name in metric.reads} | {"records/products"})


def tiles_of(scope: Scope, publication: Publication, group: str, *, at_once: bool = False) -> list[Tile] | None:
    """The tiles of a chapter; with `at_once`, None where they would have to be worked out first."""
    names = names_in(scope, group)
    what = f"metrics:{group}:{MONTHS}"
    tables = versions(*(METRICS[name] for name in names))
    if at_once:
        found = recalled(what, scope, publication, *tables)
        if found is None:
            return None
    else:
        found = remembered(
            what, scope, publication,
            lambda: numbers.catalogue(lake(), actor=scope, until=until(publication), months=MONTHS, names=names), *tables,
        )  # fmt: skip
    return [tile(METRICS[name], found[name]["rows"], found[name]["lacks"], reach_all=scope.sees_all) for name in names]


def told_of(
    scope: Scope,
    publication: Publication,
    metric: Metric,
    grain: str,
    by: str,
    *,
    segments: Named | None = None,
    at_once: bool = False,
) -> Row | None:
    """One metric as `numbers.told` gives it. segments: those that `by` names; with `at_once`, None where it is not known."""
    mark = segments.mark if segments is not None else ""
    what, tables = f"metric:{metric.name}:{grain}:{by}:{mark}:{MONTHS}", [*versions(metric), *APART]
    if at_once:
        return recalled(what, scope, publication, *tables)
    periods = min(GRAINS[grain].shown, MONTHS) if grain == "month" else GRAINS[grain].shown
    return remembered(
        what, scope, publication,
        lambda: numbers.told(
            lake(), actor=scope, metric=metric, grain=grain, until=until(publication), periods=periods, dimension=by,
            members=segments.members() if segments is not None else None,
        ), *tables,
    )  # fmt: skip


def grain_of(period: Period) -> str:
    """Which grain a period is one of; a span of no grain is compared day by day."""
    for name in ("year", "quarter", "month", "week"):
        if apart.spans(name, period.end, 1, period.zone) == [period]:
            return name
    return "day"


def by_period(scope: Scope, names: Sequence[str], period: Period, *, years: bool = False) -> dict[str, Row]:
    """Of each metric the figures up to and with a period, as `numbers.over` gives them; all that is not known yet at once.

    Without a publication, and for a metric the asker may not be told, there is nothing.
    """
    publication = Publication.current()
    known = [one.name for one in numbers.offered(scope, dict.fromkeys(names))]
    if publication is None or not known:
        return {}
    grain = grain_of(period)
    n = min(GRAINS[grain].shown, MONTHS) if grain == "month" else GRAINS[grain].shown
    spans = apart.spans(grain, period.end, n, period.zone)
    what = {f"by period:{name}:{grain}:{period.start}:{period.end}:{n}:{years}": name for name in known}
    wanted = {key: versions(METRICS[name]) for key, name in what.items()}

    def work_out(missing: list[str]) -> dict[str, Row]:
        asked = [what[key] for key in missing]
        found = numbers.over(lake(), actor=scope, names=asked, spans=spans, years=years)
        return {key: found[what[key]] for key in missing}

    found = Remembering(scope, publication).remember_all(wanted, work_out)
    return {name: found[key] for key, name in what.items()}


def by_part(scope: Scope, metric: Metric, period: Period, dimension: str, segments: Named | None = None) -> Row | None:
    """One metric over a period told apart by a dimension, as `numbers.told` gives it; None before the first refresh.

    segments: those the dimension names.
    """
    publication = Publication.current()
    if publication is None:
        return None
    grain = grain_of(period)
    return remembered(
        f"by part:{metric.name}:{grain}:{period.start}:{period.end}:{dimension}:{segments.mark if segments else ''}",
        scope, publication,
        lambda: numbers.told(
            lake(), actor=scope, metric=metric, grain=grain, until=period.end, periods=1, dimension=dimension,
            members=segments.members() if segments is not None else None,
        ), *versions(metric), *APART,
    )  # fmt: skip
