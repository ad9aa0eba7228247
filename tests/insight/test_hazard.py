"""The pace of leaving against lifelines, statsmodels and hand-worked figures."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tenure.insight.hazard import DiscreteHazard, compare, days_ahead, holm
from tenure.insight.survival import NotEnoughLivesError, kaplan_meier


def base(count: int = 600, seed: int = 4) -> tuple[Any, Any, Any]:
    """Months lived, whether they left, and the plan: monthly leaves at .08 a month, yearly at .03, some seen for short."""
    r = np.random.default_rng(seed)
    plan = r.choice(["monthly", "yearly"], count)
    life = r.geometric(np.where(plan == "monthly", 0.08, 0.03)).astype(float)
    seen = r.integers(3, 40, count).astype(float)
    return np.minimum(life, seen), (life <= seen).astype(float), plan


def test_the_log_rank_test_agrees_with_lifelines_for_two_groups_and_for_three() -> None:
    from lifelines.statistics import multivariate_logrank_test

    time, gone, plan = base()
    third = np.where(np.arange(len(plan)) % 3 == 0, "other", plan)

    for groups in (plan, third):
        oracle = multivariate_logrank_test(time, groups, gone)
        found = compare(time, gone, groups)
        assert found.statistic == pytest.approx(oracle.test_statistic, rel=1e-9)
        assert found.p == pytest.approx(oracle.p_value, rel=1e-6)
        assert found.observed.sum() == pytest.approx(found.expected.sum())


def test_counts_stand_for_customers_and_rows_without_a_group_are_left_out() -> None:
    time, gone, plan = base(200)
    twice = compare(np.tile(time, 2), np.tile(gone, 2), np.tile(plan, 2))
    groups = np.append(plan, [None] * 3).astype(object)

    weighted = compare(time, gone, plan, np.full(200, 2.0))
    some = compare(np.append(time, [1, 2, 3]), np.append(gone, [1, 1, 1]), groups)

    assert weighted.statistic == pytest.approx(twice.statistic)
    assert some.statistic == pytest.approx(compare(time, gone, plan).statistic)


def test_many_looks_raise_the_chance_of_each_as_holm_says() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_without_a_difference_few_comparisons_look_like_one() -> None:
    r = np.random.default_rng(0)
    chances = []
    for _ in range(200):
        time, gone, _ = base(120, int(r.integers(1_000_000)))
        chances.append(compare(time, gone, r.choice(["a", "b"], 120)).p)

    assert 0.01 < np.mean(np.array(chances) < 0.05) < 0.10


def test_one_group_or_nobody_who_left_can_not_be_compared() -> None:
    with pytest.raises(NotEnoughLivesError, match="there are 1 with anybody in them"):
        compare([1, 2], [1, 0], ["a", "a"])
    with pytest.raises(NotEnoughLivesError, match="0 left"):
        compare([1, 2], [0, 0], ["a", "b"])


def test_person_periods_give_the_coefficients_of_a_logistic_regression_on_them() -> None:
    import statsmodels.api as sm

    time, gone, plan = base()
    edges = [0.0, 1, 2, 4, 8, 16, 40]
    # Whole steps only, so that no part of a step is in play: lives rounded up to the next edge.
    time = np.array([min(edge for edge in edges if edge >= t) for t in time])
    rows, left = [], []
    for t, g, p in zip(time, gone, plan, strict=True):
        last = edges.index(t)
        for step in range(last):
            rows.append([float(step == s) for s in range(6)] + [float(p == "monthly")])
            left.append(g if step == last - 1 else 0.0)
    oracle = sm.GLM(np.array(left), np.array(rows), family=sm.families.Binomial()).fit()

    found = DiscreteHazard(edges, pull=1e3).fit(time, gone, plan)

    monthly, yearly = found.effects_
    assert monthly - yearly == pytest.approx(oracle.params[-1], abs=1e-3)
    assert found.chances("yearly") == pytest.approx(1 / (1 + np.exp(-oracle.params[:6])), abs=1e-4)
    low, high = oracle.conf_int()[-1]
    ratio = {name: (value, down, up) for name, value, down, up in found.ratios()}["monthly"]
    # Against the middle of two groups a group is half as far as against the other.
    assert np.log(ratio[2] / ratio[1]) == pytest.approx((high - low) / 2, rel=1e-3)


def test_one_group_alone_has_kaplan_meiers_curve_at_the_edges() -> None:
    time, gone, _ = base(800)
    edges = np.arange(0, 41.0)

    found = DiscreteHazard(edges).fit(time, gone)
    share = np.cumprod(1 - found.chances())
    curve = kaplan_meier(time, gone)

    assert share[:30] == pytest.approx([curve.at(t) for t in edges[1:31]], abs=0.002)


def test_the_remaining_life_is_the_area_under_the_curve_from_where_one_stands() -> None:
    time, gone, plan = base(5000)

    found = DiscreteHazard(np.arange(0, 41.0, 2)).fit(time, gone, plan)
    life = found.remaining_life([0, 0, 10], ["monthly", "yearly", "yearly"], within=12)

    # Geometric lives forget their age: the same whatever the tenure, but for chance.
    for one, rate in zip(life, (0.08, 0.03, 0.03), strict=True):
        pace = -np.log1p(-rate)
        assert one == pytest.approx((1 - np.exp(-pace * 12)) / pace, rel=0.06)
    curve = kaplan_meier(time[plan == "yearly"], gone[plan == "yearly"])
    area = (curve.expected_life(12) or (0, 0))[0]
    assert life[1] == pytest.approx(area, rel=0.06)
    assert found.remaining_life([10.0, 500.0], within=6)[1] <= 6


def test_days_ahead_are_told_for_those_still_there_by_the_pace_of_their_plan() -> None:
    time, gone, plan = base(2000)
    lives = pa.table({"days": (time * 30).astype(int), "ended": gone > 0, "kind": ["contract"] * 2000, "plan": plan})

    found = days_ahead(lives, 365).to_pylist()

    assert all((days is None) == left for days, left in zip(found, gone > 0, strict=True))
    mean = {p: np.mean([d for d, q in zip(found, plan, strict=True) if d and q == p]) for p in ("monthly", "yearly")}
    assert 0 < mean["monthly"] < mean["yearly"] < 365
    nobody = lives.set_column(1, "ended", pa.array([False] * 2000))
    assert days_ahead(nobody, 365).null_count == 2000


def test_the_mean_life_ahead_has_the_interval_that_drawing_customers_again_gives() -> None:
    edges = np.arange(0, 41.0, 4)
    time, gone, plan = base(1500)

    value, low, high = DiscreteHazard(edges).fit(time, gone, plan).mean_remaining_life([0.0, 5.0], "monthly", within=12)

    r = np.random.default_rng(0)
    drawn = []
    for _ in range(60):
        some = r.integers(0, len(time), len(time))
        model = DiscreteHazard(edges).fit(time[some], gone[some], plan[some])
        drawn.append(model.remaining_life([0.0, 5.0], ["monthly"] * 2, within=12).mean())
    assert low < value < high
    assert (high - low) / (2 * 1.96) == pytest.approx(np.std(drawn), rel=0.3)


def test_counts_give_the_same_as_customers_one_by_one() -> None:
    time, gone, plan = base(400)
    together, counts = np.unique(np.column_stack([time, gone, plan == "monthly"]), axis=0, return_counts=True)
    names = np.where(together[:, 2] > 0, "monthly", "yearly")

    one_by_one = DiscreteHazard([0, 5, 10, 40]).fit(time, gone, plan)
    counted = DiscreteHazard([0, 5, 10, 40]).fit(together[:, 0], together[:, 1], names, counts)

    assert counted.levels_ == pytest.approx(one_by_one.levels_)
    assert counted.effects_ == pytest.approx(one_by_one.effects_)


def test_a_small_group_borrows_from_the_others() -> None:
    time, gone, plan = base(500)
    plan = plan.astype(object)
    plan[:2], time[:2], gone[:2] = "tiny", 1.0, 1.0

    found = DiscreteHazard([0, 5, 10, 40], pull=0.5).fit(time, gone, plan)
    bare = DiscreteHazard([0, 5, 10, 40], pull=100).fit(time, gone, plan)

    assert found.chances("tiny")[0] < bare.chances("tiny")[0]
    assert found.chances("never seen") == pytest.approx(1 / (1 + np.exp(-found.levels_)))


def test_what_can_not_be_a_life_or_a_step_is_refused() -> None:
    with pytest.raises(ValueError, match="edges must rise from 0"):
        DiscreteHazard([1, 2]).fit([1], [1])
    with pytest.raises(NotEnoughLivesError, match="nobody left"):
        DiscreteHazard([0, 2]).fit([1], [0])
    with pytest.raises(ValueError, match="in every row"):
        DiscreteHazard([0, 2]).fit([-1.0], [1])
    with pytest.raises(ValueError, match="tenure must be a finite number"):
        DiscreteHazard([0, 2]).fit([1], [1]).remaining_life([float("nan")], within=3)
