"""The kinds of input, one file each; `SOURCES` is what the folder holds, in order of file name."""

import sys
from pathlib import Path

from tenure.errors import TenureError
from tenure.language import tr
from tenure.registry import scan
from tenure.sources.base import Source

SOURCES: dict[str, Source] = scan(sys.modules[__name__], Source)

__all__ = ["SOURCES", "Source", "source_for"]


def source_for(path: Path) -> Source:
    """The source that reads files with this ending. Raises TenureError, naming the endings there are, for any other."""
    for source in SOURCES.values():
        if path.name.lower().endswith(source.suffixes):
            return source
    raise TenureError(
        tr(
            "{name} has an ending that is not read here. Read are: {known}. Save it as one of these, or rename it.",
            name=path.name,
            known=", ".join(suffix for source in SOURCES.values() for suffix in source.suffixes),
        )
    )
