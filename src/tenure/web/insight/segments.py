"""The RFM grid and its named cells."""

from typing import Any

from tenure.desk.customers.models import Publication
from tenure.desk.customers.words import CELLS, words_for
from tenure.desk.lake import lake
from tenure.lake import Scope
from tenure.web.cache import remembered
from tenure.web.insight.shared import Context, customers_where, rows


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
        return {"grid": rows(grid), "cells": rows(cells.order_by(cells.customers.desc()))}

    found = remembered("rfm", scope, shown, compute, "scores/customers")
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
            {**row, "name": words_for("cell", row["rfm_cell"]), "url": customers_where(cell=row["rfm_cell"])}
            for row in found["cells"]
            if row["rfm_cell"] in CELLS
        ],
        "everyone": sum(row["customers"] for row in found["grid"]),
    }
