"""The RFM grid and its named cells."""

from typing import Any

from django.utils.translation import gettext as _

from tenure.desk.customers.models import Publication
from tenure.desk.customers.words import CELLS, words_for
from tenure.desk.lake import lake
from tenure.insight.segments.concentration import concentration
from tenure.lake import Scope
from tenure.web import figures
from tenure.web.cache import remembered
from tenure.web.insight.shared import customers_where, rows
from tenure.web.parts import Context


def segments(scope: Scope, shown: Publication | None) -> Context:
    """The RFM grid (recency down, frequency across) and its named cells; each opens its customers."""

    def compute() -> dict[str, Any]:
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
        classes = cards.group_by("abc").agg(customers=cards.count(), spent=cards.monetary_base_minor.sum())
        months = lake().read("scores/rfm_months", actor=scope)
        kept = rows(months.group_by("as_of", "cell").agg(n=months.count()))
        curve = concentration(lake().to_arrow(cards.select("monetary_base_minor"))["monetary_base_minor"], 41)
        return {
            "grid": rows(grid), "cells": rows(cells.order_by(cells.customers.desc())), "classes": rows(classes),
            "months": kept, "curve": curve.to_pydict(),
        }  # fmt: skip

    found = remembered("rfm", scope, shown, compute, "scores/customers", "scores/rfm_months")
    by_month = {(row["as_of"], row["cell"]): row["n"] for row in found["months"]}
    months = sorted({day for day, _cell in by_month})
    by_scores = {(row["r"], row["f"]): row for row in found["grid"]}
    grid = [
        (r, [(by_scores.get((r, f)), customers_where(r=r, f=f)) for f in range(1, 6)])
        for r in range(5, 0, -1)
    ]  # fmt: skip
    return {
        "grid": grid if found["grid"] else [],
        "scores": range(1, 6),
        "most": max((row["customers"] for row in found["grid"]), default=0),
        "cells": [
            {
                **row,
                "name": words_for("cell", row["rfm_cell"]),
                "url": customers_where(cell=row["rfm_cell"]),
                "history": [by_month.get((day, row["rfm_cell"]), 0) for day in months],
            }
            for row in found["cells"]
            if row["rfm_cell"] in CELLS
        ],
        "everyone": sum(row["customers"] for row in found["grid"]),
        "months": len(months),
        "classes": [
            {**row, "name": words_for("abc", row["abc"])}
            for row in sorted(found["classes"], key=lambda one: one["abc"] or "")
        ]
        if scope.sees("amounts")
        else [],
        "curve": _curve(found["curve"]) if scope.sees("amounts") and found["curve"]["share_of_value"] else None,
        "equal": bool(found["grid"]) and len(found["grid"]) == 1,
    }


def _curve(curve: dict[str, list[float]]) -> figures.Figure:
    return figures.concentration(
        curve, name=_("Share of what was spent"), alike=_("All alike"), x_title=_("Share of customers, best first")
    )
