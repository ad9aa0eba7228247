"""Silent for longer than the customer's own rhythm explains."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

import ibis

from tenure.contracts import CONTRACTS
from tenure.insight.churn.definitions.base import (
    LONGEST_HORIZON_DAYS,
    SHORTEST_DAYS,
    Kind,
    Setting,
    Tables,
    horizon,
    percent,
    sales,
)
from tenure.insight.churn.definitions.silence import FEWEST_GAPS, gaps_of
from tenure.insight.features.base import known_before
from tenure.insight.purchases import seconds_of
from tenure.language import Words

USUAL_GAP_DAYS = 45
# So many gaps of the base are mixed with a customer's own: with three own gaps, own and base weigh the same.
BASE_GAPS = 3
_WHOLE = 1_000_000  # what the gaps of one customer weigh together, in whole numbers


@dataclass(frozen=True)
class OwnRhythm(Kind):
    """Silent for longer than the own rhythm explains: within it at `as_of`, beyond it at the end of the horizon.

    What each customer is allowed: `times` the gap within which `quantile` of the own gaps between purchase days ended,
    shrunk to the base's where few are known (own × n + base × 3) ÷ (n + 3), and never less than `least_days`. The base's
    is that of all gaps, those of each customer weighing the same together; 45 days where fewer than 30 are known.

    Everything a customer is allowed is told from before `as_of`. Who is within a long rhythm and bought lately can't
    leave within a short horizon, which is what the definition says of them.
    """

    horizon_days: int = 90
    quantile: float = 0.9
    times: float = 2.0
    least_days: int = 30

    name: ClassVar[str] = "own_rhythm"
    title: ClassVar[Words] = Words("Silent beyond the own rhythm", "沉默超出自身节奏")
    meaning: ClassVar[Words] = Words(
        "A weekly buyer is missed within weeks, a yearly one is not: each is held against the own gaps between purchases",
        "每周购买的客户几周不来即为异常，每年购买一次的则不然：以各自的购买间隔衡量",
    )
    contracts: ClassVar[tuple[str, ...]] = ("orders",)
    settings: ClassVar[tuple[Setting, ...]] = (
        horizon(90),
        Setting(
            "quantile", Words("Share of the own gaps", "自身间隔的覆盖比例"), "share", 0.5, 0.99, 0.9,
            help=Words("The gap within which so many of a customer's own gaps ended", "该客户这么多比例的间隔都在此天数内结束"),
        ),
        Setting(
            "times", Words("Times that gap", "该间隔的倍数"), "times", 1, 10, 2.0,
            help=Words("Silence is explained up to so many times that gap", "沉默不超过该间隔的这么多倍视为正常"),
        ),
        Setting(
            "least_days", Words("Never before days", "不早于（天）"), "days", SHORTEST_DAYS, LONGEST_HORIZON_DAYS, 30,
            help=Words("However often somebody buys, so many days of silence mean nothing", "无论购买多频繁，沉默这么多天以内不作判断"),
        ),
    )  # fmt: skip

    @property
    def words(self) -> Words:
        return Words(
            "Within {horizon} days, silent for longer than {times:g} times the gap that covers {share} % of the own gaps "
            "between purchases (never less than {least} days), among customers within their rhythm",
            "仍在自身节奏内的客户，在 {horizon} 天内沉默超过其 {share}% 购买间隔的 {times:g} 倍（且不少于 {least} 天）",
        ).format(
            horizon=self.horizon_days, times=self.times, share=percent(self.quantile), least=self.least_days
        )  # fmt: skip

    def eligible(self, tables: Tables, as_of: datetime) -> ibis.Table:
        return self._within(tables, as_of).select("person_id")

    def label(self, tables: Tables, as_of: datetime) -> ibis.Table:
        end = self.end(as_of)
        then = sales(known_before(CONTRACTS["orders"], tables["orders"], end))
        then = then.group_by(_person=then.person_id).agg(_last=then.ordered_at.max())
        asked = self._within(tables, as_of)
        joined = asked.left_join(then, asked.person_id == then._person)
        silent = _silent_days(joined._last, end)
        return joined.select("person_id", churned=(silent > joined.allowed_days).fill_null(True))

    def allowed(self, tables: Tables, as_of: datetime) -> ibis.Table:
        """person_id, last (instant of the last purchase), gaps (how many are known), allowed_days: as known at `as_of`."""
        bought = sales(known_before(CONTRACTS["orders"], tables["orders"], as_of))
        gaps, share = gaps_of(bought), percent(self.quantile)
        each = ibis.window(group_by="person_id")
        gaps = gaps.mutate(
            _place=ibis.row_number().over(group_by="person_id", order_by="days") + 1, _n=gaps.days.count().over(each)
        )
        # The gap of a rank, and not one between two: the same whole number of days on every engine.
        reached = gaps.filter(gaps._place * 100 >= share * gaps._n)
        own = reached.group_by(_person=reached.person_id).agg(_own=reached.days.min(), _gaps=reached._n.max())
        weighed = gaps.mutate(_weight=_WHOLE // gaps._n).group_by("days").agg(
            _weight=lambda t: t._weight.sum(), _rows=lambda t: t.count()
        )  # fmt: skip
        every = ibis.window()
        weighed = weighed.mutate(
            _so_far=weighed._weight.sum().over(ibis.cumulative_window(order_by="days")),
            _all=weighed._weight.sum().over(every), _known=weighed._rows.sum().over(every),
        )  # fmt: skip
        there = (weighed._so_far * 100 >= share * weighed._all) & (weighed._known >= FEWEST_GAPS)
        base = weighed.agg(_base=weighed.days.min(where=there).fill_null(USUAL_GAP_DAYS))
        people = bought.group_by("person_id").agg(last=bought.ordered_at.max())
        told = people.left_join(own, people.person_id == own._person).cross_join(base)
        n = told._gaps.fill_null(0)
        mixed = (n * told._own.fill_null(0) + BASE_GAPS * told._base).cast("float64") / (n + BASE_GAPS)
        return told.select(
            "person_id", "last", gaps=n, allowed_days=ibis.greatest(self.times * mixed, float(self.least_days))
        )

    def _within(self, tables: Tables, as_of: datetime) -> ibis.Table:
        told = self.allowed(tables, as_of)
        return told.filter(_silent_days(told["last"], as_of) <= told.allowed_days)


def _silent_days(last: ibis.Value, at: datetime) -> ibis.Value:
    return (int(at.timestamp()) - seconds_of(last)) / 86_400.0
