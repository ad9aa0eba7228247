"""Numbers as people type them: 5 for 5 %, whole currency units for money."""

from tenure.errors import TenureError
from tenure.language import tr
from tenure.web.templatetags.tenure import in_units

LARGEST = 1e12


def number(text: str, unit: str) -> float | None:
    """What was typed, a share as one and money in minor units; None where nothing was. Raises TenureError for no number."""
    text = text.strip().removesuffix("%").strip().replace(",", "")
    if not text:
        return None
    try:
        value = float(text) if len(text) < 20 else float("nan")
    except ValueError:
        value = float("nan")
    if not abs(value) <= LARGEST:  # also what is no number
        raise TenureError(tr('"{text}" is no number.', text=text[:20]))
    return value / 100 if unit == "share" else value / in_units(1) if unit == "money" else value


def typed(value: float | None, unit: str) -> str:
    """The same the other way round; empty for nothing."""
    if value is None:
        return ""
    return f"{value * 100 if unit == 'share' else in_units(value) if unit == 'money' else value:.10g}"
