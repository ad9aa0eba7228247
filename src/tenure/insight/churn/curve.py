"""How the model's score goes with one column, all else of each customer as it is: a partial-dependence curve."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from tenure.insight.churn.columns import numbers, texts
from tenure.insight.churn.learners import Champion
from tenure.insight.churn.levers import changed

POINTS = 12


@dataclass(frozen=True)
class At:
    """One value of the column (None: not known), the mean chance were everyone's so, and the share of customers there."""

    value: Any
    chance: float
    share: float


def curve(model: Champion, rows: pa.Table, column: str, *, points: int = POINTS) -> list[At]:
    """The mean chance over these customers with the column at each of some values they have (Friedman 2001).

    Numbers: at quantiles, rising; a customer counts at the nearest. Categories: the most frequent first. It says what the
    model would say; where few customers are, and where one column hardly ever goes without another, that is little.
    """
    reading = next((each for each in model.readings if each.name == column), None)
    if reading is None or not rows.num_rows:
        return []
    values: list[Any]
    if reading.kind == "text":
        said = texts(rows[column])
        counts = sorted(said.drop_null().value_counts().to_pylist(), key=lambda each: (-each["counts"], each["values"]))
        values = [each["values"] for each in counts[:points]]
        shares = [each["counts"] / len(said) for each in counts[:points]]
        unknown = said.null_count / len(said)
    else:
        x = numbers(rows[column])
        known = x[~np.isnan(x)]
        if not len(known):
            return []
        # The ends are those of all but a few: far out hardly anyone is.
        grid = np.unique(np.quantile(known, np.linspace(0.01, 0.99, points), method="nearest"))
        values = grid.tolist()
        nearest = np.abs(known[:, None] - grid[None, :]).argmin(axis=1)
        shares = (np.bincount(nearest, minlength=len(grid)) / len(x)).tolist()
        unknown = float(np.isnan(x).mean())
    if unknown:
        values, shares = [*values, None], [*shares, float(unknown)]
    tried = pa.concat_tables([changed(rows, {column: value}) for value in values])
    chances = model.predict_proba(tried)[:, 1].reshape(len(values), rows.num_rows).mean(axis=1)
    return [At(value, float(chance), share) for value, chance, share in zip(values, chances, shares, strict=True)]
