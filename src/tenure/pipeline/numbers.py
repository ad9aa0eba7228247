"""The metric catalogue over the current records, by month, for whoever asks."""

from datetime import date
from typing import Any

from tenure.currencies import minor_digits
from tenure.insight.metrics import METRICS, Period, figure, judge, measure
from tenure.lake import Lake, Scope


def monthly(lake: Lake, *, actor: Scope, until: date, months: int) -> list[dict[str, Any]]:
    """Every metric for the last `months` full months before `until`, as the actor may see them.

    Each row: metric, words, period (2026-05), value, shown, count, unit, judgement, needs (what would light it up).
    """
    end = until.replace(day=1)
    place = end.year * 12 + end.month - 1 - months
    periods = Period.months(date(place // 12, place % 12 + 1, 1), months, lake.zone)
    contracts = sorted({name for metric in METRICS.values() for name in metric.reads})
    digits = minor_digits(lake.currency)
    found: list[dict[str, Any]] = []
    with lake.kept({name: lake.read(f"records/{name}", actor=actor) for name in contracts}) as tables:
        for metric in METRICS.values():
            for row in measure(metric, tables, periods).to_pylist():
                verdict = judge(metric, row["value"])
                found.append(
                    {
                        "metric": metric.name,
                        "words": str(metric.words),
                        "period": f"{row['period_start']:%Y-%m}",
                        "value": row["value"],
                        "shown": None
                        if row["value"] is None
                        else str(figure(metric.unit, row["value"], decimals=digits)),
                        "count": row["count"],
                        "unit": metric.unit,
                        "judgement": str(verdict.words) if verdict else None,
                        "needs": row["needs"],
                    }
                )
    return found
