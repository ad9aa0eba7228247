"""Where leaving gathers: how the chance moves with a column, which groups are riskiest, and who is likeliest to go."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa

from tenure.insight.churn.columns import Floats, kind_of, numbers, texts
from tenure.insight.churn.model import ChurnModel
from tenure.language import Words

_SEEN_AT_ONCE = 400  # customers over whom a partial dependence is averaged
_GRID = 12


@dataclass(frozen=True)
class Dependence:
    """How the mean chance moves with one column, the others as they are. points: (value, mean chance)."""

    column: str
    numeric: bool
    points: tuple[tuple[Any, float], ...]


@dataclass(frozen=True)
class Segment:
    """A group by one or two conditions: how many, the mean chance told before their outcome was seen, how many left."""

    conditions: tuple[tuple[str, Words], ...]
    rows: int
    predicted: float
    left: int


@dataclass(frozen=True)
class Person:
    id: str
    chance: float
    reasons: tuple[Words, ...]


def dependence(model: ChurnModel, X: pa.Table, name: str) -> Dependence:
    """The mean chance of some customers were this column the same for all of them (J. H. Friedman 2001)."""
    random = np.random.default_rng(0)
    some = X.take(pa.array(np.sort(random.permutation(X.num_rows)[:_SEEN_AT_ONCE])))
    numeric = kind_of(X[name]) == "number"
    values: list[Any]
    if numeric:
        x = numbers(X[name])
        values = np.unique(np.quantile(x[~np.isnan(x)], np.linspace(0.02, 0.98, _GRID))).tolist()
    else:
        counted = texts(X[name]).drop_null().value_counts().to_pylist()
        values = [one["values"] for one in sorted(counted, key=lambda one: (-one["counts"], one["values"]))[:8]]
    place = some.column_names.index(name)
    pile = pa.concat_tables(
        some.set_column(place, name, pa.array([value] * some.num_rows, pa.float64() if numeric else pa.string()))
        for value in values
    )
    chance = model.predict_proba(pile)[:, 1].reshape(len(values), some.num_rows).mean(axis=1)
    points = list(zip(values, chance.tolist(), strict=True))
    return Dependence(name, numeric, tuple(points if numeric else sorted(points, key=lambda point: -point[1])))


def risky_groups(X: pa.Table, left: Floats, p: Floats, columns: Sequence[str]) -> list[Segment]:
    """The groups of one or two conditions told to be riskiest, none mostly the same customers as one before it.

    They are chosen by the chances, not by what happened, so that what happened says how far the choice can be trusted.
    """
    least = max(30, len(left) // 50)
    conditions = [
        (name, words, mask) for name in columns for words, mask in _conditions(X[name]) if mask.sum() >= least
    ]
    tried: list[tuple[tuple[tuple[str, Words, Any], ...], Any]] = [((one,), one[2]) for one in conditions]
    tried += [((one, other), one[2] & other[2]) for one, other in combinations(conditions, 2) if one[0] != other[0]]
    ranked = sorted(
        ((float(p[mask].mean()), place) for place, (_, mask) in enumerate(tried) if mask.sum() >= least), reverse=True
    )
    found: list[Segment] = []
    covered: list[Any] = []
    for chance, place in ranked:
        which, mask = tried[place]
        if any((mask & other).sum() > 0.7 * min(mask.sum(), other.sum()) for other in covered):
            continue
        found.append(Segment(tuple((one[0], one[1]) for one in which), int(mask.sum()), chance, int(left[mask].sum())))
        covered.append(mask)
        if len(found) == 6:
            break
    return found


def _conditions(column: pa.ChunkedArray) -> list[tuple[Words, Any]]:
    """A column's commonest values, or thirds of its numbers, each with the rows it holds for."""
    if kind_of(column) == "number":
        x = numbers(column)
        given = x[~np.isnan(x)]
        kinds = np.unique(given)
        if len(kinds) <= 4:
            return [(Words(f"= {value:g}", f"= {value:g}"), x == value) for value in kinds]
        low, high = np.quantile(given, (1 / 3, 2 / 3))
        return [
            (Words(f"≤ {low:,.4g}", f"≤ {low:,.4g}"), x <= low),
            (Words(f"{low:,.4g} … {high:,.4g}", f"{low:,.4g} … {high:,.4g}"), (x > low) & (x <= high)),
            (Words(f"> {high:,.4g}", f"> {high:,.4g}"), x > high),
        ]
    words = texts(column)
    counted = words.drop_null().value_counts().to_pylist()
    often = sorted(counted, key=lambda one: (-one["counts"], one["values"]))[:6]
    listed = np.array(words.to_pylist(), dtype=object)
    return [(Words(f"= {one['values']}", f"= {one['values']}"), listed == one["values"]) for one in often]


def riskiest(model: ChurnModel, X: pa.Table, y: Floats, ids: pa.Array, most: int) -> list[Person]:
    """Of those still there, so many of the likeliest to leave, each with what raises the score. ids: of each row."""
    there = np.flatnonzero(y == 0)
    chance, reasons = model.predict_proba(X.take(pa.array(there)))[:, 1], []
    first = np.argsort(-chance, kind="stable")[:most]
    rows = pa.array(there[first])
    reasons = model.reasons(X.take(rows))
    return [
        Person(number or "–", float(chance[place]), tuple(Words(one["en"], one["zh"]) for one in why))
        for number, place, why in zip(ids.take(rows).to_pylist(), first, reasons, strict=True)
    ]
