"""Uses it less and less: activity falls below the customer's own earlier level."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Self

import ibis

from tenure.contracts import CONTRACTS
from tenure.insight.churn.definitions._levels import fell, periods, sums, too_short
from tenure.insight.churn.definitions.base import (
    Kind,
    Setting,
    Tables,
    Wish,
    earlier,
    fall,
    has,
    horizon,
    percent,
    sales,
)
from tenure.insight.features.base import known_before
from tenure.language import Words

_COUNTED = {
    "": Words("Events where there are any, else orders", "有行为事件则用事件，否则用订单"),
    "events": Words("Events", "行为事件"),
    "orders": Words("Orders", "订单"),
}


@dataclass(frozen=True)
class UsageDecline(Kind):
    """Usage fell: less than (1 − share) of the own earlier level in the horizon, by number of events or of orders.

    The level is that of the `earlier_days` before `as_of`, as a number a day. Asked about is whoever had at least `least`
    in them and had not fallen as far already in the last days (as many as the horizon has): with fewer, a fall is chance;
    and who has fallen can't be foreseen to fall. Who came only within those days has a level that is too low, not too high.
    """

    horizon_days: int = 30
    earlier_days: int = 90
    share: float = 0.5
    least: int = 6
    counted: str = "orders"

    name: ClassVar[str] = "usage_decline"
    title: ClassVar[Words] = Words("Usage declines", "使用量下降")
    meaning: ClassVar[Words] = Words(
        "Still there, but using it less and less: events or orders fall below the customer's own earlier level",
        "人还在，但用得越来越少：行为事件或订单低于其自身此前水平",
    )
    contracts: ClassVar[tuple[str, ...]] = ("events", "orders")
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("counted", Words("Counted", "统计对象"), "choice", usual="", choices=_COUNTED),
        horizon(30),
        earlier(90),
        fall(0.5),
        Setting(
            "least", Words("At least so many in the days before", "此前至少次数"), "count", 2, 1_000, 6,
            help=Words("With fewer, a fall is chance", "次数更少时，下降多属偶然"),
        ),
    )  # fmt: skip

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.counted,)

    @property
    def words(self) -> Words:
        what = _COUNTED[self.counted]
        return Words(
            "In {horizon} days, the number of {en} falls by more than {share} % against the own {earlier} days before, "
            "among customers with at least {least} in them",
            "此前 {earlier} 天内{zh}不少于 {least} 次、而在随后 {horizon} 天内较自身水平下降超过 {share}% 的客户",
        ).format(
            horizon=self.horizon_days, earlier=self.earlier_days, share=percent(self.share), least=self.least,
            en=what.en.lower(), zh=what.zh,
        )  # fmt: skip

    @classmethod
    def plain(cls, wish: Wish) -> Self:
        return super().plain({**wish, "counted": wish.get("counted") or "orders"})

    @classmethod
    def of(cls, tables: Tables, wish: Wish) -> Self:
        return cls.plain({**wish, "counted": wish.get("counted") or ("events" if has(tables, "events") else "orders")})

    @classmethod
    def told_by(cls, tables: Tables, wish: Wish) -> bool:
        return any(has(tables, name) for name in ((wish["counted"],) if wish.get("counted") else cls.contracts))

    @classmethod
    def said(cls, wish: Wish) -> Words:
        if wish.get("counted"):
            return cls.plain(wish).words
        one = cls.plain(wish)
        return Words(
            "In {horizon} days, events (orders where there are none) fall by more than {share} % against the own {earlier} "
            "days before, among customers with at least {least} in them",
            "此前 {earlier} 天内行为事件（没有则用订单）不少于 {least} 次、而在随后 {horizon} 天内较自身水平下降超过 {share}% 的客户",
        ).format(horizon=one.horizon_days, earlier=one.earlier_days, share=percent(one.share), least=one.least)

    def refused(self) -> str | None:
        return too_short(self.horizon_days, self.earlier_days)

    def eligible(self, tables: Tables, as_of: datetime) -> ibis.Table:
        before, recent, _after = periods(as_of, self.horizon_days, self.earlier_days)
        told = sums(self._rows(tables, as_of), before=before, recent=recent)
        fallen = fell(told.recent_n, told.before_n, self.horizon_days, self.earlier_days, self.share)
        return told.filter(told.before_n >= self.least, ~fallen).select("person_id")

    def label(self, tables: Tables, as_of: datetime) -> ibis.Table:
        before, _recent, after = periods(as_of, self.horizon_days, self.earlier_days)
        told = sums(self._rows(tables, self.end(as_of)), before=before, after=after)
        told = told.semi_join(self.eligible(tables, as_of), "person_id")
        fallen = fell(told.after_n, told.before_n, self.horizon_days, self.earlier_days, self.share)
        return told.select("person_id", churned=fallen)

    def _rows(self, tables: Tables, known: datetime) -> ibis.Table:
        """person_id, moment: one row for each event, or each order."""
        told = known_before(CONTRACTS[self.counted], tables[self.counted], known)
        if self.counted == "events":
            return told.select("person_id", moment=told.occurred_at)
        return sales(told).group_by("person_id", "order_id").agg(moment=lambda t: t.ordered_at.min())
