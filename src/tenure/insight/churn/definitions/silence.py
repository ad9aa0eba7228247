"""Left without a word: nobody hears from the customer for one time that holds for all."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

import ibis
import numpy as np

from tenure.contracts import CONTRACTS
from tenure.insight.churn.definitions.base import (
    LONGEST_HORIZON_DAYS,
    SHORTEST_DAYS,
    Kind,
    Setting,
    Tables,
    Wish,
    horizon,
    labelled,
    sales,
)
from tenure.insight.features.base import known_before
from tenure.language import Words

LEAST_DAYS, MOST_DAYS = 30, 180
USUAL_DAYS = 90
FEWEST_GAPS = 30


@dataclass(frozen=True)
class Silence(Kind):
    """Left without a word: someone who bought lately and then buys nothing for the whole horizon.

    For businesses without contracts. Who bought nothing in the `active_days` before `as_of` is not asked about:
    such a customer is gone already. Cancelled orders and refunds are no purchase.
    """

    horizon_days: int = USUAL_DAYS
    active_days: int = 2 * USUAL_DAYS

    name: ClassVar[str] = "silence"
    title: ClassVar[Words] = Words("No purchase for a time", "一段时间内没有购买")
    meaning: ClassVar[Words] = Words(
        "For businesses without contracts: one length of silence for everybody",
        "适用于无合同业务：所有人使用同一沉默期限",
    )
    contracts: ClassVar[tuple[str, ...]] = ("orders",)
    settings: ClassVar[tuple[Setting, ...]] = (
        horizon(None),
        Setting(
            "active_days", Words("Bought in the days before", "此前有购买的天数"), "days", SHORTEST_DAYS, LONGEST_HORIZON_DAYS,
            help=Words("Who bought nothing in them is gone already and not asked about", "其间没有购买的客户视为早已流失，不再计入"),
        ),
    )  # fmt: skip
    usual: ClassVar[int] = 2

    @property
    def words(self) -> Words:
        return Words(
            "No purchase within {horizon} days, among customers who bought in the {active} days before",
            "此前 {active} 天内有购买、而在随后 {horizon} 天内没有购买的客户",
        ).format(horizon=self.horizon_days, active=self.active_days)

    @classmethod
    def plain(cls, wish: Wish) -> Self:
        days = int(wish.get("horizon_days") or USUAL_DAYS)
        return cls(days, int(wish.get("active_days") or 2 * days), code=str(wish.get("code") or ""))

    @classmethod
    def of(cls, tables: Tables, wish: Wish) -> Self:
        return cls.plain({**wish, "horizon_days": wish.get("horizon_days") or rhythm_days(tables["orders"])})

    @classmethod
    def said(cls, wish: Wish) -> Words:
        if wish.get("horizon_days"):
            return cls.plain(wish).words
        if active := wish.get("active_days"):
            return Words(
                "No purchase for longer than four of five customers take to come back, among those who bought in the {active} days before",
                "此前 {active} 天内有购买、而沉默超过八成回头客复购间隔的客户",
            ).format(active=active)
        return Words(
            "No purchase for longer than four of five customers take to come back",
            "沉默超过八成回头客的复购间隔",
        )

    def eligible(self, tables: Tables, as_of: datetime) -> ibis.Table:
        start = ibis.literal(as_of - timedelta(days=self.active_days))
        bought = sales(known_before(CONTRACTS["orders"], tables["orders"], as_of))
        return bought.filter(bought.ordered_at >= start).select("person_id").distinct()

    def label(self, tables: Tables, as_of: datetime) -> ibis.Table:
        after = sales(known_before(CONTRACTS["orders"], tables["orders"], self.end(as_of)))
        came_back = after.filter(after.ordered_at >= ibis.literal(as_of)).select("person_id").distinct()
        return labelled(self.eligible(tables, as_of), stayed=came_back)


def rhythm_days(orders: ibis.Table, quantile: float = 0.8) -> int:
    """Days within which this share of the gaps between purchase days end; 30 to 180, and 90 where few are known."""
    gaps = gaps_of(sales(orders.filter(orders.person_id.notnull())))
    told: dict[str, Any] = gaps.agg(rows=gaps.count(), days=gaps.days.quantile(quantile)).to_pyarrow().to_pylist()[0]
    return _within_bounds(told["rows"], told["days"])


def rhythm_of_gaps(gaps: Any, quantile: float = 0.8) -> int:
    """The same of the gaps themselves, as an array of days."""
    return _within_bounds(len(gaps), float(np.quantile(gaps, quantile)) if len(gaps) else None)


def _within_bounds(gaps: int, days: float | None) -> int:
    if gaps < FEWEST_GAPS or days is None:
        return USUAL_DAYS
    return int(min(max(math.ceil(days), LEAST_DAYS), MOST_DAYS))


def gaps_of(bought: ibis.Table) -> ibis.Table:
    """person_id and days, one row for each time between two purchase days of a person that follow one another."""
    visits = bought.filter(bought.ordered_on.notnull()).select("person_id", "ordered_on").distinct()
    window = ibis.window(group_by="person_id", order_by="ordered_on")
    visits = visits.mutate(_before=visits.ordered_on.lag().over(window))
    gaps = visits.filter(visits._before.notnull())
    return gaps.select("person_id", days=gaps.ordered_on.delta(gaps._before, unit="day"))
