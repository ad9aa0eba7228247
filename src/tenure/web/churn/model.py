"""The model card of the churn score."""

from typing import Any

from django.utils.translation import gettext as _

from tenure.desk.customers.models import Publication
from tenure.desk.customers.words import RISK_BANDS
from tenure.desk.lake import lake
from tenure.lake import Scope
from tenure.language import Words
from tenure.web import figures
from tenure.web.parts import Context


def model(scope: Scope, shown: Publication | None) -> Context:
    """The model card: what the churn score is, how it was tried, and how good it proved."""
    card = lake().document("churn_card")
    if not card or "metrics" not in card:
        return {"card": None, "why": (card or {}).get("not_enough_data"), "way_out": (card or {}).get("way_out")}
    deciles = card["metrics"].get("deciles") or []
    risky_first = [d for d in deciles if d.get("lift") is not None]
    points = [{"predicted": d["predicted"], "observed": d["observed"], "n": d["rows"]} for d in reversed(deciles)]
    board = lake().document("churn_leaderboard") or {}
    metrics = card["metrics"]
    return {
        "card": card,
        "plainly": _plainly(metrics),
        "board": board if board.get("learners") else None,
        "learners": _lines(board),
        "profit": _profit(board),
        "campaign": _assumed(board.get("campaign") or (metrics.get("profit") or {}).get("campaign")),
        "bands": [(row, str(RISK_BANDS.get(row["band"], row["band"]))) for row in metrics.get("bands", [])],
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


def _plainly(metrics: dict[str, Any]) -> list[str]:
    """What the figures mean to whoever decides by them."""
    told = []
    if metrics.get("top_precision") is not None:
        told.append(
            _("Of 100 customers in the riskiest tenth, {n} left: {times} times the average.").format(
                n=round(100 * metrics["top_precision"]), times=f"{metrics['top_decile_lift']:.1f}"
            )
        )
        told.append(_("That tenth holds {share} of all who left.").format(share=f"{metrics['top_recall']:.0%}"))
        told.append(
            _("A chance it tells is off by {points} percentage points on average.").format(
                points=f"{100 * metrics['calibration_error']:.1f}"
            )
        )
    lead = metrics.get("lead_time")
    if lead and lead["caught"] is not None:
        told.append(_warned(lead))
    return told


def _warned(lead: dict[str, Any]) -> str:
    caught = f"{lead['caught']:.0%}"
    if lead["median"] is None:
        return _("It put none of those who left at high risk before.")
    days = {
        "caught": caught,
        "low": f"{lead['low']:.0f}",
        "median": f"{lead['median']:.0f}",
        "high": f"{lead['high']:.0f}",
    }
    if lead["exact"]:
        return _(
            "It put {caught} of those who left at high risk beforehand: half of them {median} days or more before they left "
            "(middle half {low} to {high})."
        ).format(**days)
    return _(
        "It put {caught} of those who left at high risk beforehand: half of them {median} days or more before the period in "
        "which they left began (middle half {low} to {high})."
    ).format(**days)


def _lines(board: dict[str, Any]) -> list[dict[str, Any]]:
    """The leaderboard's lines; gain: whether the AUC is proven better or worse than the champion's, or neither."""
    told = []
    for line in board.get("learners") or []:
        gain = (line.get("gains") or {}).get("auc")
        shown = "" if gain is None else "t-good" if gain[1] > 0 else "t-bad" if gain[2] < 0 else ""
        profit = (line.get("gains") or {}).get("profit")
        told.append(
            {
                **line,
                "gain": None if gain is None else " … ".join(f"{value:+.3f}" for value in gain[1:]),
                "tone": shown,
                "profit_gain": None if profit is None else " … ".join(f"{100 * value:+.2f}" for value in profit[1:]),
                "champion": line["name"] == board["champion"],
                "next": line["name"] == board["next"] != board["champion"],
            }
        )
    return told


def _assumed(campaign: dict[str, float] | None) -> dict[str, float] | None:
    return campaign and {**campaign, "accepts": campaign["alpha"] / (campaign["alpha"] + campaign["beta"])}


def _profit(board: dict[str, Any]) -> figures.Figure | None:
    """The profit of contacting each share of the customers, by the champion's score and the best challenger's."""
    curves = board.get("curves")
    if not curves:
        return None
    best = max(point["profit"] for points in curves.values() for point in points)
    words = {line["name"]: line["words"] for line in board["learners"]}
    return figures.shares(
        [
            (str(Words(words[name]["en"], words[name]["zh"])), [(p["contacted"], p["profit"]) for p in points])
            for name, points in curves.items()
        ],
        # How far it falls where everybody is contacted is not what anyone chooses by.
        y_range=(-best, 1.3 * best) if best > 0 else None,
        x_title=_("Share of the customers contacted, riskiest first"),
        y_title=_("Profit, share of a customer's value"),
    )
