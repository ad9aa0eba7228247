"""The model card of the churn score."""

from django.utils.translation import gettext as _

from tenure.desk.customers.models import Publication
from tenure.desk.customers.words import RISK_BANDS
from tenure.desk.lake import lake
from tenure.lake import Scope
from tenure.web import figures
from tenure.web.parts import Context


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
