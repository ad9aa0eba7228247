"""What one customer's churn score rests on, what would lower it, and how it came to be, on the customer's page."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import ibis
import pyarrow as pa
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.formats import date_format
from django.views.decorators.http import require_safe

from tenure.desk.customers import selectors
from tenure.desk.governance.api import may, scope_of
from tenure.desk.lake import about, lake, workspace
from tenure.insight.churn import facts, history, levers
from tenure.insight.churn.drivers import (
    COLUMNS,
    DRIVERS,
    UNSEEN,
    as_json,
    chance,
    driver_of,
    log_odds,
    points,
    words_of,
)
from tenure.insight.churn.learners import Champion
from tenure.insight.churn.reasons import sentence
from tenure.lake import SYSTEM, Lake, Scope
from tenure.language import Words
from tenure.pipeline.score_history import HISTORY, NOW, kept_model
from tenure.web.frame import render

FACTS = 2  # of a driver; the strongest
LEAST = 0.02  # log-odds of a fact worth a sentence
SHOWN_DRIVERS = 7
OTHERS = 3_000  # customers looked through for those most alike
_STRIDE, _TURNS = 2_654_435_761, 2**32


@dataclass(frozen=True)
class Bar:
    """A driver of one score. points: of the chance, and sum to what is above the level; length: 0 to 1."""

    code: str
    words: Words
    points: float
    length: float
    facts: tuple[Words, ...]


@require_safe
def piece(request: HttpRequest, person_id: int) -> HttpResponse:
    """The customer's score taken apart, as a piece of the customer's page. Out of reach is the same answer as not there."""
    scope = scope_of(request.user)
    card = selectors.card_of(scope, person_id)
    if card is None:
        raise Http404
    with about(person_id) as here:
        told = here.of_person(
            "scores/churn", person_id, lambda rows: rows.select("churn_probability", "drivers"), named="rests on", actor=scope
        ).to_pylist() if _has_drivers(here) else []  # fmt: skip
        past = here.of_person(
            HISTORY, person_id, lambda rows: rows.order_by(rows.as_of), named="risk so far", actor=scope
        ).to_pylist()
        found = kept_model(here)
        own = _own_facts(here, person_id, found[0]) if found and told else None
    lowers: list[levers.Lowering] = []
    if found and own is not None:
        lowers = _lowers(found[0], own, scope)
    share = told[0]["churn_probability"] if told else None
    bars, level = _bars(told[0], found[0] if found else None, own, scope) if told else ([], None)
    moves = [move for row in past if (move := history.move_of(row)) is not None]
    newest = moves[-1].without(_hidden(scope, [*moves[-1].columns.values()])) if moves else None
    return render(
        request,
        "_risk_piece.html",
        "",
        card=card,
        bars=bars[:SHOWN_DRIVERS],
        more=bars[SHOWN_DRIVERS:],
        level=level,
        share=share,
        lowers=lowers,
        # By folds the published score is of a model that had not seen the customer; this one has.
        otherwise=bool(lowers) and share is not None and abs(lowers[0].before - share) > 0.005,
        asked=own is not None,
        past=past,
        tried=max((row["as_of"] for row in past if row["kind"] == "tried"), default=None),
        newest=newest,
        sentence=history.sentence(newest, day=day_words(newest.since)) if newest else None,
        may_insight=may(request.user, "insight"),
    )


def day_words(day: date) -> Words:
    """A day as it is written in the page's language; it is shown in no other."""
    shown = date_format(day)
    return Words(shown, shown)


def _has_drivers(here: Lake) -> bool:
    """A lake scored by an older version has scores without their drivers until the next refresh."""
    return here.exists("scores/churn") and "drivers" in here.schema("scores/churn").names


def _own_facts(here: Lake, person_id: int, model: Champion) -> pa.Table | None:
    """What the customer's score was made from.

    Read as the product itself, for the model must read what a reader may not: what is shown of it is asked of the scope
    column by column. Whether the customer is within reach was asked before.
    """
    if not here.exists(NOW):
        return None
    kept = here.of_person(NOW, person_id, lambda rows: rows, named="facts", actor=SYSTEM)
    rows = facts.opened(kept, model.readings)
    return rows if rows.num_rows == 1 else None


def _lowers(model: Champion, own: pa.Table, scope: Scope) -> list[levers.Lowering]:
    others = _others(model)
    found = levers.would_lower(model, own, others, currency=workspace().currency)
    return [one for one in found if not _hidden(scope, [column for column, _now, _then in one.changes])]


def _others(model: Champion) -> pa.Table:
    """Some customers, whoever asks: of them nothing is shown but how far a value may go."""
    here = lake()
    return _some(str(here.folder), here.version(NOW) or 0, model)


@lru_cache(maxsize=2)
def _some(folder: str, version: int, model: Champion) -> pa.Table:
    return some_facts(model, OTHERS)


def some_facts(model: Champion, most: int, among: ibis.Table | None = None) -> pa.Table:
    """The facts of at most about so many customers, drawn by their numbers; among: those with these person_ids."""
    here = lake()
    rows = here.read(NOW, actor=SYSTEM)
    if among is not None:
        rows = rows.semi_join(among, "person_id")
    counted = here.to_arrow(rows.agg(n=rows.count()))["n"][0].as_py() or 0
    if counted > most:
        rows = rows.filter((rows.person_id * _STRIDE) % _TURNS < int(_TURNS * most / counted))
    return facts.opened(here.to_arrow(rows.order_by("person_id")), model.readings)


def _bars(
    told: Mapping[str, Any], model: Champion | None, own: pa.Table | None, scope: Scope
) -> tuple[list[Bar], float]:
    """The drivers of a score, strongest first, and the level they are counted from."""
    effects: dict[str, float] = json.loads(told["drivers"] or "{}")
    if not effects and model is not None and own is not None:
        effects = json.loads(
            as_json(model.opened(_read_by(model, own), 0)[2])[0]
        )  # the refresh told the riskiest alone
    share = float(told["churn_probability"])
    parts = points(effects, share)
    most = max((abs(part) for part in parts.values()), default=0.0) or 1.0
    said = _said(model, own, scope) if model is not None and own is not None else {}
    bars = [
        Bar(code, words_of(code), part, abs(part) / most, tuple(said.get(code, ())))
        for code, part in sorted(parts.items(), key=lambda pair: (-abs(pair[1]), pair[0]))
        if code in DRIVERS or code == UNSEEN
    ]
    return bars, chance(log_odds(share) - sum(effects.values()))


def _said(model: Champion, own: pa.Table, scope: Scope) -> dict[str, list[Words]]:
    """The facts of each driver that move the score the way the driver does, strongest first."""
    names = model.feature_names_in_.tolist()
    parts = dict(zip(names, model.contributions(_read_by(model, own))[0].tolist(), strict=True))
    whole: dict[str, float] = {}
    for name, part in parts.items():
        whole[driver_of(name)] = whole.get(driver_of(name), 0.0) + part
    found: dict[str, list[Words]] = {}
    hidden = _hidden(scope, names)
    for reading in sorted(model.readings, key=lambda each: -abs(parts[each.name])):
        code, part = driver_of(reading.name), parts[reading.name]
        if reading.name in hidden or abs(part) < LEAST or part * whole[code] <= 0:
            continue
        if len(found.setdefault(code, [])) < FACTS:
            found[code].append(sentence(reading, own[reading.name][0].as_py(), currency=workspace().currency))
    return found


def _read_by(model: Champion, own: pa.Table) -> pa.Table:
    """The columns the model learned from; one that is not there is blank."""
    names = model.feature_names_in_.tolist()
    return pa.table({name: own[name] if name in own.column_names else pa.nulls(own.num_rows) for name in names})


def _hidden(scope: Scope, columns: list[str]) -> set[str]:
    """Those of these columns of which the asker may be told nothing."""
    return {column for column in columns if not shows(scope, column)}


def shows(scope: Scope, column: str) -> bool:
    """Whether the asker may be told what a customer's value in a column of the model is.

    A wide file's own column lies beyond the contract, and may well be an amount.
    """
    feature = COLUMNS.get(column)
    if feature is None:
        return scope.sees("extra") and scope.sees("amounts")
    if column == "age_years":
        return scope.sees("birth_date")
    return feature.unit != "minor units" or scope.sees("amounts")


__all__ = ["day_words", "piece", "shows", "some_facts"]
