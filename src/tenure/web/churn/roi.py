"""Whether a programme to keep customers pays: reckoned from what the address asks, kept under a name, two side by side."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import numpy as np
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tenure.desk.customers import selectors, services
from tenure.desk.customers.models import Publication, SavedView
from tenure.desk.governance.api import may
from tenure.desk.governance.models import User
from tenure.desk.lake import lake
from tenure.errors import TenureError
from tenure.insight.metrics import breakdown as apart
from tenure.insight.roi import INPUTS, Outcome, Programme, reckon
from tenure.lake import Scope
from tenure.language import tr
from tenure.web import figures
from tenure.web.cache import remembered
from tenure.web.churn.cost.sums import margin_in_force
from tenure.web.insight import narrowed
from tenure.web.insight.bridge import exactly
from tenure.web.parts import Context
from tenure.web.templatetags.tenure import compact_money, in_units, symbol
from tenure.web.typed import number, typed

ABOUT = "roi"
USUAL: Mapping[str, float] = {
    "saved": 0.10, "saved_low": 0.05, "saved_high": 0.15, "taken": 0.30, "contact": 2.0, "offer": 20.0, "fixed": 0.0,
    "months": 12.0,
}  # fmt: skip
"""Where a scenario begins; money in whole currency units. None of it is measured."""
FIGURES = ("customers", "leaving", "margin")


def roi(scope: Scope, shown: Publication | None, given: Mapping[str, str]) -> Context:
    """The programme of the page's query, beside a kept one where that is asked (`beside`)."""
    user = User.objects.filter(pk=scope.user_id).first() if scope.user_id else None
    views = selectors.saved_views(user, ABOUT) if user else []
    asked = _asked(given, scope)
    about = audience(scope, shown, asked["of"])
    context: Context = {
        "asked": asked, "offered": narrowed.offered(scope, shown), "audience": about,
        "fields": _fields(asked, about),
        "views": [
            {"view": one, "url": f"{_here()}?{one.query}", "mine": user is not None and one.user_id == user.pk,
             "beside": f"{_here()}?{_query({**asked, 'beside': str(one.pk)})}"}
            for one in views
        ],
        "query": _query({name: value for name, value in asked.items() if name != "beside"}),
        "may_share": user is not None and may(user, "share"),
        "boards_url": reverse("admin:boards"),
    }  # fmt: skip
    try:
        programme = _programme(asked, about)
        found = reckon(programme)
    except TenureError as error:
        return context | {"wrong": str(error)}
    context |= {"one": _shown(programme, found), "tornado": _tornado(found) if found.swings else None}
    other = next((one for one in views if str(one.pk) == asked["beside"]), None)
    if other is not None:
        kept = _asked(dict(parse_qsl(other.query)), scope)
        try:
            second = _programme(kept, audience(scope, shown, kept["of"]))
            context["other"] = {"name": other.name, **_shown(second, reckon(second))}
            context["compared"] = _side_by_side(context["one"], context["other"])
        except TenureError as error:
            context["wrong"] = str(error)
    return context


def audience(scope: Scope, shown: Publication | None, of: str) -> dict[str, Any]:
    """Who would be approached: how many, their mean chance of leaving, expected revenue with its error; share: of margin.

    Customers without a chance or a value are not counted; those served at a loss are not, for keeping them is no gain.
    """
    if shown is None:
        return {"customers": 0, "leaving": None, "revenue": None, "error": 0.0, "apart": 0, "share": None}

    def compute() -> dict[str, Any]:
        kept = narrowed.read_cards(scope)
        cards = narrowed.only(kept[apart.CARDS], narrowed.persons(scope, of, kept))
        cards = cards.filter(cards.churn_probability.notnull(), cards.value_base_minor.notnull())
        habits = lake().read("scores/habits", actor=scope).select("person_id", "margin_share")
        both = cards.select("person_id", "churn_probability", "value_base_minor").left_join(habits, "person_id")
        found = lake().to_arrow(both.drop("person_id_right").order_by("person_id"))
        chance, value, margin = (
            found[name].to_numpy(zero_copy_only=False).astype(float)
            for name in ("churn_probability", "value_base_minor", "margin_share")
        )
        worth = ~(margin < 0)
        chance, value = chance[worth], np.maximum(value[worth], 0.0)
        n = len(chance)
        if not n:
            return {"customers": 0, "leaving": None, "revenue": None, "error": 0.0, "apart": int((~worth).sum())}
        # Of those who would leave, the likelier count more: theirs is the revenue a programme keeps.
        leaving = float(chance.mean())
        revenue = float((chance * value).sum() / chance.sum()) if chance.sum() > 0 else float(value.mean())
        weight = chance / chance.sum() if chance.sum() > 0 else np.full(n, 1 / n)
        error = float(np.sqrt((weight**2 * (value - revenue) ** 2).sum()))
        return {"customers": n, "leaving": leaving, "revenue": revenue, "error": error, "apart": int((~worth).sum())}

    what = f"audience:{of}:{narrowed.version(of)}"
    found = remembered(what, scope, shown, compute, *narrowed.tables("scores/habits"))
    return found | {"share": margin_in_force(scope, shown)}


@require_POST
def keep(request: HttpRequest) -> HttpResponse:
    """Keep the scenario under a name: its inputs, never what they come to."""
    user = _actor(request)
    query = urlencode(
        [(name, value) for name, value in parse_qsl(request.POST.get("query", "")[:2000]) if name in _NAMES]
    )
    try:
        services.save_view(
            user, request.POST.get("name", ""), query, about=ABOUT, now=timezone.now(),
            shared=bool(request.POST.get("shared")) and may(user, "share"),
        )  # fmt: skip
    except TenureError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Kept. Open another to compare the two."))
    return HttpResponseRedirect(f"{_here()}?{query}")


@require_POST
def drop(request: HttpRequest, view_id: int) -> HttpResponse:
    """Drop a scenario of one's own."""
    if not SavedView.objects.filter(pk=view_id, about=ABOUT).exists():
        raise Http404
    try:
        services.delete_view(_actor(request), view_id, now=timezone.now())
    except SavedView.DoesNotExist as error:
        raise Http404 from error
    return HttpResponseRedirect(_here())


_NAMES = {*INPUTS, "of"}


def _here() -> str:
    return reverse("admin:churn_part", args=[ABOUT])


def _actor(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _asked(given: Mapping[str, str], scope: Scope) -> dict[str, str]:
    asked = {name: given.get(name, "").strip()[:20] for name in INPUTS}
    asked["of"] = narrowed.read(given.get("of", "risk:high"), scope)
    asked["beside"] = given.get("beside", "")[:10]
    return asked


def _query(asked: Mapping[str, str]) -> str:
    # An audience left open is said too: without it a scenario begins with those at high risk.
    return urlencode({name: value for name, value in asked.items() if value or name == "of"})


def _taken(about: Mapping[str, Any]) -> dict[str, float]:
    """What is filled in where nothing was typed: the audience's own figures, and where a scenario begins."""
    found = {"customers": float(about["customers"]), "leaving": about["leaving"] or 0.0}
    found["margin"] = (about["revenue"] or 0.0) * (about["share"] or 0.0)
    money = 1 / in_units(1)
    return found | {name: value * money if INPUTS[name][1] == "money" else value for name, value in USUAL.items()}


def _programme(asked: Mapping[str, str], about: Mapping[str, Any]) -> Programme:
    usual = _taken(about)
    if not asked["margin"] and about["customers"] and about["share"] is None:
        raise TenureError(
            tr("Not enough data, because no order line says its cost and no margin is assumed. Type in the margin of one who stays.")
        )  # fmt: skip
    read = {name: number(asked[name], INPUTS[name][1]) for name in INPUTS}
    told = {name: usual[name] if value is None else value for name, value in read.items()}
    if asked["saved"]:
        # An interval nobody said is half as much and half as much again.
        for name, factor in (("saved_low", 0.5), ("saved_high", 1.5)):
            if not asked[name]:
                told[name] = min(1.0, told["saved"] * factor)
    error = 0.0 if asked["margin"] else about["error"] * (about["share"] or 0.0)
    # Value is of twelve months; a longer or shorter horizon brings so much more or less of it.
    if not asked["margin"]:
        told["margin"], error = told["margin"] * told["months"] / 12, error * told["months"] / 12
    return Programme(**told, margin_error=error)


def _fields(asked: Mapping[str, str], about: Mapping[str, Any]) -> list[dict[str, Any]]:
    usual = _taken(about)
    return [
        {"name": name, "words": str(words), "unit": {"share": "%", "money": symbol().strip()}.get(unit, ""), "value": asked[name],
         "usual": typed(round(usual[name], 4) if unit != "money" else round(usual[name]), unit), "audience": name in FIGURES}
        for name, (words, unit, _least, _most) in INPUTS.items()
    ]  # fmt: skip


def _shown(one: Programme, found: Outcome) -> dict[str, Any]:
    """An outcome for the page."""
    return {
        "outcome": found, "programme": one,
        "net": exactly(found.net), "low": compact_money(found.low), "high": compact_money(found.high),
        "cost": exactly(found.cost), "benefit": exactly(found.benefit),
        "roi": None if found.roi is None else f"{found.roi * 100:,.0f}%",
        "break_even": None if found.break_even is None else f"{found.break_even * 100:.1f}%",
        "payback": None if found.payback_months is None else f"{found.payback_months:.1f}",
        "chance": f"{found.chance * 100:.0f}%",
        "pays": found.net > 0,
        "lost_before": compact_money(found.left_before * one.margin), "lost_after": compact_money(found.left_after * one.margin),
        "left_before": f"{found.left_before:,.1f}", "left_after": f"{found.left_after:,.1f}",
    }  # fmt: skip


def _side_by_side(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    heads = {
        "benefit": _("Benefit"), "cost": _("Cost of it"), "net": _("Net"), "low": _("Net at the least"),
        "high": _("Net at the most"), "roi": _("Return"), "break_even": _("Break-even share saved"),
        "payback": _("Paid back after months"), "chance": _("Chance that it pays"), "left_after": _("Still leave"),
    }  # fmt: skip
    lines = [
        (str(words), typed(getattr(one["programme"], name), unit), typed(getattr(other["programme"], name), unit))
        for name, (words, unit, _least, _most) in INPUTS.items()
    ]
    return lines + [(words, one[name] or "–", other[name] or "–") for name, words in heads.items()]


def _tornado(found: Outcome) -> figures.Figure:
    """What each input moves the net to by itself, the greatest at the top."""
    swings = list(reversed(found.swings))
    names = [str(INPUTS[swing.name][0]) for swing in swings]

    def bar(end: str, said: str, color: str) -> dict[str, Any]:
        return {
            "type": "bar", "orientation": "h", "y": names, "name": said, "marker": {"color": color},
            "base": [in_units(found.net)] * len(swings),
            "x": [in_units(getattr(swing, end) - found.net) for swing in swings],
            "text": [compact_money(round(getattr(swing, end))) for swing in swings], "textposition": "none",
            "hovertemplate": "%{y}: %{text}<extra>" + said + "</extra>",
        }  # fmt: skip

    return {
        "data": [bar("low", _("Input low"), "$muted"), bar("high", _("Input high"), "$primary")],
        "layout": {
            "barmode": "overlay", "yaxis": {"automargin": True}, "xaxis": {"title": {"text": _("Net")}},
            "showlegend": True, "legend": {"orientation": "h", "y": 1.25},
        },
    }  # fmt: skip
