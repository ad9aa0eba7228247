"""What the parts of Insight share: rows of the lake, and the way to the customers behind a figure."""

from typing import Any, TypeAlias

import ibis
from django.urls import reverse

from tenure.desk.customers.selectors import Filters
from tenure.desk.lake import lake

Context: TypeAlias = dict[str, Any]


def rows(table: ibis.Table) -> list[dict[str, Any]]:
    """The rows of a question to the lake."""
    return lake().to_arrow(table).to_pylist()  # type: ignore[no-any-return]


def customers_where(**narrowed: Any) -> str:
    """The address of the list of customers, narrowed so."""
    return f"{reverse('admin:customers')}?{Filters(**narrowed).query}"
