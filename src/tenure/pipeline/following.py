"""What the company has said of how it works, for the steps and figures that go by it."""

from tenure.lake import Lake
from tenure.practice import DOCUMENT, Practice


def practice(lake: Lake) -> Practice:
    """What is in force: an industry pack, and what people set by hand."""
    return Practice.told(lake.document(DOCUMENT))


def tell_practice(lake: Lake) -> None:
    """Bring what the desk holds to the lake, should a change have been cut off between the two."""
    from tenure.desk.customers import packs

    packs.tell(lake)
