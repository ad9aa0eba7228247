"""What a snapshot says: its own yes/no column."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

import ibis

from tenure.contracts import CONTRACTS
from tenure.insight.churn.definitions.base import Kind, Setting, Tables, Wish, has
from tenure.insight.features.base import is_filled, known_before
from tenure.language import Words


@dataclass(frozen=True)
class Outcome(Kind):
    """What a snapshot says: its own yes/no column, with no time in it, so nothing is known of when."""

    horizon_days: int = 0

    name: ClassVar[str] = "outcome"
    title: ClassVar[Words] = Words("The outcome of a snapshot", "快照中的结果列")
    meaning: ClassVar[Words] = Words(
        "For one table with an outcome column and no dates", "适用于带结果列、没有日期的单张宽表"
    )
    contracts: ClassVar[tuple[str, ...]] = ("snapshot",)
    settings: ClassVar[tuple[Setting, ...]] = ()
    timed: ClassVar[bool] = False
    usual: ClassVar[int] = 3

    @property
    def words(self) -> Words:
        return Words("The outcome column of the snapshot", "客户快照中的结果列")

    @classmethod
    def told_by(cls, tables: Tables, wish: Wish) -> bool:
        return has(tables, "snapshot") and is_filled(tables["snapshot"].filter(tables["snapshot"].outcome.notnull()))

    def eligible(self, tables: Tables, as_of: datetime) -> ibis.Table:
        return self._rows(tables, as_of).select("person_id")

    def label(self, tables: Tables, as_of: datetime) -> ibis.Table:
        """Only the people whose outcome is given; the others can be scored, but nothing is learned from them."""
        rows = self._rows(tables, as_of)
        return rows.filter(rows.outcome.notnull()).select("person_id", churned=rows.outcome)

    def _rows(self, tables: Tables, as_of: datetime) -> ibis.Table:
        seen = known_before(CONTRACTS["snapshot"], tables["snapshot"], as_of)
        order = [ibis.desc(name) for name in ("valid_at", "source", "customer_id") if name in seen.columns]
        numbered = seen.mutate(_place=ibis.row_number().over(group_by="person_id", order_by=order))
        return numbered.filter(numbered._place == 0)
