"""What the parts of Insight share: rows of the lake, and the way to the customers behind a figure."""

from typing import Any
from urllib.parse import urlencode

import ibis
from django.urls import reverse

from tenure.desk.customers.segments.asking import persona_names
from tenure.desk.customers.selectors import Filters
from tenure.desk.lake import lake


def rows(table: ibis.Table) -> list[dict[str, Any]]:
    """The rows of a question to the lake."""
    return lake().to_arrow(table).to_pylist()  # type: ignore[no-any-return]


def persona_called(number: str) -> str:
    """What a group of customers alike is called; its number where it has no name any more."""
    return str(persona_names().get(number, number))


def span_around(value_minor: int | None) -> tuple[int, int] | None:
    """Within which amounts 8 of 10 customers of such a forecast come out; None where that could not be tried.

    value_minor: what a customer without a contract is expected to bring, in minor units.
    """
    spans = (lake().document("value_card") or {}).get("spans") or []
    if value_minor is None or value_minor <= 0:
        return None
    mine = next((one for one in spans if value_minor <= one["upto"] + 0.5), None)
    # Beyond the highest forecast of the last tenth that was tried, nothing is known.
    return (round(value_minor * mine["low"]), round(value_minor * mine["high"])) if mine else None


def customers_where(**narrowed: Any) -> str:
    """The address of the list of customers, narrowed so."""
    return f"{reverse('admin:customers')}?{Filters(**narrowed).query}"


def part_where(part: str, **asked: str) -> str:
    """The address of a part of Insight, asked so; what is empty is left out."""
    query = urlencode({name: value for name, value in asked.items() if value})
    return reverse("admin:insight_part", args=[part]) + (f"?{query}" if query else "")
