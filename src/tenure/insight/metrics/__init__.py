"""Every number anyone reports, defined once; `METRICS` is what the folder holds, one file each."""

import sys

from tenure.errors import TenureError
from tenure.insight.metrics.base import (
    GROUPS,
    MEASURED,
    UNITS,
    Change,
    Example,
    Line,
    Metric,
    Period,
    Verdict,
    figure,
    judge,
    lacking,
    measure,
    metric,
)
from tenure.language import tr
from tenure.registry import scan

METRICS: dict[str, Metric] = scan(sys.modules[__name__], Metric)

__all__ = [
    "GROUPS",
    "MEASURED",
    "METRICS",
    "UNITS",
    "Change",
    "Example",
    "Line",
    "Metric",
    "Period",
    "Verdict",
    "figure",
    "judge",
    "lacking",
    "measure",
    "metric",
    "metric_named",
]


def metric_named(name: str) -> Metric:
    """The metric of this name. Raises TenureError, naming those there are, for any other."""
    try:
        return METRICS[name]
    except KeyError:
        raise TenureError(
            tr(
                'There is no metric "{name}". There are: {known}. See what each means with: tenure list metrics',
                name=name,
                known=", ".join(METRICS),
            )
        ) from None
