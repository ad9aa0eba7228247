"""A customer's own level before a date, and what came of it after: shared by what falls."""

from datetime import datetime, timedelta
from typing import Any, TypeAlias

import ibis

from tenure.insight.churn.definitions.base import percent, within
from tenure.language import tr

Span: TypeAlias = tuple[datetime, datetime]


def periods(as_of: datetime, horizon_days: int, earlier_days: int) -> tuple[Span, Span, Span]:
    """The days of the own level, the last of them (as many as the horizon has), and the horizon."""
    horizon = timedelta(days=horizon_days)
    return (as_of - timedelta(days=earlier_days), as_of), (as_of - horizon, as_of), (as_of, as_of + horizon)


def sums(rows: ibis.Table, **spans: Span) -> ibis.Table:
    """person_id, and for each span `<name>_n`, the number of rows in it; where rows have `minor`, `<name>_minor` too."""
    found: dict[str, Any] = {}
    for name, span in spans.items():
        inside = within(rows.moment, *span)
        found[f"{name}_n"] = inside.ifelse(1, 0).sum().cast("int64")
        if "minor" in rows.columns:
            found[f"{name}_minor"] = inside.ifelse(rows.minor, 0).sum().cast("int64")
    return rows.group_by("person_id").agg(**found)


def fell(now: ibis.Value, before: ibis.Value, days: int, days_before: int, share: float) -> Any:
    """Whether so much in `days` is more than `share` below the level of `before` in `days_before`; in whole numbers."""
    return now * (100 * days_before) < before * ((100 - percent(share)) * days)


def too_short(horizon_days: int, earlier_days: int) -> str | None:
    """Why a level of so many days can't be held against a horizon of so many; None where it can."""
    if earlier_days >= horizon_days:
        return None
    return tr(
        "The own level is taken from {earlier} days, fewer than the {horizon} days looked ahead. Take at least as many.",
        earlier=earlier_days, horizon=horizon_days,
    )  # fmt: skip
