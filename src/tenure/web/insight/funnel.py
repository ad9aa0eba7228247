"""Who goes through an ordered list of steps, and where the others stop; each drop-off opens its customers."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import ibis
from django.utils import timezone
from django.utils.translation import gettext as _

from tenure.contracts import CONTRACTS
from tenure.desk.customers.models import Publication
from tenure.desk.customers.segments.askable import DEEDS
from tenure.desk.customers.segments.asking import asker_as, known_of
from tenure.desk.customers.words import words_for
from tenure.desk.lake import lake, workspace
from tenure.insight.funnel import funnel as worked_out
from tenure.insight.funnel import occurrences, progress
from tenure.insight.metrics import Period
from tenure.insight.metrics import breakdown as apart
from tenure.insight.metrics.breakdown import GRAINS
from tenure.lake import Scope
from tenure.web import figures
from tenure.web.cache import remembered
from tenure.web.insight import narrowed
from tenure.web.insight.bridge import WORDS_OF
from tenure.web.insight.drawn import Drawn
from tenure.web.insight.people import Opened, opened_where
from tenure.web.insight.shared import part_where, rows
from tenure.web.metrics import period_shown
from tenure.web.parts import Context
from tenure.web.templatetags.tenure import percent

SHOWN: Mapping[str, int] = {"month": 12, "quarter": 8, "week": 16}
WITHIN = (1, 3, 7, 14, 30, 90, 365)
MOST_STEPS, MOST_EVENTS = 6, 60
EVENT, DID, BETWEEN = "event", "did", ">"
# Names under which the first steps of a purchase are usually recorded; the first that is there is offered.
SEEN = ("view", "page_view", "product_view", "view_item", "visit", "浏览")
BASKET = ("add_to_basket", "add_to_cart", "basket", "cart", "加入购物车", "加购")


def funnel(scope: Scope, shown: Publication | None, given: Mapping[str, str]) -> Context:
    """A funnel as asked for by the page's query: steps s1, s2 …, the period, within how many days, of whom, told apart."""
    known = known_steps(scope, shown)
    asked = _asked(scope, shown, {**given, "steps": given.get("steps") or _from_boxes(given)})
    periods = _periods(asked["grain"], shown)
    chosen = asked["steps"].split(BETWEEN) if asked["steps"] else []
    splits = narrowed.splits(scope)
    context: Context = {
        "asked": asked,
        "boxes": [*chosen, *[""] * (min(MOST_STEPS, max(3, len(chosen) + 1)) - len(chosen))],
        "known": [(title, [(code, words) for code, words in steps]) for title, steps in known],
        "grains": [(name, str(GRAINS[name].words)) for name in SHOWN],
        "periods": [(one.start.isoformat(), period_shown(one)) for one in reversed(periods)],
        "withins": [(str(n), _("within %(n)s days") % {"n": n} if n > 1 else _("within a day")) for n in WITHIN],
        "offered": narrowed.offered(scope, shown),
        "splits": splits,
        "narrowed": narrowed.said(asked["of"]) if asked["of"] else "",
    }
    period = _period(periods, asked["at"])
    if period is None or not known:
        return context | {"why": _nothing(), "lights": ("events", "orders")}
    context["drawn"] = drawn = draw(scope, period, asked["of"], asked)
    context |= {
        "why": drawn.why,
        "lights": drawn.lights,
        "period": period_shown(period),
        "at": period.start.isoformat(),
    }
    if not drawn.why:
        told = _told(scope, shown, asked, period)
        context["rows"] = _rows(told, asked, period)
        if asked["by"]:
            context["by_name"] = dict(splits)[asked["by"]]
            context["heads"] = [_called(step) for step in chosen]
            context["split"] = _split(_told(scope, shown, asked, period, asked["by"]), asked, period)
    return context


def draw(scope: Scope, period: Period, segment: str = "", options: Mapping[str, str] | None = None) -> Drawn:
    """A funnel over the customers the asker may see who took its first step in the period.

    segment: what to narrow to ("", "tier:strategic", "in:4"). options: steps ("event:view>event:add_to_basket>did:bought"), or
    s1, s2 … each; within (days), grain.
    """
    shown = Publication.current()
    given = dict(options or {})
    given["steps"] = given.get("steps") or _from_boxes(given)
    asked = _asked(scope, shown, {**given, "of": segment}) | {"at": period.start.isoformat()}
    url = part_where("funnel", **asked)
    chosen = asked["steps"].split(BETWEEN) if asked["steps"] else []
    title = " → ".join(_called(step) for step in chosen) or _("Funnel")
    if len(chosen) < 2 or shown is None:
        return Drawn(title, None, url, why=_nothing(), lights=("events", "orders"))
    told = _told(scope, shown, asked, period)
    if not told[0]["reached"]:
        why = _("Not enough data, because nobody took the first step (%(step)s) in %(period)s.") % {
            "step": _called(chosen[0]), "period": period_shown(period),
        }  # fmt: skip
        return Drawn(title, None, url, why=why)
    lines = _rows(told, asked, period)
    said = _("%(share)s of those who began came to the end.") % {"share": lines[-1]["of_all"]}
    return Drawn(
        title,
        figures.funnel(
            [line["name"] for line in lines], [line["reached"] for line in lines],
            [f"{line['reached']:,} · {line['of_all']}" for line in lines], links=[line["url"] for line in lines],
        ),
        url, said=said,
        rows=[[_("Step"), _("Reached"), _("Stopped here"), _("Still under way")],
              *([line["name"], line["reached"], line["stopped"], line["under_way"]] for line in lines)],
    )  # fmt: skip


def people(scope: Scope, shown: Publication | None, given: Mapping[str, str]) -> Opened | None:
    """The customers who stopped at a step, are under way there, or reached it."""
    asked = _asked(scope, shown, given)
    chosen = asked["steps"].split(BETWEEN) if asked["steps"] else []
    who, number = given.get("who", ""), given.get("step", "")
    try:
        period = Period(
            date.fromisoformat(given.get("from", "")), date.fromisoformat(given.get("to", "")), workspace().zone
        )
    except ValueError:
        return None
    if who not in ("stopped", "under_way", "reached") or number not in {str(n + 1) for n in range(len(chosen))}:
        return None
    at = int(number)
    assert shown is not None
    with lake().kept(_tables(scope, asked)) as kept:
        each = _progress(scope, shown, asked, period, kept)
        if who == "reached":
            each = each.filter(each.reached >= at)
        else:
            each = each.filter(each.reached == at, each.under_way == (who == "under_way"))
        found = rows(each.select("person_id").order_by("person_id"))
    words = {
        "stopped": _("Stopped after: %(step)s"), "under_way": _("Still under way after: %(step)s"), "reached": _("Reached: %(step)s"),
    }[who]  # fmt: skip
    return Opened(
        title=words % {"step": _called(chosen[at - 1])},
        said=" · ".join(
            one for one in (period_shown(period), narrowed.said(asked["of"]) if asked["of"] else "") if one
        ),
        back=part_where("funnel", **{**asked, "at": period.start.isoformat()}),
        back_name=_("Funnel"),
        people=[row["person_id"] for row in found],
    )


# What is asked for


def _asked(scope: Scope, shown: Publication | None, given: Mapping[str, str]) -> dict[str, str]:
    codes = {code for _title, steps in known_steps(scope, shown) for code, _words in steps}
    steps = [step for step in given.get("steps", "").split(BETWEEN) if step in codes][:MOST_STEPS]
    if len(steps) < 2:
        steps = _usual(codes)
    grain, by, within = given.get("grain", ""), given.get("by", ""), given.get("within", "")
    return {
        "steps": BETWEEN.join(steps),
        "grain": grain if grain in SHOWN else "month",
        "at": given.get("at", "")[:10],
        "within": within if within in {str(n) for n in WITHIN} else "7",
        "of": narrowed.read(given.get("of", ""), scope),
        "by": by if by in dict(narrowed.splits(scope)) else "",
    }


def _from_boxes(given: Mapping[str, str]) -> str:
    return BETWEEN.join(step for n in range(1, MOST_STEPS + 1) if (step := given.get(f"s{n}", "")))


def _usual(codes: set[str]) -> list[str]:
    """Seen, basket, order where these are recorded; else the first things customers are known to have done."""
    found = [next((f"{EVENT}:{name}" for name in names if f"{EVENT}:{name}" in codes), "") for names in (SEEN, BASKET)]
    steps = [step for step in (*found, f"{DID}:bought") if step in codes]
    return steps if len(steps) > 1 else [code for code in (f"{DID}:{name}" for name in DEEDS) if code in codes][:2]


def known_steps(scope: Scope, shown: Publication | None) -> list[tuple[str, list[tuple[str, str]]]]:
    """The steps there are, by heading: what customers did, and each kind of event by its name."""
    allowed = known_of(asker_as(scope)).deeds

    def compute() -> dict[str, Any]:
        there = {
            contract: bool(rows(lake().read(f"records/{contract}", actor=scope).select("person_id").limit(1)))
            for contract in sorted({deed.contract for deed in DEEDS.values()})
        }
        names = []
        if there["events"] and "visited" in allowed:
            events = lake().read("records/events", actor=scope)
            counted = events.group_by("name").agg(n=events.count())
            names = [row["name"] for row in rows(counted.order_by(counted.n.desc(), counted.name).limit(MOST_EVENTS))]
        return {"there": there, "names": [name for name in names if name and BETWEEN not in name and len(name) < 100]}

    tables = [f"records/{contract}" for contract in sorted({deed.contract for deed in DEEDS.values()})]
    found = remembered(f"funnel:steps:{sorted(allowed)}", scope, shown, compute, *tables)
    deeds = [(f"{DID}:{name}", str(deed.words)) for name, deed in allowed.items() if found["there"][deed.contract]]
    events = [(f"{EVENT}:{name}", name) for name in found["names"]]
    return [one for one in ((_("What they did"), deeds), (str(CONTRACTS["events"].words), events)) if one[1]]


def _called(step: str) -> str:
    kind, _colon, name = step.partition(":")
    return str(DEEDS[name].words) if kind == DID else name


def _periods(grain: str, shown: Publication | None) -> list[Period]:
    if shown is None:
        return []
    return apart.spans(grain, timezone.localtime(shown.as_of).date(), SHOWN[grain], workspace().zone)


def _period(periods: list[Period], at: str) -> Period | None:
    return next((one for one in periods if one.start.isoformat() == at), periods[-1] if periods else None)


# What is worked out


def _tables(scope: Scope, asked: Mapping[str, str]) -> dict[str, ibis.Table]:
    """The records the steps are told by, few columns of each, and what tells customers apart."""
    found: dict[str, ibis.Table] = {}
    for step in asked["steps"].split(BETWEEN):
        contract, _instant, only, never = _told_by(step)
        shape = CONTRACTS[contract]
        columns = {"person_id", shape.valid_at or "", *only, *never} | set(
            found[contract].columns if contract in found else ()
        )
        found[contract] = lake().read(f"records/{contract}", actor=scope).select(*sorted(columns))
    return {**found, **narrowed.read_cards(scope)}


def _told_by(step: str) -> tuple[str, str, Mapping[str, Any], Mapping[str, Any]]:
    """A step's contract, the column that says when, and what its records must and must not be."""
    kind, _colon, name = step.partition(":")
    if kind == EVENT:
        return "events", "occurred_at", {"name": (name,)}, {}
    deed = DEEDS[name]
    return deed.contract, CONTRACTS[deed.contract].valid_at or "", deed.only, deed.never


def _steps(scope: Scope, asked: Mapping[str, str], period: Period, kept: Mapping[str, ibis.Table]) -> list[ibis.Table]:
    mine = narrowed.persons(scope, asked["of"], kept, period)
    found = []
    for step in asked["steps"].split(BETWEEN):
        contract, instant, only, never = _told_by(step)
        found.append(occurrences(narrowed.only(kept[contract], mine), instant, only, never))
    return found


def _progress(
    scope: Scope, shown: Publication, asked: Mapping[str, str], period: Period, kept: Mapping[str, ibis.Table]
) -> Any:
    steps = _steps(scope, asked, period, kept)
    return progress(steps, period, within_days=int(asked["within"]), as_of=shown.as_of)


def _told(
    scope: Scope, shown: Publication | None, asked: Mapping[str, str], period: Period, by: str = ""
) -> list[dict[str, Any]]:
    """Rows of FUNNEL: all together, or by a dimension."""
    assert shown is not None

    def compute() -> list[dict[str, Any]]:
        with lake().kept(_tables(scope, asked)) as kept:
            who: Any = apart.by(by, kept, period) if by else None
            found: list[dict[str, Any]] = worked_out(
                _steps(scope, asked, period, kept),
                period,
                within_days=int(asked["within"]),
                as_of=shown.as_of,
                segment=who,
            ).to_pylist()
            return found

    what = f"funnel:{asked['steps']}:{period.start}:{period.end}:{asked['within']}:{asked['of']}:{narrowed.version(asked['of'])}:{by}"
    contracts = {_told_by(step)[0] for step in asked["steps"].split(BETWEEN)}
    return remembered(what, scope, shown, compute, *narrowed.tables(*(f"records/{name}" for name in sorted(contracts))))


# How it is said


def _rows(told: list[dict[str, Any]], asked: Mapping[str, str], period: Period) -> list[dict[str, Any]]:
    chosen, first = asked["steps"].split(BETWEEN), told[0]["reached"]
    found = []
    for at, row in enumerate(told):
        before = told[at - 1]["reached"] if at else 0
        found.append(
            {
                **row, "name": f"{row['step']}. {_called(chosen[at])}",
                "of_all": percent(row["reached"] / first, 1) if first else "–",
                "of_before": percent(row["reached"] / before, 1) if before else "–",
                "url": _opens(asked, period, row["step"], "reached"),
                "stopped_url": _opens(asked, period, row["step"], "stopped") if row["stopped"] else "",
                "under_way_url": _opens(asked, period, row["step"], "under_way") if row["under_way"] else "",
            }
        )  # fmt: skip
    return found


def _split(told: list[dict[str, Any]], asked: Mapping[str, str], period: Period) -> list[dict[str, Any]]:
    by: dict[Any, list[dict[str, Any]]] = {}
    for row in told:
        by.setdefault(row["segment"], []).append(row)
    found = []
    for segment, mine in sorted(by.items(), key=lambda one: -one[1][0]["reached"]):
        narrow = {**asked, "of": f"{asked['by']}:{segment}"} if segment and not asked["of"] else None
        cells = [
            (row["reached"], percent(row["reached"] / mine[0]["reached"], 1) if at and mine[0]["reached"] else "",
             _opens(narrow, period, row["step"], "reached") if narrow and row["reached"] else "")
            for at, row in enumerate(mine)
        ]  # fmt: skip
        name = words_for(WORDS_OF.get(asked["by"], ""), segment) or _("Unknown")
        found.append({"name": name, "cells": cells})
    return found


def _opens(asked: Mapping[str, str], period: Period, step: int, who: str) -> str:
    told = {name: asked[name] for name in ("steps", "within", "of", "grain")}
    span = {"from": period.start.isoformat(), "to": period.end.isoformat()}
    return opened_where("funnel", step=str(step), who=who, **told, **span)


def _nothing() -> str:
    return _("Not enough data, because there are no two things customers are known to have done.")
