"""How a customer's score moved, and how much of it each driver was: told from two points of its history."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tenure.insight.churn.columns import Floats, Reading, numbers, texts
from tenure.insight.churn.drivers import COLUMNS, chance, column_words, driver_of, log_odds, points, words_of
from tenure.insight.features import written
from tenure.language import Words

# A point is kept where the chance moved by this much since the last one kept, where the band changed, …
LEAST = 0.02
EVERY_DAYS = 28  # … and once in so many days at any rate
KEPT_DAYS = 731  # after which a point is let go, but for a customer's newest

_EPOCH = date(1970, 1, 1)
_LONG_AGO = -(2**30)  # in days

MODEL = "_model"
_MODEL = Words("The model was renewed", "模型已更新")

_MOVED = Words("{column}: {before} → {after}", "{column}：{before} → {after}")
_FLAG = {True: Words("yes", "是"), False: Words("no", "否")}
_NOT_KNOWN = Words("not known", "暂无记录")


@dataclass(frozen=True)
class Move:
    """How far one customer's risk went between two points. drivers: points of chance (0.11 is 11 points) by driver code,
    `_model` where it is the model that changed; they add up to `after - before`. said, columns: the fact behind a
    driver's part, and the column it is of."""

    person: int
    since: date
    on: date
    before: float
    after: float
    drivers: Mapping[str, float]
    said: Mapping[str, Words] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)

    def without(self, columns: Collection[str]) -> "Move":
        """The same with nothing told of these columns: of them only their driver is named."""
        kept = {code: words for code, words in self.said.items() if self.columns.get(code) not in columns}
        return replace(self, said=kept)

    @property
    def strongest(self) -> list[tuple[str, float]]:
        """The drivers by how much they moved it."""
        return sorted(self.drivers.items(), key=lambda pair: (-abs(pair[1]), pair[0]))


def attributed(
    before: float,
    after: float,
    now: Mapping[str, float],
    then: Mapping[str, float] | None,
) -> dict[str, float]:
    """What moved the score from one chance to another, in log-odds; adds up to the whole change.

    now: the drivers of today's score. then: those of the facts of the earlier day as *today's model* reads them; the
    rest, `_model`, is that it reads them otherwise than the model of that day. None where they can't be had: then all
    of it is put down to the model, for nobody can say otherwise.
    """
    whole = log_odds(after) - log_odds(before)
    if then is None:
        return {MODEL: whole}
    found = {code: now.get(code, 0.0) - then.get(code, 0.0) for code in dict.fromkeys((*now, *then))}
    found = {code: effect for code, effect in found.items() if abs(effect) > 1e-9}
    rest = whole - sum(found.values())
    # Effects are kept with nine digits; less than that is no change of model.
    return found | ({MODEL: rest} if abs(rest) > 1e-6 else {})


def behind(
    readings: Sequence[Reading],
    parts_then: Floats,
    parts_now: Floats,
    then: pa.Table,
    now: pa.Table,
    currency: str = "",
) -> list[dict[str, dict[str, str]]]:
    """Of each row and driver the fact that changed and moved it most: {driver: {feature, en, zh}}.

    parts_…: what each reading adds to each row's score on both days, by one model. A driver none of whose facts
    changed has none: the facts beside it changed what it means.
    """
    moved = parts_now - parts_then
    drivers = [driver_of(reading.name) for reading in readings]
    wholes = {
        code: moved[:, [place for place, one in enumerate(drivers) if one == code]].sum(axis=1) for code in set(drivers)
    }
    best: list[dict[str, tuple[float, int]]] = [{} for _ in range(len(moved))]
    values = []
    for place, reading in enumerate(readings):
        one, other = _values(reading, then), _values(reading, now)
        values.append((one, other))
        whole, part = wholes[drivers[place]], moved[:, place]
        for row in np.flatnonzero(_differ(one, other) & (part * whole > 0)).tolist():
            held = best[row].get(drivers[place])
            if held is None or abs(part[row]) > held[0]:
                best[row][drivers[place]] = abs(float(part[row])), place
    found = []
    for row, chosen in enumerate(best):
        said = {}
        for code, (_size, place) in chosen.items():
            reading, (one, other) = readings[place], values[place]
            words = went(reading.name, one[row], other[row], currency)
            said[code] = {"feature": reading.name, "en": words.en, "zh": words.zh}
        found.append(said)
    return found


def _values(reading: Reading, table: pa.Table) -> Any:
    if reading.kind == "number":
        return numbers(table[reading.name])
    return texts(table[reading.name]).to_numpy(zero_copy_only=False)


def _differ(one: Any, other: Any) -> Any:
    if one.dtype.kind == "f":
        return (one != other) & ~(np.isnan(one) & np.isnan(other))
    return np.array([a != b for a, b in zip(one, other, strict=True)], dtype=bool)


def went(column: str, before: Any, after: Any, currency: str = "") -> Words:
    """From one value to another: "Unresolved cases: 0 → 2"."""
    name, one, other = (
        column_words(column),
        _as_words(column, before, currency),
        _as_words(column, after, currency),
    )
    return Words(
        _MOVED.en.format(column=name.en, before=one.en, after=other.en),
        _MOVED.zh.format(column=name.zh, before=one.zh, after=other.zh),
    )


def _as_words(column: str, value: Any, currency: str) -> Words:
    if value is None or value != value:
        return _NOT_KNOWN
    unit = COLUMNS[column].unit if column in COLUMNS else ""
    if unit == "flag":
        return _FLAG[bool(value)]
    if unit == "change":
        return Words(f"{value:+.0%}", f"{value:+.0%}")
    shown = written(unit, value, currency=currency)
    return Words(shown, shown)


def kept_again(before: pa.Table, now: pa.Table, day: date) -> NDArray[np.bool_]:
    """Of each row, whether its score is a point of its own in the history, or says what the last one kept said.

    before: as_of, churn_probability and risk_band of the last point kept, nothing where there was none. now: the same of
    `day`, but for as_of.
    """
    was, chance = (numbers(table["churn_probability"]) for table in (before, now))
    since = pc.fill_null(before["as_of"].cast(pa.int32()), _LONG_AGO).to_numpy()
    same_band = pc.fill_null(pc.equal(before["risk_band"], now["risk_band"]), False).to_numpy()
    days = (day - _EPOCH).days - since
    found: NDArray[np.bool_] = np.isnan(was) | (np.abs(chance - was) >= LEAST) | ~same_band | (days >= EVERY_DAYS)
    return found


def moved(history: Iterable[Mapping[str, Any]], *, least: float = 0.0, on: date | None = None) -> list[Move]:
    """Whose risk moved by at least so much, the largest rise first: what warnings and pages go by.

    history: rows of `scores/churn_history` (person_id, as_of, churn_probability, change). on: only what moved on that
    day; else the newest point of each customer. A first point moved from nowhere and is left out.
    """
    newest: dict[int, Mapping[str, Any]] = {}
    for row in history:
        if on is not None and row["as_of"] != on:
            continue
        held = newest.get(row["person_id"])
        if held is None or row["as_of"] > held["as_of"]:
            newest[row["person_id"]] = row
    found = [move for row in newest.values() if (move := move_of(row)) is not None]
    return sorted(
        (move for move in found if abs(move.after - move.before) >= least),
        key=lambda move: (move.before - move.after, move.person),
    )


def move_of(row: Mapping[str, Any]) -> Move | None:
    """How a point of the history was come to from the one before it; None for a first point."""
    if not row["change"]:
        return None
    told = json.loads(row["change"])
    before, after = float(told["from"]), float(row["churn_probability"])
    facts = told.get("told", {})
    said = {code: Words(fact["en"], fact["zh"]) for code, fact in facts.items()}
    columns = {code: fact["feature"] for code, fact in facts.items()}
    return Move(
        row["person_id"],
        date.fromisoformat(told["since"]),
        row["as_of"],
        before,
        after,
        points(told["drivers"], after),
        said,
        columns,
    )


def driver_words(code: str) -> Words:
    """What a part of a change is called."""
    return _MODEL if code == MODEL else words_of(code)


def sentence(move: Move, *, day: Words, least: float = 0.005, most: int = 4) -> Words:
    """The change in one sentence: "Risk +18 points since 3 March: Unresolved cases: 0 → 2 (+11); …; the rest (+2)".

    day: the day it is counted from, written in each language. least: of a part to be named.
    """
    whole = move.after - move.before
    shown = [(code, part) for code, part in move.strongest if abs(part) >= least][:most]
    rest = whole - sum(part for _code, part in shown)
    told: dict[str, list[str]] = {"en": [], "zh": []}
    for code, part in shown:
        words = move.said.get(code) or driver_words(code)
        told["en"].append(f"{words.en} ({_points(part)})")
        told["zh"].append(f"{words.zh}（{_points(part)}）")
    if round(abs(rest) * 100):
        told["en"].append(f"the rest ({_points(rest)})")
        told["zh"].append(f"其余（{_points(rest)}）")
    return Words(
        f"Risk {_points(whole)} points since {day.en}" + (f": {'; '.join(told['en'])}" if told["en"] else ""),
        f"自{day.zh}以来风险 {_points(whole)} 个百分点" + (f"：{'；'.join(told['zh'])}" if told["zh"] else ""),
    )


def _points(part: float) -> str:
    """0.114 → +11; less than half a point is ±0."""
    whole = round(part * 100)
    return f"{'−' if whole < 0 else '+' if whole else '±'}{abs(whole)}"


def as_json(since: date, before: float, drivers: Mapping[str, float], told: Mapping[str, Mapping[str, str]]) -> str:
    """A change as it is kept in the history."""
    kept = {
        "since": since.isoformat(),
        "from": before,
        "drivers": {code: float(f"{v:.9g}") for code, v in drivers.items()},
    }
    named = {code: fact for code, fact in told.items() if code in drivers}
    return json.dumps(kept | ({"told": named} if named else {}), ensure_ascii=False)


__all__ = [
    "EVERY_DAYS", "KEPT_DAYS", "LEAST", "MODEL", "Move", "as_json", "attributed", "behind", "chance", "driver_words",
    "kept_again", "move_of", "moved", "sentence",
]  # fmt: skip
