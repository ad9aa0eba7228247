"""The metric catalogue: every number with its figure, how it moved and where it stands, down to the records behind it.

`tile` and `tenure/_metric_tile.html` are how a metric is shown wherever it is shown.
"""

from tenure.web.metrics.drill import behind
from tenure.web.metrics.export import export
from tenure.web.metrics.pages import chapter, one, page, shares
from tenure.web.metrics.showing import Moved, Tile, moved, period_shown, shown, tile

__all__ = [
    "Moved",
    "Tile",
    "behind",
    "chapter",
    "export",
    "moved",
    "one",
    "page",
    "period_shown",
    "shares",
    "shown",
    "tile",
]
