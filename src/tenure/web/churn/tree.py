"""The driver tree: from revenue down to customers, orders, items and prices, one period against another."""

from collections.abc import Mapping
from typing import Any

import ibis
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from tenure.desk.customers.models import Publication
from tenure.desk.lake import lake, workspace
from tenure.insight.driver_tree import Moved, figures, moved
from tenure.insight.metrics import METRICS, Period, lacking
from tenure.insight.metrics import breakdown as apart
from tenure.insight.metrics.breakdown import GRAINS
from tenure.lake import Scope
from tenure.language import Words
from tenure.pipeline import numbers
from tenure.web import figures as drawing
from tenure.web.cache import remembered
from tenure.web.insight import narrowed
from tenure.web.insight.bridge import exactly
from tenure.web.metrics import period_shown
from tenure.web.parts import Context
from tenure.web.templatetags.tenure import compact_money, in_units

RECORDS = ("orders", "subscriptions")
SHOWN: Mapping[str, int] = {"month": 13, "quarter": 8, "year": 3}
AGAINST: Mapping[str, Words] = {
    "before": Words("The period before", "上一期间"),
    "year": Words("A year before", "去年同期"),
}
METRIC = METRICS["revenue"]


def tree(scope: Scope, shown: Publication | None, given: Mapping[str, str]) -> Context:
    """The tree of one period against another, over the customers the asker may see, as asked for by the page's query."""
    grain = given.get("grain", "") if given.get("grain", "") in SHOWN else "month"
    against = given.get("against", "") if given.get("against", "") in AGAINST else "before"
    of = narrowed.read(given.get("of", ""), scope)
    periods = (
        apart.spans(grain, timezone.localtime(shown.as_of).date(), SHOWN[grain], workspace().zone) if shown else []
    )
    period = next(
        (one for one in periods if one.start.isoformat() == given.get("at")), periods[-1] if periods else None
    )
    context: Context = {
        "asked": {"grain": grain, "of": of, "against": against},
        "grains": [(name, str(GRAINS[name].words)) for name in SHOWN],
        "againsts": [(name, str(words)) for name, words in AGAINST.items()],
        "offered": narrowed.offered(scope, shown),
        "narrowed": narrowed.said(of) if of else "",
        "periods": [(one.start.isoformat(), period_shown(one)) for one in reversed(periods)],
    }
    if period is None:
        return context | {"why": str(apart.why_nothing(METRIC, RECORDS, None)), "lights": ("orders",)}
    compared = period.year_before() if against == "year" else period.before()
    before, after, lacks, cautions = (
        _figures(scope, shown, (compared, period), of)[name] for name in ("before", "after", "lacks", "cautions")
    )
    if lacks:
        return context | {"why": str(apart.why_nothing(METRIC, lacks, None, scope.sees_all)), "lights": tuple(lacks)}
    found = moved(before, after)
    leaves = sorted((one for one in found.leaves if one.effect), key=lambda one: -abs(one.effect))
    return context | {
        "at": period.start.isoformat(), "period": period_shown(period), "compared": period_shown(compared),
        "root": _node(found, abs(found.effect) or 1, period), "change": found.effect,
        "cautions": cautions,
        "waterfall": _waterfall(found, leaves, period) if leaves else None,
        "leaves": [_node(one, abs(found.effect) or 1, period) for one in leaves],
    }  # fmt: skip


def _figures(scope: Scope, shown: Publication | None, spans: tuple[Period, Period], of: str) -> dict[str, Any]:
    def compute() -> dict[str, Any]:
        with numbers.tables(lake(), scope, RECORDS, split=bool(of)) as kept:
            lacks = list(lacking(METRIC, kept))
            told: list[Any] = []
            for period in spans if not lacks else ():
                who = narrowed.persons(scope, of, kept, period)
                people: ibis.Table | None = None if who is None else who.distinct()
                told.append(figures(kept, period, people))
            before, after = told or ({}, {})
            cautions = apart.cautions(METRIC, kept, spans)
            return {"before": before, "after": after, "lacks": lacks, "cautions": cautions}

    what = f"driver tree:{spans[0].start}:{spans[1].start}:{spans[1].end}:{of}:{narrowed.version(of)}"
    return remembered(what, scope, shown, compute, *narrowed.tables(*(f"records/{name}" for name in RECORDS)))


def _node(one: Moved, most: int, period: Period) -> dict[str, Any]:
    """A node for the page: its figures as people read them, what it made of the change, and where it opens."""
    driver = one.driver
    span = f"?from={period.start}&to={period.end}"
    same = driver.metric and not METRICS[driver.metric].made_of
    change = (one.after - one.before) / abs(one.before) if one.before and one.after is not None else None
    return {
        "words": driver.words, "name": driver.name, "op": driver.op,
        "before": _said(one.before, driver.unit), "after": _said(one.after, driver.unit), "change": change,
        "effect": one.effect, "exact": f"{'+' if one.effect > 0 else ''}{exactly(one.effect)}",
        "tone": "good" if one.effect > 0 else "bad" if one.effect < 0 else "",
        "heat": f"{min(1.0, abs(one.effect) / most):.2f}",
        "url": reverse("admin:metric", args=[driver.metric or driver.opens]),
        "behind": reverse("admin:metric_behind", args=[driver.metric]) + span if same else "",
        "is_metric": bool(driver.metric),
        "parts": [_node(part, most, period) for part in one.parts if part.before or part.after or part.effect],
    }  # fmt: skip


def _said(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    if unit == "money":
        return compact_money(value) if abs(in_units(value)) >= 1000 else exactly(round(value))
    return f"{value:,.0f}" if unit in ("customers", "orders") else f"{value:,.2f}"


def _waterfall(found: Moved, leaves: list[Moved], period: Period) -> drawing.Figure:
    """From revenue before to revenue after by what each leaf made of it; a click opens the metric."""
    steps = [(_("Before"), in_units(found.before or 0), compact_money(found.before or 0), True)]
    steps += [(str(one.driver.words), in_units(one.effect), compact_money(one.effect), False) for one in leaves]
    steps.append((_("After"), in_units(found.after or 0), compact_money(found.after or 0), True))
    root = reverse("admin:metric", args=["revenue"])
    links = [root, *(reverse("admin:metric", args=[one.driver.metric or one.driver.opens]) for one in leaves), root]
    return drawing.waterfall(steps, links=links)
