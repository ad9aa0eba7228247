"""Customers as a file: the columns an asker may see, in words, safe to open in a spreadsheet."""

import csv
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.utils.translation import gettext as _

from tenure.currencies import minor_digits
from tenure.desk.customers.cards import TABLE, Card
from tenure.desk.customers.fields.models import CustomField
from tenure.desk.customers.words import CELLS, RISK_BANDS, STAGES, TIERS, words_for
from tenure.lake.fields import field_of
from tenure.lake.scope import Scope
from tenure.workspace import open_workspace

Column = tuple[str, str, Callable[[Card], Any]]


def columns_for(scope: Scope, fields: Sequence[CustomField] = ()) -> list[Column]:
    """The columns of which anything shows to this asker; one that is hidden is left out whole.

    fields: the company's own, whose values the cards must have at hand (`fields.values.with_values`).
    """
    hidden = scope.hides
    columns = [column for column in export_columns() if field_of(TABLE, column[0]) not in hidden]
    return columns + [_own_column(one) for one in fields if one.guarded_as not in hidden]


def _own_column(field: CustomField) -> Column:
    return (field.code, str(field.words), lambda card: value.cell if (value := card.custom.get(field.pk)) else None)


def export_columns() -> list[Column]:
    """Column of the card, heading, value."""
    stages, bands, cells = (
        {code: str(words) for code, words in known.items()} for known in (STAGES, RISK_BANDS, CELLS)
    )
    kinds = {code: words_for("kind", code) for code in ("individual", "enterprise", "government", "institution")}
    column = "zh" if words_for("risk", "high") == "高" else "en"
    return [
        ("customer_id", _("Customer number"), lambda s: s.customer_id),
        ("name", _("Name"), lambda s: s.name),
        ("kind", _("Kind"), lambda s: kinds.get(s.kind, s.kind)),
        ("region", _("Region"), lambda s: s.region),
        ("city", _("City"), lambda s: s.city),
        ("phone", _("Phone"), lambda s: s.phone),
        ("email", _("E-mail"), lambda s: s.email),
        ("owner", _("Owner"), lambda s: s.owner.shown_name if s.owner else ""),
        ("team", _("Team"), lambda s: s.team.name if s.team else ""),
        ("stage", _("Stage"), lambda s: stages.get(s.stage, s.stage)),
        ("risk_band", _("Risk band"), lambda s: bands.get(s.risk_band, s.risk_band)),
        ("churn_probability", _("Churn risk"), lambda s: _rounded(s.churn_probability)),
        ("reasons", _("Reasons"), lambda s: "; ".join(str(r.get(column) or r.get("en") or "") for r in s.reasons)),
        ("value_base_minor", _("Value, next 12 months"), lambda s: _units(s.value_base_minor)),
        ("value_decile", _("Value decile"), lambda s: s.value_decile),
        ("monetary_base_minor", _("Spent"), lambda s: _units(s.monetary_base_minor)),
        ("frequency", _("Days with an order"), lambda s: s.frequency),
        ("last_order_on", _("Last order"), lambda s: s.last_order_on),
        ("tier", _("Tier"), lambda s: str(TIERS.get(s.tier, s.tier) or "")),
        ("rfm_cell", _("RFM cell"), lambda s: cells.get(s.rfm_cell, s.rfm_cell)),
    ]


def lines(rows: Iterator[Card], columns: list[Column]) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield "\ufeff" + writer.writerow([heading for _name, heading, _value in columns])
    for row in rows:
        yield writer.writerow([harmless(value(row)) for _name, _heading, value in columns])


def harmless(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula gets an apostrophe before it; numbers and dates are left alone."""
    if isinstance(value, str) and value.lstrip()[:1] in {"=", "+", "-", "@", "＝", "＋", "－", "＠"}:
        return "'" + value
    if isinstance(value, str) and value[:1] in {"\t", "\r", "\n"}:
        return "'" + value
    return "" if value is None else value


class Echo:
    """A file that gives each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def _units(minor: int | None) -> float | None:
    return None if minor is None else round(minor / 10 ** minor_digits(open_workspace().currency), 2)


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
