"""What the value deciles hold."""

from typing import Any

from django.utils.translation import gettext as _

from tenure.desk.customers.models import Publication
from tenure.desk.lake import lake
from tenure.lake import Scope
from tenure.web import figures
from tenure.web.cache import remembered
from tenure.web.insight.shared import Context, customers_where, rows
from tenure.web.templatetags.tenure import compact_money, in_units


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
        return rows(by_decile.order_by(by_decile.value_decile.desc()))

    found = remembered("deciles", scope, shown, compute, "scores/customers")
    total = sum(row["value"] or 0 for row in found)
    running, table = 0, []
    for row in found:
        running += row["value"] or 0
        table.append(
            {**row, "share": (row["value"] or 0) / total if total else None,
             "running": running / total if total else None, "url": customers_where(decile=row["value_decile"], sort="value")}
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
