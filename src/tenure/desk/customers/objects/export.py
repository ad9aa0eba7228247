"""Own records as a file: the columns an asker may see, in words, safe to open in a spreadsheet."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.utils.translation import gettext as _

from tenure.desk.customers.export import Echo, harmless
from tenure.desk.customers.fields.models import CustomField
from tenure.desk.customers.objects.models import OwnObject
from tenure.desk.customers.objects.records import Shown
from tenure.lake.scope import Scope

Column = tuple[str, Callable[[Shown], Any]]


def columns_for(kind: OwnObject, scope: Scope, fields: Sequence[CustomField]) -> list[Column]:
    """Heading and value of each column of which anything shows; headings as an import reads them again."""
    columns: list[Column] = [
        (_("Number"), lambda one: one.record.number),
        (_("Customer number"), lambda one: ", ".join(customer.customer_id for customer in one.customers)),
    ]
    if scope.sees("name"):
        columns.append((_("Customer"), lambda one: ", ".join(customer.name for customer in one.customers)))
    return columns + [_of(one) for one in fields if one.guarded_as not in scope.hides]


def _of(field: CustomField) -> Column:
    return str(field.words), lambda one: value.cell if (value := one.values.get(field.pk)) else None


def lines(rows: Iterable[Shown], columns: Sequence[Column]) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield "\ufeff" + writer.writerow([heading for heading, _value in columns])
    for row in rows:
        yield writer.writerow([harmless(value(row)) for _heading, value in columns])
