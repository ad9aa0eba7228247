"""Who is behind a figure of the cost of churn."""

from collections.abc import Mapping

import pyarrow as pa
from django.urls import reverse
from django.utils.translation import gettext as _

from tenure.desk.customers.models import Publication
from tenure.desk.lake import lake
from tenure.lake import Scope
from tenure.web.churn.cost.lines import heading, name_of
from tenure.web.churn.cost.sums import OF_LEFT, base_of, by_cause, caused, costs_of
from tenure.web.insight.bridge import exactly
from tenure.web.insight.people import Opened
from tenure.web.insight.shared import rows
from tenure.web.templatetags.tenure import compact_money


def people(scope: Scope, shown: Publication | None, given: Mapping[str, str]) -> Opened | None:
    """Those who left (of one part of a split), with what each costs; or those served at a loss, with what each brought."""
    if shown is None or not scope.sees("amounts"):
        return None
    back = reverse("admin:churn_part", args=["cost"])
    if given.get("what") == "losing":
        habits = lake().read("scores/habits", actor=scope)
        habits = habits.filter(habits.margin_share < 0)
        margin = (habits.margin_share * habits.brought_base_minor).round().cast("int64")
        found = rows(
            habits.select("person_id", brought=habits.brought_base_minor, margin=margin).order_by("margin", "person_id")
        )
        return Opened(
            _("Customers served at a loss"), "", back, _("Cost"), [row["person_id"] for row in found],
            [_("Brought, 12 months"), _("Margin")],
            {row["person_id"]: [exactly(row["brought"] or 0), exactly(row["margin"] or 0)] for row in found},
            ["", exactly(sum(row["margin"] or 0 for row in found))], ("amounts",),
        )  # fmt: skip
    base = base_of(scope, shown)
    table = costs_of(base).table
    by, part, said = given.get("by", ""), given.get("code", ""), ""
    if by in (*OF_LEFT, "cause"):
        codes = caused(scope, base)[0] if by == "cause" else base["segments"][by]
        mine = pa.array([(code or "") == part for code in codes], pa.bool_())
        table, said = table.filter(mine), f"{heading(by)}: {name_of(by, part)}"
        if by == "cause":
            said += _estimated(scope, shown, part)
    found = sorted(table.to_pylist(), key=lambda row: (-row["total"], row["spared"], row["person_id"]))
    return Opened(
        _("Customers who left"), said, back, _("Cost"), [row["person_id"] for row in found],
        [_("Left on"), _("Margin a month"), _("Months still expected"), _("Margin lost"), _("Cost in all")],
        {row["person_id"]: [
            f"{row['left_on']:%Y-%m-%d}",
            "–" if row["margin"] is None else exactly(round(row["margin"])),
            "–" if row["months"] is None else f"{row['months']:.1f}", exactly(row["lost"]), exactly(row["total"]),
        ] for row in found},
        ["", "", "", exactly(sum(row["lost"] for row in found)), exactly(sum(row["total"] for row in found))], ("amounts",),
    )  # fmt: skip


def _estimated(scope: Scope, shown: Publication, cause: str) -> str:
    """What a cause comes to as interviews correct it, beside those who say it; empty where too few were asked."""
    told = by_cause(scope, shown)
    if not told["better"] or cause not in told["better"].causes:
        return ""
    people, money = told["people"].causes[cause], told["better"].causes[cause]
    return _(
        " · as said; as interviews correct it ≈%(n)s (%(low)s … %(high)s) leavers and %(money)s (%(least)s … %(most)s)"
    ) % {
        "n": f"{people.value:,.0f}", "low": f"{people.low:,.0f}", "high": f"{people.high:,.0f}",
        "money": compact_money(money.value), "least": compact_money(money.low), "most": compact_money(money.high),
    }  # fmt: skip
