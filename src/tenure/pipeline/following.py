"""What the company has said of how it works, for the steps and figures that go by it."""

from datetime import datetime
from functools import lru_cache
from pathlib import Path

from tenure.lake import Lake
from tenure.lake.store import read_document
from tenure.practice import DOCUMENT, Practice


def practice(lake: Lake) -> Practice:
    """What is in force: an industry pack, and what people set by hand."""
    path = lake.folder / "documents" / f"{DOCUMENT}.json"
    try:
        now = path.stat()
    except FileNotFoundError:
        return Practice()
    return _read(path, now.st_mtime_ns, now.st_ino)


@lru_cache(maxsize=8)
def _read(path: Path, written: int, inode: int) -> Practice:
    # A page of fifty tiles asks fifty times. A document is always replaced whole, so another is another file.
    return Practice.told(read_document(path))


def note_takeovers(lake: Lake, *, now: datetime) -> None:
    """Have the desk write down which churn models took over by themselves, should it not know yet."""
    from tenure.desk.customers import foresight

    foresight.note_takeovers(lake, now=now)


def tell_practice(lake: Lake) -> None:
    """Bring what the desk holds to the lake, should a change have been cut off between the two."""
    from tenure.desk.customers import foresight, packs

    packs.tell(lake)
    foresight.tell(lake)
