"""Step: what each customer is expected to bring in the next twelve months."""

from typing import Any

import numpy as np
import pyarrow as pa

from tenure.insight.value import BGNBD, GammaGamma, NotEnoughDataError, summary
from tenure.language import Words, both
from tenure.pipeline.history import scored_from, tables_at
from tenure.pipeline.run import Context, Step

UNIT_DAYS = 7
HORIZON_DAYS = 365
_SCHEMA = pa.schema(
    [
        ("person_id", pa.int64()),
        ("p_alive", pa.float64()),
        ("expected_purchases", pa.float64()),
        ("value_base_minor", pa.int64()),
        ("value_decile", pa.int64()),
    ]
)


def _value(context: Context) -> int:
    lake = context.lake
    with tables_at(context, context.as_of, ["orders"]) as tables:
        people = lake.to_arrow(summary(tables["orders"], context.as_of, unit_days=UNIT_DAYS).order_by("person_id"))
    card: dict[str, Any] = {
        "as_of": context.as_of.date().isoformat(), "horizon_days": HORIZON_DAYS, "unit_days": UNIT_DAYS,
        "customers": people.num_rows,
    }  # fmt: skip
    scored = _SCHEMA.empty_table()
    if people.num_rows:
        try:
            scored = _scored(people, card)
        except NotEnoughDataError as error:
            # Too few repeat purchases to learn a rhythm from: said on the page instead of a number.
            why = both(error.args[0])
            card["not_enough_data"] = {"en": why.en, "zh": why.zh}
    lake.publish("scores/value", scored)
    lake.publish_document("value_card", card)
    return int(scored.num_rows)


def _scored(people: pa.Table, card: dict[str, Any]) -> pa.Table:
    x, t_x, T = (people[name].to_numpy().astype(np.float64) for name in ("x", "t_x", "T"))
    worth = people["mean_value_minor"].to_numpy(zero_copy_only=False).astype(np.float64)
    rhythm = BGNBD().fit(x, t_x, T)
    purchases = rhythm.expected_purchases(HORIZON_DAYS / UNIT_DAYS, x, t_x, T)
    again = (x > 0) & (worth > 0)
    try:
        spending = GammaGamma().fit(x[again], worth[again]) if again.any() else None
    except NotEnoughDataError:
        spending = None
    if spending is not None:
        # Whoever has not bought again, or only at a loss, is expected to spend like the average buyer.
        each = spending.expected_value(np.where(again, x, 0.0), np.where(again, worth, 1.0))
        card["gamma_gamma"] = {name: getattr(spending, f"{name}_") for name in ("p", "q", "v", "log_likelihood")}
    else:
        # All spend alike, or hardly anyone spends: then the average is the best forecast, and nothing if nobody does.
        each = np.full(len(x), worth[again].mean() if again.any() else 0.0)
    value = purchases * each
    card |= {
        "bgnbd": {name: getattr(rhythm, f"{name}_") for name in ("r", "alpha", "a", "b", "log_likelihood")},
        "repeat_buyers": int(again.sum()),
        "expected_base_minor": int(value.sum()),
    }
    return pa.table(
        [
            people["person_id"], rhythm.p_alive(x, t_x, T), purchases,
            np.rint(value).astype(np.int64), deciles(value),
        ],
        schema=_SCHEMA,
    )  # fmt: skip


def deciles(value: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Tenths of the customers by value, 10 the highest; equal values share the higher tenth."""
    if not len(value):
        return np.empty(0, np.int64)
    share_at_or_below = np.searchsorted(np.sort(value), value, side="right") / len(value)
    return np.ceil(share_at_or_below * 10).astype(np.int64)


STEPS: tuple[Step, ...] = (
    Step("value", Words("Customer lifetime value", "客户生命周期价值"), lambda c: scored_from(c, "orders"), _value),
)
