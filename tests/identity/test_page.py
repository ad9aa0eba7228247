"""The page about `resolve` shows what happens."""

import contextlib
import io
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "resolve.md"


def test_the_example_prints_what_the_page_says():
    text = PAGE.read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    printed = re.search(r"```text\n(.*?)```", text, re.DOTALL)
    assert example and printed

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(example[1], {})

    assert out.getvalue() == printed[1]
