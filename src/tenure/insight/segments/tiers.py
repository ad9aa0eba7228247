"""Strategic, core, growth, potential: a rule anybody can follow, over what a customer brings and how that changes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tenure.language import Words

Real = NDArray[np.float64]

TIERS: dict[str, Words] = {
    "strategic": Words("Strategic", "战略客户"),
    "core": Words("Core", "核心客户"),
    "growth": Words("Growth", "成长客户"),
    "potential": Words("Potential", "潜力客户"),
}
# What points are made of, each as the share of customers a customer is ahead of.
PARTS: dict[str, Words] = {
    "value": Words("Value, next 12 months", "未来 12 个月价值"),
    "brought": Words("Brought in, last 12 months", "近 12 个月贡献"),
    "margin": Words("Margin", "毛利率"),
    "tenure": Words("Time with us", "合作时长"),
}
# Which column each part is read from.
_READ = {
    "value": "value_base_minor",
    "brought": "brought_base_minor",
    "margin": "margin_share",
    "tenure": "tenure_days",
}


@dataclass(frozen=True)
class Rule:
    """Where the lines between tiers are drawn.

    weights: how much each of PARTS counts. strategic_from, core_from: points (0 to 100: the share of customers one is
    ahead of). tenure_least_days: nobody is strategic sooner. growth_from: per cent more brought in than in the year
    before; growth_points_from: points from which growth counts, so that a first cent after none is no growth.
    """

    weights: Mapping[str, int] = field(default_factory=lambda: {"value": 40, "brought": 40, "margin": 10, "tenure": 10})
    strategic_from: int = 90
    core_from: int = 70
    tenure_least_days: int = 180
    growth_from: int = 20
    growth_points_from: int = 30

    def __post_init__(self) -> None:
        if set(self.weights) - set(PARTS) or any(weight < 0 for weight in self.weights.values()):
            raise ValueError(f"weights are whole numbers of {', '.join(PARTS)}, none below zero; found {self.weights}")
        if not any(self.weights.get(name, 0) for name in ("value", "brought")):
            raise ValueError("value and what was brought in can't both weigh nothing")
        if not 0 <= self.growth_points_from <= self.core_from <= self.strategic_from <= 100:
            raise ValueError("points must rise from growth over core to strategic, within 0 to 100")
        if self.tenure_least_days < 0 or self.growth_from < 0:
            raise ValueError("days and growth can't be below zero")

    def as_plain(self) -> dict[str, Any]:
        """The rule as JSON holds it."""
        return asdict(self) | {"weights": dict(self.weights)}


# What decided, with the numbers that did: code → its line.
WHY: dict[str, Words] = {
    "strategic": Words(
        "Ahead of {points} % of customers; strategic from {strategic_from}", "领先 {points}% 的客户；{strategic_from} 起为战略客户"
    ),
    "too_young": Words(
        "Ahead of {points} % of customers, but with us for {tenure_days} days only; strategic from {tenure_least_days}",
        "领先 {points}% 的客户，但合作仅 {tenure_days} 天；满 {tenure_least_days} 天才可成为战略客户",
    ),
    "core": Words("Ahead of {points} % of customers; core from {core_from}", "领先 {points}% 的客户；{core_from} 起为核心客户"),
    "growth": Words(
        "Brought in {growth} % more than in the year before; growth from {growth_from} %",
        "贡献较上年增长 {growth}%；{growth_from}% 起为成长客户",
    ),
    "new_growth": Words("Bought nothing in the year before and buys now", "上年无购买，今年开始购买"),
    "potential": Words(
        "Ahead of {points} % of customers; core from {core_from}, and no growth of {growth_from} %",
        "领先 {points}% 的客户；核心客户需 {core_from}，且增长未达 {growth_from}%",
    ),
}  # fmt: skip


def parts(inputs: pa.Table) -> pa.Table:
    """Where each customer stands in each of what tiers are made of: person_id, p_value … p_tenure, growth, tenure_days.

    inputs: person_id, value_base_minor, brought_base_minor, before_base_minor (integer minor units; what was brought in
    the last 12 months and in the 12 before), margin_share, tenure_days; what is unknown is null.
    p_…: the middle of the customer's equals as a share of all, 0 to 100; null where unknown; equal customers get equal
    shares. growth: per cent more brought in than in the year before, null where that was nothing or less; infinite never.
    """
    brought, before = _numbers(inputs["brought_base_minor"]), _numbers(inputs["before_base_minor"])
    growth = np.full(len(brought), np.nan)
    known = (before > 0) & ~np.isnan(brought)
    growth[known] = np.clip((brought[known] / before[known] - 1) * 100, -100, 9999)
    return pa.table(
        {
            "person_id": inputs["person_id"],
            **{f"p_{name}": _nullable(_ahead_of(_numbers(inputs[column]))) for name, column in _READ.items()},
            "growth": _nullable(growth),
            "newly": pa.array((before == 0) & (brought > 0) & (_numbers(inputs["tenure_days"]) > 365)),
            "tenure_days": inputs["tenure_days"],
        }
    )


def tiers(stood: pa.Table, rule: Rule) -> pa.Table:
    """The tier of each customer by a rule, with its points and what decided: person_id, tier, points, rule.

    stood: what `parts` gives. points: the weighted mean of the known parts, as the share of customers one is ahead of.
    In this order: enough points and long enough with us: strategic; enough points: core; enough growth and the least
    points for it: growth; else potential. Of whom neither value nor what was brought in is known, no tier is said (null).
    """
    total, weight = np.zeros(stood.num_rows), np.zeros(stood.num_rows)
    for name in PARTS:
        share, much = _numbers(stood[f"p_{name}"]), rule.weights.get(name, 0)
        there = ~np.isnan(share)
        total[there] += much * share[there]
        weight[there] += much
    known = (weight > 0) & ~(np.isnan(_numbers(stood["p_value"])) & np.isnan(_numbers(stood["p_brought"])))
    points = _ahead_of(np.where(known, total / np.where(weight > 0, weight, 1), np.nan))
    growth, days = _numbers(stood["growth"]), _numbers(stood["tenure_days"])
    newly = stood["newly"].to_numpy(zero_copy_only=False).astype(bool)
    enough = points >= rule.growth_points_from
    best = points >= rule.strategic_from
    decided = [
        (~known, "", None),
        (best & (np.nan_to_num(days) >= rule.tenure_least_days), "strategic", "strategic"),
        (best, "too_young", "core"),
        (points >= rule.core_from, "core", "core"),
        (enough & (growth >= rule.growth_from), "growth", "growth"),
        (enough & newly, "new_growth", "growth"),
    ]
    conditions = [condition for condition, _rule, _tier in decided]
    code = np.select(conditions, [one for _c, one, _t in decided], "potential")
    tier = np.select(conditions, [one or "" for _c, _r, one in decided], "potential")
    return pa.table(
        {
            "person_id": stood["person_id"],
            "tier": pa.array([one or None for one in tier.tolist()], pa.string()),
            "points": _nullable(points),
            "rule": pa.array([one or None for one in code.tolist()], pa.string()),
        }
    )


def why(row: Mapping[str, Any], rule: Rule) -> Words:
    """Why a customer is in its tier, in one line of both languages. row: of `tiers` with growth and tenure_days of `parts`."""
    said = {
        "points": "–" if row.get("points") is None else int(row["points"]),
        "growth": None if row.get("growth") is None else round(row["growth"]),
        "tenure_days": row.get("tenure_days"),
    }
    return WHY[row["rule"]].format(**said, **{k: v for k, v in rule.as_plain().items() if k != "weights"})


def why_moved(before: Mapping[str, Any], after: Mapping[str, Any], rule: Rule, *, rule_changed: bool) -> Words:
    """Why a customer is in another tier than before, in one line: the rule was changed, or what the customer brings did."""
    if rule_changed:
        return _after("The rule for tiers was changed. ", "分级规则已修改。", why(after, rule))
    was, now = before.get("points"), after.get("points")
    if was is not None and now is not None and int(was) != int(now):
        return _after(
            f"From {int(was)} to {int(now)} points. ", f"积分从 {int(was)} 变为 {int(now)}。", why(after, rule)
        )
    return why(after, rule)


def _after(en: str, zh: str, more: Words) -> Words:
    return Words(en + more.en, zh + more.zh)


def _ahead_of(values: Real) -> Real:
    """The share of the others each is ahead of, counting half of its equals, 0 to 100; NaN stays."""
    there = ~np.isnan(values)
    found = np.full(len(values), np.nan)
    each, place, equal = np.unique(values[there], return_inverse=True, return_counts=True)
    if len(each):
        below = np.concatenate([[0], np.cumsum(equal)[:-1]])
        found[there] = (100 * (below + equal / 2) / there.sum())[place]
    return found


def _numbers(column: Any) -> Real:
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def _nullable(values: Real) -> pa.Array:
    return pa.array(values, pa.float64(), mask=np.isnan(values))
