"""How far the customers of today, and their scores, are from those a model was made for.

The population stability index of a column: Σ (q − p) · ln(q / p) over its bins, p the shares then, q the shares now
(Siddiqi 2006; the same as the symmetric Kullback-Leibler divergence). By custom below .1 nothing moved, above .25 much.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from tenure.insight.churn.columns import kind_of, numbers, texts
from tenure.insight.churn.training import FEWEST_PEOPLE

_BINS = 10
_LEVELS = 20
_LEAST = 1e-4  # a bin nobody is in counts as this share: the index stays finite


def profile(table: pa.Table) -> dict[str, Any]:
    """How each column is spread: its bins and the share in each, as plain JSON. Says nothing of any one customer."""
    return {name: spread_of(table[name]) for name in table.column_names}


def spread_of(column: Any) -> dict[str, Any]:
    """One column's bins: tenths of a number, the usual words of a text; blank is a bin of its own."""
    if kind_of(column) == "number":
        x = numbers(column)
        given = x[~np.isnan(x)]
        inner = np.unique(np.quantile(given, np.linspace(0, 1, _BINS + 1)[1:-1])) if len(given) else np.empty(0)
        told: dict[str, Any] = {"kind": "number", "edges": [float(f"{edge:.6g}") for edge in inner]}
    else:
        counts = texts(column).drop_null().value_counts()
        pairs = zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)
        often = sorted((pair for pair in pairs if pair[1] >= FEWEST_PEOPLE), key=lambda pair: (-pair[1], pair[0]))
        told = {"kind": "text", "levels": [level for level, _ in often[:_LEVELS]]}
    counted = _counted(told, column)
    rows = int(counted.sum())
    return told | {"shares": [round(float(n) / rows, 6) if rows else 0.0 for n in counted], "rows": rows}


def _counted(told: Mapping[str, Any], column: Any) -> Any:
    """How many are in each of the bins, the blank ones last."""
    if told["kind"] == "number":
        x = numbers(column)
        blank = np.isnan(x)
        bins = len(told["edges"]) + 1
        place = np.searchsorted(np.asarray(told["edges"], dtype=float), x, side="left")
    else:
        values = texts(column)
        blank = np.asarray(values.is_null())
        bins = len(told["levels"]) + 1
        levels = {level: at for at, level in enumerate(told["levels"])}
        place = np.array([levels.get(value, bins - 1) for value in values.to_pylist()], dtype=np.int64)
    return np.bincount(np.where(blank, bins, place), minlength=bins + 1)


def index(told: Mapping[str, Any], column: Any) -> float:
    """The stability index of a column against how it was spread; 0 where either has no rows."""
    counted = _counted(told, column)
    now, then = int(counted.sum()), told["rows"]
    if not now or not then:
        return 0.0
    p = np.maximum(np.asarray(told["shares"], dtype=float), _LEAST)
    q = np.maximum(counted / now, _LEAST)
    return float(np.sum((q - p) * np.log(q / p)))


def chance(told: Mapping[str, Any], rows: int) -> float:
    """What the index comes to by chance alone where nothing moved: below this in 19 of 20 samples of so many rows.

    With nothing moved it is spread as (1/n + 1/m) times chi-square with one degree of freedom less than bins.
    """
    from scipy.special import chdtri  # scipy.stats takes half a second to load

    free = max(1, sum(share > 0 for share in told["shares"]) - 1)
    if not rows or not told["rows"]:
        return math.inf
    return float((1 / rows + 1 / told["rows"]) * chdtri(free, 0.05))


def moved(told: Mapping[str, Any], table: pa.Table) -> dict[str, float]:
    """Column → index, of the columns that both have, the furthest first; what chance explains is taken off."""
    found = {}
    for name, spread in told.items():
        if name in table.column_names:
            found[name] = max(0.0, index(spread, table[name]) - chance(spread, table.num_rows))
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))


def level_moved(predicted: float, left: int, rows: int, *, share: float = 0.25, errors: float = 4.0) -> bool:
    """Whether so many of the rows left that the mean chance foretold can't be right any more.

    By a quarter or more, and by four standard errors: chances a little off in a large base are no reason to learn anew.
    """
    if not rows:
        return False
    observed, error = left / rows, math.sqrt(max(predicted * (1 - predicted), 1e-9) / rows)
    return abs(observed - predicted) > max(share * predicted, errors * error)
