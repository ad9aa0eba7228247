"""What churn costs: who left in the last twelve months, by segment, cause and month; what is at risk; what is assumed."""

from collections.abc import Mapping

from django.urls import NoReverseMatch, reverse

from tenure.desk.customers.models import Publication
from tenure.desk.governance.api import may
from tenure.desk.governance.models import User
from tenure.insight import cost_of_churn as cost_
from tenure.insight.cost_of_churn import ASSUMPTIONS
from tenure.lake import Scope
from tenure.web.churn.cost.assumptions import field, may_set
from tenure.web.churn.cost.lines import (
    PARTS,
    SHOWN,
    in_order,
    line,
    month_bars,
    risk_line,
    said_of,
    splits,
    why_no_one,
    why_not,
)
from tenure.web.churn.cost.sums import SPLITS, Row, base_of, by_cause, risk_of, stated, told_of
from tenure.web.insight.people import opened_where
from tenure.web.insight.shared import customers_where
from tenure.web.parts import Context


def cost(scope: Scope, shown: Publication | None, given: Mapping[str, str]) -> Context:
    """What those who left cost and what is at risk, over the customers the asker may see, told apart as asked."""
    by = given.get("by", "") if given.get("by", "") in SPLITS else SPLITS[0]
    context: Context = {"splits": splits(), "by": by, "by_name": dict(splits())[by], "causes_url": _causes()}
    if shown is None:
        return context | {"why": why_no_one()}
    base, told, risk = base_of(scope, shown), told_of(scope, shown), risk_of(scope, shown)
    held = cost_.in_force(stated())
    context |= {
        "period": f"{base['months'][0]} – {base['months'][-1]}",
        "whole": told["whole"],
        "why_not": why_not(base, told, held, scope),
        "pieces": [(name, str(words), told["whole"][name]) for name, words in PARTS.items()],
        "each": told["whole"]["total"] // paying if (paying := _paying(told["whole"])) else None,
        "opens": opened_where("cost", what="left"),
        "months_figure": month_bars(told["by"]["month"]) if told["whole"]["total"] else None,
        "causes": [line(row, "reason") for row in told["by"]["reason"][:SHOWN]] if told["by"]["reason"] else [],
        "said": said_of(by_cause(scope, shown)),
        "lines": [line(row, by) for row in told["by"][by][:SHOWN]],
        "cut": max(0, len(told["by"][by]) - SHOWN),
        "risk": risk["whole"],
        "bands": [risk_line(row, "risk") for row in in_order(risk["by"]["risk"]) if row["customers"]],
        "risk_lines": [risk_line(row, by) for row in risk["by"][by][:SHOWN]],
        "risk_url": customers_where(sort="at_risk"),
        "losing": risk["losing"],
        "losing_url": opened_where("cost", what="losing"),
        "assumptions": [field(name, one, held, told) for name, one in ASSUMPTIONS.items()],
        "margins": told["margins"],
        "may_set": may_set(scope),
        "may_export": _may_export(scope),
    }
    return context


def _paying(row: Row) -> int:
    """Those who left who are a loss: neither unknown nor served at one."""
    return int(row["customers"] - row["unknown"] - row["spared_customers"])


def _may_export(scope: Scope) -> bool:
    user = User.objects.filter(pk=scope.user_id).first() if scope.user_id else None
    return user is not None and may(user, "export")


def _causes() -> str:
    """Where the causes of leaving are told, where the workspace has that part."""
    from tenure.web.churn.page import PARTS as TABS

    try:
        return reverse("admin:churn_part", args=["causes" if "causes" in TABS else "model"])
    except NoReverseMatch:
        return ""
