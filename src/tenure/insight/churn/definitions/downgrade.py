"""Moves down: stays, on a cheaper plan."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

import ibis

from tenure.contracts import base_money
from tenure.insight.churn.definitions.base import Kind, Setting, Tables, fall, horizon, percent
from tenure.insight.churn.definitions.contract_end import running
from tenure.language import Words


@dataclass(frozen=True)
class Downgrade(Kind):
    """Moved down: the fees of the running subscriptions together fall by more than `share`, and at least one still runs.

    Fees are taken for a year, so a plan billed by the quarter and one billed by the month compare. Asked about is whoever
    has a running subscription and a known fee for each. Nobody counts whose subscriptions all end: that is a contract's
    end. A cheaper plan is told by a subscription that ends and another that begins; one whose fee was overwritten in its
    own record has the later fee at both dates and tells nothing.
    """

    horizon_days: int = 60
    share: float = 0.05

    name: ClassVar[str] = "downgrade"
    title: ClassVar[Words] = Words("Moves to a cheaper plan", "降级到更便宜的套餐")
    meaning: ClassVar[Words] = Words(
        "Stays under contract, but the fees of what runs fall", "合同仍在，但在用订购的总费用下降"
    )
    contracts: ClassVar[tuple[str, ...]] = ("subscriptions",)
    settings: ClassVar[tuple[Setting, ...]] = (horizon(60), fall(0.05))
    of_money: ClassVar[bool] = True

    @property
    def words(self) -> Words:
        return Words(
            "Within {horizon} days the fees of the running subscriptions fall by more than {share} %, and one still runs",
            "{horizon} 天内在用订购的总费用下降超过 {share}%，且仍有在用订购",
        ).format(horizon=self.horizon_days, share=percent(self.share))

    def eligible(self, tables: Tables, as_of: datetime) -> ibis.Table:
        told = _fees(tables, as_of)
        return told.filter(told.known, told.year_minor > 0).select("person_id")

    def label(self, tables: Tables, as_of: datetime) -> ibis.Table:
        told = _fees(tables, as_of)
        told = told.filter(told.known, told.year_minor > 0)
        then = _fees(tables, self.end(as_of)).rename(_person="person_id", _known="known", _then="year_minor")
        joined = told.left_join(then, told.person_id == then._person)
        lower = joined._then * 100 < joined.year_minor * (100 - percent(self.share))
        return joined.select("person_id", churned=(joined._known & lower).fill_null(False))


def _fees(tables: Tables, at: datetime) -> ibis.Table:
    """person_id, year_minor (fees of a year, reporting currency), known (whether each running one tells its fee)."""
    held = running(tables, at)
    fee, months = held[base_money("fee_minor")], ibis.greatest(held.period_months.fill_null(1), 1)
    yearly = ((fee * 12) // months).cast("int64")
    return held.group_by("person_id").agg(
        year_minor=yearly.fill_null(0).sum().cast("int64"), known=fee.isnull().ifelse(1, 0).sum() == 0
    )
