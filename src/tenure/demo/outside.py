"""What is known from outside: credit scores, and what other currencies are worth."""

from typing import Any

import numpy as np
import pyarrow as pa

from tenure.demo.clock import DAY, Calendar, add_months, instant
from tenure.demo.drawing import Numbers, instants, stream, table
from tenure.demo.people import People


def external_table(people: People, late_payer: Numbers, calendar: Calendar, seed: int) -> pa.Table:
    """A credit score from a bureau for some individuals, renewed each year; late payers score lower."""
    rng = stream(seed, "external")
    rated = np.flatnonzero(~people.organisation & (rng.random(len(people)) < 0.6))
    base = 660 + rng.normal(0, 55, len(rated)) - 90 * late_payer[rated]
    parts: list[pa.Table] = []
    for year in range(calendar.months // 12 + 4):
        at = add_months(people.joined[rated], np.full(len(rated), 12 * year)) + 3 * DAY
        score = np.clip(base + rng.normal(0, 15, len(rated)), 350, 850).astype(np.int64)
        known = (at < calendar.end) & (at >= calendar.start(calendar.months + 12))
        parts.append(
            table(
                "external_attributes",
                {
                    "customer_id": pa.array(people.id[rated][known], pa.string()),
                    "attribute": pa.array(["credit_score"] * int(known.sum()), pa.string()),
                    "provider": pa.array(["bureau"] * int(known.sum()), pa.string()),
                    "observed_at": instants(at[known]),
                    "value": pa.array(score[known]).cast(pa.string()),
                    "number": pa.array(score[known].astype(float)),
                },
            )
        )
    return pa.concat_tables(parts)


def exchange_rates_table(calendar: Calendar, seed: int) -> pa.Table:
    """What a dollar, a euro and a Hong Kong dollar are worth in yuan from the first of each month on."""
    rng = stream(seed, "rates")
    rows: list[tuple[str, Any, float]] = []
    for currency, level in (("USD", 7.15), ("EUR", 7.8), ("HKD", 0.915)):
        wave = level * (1 + np.cumsum(rng.normal(0, 0.004, calendar.months + 1)))
        months = range(calendar.months, -1, -1)
        # The first rate stands a day early, so that the first morning has one in every zone.
        for back, rate in zip(months, wave, strict=True):
            day = instant(calendar.start(back) + DAY // 2).date()
            if back:
                rows.append(
                    (currency, np.datetime64(day) - (1 if back == calendar.months else 0), round(float(rate), 4))
                )
    return table(
        "exchange_rates",
        {
            "currency": pa.array([r[0] for r in rows]),
            "base_currency": pa.array(["CNY"] * len(rows)),
            "valid_on": pa.array([r[1].astype(object) for r in rows]),
            "rate": pa.array([f"{r[2]:.6f}" for r in rows]).cast(pa.decimal128(18, 6)),
        },
    )
