"""Where records live: every record ever received, the current truth rebuilt from it, and everything computed."""

from tenure.lake.batches import Batch, BatchInfo
from tenure.lake.door import Lake
from tenure.lake.scope import SYSTEM, Scope

__all__ = ["SYSTEM", "Batch", "BatchInfo", "Lake", "Scope"]
