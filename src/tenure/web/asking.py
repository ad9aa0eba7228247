"""A list told apart by own fields: its columns' headings, the filters it offers, and what it is narrowed to."""

from collections.abc import Sequence
from typing import Any, Protocol

from django.utils.translation import gettext as _

from tenure.desk.customers.fields.models import CustomField
from tenure.desk.customers.fields.values import worded
from tenure.lake.scope import Scope

FEW = 4  # fields whose filters are all offered


class Asked(Protocol):
    """What a list was asked for. custom: pairs of a field's code, with what of it is meant, and the text sent."""

    @property
    def custom(self) -> Sequence[tuple[str, str]]: ...
    @property
    def sort(self) -> str: ...
    def but(self, **changes: Any) -> str: ...
    def without(self, field_id: int, /) -> str: ...


def heading(field: CustomField, asked: Asked, scope: Scope) -> str:
    """The query string that orders the list by this column, the other way round where it is already; empty: it can't."""
    if not field.sorts or not scope.sees(field.guarded_as):
        return ""
    return asked.but(sort=f"-{field.code}" if asked.sort == field.code else field.code)


def asks(
    fields: Sequence[CustomField], columns: Sequence[CustomField], asked: Asked, scope: Scope
) -> list[dict[str, Any]]:
    """The filters offered: by what is shown as a column or asked for already, and by all where they are few."""
    said = dict(asked.custom)
    named = {name.partition(".")[0] for name in said}
    offered = [one for one in fields if scope.sees(one.guarded_as)]
    if len(offered) > FEW:
        offered = [one for one in offered if one in columns or one.code in named]
    return [
        {
            "field": one, "text": said.get(one.code, ""), "from": said.get(f"{one.code}.from", ""),
            "to": said.get(f"{one.code}.to", ""), "is": said.get(f"{one.code}.is", ""),
            "range": (one.is_number or one.kind == "date") and not one.personal,
        }
        for one in offered
    ]  # fmt: skip


def chips(fields: Sequence[CustomField], asked: Asked) -> list[tuple[str, str]]:
    """What the list is narrowed to by own fields, each with the query string that lifts it."""
    words = {"": "", "from": "≥ ", "to": "≤ "}
    found = []
    for one in fields:
        said = []
        for name, text in asked.custom:
            code, _dot, part = name.partition(".")
            if code == one.code:
                shown = (_("empty") if text == "empty" else _("not empty")) if part == "is" else ""
                said.append(shown or words[part] + (text if one.is_text else worded(one, text)))
        if said:
            found.append((f"{one}: {' '.join(said)}", asked.without(one.pk)))
    return found
