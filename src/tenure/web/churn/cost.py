"""What churn costs: who left in the last twelve months, by segment, cause and month; what is at risk; what is assumed."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tenure.desk.causes import api as causes_of
from tenure.desk.customers import packs
from tenure.desk.customers.assumptions import set_assumptions
from tenure.desk.customers.export import Echo, harmless
from tenure.desk.customers.models import Publication
from tenure.desk.customers.words import RISK_BANDS, words_for
from tenure.desk.governance import audit
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import User
from tenure.desk.lake import lake, workspace
from tenure.errors import TenureError
from tenure.insight import cost_of_churn as cost_
from tenure.insight.at_risk import at_risk
from tenure.insight.causes import CONTROL
from tenure.insight.cost_of_churn import ASSUMPTIONS, LEFT, MONEY, Assumption, Costs
from tenure.insight.metrics import METRICS, Period, measure
from tenure.insight.metrics import breakdown as apart
from tenure.insight.metrics.breakdown import DIMENSIONS
from tenure.lake import Scope
from tenure.language import Words, tr
from tenure.pipeline import numbers
from tenure.web import figures
from tenure.web.cache import remembered
from tenure.web.causes.files import csv_file
from tenure.web.insight.bridge import exactly
from tenure.web.insight.drawn import Drawn
from tenure.web.insight.people import Opened, opened_where
from tenure.web.insight.shared import customers_where, persona_called, rows
from tenure.web.parts import Context
from tenure.web.templatetags.tenure import compact_money, in_units, symbol

Row = dict[str, Any]
MONTHS = 12
SPLITS = ("tier", "stage", "region", "plan", "persona", "kind")
OF_LEFT = (*SPLITS, "reason", "month", "channel")
RECORDS = ("orders", "subscriptions", "spending")
TABLES = (
    *(f"records/{name}" for name in RECORDS), "records/products", apart.CARDS, apart.STAGES, "scores/lives",
    "scores/habits",
)  # fmt: skip
PARTS: Mapping[str, Words] = {
    "lost": Words("Margin lost", "损失毛利"),
    "replaced": Words("Winning others", "重新获客"),
    "told": Words("What others heard", "口碑影响"),
    "referred": Words("Referrals lost", "损失推荐"),
}
TINTS = {"lost": "$bad", "replaced": "$primary", "told": "$text", "referred": "$muted"}
SHOWN = 12
CODED = {"tier": "tier", "stage": "stage", "kind": "kind", "risk": "risk", "channel": "channel"}


def cost(scope: Scope, shown: Publication | None, given: Mapping[str, str]) -> Context:
    """What those who left cost and what is at risk, over the customers the asker may see, told apart as asked."""
    by = given.get("by", "") if given.get("by", "") in SPLITS else SPLITS[0]
    context: Context = {"splits": _splits(), "by": by, "by_name": dict(_splits())[by], "causes_url": _causes()}
    if shown is None:
        return context | {"why": _why_no_one()}
    base, told, risk = _base(scope, shown), _told(scope, shown), _risk(scope, shown)
    held = cost_.in_force(_assumed())
    context |= {
        "period": f"{base['months'][0]} – {base['months'][-1]}",
        "whole": told["whole"],
        "why_not": _why_not(base, told, held, scope),
        "pieces": [(name, str(words), told["whole"][name]) for name, words in PARTS.items()],
        "each": told["whole"]["total"] // paying if (paying := _paying(told["whole"])) else None,
        "opens": opened_where("cost", what="left"),
        "months_figure": _months(told["by"]["month"]) if told["whole"]["total"] else None,
        "causes": [_line(row, "reason") for row in told["by"]["reason"][:SHOWN]] if told["by"]["reason"] else [],
        "said": _said(_by_cause(scope, shown)),
        "lines": [_line(row, by) for row in told["by"][by][:SHOWN]],
        "cut": max(0, len(told["by"][by]) - SHOWN),
        "risk": risk["whole"],
        "bands": [_risk_line(row, "risk") for row in _in_order(risk["by"]["risk"]) if row["customers"]],
        "risk_lines": [_risk_line(row, by) for row in risk["by"][by][:SHOWN]],
        "risk_url": customers_where(sort="at_risk"),
        "losing": risk["losing"],
        "losing_url": opened_where("cost", what="losing"),
        "assumptions": [_assumption(name, one, held, told) for name, one in ASSUMPTIONS.items()],
        "margins": told["margins"],
        "may_set": _may_set(scope),
        "may_export": _may_export(scope),
    }
    return context


def _base(scope: Scope, shown: Publication) -> Row:
    """What the figures are made of, whatever is assumed: who left, how long all stayed, margin and winning as measured."""

    def compute() -> Row:
        zone, as_of = workspace().zone, timezone.localtime(shown.as_of)
        months = _span(shown)
        year = Period(months[0].start, months[-1].end, zone)
        silence = (lake().document("lives_card") or {}).get("silence_days") or 180
        with numbers.tables(lake(), scope, RECORDS, split=True) as kept:
            # The reason of an end is read by no metric, so it is not among what metrics read.
            contracts = lake().read("records/subscriptions", actor=scope)
            found = cost_.leavers(kept["orders"], contracts, as_of, int(silence), year)
            left = lake().to_arrow(found.order_by("person_id")).cast(LEFT)
            cards = kept[apart.CARDS]
            columns = {
                one: cards[DIMENSIONS[one].column].cast("string") for one in SPLITS if one not in ("plan", "stage")
            }
            parts = lake().to_arrow(cards.select("person_id", **columns))
            of_card = {one: _codes(left, parts["person_id"], parts[one]) for one in columns}
            # Of stages the one the year began with: those who left are all in the last one now.
            then = apart.by("stage", kept, year)
            assert not isinstance(then, str)
            stages = lake().to_arrow(then)
            of_card["stage"] = _codes(left, stages["person_id"], stages["segment"])
            margin = rows(cost_.margin_share(kept["orders"], year))[0]
            winning, won = METRICS["acquisition_cost"], []
            if rows(kept["spending"].limit(1).select("purpose")):
                won = [*measure(winning, kept, year).to_pylist(), *measure(winning, kept, year, "channel").to_pylist()]
            lives = lake().read("scores/lives", actor=scope)
            stayed = rows(
                lives.group_by("kind", "days", "ended").agg(n=ibis._.count()).order_by("kind", "days", "ended")
            )
        counts = {
            kind: tuple(
                np.array([row[name] for row in stayed if row["kind"] == kind], float) for name in ("days", "ended", "n")
            )
            for kind in {row["kind"] for row in stayed}
        }
        segments = of_card | {name: left[name].to_pylist() for name in ("plan", "reason", "channel")}
        segments["month"] = [f"{day:%Y-%m}" for day in left["left_on"].to_pylist()]
        return {
            "start": year.start, "end": year.end, "left": left, "segments": segments, "counts": counts,
            "net": margin["net"], "cost": margin["cost"], "silence": silence,
            "winning": {row["segment"]: row["value"] for row in won if row["value"] is not None},
            "months": [f"{month.start:%Y-%m}" for month in months],
        }  # fmt: skip

    return remembered("cost of churn", scope, shown, compute, *TABLES)


def _codes(left: pa.Table, people: pa.ChunkedArray, codes: pa.ChunkedArray) -> list[str | None]:
    """Each leaver's part of a split, unknown for one who has no card any more."""
    found: list[str | None] = codes.take(pc.index_in(left["person_id"], people)).to_pylist()
    return found


def margin_in_force(scope: Scope, shown: Publication) -> float | None:
    """Share of revenue that is margin: as the company says, else as the order lines of the asker's customers have it."""

    def compute() -> Row:
        months = _span(shown)
        orders = lake().read("records/orders", actor=scope)
        return rows(cost_.margin_share(orders, Period(months[0].start, months[-1].end, workspace().zone)))[0]

    held = cost_.in_force(_assumed())
    said = held["margin_of_orders"]
    if said is not None:
        return said
    told = remembered("margin of orders", scope, shown, compute, "records/orders")
    found = cost_.margins(told["net"], told["cost"], held)
    return found.orders if found.orders is not None else found.fees


def _span(shown: Publication) -> list[Period]:
    """The last twelve whole months."""
    return apart.spans("month", timezone.localtime(shown.as_of).date(), MONTHS, workspace().zone)


def _costs(base: Row) -> Costs:
    held = cost_.in_force(_assumed())
    lives = cost_.lives_of(base["counts"], held)
    found = cost_.margins(base["net"], base["cost"], held)
    return cost_.cost_of(base["left"], lives, found, cost_.winning_of(base["winning"], held), held)


def _told(scope: Scope, shown: Publication) -> Row:
    """The sums: of all, by every split, and with each assumption a fifth lower and higher."""
    assumed = _assumed()

    def compute() -> Row:
        base = _base(scope, shown)
        costs = _costs(base)
        found = cost_.margins(base["net"], base["cost"], costs.held)
        by = {name: costs.told(base["segments"][name]) for name in OF_LEFT}
        there = {row["segment"]: row for row in by["month"]}
        nothing = dict.fromkeys((*MONEY, "total", "customers"), 0)
        by["month"] = [there.get(month, {"segment": month, **nothing}) for month in base["months"]]
        by["reason"] = [row for row in by["reason"] if row["segment"]] and by["reason"]
        return {
            "whole": costs.told()[0],
            "by": by,
            "kinds": sorted(costs.lives),
            "margins": {"orders": found.orders, "fees": found.fees, "measured": found.measured, "stands_in": found.stands_in},
            "winning": cost_.winning_of(base["winning"], costs.held).get(None),
            "effects": cost_.effects(
                base["left"], base["counts"], base["net"], base["cost"], base["winning"], assumed
            ),
        }  # fmt: skip

    return remembered(f"cost of churn: {sorted(assumed.items())}", scope, shown, compute, *TABLES)


def _said_since(base: Row) -> date:
    since: date = base["start"] - timedelta(days=int(base["silence"]))
    return since


def _caused(scope: Scope, base: Row) -> tuple[list[str | None], list[str | None], list[bool]]:
    """Of each who left: the cause that counts, whether the company controls it, and whether people confirmed it.

    A statement has a buyer leave on the day of the last purchase, the cost once the silence is long enough.
    """
    since = _said_since(base)
    said = {one.person_id: one for one in causes_of.left_for(scope, since, base["end"])}
    mine = [said.get(person) for person in base["left"]["person_id"].to_pylist()]
    return (
        [one.cause if one else None for one in mine], [one.control if one else None for one in mine],
        [one is not None and one.confirmed for one in mine],
    )  # fmt: skip


def _by_cause(scope: Scope, shown: Publication) -> Row:
    """What each cause cost, and each kind of control; confirmed: of each cause, how many leavers' people confirmed.

    better, people: what each comes to and how many leavers it has, as those asked in depth correct it; None where few were.
    """
    assumed = _assumed()

    def compute() -> Row:
        base = _base(scope, shown)
        causes, controls, sure = _caused(scope, base)
        costs = _costs(base)
        persons = costs.table["person_id"].to_pylist()
        worth = dict(zip(persons, costs.table["total"].to_pylist(), strict=True))
        since = _said_since(base)
        return {
            "better": causes_of.worth_of(scope, worth, since, base["end"]),
            "people": causes_of.worth_of(scope, dict.fromkeys(persons, 1), since, base["end"]),
            "causes": costs.told(causes), "controls": costs.told(controls),
            "confirmed": Counter(cause for cause, known in zip(causes, sure, strict=True) if known),
        }  # fmt: skip

    what = f"cost of churn by cause: {sorted(assumed.items())} {causes_of.mark()}"
    return remembered(what, scope, shown, compute, *TABLES, "identity/links")


def _risk(scope: Scope, shown: Publication) -> Row:
    """Revenue at risk of all and by every split, and the customers served at a loss."""

    def compute() -> Row:
        cards = lake().read(apart.CARDS, actor=scope)
        habits = lake().read("scores/habits", actor=scope).select("person_id", "margin_share", "brought_base_minor")
        lives = lake().read("scores/lives", actor=scope).select("person_id", "plan")
        names = {one: DIMENSIONS[one].column for one in (*SPLITS, "risk") if one != "plan"}
        table = cards.select(
            "person_id",
            "churn_probability",
            "value_base_minor",
            **{one: cards[column] for one, column in names.items()},
        )
        for other in (habits, lives):
            table = table.left_join(other, "person_id").drop("person_id_right")
        found = lake().to_arrow(table.order_by("person_id"))
        margin = found["margin_share"].to_numpy(zero_copy_only=False).astype(float)
        losing = margin < 0
        money = (found["churn_probability"], found["value_base_minor"])
        brought = np.nan_to_num(found["brought_base_minor"].to_numpy(zero_copy_only=False).astype(float))
        return {
            "whole": at_risk(*money, losing=losing)[0],
            "by": {name: at_risk(*money, found[name].to_pylist(), losing) for name in (*SPLITS, "risk")},
            "losing": {
                "customers": int(losing.sum()),
                "margin": round(float((margin * brought)[losing].sum())) if losing.any() else 0,
                "known": bool(np.isfinite(margin).any()),
            },
        }

    return remembered("revenue at risk", scope, shown, compute, *TABLES)


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
    base = _base(scope, shown)
    table = _costs(base).table
    by, part, said = given.get("by", ""), given.get("code", ""), ""
    if by in (*OF_LEFT, "cause"):
        codes = _caused(scope, base)[0] if by == "cause" else base["segments"][by]
        mine = pa.array([(code or "") == part for code in codes], pa.bool_())
        table, said = table.filter(mine), f"{_heading(by)}: {_name(by, part)}"
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
    told = _by_cause(scope, shown)
    if not told["better"] or cause not in told["better"].causes:
        return ""
    people, money = told["people"].causes[cause], told["better"].causes[cause]
    return _(
        " · as said; as interviews correct it ≈%(n)s (%(low)s … %(high)s) leavers and %(money)s (%(least)s … %(most)s)"
    ) % {
        "n": f"{people.value:,.0f}", "low": f"{people.low:,.0f}", "high": f"{people.high:,.0f}",
        "money": compact_money(money.value), "least": compact_money(money.low), "most": compact_money(money.high),
    }  # fmt: skip


def draw_cost(scope: Scope, period: Period, segment: str = "", options: Mapping[str, str] | None = None) -> Drawn:
    """What churn of the last twelve months cost, by month, over the customers the asker may see."""
    shown, url, title = Publication.current(), reverse("admin:churn_part", args=["cost"]), _("Cost of churn, 12 months")
    if not scope.sees("amounts"):
        return Drawn(title, None, url, why=_("Your role hides amounts."))
    if shown is None:
        return Drawn(title, None, url, why=_why_no_one())
    base, told = _base(scope, shown), _told(scope, shown)
    whole, why = told["whole"], _why_not(base, told, cost_.in_force(_assumed()), scope)
    if not whole["total"]:
        return Drawn(title, None, url, why=why[0] if why else _why_no_one())
    said = _("%(total)s (%(low)s … %(high)s), of which %(lost)s margin lost; %(n)s customers left") % {
        "total": compact_money(whole["total"]), "low": compact_money(whole["total_low"]),
        "high": compact_money(whole["total_high"]), "lost": compact_money(whole["lost"]), "n": f"{whole['customers']:,}",
    }  # fmt: skip
    months = told["by"]["month"]
    heads = [_("Month"), *(str(words) for words in PARTS.values()), _("In all"), _("Customers")]
    body = [[row["segment"], *(in_units(row[name]) for name in (*PARTS, "total")), row["customers"]] for row in months]
    return Drawn(title, _months(months), url, said=said, rows=[heads, *body])


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
        return Drawn(title, None, url, why=_why_no_one())
    found = _risk(scope, shown)
    if not found["whole"]["customers"]:
        return Drawn(
            title, None, url, why=_("Not enough data, because no customer has a chance of leaving and a value yet.")
        )
    whole = found["whole"]
    bands = [_risk_line(row, "risk") for row in _in_order(found["by"]["risk"]) if row["customers"]]
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


@require_POST
def assume(request: HttpRequest) -> HttpResponse:
    """What the cost of churn assumes, as typed in; a field left blank goes back to what is usual, or measured."""
    actor = request.user
    assert isinstance(actor, User)
    try:
        values = {name: _read(request.POST[name], one) for name, one in ASSUMPTIONS.items() if name in request.POST}
        set_assumptions(values, lake=lake(), scope=scope_of(actor), actor=actor, now=timezone.now())
    except TenureError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Saved. The figures go by it from now on."))
    return HttpResponseRedirect(reverse("admin:churn_part", args=["cost"]) + "#assumptions")


@require_POST
def causes_file(request: HttpRequest) -> HttpResponse:
    """What each cause cost as CSV, as said and as interviews correct it."""
    user, shown = request.user, Publication.current()
    assert isinstance(user, User)
    scope = scope_of(user)
    if not scope.sees("amounts"):
        raise PermissionDenied
    told = _said(_by_cause(scope, shown)) if shown else None
    rows = told["every"] if told else []
    with transaction.atomic():
        audit.record("export_cost", "cause", len(rows), actor=user, now=timezone.now(), through="page")
    return csv_file("cost-by-cause", _file_lines(rows, told["better"] if told else None))


def _file_lines(rows: Sequence[Row], better: causes_of.Corrected | None) -> Iterator[str]:
    writer = csv.writer(Echo())
    heading = [_("Code"), _("Cause"), _("Leavers, as said"), _("Confirmed"), *(str(words) for words in PARTS.values()),
               _("In all, as said")]  # fmt: skip
    more = [_("Leavers, estimated"), _("At least"), _("At most"), _("In all, estimated"), _("At least"), _("At most"),
            _("Asked in depth"), _("Of these meant something else")]  # fmt: skip
    yield "\ufeff" + writer.writerow([*heading, *(more if better else [])])
    for row in rows:
        cells = [row["segment"] or "", row["name"], row["customers"], row["confirmed"],
                 *(in_units(row[name]) for name in (*PARTS, "total"))]  # fmt: skip
        if better:
            n, money = row["people"], row["better"]
            cells += [round(one, 1) for one in (n.value, n.low, n.high)] if n else ["", "", ""]
            cells += (
                [round(in_units(one), 2) for one in (money.value, money.low, money.high)] if money else ["", "", ""]
            )
            cells += [better.asked, better.otherwise]
        yield writer.writerow([harmless(cell) for cell in cells])


# How it is asked and said


def _assumed() -> dict[str, float]:
    return dict(packs.in_force().assumptions)


def _may_set(scope: Scope) -> bool:
    user = User.objects.filter(pk=scope.user_id).first() if scope.user_id else None
    return user is not None and packs.may_choose(user, scope)


def _may_export(scope: Scope) -> bool:
    user = User.objects.filter(pk=scope.user_id).first() if scope.user_id else None
    return user is not None and may(user, "export")


def _read(text: str, one: Assumption) -> float | None:
    """As people write it: 5 for 5 %, whole currency units for money."""
    text = text.strip().removesuffix("%").strip().replace(",", "")
    if not text:
        return None
    try:
        value = float(text) if len(text) < 20 else float("nan")
    except ValueError:
        value = float("nan")
    if value != value:
        raise TenureError(tr('"{text}" is no number.', text=text[:20]))
    return value / 100 if one.unit == "share" else value / in_units(1) if one.unit == "money" else value


def typed(value: float | None, unit: str) -> str:
    """A number as it is typed in: per cent for shares, whole currency units for money."""
    if value is None:
        return ""
    return f"{value * 100 if unit == 'share' else in_units(value) if unit == 'money' else value:.10g}"


def _assumption(name: str, one: Assumption, held: Mapping[str, float | None], told: Row) -> Row:
    ends, own = told["effects"][name], _assumed().get(name)
    now = told["whole"]["total"]
    measured = {
        "margin_of_orders": told["margins"]["orders"], "margin_of_fees": told["margins"]["fees"],
        "acquisition_cost": told["winning"],
    }.get(name)  # fmt: skip
    stands = held[name] if held[name] is not None else measured
    return {
        "name": name, "words": one.words, "meaning": one.meaning, "unit": {"share": "%", "money": symbol().strip()}.get(one.unit, ""),
        "own": own is not None, "typed": typed(own, one.unit), "usual": "–" if stands is None else typed(float(f"{stands:.4g}"), one.unit),
        "measured": held[name] is None and measured is not None and name != "margin_of_fees",
        "stands_in": name == "margin_of_fees" and held[name] is None and measured is not None,
        "less": None if ends is None else ends[0] - now, "more": None if ends is None else ends[1] - now,
    }  # fmt: skip


def _splits() -> list[tuple[str, str]]:
    return [(name, _heading(name)) for name in SPLITS]


def _heading(name: str) -> str:
    of_left = {
        "plan": _("Plan"),
        "channel": _("Channel that won them"),
        "reason": _("Reason"),
        "month": _("Month"),
        "cause": _("Cause"),
    }
    return of_left.get(name) or str(DIMENSIONS[name].words)


def _name(split: str, code: str | None) -> str:
    if not code:
        return _("Not said") if split in ("reason", "cause") else _("Unknown")
    if split == "cause":
        return str(causes_of.causes().get(code, code))
    if split == "reason":
        return causes_of.reason_words(code)
    return persona_called(code) if split == "persona" else words_for(CODED.get(split, ""), code)


def _line(row: Row, split: str) -> Row:
    return row | {
        "name": _name(split, row["segment"]),
        "indirect": row["told"] + row["referred"],
        "url": opened_where("cost", what="left", by=split, code=row["segment"] or "") if row["customers"] else "",
    }


def _said(told: Row) -> Row | None:
    """Lines of the causes people give, and by control; None where nobody who left says any.

    With enough asked in depth, each with what it comes to as they correct it, and ranked by that.
    """
    if not any(row["segment"] for row in told["causes"]):
        return None
    better, people = told["better"], told["people"]
    lines = [_line(row, "cause") | {"confirmed": told["confirmed"][row["segment"]]} for row in told["causes"]]
    if better:
        there = {row["segment"] for row in lines}
        nothing = {name: 0 for name in lines[0] if name not in ("segment", "name", "url")}
        lines += [
            {"segment": code, "name": _name("cause", code), "url": "", **nothing}
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


def _risk_line(row: Row, split: str) -> Row:
    code = row["segment"]
    listed = split in ("tier", "stage", "region", "persona", "kind", "risk") and code and row["customers"]
    return row | {
        "name": _name(split, code),
        "url": customers_where(**{split: code}, sort="at_risk") if listed else "",
        "share": row["at_risk"] / row["value"] if row["value"] else None,
    }


def _in_order(bands: Sequence[Row]) -> list[Row]:
    order = list(RISK_BANDS)
    return sorted(bands, key=lambda row: order.index(row["segment"]) if row["segment"] in order else len(order))


def _paying(row: Row) -> int:
    """Those who left who are a loss: neither unknown nor served at one."""
    return int(row["customers"] - row["unknown"] - row["spared_customers"])


def _months(months: Sequence[Row]) -> figures.Figure:
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


def _why_no_one() -> str:
    return _("Not enough data, because nobody has been seen to leave. It is told from contracts or orders.")


def _why_not(base: Row, told: Row, held: Mapping[str, float | None], scope: Scope) -> list[str]:
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


def _causes() -> str:
    """Where the causes of leaving are told, where the workspace has that part."""
    from tenure.web.churn.page import PARTS as TABS

    try:
        return reverse("admin:churn_part", args=["causes" if "causes" in TABS else "model"])
    except NoReverseMatch:
        return ""
