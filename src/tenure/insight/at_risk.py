"""Revenue at risk: what customers are expected to bring, times the chance that they leave."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tenure.insight.frames import to_numbers

Z = 1.959963984540054


def at_risk(
    probability: Any, value_minor: Any, segments: Sequence[str | None] | None = None, losing: Any = None
) -> list[dict[str, Any]]:
    """The sum over customers of chance of leaving × value of the horizon, by segment, the most at risk first.

    probability: 0 to 1; value_minor: minor units; either may be missing (NaN), and then the customer is `unknown` and adds
    nothing. losing: whether serving them costs more than they bring; they are no loss, and told apart: `apart`
    (customers), apart_at_risk. Each row: segment, customers, unknown, apart, apart_at_risk, value, at_risk, low, high.

    low, high: where what is really lost falls 95 times in 100 if the chances are right and customers leave each by
    themselves (variance p (1 − p) value², normal). Each customer's part is in whole minor units, so that segments add up.

    Raises ValueError for columns of different lengths.
    """
    chance, value = to_numbers(probability, "probability"), to_numbers(value_minor, "value_minor")
    n = len(chance)
    apart = np.zeros(n, bool) if losing is None else np.asarray(losing, bool)
    names = [None] * n if segments is None else list(segments)
    if not n == len(value) == len(apart) == len(names):
        raise ValueError(
            f"one row for each customer; found {n}, {len(value)}, {len(apart)} and {len(names)} for chance, value, losing and segment"
        )
    known = np.isfinite(chance) & np.isfinite(value)
    worth = np.where(known, np.maximum(value, 0.0), 0.0)
    p = np.where(known, np.clip(chance, 0.0, 1.0), 0.0)
    each = np.rint(p * worth).astype(np.int64)
    spread = p * (1 - p) * worth**2
    order: list[str | None] = (
        [None] if segments is None else sorted(set(names), key=lambda name: (name is None, name or ""))
    )
    place = {name: k for k, name in enumerate(order)}
    code = np.array([place[name] for name in names], np.int64)

    def sums(column: Any, where: Any) -> Any:
        exact = np.zeros(len(order), np.int64)
        np.add.at(exact, code[where], column[where])
        return exact

    one, whole = np.ones(n, np.int64), np.rint(worth).astype(np.int64)
    counted = known & ~apart
    variance = np.bincount(code[counted], spread[counted], minlength=len(order))
    columns = {
        "customers": sums(one, counted), "unknown": sums(one, ~known), "apart": sums(one, known & apart),
        "apart_at_risk": sums(each, known & apart), "value": sums(whole, counted), "at_risk": sums(each, counted),
    }  # fmt: skip
    rows = []
    for k, name in enumerate(order):
        row: dict[str, Any] = {"segment": name, **{what: int(column[k]) for what, column in columns.items()}}
        half = Z * float(np.sqrt(variance[k]))
        row["low"] = max(0, round(row["at_risk"] - half))
        row["high"] = min(row["value"], round(row["at_risk"] + half))
        row["high"] = max(row["high"], row["at_risk"])
        rows.append(row)
    return sorted(rows, key=lambda row: (-row["at_risk"], row["segment"] is None, row["segment"] or ""))
