"""What customers will still bring: by which model, how well it foretold, who moved, and how concentrated it is."""

from datetime import date
from typing import Any

import ibis
from django.urls import reverse
from django.utils.translation import gettext as _

from tenure.desk.customers.models import Publication
from tenure.desk.lake import lake
from tenure.insight.segments.concentration import concentration, gini
from tenure.lake import Scope
from tenure.web import figures
from tenure.web.cache import remembered
from tenure.web.insight.shared import customers_where, rows
from tenure.web.parts import Context
from tenure.web.templatetags.tenure import compact_money, in_units

LISTED = 12  # of those who moved furthest each way


def value(scope: Scope, shown: Publication | None) -> Context:
    """The asker's customers by tenth of value, 10 the highest, and the record of the model that valued them.

    How a model was tried is told of the whole base, as a model card is; customers and their sums are the asker's own.
    """

    def compute() -> dict[str, Any]:
        cards = lake().read("scores/customers", actor=scope)
        cards = cards.filter(cards.value_decile.notnull())
        values = lake().read("scores/value", actor=scope)
        simple = values.group_by("value_decile").agg(simple=values.simple_base_minor.sum())
        by_decile = cards.group_by("value_decile").agg(
            customers=cards.count(),
            value=cards.value_base_minor.sum(),
            spent=cards.monetary_base_minor.sum(),
            at_risk=(cards.value_base_minor * cards.churn_probability).sum(),
        )
        by_decile = by_decile.left_join(simple, "value_decile").drop("value_decile_right")
        brought = lake().to_arrow(cards.select("value_base_minor"))["value_base_minor"]
        curve = concentration(brought, 51)
        moved = values.filter(values.before_decile.notnull(), values.value_decile != values.before_decile)
        flows = moved.group_by("before_decile", "value_decile").agg(
            n=moved.count(), change=(moved.value_base_minor - moved.before_base_minor).sum()
        )
        return {
            "deciles": rows(by_decile.order_by(by_decile.value_decile.desc())),
            "curve": curve.to_pydict(),
            "gini": gini(brought),
            "compared": rows(values.agg(n=values.before_decile.count(), day=values.before_on.max()))[0],
            "flows": rows(flows),
            "fallen": _furthest(moved, cards, up=False),
            "risen": _furthest(moved, cards, up=True),
        }

    found = remembered("deciles", scope, shown, compute, "scores/customers", "scores/value")
    card = lake().document("value_card") or {}
    total = sum(row["value"] or 0 for row in found["deciles"])
    running, table = 0, []
    for row in found["deciles"]:
        running += row["value"] or 0
        table.append(
            {**row, "share": (row["value"] or 0) / total if total else None,
             "running": running / total if total else None, "url": customers_where(decile=row["value_decile"], sort="value")}
        )  # fmt: skip
    return {
        "deciles": table,
        "figure": _bars(table) if table else None,
        "total": total,
        "simple_total": sum(row["simple"] or 0 for row in table),
        "model": _names().get(card.get("model", "")),
        "contract_model": _names().get(card.get("contracts", {}).get("model", "")),
        "contracts": card.get("contracts"),
        "learned_before": date.fromisoformat(card["learned_before"]) if "learned_before" in card else None,
        "reach_days": round(card.get("reach_days", 0)),
        "why_not": card.get("not_enough_data"),
        "refused": [(_names().get(name, name), why) for name, why in card.get("refused", {}).items()],
        "tried": _tried(card),
        "contracts_tried": _tried(card.get("contracts", {})),
        "backtest": _backtest(card),
        "spans": [(one["decile"], one["low"], one["high"]) for one in reversed(card.get("spans") or [])],
        "calibration": _calibration(card),
        "curve": _curve(found["curve"]) if found["curve"]["share_of_customers"] else None,
        "gini": found["gini"],
        "compared": found["compared"],
        "moved": sum(row["n"] for row in found["flows"]),
        "matrix": _matrix(found["flows"]) if found["flows"] else None,
        "fallen": _linked(found["fallen"]),
        "risen": _linked(found["risen"]),
        "purchases": _purchases(card),
    }  # fmt: skip


def _names() -> dict[str, str]:
    return {
        "bgnbd": _("BG/NBD with gamma-gamma"),
        "mbgnbd": _("MBG/NBD with gamma-gamma"),
        "pareto": _("Pareto/NBD with gamma-gamma"),
        "hybrid": _("Habits corrected by learning"),
        "sbg": _("Renewals by shifted beta-geometric"),
        "hazard": _("Renewals by share lost at each tenure"),
    }


def _furthest(moved: ibis.Table, cards: ibis.Table, *, up: bool) -> list[dict[str, Any]]:
    """Whose value changed most, one way, among those who changed their tenth."""
    change = moved.value_base_minor - moved.before_base_minor
    way = moved.mutate(change=change).filter(change > 0 if up else change < 0)
    way = way.inner_join(cards.select("person_id", "customer_id", "name"), "person_id")
    order = ibis.desc("change") if up else ibis.asc("change")
    return rows(
        way.order_by(order, "person_id").limit(LISTED).select(
            "person_id", "customer_id", "name", "before_decile", "value_decile", "change", "value_base_minor"
        )
    )  # fmt: skip


def _linked(people: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "url": reverse("admin:person", args=[row["person_id"]])} for row in people]


def _bars(table: list[dict[str, Any]]) -> figures.Figure:
    return figures.bars(
        [row["value_decile"] for row in table],
        [in_units(row["value"] or 0) for row in table],
        name=_("Value"),
        links=[row["url"] for row in table],
        x_title=_("Value decile"),
        y_title=_("Value, next 12 months"),
        text=[compact_money(row["value"]) for row in table],
    )


def _tried(card: dict[str, Any]) -> list[dict[str, Any]]:
    """How each model did, the one taken first, the simple formula last."""
    tried = [
        {"name": _names().get(name, name), "taken": name == card.get("model"), **result}
        for name, result in card.get("tried", {}).items()
    ]
    tried.sort(key=lambda row: (not row["taken"], -(row["explained"] or 0)))
    if tried and card.get("simple"):
        tried.append({"name": _("Frequency × value × time left"), "taken": False, **card["simple"]})
    return tried


def _backtest(card: dict[str, Any]) -> figures.Figure | None:
    """Foretold beside happened for each tenth of the stretch held out, with intervals."""
    tenths = card.get("tried", {}).get(card.get("model", ""), {}).get("deciles")
    if not tenths:
        return None
    x = [row["decile"] for row in tenths]
    figure = figures.bars(x, [in_units(row["foretold"]) for row in tenths], name=_("Foretold"), color="$muted",
                          x_title=_("Value decile"), y_title=_("A customer, in the stretch held out"))  # fmt: skip
    happened = figures.bars(x, [in_units(row["happened"]["value"]) for row in tenths], name=_("Happened"))
    happened["data"][0]["error_y"] = {
        "type": "data", "symmetric": False, "color": "$text",
        "array": [in_units(row["happened"]["high"] - row["happened"]["value"]) for row in tenths],
        "arrayminus": [in_units(row["happened"]["value"] - row["happened"]["low"]) for row in tenths],
    }  # fmt: skip
    figure["data"] += happened["data"]
    figure["layout"] |= {"barmode": "group", "legend": {"orientation": "h", "y": 1.12}}
    return figure


def _calibration(card: dict[str, Any]) -> figures.Figure | None:
    bins = card.get("calibration")
    if not bins:
        return None
    figure = figures.calibration(
        bins, said=_("Chance to buy, foretold"), seen=_("Share that bought"), perfect=_("Perfect")
    )
    figure["data"][1]["error_y"] = {
        "type": "data", "symmetric": False, "color": "$muted",
        "array": [one["high"] - one["observed"] for one in bins],
        "arrayminus": [one["observed"] - one["low"] for one in bins],
    }  # fmt: skip
    return figure


def _curve(curve: dict[str, list[float]]) -> figures.Figure:
    return figures.concentration(
        curve, name=_("Share of value"), alike=_("All alike"), x_title=_("Share of customers, best first")
    )


def _matrix(flows: list[dict[str, Any]]) -> list[tuple[int, list[dict[str, Any]]]]:
    """From each tenth (row, the highest first) to each (column, the highest first): how many, and the customers there now."""
    counts = {(row["before_decile"], row["value_decile"]): row["n"] for row in flows}
    return [
        (
            before,
            [
                {
                    "n": counts.get((before, now), 0),
                    "same": before == now,
                    "url": customers_where(decile=now, sort="value"),
                }
                for now in range(10, 0, -1)
            ],
        )
        for before in range(10, 0, -1)
    ]


def _purchases(card: dict[str, Any]) -> dict[str, float] | None:
    """Purchases expected of all buyers, with the 95 % interval that the estimate of the habits leaves."""
    told = card.get("expected_purchases")
    if not told or told.get("error") is None:
        return None
    half = 1.96 * told["error"]
    return {"value": told["value"], "low": max(0.0, told["value"] - half), "high": told["value"] + half}
