"""Which customers belong together: by what they bought (RFM, ABC), by worth (tiers), and by many things at once."""

from tenure.insight.segments.clusters import MixedClusters
from tenure.insight.segments.concentration import concentration, gini, top_share
from tenure.insight.segments.rfm import ABC, CELLS, cell_of

from tenure.insight.segments.door import cluster, lifecycle, rfm  # isort: skip  after the file of the same name

__all__ = [
    "ABC", "CELLS", "MixedClusters", "cell_of", "cluster", "concentration", "gini", "lifecycle", "rfm", "top_share",
]  # fmt: skip
