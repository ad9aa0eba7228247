"""How long customers stay, by who they are: curves, when they leave, and the life still to be expected."""

from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import numpy as np
from django.urls import reverse
from django.utils.translation import gettext as _

from tenure.desk.customers import selectors
from tenure.desk.customers.models import Publication
from tenure.desk.customers.words import KINDS, STAGES, TIERS, words_for
from tenure.desk.lake import lake
from tenure.insight.hazard import EDGES_DAYS as EDGES
from tenure.insight.hazard import DiscreteHazard, compare, holm
from tenure.insight.survival import NotEnoughLivesError, Survival, hazard, kaplan_meier
from tenure.lake import Scope
from tenure.language import Words
from tenure.web import figures
from tenure.web.cache import remembered
from tenure.web.insight import narrowed
from tenure.web.insight.people import Opened, opened_where
from tenure.web.insight.shared import customers_where, persona_called, rows
from tenure.web.parts import Context

YEAR = 365
SHOWN = 6  # segments of a split; the largest
LEAST = 20  # customers of a curve: below it, the interval is most of the picture
TINTS = ("$primary", "$good", "$bad", "$muted", "$text", "$veil")
SPLITS: Mapping[str, Words] = {
    "region": Words("Region", "地区"),
    "plan": Words("Plan", "套餐"),
    "channel": Words("Channel that won them", "获客渠道"),
    "kind": Words("Kind", "类型"),
    "tier": Words("Tier", "客户分级"),
    "persona": Words("Persona", "客户画像"),
    "stage": Words("Stage", "阶段"),
}
# What a customer is by what it did since: its curve looks back, and groups made of the outcome differ by their making.
LOOKS_BACK = frozenset({"tier", "persona", "stage"})
LISTED = frozenset({"region", "kind", "tier", "persona", "stage"})  # those the list of customers can be narrowed by


def survival(scope: Scope, shown: Publication | None, given: Mapping[str, str]) -> Context:
    """Curves over the asker's customers: all together, and told apart by one way of those there are.

    given: of (whom it is narrowed to, a saved segment among them), by (what tells apart).
    """
    of = narrowed.read(given.get("of", ""), scope)

    def compute() -> dict[str, Any]:
        table = _lives(scope, of)
        counts = {
            split: rows(table.group_by(table[split].name("segment"), "days", "ended").agg(n=ibis._.count()))
            for split in SPLITS
        }
        return {
            "all": rows(table.group_by("days", "ended").agg(n=ibis._.count())),
            "ways": {row["how"]: row["n"] for row in rows(table.group_by("how").agg(n=ibis._.count()))},
            **counts,
        }

    what = f"survival:{of}:{narrowed.version(of)}"
    found = remembered(what, scope, shown, compute, *narrowed.tables("scores/lives", "records/customers"))
    context: Context = {
        "everyone": None,
        "asked": {"of": of},
        "offered": narrowed.offered(scope, shown),
        "narrowed": narrowed.said(of) if of else "",
    }
    if not found["all"]:
        return context
    ways = _ways(found, scope, of)
    by = given.get("by", "")
    by = by if by in {way["code"] for way in ways} else ways[0]["code"] if ways else ""
    everyone = _curve(found["all"])
    return context | {
        "everyone": _row(_("All"), everyone),
        "figure": _lines([(_("All"), everyone)], band=True),
        "hazard": _hazard(found["all"]),
        "ways": found["ways"],
        "silence_days": (lake().document("lives_card") or {}).get("silence_days"),
        "splits": ways,
        "by": by,
        "split": _split(by, found[by], of) if by else None,
    }


def people(scope: Scope, shown: Publication | None, given: Mapping[str, str]) -> Opened | None:
    """The customers of one curve, those still there first."""
    of, by, value = narrowed.read(given.get("of", ""), scope), given.get("by", ""), given.get("value", "")
    if by not in SPLITS or not _may(by, scope):
        return None
    table = _lives(scope, of)
    found = rows(table.filter(table[by] == value).order_by("ended", ibis.desc("days"), "person_id"))
    return Opened(
        title=f"{SPLITS[by]}: {_called(by, value)}",
        said=narrowed.said(of) if of else "",
        back=_url(by, of),
        back_name=_("Survival"),
        people=[row["person_id"] for row in found],
        columns=[_("Days a customer"), _("Still there")],
        values={row["person_id"]: [f"{row['days']:,}", _("no") if row["ended"] else _("yes")] for row in found},
        guards=(selectors.TELLS[by],) if by in selectors.TELLS else (),
    )


def _lives(scope: Scope, of: str) -> ibis.Table:
    """person_id, days, ended, how (contract or buyer), and a column for each way to tell customers apart."""
    known = lake().read("scores/lives", actor=scope)
    cards = (
        lake().read("scores/customers", actor=scope).select("person_id", "stage", "region", "kind", "tier", "persona")
    )
    told = lake().read("records/customers", actor=scope)
    won = told.group_by("person_id").agg(channel=told.acquisition_channel.min())
    table = known.select("person_id", "days", "ended", "plan", how="kind").inner_join(cards, "person_id")
    table = table.left_join(won, "person_id").drop("person_id_right")
    return narrowed.only(table, narrowed.persons(scope, of, narrowed.read_cards(scope)) if of else None)


def _may(split: str, scope: Scope) -> bool:
    guard = selectors.TELLS.get(split)
    return guard is None or scope.sees(guard)


def _ways(found: Mapping[str, Any], scope: Scope, of: str) -> list[dict[str, Any]]:
    """The ways customers can be told apart, each with whether its groups leave at another pace.

    Tested are those that were so from the start alone, and the chances raised for how many were looked at (Holm).
    """
    told: list[dict[str, Any]] = []
    for split, words in SPLITS.items():
        largest = _largest(found[split])
        if len(largest) < 2 or not _may(split, scope):
            continue
        chance = None
        if split not in LOOKS_BACK:
            counts = [row for row in found[split] if row["segment"] in largest]
            try:
                chance = compare(*_columns(counts)[:2], [row["segment"] for row in counts], _columns(counts)[2]).p
            except NotEnoughLivesError:
                chance = None
        told.append({"code": split, "words": str(words), "groups": len(largest), "p": chance, "url": _url(split, of)})
    tested = [way for way in told if way["p"] is not None]
    for way, chance in zip(tested, holm([way["p"] for way in tested]), strict=True):
        way["p"] = chance
        way["differs"] = chance < 0.05
        way["shown"] = "< .001" if chance < 0.001 else f"{chance:.3f}".lstrip("0") if chance < 1 else "1"
    return told


def _url(by: str, of: str) -> str:
    query = f"?by={by}" + (f"&of={of}" if of else "")
    return reverse("admin:churn_part", args=["survival"]) + query


def _curve(counts: Sequence[dict[str, Any]]) -> Survival:
    return kaplan_meier(*_columns(counts))


def _columns(counts: Sequence[dict[str, Any]]) -> tuple[Any, Any, Any]:
    return (
        np.array([row["days"] for row in counts], float),
        np.array([row["ended"] for row in counts], float),
        np.array([row["n"] for row in counts], float),
    )


def _largest(counts: Sequence[dict[str, Any]]) -> list[str]:
    sizes: dict[str, int] = {}
    for row in counts:
        if row["segment"]:
            sizes[row["segment"]] = sizes.get(row["segment"], 0) + row["n"]
    return sorted((name for name, n in sizes.items() if n >= LEAST), key=lambda name: (-sizes[name], name))[:SHOWN]


def _called(split: str, name: str) -> str:
    words = {"stage": STAGES, "tier": TIERS, "kind": KINDS}.get(split, {})
    if split == "channel":
        return words_for("channel", name)
    return persona_called(name) if split == "persona" else str(words.get(name, name))


def _split(split: str, counts: list[dict[str, Any]], of: str) -> dict[str, Any]:
    """The largest segments told apart: curve, the days still to come of those there now, and the odds of leaving."""
    names = _largest(counts)
    inside = [row for row in counts if row["segment"] in names]
    model = None
    try:
        model = DiscreteHazard(EDGES).fit(
            *_columns(inside)[:2], [row["segment"] for row in inside], _columns(inside)[2]
        )
    except NotEnoughLivesError:
        model = None
    odds = {name: (ratio, low, high) for name, ratio, low, high in model.ratios()} if model else {}
    told = []
    for name in names:
        mine = [row for row in inside if row["segment"] == name]
        here = [row for row in mine if not row["ended"]]
        days, _ended, weight = _columns(here)
        ahead = None
        if model and here:
            value, low, high = model.mean_remaining_life(days, name, weight, within=YEAR)
            ahead = {"value": value, "low": low, "high": high}
        url = opened_where("survival", by=split, value=name, of=of)
        if split in LISTED and not of:
            url = customers_where(**{split: name})
        ratio = dict(zip(("value", "low", "high"), odds[name], strict=True)) if name in odds else None
        told.append(_row(_called(split, name), _curve(mine)) | {"url": url, "ahead": ahead, "odds": ratio})
    figure = _lines([(row["name"], row["curve"]) for row in told], band=False)
    return {"code": split, "title": str(SPLITS[split]), "rows": told, "figure": figure, "back": split in LOOKS_BACK}


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
