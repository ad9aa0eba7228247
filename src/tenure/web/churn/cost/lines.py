"""What churn costs in words: lines of a table, bars by month, what is missing for the whole of it."""

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _

from tenure.desk.causes import api as causes_of
from tenure.desk.customers.words import RISK_BANDS, words_for
from tenure.insight import cost_of_churn as cost_
from tenure.insight.causes import CONTROL
from tenure.insight.metrics.breakdown import DIMENSIONS
from tenure.lake import Scope
from tenure.language import Words
from tenure.web import figures
from tenure.web.churn.cost.sums import SPLITS, Row
from tenure.web.insight.people import opened_where
from tenure.web.insight.shared import customers_where, persona_called
from tenure.web.templatetags.tenure import in_units

PARTS: Mapping[str, Words] = {
    "lost": Words("Margin lost", "损失毛利"),
    "replaced": Words("Winning others", "重新获客"),
    "told": Words("What others heard", "口碑影响"),
    "referred": Words("Referrals lost", "损失推荐"),
}
TINTS = {"lost": "$bad", "replaced": "$primary", "told": "$text", "referred": "$muted"}
SHOWN = 12
CODED = {"tier": "tier", "stage": "stage", "kind": "kind", "risk": "risk", "channel": "channel"}


def splits() -> list[tuple[str, str]]:
    """The parts a reader may choose to tell the cost apart by, as (code, words)."""
    return [(name, heading(name)) for name in SPLITS]


def heading(name: str) -> str:
    """What a split is called."""
    of_left = {
        "plan": _("Plan"),
        "channel": _("Channel that won them"),
        "reason": _("Reason"),
        "month": _("Month"),
        "cause": _("Cause"),
    }
    return of_left.get(name) or str(DIMENSIONS[name].words)


def name_of(split: str, code: str | None) -> str:
    """What one part of a split is called."""
    if not code:
        return _("Not said") if split in ("reason", "cause") else _("Unknown")
    if split == "cause":
        return str(causes_of.causes().get(code, code))
    if split == "reason":
        return causes_of.reason_words(code)
    return persona_called(code) if split == "persona" else words_for(CODED.get(split, ""), code)


def line(row: Row, split: str) -> Row:
    """A row of leavers with what its part is called and where its people are listed."""
    return row | {
        "name": name_of(split, row["segment"]),
        "indirect": row["told"] + row["referred"],
        "url": opened_where("cost", what="left", by=split, code=row["segment"] or "") if row["customers"] else "",
    }


def said_of(told: Row) -> Row | None:
    """Lines of the causes people give, and by control; None where nobody who left says any.

    With enough asked in depth, each with what it comes to as they correct it, and ranked by that.
    """
    if not any(row["segment"] for row in told["causes"]):
        return None
    better, people = told["better"], told["people"]
    lines = [line(row, "cause") | {"confirmed": told["confirmed"][row["segment"]]} for row in told["causes"]]
    if better:
        there = {row["segment"] for row in lines}
        nothing = {name: 0 for name in lines[0] if name not in ("segment", "name", "url")}
        lines += [
            {"segment": code, "name": name_of("cause", code), "url": "", **nothing}
            for code, one in people.causes.items() if code not in there and one.value >= 0.5
        ]  # fmt: skip
        for row in lines:
            row |= {"better": better.causes.get(row["segment"]), "people": people.causes.get(row["segment"])}
        lines.sort(key=lambda row: -(row["better"].value if row["better"] else row["total"]))
    named = sum(row["customers"] for row in told["causes"] if row["segment"])
    cards = {row["segment"]: row for row in told["controls"]}
    groups = better.groups if better else {}
    return {
        "lines": lines[:SHOWN], "cut": max(0, len(lines) - SHOWN), "named": named, "every": lines,
        "confirmed": sum(told["confirmed"].values()), "better": better,
        "controls": [(code, str(words), cards[code], groups.get(("control", code)))
                     for code, words in CONTROL.items() if code in cards],
    }  # fmt: skip


def risk_line(row: Row, split: str) -> Row:
    """A row of what is at risk with what its part is called, its share of the value and where its people are listed."""
    code = row["segment"]
    listed = split in ("tier", "stage", "region", "persona", "kind", "risk") and code and row["customers"]
    return row | {
        "name": name_of(split, code),
        "url": customers_where(**{split: code}, sort="at_risk") if listed else "",
        "share": row["at_risk"] / row["value"] if row["value"] else None,
    }


def in_order(bands: Sequence[Row]) -> list[Row]:
    """Bands of risk from low to high, what is none of them last."""
    order = list(RISK_BANDS)
    return sorted(bands, key=lambda row: order.index(row["segment"]) if row["segment"] in order else len(order))


def month_bars(months: Sequence[Row]) -> figures.Figure:
    """Stacked bars by month; a click opens who left then."""
    x = [row["segment"] for row in months]
    links = [opened_where("cost", what="left", by="month", code=month) for month in x]
    figure: figures.Figure = {"data": [], "layout": {
        "barmode": "stack", "xaxis": {"type": "category"}, "yaxis": {"rangemode": "tozero"}, "showlegend": True,
        "legend": {"orientation": "h", "y": 1.15},
    }}  # fmt: skip
    for name, words in PARTS.items():
        bars = figures.bars(x, [in_units(row[name]) for row in months], name=str(words), links=links, color=TINTS[name])
        bars["data"][0]["hovertemplate"] = "%{x} · %{y:,.0f}<extra>" + str(words) + "</extra>"
        figure["data"] += bars["data"]
    return figure


def why_no_one() -> str:
    return _("Not enough data, because nobody has been seen to leave. It is told from contracts or orders.")


def why_not(base: Row, told: Row, held: Mapping[str, float | None], scope: Scope) -> list[str]:
    """What is missing for the whole of it, each in a sentence."""
    whole, found = told["whole"], []
    if not whole["customers"]:
        return [_("Not enough data, because nobody left in these twelve months.")]
    kinds = set(base["left"]["kind"].to_pylist())
    if kinds - set(told["kinds"]):
        found.append(
            _("Not enough data, because fewer than %(n)s customers of a kind are known to have left: how long they would have stayed can't be told.")
            % {"n": cost_.LEAST_LEFT}
        )  # fmt: skip
    if told["margins"]["orders"] is None and whole["unknown"]:
        found.append(
            _("Not enough data, because no order line says its cost and no margin is assumed. Set the margin below.")
        )
    if held["acquisition_cost"] is None and not base["winning"]:
        found.append(
            _("What winning others costs is left out: not enough data, because spending on winning customers is not recorded.")
            if scope.sees_all
            else _("What winning others costs is left out: spending is kept for the company as a whole, and you see a part of it.")
        )  # fmt: skip
    return found
