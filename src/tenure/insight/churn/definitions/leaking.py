"""Revenue that leaks away while the customer stays."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

import ibis

from tenure.contracts import CONTRACTS, base_money
from tenure.insight.churn.definitions._levels import fell, periods, sums, too_short
from tenure.insight.churn.definitions.base import Kind, Setting, Tables, earlier, fall, horizon, percent, sales
from tenure.insight.features.base import known_before
from tenure.language import Words


@dataclass(frozen=True)
class Leaking(Kind):
    """Revenue leaks without leaving: who still buys within the horizon, for less than (1 − share) of the own earlier level.

    In the reporting currency, purchases alone: a refund is no purchase and takes nothing off. Asked about is whoever bought
    at least `least` times in the `earlier_days` before and whose revenue had not fallen as far already. Who buys nothing at
    all has left and does not count as leaking: silence tells of those.
    """

    horizon_days: int = 90
    earlier_days: int = 180
    share: float = 0.4
    least: int = 3

    name: ClassVar[str] = "leaking"
    title: ClassVar[Words] = Words("Revenue leaks without leaving", "未离开但收入流失")
    meaning: ClassVar[Words] = Words(
        "Still buys, but for much less than before: part of the business went elsewhere",
        "仍在购买，但金额明显少于以往：部分生意已转给别家",
    )
    contracts: ClassVar[tuple[str, ...]] = ("orders",)
    settings: ClassVar[tuple[Setting, ...]] = (
        horizon(90),
        earlier(180),
        fall(0.4),
        Setting(
            "least", Words("At least so many orders in the days before", "此前至少订单数"), "count", 1, 1_000, 3,
            help=Words("With fewer, a fall is chance", "次数更少时，下降多属偶然"),
        ),
    )  # fmt: skip
    of_money: ClassVar[bool] = True

    @property
    def words(self) -> Words:
        return Words(
            "Still buys within {horizon} days, but for more than {share} % less than the own {earlier} days before, among "
            "customers with at least {least} orders in them",
            "此前 {earlier} 天内订单不少于 {least} 笔、在随后 {horizon} 天内仍有购买但金额较自身水平下降超过 {share}% 的客户",
        ).format(
            horizon=self.horizon_days, earlier=self.earlier_days, share=percent(self.share), least=self.least
        )  # fmt: skip

    def refused(self) -> str | None:
        return too_short(self.horizon_days, self.earlier_days)

    def eligible(self, tables: Tables, as_of: datetime) -> ibis.Table:
        before, recent, _after = periods(as_of, self.horizon_days, self.earlier_days)
        told = sums(_orders(tables, as_of), before=before, recent=recent)
        fallen = fell(told.recent_minor, told.before_minor, self.horizon_days, self.earlier_days, self.share)
        return told.filter(told.before_n >= self.least, told.before_minor > 0, ~fallen).select("person_id")

    def label(self, tables: Tables, as_of: datetime) -> ibis.Table:
        before, _recent, after = periods(as_of, self.horizon_days, self.earlier_days)
        told = sums(_orders(tables, self.end(as_of)), before=before, after=after)
        told = told.semi_join(self.eligible(tables, as_of), "person_id")
        fallen = fell(told.after_minor, told.before_minor, self.horizon_days, self.earlier_days, self.share)
        return told.select("person_id", churned=(told.after_n > 0) & fallen)


def _orders(tables: Tables, known: datetime) -> ibis.Table:
    """person_id, moment and minor (reporting currency), one row for each order."""
    bought = sales(known_before(CONTRACTS["orders"], tables["orders"], known))
    amount = bought[base_money("amount_minor")].fill_null(0)
    return bought.group_by("person_id", "order_id").agg(
        moment=bought.ordered_at.min(), minor=amount.sum().cast("int64")
    )
