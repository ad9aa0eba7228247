"""Personas: customers who are alike, named by what sets them apart; and segments by rule beside them."""

from collections.abc import Mapping
from typing import Any

import ibis
import pyarrow as pa
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from tenure.desk.customers import selectors
from tenure.desk.customers.influence import BANDS, influence
from tenure.desk.customers.models import Publication
from tenure.desk.customers.words import STAGES, TIERS, words_for
from tenure.desk.governance.api import scope_of
from tenure.desk.lake import lake
from tenure.insight.features.base import written
from tenure.insight.segments.habits import SAID, by_rule
from tenure.lake import Scope
from tenure.language import Words
from tenure.web.cache import remembered
from tenure.web.frame import render
from tenure.web.insight.people import Opened, opened_where
from tenure.web.insight.shared import customers_where, part_where, persona_called, rows
from tenure.web.parts import Context
from tenure.web.templatetags.tenure import compact_money

REGIONS, TYPICAL, TRAITS = 8, 6, 8
INFLUENCE = "influence"
RULES = ("abc", "need", "behaviour", "main_channel", "potential")
TABLES = ("scores/customers", "scores/habits", "scores/tiers")


def personas(scope: Scope, shown: Publication | None) -> Context:
    """Every group of customers alike: its size, value, risk and what sets it apart; and the segments by rule."""
    card = lake().document("personas") or {}
    found = remembered("personas", scope, shown, lambda: _held(scope), *TABLES)
    everyone = sum(row["customers"] for row in found["held"].values())
    groups = [
        {
            "number": str(group["number"]), "name": str(Words(group["en"], group["zh"])),
            "row": found["held"][str(group["number"])], "traits": [_trait(t) for t in group["traits"][:3]],
            "share": found["held"][str(group["number"])]["customers"] / everyone if everyone else None,
            "url": customers_where(persona=str(group["number"])),
        }
        for group in card.get("groups", [])
        if str(group["number"]) in found["held"]
    ]  # fmt: skip
    why = card.get("not_enough_data")
    return {
        "groups": groups,
        "why": str(Words(**why)) if why else "",
        "kept": card.get("kept_share"),
        "tried": sorted((int(k), score) for k, score in card.get("tried", {}).items()),
        "chosen": len(card.get("groups", [])),
        "by_rule": [
            (
                _title(name),
                [
                    (words_for(name, row["code"]), row, opened_where("personas", rule=name, code=row["code"]))
                    for row in table
                    if row["code"] is not None
                ],
            )
            for name, table in found["by_rule"].items()
        ]
        + [
            (
                _title(INFLUENCE),
                [
                    (str(BANDS[row["code"]][1]), row, opened_where("personas", rule=INFLUENCE, code=row["code"]))
                    for row in _influential(scope)
                ],
            )
        ],
    }


def _held(scope: Scope) -> dict[str, Any]:
    cards = lake().read("scores/customers", actor=scope)
    grouped = cards.filter(cards.persona.notnull())
    held = grouped.group_by("persona").agg(**_sums(grouped))
    both = _ruled(scope)
    ruled = {}
    for name in RULES:
        table = both.mutate(code=both[name])
        agreed = table.group_by("code").agg(**_sums(table)).order_by(ibis._.customers.desc()).limit(9)
        ruled[name] = rows(agreed)
    return {"held": {row["persona"]: row for row in rows(held)}, "by_rule": ruled}


def _influential(scope: Scope) -> list[dict[str, Any]]:
    """The customers within reach who brought others, by how many, as far as the asker sees those."""
    bands = {person: one.band for person, one in influence(scope, timezone.localdate()).items()}
    if not bands:
        return []
    brought = ibis.memtable(pa.table({"person_id": pa.array(bands, pa.int64()), "code": pa.array([*bands.values()])}))
    table = lake().read("scores/customers", actor=scope).inner_join(brought, "person_id")
    found = {row["code"]: row for row in rows(table.group_by("code").agg(**_sums(table)))}
    return [found[code] for code in BANDS if code in found]


def _ruled(scope: Scope) -> ibis.Table:
    """The customers within reach with the segments by rule each is in."""
    cards = lake().read("scores/customers", actor=scope)
    habits, tiers = (lake().read(f"scores/{name}", actor=scope) for name in ("habits", "tiers"))
    both = cards.select("person_id", "abc", "value_base_minor", "churn_probability")
    return both.left_join(by_rule(habits, tiers), "person_id").drop("person_id_right")


def people(scope: Scope, shown: Publication | None, given: Mapping[str, str]) -> Opened | None:
    """The customers of one segment by rule, those expected to bring most first."""
    rule, code = given.get("rule", ""), given.get("code", "")[:200].replace("\x00", "")
    if rule not in (*RULES, INFLUENCE) or not code or not scope.sees("amounts"):
        return None
    if rule == INFLUENCE:
        if code not in BANDS:
            return None
        brought = influence(scope, timezone.localdate())
        chosen = [person for person, one in brought.items() if one.band == code]
        return Opened(
            f"{_title(rule)}: {BANDS[code][1]}",
            _(
                "Customers brought by their own word and through those they brought, as relations say; only those you see count."
            ),
            part_where("personas"),
            _("Personas"),
            sorted(chosen, key=lambda person: (-brought[person].whole, person)),
            guards=("amounts",),
        )

    def within() -> list[int]:
        both = _ruled(scope)
        found = both.filter(both[rule] == code).order_by(both.value_base_minor.desc(), both.person_id)
        return [row["person_id"] for row in rows(found.select("person_id"))]

    found = remembered(f"rule {rule} {code}", scope, shown, within, *TABLES)
    return Opened(
        f"{_title(rule)}: {words_for(rule, code)}",
        _("As they bought in the year before the figures; who is in it changes with each refresh."),
        part_where("personas"),
        _("Personas"),
        found,
        guards=("amounts",),
    )


def _sums(table: ibis.Table) -> dict[str, Any]:
    return {"customers": table.count(), "value": table.value_base_minor.sum(), "risk": table.churn_probability.mean()}


def _title(name: str) -> str:
    return {
        "abc": _("By value"), "need": _("By need: what they mostly buy"), "behaviour": _("By behaviour"),
        "main_channel": _("By channel"), "potential": _("By potential"),
        INFLUENCE: _("By social influence: whom they brought"),
    }[name]  # fmt: skip


def _trait(trait: dict[str, Any]) -> dict[str, Any]:
    """One thing that sets a group apart, in the page's words, with its values here and among all."""
    said = SAID[trait["column"]]
    if trait["level"] is not None:
        here, among = (f"{trait[name]:.0%}" for name in ("here", "among"))
        level = said.levels.get(trait["level"], trait["level"])
        return {"words": f"{said.words} · {level}", "score": trait["score"], "here": here, "among": among}
    unit = "share" if trait["column"].endswith("_share") else "days"
    if trait["column"].endswith("_minor"):
        here, among = (str(compact_money(round(trait[name]))) for name in ("here", "among"))
    else:
        here, among = (written(unit, trait[name]) for name in ("here", "among"))
    return {"words": str(said.words), "score": trait["score"], "here": here, "among": among}


@require_safe
def page(request: HttpRequest, number: int) -> HttpResponse:
    """One persona: its size, value and risk, what sets it apart, where it lives and stands, and typical customers."""
    scope, shown = scope_of(request.user), Publication.current()
    card = lake().document("personas") or {}
    group = next((one for one in card.get("groups", []) if one["number"] == number), None)
    if not scope.sees("amounts") or group is None:
        raise Http404
    code = str(number)
    found = remembered(f"persona {code}", scope, shown, lambda: _one(scope, code), "scores/customers", "scores/habits")
    traits = [_trait(trait) for trait in group["traits"][:TRAITS]]
    stages = [name for name in STAGES if any(row["stage"] == name for row in found["mix"])]
    customers = sum(row["customers"] for row in found["mix"])
    by_place = {(row["region"], row["stage"]): row for row in found["places"]}
    regions = sorted({row["region"] for row in found["places"]}, key=lambda r: -sum(
        row["customers"] for row in found["places"] if row["region"] == r))[:REGIONS]  # fmt: skip
    return render(
        request,
        "insight/persona.html",
        persona_called(code),
        number=code,
        all=found["all"],
        customers=customers,
        traits=traits,
        most=max((abs(trait["score"]) for trait in traits), default=0),
        mix=[
            (words_for("stage", name), row["customers"], row["customers"] / customers)
            for name in stages
            for row in found["mix"]
            if row["stage"] == name
        ],
        tiers=[
            (str(words), row["customers"], customers_where(persona=code, tier=name))
            for name, words in TIERS.items()
            for row in found["tiers"]
            if row["tier"] == name
        ],
        stages=[words_for("stage", name) for name in stages],
        places=[
            (
                region,
                [
                    (by_place.get((region, name)), customers_where(persona=code, region=region, stage=name))
                    for name in stages
                ],
            )
            for region in regions
        ],
        most_place=max((row["customers"] for row in found["places"]), default=0),
        typical=selectors.cards_among(scope, found["typical"], shown, TYPICAL),
        url=customers_where(persona=code),
        risky=customers_where(persona=code, risk="high"),
    )


def _one(scope: Scope, code: str) -> dict[str, Any]:
    cards = lake().read("scores/customers", actor=scope)
    cards = cards.filter(cards.persona == code)
    habits = lake().read("scores/habits", actor=scope).semi_join(cards, "person_id")
    near = ["recency_days", "visits", "brought_base_minor", "tenure_days"]
    middles = habits.aggregate(**{f"middle_{name}": habits[name].median() for name in near})
    beside = habits.cross_join(middles)
    # As shares of the middle, so that no one of them decides by its unit.
    away = sum(
        ((beside[name] - beside[f"middle_{name}"]).abs() / (beside[f"middle_{name}"].abs() + 1)).fill_null(1.0)
        for name in near
    )
    typical = beside.mutate(away=away).order_by("away", "person_id").limit(TYPICAL).select("person_id")
    places = cards.filter(cards.region.notnull(), cards.stage.notnull()).group_by("region", "stage")
    return {
        "all": rows(cards.aggregate(**_sums(cards), spent=cards.monetary_base_minor.sum()))[0],
        "mix": rows(cards.group_by("stage").agg(customers=cards.count())),
        "tiers": rows(cards.group_by("tier").agg(customers=cards.count())),
        "places": rows(places.agg(customers=ibis._.count(), value=ibis._.value_base_minor.sum())),
        "typical": [row["person_id"] for row in rows(typical)],
    }
