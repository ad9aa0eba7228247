"""What the customers who left cost: the margin they would still have brought, winning others in their place, and, by
assumptions that are stated, what they told others and whom they would have brought.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import isfinite, log1p
from typing import Any, Literal, TypeAlias

import ibis
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tenure.insight.metrics._shared import monthly_fees
from tenure.insight.metrics.base import DAYS_A_MONTH, Period
from tenure.insight.purchases import at, counted, seconds_of
from tenure.insight.value.summary import last_seen, purchases
from tenure.language import Words

Numbers: TypeAlias = NDArray[np.float64]
Unit: TypeAlias = Literal["share", "number", "months", "money"]

YEAR_DAYS = 365
LEAST_LEFT = 5  # leavers of a kind, before anything is said of how long they would have stayed
BANDS = (0, 3, 6, 12, 24, 36, 60)  # months of tenure; a band with too few leavers is joined to the one before
OLDEST = 60  # months of tenure past which leaving goes on at the last band's rate
DRAWS, SEED = 400, 20_260_101


@dataclass(frozen=True)
class Assumption:
    """A number nobody measured. usual: what holds until the company says otherwise; None: measured where it can be."""

    words: Words
    meaning: Words
    unit: Unit
    most: float
    usual: float | None
    least: float = 0.0


ASSUMPTIONS: Mapping[str, Assumption] = {
    "margin_of_orders": Assumption(
        Words("Margin of orders", "订单毛利率"),
        Words("Left blank: as order lines that say their cost have it", "留空：按有成本的订单明细计算"),
        "share", 1.0, None, -1.0,
    ),
    "margin_of_fees": Assumption(
        Words("Margin of fees", "合同费用毛利率"),
        Words("No record says what serving a contract costs. Left blank: as that of orders", "没有记录说明合同的服务成本。留空：沿用订单毛利率"),
        "share", 1.0, None, -1.0,
    ),
    "acquisition_cost": Assumption(
        Words("Winning a customer costs", "单位获客成本"),
        Words("Left blank: as spending and new customers of the last 12 months have it, by channel", "留空：按近 12 个月的支出与新客户数分渠道计算"),
        "money", 1e12, None,
    ),
    "replaced": Assumption(
        Words("Share of leavers replaced", "流失后补回的客户比例"),
        Words("How many of those who left a new customer is won for", "流失客户中需要重新获客补上的比例"),
        "share", 1.0, 1.0,
    ),
    "discount_rate": Assumption(
        Words("Discount a year", "年折现率"),
        Words("What money a year later is worth less by", "一年后的资金折现比率"),
        "share", 1.0, 0.10,
    ),
    "horizon_months": Assumption(
        Words("Looked ahead, months", "测算期（月）"),
        Words("Margin further away than this is left out", "超出此期限的毛利不计入"),
        "months", 120.0, 36.0, 1.0,
    ),
    "tell_share": Assumption(
        Words("Leavers who tell others", "会告诉他人的流失客户比例"),
        Words("Share of those who left who speak of it", "流失客户中会向他人讲述的比例"),
        "share", 1.0, 0.30,
    ),
    "told_each": Assumption(
        Words("People each of them tells", "每人告诉的人数"),
        Words("How many hear of it from one who left", "每位流失客户会告诉多少人"),
        "number", 1000.0, 9.0,
    ),
    "lost_of_told": Assumption(
        Words("Share of those told who stay away", "听说后不再光顾的比例"),
        Words("Each is a customer like the one who left, lost", "每一位视同损失一位同类客户"),
        "share", 1.0, 0.01,
    ),
    "referrals_a_year": Assumption(
        Words("Customers brought by one a year", "每位客户每年带来的客户数"),
        Words("Each would have brought the same margin again", "每一位视同带来同等毛利"),
        "number", 100.0, 0.05,
    ),
}  # fmt: skip

LEFT = pa.schema(
    [
        ("person_id", pa.int64()),
        ("kind", pa.string()),
        ("left_on", pa.date32()),
        ("days", pa.int64()),
        ("plan", pa.string()),
        ("reason", pa.string()),
        ("channel", pa.string()),
        ("fee", pa.int64()),
        ("net", pa.int64()),
        ("known_net", pa.int64()),
        ("known_cost", pa.int64()),
    ]
)


def in_force(told: Mapping[str, float]) -> dict[str, float | None]:
    """Every assumption by its name: what the company said where that can be, else what is usual."""
    held: dict[str, float | None] = {name: one.usual for name, one in ASSUMPTIONS.items()}
    for name, value in told.items():
        one = ASSUMPTIONS.get(name)
        if one and isinstance(value, int | float) and isfinite(value) and one.least <= value <= one.most:
            held[name] = float(value)
    return held


def leavers(
    orders: ibis.Table, subscriptions: ibis.Table, as_of: datetime, silence_days: int, period: Period
) -> ibis.Table:
    """Who left within the period, and what they brought before they did; of schema LEFT. Who left is as `lives` has it.

    kind "contract": on the day the last contract ended, none running; plan, reason and channel are that contract's. kind
    "buyer": silence_days after the last purchase. days: how long they had been a customer. fee: what the contracts that
    ended that day came to a month. net: sold less given back in the year up to the day of leaving (of a buyer, the year
    up to the last purchase and what came back since); known_net, known_cost: of the lines that say their cost.
    fee, net are null where no such record says an amount. Minor units of the reporting currency.
    """
    now = at(as_of)
    held = subscriptions.filter(
        subscriptions.person_id.notnull(), subscriptions.started_at.notnull(), subscriptions.started_at < now
    )
    runs = held.ended_at.isnull() | (held.ended_at >= now)
    ends = held.group_by("person_id").agg(began=held.started_at.min(), ended_at=held.ended_at.max(), running=runs.any())
    ends = ends.filter(~ends.running, ends.ended_at >= period.starts_at, ends.ended_at < period.ends_at)
    fees = monthly_fees(subscriptions).filter(lambda t: t.ended_at.notnull())
    fees = fees.group_by("person_id", "ended_at").agg(fee=fees.monthly.sum())
    last = held.semi_join(ends, ["person_id", "ended_at"])
    # Two contracts that ended in one instant are told by the first in the alphabet: any rule, but always the same.
    told = last.group_by("person_id").agg(
        plan=last.plan.min(), reason=last.end_reason.min(), channel=last.channel.min()
    )
    # Seconds by UTC, and the day as a literal's zone has it: the business day of the end.
    seconds = (seconds_of(ends.ended_at) - seconds_of(ends.began)).cast("float64")
    shift = as_of.utcoffset()
    hours = int(shift.total_seconds() // 3600) if shift else 0
    local = ends.ended_at + ibis.interval(hours=hours)
    contract = ends.mutate(
        kind=ibis.literal("contract"), left_on=local.date(), anchor=local.date(),
        days=(seconds / 86_400).floor().cast("int64"),
    )  # fmt: skip
    contract = contract.left_join(told, "person_id").drop("person_id_right")
    contract = contract.left_join(fees, ["person_id", "ended_at"])
    contract = contract.select(
        "person_id", "kind", "left_on", "anchor", "days", "plan", "reason", "channel", fee=contract.fee.cast("int64")
    )

    bought = purchases(orders, as_of)
    bought = bought.anti_join(held.select("person_id").distinct(), "person_id")
    each = bought.group_by("person_id").agg(first=bought.day.min(), anchor=bought.day.max())
    quiet = ibis.literal(last_seen(as_of)).delta(each.anchor, unit="day")
    each = each.filter(quiet >= silence_days)
    each = each.mutate(left_on=each.anchor + ibis.interval(days=silence_days))
    each = each.mutate(left_on=each.left_on.cast("date"))
    each = each.filter(period.holds(each.left_on))
    lines = counted(orders, as_of)
    through = lines.filter(lines.is_sale).group_by("person_id").agg(channel=lines.channel.argmin(lines.ordered_at))
    buyer = each.left_join(through, "person_id").drop("person_id_right")
    buyer = buyer.select(
        "person_id", kind=ibis.literal("buyer"), left_on=buyer.left_on, anchor=buyer.anchor,
        days=(buyer.anchor.delta(buyer["first"], unit="day") + silence_days).cast("int64"),
        plan=ibis.null("string"), reason=ibis.null("string"), channel=buyer.channel, fee=ibis.null("int64"),
    )  # fmt: skip
    everyone = contract.union(buyer)

    windows = everyone.select(who="person_id", anchor="anchor", left_on="left_on")
    mine = lines.inner_join(windows, [("person_id", "who")])
    mine = mine.filter(mine.ordered_on <= mine.left_on, mine.ordered_on > mine.anchor - ibis.interval(days=YEAR_DAYS))
    known = mine.cost_base_minor.notnull()
    size = mine.cost_base_minor.abs()
    brought = mine.group_by("who").agg(
        net=mine.net_base_minor.sum().cast("int64"),
        known_net=mine.net_base_minor.sum(where=known).fill_null(0).cast("int64"),
        known_cost=mine.is_sale.ifelse(size, -size).sum(where=known).fill_null(0).cast("int64"),
    )
    found = everyone.left_join(brought, everyone.person_id == brought.who)
    return found.select(*LEFT.names)


def margin_share(orders: ibis.Table, period: Period) -> ibis.Table:
    """What the period's order lines that say their cost came to, and that cost: one row, net and cost (minor units)."""
    lines = counted(orders)
    lines = lines.filter(period.holds(lines.ordered_on), lines.cost_base_minor.notnull())
    size = lines.cost_base_minor.abs()
    return lines.agg(net=lines.net_base_minor.sum(), cost=lines.is_sale.ifelse(size, -size).sum())


@dataclass(frozen=True)
class Life:
    """Months a customer of each tenure (whole months, the last for all older) would still have stayed, discounted.

    months: the estimate by tenure; draws: DRAWS × tenure, as the number of leavers it rests on lets it vary (each band's
    rate a gamma with half a leaver more: Jeffreys).
    """

    months: Numbers
    draws: Numbers

    def place(self, days: Numbers) -> NDArray[np.int64]:
        return np.clip((days / DAYS_A_MONTH).astype(np.int64), 0, OLDEST)


def life(lasted: Any, ended: Any, weights: Any, *, discount_rate: float, horizon_months: float) -> Life | None:
    """How much longer customers stay, by tenure, from how long all were seen and who left (days, 0 or 1, how many).

    The rate of leaving is constant within a band of tenure (piecewise exponential); a month `s` from now counts
    (1 + discount_rate) ** (−s / 12), and none past horizon_months. None with fewer than LEAST_LEFT leavers: not told.
    """
    time = np.asarray(lasted, float) / DAYS_A_MONTH
    gone, weight = np.asarray(ended, float), np.asarray(weights, float)
    if not len(time) or (weight * gone).sum() < LEAST_LEFT:
        return None
    bands: list[list[float]] = []  # from, exposure, left
    for since, until in pairwise((*BANDS, float("inf"))):
        exposure = float((weight * np.clip(time - since, 0, until - since)).sum())
        left = float((weight * gone)[(time > since) & (time <= until) | (since == 0) & (time == 0)].sum())
        if bands and (left < LEAST_LEFT or bands[-1][2] < LEAST_LEFT):
            bands[-1][1:] = [bands[-1][1] + exposure, bands[-1][2] + left]
        else:
            bands.append([since, exposure, left])
    if any(exposure <= 0 for _since, exposure, _left in bands):
        return None
    horizon = max(1, round(horizon_months))
    which = np.searchsorted([band[0] for band in bands], np.arange(OLDEST + 1 + horizon), side="right") - 1
    there, went = np.array([band[1] for band in bands]), np.array([band[2] for band in bands])
    rates = np.random.default_rng(SEED).gamma(went + 0.5, 1 / there, (DRAWS, len(bands)))
    force = log1p(discount_rate) / 12
    both = np.vstack([went / there, rates])[:, which]
    months = _discounted(both, force, horizon)
    return Life(months[0], months[1:])


def _discounted(rate: Numbers, force: float, horizon: int) -> Numbers:
    """Discounted months by tenure under these monthly rates (a row each), summed month by month ahead."""
    tenures = OLDEST + 1
    along = np.concatenate([np.zeros((len(rate), 1)), rate.cumsum(axis=1)], axis=1)
    out = rate + force
    with np.errstate(divide="ignore", invalid="ignore"):
        within = np.where(out > 0, -np.expm1(-out) / out, 1.0)
    total = np.zeros((len(rate), tenures))
    for ahead in range(horizon):
        there = np.exp(along[:, :tenures] - along[:, ahead : ahead + tenures] - force * ahead)
        total += there * within[:, ahead : ahead + tenures]
    return total


@dataclass(frozen=True)
class Margins:
    """Share of revenue that is margin; None where it is not known. stands_in: fees have no margin of their own said."""

    orders: float | None
    fees: float | None
    measured: bool
    stands_in: bool


def margins(net: float | None, cost: float | None, held: Mapping[str, float | None]) -> Margins:
    """The margins in force: as said, else that of the order lines whose cost is known (net and cost of `margin_share`)."""
    measured = (net - (cost or 0)) / net if net is not None and net > 0 else None
    orders = held["margin_of_orders"]
    orders, from_lines = (measured, measured is not None) if orders is None else (orders, False)
    fees = held["margin_of_fees"]
    return Margins(orders, orders if fees is None else fees, from_lines, fees is None)


MONEY = ("lost", "replaced", "told", "referred")
"""What a leaver costs, in minor units: margin lost, winning another, what others heard, whom they would have brought."""
DIRECT, INDIRECT = MONEY[:2], MONEY[2:]


@dataclass(frozen=True)
class Costs:
    """What each leaver costs. Columns of `table`: person_id, left_on, kind, plan, reason, months (discounted, expected),
    margin (a month; null where unknown), MONEY (whole minor units), total, spared.

    Who brought less than they cost is no loss: they have none of MONEY, and `spared` is the margin below zero that no
    longer comes. Every sum is one of whole minor units of customers, so that segments add up to the whole.
    """

    table: pa.Table
    lives: Mapping[str, Life]
    held: Mapping[str, float | None]
    replacement_known: bool

    def told(self, segments: Sequence[str | None] | None = None) -> list[dict[str, Any]]:
        """The sums by segment, the dearest first; without segments one row for all.

        Each: segment, customers, unknown (no margin or no expected life), spared_customers, MONEY, total, spared, and
        the 95-percent interval of what rests on expected life: lost_low, lost_high, total_low, total_high.
        """
        n = self.table.num_rows
        names = [None] * n if segments is None else list(segments)
        if segments is None:
            order: list[str | None] = [None]
        else:
            order = sorted(set(names), key=lambda name: (name is None, name or ""))
        place = {name: k for k, name in enumerate(order)}
        code = np.array([place[name] for name in names], np.int64)
        size = len(order)

        def sums(column: Any) -> NDArray[np.int64]:
            exact = np.zeros(size, np.int64)
            np.add.at(exact, code, column)
            return exact

        money = {name: sums(self._whole(name)) for name in (*MONEY, "total", "spared")}
        known = self._known()
        counts = {
            "customers": sums(np.ones(n, np.int64)),
            "unknown": sums((~known).astype(np.int64)),
            "spared_customers": sums((self._whole("spared") > 0).astype(np.int64)),
        }
        lost, total = self._drawn(code, size)
        rows = []
        for k, name in enumerate(order):
            row: dict[str, Any] = {"segment": name}
            row |= {what: int(values[k]) for what, values in (counts | money).items()}
            row |= _between("lost", row["lost"], lost[:, k])
            row |= _between("total", row["total"], total[:, k] + row["replaced"])
            rows.append(row)
        return sorted(rows, key=lambda row: (-row["total"], row["segment"] is None, row["segment"] or ""))

    def _whole(self, name: str) -> NDArray[np.int64]:
        found: NDArray[np.int64] = self.table[name].to_numpy().astype(np.int64)
        return found

    def _known(self) -> NDArray[np.bool_]:
        margin = self.table["margin"].to_numpy(zero_copy_only=False).astype(float)
        months = self.table["months"].to_numpy(zero_copy_only=False).astype(float)
        found: NDArray[np.bool_] = np.isfinite(margin) & np.isfinite(months)
        return found

    def _drawn(self, code: NDArray[np.int64], size: int) -> tuple[Numbers, Numbers]:
        """Of each draw of the lives: margin lost, and that with what is indirect, by segment."""
        lost, total = np.zeros((DRAWS, size)), np.zeros((DRAWS, size))
        margin = self.table["margin"].to_numpy(zero_copy_only=False).astype(float)
        kinds = np.array(self.table["kind"].to_pylist(), object)
        days = self.table["days"].to_numpy().astype(float)
        counted_in = self._known() & (margin > 0)
        for kind, found in self.lives.items():
            mine = counted_in & (kinds == kind)
            if not mine.any():
                continue
            at_tenure = np.zeros((size, OLDEST + 1))
            np.add.at(at_tenure, (code[mine], found.place(days[mine])), margin[mine])
            lost += found.draws @ at_tenure.T
            told, referred = _indirect(found.draws, self.held)
            total += (found.draws * (1 + told + referred)) @ at_tenure.T
        return lost, total


def _indirect(months: Numbers, held: Mapping[str, float | None]) -> tuple[float, Numbers]:
    """What is indirect, as parts of the margin lost: by what others heard, and by whom they would have brought."""
    told = (held["tell_share"] or 0) * (held["told_each"] or 0) * (held["lost_of_told"] or 0)
    return told, (held["referrals_a_year"] or 0) * months / 12


def _between(name: str, value: int, drawn: Numbers) -> dict[str, int]:
    low, high = np.quantile(drawn, (0.025, 0.975))
    return {f"{name}_low": min(value, round(low)), f"{name}_high": max(value, round(high))}


def cost_of(
    left: pa.Table, lives: Mapping[str, Life], found: Margins, winning: Mapping[str | None, float],
    held: Mapping[str, float | None],
) -> Costs:  # fmt: skip
    """What each of those who left costs.

    left: of schema LEFT. lives: kind → Life; a kind without one has no figures. winning: channel → what winning a customer
    costs (minor units), None → over all channels, for those not named; empty: not known, and then it is left out and said.
    held: of `in_force`.
    """
    n = left.num_rows

    def numbers(name: str) -> Numbers:
        found: Numbers = left[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
        return found

    fee, net, known_net, known_cost = (numbers(name) for name in ("fee", "net", "known_net", "known_cost"))
    unsaid = np.isnan(fee) & np.isnan(net)
    fee, net, known_net, known_cost = (np.nan_to_num(one) for one in (fee, net, known_net, known_cost))
    of_lines = net - known_net
    nan = float("nan")
    said = held["margin_of_orders"]
    # A margin that is said goes for all lines; one that is measured only for those that do not say their cost.
    own = net * said if said is not None else (
        known_net - known_cost + np.where(of_lines != 0, of_lines * (nan if found.orders is None else found.orders), 0.0)
    )  # fmt: skip
    margin = np.where(fee != 0, fee * (nan if found.fees is None else found.fees), 0.0) + own / 12
    margin[unsaid] = nan
    days, kinds = left["days"].to_numpy().astype(float), np.array(left["kind"].to_pylist(), object)
    months = np.full(n, nan)
    for kind, one in lives.items():
        mine = kinds == kind
        months[mine] = one.months[one.place(days[mine])]
    known = np.isfinite(margin) & np.isfinite(months)
    worth = np.where(known, margin * np.nan_to_num(months), 0.0)
    loss = np.maximum(worth, 0.0)
    told, referred = _indirect(np.nan_to_num(months), held)
    share = held["replaced"]
    overall = winning.get(None, 0.0)
    each = np.array([winning.get(channel, overall) for channel in left["channel"].to_pylist()], float).reshape(n)
    money = {
        "lost": loss,
        "replaced": np.where(known & (margin > 0), each * (1.0 if share is None else share), 0.0),
        "told": loss * told,
        "referred": loss * referred,
    }
    whole = {name: np.rint(column).astype(np.int64) for name, column in money.items()}
    table = left.select(["person_id", "kind", "left_on", "days", "plan", "reason", "channel"])
    for name, column in (
        ("margin", pa.array(margin, from_pandas=True)), ("months", pa.array(months, from_pandas=True)),
        *((name, pa.array(column)) for name, column in whole.items()), ("total", pa.array(sum(whole.values()))),
        ("spared", pa.array(np.rint(np.maximum(-worth, 0.0)).astype(np.int64))),
    ):  # fmt: skip
        table = table.append_column(name, column)
    return Costs(table, lives, held, bool(winning))


def effects(
    left: pa.Table, counts: Mapping[str, tuple[Any, Any, Any]], net: float | None, cost: float | None,
    winning: Mapping[str | None, float], told: Mapping[str, float],
) -> dict[str, tuple[int, int] | None]:  # fmt: skip
    """What the whole cost would be with each assumption a fifth lower, and a fifth higher; None for one not said.

    counts: kind → what `life` takes. An assumption that is measured is no assumption, and has no effect to show.
    """
    held = in_force(told)
    as_held = lives_of(counts, held)
    found: dict[str, tuple[int, int] | None] = {}
    for name, one in ASSUMPTIONS.items():
        value = held[name]
        if value is None:
            found[name] = None
            continue
        ends = []
        for factor in (0.8, 1.2):
            changed = held | {name: min(one.most, max(one.least, value * factor))}
            lives = lives_of(counts, changed) if name in ("discount_rate", "horizon_months") else as_held
            costs = cost_of(left, lives, margins(net, cost, changed), winning_of(winning, changed), changed)
            ends.append(int(costs.table["total"].to_numpy().sum()) if left.num_rows else 0)
        found[name] = (ends[0], ends[1])
    return found


def lives_of(counts: Mapping[str, tuple[Any, Any, Any]], held: Mapping[str, float | None]) -> dict[str, Life]:
    """The lives of each kind that has enough leavers to tell. counts: kind → (days, ended, how many)."""
    rate, horizon = held["discount_rate"] or 0.0, held["horizon_months"] or 1.0
    found = {kind: life(*columns, discount_rate=rate, horizon_months=horizon) for kind, columns in counts.items()}
    return {kind: one for kind, one in found.items() if one is not None}


def winning_of(measured: Mapping[str | None, float], held: Mapping[str, float | None]) -> dict[str | None, float]:
    """What winning a customer costs by channel: as said, else as measured."""
    said = held["acquisition_cost"]
    return dict(measured) if said is None else {None: said}
