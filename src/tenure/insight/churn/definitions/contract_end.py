"""Ended the contract: the last subscription that ran was not renewed."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

import ibis

from tenure.contracts import CONTRACTS
from tenure.insight.churn.definitions.base import Kind, Setting, Tables, horizon, labelled
from tenure.insight.features.base import known_before
from tenure.language import Words


@dataclass(frozen=True)
class ContractEnd(Kind):
    """Ended the contract: someone with a running subscription who has none left at the end of the horizon.

    A subscription runs until it really ended. Moving to another plan is not leaving; a term that ran out while
    the service goes on is not either.
    """

    horizon_days: int = 60

    name: ClassVar[str] = "contract_end"
    title: ClassVar[Words] = Words("The last contract ends", "最后一项合同终止")
    meaning: ClassVar[Words] = Words(
        "For contracts and subscriptions: the last one ends and none is renewed",
        "适用于合同与订购：最后一项终止且未续约",
    )
    contracts: ClassVar[tuple[str, ...]] = ("subscriptions",)
    settings: ClassVar[tuple[Setting, ...]] = (horizon(60),)
    usual: ClassVar[int] = 1

    @property
    def words(self) -> Words:
        return Words(
            "The last running subscription ends within {horizon} days, and no other runs then",
            "最后一项在用订购在 {horizon} 天内终止，且届时没有其他在用订购",
        ).format(horizon=self.horizon_days)

    def eligible(self, tables: Tables, as_of: datetime) -> ibis.Table:
        return running(tables, as_of).select("person_id").distinct()

    def label(self, tables: Tables, as_of: datetime) -> ibis.Table:
        still = running(tables, self.end(as_of)).select("person_id").distinct()
        return labelled(self.eligible(tables, as_of), stayed=still)


def running(tables: Tables, at: datetime) -> ibis.Table:
    """The subscriptions that ran at a moment, by what was known then."""
    held = known_before(CONTRACTS["subscriptions"], tables["subscriptions"], at)
    return held.filter(held.ended_at.isnull())
