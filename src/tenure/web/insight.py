"""Insight: what the customer base is made of, how it moves, how good the scores are, what campaigns saved."""

from collections.abc import Callable
from datetime import date
from itertools import pairwise
from typing import Any

import ibis
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from tenure.desk.customers.models import Publication
from tenure.desk.customers.selectors import Filters
from tenure.desk.customers.words import CELLS, RISK_BANDS, STAGES, words_for
from tenure.desk.governance.api import scope_of
from tenure.desk.lake import lake
from tenure.insight.cohorts import retention
from tenure.lake import Scope
from tenure.web import figures
from tenure.web.cache import remembered
from tenure.web.frame import render
from tenure.web.templatetags.tenure import compact_money, in_units

Context = dict[str, Any]
HORIZON_DAYS = 90
STEPS = 4  # points in time the stage flow runs over
COHORTS, AGES = 18, 18


@require_safe
def page(request: HttpRequest, part: str = "segments") -> HttpResponse:
    """One part of Insight, over the customers the asker may see."""
    scope = scope_of(request.user)
    open_parts = {name: one for name, one in PARTS.items() if name != "value" or scope.sees("amounts")}
    if part not in open_parts:
        raise Http404
    shown = Publication.current()
    context = open_parts[part][1](scope, shown)
    return render(
        request,
        f"insight/{part}.html",
        _("Insight"),
        part=part,
        parts=[(name, title()) for name, (title, _show) in open_parts.items()],
        shown=shown,
        **context,
    )


def segments(scope: Scope, shown: Publication | None) -> Context:
    """The RFM grid (recency down, frequency across) and its named cells; each opens its customers."""

    def compute() -> dict[str, list[dict[str, Any]]]:
        cards = lake().read("scores/customers", actor=scope)
        cards = cards.filter(cards.r.notnull())
        grid = cards.group_by("r", "f").agg(
            customers=cards.count(), spent=cards.monetary_base_minor.sum(), risk=cards.churn_probability.mean()
        )
        cells = cards.group_by("rfm_cell").agg(
            customers=cards.count(),
            spent=cards.monetary_base_minor.sum(),
            value=cards.value_base_minor.sum(),
            risk=cards.churn_probability.mean(),
        )
        return {"grid": _rows(grid), "cells": _rows(cells.order_by(cells.customers.desc()))}

    found = remembered("rfm", scope, shown, compute, "scores/customers")
    by_scores = {(row["r"], row["f"]): row for row in found["grid"]}
    grid = [
        (r, [(by_scores.get((r, f)), _list(r=r, f=f)) for f in range(1, 6)])
        for r in range(5, 0, -1)
    ]  # fmt: skip
    return {
        "grid": grid if found["grid"] else [],
        "scores": range(1, 6),
        "most": max((row["customers"] for row in found["grid"]), default=0),
        "cells": [
            {**row, "name": words_for("cell", row["rfm_cell"]), "url": _list(cell=row["rfm_cell"])}
            for row in found["cells"]
            if row["rfm_cell"] in CELLS
        ],
        "everyone": sum(row["customers"] for row in found["grid"]),
    }


def stages(scope: Scope, shown: Publication | None) -> Context:
    """How many customers are in each stage, and how they came from one to another."""

    def compute() -> dict[str, Any]:
        table = lake().read("scores/stages", actor=scope)
        dates = sorted(row["as_of"] for row in _rows(table.select("as_of").distinct()))
        picked = _spread(dates)
        links: list[tuple[str, str, str, str, int]] = []
        for earlier, later in pairwise(picked):
            a = table.filter(table.as_of == earlier).select("person_id", before="stage")
            b = table.filter(table.as_of == later).select("person_id", after="stage")
            both = a.inner_join(b, "person_id").group_by("before", "after").agg(n=ibis._.count())
            links += [
                (earlier.isoformat(), row["before"], later.isoformat(), row["after"], row["n"]) for row in _rows(both)
            ]
        now = table.filter(table.as_of == picked[-1]).group_by("stage").agg(n=ibis._.count()) if picked else None
        return {"links": links, "now": {row["stage"]: row["n"] for row in _rows(now)} if now is not None else {}}

    found = remembered("stages", scope, shown, compute, "scores/stages")
    total = sum(found["now"].values())
    return {
        "stages": [
            {"name": str(words), "n": found["now"].get(code, 0), "share": found["now"].get(code, 0) / total if total else 0,
             "url": _list(stage=code)}
            for code, words in STAGES.items()
        ],
        "total": total,
        "figure": _flow(found["links"]) if found["links"] else None,
    }  # fmt: skip


def value(scope: Scope, shown: Publication | None) -> Context:
    """What the value deciles hold; 10 is the highest."""

    def compute() -> list[dict[str, Any]]:
        cards = lake().read("scores/customers", actor=scope)
        cards = cards.filter(cards.value_decile.notnull())
        by_decile = cards.group_by("value_decile").agg(
            customers=cards.count(),
            value=cards.value_base_minor.sum(),
            spent=cards.monetary_base_minor.sum(),
            at_risk=(cards.value_base_minor * cards.churn_probability).sum(),
        )
        return _rows(by_decile.order_by(by_decile.value_decile.desc()))

    rows = remembered("deciles", scope, shown, compute, "scores/customers")
    total = sum(row["value"] or 0 for row in rows)
    running, table = 0, []
    for row in rows:
        running += row["value"] or 0
        table.append(
            {**row, "share": (row["value"] or 0) / total if total else None,
             "running": running / total if total else None, "url": _list(decile=row["value_decile"], sort="value")}
        )  # fmt: skip
    figure = None
    if table:
        figure = figures.bars(
            [row["value_decile"] for row in table],
            [in_units(row["value"] or 0) for row in table],
            name=_("Value"),
            links=[row["url"] for row in table],
            x_title=_("Value decile"),
            y_title=_("Value, next 12 months"),
            text=[compact_money(row["value"]) for row in table],
        )
    return {"deciles": table, "figure": figure, "total": total}


def model(scope: Scope, shown: Publication | None) -> Context:
    """The model card: what the churn score is, how it was tried, and how good it proved."""
    card = lake().document("churn_card")
    if not card or "metrics" not in card:
        return {"card": None, "why": (card or {}).get("not_enough_data")}
    deciles = card["metrics"].get("deciles") or []
    risky_first = [d for d in deciles if d.get("lift") is not None]
    points = [{"predicted": d["predicted"], "observed": d["observed"], "n": d["rows"]} for d in reversed(deciles)]
    return {
        "card": card,
        "bands": [(row, str(RISK_BANDS.get(row["band"], row["band"]))) for row in card["metrics"].get("bands", [])],
        "most": max((driver["effect"] for driver in card.get("drivers", [])), default=0),
        "calibration": figures.calibration(
            points, said=_("Predicted"), seen=_("What happened"), perfect=_("Perfect")
        ),
        "lift": figures.bars(
            [d["decile"] for d in risky_first],
            [d["lift"] for d in risky_first],
            name=_("Lift"),
            x_title=_("Tenth of the customers, riskiest first"),
            y_title=_("Times the average"),
            text=[f"{d['lift']:.1f}" for d in risky_first],
        ),
    }  # fmt: skip


def cohorts(scope: Scope, shown: Publication | None) -> Context:
    """Of those who first bought in a month, how many bought again n months later."""

    def compute() -> list[dict[str, Any]]:
        # The running month is not over: its column would show a fall that is none.
        until = timezone.localtime(shown.as_of).date().replace(day=1) if shown else None
        return _rows(retention(lake().read("records/orders", actor=scope), until))

    rows = remembered("cohorts", scope, shown, compute, "records/orders")
    by_cohort: dict[Any, dict[int, dict[str, Any]]] = {}
    for row in rows:
        by_cohort.setdefault(row["cohort"], {})[row["age"]] = row
    latest = sorted(by_cohort)[-COHORTS:]
    ages = min(AGES, max((age for cohort in latest for age in by_cohort[cohort]), default=0))
    return {
        "ages": range(ages + 1),
        "cohorts": [
            (_month(cohort), max(row["size"] for row in by_cohort[cohort].values()),
             [by_cohort[cohort].get(age) for age in range(ages + 1)])
            for cohort in latest
        ],
    }  # fmt: skip


def campaigns(scope: Scope, shown: Publication | None) -> Context:
    """What past campaigns saved against their control groups, with intervals."""
    from tenure.decision.experiments import campaign_outcomes, lift  # numeric libraries load slowly; here alone

    reads = ("treatments", "orders", "subscriptions")

    def compute() -> list[Any]:
        tables = {name: lake().read(f"records/{name}", actor=scope) for name in reads}
        as_of = shown.as_of if shown else None
        return list(lift(lake().to_arrow(campaign_outcomes(tables, HORIZON_DAYS, as_of))))

    found = remembered("campaigns", scope, shown, compute, *(f"records/{name}" for name in reads))
    clear = [(one.campaign, one.difference) for one in found if one.difference is not None]
    figure = None
    if clear:
        figure = figures.intervals(
            [name for name, _estimate in clear],
            [estimate.value for _name, estimate in clear],
            [estimate.low for _name, estimate in clear],
            [estimate.high for _name, estimate in clear],
            title=_("Retained more than control"),
        )
    return {"campaigns": found, "figure": figure, "horizon": HORIZON_DAYS, "height": 90 + 46 * len(clear)}


def _flow(links: list[tuple[str, str, str, str, int]]) -> figures.Figure:
    order = {code: number for number, code in enumerate(STAGES)}
    nodes = sorted(
        {(when, stage) for link in links for when, stage in (link[:2], link[2:4])},
        key=lambda node: (node[0], order.get(node[1], 99)),
    )
    number = {node: index for index, node in enumerate(nodes)}
    return figures.flow(
        [f"{words_for('stage', stage)} · {date_format(date.fromisoformat(when), 'Y-m')}" for when, stage in nodes],
        [(number[(a, b)], number[(c, d)], n) for a, b, c, d, n in links],
        [f"$stage-{stage}" for _when, stage in nodes],
    )


def _spread(dates: list[date]) -> list[date]:
    """The latest date and up to three before it, about a quarter apart."""
    picked: list[date] = []
    for day in reversed(dates):
        if not picked or (picked[-1] - day).days >= 80:
            picked.append(day)
        if len(picked) == STEPS:
            break
    if len(picked) < 2:
        picked = list(reversed(dates[-2:]))
    return picked[::-1]


def _month(cohort: Any) -> str:
    return date_format(cohort, "Y-m") if isinstance(cohort, date) else str(cohort)[:7]


def _rows(table: ibis.Table) -> list[dict[str, Any]]:
    return lake().to_arrow(table).to_pylist()  # type: ignore[no-any-return]


def _list(**narrowed: Any) -> str:
    return f"{reverse('admin:customers')}?{Filters(**narrowed).query}"


PARTS: dict[str, tuple[Callable[[], str], Callable[[Scope, Publication | None], Context]]] = {
    "segments": (lambda: _("RFM"), segments),
    "stages": (lambda: _("Life cycle"), stages),
    "value": (lambda: _("Value"), value),
    "cohorts": (lambda: _("Cohorts"), cohorts),
    "campaigns": (lambda: _("Campaigns"), campaigns),
    "model": (lambda: _("Churn model"), model),
}
