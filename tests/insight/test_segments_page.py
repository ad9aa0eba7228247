"""What docs/segments.md shows is what it does."""

import contextlib
import io
import re

from tests.conftest import ROOT

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def squeezed(text):
    """Without the blanks a terminal aligns columns by: how wide Chinese is differs from one to the next."""
    return [re.sub(r"\s+", " ", line).strip() for line in text.strip().splitlines()]


def test_the_page_on_segments_prints_what_it_says():
    blocks = _FENCE.findall((ROOT / "docs/segments.md").read_text(encoding="utf-8"))
    said = [code for kind, code in blocks if kind == "text"]
    names: dict[str, object] = {}

    for code, expected in zip([code for kind, code in blocks if kind == "python"], said, strict=True):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "docs/segments.md", "exec"), names)
        assert squeezed(printed.getvalue()) == squeezed(expected)
