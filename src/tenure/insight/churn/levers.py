"""What would lower a customer's score, of what the company itself can change: always the model's own word, rescored."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa

from tenure.insight.churn.columns import Floats, Reading, numbers, texts
from tenure.insight.churn.drivers import COLUMNS, column_words, driver_of, plain_name
from tenure.insight.churn.learners import Champion
from tenure.insight.features import written
from tenure.insight.features.base import Lever
from tenure.language import Words

ALIKE = 200  # customers most like this one, whose values bound what is asked for
_SEEN = 0.05  # of them have a value that may be asked for
LEAST = 0.01  # a change of the chance smaller than this is not worth a sentence
_PAIRED = 3

_SENTENCE = Words(
    "If {what}: {before} → {after}, by the model's reckoning, not a promise",
    "若{what}：{before} → {after}（模型估算，并非承诺）",
)
_AND = Words("{one}, and {other}", "{one}，并且{other}")
_WERE = Words("{column} were {value}", "{column}为 {value}")
# Of a wide file's own columns, by name: what a company decides itself. What somebody is, was or did is none of it.
_BY_NAME: tuple[tuple[str, str, str], ...] = (
    ("text", "other", r"\bcontract|tech support|online security|online backup|device protection|合同|合约|技术支持"),
    ("text", "other", r"payment method|付款方式|支付方式|缴费方式"),
    ("number", "down", r"monthly (charge|fee|price|bill)|月费|月租|资费"),
    ("number", "up", r"\bdiscount|\bcashback|\bcoupon|优惠|折扣|返现"),
    ("number", "none", r"(open|unresolved|pending) (tickets?|cases?|complaints?)|未解决|未结"),
)
# Whatever its name says besides, it speaks of what was, not of what could be.
_PAST = re.compile(r"\btotal\b|\blast\b|\bprevious\b|累计|总|上次")


@dataclass(frozen=True)
class Lowering:
    """One or two things the company could change, and the score then. changes: (column, value now, value then)."""

    what: Words
    before: float
    after: float
    changes: tuple[tuple[str, Any, Any], ...]

    @property
    def words(self) -> Words:
        shown = {"before": f"{self.before:.0%}", "after": f"{self.after:.0%}"}
        return Words(_SENTENCE.en.format(what=self.what.en, **shown), _SENTENCE.zh.format(what=self.what.zh, **shown))

    @property
    def drivers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(driver_of(column) for column, _now, _then in self.changes))


def lever_of(reading: Reading) -> Lever | None:
    """What the company can do about a column; None for most, and for everything that says who somebody is."""
    if driver_of(reading.name) == "profile":
        return None
    feature = COLUMNS.get(reading.name)
    if feature is not None:
        return feature.lever
    name = plain_name(reading.name)
    if _PAST.search(name):
        return None
    for kind, way, pattern in _BY_NAME:
        if kind == reading.kind and re.search(pattern, name):
            return Lever(_WERE, way)  # type: ignore[arg-type]
    return None


def would_lower(
    model: Champion, facts: pa.Table, others: pa.Table, *, top: int = 3, least: float = LEAST, currency: str = ""
) -> list[Lowering]:
    """What would lower the score of one customer most, strongest first; empty where nothing would.

    facts: one row, the columns the model reads. others: rows of other customers, of whom the most alike in all that
    is no lever say which values are within reach. One lever is moved, or two together; each is scored by the model,
    and what would raise the score, or hardly move it, is left out.
    """
    readings = {reading.name: reading for reading in model.readings}
    row = {name: facts[name][0].as_py() for name in readings}
    levers = {name: lever for name, reading in readings.items() if (lever := lever_of(reading)) is not None}
    alike = _most_alike(model, facts, others, without=_moved_by(levers))
    moves = [
        (name, value, {name: value, **{also: to for also, to in lever.along.items() if also in row}})
        for name, lever in levers.items()
        for value in _values(readings[name], lever, row, alike)
    ]
    if not moves:
        return []
    before = float(model.predict_proba(facts)[0, 1])
    singly = _scored(model, facts, [changes for _name, _value, changes in moves])
    best: dict[str, tuple[float, Any, dict[str, Any]]] = {}
    for (name, value, changes), after in zip(moves, singly, strict=True):
        if name not in best or after < best[name][0]:
            best[name] = after, value, changes
    chosen = sorted(
        ((after, name, value, changes) for name, (after, value, changes) in best.items() if after <= before - least),
        key=lambda each: (each[0], each[1]),
    )

    def said(name: str, value: Any) -> Words:
        shown = _shown(name, value, currency)
        column = column_words(name)
        return Words(
            levers[name].words.en.format(column=column.en, value=shown),
            levers[name].words.zh.format(column=column.zh, value=shown),
        )

    found = [
        Lowering(said(name, value), before, after, ((name, row[name], value),))
        for after, name, value, _changes in chosen[:top]
    ]
    pairs = [
        (one, other, {**one[3], **other[3]})
        for one, other in combinations(chosen[:_PAIRED], 2)
        if not set(one[3]) & set(other[3])
    ]
    together = _scored(model, facts, [changes for *_rest, changes in pairs])
    if pairs:
        after, place = min((after, place) for place, after in enumerate(together))
        (_a, one, one_to, _c), (_b, other, other_to, _d), _changes = pairs[place]
        if after <= chosen[0][0] - least:
            first, second = said(one, one_to), said(other, other_to)
            what = Words(_AND.en.format(one=first.en, other=second.en), _AND.zh.format(one=first.zh, other=second.zh))
            found.append(Lowering(what, before, after, ((one, row[one], one_to), (other, row[other], other_to))))
    return sorted(found, key=lambda lowering: lowering.after)


def changed(facts: pa.Table, changes: Mapping[str, Any]) -> pa.Table:
    """The row with these columns at other values."""
    for name, value in changes.items():
        place = facts.schema.get_field_index(name)
        facts = facts.set_column(place, name, pa.array([value] * facts.num_rows, facts.schema.field(name).type))
    return facts


def _scored(model: Champion, facts: pa.Table, ways: Sequence[Mapping[str, Any]]) -> list[float]:
    if not ways:
        return []
    rows = pa.concat_tables([changed(facts, changes) for changes in ways])
    return [float(chance) for chance in model.predict_proba(rows)[:, 1]]


def _moved_by(levers: Mapping[str, Lever]) -> set[str]:
    return {*levers, *(also for lever in levers.values() for also in lever.along)}


def _most_alike(model: Champion, facts: pa.Table, others: pa.Table, without: set[str]) -> pa.Table:
    """The customers nearest to this one in what the model reads, each column counting as much as it moves scores."""
    weights = {driver["feature"]: driver["effect"] for driver in model.drivers(len(model.readings))}
    away = np.zeros(others.num_rows)
    for reading in model.readings:
        weight = weights.get(reading.name, 0.0)
        if weight and reading.name not in without:
            away += weight * _apart(reading, facts, others)
    return others.take(pa.array(np.argsort(away, kind="stable")[:ALIKE]))


def _apart(reading: Reading, facts: pa.Table, others: pa.Table) -> Floats:
    """How far others are from this customer in one column: 0 alike, 1 another category or a usual spread away, 2 at most."""
    if reading.kind == "text":
        mine, theirs = texts(facts[reading.name])[0].as_py(), texts(others[reading.name]).to_pylist()
        return np.array([float(other != mine) for other in theirs])
    x, y = numbers(facts[reading.name])[0], numbers(others[reading.name])
    apart = np.minimum(np.abs(y - x) / reading.scale, 2.0)
    return np.asarray(
        np.where(np.isnan(apart), float(not np.isnan(x)) + np.zeros(len(y)) if np.isnan(x) else 1.0, apart)
    )


def _values(reading: Reading, lever: Lever, row: Mapping[str, Any], alike: pa.Table) -> Iterator[Any]:
    """Where this lever could be moved to: only to values seen among the customers alike."""
    now = row[reading.name]
    if reading.kind == "text":
        seen = texts(alike[reading.name]).drop_null()
        often = [(pair["values"], pair["counts"]) for pair in seen.value_counts().to_pylist()]
        yield from sorted(value for value, rows in often if value != now and rows >= _SEEN * max(alike.num_rows, 1))
        return
    known = numbers(alike[reading.name])
    known = known[~np.isnan(known)]
    if not len(known):
        return
    if now is None or now != now:
        # Nothing to move from, unless what would be otherwise along with it says there is: a contract without a term.
        if not any(row.get(also) not in (None, to) for also, to in lever.along.items()):
            return
        now = -np.inf if lever.way == "up" else np.inf
    if lever.way == "none":
        if now > 0 and (known == 0).mean() >= _SEEN:
            yield 0.0
        return
    unit = COLUMNS[reading.name].unit if reading.name in COLUMNS else ""
    target = float(np.quantile(known, 0.25 if lever.way == "down" else 0.75, method="nearest"))
    if unit == "flag":
        target = 1.0 if lever.way == "up" and (known == 1).mean() >= _SEEN else target
    elif unit in ("days", "count"):
        target = float(round(target))  # what is said is what is scored
    elif unit in ("hours", ""):
        target = round(target, 1)
    elif unit == "minor units":
        target = float(round(target))
    if (target < now) if lever.way == "down" else (target > now):
        yield target


def _shown(name: str, value: Any, currency: str) -> str:
    feature = COLUMNS.get(name)
    return written(feature.unit if feature else "", value, currency=currency)
