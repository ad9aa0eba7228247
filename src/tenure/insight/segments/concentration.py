"""How much of the value a few customers bring."""

from typing import Any

import numpy as np
import pyarrow as pa

from tenure.insight.frames import to_numbers


def concentration(values: Any, points: int | None = 101) -> pa.Table:
    """The share of all value that the best customers bring: the concentration curve, best customers first.

    values: one number a customer (any series or array), in any unit. Columns: share_of_customers, share_of_value
    (both 0 to 1, both rising), starting at (0, 0) and ending at (1, 1). At most `points` rows, evenly spaced over the
    customers; None gives one for each customer.
    A null and a value below zero count as zero: a curve that falls again can't be read as a share.
    Without any value the table has no rows.
    """
    ordered = _positive(values)
    total = ordered.sum()
    if not total:
        return pa.table(
            {"share_of_customers": pa.array([], pa.float64()), "share_of_value": pa.array([], pa.float64())}
        )
    steps = np.arange(len(ordered) + 1)
    if points is not None and points < len(steps):
        steps = np.unique(np.linspace(0, len(ordered), points).round().astype(np.int64))
    brought = np.concatenate([[0.0], np.cumsum(ordered)])[steps] / total
    brought[-1] = 1.0
    return pa.table({"share_of_customers": steps / len(ordered), "share_of_value": brought})


def top_share(values: Any, share: float) -> float | None:
    """The part of all value that the best `share` of the customers brings (0 to 1); None without any value.

    Whole customers are counted, at least one: the best 20 % of 7 customers are 1.
    """
    ordered = _positive(values)
    total = ordered.sum()
    if not total:
        return None
    # 0.2 × 15 is a hair over 3 in binary; it still means three customers.
    best = max(1, int(np.floor(share * len(ordered) + 1e-9)))
    return float(ordered[:best].sum() / total)


def gini(values: Any) -> float | None:
    """How unevenly value is spread: 0 where all bring the same, towards 1 where one brings all; None without any.

    G = 2·Σ i·v(i) / (n·Σ v) − (n + 1)/n over values sorted upwards (i from 1).
    Source: Gini 1912, in the form of Sen 1973.
    """
    ordered = _positive(values)[::-1]
    total = ordered.sum()
    if not total:
        return None
    n = len(ordered)
    return float(2 * (np.arange(1, n + 1) * ordered).sum() / (n * total) - (n + 1) / n)


def _positive(values: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    numbers = np.nan_to_num(to_numbers(values, "values"), nan=0.0)
    return np.sort(np.clip(numbers, 0.0, None))[::-1]
