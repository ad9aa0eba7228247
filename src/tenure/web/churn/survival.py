"""How long customers stay, by stage, region, kind and plan."""

from collections.abc import Sequence
from typing import Any

import ibis
import numpy as np
from django.utils.translation import gettext as _

from tenure.desk.customers.models import Publication
from tenure.desk.customers.words import STAGES
from tenure.desk.lake import lake
from tenure.insight.survival import Survival, hazard, kaplan_meier
from tenure.lake import Scope
from tenure.web import figures
from tenure.web.cache import remembered
from tenure.web.insight.shared import customers_where, rows
from tenure.web.parts import Context

YEAR = 365
SHOWN = 6  # segments of a split; the largest
LEAST = 20  # customers of a curve: below it, the interval is most of the picture
EDGES = (0, 30, 60, 90, 180, 365, 730, 1095, 1825)
TINTS = ("$primary", "$good", "$bad", "$muted", "$text", "$veil")
SPLITS = ("stage", "region", "kind", "plan")


def survival(scope: Scope, shown: Publication | None) -> Context:
    """Curves over the asker's customers, all together and by each way to split them."""

    def compute() -> dict[str, Any]:
        known = lake().read("scores/lives", actor=scope)
        cards = (
            lake().read("scores/customers", actor=scope).select("person_id", "stage", "region", customer_kind="kind")
        )
        table = known.drop("kind").inner_join(cards, "person_id").rename(kind="customer_kind")
        counts = {
            split: rows(table.group_by(table[split].name("segment"), "days", "ended").agg(n=ibis._.count()))
            for split in SPLITS
        }
        return {
            "all": rows(known.group_by("days", "ended").agg(n=ibis._.count())),
            "ways": {row["kind"]: row["n"] for row in rows(known.group_by("kind").agg(n=ibis._.count()))},
            **counts,
        }

    found = remembered("survival", scope, shown, compute, "scores/lives", "scores/customers")
    if not found["all"]:
        return {"everyone": None}
    everyone = _curve(found["all"])
    card = lake().document("lives_card") or {}
    splits = []
    for split, title in (("stage", _("Stage")), ("region", _("Region")), ("kind", _("Kind")), ("plan", _("Plan"))):
        told = _segments(split, found[split])
        if len(told) > 1:
            figure = _lines([(row["name"], row["curve"]) for row in told], band=False)
            splits.append({"code": f"by_{split}", "title": title, "rows": told, "figure": figure})
    return {
        "everyone": _row(_("All"), everyone),
        "figure": _lines([(_("All"), everyone)], band=True),
        "hazard": _hazard(found["all"]),
        "ways": found["ways"],
        "silence_days": card.get("silence_days"),
        "splits": splits,
    }


def _curve(counts: Sequence[dict[str, Any]]) -> Survival:
    return kaplan_meier(*_columns(counts))


def _columns(counts: Sequence[dict[str, Any]]) -> tuple[Any, Any, Any]:
    return (
        np.array([row["days"] for row in counts], float),
        np.array([row["ended"] for row in counts], float),
        np.array([row["n"] for row in counts], float),
    )


def _segments(split: str, counts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The largest segments, each with its curve."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for row in counts:
        if row["segment"]:
            by_name.setdefault(row["segment"], []).append(row)
    sizes = {name: sum(row["n"] for row in mine) for name, mine in by_name.items()}
    largest = sorted((name for name, n in sizes.items() if n >= LEAST), key=lambda name: (-sizes[name], name))[:SHOWN]
    told = []
    for name in largest:
        words = str(STAGES[name]) if split == "stage" and name in STAGES else name
        url = customers_where(**{split: name}) if split in ("stage", "region") else None
        told.append(_row(words, _curve(by_name[name])) | {"url": url})
    return told


def _row(name: str, curve: Survival) -> dict[str, Any]:
    """A curve with what a reader asks of it. life: mean days within the next year of somebody new, with 95 %."""
    life = curve.expected_life(YEAR)
    year = int(np.searchsorted(curve.times, YEAR, side="right")) - 1
    seen = curve.last_seen >= YEAR
    return {
        "name": name,
        "curve": curve,
        "customers": curve.customers,
        "left": float(curve.left.sum()),
        "year": {"value": float(curve.share[year]), "low": float(curve.low[year]), "high": float(curve.high[year])}
        if seen
        else None,
        "median": curve.median(),
        "life": {"value": life[0], "half": 1.96 * life[1]} if life else None,
        "within": min(YEAR, curve.last_seen),
    }


def _lines(curves: Sequence[tuple[str, Survival]], *, band: bool) -> figures.Figure:
    data: list[dict[str, Any]] = []
    for (name, curve), tint in zip(curves, TINTS, strict=False):
        x = [*curve.times.tolist(), curve.last_seen]
        if band:
            for edge, fill in ((curve.high, None), (curve.low, "tonexty")):
                y = [*edge.tolist(), float(edge[-1])]
                data.append(
                    {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": {"shape": "hv", "width": 0, "color": tint},
                     "hoverinfo": "skip", "showlegend": False} | ({"fill": fill, "fillcolor": "$veil"} if fill else {})
                )  # fmt: skip
        data.append(
            {"type": "scatter", "mode": "lines", "x": x, "y": [*curve.share.tolist(), float(curve.share[-1])], "name": name,
             "line": {"shape": "hv", "color": tint}}
        )  # fmt: skip
    return {
        "data": data,
        "layout": {
            "xaxis": {"title": {"text": _("Days since becoming a customer")}, "rangemode": "tozero"},
            "yaxis": {"title": {"text": _("Still customers")}, "tickformat": ".0%", "range": [0, 1.02]},
            "showlegend": len(curves) > 1,
            "legend": {"orientation": "h", "y": 1.15},
        },
    }


def _hazard(counts: Sequence[dict[str, Any]]) -> figures.Figure:
    """Leavers for every hundred customers and month, by tenure."""
    lasted, ended, weight = _columns(counts)
    edges = [edge for edge in EDGES if edge < lasted.max()] + [float(max(lasted.max(), 1))]
    told = [row for row in hazard(lasted, ended, edges, weight).to_pylist() if row["rate"] is not None]
    month = 100 * 365.25 / 12
    figure = figures.bars(
        [f"{row['since']:.0f}–{row['until']:.0f}" for row in told],
        [row["rate"] * month for row in told],
        name=_("Leaving"),
        x_title=_("Days since becoming a customer"),
        y_title=_("Leave a month, of 100"),
        text=[f"{row['rate'] * month:.1f}" for row in told],
    )
    figure["data"][0]["error_y"] = {
        "type": "data", "symmetric": False, "color": "$muted",
        "array": [(row["rate_high"] - row["rate"]) * month if row["rate_high"] else 0 for row in told],
        "arrayminus": [(row["rate"] - row["rate_low"]) * month if row["rate_low"] else 0 for row in told],
    }  # fmt: skip
    return figure
