"""Which customers belong together: by what they bought (RFM, ABC), and how unevenly value is spread."""

from tenure.insight.segments.concentration import concentration, gini, top_share
from tenure.insight.segments.rfm import ABC, CELLS, cell_of, rfm

__all__ = ["ABC", "CELLS", "cell_of", "concentration", "gini", "rfm", "top_share"]
