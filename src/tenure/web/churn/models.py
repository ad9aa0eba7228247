"""The models behind the churn scores: versions, champion and challenger, drift, and what people decide about them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tenure.desk.customers import foresight
from tenure.desk.customers.foresight import Definition
from tenure.desk.customers.models import ModelDecision, Publication
from tenure.desk.governance.models import User
from tenure.desk.lake import lake
from tenure.desk.work import jobs
from tenure.errors import TenureError
from tenure.insight.churn.learners import LEARNERS
from tenure.insight.churn.reasons import COLUMNS
from tenure.insight.churn.registry import WHY, Policy
from tenure.lake import Scope
from tenure.language import tr
from tenure.web import figures
from tenure.web.parts import Context

Row = dict[str, Any]
SHOWN = 20


def models(scope: Scope, shown: Publication | None) -> Context:
    """Every definition's versions, how far customers have moved from those learned from, and the way models are kept."""
    policy = foresight.policy()
    return {
        "definitions": [_told(one, policy) for one in foresight.definitions(lake())],
        "policy": policy,
        "decided": list(ModelDecision.objects.select_related("made_by")[:SHOWN]),
        "threshold": policy.threshold,
        "learner": LEARNERS[policy.learner].words,
        "learners": [(kind.name, kind.words, kind.when) for kind in LEARNERS.values() if kind.lacking() is None],
    }


def _told(one: Definition, policy: Policy) -> Row:
    standing = one.standing
    champion = standing.version(standing.champion)
    learned = standing.learned.get("as_of")
    return {
        "code": one.code, "words": one.words, "standing": standing, "champion": champion, "waits": one.waits,
        "learning": one.learning, "note": standing.note, "last_why": _why(standing.learned.get("why")),
        "same": standing.learned.get("same"),
        "learned_on": _day(learned) if learned else None,
        "due_on": _day(learned, policy.schedule_days) if learned and standing.definition.get("timed") else None,
        "versions": [_version(one, told) for told in reversed(standing.versions)],
        "scores": _over_time(standing.watch, policy), "level": _level(standing.watch), "columns": _columns(standing.watch, policy),
        "timed": standing.definition.get("timed"),
    }  # fmt: skip


def _version(one: Definition, told: Mapping[str, Any]) -> Row:
    standing, number = one.standing, told["version"]
    place = (
        _("Champion") if number == standing.champion
        else _("Challenger") if number == standing.challenger
        else _("Champion before") if number == standing.previous
        else ""
    )  # fmt: skip
    against = told.get("against") or {}
    return {
        **told, "learner": LEARNERS[told.get("learner", "blend")].words, "place": place, "is_champion": number == standing.champion, "why_words": _why(told["why"]),
        "day": _day(told["as_of"]), "cant": "" if number == standing.champion else foresight.cant_stand(standing, number),
        "back": number == one.back_to, "wanted": one.waits.get("version") == number, "metrics": told["metrics"],
        "against": _gain(against) if against.get("comparable") else None,
        "not_compared": bool(against) and not against.get("comparable"),
    }  # fmt: skip


def _gain(against: Mapping[str, Any]) -> Row:
    told = {name: f"{value:+.3f}".replace("-", "−") for name, value in against["auc"].items()}
    return {"with": against["with"], "shown_worse": against["shown_worse"], **told}


def _why(code: str | None) -> str:
    return str(WHY[code]) if code and code in WHY else ""


def _day(instant: str, later: int = 0) -> str:
    """The last business day a figure as of this instant covers; so many days later."""
    return (datetime.fromisoformat(instant) - timedelta(days=1) + timedelta(days=later)).date().isoformat()


def _over_time(watch: list[Row], policy: Policy) -> figures.Figure | None:
    """The stability index of the scores, and of the column that moved most, refresh by refresh."""
    seen = [one for one in watch if one.get("scores") is not None]
    if not seen:
        return None
    figure = figures.over_time(
        [_day(one["as_of"]) for one in seen], [one["scores"] for one in seen],
        [max(one["columns"].values(), default=None) for one in seen], name=_("Scores"), before_name=_("Furthest column"),
        lines=[(_("Drifted from here"), policy.threshold, "$bad")],
    )  # fmt: skip
    figure["layout"]["yaxis"] = {"rangemode": "tozero", "title": {"text": _("Stability index")}}
    return figure


def _level(watch: list[Row]) -> figures.Figure | None:
    """The mean chance foretold at each refresh, beside the share who then left, once that is known."""
    seen = [one for one in watch if one.get("mean_predicted") is not None]
    if not seen:
        return None
    return figures.over_time(
        [_day(one["as_of"]) for one in seen], [one.get("observed") for one in seen],
        [one["mean_predicted"] for one in seen], name=_("Left"), before_name=_("Foretold"), share=True,
    )  # fmt: skip


def _columns(watch: list[Row], policy: Policy) -> figures.Figure | None:
    """The columns that moved most, as of the last refresh."""
    last = watch[-1]["columns"] if watch else {}
    moved = [(name, value) for name, value in last.items() if value >= 0.005][:10]
    if not moved:
        return None
    return figures.bars(
        [str(COLUMNS[name].words) if name in COLUMNS else name for name, _value in moved],
        [value for _name, value in moved], name=_("Stability index"), y_title=_("Stability index"),
        text=[f"{value:.2f}" for _name, value in moved],
    )  # fmt: skip


# What people decide


@require_POST
def decide(request: HttpRequest) -> HttpResponse:
    """Learn now, make a version champion, or go back to one; a job brings the scores after it."""
    deed, code = request.POST.get("deed", ""), request.POST.get("code", "")
    actor = _actor(request)
    given: Row = {"lake": lake(), "actor": actor, "now": timezone.now()}
    try:
        if deed == "learn":
            foresight.ask_to_learn(**given)
        elif deed == "promote":
            foresight.promote(code, _number(request), **given)
        elif deed == "roll_back":
            foresight.roll_back(code, _number(request), **given)
        else:
            raise TenureError(tr('There is no such deed: "{deed}".', deed=deed[:40]))
    except TenureError as error:
        messages.error(request, str(error))
        return _back()
    job = jobs.start("refresh", params={}, actor=actor, now=timezone.now(), once="refresh")
    messages.success(request, _("Decided. A job brings the scores after it."))
    return HttpResponseRedirect(reverse("admin:job", args=[job]))


@require_POST
def policy(request: HttpRequest) -> HttpResponse:
    """How models are kept."""
    try:
        wanted = Policy(
            int(_plain(request, "schedule_days")), _plain(request, "threshold"),
            "ask" if request.POST.get("taking") == "ask" else "automatic", int(_plain(request, "keep")),
            request.POST.get("learner", foresight.policy().learner),
        )  # fmt: skip
        foresight.set_policy(wanted, lake=lake(), actor=_actor(request), now=timezone.now())
    except TenureError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Saved. The next refresh goes by it."))
    return _back()


def _number(request: HttpRequest) -> int:
    return int(_plain(request, "version"))


def _plain(request: HttpRequest, name: str) -> float:
    text = request.POST.get(name, "").strip()
    try:
        value = float(text) if text.isascii() and len(text) < 12 else float("nan")
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e9:  # also what is no number
        raise TenureError(tr('"{text}" is no number.', text=text[:20]))
    return value


def _actor(request: HttpRequest) -> User:
    actor = request.user
    assert isinstance(actor, User)
    return actor


def _back() -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:churn_part", args=["models"]))
