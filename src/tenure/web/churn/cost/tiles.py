"""What churn costs and what is at risk, drawn for a board."""

from collections.abc import Mapping

from django.urls import reverse
from django.utils.translation import gettext as _

from tenure.desk.customers.models import Publication
from tenure.insight import cost_of_churn as cost_
from tenure.insight.metrics import Period
from tenure.lake import Scope
from tenure.web import figures
from tenure.web.churn.cost.lines import PARTS, in_order, month_bars, risk_line, why_no_one, why_not
from tenure.web.churn.cost.sums import base_of, risk_of, stated, told_of
from tenure.web.insight.drawn import Drawn
from tenure.web.templatetags.tenure import compact_money, in_units


def draw_cost(scope: Scope, period: Period, segment: str = "", options: Mapping[str, str] | None = None) -> Drawn:
    """What churn of the last twelve months cost, by month, over the customers the asker may see."""
    shown, url, title = Publication.current(), reverse("admin:churn_part", args=["cost"]), _("Cost of churn, 12 months")
    if not scope.sees("amounts"):
        return Drawn(title, None, url, why=_("Your role hides amounts."))
    if shown is None:
        return Drawn(title, None, url, why=why_no_one())
    base, told = base_of(scope, shown), told_of(scope, shown)
    whole, why = told["whole"], why_not(base, told, cost_.in_force(stated()), scope)
    if not whole["total"]:
        return Drawn(title, None, url, why=why[0] if why else why_no_one())
    said = _("%(total)s (%(low)s … %(high)s), of which %(lost)s margin lost; %(n)s customers left") % {
        "total": compact_money(whole["total"]), "low": compact_money(whole["total_low"]),
        "high": compact_money(whole["total_high"]), "lost": compact_money(whole["lost"]), "n": f"{whole['customers']:,}",
    }  # fmt: skip
    months = told["by"]["month"]
    heads = [_("Month"), *(str(words) for words in PARTS.values()), _("In all"), _("Customers")]
    body = [[row["segment"], *(in_units(row[name]) for name in (*PARTS, "total")), row["customers"]] for row in months]
    return Drawn(title, month_bars(months), url, said=said, rows=[heads, *body])


def draw_risk(scope: Scope, period: Period, segment: str = "", options: Mapping[str, str] | None = None) -> Drawn:
    """Revenue at risk by risk band, over the customers the asker may see."""
    shown, url, title = (
        Publication.current(),
        reverse("admin:churn_part", args=["cost"]),
        _("Revenue at risk, 12 months"),
    )
    if not scope.sees("amounts"):
        return Drawn(title, None, url, why=_("Your role hides amounts."))
    if shown is None:
        return Drawn(title, None, url, why=why_no_one())
    found = risk_of(scope, shown)
    if not found["whole"]["customers"]:
        return Drawn(
            title, None, url, why=_("Not enough data, because no customer has a chance of leaving and a value yet.")
        )
    whole = found["whole"]
    bands = [risk_line(row, "risk") for row in in_order(found["by"]["risk"]) if row["customers"]]
    low, high = (compact_money(whole[name]) for name in ("low", "high"))
    said = f"{compact_money(whole['at_risk'])} ({low} … {high})"
    figure = figures.bars(
        [row["name"] for row in bands], [in_units(row["at_risk"]) for row in bands], name=_("At risk"),
        links=[row["url"] for row in bands], text=[compact_money(row["at_risk"]) for row in bands], color="$bad",
    )  # fmt: skip
    heads = [_("Churn risk"), _("At risk"), _("Customers")]
    return Drawn(
        title,
        figure,
        url,
        said=said,
        rows=[heads, *([row["name"], in_units(row["at_risk"]), row["customers"]] for row in bands)],
    )
