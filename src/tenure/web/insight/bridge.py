"""The bridge of recurring revenue: opening, new, won back, expansion, contraction, churned, closing; each opens its customers."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from tenure.desk.customers.models import Publication
from tenure.desk.customers.words import words_for
from tenure.desk.lake import lake, workspace
from tenure.insight.bridge import MOVES
from tenure.insight.bridge import bridge as worked_out
from tenure.insight.bridge import moves as each_customer
from tenure.insight.metrics import METRICS, Period, lacking
from tenure.insight.metrics import breakdown as apart
from tenure.insight.metrics.breakdown import GRAINS
from tenure.lake import Scope
from tenure.language import Words
from tenure.pipeline import numbers
from tenure.web import figures
from tenure.web.cache import remembered
from tenure.web.insight import narrowed
from tenure.web.insight.drawn import Drawn
from tenure.web.insight.people import Opened, opened_where
from tenure.web.insight.shared import part_where, rows
from tenure.web.metrics import period_shown
from tenure.web.parts import Context
from tenure.web.templatetags.tenure import compact_money, in_units, symbol

SHOWN: Mapping[str, int] = {"month": 12, "quarter": 8, "year": 4}
BARS: Mapping[str, Words] = {"opening": Words("Opening", "期初"), **MOVES, "closing": Words("Closing", "期末")}
METRIC = METRICS["recurring_revenue"]
READS = "subscriptions"
WORDS_OF = {"segment": "cell", "stage": "stage", "risk": "risk", "kind": "kind", "tier": "tier"}


def bridge(scope: Scope, shown: Publication | None, given: Mapping[str, str]) -> Context:
    """The bridge of one period and those before it, and of the period told apart, as asked for by the page's query."""
    grain = given.get("grain", "") if given.get("grain", "") in SHOWN else "month"
    of = narrowed.read(given.get("of", ""), scope)
    splits = narrowed.splits(scope)
    by = given.get("by", "") if given.get("by", "") in dict(splits) else ""
    periods = _periods(grain, shown)
    period = next(
        (one for one in periods if one.start.isoformat() == given.get("at")), periods[-1] if periods else None
    )
    asked = {"grain": grain, "of": of, "by": by}
    context: Context = {
        "asked": asked,
        "grains": [(name, str(GRAINS[name].words)) for name in SHOWN],
        "offered": narrowed.offered(scope, shown),
        "splits": splits,
        "narrowed": narrowed.said(of) if of else "",
    }
    if period is None:
        return context | {"why": _why((READS,), scope), "lights": (READS,)}
    context["drawn"] = drawn = draw(scope, period, of, {"grain": grain})
    context |= {"why": drawn.why, "lights": drawn.lights, "period": period_shown(period)}
    if not drawn.why:
        told = _told(scope, shown, grain, of)
        context |= {
            "bars": [(name, str(words)) for name, words in BARS.items()],
            "rows": [_row(row, of, at=asked) for row in reversed(told["rows"])],
            "now": next(_row(row, of) for row in told["rows"] if row["period_start"] == period.start),
            "at": period.start.isoformat(),
            "cautions": told["cautions"],
            "cut": "range" in (drawn.figure or {"layout": {"yaxis": {}}})["layout"]["yaxis"],
        }
        if by:
            parts = _parts(scope, shown, period, of, by)
            context["split"] = [
                _row(row, f"{by}:{row['segment']}", narrow=not of and bool(row["segment"]))
                | {"name": words_for(WORDS_OF.get(by, ""), row["segment"]) or _("Unknown")}
                for row in sorted(parts, key=lambda row: (-row["opening"], row["segment"] or ""))
            ]
            context["by_name"] = dict(splits)[by]
    return context


def draw(scope: Scope, period: Period, segment: str = "", options: Mapping[str, str] | None = None) -> Drawn:
    """The bridge of one period as a waterfall, over the customers the asker may see.

    segment: what to narrow to ("", "tier:strategic", "in:4"). options: grain, the one the period is of ("month").
    """
    shown, grain = Publication.current(), (options or {}).get("grain", "month")
    of = narrowed.read(segment, scope)
    url = part_where("bridge", grain=grain, of=of, at=period.start.isoformat())
    title = _("Recurring revenue, %(period)s") % {"period": period_shown(period)}
    if not scope.sees("amounts"):
        return Drawn(title, None, url, why=_("Your role hides amounts."))
    told = _told(scope, shown, grain, of)
    # A period too old, or of another length, for the page's table is worked out by itself.
    row = next(
        (row for row in told["rows"] if (row["period_start"], row["period_end"]) == (period.start, period.end)), None
    )
    if row is None and shown is not None and not told["lacks"]:
        row = _parts(scope, shown, period, of, "")[0]
    if told["lacks"] or row is None:
        return Drawn(title, None, url, why=_why(told["lacks"], scope), lights=_imports(told["lacks"]) or (READS,))
    if not any(row[name] for name in BARS):
        why = str(apart.why_nothing(METRIC, (), None))
        return Drawn(title, None, url, why=why)
    links = [_opens(period, of, name) for name in BARS]
    steps = [
        (str(words), in_units(row[name]), compact_money(row[name]), name in ("opening", "closing"))
        for name, words in BARS.items()
    ]
    said = _("GRR %(grr)s, NRR %(nrr)s") % {"grr": _share(row["grr"]), "nrr": _share(row["nrr"])}
    return Drawn(
        title, figures.waterfall(steps, links=links), url, said=said,
        rows=[[_("Step"), workspace().currency, _("Customers")],
              *([str(words), in_units(row[name]), row[f"{name}_customers"]] for name, words in BARS.items())],
    )  # fmt: skip


def people(scope: Scope, shown: Publication | None, given: Mapping[str, str]) -> Opened | None:
    """The customers behind one bar, with what each paid a month before and after."""
    move, of = given.get("move", ""), narrowed.read(given.get("of", ""), scope)
    if move not in BARS or not scope.sees("amounts"):
        return None
    try:
        period = Period(
            date.fromisoformat(given.get("from", "")), date.fromisoformat(given.get("to", "")), workspace().zone
        )
    except ValueError:
        return None
    kept = {READS: lake().read(f"records/{READS}", actor=scope), **narrowed.read_cards(scope)}
    mine = narrowed.only(kept[READS], narrowed.persons(scope, of, kept, period))
    each = each_customer(mine, period)
    if move == "opening":
        each = each.filter(each.before > 0)
    elif move == "closing":
        each = each.filter(each.after > 0)
    else:
        each = each.filter(each.move == move)
    found = rows(each.order_by(each.change.abs().desc(), each.after.desc(), each.person_id))
    sums = [sum(row[name] for row in found) for name in ("before", "after", "change")]
    return Opened(
        title=f"{BARS[move]} · {period_shown(period)}",
        said=narrowed.said(of) if of else "",
        back=part_where("bridge", of=of, at=period.start.isoformat()),
        back_name=_("Bridge"),
        people=[row["person_id"] for row in found],
        columns=[_("Monthly fee before"), _("Monthly fee after"), _("Change")],
        values={row["person_id"]: [exactly(row[name]) for name in ("before", "after", "change")] for row in found},
        total=[exactly(one) for one in sums],
        guards=("amounts",),
    )


def exactly(minor: int) -> str:
    """Money to the cent: 12345 → ¥123.45."""
    return f"{'−' if minor < 0 else ''}{symbol()}{abs(in_units(minor)):,.2f}"


def _periods(grain: str, shown: Publication | None) -> list[Period]:
    if shown is None:
        return []
    return apart.spans(grain, timezone.localtime(shown.as_of).date(), SHOWN[grain], workspace().zone)


def _told(scope: Scope, shown: Publication | None, grain: str, of: str) -> dict[str, Any]:
    """rows: of BRIDGE, oldest first; lacks, cautions: what is missing of the records."""

    def compute() -> dict[str, Any]:
        periods = _periods(grain, shown)
        with numbers.tables(lake(), scope, [READS], split=bool(of)) as kept:
            lacks = list(lacking(METRIC, kept))
            found: list[dict[str, Any]] = []
            # Who was in a stage is another question for each period; who is in anything else is one for all of them.
            spans = [[period] for period in periods] if of.startswith("stage:") else [periods]
            for some in spans if not lacks and periods else []:
                mine = narrowed.only(kept[READS], narrowed.persons(scope, of, kept, some[-1]))
                found += worked_out(mine, some).to_pylist()
            return {"rows": found, "lacks": lacks, "cautions": apart.cautions(METRIC, kept, periods) if periods else []}

    what = f"bridge:{grain}:{of}:{narrowed.version(of)}"
    return remembered(what, scope, shown, compute, *narrowed.tables(f"records/{READS}"))


def _parts(scope: Scope, shown: Publication | None, period: Period, of: str, by: str) -> list[dict[str, Any]]:
    def compute() -> list[dict[str, Any]]:
        with numbers.tables(lake(), scope, [READS], split=True) as kept:
            mine = narrowed.only(kept[READS], narrowed.persons(scope, of, kept, period))
            found: list[dict[str, Any]] = worked_out(
                mine, period, apart.by(by, kept, period) if by else None
            ).to_pylist()
            return found

    what = f"bridge:{period.start}:{period.end}:{of}:{narrowed.version(of)}:{by}"
    return remembered(what, scope, shown, compute, *narrowed.tables(f"records/{READS}"))


def _row(row: dict[str, Any], of: str, at: Mapping[str, str] | None = None, *, narrow: bool = False) -> dict[str, Any]:
    period = Period(row["period_start"], row["period_end"])
    return {
        "name": period_shown(period),
        "start": period.start.isoformat(),
        "url": part_where("bridge", **{**at, "at": period.start.isoformat()}) if at else "",
        "cells": [
            (exactly(row[name]), row[f"{name}_customers"],
             _opens(period, of, name) if row[f"{name}_customers"] and (narrow or row["segment"] is None) else "")
            for name in BARS
        ],
        "grr": _share(row["grr"]),
        "nrr": _share(row["nrr"]),
    }  # fmt: skip


def _opens(period: Period, of: str, move: str) -> str:
    span = {"from": period.start.isoformat(), "to": period.end.isoformat()}
    return opened_where("bridge", move=move, of=of, **span)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value * 100:.1f}%"


def _why(lacks: Any, scope: Scope) -> str:
    return str(apart.why_nothing(METRIC, lacks or (READS,), None, scope.sees_all))


def _imports(lacks: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.partition(".")[0] for name in lacks))
