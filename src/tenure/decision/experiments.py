"""What an action saved, against the customers held out of it by chance."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tenure.contracts import CONTRACTS
from tenure.in_memory import in_memory
from tenure.insight.frames import to_numbers
from tenure.insight.purchases import at, counted, days
from tenure.language import Words

# An experiment whose arms differ from plan this clearly was not run as planned.
SAMPLE_RATIO_ALARM = 0.001
DAYS_A_MONTH = 365.25 / 12
_Z = 1.959963984540054  # the normal's 97.5 % point

Numbers = NDArray[np.float64]

NOT_ENOUGH: dict[str, Words] = {
    "no_control": Words(
        "Not enough data: nobody was held out as control, so nothing can be compared",
        "数据不足：没有对照组，无从比较",
    ),
    "no_treated": Words(
        "Not enough data: nobody was treated, so nothing can be compared", "数据不足：没有实施组，无从比较"
    ),
    "too_few": Words(
        "Not enough data: at least two customers are needed in each arm", "数据不足：每组至少需要两位客户"
    ),
}


@dataclass(frozen=True)
class Estimate:
    """A figure with the interval that covers the truth in 95 of 100 campaigns, both ends included."""

    value: float
    low: float
    high: float

    def times(self, n: float) -> "Estimate":
        return Estimate(self.value * n, self.low * n, self.high * n)

    def less(self, cost: float) -> "Estimate":
        return Estimate(self.value - cost, self.low - cost, self.high - cost)

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class CampaignLift:
    """What one campaign changed. Without a comparison every estimate is None and `enough` is False: never NaN.

    treated, control: customers compared in each arm. left_out: customers who had no chance of being in the other arm
    (propensity 0 or 1); nobody stands beside them. retained_treated, retained_control: share retained, 0 to 1, the control's
    weighted to the treated. difference: of those shares. relative: difference as part of the control's share; None from zero.
    revenue_treated, revenue_control, revenue_difference: revenue of a customer within the horizon, minor units.
    saved_customers: difference × treated. saved_revenue: revenue_difference × treated, minor units, before cost.
    cost_base_minor: what treating cost, minor units. net: saved_revenue less that cost.
    expected_treated: how many the plan would have treated of all assigned; sample_ratio_p: how likely a split at least as far
    from plan is by chance; None without propensities. method: how the intervals were made.
    """

    campaign: str
    subgroup: str | None
    treated: int
    control: int
    left_out: int
    enough: bool
    words: Words
    cost_base_minor: int
    retained_treated: float | None = None
    retained_control: float | None = None
    difference: Estimate | None = None
    revenue_treated: float | None = None
    revenue_control: float | None = None
    revenue_difference: Estimate | None = None
    saved_customers: Estimate | None = None
    saved_revenue: Estimate | None = None
    net: Estimate | None = None
    expected_treated: float | None = None
    sample_ratio_p: float | None = None
    method: Words | None = None

    @property
    def relative(self) -> float | None:
        if self.difference is None or not self.retained_control:
            return None
        return self.difference.value / self.retained_control

    @property
    def sample_ratio_ok(self) -> bool | None:
        """False where the arms are so far from plan that the result is not to be trusted; None where there is no plan."""
        return None if self.sample_ratio_p is None else self.sample_ratio_p >= SAMPLE_RATIO_ALARM


METHODS: dict[str, Words] = {
    "equal": Words(
        "Shares: Newcombe's score interval; revenue: Welch's t interval; 95 %",
        "比例：Newcombe 得分区间；收入：Welch t 区间；95%",
    ),
    "weighted": Words(
        "Control weighted by the odds of treatment (Horvitz–Thompson, self-normalised); normal interval from linearised "
        "variance; 95 %",
        "对照组按入组概率比加权（自归一 Horvitz–Thompson）；线性化方差的正态区间；95%",
    ),
}


def campaign_outcomes(
    tables: Mapping[str, ibis.Table], horizon_days: int = 90, as_of: datetime | None = None
) -> ibis.Table:
    """What became of each customer of each campaign within the horizon: one row a person and campaign.

    tables: records by contract name; reads treatments, orders, subscriptions. Columns: person_id, campaign, arm (treated
    or control), propensity (chance of treatment, 0 to 1, may be null), assigned_on, retained (boolean), revenue_base_minor
    (minor units from the assignment to the horizon: orders less refunds, and subscription fees for the days they ran, by
    the mean month), cost_base_minor (of all the campaign's steps for this customer).

    Retained: who had a running subscription when assigned must have one running at the horizon; anybody else must have
    bought within it, or signed up for something that still runs then. The first assignment decides arm and date, and later steps only add cost: what was intended counts,
    not what was carried out, or the willing would flatter the result.

    as_of: the instant the records are known until. Customers whose horizon is not over by then are left out: for
    subscriptions "not ended yet" would pass as retained. None says that every horizon is over.

    Raises ValueError for a horizon of no days, or where `as_of` has no zone.
    """
    if horizon_days < 1:
        raise ValueError(f"horizon_days must be at least 1; found {horizon_days}")
    horizon = days(horizon_days)
    steps = _table(tables, "treatments")
    steps = steps.filter(steps.person_id.notnull(), steps.campaign.notnull(), steps.arm.isin(["treated", "control"]))
    by_customer = {"group_by": ["person_id", "campaign"]}
    steps = steps.mutate(
        place=ibis.row_number().over(**by_customer, order_by=[steps.assigned_at, steps.treatment_id, steps.source]),
        spent=steps.cost_base_minor.sum().over(**by_customer).fill_null(0),
    )
    first = steps.filter(steps.place == 0)
    if as_of is not None:
        first = first.filter(first.assigned_at <= at(as_of - timedelta(days=horizon_days)))
    first = first.select(
        "person_id",
        "campaign",
        "arm",
        "propensity",
        "assigned_on",
        "assigned_at",
        cost_base_minor=first.spent.cast("int64"),
    )
    first = first.mutate(until=first.assigned_at + horizon)

    spent = _within(first, counted(_table(tables, "orders")))
    held = _contracts_within(first, _table(tables, "subscriptions"))
    all_ = first.left_join(spent, [first.person_id == spent.buyer, first.campaign == spent.buyer_campaign])
    all_ = all_.left_join(held, [all_.person_id == held.holder, all_.campaign == held.holder_campaign])
    was, runs = (all_.ran_at_start > 0).fill_null(False), (all_.runs_at_end > 0).fill_null(False)
    retained = runs | (~was & (all_.bought > 0).fill_null(False))
    revenue = all_.paid.fill_null(0) + all_.fees.fill_null(0)
    return all_.select(
        "person_id",
        "campaign",
        "arm",
        "propensity",
        "assigned_on",
        retained=retained,
        revenue_base_minor=revenue.round().cast("int64"),
        cost_base_minor=all_.cost_base_minor,
    )


def lift(outcomes: pa.Table, by: str | None = None) -> list[CampaignLift]:
    """What each campaign saved against its control group, with intervals: one entry a campaign, in order of name.

    outcomes: of `campaign_outcomes`. by: a further column of it (region, decile …) to look at each group apart; the entries
    then carry it as `subgroup`. Many groups make some look clear by chance.

    The question is what the campaign did for those it treated. Each control customer stands for p/(1−p) treated ones, p
    being its chance of treatment, so hold-outs of unequal size (strata) are weighed back to the treated; with one p for all
    this is the plain difference. Shares then have Newcombe's hybrid score interval, revenue Welch's; with unequal p both
    have the normal interval of the self-normalised weighted mean. Sources: Horvitz & Thompson 1952; Hájek 1971; Newcombe
    1998, method 10; Welch 1947.
    Where any propensity of a campaign is missing, its arms are compared as they are, without a sample-ratio check.
    """
    names = ["campaign"] if by is None else ["campaign", by]
    labels = [tuple("" if label is None else str(label) for label in row) for row in _rows(outcomes, names)]
    order = sorted(set(labels))
    place = {label: i for i, label in enumerate(order)}
    codes = np.array([place[label] for label in labels], dtype=np.int64)
    arms = _Arms.of(outcomes)
    return [
        _lift(label[0], None if by is None else label[1], arms.of_group(codes == i)) for i, label in enumerate(order)
    ]


def sample_ratio_p(treated: NDArray[np.bool_], propensity: Numbers) -> float:
    """How likely a split at least as far from plan is by chance (χ² with one degree of freedom).

    treated: who was; propensity: the chance each had. χ² = (treated − Σp)² ÷ Σp(1−p), Pearson's where all p are equal.
    1.0 where chance had no say at all and the plan was kept, 0.0 where it had none and was broken.
    """
    off = float(treated.sum() - propensity.sum())
    spread = float((propensity * (1 - propensity)).sum())
    if spread <= 0:
        return 1.0 if abs(off) < 1e-9 else 0.0
    return math.erfc(math.sqrt(off * off / spread / 2))


@dataclass(frozen=True)
class _Arms:
    treated: NDArray[np.bool_]
    propensity: Numbers  # NaN where it is not known
    retained: Numbers
    revenue: Numbers
    cost: Numbers

    @classmethod
    def of(cls, outcomes: pa.Table) -> "_Arms":
        def numbers(name: str, unknown: float = 0.0) -> Numbers:
            return to_numbers(outcomes[name].cast(pa.float64()).fill_null(unknown), name)

        return cls(
            treated=np.array(outcomes["arm"].to_pylist(), dtype=object) == "treated",
            propensity=numbers("propensity", math.nan),
            retained=to_numbers(outcomes["retained"].cast(pa.int64()).fill_null(0), "retained"),
            revenue=numbers("revenue_base_minor"),
            cost=numbers("cost_base_minor"),
        )

    def of_group(self, where: NDArray[np.bool_]) -> "_Arms":
        return _Arms(*(getattr(self, name)[where] for name in self.__dataclass_fields__))


def _lift(campaign: str, subgroup: str | None, arms: _Arms) -> CampaignLift:
    p = arms.propensity
    planned = bool(((p >= 0) & (p <= 1)).all())
    # Nobody stands beside a customer who was certain to be treated, or certain not to be.
    compared = (p > 0) & (p < 1) if planned else np.ones(len(p), dtype=np.bool_)
    treated, control = arms.treated & compared, ~arms.treated & compared
    n, m = int(treated.sum()), int(control.sum())
    base: dict[str, Any] = {
        "campaign": campaign,
        "subgroup": subgroup,
        "treated": n,
        "control": m,
        "left_out": int((~compared).sum()),
        "cost_base_minor": round(float(arms.cost[treated].sum())),
        "expected_treated": float(p.sum()) if planned else None,
        "sample_ratio_p": sample_ratio_p(arms.treated, p) if planned else None,
    }
    if n < 2 or m < 2:
        why = "no_control" if m == 0 else "no_treated" if n == 0 else "too_few"
        return CampaignLift(**base, enough=False, words=NOT_ENOUGH[why])

    equal = not planned or bool(np.ptp(p[compared]) < 1e-12)
    weights = np.ones(m) if equal else p[control] / (1 - p[control])
    share_t, share_c = float(arms.retained[treated].mean()), _mean(arms.retained[control], weights)
    money_t, money_c = float(arms.revenue[treated].mean()), _mean(arms.revenue[control], weights)
    if equal:
        kept = (int(arms.retained[treated].sum()), n), (int(arms.retained[control].sum()), m)
        difference = newcombe(*kept[0], *kept[1])
        revenue = welch(arms.revenue[treated], arms.revenue[control])
    else:
        difference = _weighted(arms.retained[treated], arms.retained[control], weights)
        revenue = _weighted(arms.revenue[treated], arms.revenue[control], weights)
    saved = revenue.times(n)
    return CampaignLift(
        **base,
        enough=True,
        words=_said(difference, n),
        retained_treated=share_t,
        retained_control=share_c,
        difference=difference,
        revenue_treated=money_t,
        revenue_control=money_c,
        revenue_difference=revenue,
        saved_customers=difference.times(n),
        saved_revenue=saved,
        net=saved.less(base["cost_base_minor"]),
        method=METHODS["equal" if equal else "weighted"],
    )


def newcombe(kept_1: int, n_1: int, kept_2: int, n_2: int) -> Estimate:
    """The difference of two shares (first less second) with Newcombe's hybrid score interval, 95 %.

    Holds its level for small groups and shares near 0 or 1, where the textbook interval has no width.
    """
    p, q = kept_1 / n_1, kept_2 / n_2
    low_1, high_1 = _wilson(kept_1, n_1)
    low_2, high_2 = _wilson(kept_2, n_2)
    return Estimate(p - q, p - q - math.hypot(p - low_1, high_2 - q), p - q + math.hypot(high_1 - p, q - low_2))


def welch(first: Numbers, second: Numbers) -> Estimate:
    """The difference of two means (first less second) with Welch's t interval, 95 %; at least two numbers in each."""
    from scipy.special import stdtrit

    difference = float(first.mean() - second.mean())
    v, w = float(first.var(ddof=1)) / len(first), float(second.var(ddof=1)) / len(second)
    if v + w == 0:
        return Estimate(difference, difference, difference)
    freedom = (v + w) ** 2 / (v * v / (len(first) - 1) + w * w / (len(second) - 1))
    reach = float(stdtrit(freedom, 0.975)) * math.sqrt(v + w)
    return Estimate(difference, difference - reach, difference + reach)


def _wilson(kept: int, n: int) -> tuple[float, float]:
    p, z2 = kept / n, _Z * _Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    reach = _Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _weighted(first: Numbers, second: Numbers, weights: Numbers) -> Estimate:
    mean = _mean(second, weights)
    difference = float(first.mean()) - mean
    n, m = len(first), len(second)
    own = float(first.var(ddof=1)) / n
    others = float((weights**2 * (second - mean) ** 2).sum() / weights.sum() ** 2) * m / (m - 1)
    reach = _Z * math.sqrt(own + others)
    return Estimate(difference, difference - reach, difference + reach)


def _mean(values: Numbers, weights: Numbers) -> float:
    return float((values * weights).sum() / weights.sum())


def _said(difference: Estimate, treated: int) -> Words:
    saved = difference.times(treated)
    places = {"value": f"{saved.value:,.0f}", "low": f"{saved.low:,.0f}", "high": f"{saved.high:,.0f}"}
    if difference.low > 0:
        return Words(
            "Saved about {value} customers, between {low} and {high}", "挽留约 {value} 位客户，区间 {low} 至 {high}"
        ).format(**places)
    if difference.high < 0:
        lost = {"value": f"{-saved.value:,.0f}", "low": f"{-saved.high:,.0f}", "high": f"{-saved.low:,.0f}"}
        return Words(
            "Lost about {value} customers, between {low} and {high}, by acting",
            "该动作反而流失约 {value} 位客户，区间 {low} 至 {high}",
        ).format(**lost)
    return Words(
        "No clear effect: between {low} and {high} customers saved", "效果不明确：挽留 {low} 至 {high} 位客户"
    ).format(**places)


def _table(tables: Mapping[str, ibis.Table], name: str) -> ibis.Table:
    return tables[name] if name in tables else in_memory(CONTRACTS[name].records_schema.empty_table())


def _rows(table: pa.Table, names: list[str]) -> Iterator[tuple[Any, ...]]:
    return zip(*(table[name].to_pylist() for name in names), strict=True)


def _within(first: ibis.Table, lines: ibis.Table) -> ibis.Table:
    """Purchases and money of each customer of each campaign, from the assignment up to the horizon."""
    bought = lines.select(buyer="person_id", ordered_at="ordered_at", is_sale="is_sale", money="net_base_minor")
    both = first.inner_join(
        bought,
        [first.person_id == bought.buyer, bought.ordered_at >= first.assigned_at, bought.ordered_at < first.until],
    )
    return both.group_by("buyer", buyer_campaign=both.campaign).agg(
        bought=both.is_sale.sum(), paid=both.money.sum().cast("float64")
    )


def _contracts_within(first: ibis.Table, subscriptions: ibis.Table) -> ibis.Table:
    held = subscriptions.select(
        holder="person_id",
        started_at="started_at",
        ended_at="ended_at",
        a_month=subscriptions.fee_base_minor.fill_null(0) / subscriptions.period_months.nullif(0).fill_null(1),
    )
    both = first.inner_join(held, [first.person_id == held.holder, held.started_at < first.until])
    since = (both.started_at > both.assigned_at).ifelse(both.started_at, both.assigned_at)
    until = (both.ended_at < both.until).ifelse(both.ended_at, both.until)
    ran_days = until.delta(since, unit="second") / 86400
    ran_days = (ran_days > 0).ifelse(ran_days, 0)
    ran = (both.started_at <= both.assigned_at) & (both.ended_at.isnull() | (both.ended_at > both.assigned_at))
    runs = both.ended_at.isnull() | (both.ended_at >= both.until)
    return both.group_by("holder", holder_campaign=both.campaign).agg(
        ran_at_start=ran.sum(), runs_at_end=runs.sum(), fees=(both.a_month * ran_days / DAYS_A_MONTH).sum()
    )
