"""Figures of the catalogue, worked out once a scope and kept until what they are made of changes."""

from datetime import date

from django.utils import timezone

from tenure.desk.customers.models import Publication
from tenure.desk.lake import lake
from tenure.insight.metrics import METRICS, Metric
from tenure.insight.metrics import breakdown as apart
from tenure.insight.metrics.breakdown import GRAINS
from tenure.lake import Scope
from tenure.pipeline import numbers
from tenure.web.cache import recalled, remembered
from tenure.web.metrics.showing import Row, Tile, tile

CATALOGUE = tuple(METRICS)
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
    scope: Scope, publication: Publication, metric: Metric, grain: str, by: str, *, at_once: bool = False
) -> Row | None:
    what, tables = f"metric:{metric.name}:{grain}:{by}:{MONTHS}", [*versions(metric), apart.CARDS, apart.STAGES]
    if at_once:
        return recalled(what, scope, publication, *tables)
    periods = min(GRAINS[grain].shown, MONTHS) if grain == "month" else GRAINS[grain].shown
    return remembered(
        what, scope, publication,
        lambda: numbers.told(
            lake(), actor=scope, metric=metric, grain=grain, until=until(publication), periods=periods, dimension=by
        ), *tables,
    )  # fmt: skip
